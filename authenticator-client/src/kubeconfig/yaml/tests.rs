use proptest::prelude::*;

use super::*;

fn path(way: &str) -> Path {
    let step = |word: &str| word.parse().map_or_else(|_| Step::Key(word.to_owned()), Step::Item);
    way.split('/').filter(|word| !word.is_empty()).map(step).collect()
}

fn edited(text: &str, way: &str, what: What) -> Result<String, Fault> {
    let mut document = Document::parse(text.to_owned())?;
    document.apply(vec![Change { at: path(way), what }])?;
    Ok(document.text)
}

fn set(key: &str, value: Value) -> What {
    What::Set(key.to_owned(), value)
}

fn remove(key: &str) -> What {
    What::Remove(key.to_owned())
}

#[test]
fn a_change_is_written_in_the_style_of_its_surroundings() {
    let x = || Value::text("x");
    let list = || Value::texts(["x", "z"]);
    let map = || Value::map([("p", Value::text("q")), ("r", Value::texts(["s"]))]);
    for (text, way, what, expected) in [
        // A scalar for a scalar, of whatever style.
        ("a: b # c\n", "", set("a", x()), "a: x # c\n"),
        ("a: 'b'\nc: d", "", set("a", x()), "a: x\nc: d"),
        ("a: b\n  b\nc: d\n", "", set("a", x()), "a: x\nc: d\n"),
        ("a: |\n  b\n\nc: d\n", "", set("a", x()), "a: x\nc: d\n"),
        ("a:\nc: d\n", "", set("a", x()), "a: x\nc: d\n"),
        ("a: # why\nc: d\n", "", set("a", x()), "a: x # why\nc: d\n"),
        ("a: ~\n", "", set("a", Value::text("1")), "a: \"1\"\n"),
        ("a: *x\nb: &x c\n".replace("a: *x\n", "").as_str(), "", set("a", x()), "b: &x c\na: x\n"),
        ("b: &x c\na: *x\n", "", set("a", x()), "b: &x c\na: x\n"),
        ("\u{feff}a: \u{e9}\nb: \u{e9}", "", set("b", x()), "\u{feff}a: \u{e9}\nb: x"),
        ("? a\n: b\n", "", set("a", x()), "? a\n: x\n"),
        // Lists and mappings for nothing.
        ("a:\nc: d\n", "", set("a", list()), "a:\n- x\n- z\nc: d\n"),
        ("a: [] # none\nc: d\n", "", set("a", list()), "a: # none\n- x\n- z\nc: d\n"),
        ("k:\n  a: {}\n", "k", set("a", map()), "k:\n  a:\n    p: q\n    r:\n    - s\n"),
        ("a: null", "", set("a", list()), "a:\n- x\n- z"),
        ("a: null\r\nb: c\r\n", "", set("a", list()), "a:\r\n- x\r\n- z\r\nb: c\r\n"),
        // A list for a list.
        (
            "a: # why\n  # first\n  - b\n  - c # last\nd: e\n",
            "",
            set("a", list()),
            "a: # why\n  # first\n  - x\n  - z # last\nd: e\n",
        ),
        ("a: [b, c]\n", "", set("a", list()), "a: [\"x\", \"z\"]\n"),
        // New keys.
        ("a: b # c\n# d\n", "", set("e", x()), "a: b # c\ne: x\n# d\n"),
        ("a: b", "", set("e", list()), "a: b\ne:\n- x\n- z"),
        (
            "l:\n  - a: b\n    c: |\n      d\nz: y\n",
            "l/0",
            set("e", x()),
            "l:\n  - a: b\n    c: |\n      d\n    e: x\nz: y\n",
        ),
        ("l:\n-\n   a: b\n", "l/0", set("e", map()), "l:\n-\n   a: b\n   e:\n     p: q\n     r:\n     - s\n"),
        ("a: b\n...\n", "", set("e", x()), "a: b\ne: x\n...\n"),
        ("{}", "", set("e", list()), "{\"e\": [\"x\", \"z\"]}"),
        ("{a: b}", "", set("e", x()), "{a: b, \"e\": \"x\"}"),
        ("{a: b, }", "", set("e", x()), "{a: b, \"e\": \"x\" }"),
        ("{\n\t\"a\": 1\n}\n", "", set("e", x()), "{\n\t\"a\": 1,\n\t\"e\": \"x\"\n}\n"),
        ("{\n  a: 1, # one\n}\n", "", set("e", x()), "{\n  a: 1,\n  \"e\": \"x\" # one\n}\n"),
        ("{\"a\":null}", "", set("a", x()), "{\"a\":\"x\"}"),
        ("{a: }", "", set("a", x()), "{a: \"x\" }"),
        // Items.
        (
            "l:\n  - a # b\n# c\nd: e\n",
            "l",
            What::Append(map()),
            "l:\n  - a # b\n  - p: q\n    r:\n    - s\n# c\nd: e\n",
        ),
        ("l: # a\n# b\n- c", "l", What::Append(x()), "l: # a\n# b\n- c\n- x"),
        ("l: [a,b]\n", "l", What::Append(x()), "l: [a,b, \"x\"]\n"),
        (
            "{\"l\": [\n  {\n    \"a\": 1\n  }\n]}",
            "l",
            What::Append(map()),
            "{\"l\": [\n  {\n    \"a\": 1\n  },\n  {\"p\": \"q\", \"r\": [\"s\"]}\n]}",
        ),
        ("l:\n- a\n# of b\n- b # c\n- d\n", "l", What::RemoveItem(1), "l:\n- a\n# of b\n- d\n"),
        ("l:\n- a: 1\n  b: 2\n- d", "l", What::RemoveItem(1), "l:\n- a: 1\n  b: 2"),
        ("l:\r\n- a\r\n- d", "l", What::RemoveItem(1), "l:\r\n- a"),
        ("l: [a, b, c]", "l", What::RemoveItem(1), "l: [a, c]"),
        ("l: [a, b]", "l", What::RemoveItem(0), "l: [b]"),
        // Keys that go.
        ("a: b # c\nd: e\n", "", remove("a"), "d: e\n"),
        ("a: b\nd:\n  e: |\n    f\n\n", "", remove("d"), "a: b\n"),
        ("a: b\nd: e", "", remove("d"), "a: b"),
        ("l:\n- a: b\n  c: d\n", "l/0", remove("a"), "l:\n- c: d\n"),
        ("l:\n- a: b # e\n  c: d\n", "l/0", remove("a"), "l:\n-  # e\n  c: d\n"),
        ("{a: b, c: d, e: f}", "", remove("c"), "{a: b, e: f}"),
        ("{a: b, c: d}", "", remove("a"), "{c: d}"),
        ("{a: b}", "", remove("a"), "{}"),
        ("a: b\n", "", remove("z"), "a: b\n"),
        // Nothing at all.
        ("", "", What::Fill(map()), "p: q\nr:\n- s\n"),
        ("# a", "", What::Fill(map()), "# a\np: q\nr:\n- s\n"),
        ("---\n", "", What::Fill(map()), "---\np: q\nr:\n- s\n"),
        ("null\n", "", What::Fill(map()), "p: q\nr:\n- s\n"),
        // Brackets over lines, however these are indented.
        ("k:\n  a: [\nb\n]\n  c: d\n", "k", set("c", x()), "k:\n  a: [\nb\n]\n  c: x\n"),
        ("k:\n  a: [\n]\n  c: d\n", "k", set("a", x()), "k:\n  a: \"x\"\n  c: d\n"),
        ("k:\n  a: [\n]\n  c: d\n", "k", set("a", list()), "k:\n  a:\n  - x\n  - z\n  c: d\n"),
        ("k:\n  a: [\n]\n  c: d\n", "k/a", What::Append(x()), "k:\n  a: [\n\"x\"]\n  c: d\n"),
        ("k:\n  a: [\nb,\nc\n]\n  d: e\n", "k/a", What::Append(x()), "k:\n  a: [\nb,\nc,\n\"x\"\n]\n  d: e\n"),
        ("k:\n  a: [\n  b,\n  c\n  ]\n", "k/a", What::RemoveItem(1), "k:\n  a: [\n  b\n  ]\n"),
        ("l:\n- {\n  a: b\n  }\n- c\n", "l/0", set("e", x()), "l:\n- {\n  a: b,\n  \"e\": \"x\"\n  }\n- c\n"),
        ("l:\n- a: {\n}\n  c: d\n", "l/0", set("a", map()), "l:\n- a:\n    p: q\n    r:\n    - s\n  c: d\n"),
        ("l:\r\n- a: [\r\nb\r\n]\r\n", "l/0", set("e", x()), "l:\r\n- a: [\r\nb\r\n]\r\n  e: x\r\n"),
        // Tabs that separate.
        ("a:\tb\t# c\nd:\te\n", "", set("a", x()), "a:\tx\t# c\nd:\te\n"),
        ("a:\tb\nd:\t[]\t\n", "", set("d", list()), "a:\tb\nd:\t\n- x\n- z\n"),
        ("a:\t\nd:\te\n", "", set("a", x()), "a: x\t\nd:\te\n"),
        ("a:\tb\nd:\te\n", "", remove("a"), "d:\te\n"),
        ("l:\t[a,\tb: c]\n", "l", What::Append(x()), "l:\t[a,\tb: c, \"x\"]\n"),
        // Separators, and a second document that says nothing.
        ("---\na: b\n---\n", "", set("e", x()), "---\na: b\ne: x\n---\n"),
        ("a: b\n...\n# c\n", "", set("a", x()), "a: x\n...\n# c\n"),
        ("a: b\n---", "", set("e", list()), "a: b\ne:\n- x\n- z\n---"),
        ("%YAML 1.2\n---\na: b\n...\n---\n# c\n", "", remove("z"), "%YAML 1.2\n---\na: b\n...\n---\n# c\n"),
        ("\u{feff}---\nl:\n- a\n- b\n---\n", "l", What::RemoveItem(1), "\u{feff}---\nl:\n- a\n---\n"),
        // A block of text with and without its last line break.
        ("a: |\n  b", "", set("a", x()), "a: x"),
        ("a: |\n  b\nc: d", "", remove("c"), "a: |\n  b\n"),
        ("l:\n- |\n  b\n- c", "l", What::RemoveItem(1), "l:\n- |\n  b\n"),
        ("a: b\nc: |\n  d", "", set("a", x()), "a: x\nc: |\n  d"),
        ("a: |-\n  b", "", set("e", x()), "a: |-\n  b\ne: x"),
        // A tag goes with what it is of.
        ("a: b\nc: !!str 12\n", "", set("c", x()), "a: b\nc: x\n"),
        // What it says already.
        ("a: 'x'\n", "", set("a", x()), "a: 'x'\n"),
        ("a: ['x', z]\n", "", set("a", list()), "a: ['x', z]\n"),
    ] {
        assert_eq!(edited(text, way, what.clone()).as_deref(), Ok(expected), "{text:?} {way} {what:?}");
    }
}

