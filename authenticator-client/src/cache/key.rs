//! Under which name credentials are kept.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

/// A digest of everything that chose the credentials. Whoever chooses otherwise in any of it gets other credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of a choice, which is named values in a fixed order: the kind of source, then all that it was told. A value that was
    /// not given differs from an empty one. Secrets may be among them: the digest does not give them away.
    #[must_use]
    pub fn new<'a>(choice: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        };
        part(FORMAT);
        for (name, value) in choice {
            part(name);
            part(if value.is_some() { "given" } else { "not given" });
            part(value.unwrap_or_default());
        }
        let digest = digest.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self(digest)
    }

    /// Whether `text` is how a key is written.
    pub(super) fn is_written_as(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the files hold. To change it is to start anew.
const FORMAT: &str = "authenticator-client 1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_that_differ_in_anything_have_different_keys() {
        let choices: [&[(&str, Option<&str>)]; 8] = [
            &[],
            &[("role", Some("a"))],
            &[("role", Some("b"))],
            &[("role", Some(""))],
            &[("role", None)],
            &[("external id", Some("a"))],
            &[("role", Some("a")), ("external id", None)],
            &[("rolea", Some(""))],
        ];
        for (n, one) in choices.iter().enumerate() {
            for (m, other) in choices.iter().enumerate() {
                let key = |choice: &[(&'static str, Option<&'static str>)]| CacheKey::new(choice.iter().copied());
                assert_eq!(key(one) == key(other), n == m, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_key_is_written_as_64_hexadecimal_digits_and_shows_nothing_of_the_choice() {
        let key = CacheKey::new([("session token", Some("TOPSECRET"))]).to_string();
        assert!(CacheKey::is_written_as(&key), "{key}");
        for text in ["", "..", &key.to_uppercase(), &format!("{key}0")] {
            assert!(!CacheKey::is_written_as(text), "{text}");
        }
    }
}
