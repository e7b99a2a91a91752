//! The token itself, which must never be seen, and its digest, which may.

use std::fmt;

use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A bearer token as it arrived, unread.
///
/// For fifteen minutes whoever holds it is the caller, so it prints as nothing and is wiped when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes the text of a token; any text is taken, judging it comes later.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text of the token. Whoever calls this must not let it reach a log, an error or a reply.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The name under which this token may be spoken of.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// Takes any text, as [`Token::new`] does.
impl From<&str> for Token {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// SHA-256 of a token's text: tells tokens apart without saying anything that could be replayed.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The first eight bytes in hex: enough to find a request in a log.
impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({self})")
    }
}

/// SHA-256 of an access key id and its session token: tells who holds temporary credentials from who only knows their
/// access key id, which is no secret.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CredentialsDigest([u8; 32]);

impl CredentialsDigest {
    pub(super) fn of(access_key_id: &str, session_token: Option<&str>) -> Self {
        let mut hash = Sha256::new_with_prefix(access_key_id);
        // Neither an access key id nor a session token holds a space.
        hash.update(b" ");
        hash.update(session_token.unwrap_or_default());
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_print_its_text() {
        let token = Token::new("k8s-aws-v1.c2VjcmV0".to_owned());
        assert!(!format!("{token:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn a_digest_prints_the_start_of_the_tokens_sha256() {
        // printf abc | sha256sum
        assert_eq!(Token::new("abc".to_owned()).digest().to_string(), "ba7816bf8f01cfea");
    }
}
