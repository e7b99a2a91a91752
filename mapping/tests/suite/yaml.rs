//! The YAML reader: places, types and bounds.

use std::fmt::Write as _;

use mapping::format::yaml::{Document, Limits, MAX_DEPTH, Node, nearest};

#[track_caller]
fn refused(text: &str) -> String {
    Document::parse(text).expect_err("refused").to_string()
}

/// What is said to whoever reads the value.
#[track_caller]
fn broken(text: &str) -> String {
    let document = Document::parse(text).expect("YAML");
    let error = document.root().as_map().expect_err("broken").to_string();
    assert_eq!(document.root().as_text().expect_err("broken").to_string(), error);
    error
}

fn at(node: &Node) -> (usize, usize) {
    (node.location().line(), node.location().column())
}

#[test]
fn every_node_knows_its_place() {
    let document = Document::parse("# é\na:\n  - é: 1\n    bc: \"x\"\n").unwrap();
    let a = document.root().as_map().unwrap().get_ignore_case("A").unwrap();
    let item = &a.as_seq().unwrap()[0];
    let entries = item.as_map().unwrap().entries();
    assert_eq!((at(document.root()), at(a), at(item)), ((2, 1), (3, 3), (3, 5)));
    assert_eq!((entries[0].key(), entries[0].location().column(), at(entries[0].value())), ("é", 5, (3, 8)));
    assert_eq!((entries[1].key(), entries[1].location().line(), at(entries[1].value())), ("bc", 4, (4, 9)));
}

#[test]
fn scalars_are_read_as_what_is_asked_for_and_never_guessed() {
    let document = Document::parse("[010, 'true', True, yes, 21362, 65536, -1, null, 'null', '', a b]").unwrap();
    let items = document.root().as_seq().unwrap();
    assert_eq!(items[0].as_text().unwrap(), "010");
    assert!(items[1].as_bool().unwrap() && items[2].as_bool().unwrap());
    assert_eq!(items[3].as_bool().unwrap_err().to_string(), "line 1 column 21: expected true or false, found \"yes\"");
    assert_eq!(items[4].as_port().unwrap(), 21362);
    for wrong in [&items[5], &items[6], &items[7], &items[9]] {
        assert!(wrong.as_port().unwrap_err().message().starts_with("expected a port number from 0 to 65535, found"));
    }
    assert!(items[7].is_null() && items[7].as_text().is_err() && items[7].as_map().is_err());
    assert_eq!((items[8].as_text().unwrap(), items[9].as_text().unwrap()), ("null", ""));
    assert_eq!(items[4].as_parsed::<u32>().unwrap(), 21362);
    assert_eq!(items[10].as_parsed::<u32>().unwrap_err().message(), "\"a b\": invalid digit found in string");
}

#[test]
fn nothing_is_null() {
    for text in ["", "\n", "# c", "---", "---\n...\n", "~", "null", "\u{feff}"] {
        assert!(Document::parse(text).unwrap().root().is_null(), "{text:?}");
    }
    for text in ["''", "\"\"", "!!str", "!!str null", "'~'"] {
        assert!(Document::parse(text).unwrap().root().as_text().is_ok(), "{text:?}");
    }
}

#[test]
fn a_key_stands_once_in_a_mapping_in_any_case() {
    assert_eq!(broken("a: 1\nb: 2\na: 3\na: 4"), "line 3 column 1: the key \"a\" stands twice in one mapping");
    assert_eq!(broken("{rolearn: x, RoleARN: y}"), "line 1 column 14: the key \"RoleARN\" stands twice in one mapping");
    assert_eq!(broken("<<: {a: 1}\n<<: {b: 1}"), "line 2 column 1: the key \"<<\" stands twice in one mapping");
    for good in ["a: 1\nb: 2", "[{a: 1}, {a: 2}]"] {
        let document = Document::parse(good).unwrap();
        assert!(document.root().as_map().is_ok() || document.root().as_seq().is_ok());
    }
}

