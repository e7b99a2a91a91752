//! What a YAML text means, without where it stands; and how a meaning is written down.

/// A meaning. Scalars that a reader of YAML 1.1 could take for something else than text (a number, a boolean, null, a date) are
/// kept apart from text, and so is whatever has a tag or is an alias.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    /// Text, to every reader.
    Text(String),
    /// A plain scalar that is not text, or might not be.
    Plain(String),
    /// A list.
    List(Vec<Value>),
    /// Keys and values in the order in which they are written.
    Map(Vec<(Value, Value)>),
    /// What another place of the text says.
    Alias(usize),
    /// A value that is said to be of some kind.
    Tagged(String, Box<Value>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn bool(value: bool) -> Self {
        Self::Plain(value.to_string())
    }

    pub(crate) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    pub(crate) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (Self::text(key), value)).collect())
    }

    /// The meaning of a plain scalar.
    pub(super) fn of_plain(text: String) -> Self {
        if is_plainly_text(&text) { Self::Text(text) } else { Self::Plain(text) }
    }

    /// Its lines in block style, the first of which stands where the value stands.
    pub(crate) fn block(&self) -> Vec<String> {
        match self {
            Self::List(items) if !items.is_empty() => items.iter().flat_map(|item| indented(item, "- ")).collect(),
            Self::Map(entries) if !entries.is_empty() => {
                entries.iter().flat_map(|(key, value)| entry(key, value)).collect()
            }
            value => vec![value.inline()],
        }
    }

    /// On one line outside of brackets.
    pub(super) fn inline(&self) -> String {
        match self {
            Self::Text(text) if is_plainly_text(text) => text.clone(),
            value => value.flow(),
        }
    }

    /// On one line, as JSON but for values that JSON does not have: so it can stand within brackets, in JSON too.
    pub(super) fn flow(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(", ");
        match self {
            Self::Text(text) => quoted(text),
            Self::Plain(text) => text.clone(),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::flow).collect())),
            Self::Map(entries) => {
                let entry = |(key, value): &(Self, Self)| format!("{}: {}", key.flow(), value.flow());
                format!("{{{}}}", joined(entries.iter().map(entry).collect()))
            }
            // Neither is ever written: they stand for parts of a text that stay as they are.
            Self::Alias(number) => format!("*{number}"),
            Self::Tagged(tag, value) => format!("{tag} {}", value.flow()),
        }
    }
}

/// A key's lines, with those of its value.
pub(super) fn entry(key: &Value, value: &Value) -> Vec<String> {
    let key = key.inline();
    match value {
        Value::List(items) if !items.is_empty() => std::iter::once(format!("{key}:")).chain(value.block()).collect(),
        Value::Map(entries) if !entries.is_empty() => {
            let lines = value.block().into_iter().map(|line| format!("  {line}"));
            std::iter::once(format!("{key}:")).chain(lines).collect()
        }
        value => vec![format!("{key}: {}", value.inline())],
    }
}

/// The lines of an item, behind its dash.
fn indented(value: &Value, mark: &str) -> Vec<String> {
    let mut start = mark;
    let line = |line: String| {
        let line = format!("{start}{line}");
        start = "  ";
        line
    };
    value.block().into_iter().map(line).collect()
}

/// Whether a plain scalar is text for every reader of YAML 1.1 and 1.2, outside of brackets; to be on the safe side, fewer are
/// than could be.
fn is_plainly_text(text: &str) -> bool {
    let body = text.strip_prefix("--").unwrap_or(text);
    body.starts_with(|c: char| c.is_ascii_alphabetic() || (c == '/' && body.len() == text.len()))
        && !text.ends_with(':')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@+=".contains(c))
        && !KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(text))
}

/// A JSON string, of printable characters only: YAML takes no others.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Words that are not text in the core schema, or in YAML 1.1, which kubectl and aws-cli read.
const KEYWORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_unless_every_reader_takes_it_for_text() {
        for (text, written) in [
            ("demo", "demo"),
            ("arn:aws:eks:us-west-2:111122223333:cluster/demo", "arn:aws:eks:us-west-2:111122223333:cluster/demo"),
            ("--region", "--region"),
            ("/usr/bin/authenticator-client", "/usr/bin/authenticator-client"),
            ("", "\"\""),
            ("-x", "\"-x\""),
            ("---", "\"---\""),
            ("--/", "\"--/\""),
            ("No", "\"No\""),
            ("y", "\"y\""),
            ("NULL", "\"NULL\""),
            ("1e5", "\"1e5\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("1:20", "\"1:20\""),
            ("a b", "\"a b\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("a #b", "\"a #b\""),
            ("say \"hi\"\\\u{7}\u{85}\n", "\"say \\\"hi\\\"\\\\\\u0007\\u0085\\n\""),
            ("h\u{e9}", "\"h\u{e9}\""),
        ] {
            assert_eq!(Value::text(text).inline(), written);
        }
        assert_eq!(Value::text("demo").flow(), "\"demo\"");
        assert_eq!(Value::bool(true).inline(), "true");
    }

    #[test]
    fn block_style_is_that_of_kubectl() {
        let value = Value::map([
            (
                "users",
                Value::List(vec![Value::map([
                    ("name", Value::text("a")),
                    (
                        "user",
                        Value::map([(
                            "exec",
                            Value::map([("args", Value::texts(["x", "z"])), ("env", Value::List(vec![]))]),
                        )]),
                    ),
                ])]),
            ),
            ("kind", Value::text("Config")),
        ]);
        let text =
            "users:\n- name: a\n  user:\n    exec:\n      args:\n      - x\n      - z\n      env: []\nkind: Config";
        assert_eq!(value.block().join("\n"), text);
        assert_eq!(
            value.flow(),
            r#"{"users": [{"name": "a", "user": {"exec": {"args": ["x", "z"], "env": []}}}], "kind": "Config"}"#
        );
    }
}
