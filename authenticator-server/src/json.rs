//! JSON objects that are objects, and JSON that any terminal shows as it is.

use std::fmt;
use std::io;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// A `T` read from a JSON object.
///
/// A derived `Deserialize` also takes an array, by position: two spellings for one document, of which only one is ever
/// meant. Duplicate members are refused by the derived code, trailing text by `serde_json`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// A JSON document on one line, in which what would not be seen is written as an escape: a terminal's commands, and what turns
/// the order of characters round. It says the same.
pub(crate) fn visible(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    // Texts, numbers and lists of them always make JSON, and memory takes all; the like of them is all that is given here.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Visible));
    text
}

/// As the compact form, but for texts.
struct Visible;

impl serde_json::ser::Formatter for Visible {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Others below are escaped by every form of JSON.
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_visible(c) {
                write!(writer, "{c}")?;
            } else {
                c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }
}

/// A text on one line, in which what would not be seen is written as Rust escapes it.
pub(crate) fn visible_text(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_visible(c) {
            shown.push(c)
        } else {
            shown.extend(c.escape_debug())
        }
        shown
    })
}

/// Whether the character takes its own place in a line. What escapes it in source code knows Unicode's categories.
fn is_visible(c: char) -> bool {
    matches!(c, '\'' | '"' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_escaped_and_says_the_same() {
        for (text, document, shown) in [
            ("plain \"q\" \\", r#""plain \"q\" \\""#, r#"plain "q" \"#),
            ("\u{1b}[2J\u{7}\n", r#""\u001b[2J\u0007\n""#, r"\u{1b}[2J\u{7}\n"),
            ("a\u{202e}b\u{9b}c\u{7f}", r#""a\u202eb\u009bc\u007f""#, r"a\u{202e}b\u{9b}c\u{7f}"),
            ("Zo\u{eb} \u{1f600} \u{e0001}", "\"Zo\u{eb} \u{1f600} \\udb40\\udc01\"", "Zo\u{eb} \u{1f600} \\u{e0001}"),
        ] {
            let json = String::from_utf8(visible(text)).unwrap();
            assert_eq!(json, document);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            assert_eq!(visible_text(text), shown);
        }
        assert_eq!(visible(&["a", "b"]), br#"["a","b"]"#);
    }

    #[derive(Debug, serde::Deserialize)]
    struct Pair {
        a: u8,
    }

    fn read(text: &str) -> Option<u8> {
        serde_json::from_str::<Object<Pair>>(text).ok().map(|Object(pair)| pair.a)
    }

    #[test]
    fn an_object_is_read_and_an_array_in_its_place_is_not() {
        assert_eq!(read(r#"{"a":1}"#), Some(1));
        assert_eq!(serde_json::from_str::<Pair>("[1]").map(|pair| pair.a).ok(), Some(1));
        for text in ["[1]", "null", "1", r#"{"a":1,"a":1}"#, r#"{"a":1} "#.trim_end().replace('}', "}}").as_str()] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
