//! The bearer token: a presigned URL in the form that authenticators take, and how long it may be used.

use std::{fmt, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::{presign::PresignedUrl, time};

/// A bearer token. Whoever holds it is the caller for fifteen minutes, so `Debug` shows nothing of it, and it is wiped when
/// dropped.
pub struct Token(Zeroizing<String>);

/// The credentials end too soon for a token to be of use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LifetimeError {
    /// Their end has passed.
    #[error("the credentials expired at {0}: renew them")]
    Expired(Timestamp),
    /// Their end comes before kubectl could use the token.
    #[error("the credentials expire at {0}, in less than a minute: renew them")]
    Expiring(Timestamp),
    /// Their end is no time that can be written.
    #[error("the credentials' expiry is out of range")]
    OutOfRange,
}

impl Token {
    /// The token that stands for `url`.
    #[must_use]
    pub fn new(url: &PresignedUrl) -> Self {
        // Room for the whole token, so that no copy of its parts is left behind by a string that grows.
        let mut token = Zeroizing::new(String::with_capacity(PREFIX.len() + url.expose_url().len().div_ceil(3) * 4));
        token.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(url.expose_url(), &mut token);
        Self(token)
    }

    /// The token itself, to be printed for the caller and for nothing else.
    #[must_use]
    pub fn expose_token(&self) -> &str {
        &self.0
    }

    /// What the user should be told of a token that older servers refuse for its length.
    #[must_use]
    pub fn length_remark(&self) -> Option<String> {
        let length = self.0.len();
        (length > LONGEST_TOKEN_OF_THE_GO_SERVER).then(|| {
            format!(
                "the token is {length} bytes long; servers that run the Go program refuse more than \
                 {LONGEST_TOKEN_OF_THE_GO_SERVER} (a shorter session token, as from fewer session policies or tags, helps)"
            )
        })
    }

    #[cfg(test)]
    pub(crate) fn dummy(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(** redacted **)")
    }
}

/// When kubectl should ask for the next token: 14 minutes after `signed_at`, a minute before STS stops taking this one, or at
/// the credentials' own end if that is sooner.
///
/// # Errors
///
/// Credentials that have ended, or end within a minute: their token would be refused, or end while kubectl uses it.
pub fn expiration(signed_at: Timestamp, credentials_end: Option<SystemTime>) -> Result<Timestamp, LifetimeError> {
    let token_end = signed_at.checked_add(LIFETIME).map_err(|_| LifetimeError::OutOfRange)?;
    let Some(end) = credentials_end else {
        return Ok(token_end);
    };
    let end = time::timestamp(end);
    let left = end.duration_since(signed_at);
    if left <= SignedDuration::ZERO {
        return Err(LifetimeError::Expired(end));
    }
    if left < SHORTEST_LIFETIME {
        return Err(LifetimeError::Expiring(end));
    }
    Ok(token_end.min(end))
}

/// What every token starts with; authenticators look for it.
const PREFIX: &str = "k8s-aws-v1.";

/// STS takes a presigned request for 15 minutes whatever it says itself; one minute is left for clocks that differ.
const LIFETIME: SignedDuration = SignedDuration::from_mins(14);

const SHORTEST_LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// `maxTokenLenBytes` of the Go program's `pkg/token/token.go`.
const LONGEST_TOKEN_OF_THE_GO_SERVER: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_is_the_prefix_and_the_url_in_url_safe_base64_without_padding() {
        let url = PresignedUrl::dummy("https://sts.us-west-2.amazonaws.com/?a=>>>???");
        assert_eq!(
            Token::new(&url).expose_token(),
            "k8s-aws-v1.aHR0cHM6Ly9zdHMudXMtd2VzdC0yLmFtYXpvbmF3cy5jb20vP2E9Pj4-Pz8_"
        );
    }

    #[test]
    fn debug_shows_nothing_of_a_token() {
        let token = Token::dummy("k8s-aws-v1.c2VjcmV0");
        assert!(!format!("{token:?}").contains("c2VjcmV0"));
    }

    #[test]
    fn only_a_token_that_the_go_server_refuses_for_its_length_is_remarked_on() {
        assert_eq!(Token::dummy(&"x".repeat(4096)).length_remark(), None);
        assert!(Token::dummy(&"x".repeat(4097)).length_remark().unwrap().contains("4097 bytes"));
    }

    #[test]
    fn the_expiry_is_fourteen_minutes_after_signing_or_the_credentials_end_if_sooner() {
        let now = at("2026-01-02T03:04:05Z");
        for (end, expected) in [
            (None, "2026-01-02T03:18:05Z"),
            (Some("2026-01-02T04:04:05Z"), "2026-01-02T03:18:05Z"),
            (Some("2026-01-02T03:18:06Z"), "2026-01-02T03:18:05Z"),
            (Some("2026-01-02T03:07:05Z"), "2026-01-02T03:07:05Z"),
            (Some("2026-01-02T03:05:05Z"), "2026-01-02T03:05:05Z"),
        ] {
            assert_eq!(expiration(now, end.map(|end| at(end).into())), Ok(at(expected)), "{end:?}");
        }
    }

    #[test]
    fn credentials_that_have_ended_or_end_within_a_minute_make_no_token() {
        let now = at("2026-01-02T03:04:05Z");
        for end in ["2026-01-02T03:05:04Z", "2026-01-02T03:04:06Z"] {
            assert_eq!(expiration(now, Some(at(end).into())), Err(LifetimeError::Expiring(at(end))), "{end}");
        }
        for end in ["2026-01-02T03:04:05Z", "2020-01-01T00:00:00Z"] {
            assert_eq!(expiration(now, Some(at(end).into())), Err(LifetimeError::Expired(at(end))), "{end}");
        }
    }
}