#[test]
fn what_an_alias_may_stand_for_or_cannot_be_edited_is_refused_with_its_place() {
    let x = || Value::text("x");
    for (text, way, what, place) in [
        ("a: &x b\nc: *x\n", "", set("a", x()), (1, 4)),
        ("a: &x b\nc: *x\n", "", remove("a"), (1, 1)),
        ("a: &x\n  b: c\nd: *x\n", "a", set("b", x()), (1, 4)),
        ("a: &x\n  b: c\nd: *x\n", "d", set("b", x()), (3, 4)),
        ("l: &x\n- b\nd: *x\n", "l", What::Append(x()), (1, 4)),
        ("l:\n- b\n- &x c\nd: *x\n", "l", What::RemoveItem(1), (3, 3)),
        ("a:\n  b: c\n", "", set("a", x()), (1, 1)),
        ("a:\n  b: c\n", "a", remove("b"), (2, 3)),
        ("{a}", "", set("a", x()), (1, 1)),
        // It would get a line break that it has not.
        ("a: |\n  b", "", set("e", x()), (1, 1)),
        ("---\n---\n", "", What::Fill(x()), (1, 4)),
    ] {
        let fault = edited(text, way, what.clone()).unwrap_err();
        assert_eq!((fault.location().line(), fault.location().column()), place, "{text:?} {way} {what:?}: {fault}");
    }
}

