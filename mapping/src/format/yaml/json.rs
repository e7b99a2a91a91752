//! From JSON to nodes, within the same bounds.
//!
//! The reader of YAML takes nearly every text of JSON, and much that is none. What is JSON by definition is read as it.

use std::str::Chars;

use compact_str::CompactString;

use super::{
    Content, Limits, Location, Node, YamlError,
    build::{Builder, Collection},
};

pub(super) fn build(text: &str, limits: Limits) -> Result<Node, YamlError> {
    limits.check_length(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text.chars(), line: 1, column: 1, builder: Builder::new(limits) };
    reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(reader.builder.finish()),
        Some(_) => Err(reader.error("something follows after the end of the JSON value")),
    }
}

struct Reader<'t> {
    rest: Chars<'t>,
    line: usize,
    column: usize,
    builder: Builder,
}

impl Reader<'_> {
    /// It calls itself no more often than the builder lets lists and objects stand in each other.
    fn value(&mut self) -> Result<(), YamlError> {
        self.blanks();
        let at = self.location();
        match self.peek() {
            Some('{') => {
                self.next();
                self.builder.open_plain(at, Collection::map())?;
                self.members()?;
                self.builder.close()
            }
            Some('[') => {
                self.next();
                self.builder.open_plain(at, Collection::list())?;
                self.items()?;
                self.builder.close()
            }
            Some('"') => self.string(at),
            _ => self.word(at),
        }
    }

    fn members(&mut self) -> Result<(), YamlError> {
        self.blanks();
        if self.takes('}') {
            return Ok(());
        }
        loop {
            self.blanks();
            let at = self.location();
            if self.peek() != Some('"') {
                return Err(self.error("a key in double quotes is expected"));
            }
            self.string(at)?;
            self.blanks();
            if !self.takes(':') {
                return Err(self.error("a colon is expected after a key"));
            }
            self.value()?;
            self.blanks();
            if self.takes('}') {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(self.error("a comma or } is expected"));
            }
        }
    }

    fn items(&mut self) -> Result<(), YamlError> {
        self.blanks();
        if self.takes(']') {
            return Ok(());
        }
        loop {
            self.value()?;
            self.blanks();
            if self.takes(']') {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(self.error("a comma or ] is expected"));
            }
        }
    }

    /// A string that means no text, for half a surrogate in it, is told to whoever reads it.
    fn string(&mut self, at: Location) -> Result<(), YamlError> {
        self.next();
        let mut text = CompactString::default();
        let mut broken = None;
        loop {
            let here = self.location();
            match self.next() {
                Some('"') => break,
                Some('\\') => match self.escape()? {
                    Some(c) => text.push(c),
                    None => {
                        broken.get_or_insert_with(|| YamlError::new(here, "half of a surrogate pair is no character"));
                    }
                },
                Some(c) if u32::from(c) < 0x20 => {
                    let message = format!("the character U+{:04X} must not stand in a JSON string", u32::from(c));
                    return Err(YamlError::new(here, message));
                }
                Some(c) => text.push(c),
                None => return Err(self.error("the text ends within a string")),
            }
        }
        text.shrink_to_fit();
        let bytes = text.len();
        let content = broken.map_or(Content::Scalar(text), |error| Content::Broken(error.into()));
        self.builder.leaf(at, content, bytes)
    }

    /// What an escape stands for; `None` for half a surrogate pair.
    fn escape(&mut self) -> Result<Option<char>, YamlError> {
        let here = self.location();
        let wrong = || YamlError::new(here, "no such escape in a JSON string");
        Ok(Some(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let unit = self.hex().ok_or_else(wrong)?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return Ok(char::from_u32(unit));
                }
                // The other half follows as another escape, or there is none.
                let mut ahead = self.rest.clone();
                if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
                    return Ok(None);
                }
                self.next();
                self.next();
                let low = self.hex().ok_or_else(wrong)?;
                let Some(low) = low.checked_sub(0xdc00).filter(|low| *low < 0x400) else { return Ok(None) };
                return Ok(char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low));
            }
            _ => return Err(wrong()),
        }))
    }

    /// Four hexadecimal digits.
    fn hex(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.next()?.to_digit(16)?))
    }

    /// `null`, `true`, `false` or a number; but for null the text that was written.
    fn word(&mut self, at: Location) -> Result<(), YamlError> {
        let text = self.rest.as_str();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
        let (word, _) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or_default();
        let content = match word {
            "null" => Content::Null,
            "true" | "false" => Content::Scalar(word.into()),
            word if is_number(word) => Content::Scalar(word.into()),
            _ => return Err(self.error("a JSON value is expected")),
        };
        word.chars().for_each(|_| {
            self.next();
        });
        self.builder.leaf(at, content, word.len())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn takes(&mut self, wanted: char) -> bool {
        let takes = self.peek() == Some(wanted);
        if takes {
            self.next();
        }
        takes
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        (self.line, self.column) = if next == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        Some(next)
    }

    fn location(&self) -> Location {
        Location::new(self.line, self.column)
    }

    fn error(&self, message: &str) -> YamlError {
        YamlError::new(self.location(), message)
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` (RFC 8259, section 6).
fn is_number(word: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = word.split_once(['e', 'E']).map_or((word, None), |(mantissa, e)| (mantissa, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, part)| (whole, Some(part)));
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Result<Node, YamlError> {
        build(text, Limits::OBJECT)
    }

    /// A node as serde_json has it, numbers as their text.
    fn value(node: &Node) -> Option<Value> {
        if node.is_null() {
            return Some(Value::Null);
        }
        if let Ok(text) = node.as_text() {
            return Some(text.into());
        }
        if let Ok(items) = node.as_seq() {
            return items.iter().map(value).collect::<Option<Vec<_>>>().map(Into::into);
        }
        let map = node.as_map().ok()?;
        let members = map.entries().iter().map(|entry| Some((entry.key().to_owned(), value(entry.value())?)));
        members.collect::<Option<serde_json::Map<_, _>>>().map(Into::into)
    }

    fn with_words(value: Value) -> Value {
        match value {
            Value::Bool(word) => word.to_string().into(),
            Value::Array(items) => items.into_iter().map(with_words).collect(),
            Value::Object(members) => members.into_iter().map(|(key, value)| (key, with_words(value))).collect(),
            other => other,
        }
    }

    #[test]
    fn every_value_is_read_with_its_place() {
        let text = "\u{feff} {\"a\": [\"\\u00e9\\ud83d\\ude00\\/\\n\", null,\n\ttrue, -1.50e+3],\r\n \"\u{7f}\":\t{}, \"~\": \"~\"}\n";
        let node = read(text).unwrap();
        let map = node.as_map().unwrap();
        let items = map.get_ignore_case("A").unwrap().as_seq().unwrap();
        assert_eq!(items[0].as_text(), Ok("é😀/\n"));
        assert!(items[1].is_null());
        assert_eq!((items[2].as_bool(), items[2].location()), (Ok(true), Location::new(2, 2)));
        assert_eq!(items[3].as_text(), Ok("-1.50e+3"));
        assert!(map.get_ignore_case("\u{7f}").unwrap().as_map().unwrap().entries().is_empty());
        assert_eq!(map.get_ignore_case("~").unwrap().as_text(), Ok("~"));
        assert_eq!(map.entries()[1].location(), Location::new(3, 2));
    }

    #[test]
    fn what_is_no_json_is_an_error_at_its_place() {
        for (text, error) in [
            ("", "line 1 column 1: a JSON value is expected"),
            ("{\"a\": 1,}", "line 1 column 9: a key in double quotes is expected"),
            ("[1,]", "line 1 column 4: a JSON value is expected"),
            ("[1 2]", "line 1 column 4: a comma or ] is expected"),
            ("{\"a\" 1}", "line 1 column 6: a colon is expected after a key"),
            ("{\"a\": 1\n\"b\": 2}", "line 2 column 1: a comma or } is expected"),
            ("{'a': 1}", "line 1 column 2: a key in double quotes is expected"),
            ("{} # x", "line 1 column 4: something follows after the end of the JSON value"),
            ("\"a", "line 1 column 3: the text ends within a string"),
            ("\"a\nb\"", "line 1 column 3: the character U+000A must not stand in a JSON string"),
            ("\"\\x41\"", "line 1 column 3: no such escape in a JSON string"),
            ("\"\\u12g4\"", "line 1 column 3: no such escape in a JSON string"),
            ("&a", "line 1 column 1: a JSON value is expected"),
            ("{\0}", "line 1 column 2: a key in double quotes is expected"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), error, "{text}");
        }
        for word in ["01", "1.", ".5", "+1", "1e", "--1", "NaN", "Infinity", "0x1", "nul", "True", "~"] {
            assert!(read(word).is_err(), "{word}");
        }
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(&deep(32)).is_ok());
        assert_eq!(read(&deep(33)).unwrap_err().to_string(), "line 1 column 33: nested deeper than 32 levels");
        assert!(read(&"[".repeat(1 << 20)).is_err());
    }

    #[test]
    fn half_a_surrogate_and_a_key_twice_spoil_their_own_value_only() {
        let node = read(r#"{"a": "\ud83d", "b": "\ud83d\u0041", "c": {"k": 1, "K": 2}, "d": "x"}"#).unwrap();
        let map = node.as_map().unwrap();
        let error = |key| map.get_ignore_case(key).unwrap().as_text().unwrap_err().to_string();
        assert_eq!(error("a"), "line 1 column 8: half of a surrogate pair is no character");
        assert_eq!(error("b"), "line 1 column 23: half of a surrogate pair is no character");
        assert_eq!(error("c"), "line 1 column 52: the key \"K\" stands twice in one mapping");
        assert_eq!(map.get_ignore_case("d").unwrap().as_text(), Ok("x"));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<String>().prop_map(Value::from),];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\\\\\"\u{e9}]{0,4}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_it_was(document in json(), is_pretty in any::<bool>()) {
            let text = if is_pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            prop_assert_eq!(value(&read(&text.unwrap()).unwrap()), Some(with_words(document)));
        }

        #[test]
        fn what_is_json_serde_json_reads_too(
            signs in proptest::collection::vec(
                select(vec!["{", "}", "[", "]", ",", ":", "\"", "\"a\"", "0", "1", "-", ".", "e", "null", " ", "\n", "\\"]),
                0..12,
            )
        ) {
            let text = signs.concat();
            prop_assert_eq!(read(&text).is_ok(), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
        }
    }
}
