//! JSON objects that are objects.

use std::fmt;
use std::marker::PhantomData;

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

#[cfg(test)]
mod tests {
    use super::*;

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