#[test]
fn what_has_no_certain_meaning_leaves_the_rest_its_own() {
    for (value, said) in [
        ("{x: 1, X: 2}", "line 1 column 11: the key \"X\" stands twice in one mapping"),
        ("{x: {y: 1, y: 2}, x: 3}", "line 1 column 22: the key \"x\" stands twice in one mapping"),
        ("{[x]: 1}", "line 1 column 5: a key must be text"),
        ("{? {x: 1} : 2}", "line 1 column 7: a key must be text"),
        ("{<<: x}", "line 1 column 9: only mappings can be merged with \"<<\""),
        ("{<<: [{x: 1}, y]}", "line 1 column 18: only mappings can be merged with \"<<\""),
        ("{<<: {x: 1, x: 2}}", "line 1 column 9: only mappings can be merged with \"<<\""),
        ("!!binary aGk=", "line 1 column 4: tags other than those of YAML's core schema mean nothing here"),
        ("!ref x", "line 1 column 4: tags other than those of YAML's core schema mean nothing here"),
        ("!ref [x]", "line 1 column 4: tags other than those of YAML's core schema mean nothing here"),
        ("!ref {x: 1}", "line 1 column 4: tags other than those of YAML's core schema mean nothing here"),
        ("{!ref x: 1}", "line 1 column 5: tags other than those of YAML's core schema mean nothing here"),
    ] {
        let document = Document::parse(&format!("a: {value}\nb: [c]\n")).unwrap();
        let root = document.root().as_map().unwrap();
        let a = root.get_ignore_case("a").unwrap();
        assert!(!a.is_null());
        let errors = [a.as_map().err(), a.as_seq().err(), a.as_text().err(), a.as_bool().err(), a.as_port().err()];
        for error in errors {
            assert!(error.as_ref().is_some_and(|error| error.to_string().starts_with(said)), "{value}: {error:?}");
        }
        assert_eq!(root.get_ignore_case("b").unwrap().as_seq().unwrap()[0].as_text(), Ok("c"), "{value}");
    }
    let aliased = Document::parse("a: &a {x: 1, x: 2}\nb: *a").unwrap();
    let b = aliased.root().as_map().unwrap().get_ignore_case("b").unwrap().as_map();
    assert_eq!(b.unwrap_err().to_string(), "line 1 column 14: the key \"x\" stands twice in one mapping");
}

#[test]
fn what_is_not_one_plain_document_is_refused_with_its_place() {
    for (text, place) in [
        ("a: b\n\tc: d", "line 2 column 1: a tab in the indentation; YAML takes spaces only"),
        ("a:\n  b: c\n  \td: e\n", "line 3 column 3: a tab in the indentation; YAML takes spaces only"),
        ("a: [b", "line 1 column 6"),
        ("a: [b\n\n", "line 2 column 1"),
        ("a: 'b", "line 1 column 4"),
        ("a: b: c", "line 1 column 5"),
        ("a: \0b", "line 1 column 4: the character U+0000 must not stand in YAML"),
        ("a: b\n\u{7}", "line 2 column 1: the character U+0007 must not stand in YAML"),
        ("a: é\u{feff}", "line 1 column 5: the character U+FEFF must not stand in YAML"),
        ("\u{feff}a: b\n\u{feff}", "line 2 column 1: the character U+FEFF"),
        ("a: b\n---\nc: d", "line 2 column 1: a second document begins here, and only one is read"),
        ("a: *b", "line 1 column 4"),
        ("a: &a [*a]", "line 1 column 8: an alias stands inside of what it stands for"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(place), "{text:?}: {error}");
    }
}

#[test]
fn merged_keys_do_not_override_written_ones() {
    let document = Document::parse("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}").unwrap();
    let c = document.root().as_map().unwrap().get_ignore_case("c").unwrap().as_map().unwrap();
    let read = |key| c.get_ignore_case(key).unwrap().as_text().unwrap();
    assert_eq!((read("x"), read("y"), read("z")), ("3", "1", "2"));
    // Only a plain key merges.
    assert!(Document::parse("'<<': a").is_ok());
}