#[test]
fn a_text_that_is_not_yaml_is_refused_with_its_place() {
    for (text, message) in [
        ("a: b\n\tc: d\n", "line 2 column 1: a tab in the indentation; YAML takes spaces only"),
        ("a: b\nc: [d\n", "line 2 column 4: unclosed bracket '['"),
        (
            "a: b\n---\nc: d\n",
            "line 2 column 1: a second document begins here, and only one is read: move what it says into the first, \
             or remove it",
        ),
        (
            "---\n---\nc: d\n",
            "line 2 column 1: a second document begins here, and only one is read: move what it says into the first, \
             or remove it",
        ),
        (
            "a: b\u{2028}c: d\n",
            "line 1 column 5: the character U+2028 ends a line for some readers of YAML only: write it as an escape in \
             double quotes",
        ),
        ("a: b\n- \tc: d\n", ""),
        ("a: b\na: c\n", "line 2 column 1: the key \"a\" stands twice in one mapping"),
        ("a: b\u{0}c: d\n", "line 1 column 5: the character U+0000 must not stand in YAML"),
        ("a: 'b\n", ""),
        ("a: *b\n", ""),
        ("a: b: c\n", ""),
    ] {
        let fault = Document::parse(text.to_owned()).unwrap_err();
        match message {
            "" => assert!(fault.location().line() <= 2, "{text:?}: {fault}"),
            _ => assert_eq!(fault.to_string(), message, "{text:?}"),
        }
    }
    assert!(Document::parse("[".repeat(100_000)).is_err());
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(Document::parse(deep).unwrap_err().to_string(), "line 1 column 65: nested deeper than 64 levels");
}

