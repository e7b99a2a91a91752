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

/// What a node says, on one line.
fn said(node: &Node) -> String {
    if node.is_null() {
        return "null".to_owned();
    }
    if let Ok(items) = node.as_seq() {
        return format!("[{}]", items.iter().map(said).collect::<Vec<_>>().join(","));
    }
    if let Ok(map) = node.as_map() {
        let entries = map.entries().iter().map(|entry| format!("{}:{}", entry.key(), said(entry.value())));
        return format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
    }
    format!("{:?}", node.as_text().expect("text"))
}

#[track_caller]
fn reads(text: &str, expected: &str) {
    match Document::parse(text) {
        Ok(document) => assert_eq!(said(document.root()), expected, "{text:?}"),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[test]
fn brackets_are_read_over_lines_however_these_are_indented() {
    for (text, expected) in [
        ("groups: [\n\"g1\",\n\"g2\"\n]\n", r#"{groups:["g1","g2"]}"#),
        ("groups: [\n]\n", "{groups:[]}"),
        ("groups: {\n}\n", "{groups:{}}"),
        ("- a: x\n  b: [\n    g1,\n    g2\n  ]\n- c\n", r#"[{a:"x",b:["g1","g2"]},"c"]"#),
        ("- a: x\n  b: [\n  g1,\n g2\n]\n- c\n", r#"[{a:"x",b:["g1","g2"]},"c"]"#),
        ("- a: x\n  b: {\n  c: d,\ne: [\n]\n}\n- c\n", r#"[{a:"x",b:{c:"d",e:[]}},"c"]"#),
        ("k:\n  l:\n  - {\n  a: b\n  }\n  - [\n]\n  m: n\n", r#"{k:{l:[{a:"b"},[]],m:"n"}}"#),
        ("k:\n  - [ # one\n# at the margin\n\na # two\n, b\n# three\n]\n", r#"{k:[["a","b"]]}"#),
        ("k:\n  a:\n    [\n  b,\n  c,\n    ]\n  d: e\n", r#"{k:{a:["b","c"],d:"e"}}"#),
        ("k:\r\n  a: [\r\nb\r\n]\r\n  d: {\r\n}\r\n", r#"{k:{a:["b"],d:{}}}"#),
        ("[\n]", "[]"),
        ("{\n\t\"a\": [\n\t\t1\n\t]\n}\n", r#"{a:["1"]}"#),
        ("- {a: \"b\n c\", d: e\n  f}\n", r#"[{a:"b c",d:"e f"}]"#),
        ("k: \"a\nb\"\nl: 'c\n\n d'\n", r#"{k:"a b",l:"c\nd"}"#),
    ] {
        reads(text, expected);
    }
    for (text, place) in [
        ("a: [\n", "line 1 column 4: unclosed bracket '['"),
        ("a: [\nb: c\n", "line 1 column 4: unclosed bracket '['"),
        ("a: [\n}\n", "line 1 column 4: mismatched bracket '[' closed by '}'"),
        ("a: [\n- b\n]\n", "line 2 column 1"),
        ("a: [\n---\n]\n", "line 1 column 4: unclosed bracket '['"),
        ("a: [\n  b\n]]\n", "line 3 column 2: misplaced bracket"),
        ("a: [b\nc: d]\n", "line 2 column 2"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(place), "{text:?}: {error}");
    }
}

#[test]
fn a_tab_separates_and_never_indents() {
    for (text, expected) in [
        ("a:\tb\nc:\t\td \t# e\n", r#"{a:"b",c:"d"}"#),
        ("a:\t'b'\t\nc: \t\"d\"\t#e\n", r#"{a:"b",c:"d"}"#),
        ("a:\t[b,\tc]\t\nd:\t{e:\tf}\n", r#"{a:["b","c"],d:{e:"f"}}"#),
        ("a:\t\n  b:\t\n  - c\t\n\t\nd:\t# e\n", r#"{a:{b:["c"]},d:null}"#),
        ("- a:\tb\n  c:\td\n-\te\n- \tf\t\n", r#"[{a:"b",c:"d"},"e","f"]"#),
        ("a:\t|\t\n  b\tc\n  \td\n", r#"{a:"b\tc\n\td\n"}"#),
        ("\t# a\nb: c\n\t\n", r#"{b:"c"}"#),
    ] {
        reads(text, expected);
    }
    for (text, place) in [
        ("a:\n\tb: c\n", "line 2 column 1: a tab in the indentation"),
        ("a: b\n\tc: d\n", "line 2 column 1: a tab in the indentation"),
        ("-\ta: b\n\tc: d\n", "line"),
        ("a:\tb: c\n", "line 1 column"),
        ("- a\n\t- b\n", "line 2 column 1: a tab in the indentation"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(place), "{text:?}: {error}");
    }
}

#[test]
fn separators_may_stand_round_the_one_document_that_says_something() {
    for text in [
        "a: b\n---\n",
        "a: b\n---",
        "a: b\n...\n",
        "a: b\n...",
        "a: b\n...\n---\n",
        "a: b\n---\n---\n...\n",
        "a: b\n--- # nothing\n# more\n",
        "a: b\n---\n~\n",
        "a: b\n...\n# nothing\n",
        "---\na: b\n---\n",
        "--- # first\na: b\n...\n",
        "# first\n---\na: b\n",
        "%YAML 1.2\n---\na: b\n",
        "%YAML 1.1\n# c\n---\na: b\n...\n",
        "\u{feff}---\na: b\n---\n",
        "\u{feff}%YAML 1.2\n---\na: b\n",
        "\u{feff}# c\r\n---\r\na: b\r\n---\r\n",
        "--- {a: b}\n---\n",
    ] {
        reads(text, r#"{a:"b"}"#);
    }
    const SECOND: &str =
        "a second document begins here, and only one is read: move what it says into the first, or remove it";
    for (text, place) in [
        ("a: b\n---\nc: d", "line 2 column 1"),
        ("a: b\n---\n---\nc: d", "line 3 column 1"),
        ("a: b\n...\nc: d", "line 3 column 1"),
        ("a: b\n---\n''", "line 2 column 1"),
        ("a: b\n---\n[]", "line 2 column 1"),
        ("a: b\n--- &x\n", "line 2 column 1"),
        ("---\n---\na: b\n", "line 2 column 1"),
        ("a: b\r\n---\r\nc: d\r\n", "line 2 column 1"),
    ] {
        assert_eq!(refused(text), format!("{place}: {SECOND}"), "{text:?}");
    }
    for text in ["a: b\n---\n'", "a: b\n... c\n", "%YAML 1.2\na: b\n", "%YAML 2.0\n---\na: b\n", "a: b\n---c\n"] {
        refused(text);
    }
}

/// YAML 1.2.2, sections 8.1.1.2 and 8.1.3: the last line break is there only if it is written.
#[test]
fn a_block_of_text_ends_as_it_is_written() {
    for (mark, ended, cut) in [
        ("|", "x\ny\n", "x\ny"),
        ("|-", "x\ny", "x\ny"),
        ("|+", "x\ny\n", "x\ny"),
        (">", "x y\n", "x y"),
        (">-", "x y", "x y"),
        (">+", "x y\n", "x y"),
    ] {
        for (before, after) in [
            ("a: MARK\n  x\n  y", "{a:?}"),
            ("k:\n  - a: MARK\n      x\n      y", "{k:[{a:?}]}"),
            ("- MARK\n x\n y", "[?]"),
        ] {
            for (end, text) in [("", cut), ("\n", ended), ("\r\n", ended)] {
                let text = after.replace('?', &format!("{text:?}"));
                let written = format!("{}{end}", before.replace("MARK", mark));
                let written = if end == "\r\n" { written.replace("\r\n", "\n").replace('\n', "\r\n") } else { written };
                reads(&written, &text);
            }
        }
    }
    for (text, expected) in [
        ("a: |\n  x\n\n\n", r#"{a:"x\n"}"#),
        ("a: |+\n  x\n\n\n", r#"{a:"x\n\n\n"}"#),
        ("a: |-\n  x\n\n\n", r#"{a:"x"}"#),
        ("a: |+\n  x\n\nb: c", r#"{a:"x\n\n",b:"c"}"#),
        ("a: |\n  x\n  # no comment\n# a comment\nb: c", r##"{a:"x\n# no comment\n",b:"c"}"##),
        ("a: |2\n    x\n   y", r#"{a:"  x\n y"}"#),
        ("a: |1-\n  x\n", r#"{a:" x"}"#),
        ("a: |-1\n  x\n", r#"{a:" x"}"#),
        ("a: >\n  x\n\n  y\n    z\n  w\n", r#"{a:"x\ny\n  z\nw\n"}"#),
        ("a: >-\n  x\n  y\n\n\n  z", r#"{a:"x y\n\nz"}"#),
        ("a: |\n", r#"{a:""}"#),
        ("a: |", r#"{a:""}"#),
        ("a: >-", r#"{a:""}"#),
        ("- |\n- x", r#"["","x"]"#),
        ("a: |\n  x\n...\n", r#"{a:"x\n"}"#),
        ("a: |\n  x\n---\n", r#"{a:"x\n"}"#),
        ("a: |\n  ---\n", r#"{a:"---\n"}"#),
    ] {
        reads(text, expected);
    }
}

#[test]
fn scalars_over_lines_and_escapes_mean_what_yaml_says() {
    for (text, expected) in [
        ("a: x\n  y\n\n  z\n", r#"{a:"x y\nz"}"#),
        ("a: \"x\n  y\n\n  z\"\n", r#"{a:"x y\nz"}"#),
        ("a: \"x\\\n   y\\\n   \\ z\"\n", r#"{a:"xy z"}"#),
        ("a: 'x''\n  y'\n", r#"{a:"x' y"}"#),
        (r#"a: "\x41\u00e9\U0001F600\/\t\e\_""#, "{a:\"Aé😀/\\t\\u{1b}\\u{a0}\"}"),
        (r#"a: "\ud83d\ude00""#, "{a:\"😀\"}"),
        ("a: x#y # z\n", r#"{a:"x#y"}"#),
        ("a: x: \n", "refused"),
        ("a: http://x:1/#y\n", r#"{a:"http://x:1/#y"}"#),
        ("? a\n: b\n? c\n", r#"{a:"b",c:null}"#),
        ("{a, b: , \"c\":d, e:f}\n", r#"{a:null,b:null,c:"d",e:f:null}"#),
        (
            "a: yes\nb: 012\nc: 0o7\nd: 1e3\ne: .inf\nf: 2026-12-01\ng: 0x1F\nh: 1_000\ni: 1:20\nj: =\n",
            r#"{a:"yes",b:"012",c:"0o7",d:"1e3",e:".inf",f:"2026-12-01",g:"0x1F",h:"1_000",i:"1:20",j:"="}"#,
        ),
        ("a: ~\nb: null\nc:\nd: Null\ne: 'null'\nf: nUll\n", r#"{a:null,b:null,c:null,d:null,e:"null",f:"nUll"}"#),
        ("a: !!str\nb: !!str ~\nc: !!str 012\nd: &x\ne: *x\n", r#"{a:"",b:"~",c:"012",d:null,e:null}"#),
        ("~: a\n", r#"{~:"a"}"#),
        (": a\n", r#"{:"a"}"#),
    ] {
        match expected {
            "refused" => drop(refused(text)),
            _ => reads(text, expected),
        }
    }
}

#[test]
fn what_readers_of_yaml_take_for_different_things_is_refused() {
    for (text, said) in [
        (
            "a: b\u{85}c: d\n",
            "line 1 column 5: the character U+0085 ends a line for some readers of YAML only: write it as an escape in double quotes",
        ),
        ("# a\u{2028}b: c\n", "line 1 column 4: the character U+2028 ends a line for some readers of YAML only"),
        ("a: \"b\u{2029}c\"\n", "line 1 column 6: the character U+2029 ends a line for some readers of YAML only"),
        (
            "a: &b:c d\n",
            "line 1 column 4: some readers of YAML end the name of this anchor before its \":\": name it with letters and digits",
        ),
    ] {
        let error = refused(text);
        assert!(error.starts_with(said), "{text:?}: {error}");
    }
    for (value, said) in [
        (
            "{?b: c}",
            "line 1 column 5: this begins with \"?\" within brackets, which some readers of YAML take for a sign: put it in quotes",
        ),
        (
            "[?b]",
            "line 1 column 5: this begins with \"?\" within brackets, which some readers of YAML take for a sign: put it in quotes",
        ),
    ] {
        let document =
            Document::parse(&format!("a: {value}\nd: ?e\nf: [\"?g\", h?i, ? j]\nk: \"\\L\\u0085\"\n")).unwrap();
        let root = document.root().as_map().unwrap();
        let a = root.get_ignore_case("a").unwrap();
        let broken = a.as_seq().map_or(a, |items| &items[0]);
        assert_eq!(broken.as_text().unwrap_err().to_string(), said, "{value}");
        assert_eq!(root.get_ignore_case("d").unwrap().as_text(), Ok("?e"));
        assert_eq!(self::said(root.get_ignore_case("f").unwrap()), r#"["?g","h?i",{j:null}]"#);
        assert_eq!(root.get_ignore_case("k").unwrap().as_text(), Ok("\u{2028}\u{85}"));
    }
}

#[test]
fn nothing_is_null() {
    for text in ["", "\n", "# c", "---", "---\n...\n", "---\n---\n", "~", "null", "\u{feff}"] {
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
        ("a: [b", "line 1 column 4: unclosed bracket '['"),
        ("a: [b\n\n", "line 1 column 4: unclosed bracket '['"),
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
    // Refused where it becomes too much, and not at its end.
    for (many, place) in [
        (format!("[{}]", "a,".repeat(values)), values * 2),
        (format!("[{}]", "a,".repeat(values * 3 / 2)), values * 2),
        (format!("[{}", "[],".repeat(bytes / 3)), values * 3 - 1),
        (format!("[{}", "'',".repeat(bytes / 3)), values * 3 - 1),
        ("- a\n".repeat(values), 3),
    ] {
        let error = Document::parse_within(&many, Limits::OBJECT).unwrap_err();
        assert!(error.message().contains("the document is too large"), "{error}");
        assert_eq!(error.column(), place);
    }
    for sign in [": ", "? ", "[]", "''", "{}", "&a ", "!a ", "#", "\n", "{a: b},", "a "] {
        assert!(Document::parse_within(&format!("[{}", sign.repeat(bytes / sign.len() - 1)), Limits::OBJECT).is_err());
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