#[test]
fn a_billion_laughs_is_an_error() {
    for lol in ["[lol, lol]", "{x: lol, y: lol}"] {
        let mut bomb = format!("a0: &a0 {lol}\n");
        for level in 1..64 {
            let below = level - 1;
            let twice = if lol.starts_with('[') {
                format!("[*a{below}, *a{below}]")
            } else {
                format!("{{x: *a{below}, y: *a{below}}}")
            };
            writeln!(bomb, "a{level}: &a{level} {twice}").unwrap();
        }
        assert!(refused(&bomb).contains("the document is too large"), "{lol}");
    }
}

#[test]
fn a_long_text_repeated_by_aliases_is_an_error() {
    let bomb = format!("a: &a {}\nb: [{}]", "x".repeat(Limits::OBJECT.bytes() / 4), ["*a"; 1000].join(","));
    let error = Document::parse_within(&bomb, Limits::OBJECT).unwrap_err();
    assert!(error.message().contains("the document is too large"));
    assert!(refused(&bomb).contains("the document is too large"));
}

#[test]
fn size_depth_and_number_are_bounded() {
    for limits in [Limits::OBJECT, Limits::FILE] {
        assert!(Document::parse_within(&"#".repeat(limits.bytes()), limits).is_ok());
        let error = Document::parse_within(&"#".repeat(limits.bytes() + 1), limits).unwrap_err();
        assert_eq!(error.message(), format!("the text is longer than {} bytes", limits.bytes()));
    }
    assert!(Document::parse(&"#".repeat(Limits::FILE.bytes())).is_ok());

    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(&nested(MAX_DEPTH)).is_ok());
    assert!(refused(&nested(MAX_DEPTH + 1)).ends_with("nested deeper than 32 levels"));
    for deep in ["[", "{", "- ", "? ", "[{"] {
        refused(&deep.repeat(100_000));
    }
    let (values, bytes) = (Limits::OBJECT.nodes(), Limits::OBJECT.bytes());
    for (many, place) in [
        // Refused as it is read.
        (format!("[{}]", "a,".repeat(values)), values * 2),
        ("- a\n".repeat(values), 3),
        // And before: of what is in brackets the parser would keep all.
        (format!("[{}]", "a,".repeat(values * 3 / 2)), 1),
        (format!("[{}", ": ".repeat(bytes / 2 - 1)), 1),
        (format!("[{}", "? ".repeat(bytes / 2 - 1)), 1),
        (format!("[{}", "[]".repeat(bytes / 2 - 1)), 1),
        (format!("[{}", "''".repeat(bytes / 2 - 1)), 1),
    ] {
        let error = Document::parse_within(&many, Limits::OBJECT).unwrap_err();
        assert!(error.message().contains("the document is too large"));
        assert_eq!(error.column(), place);
    }
}

/// The most that the 1 MiB of a ConfigMap can say with sense.
#[test]
fn a_full_object_of_good_entries_is_read() {
    for entry in [
        "- {rolearn: 'arn:aws:iam::123456789012:role/X', username: x}\n",
        "- rolearn: arn:aws:iam::123456789012:role/X\n  username: x\n  groups: [a,b,c,d,e,f]\n",
        "- '123456789012'\n",
    ] {
        let text = entry.repeat(Limits::OBJECT.bytes() / entry.len());
        assert!(Document::parse_within(&text, Limits::OBJECT).is_ok(), "{entry}");
    }
    let entry = r#"{"rolearn":"arn:aws:iam::123456789012:role/X","username":"x"},"#;
    let text = format!("[{}]", entry.repeat(Limits::OBJECT.bytes() / entry.len() - 1));
    assert!(Document::parse_within(&text, Limits::OBJECT).is_ok());
}

#[test]
fn the_nearest_word_is_near() {
    let keys = ["mapRoles", "mapUsers", "mapAccounts"];
    for (word, meant) in [
        ("maproles", Some("mapRoles")),
        ("map_roles", Some("mapRoles")),
        ("mapRole", Some("mapRoles")),
        ("mapUser", Some("mapUsers")),
        ("mapAcounts", Some("mapAccounts")),
        ("port", None),
        ("", None),
    ] {
        assert_eq!(nearest(word, keys), meant, "{word}");
    }
    assert_eq!(nearest(&"mapRoles".repeat(1000), keys), None);
}