/// A value, and one way of many of writing it.
#[derive(Clone, Debug)]
enum Written {
    Scalar(&'static str),
    List(Vec<Written>, bool),
    Map(Vec<(usize, Written)>, bool),
}

impl Written {
    fn flow(&self) -> String {
        match self {
            Self::Scalar(text) if text.starts_with(['|', '>']) || text.is_empty() => "\"\"".to_owned(),
            Self::Scalar(text) => (*text).to_owned(),
            Self::List(items, _) => format!("[ {} ]", items.iter().map(Self::flow).collect::<Vec<_>>().join(" , ")),
            Self::Map(entries, _) => {
                let entry = |(index, value): &(usize, Self)| format!("{}: {}", KEYS[index % KEYS.len()], value.flow());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Behind a colon or a dash.
    fn write(&self, indent: usize, remark: &mut usize, out: &mut String) {
        const REMARKS: [&str; 5] = ["", " # a remark: [{\"", "", "\n# at the margin", "\n"];
        let margin = " ".repeat(indent);
        match self {
            Self::List(items, true) if !items.is_empty() => {
                for item in items {
                    out.push_str(&format!("\n{margin}-"));
                    item.write(indent + 2, remark, out);
                }
            }
            Self::Map(entries, true) if !entries.is_empty() => {
                for (index, value) in entries {
                    out.push_str(&format!("\n{margin}{}:", KEYS[index % KEYS.len()]));
                    value.write(indent + 2, remark, out);
                }
            }
            Self::Scalar(text) if text.starts_with(['|', '>']) => {
                out.push_str(&format!(" {text}\n{margin} some\n{margin} text"))
            }
            value => {
                *remark += 1;
                out.push_str(&format!(
                    " {}{}",
                    if matches!(value, Self::Scalar("")) { String::new() } else { value.flow() },
                    REMARKS[*remark % REMARKS.len()]
                ));
            }
        }
    }
}

const KEYS: [&str; 6] = ["name", "\"quo: ted\"", "k-8", "'it''s'", "\u{e9}t\u{e9}", "extensions"];

fn written() -> impl Strategy<Value = Written> {
    let scalar = prop::sample::select(vec![
        "word",
        "\"double # quoted\"",
        "'single'",
        "12",
        "null",
        "",
        "h\u{e9} \u{1f600} llo",
        "https://x.example:443/#y",
        "|",
        ">-",
        "|+",
    ]);
    let map = |inner| prop::collection::btree_map(0..KEYS.len(), inner, 0..4).prop_map(|map| map.into_iter().collect());
    scalar.prop_map(Written::Scalar).prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), any::<bool>())
                .prop_map(|(items, block)| Written::List(items, block)),
            (map(inner), any::<bool>()).prop_map(|(entries, block)| Written::Map(entries, block)),
        ]
    })
}

fn document() -> impl Strategy<Value = String> {
    (prop::collection::vec(written(), 1..5), any::<bool>(), any::<bool>()).prop_map(|(values, crlf, ended)| {
        let (mut text, mut remark) = (String::from("# the beginning\n---"), 0);
        for (index, value) in values.iter().enumerate() {
            text.push_str(&format!("\ntop{index}:"));
            value.write(2, &mut remark, &mut text);
        }
        if ended {
            text.push('\n');
        }
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

/// Every collection of a document, with the number of its parts, and whether it is a mapping.
fn collections(node: &Node, at: &mut Path, found: &mut Vec<(Path, Vec<String>, usize)>) {
    match &node.content {
        Content::Map { entries, .. } => {
            let keys = entries.iter().map(|entry| match &entry.key.content {
                Content::Scalar { text, .. } => text.clone(),
                _ => String::new(),
            });
            let keys: Vec<String> = keys.collect();
            found.push((at.clone(), keys.clone(), 0));
            for (entry, key) in entries.iter().zip(keys) {
                at.push(Step::Key(key));
                collections(&entry.value, at, found);
                at.pop();
            }
        }
        Content::List { items, .. } => {
            found.push((at.clone(), Vec::new(), items.len()));
            for (index, item) in items.iter().enumerate() {
                at.push(Step::Item(index));
                collections(item, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The law of this room: after an edit, the text means what was wanted, and outside of the one value that was changed every
    /// byte is what it was.
    #[test]
    fn an_edit_changes_one_value_and_no_other_byte(text in document(), seed in any::<prop::sample::Index>(), kind in 0..4, new in written()) {
        let Ok(document) = Document::parse(text.clone()) else {
            return Err(TestCaseError::reject("not every generated text is YAML"));
        };
        let mut found = Vec::new();
        collections(document.root(), &mut Path::new(), &mut found);
        let (at, keys, items) = seed.get(&found).clone();
        let mut meaning = String::from("v:");
        new.write(2, &mut 0, &mut meaning);
        let value = match Document::parse(meaning).map(|document| document.root().meaning()) {
            Ok(Value::Map(mut entries)) => entries.remove(0).1,
            _ => Value::text("new"),
        };
        let what = match (kind, keys.first()) {
            (0, Some(key)) => What::Set(key.clone(), value),
            (1, _) if items == 0 => What::Set("new-key".to_owned(), value),
            (2, Some(_)) if keys.len() > 1 => What::Remove(keys[seed.index(keys.len())].clone()),
            (_, _) if items > 1 && kind == 3 => What::RemoveItem(seed.index(items)),
            (_, _) if items > 0 => What::Append(value),
            _ => What::Set("new-key".to_owned(), value),
        };
        let change = Change { at: at.clone(), what };
        let mut wanted = document.root().meaning();
        prop_assert!(change.applied_to(&mut wanted) || items == 0);
        let mut edited = document.clone();
        // What cannot be edited is refused: how much of all this may be, a test of its own counts.
        if edited.apply(vec![change.clone()]).is_ok() {
            prop_assert_eq!(edited.root().meaning(), wanted);
            // What is changed is no more than the lines of the one value, or of the one entry.
            let mut node = document.root();
            for step in &at {
                node = splice::step(node, step).unwrap();
            }
            let before = text.get(..line_start(&text, node.span.start)).unwrap();
            let after = text.get(line_end(&text, node.span.end)..).unwrap();
            let kept = edited.text.strip_prefix(before).is_some_and(|rest| rest.ends_with(after));
            prop_assert!(kept, "{change:?}\n{text}\n---\n{}", edited.text);
        }
    }
}

fn line_start(text: &str, at: usize) -> usize {
    at - line_before(text, at).len()
}

fn line_end(text: &str, at: usize) -> usize {
    at + text.get(at..).unwrap().find('\n').map_or(text.len() - at, |length| length + 1)
}
