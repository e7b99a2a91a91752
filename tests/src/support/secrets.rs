//! What the programs must never print: every secret that a test hands out is remembered here, and whatever a server or a
//! plugin printed is searched for all of them when it ends.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::utf8_percent_encode;

use super::sts::sigv4::ENCODED;

/// Remembers a secret key, a session token or another text of which no recognisable part may be printed.
pub fn remember(secret: &str) {
    let encoded = utf8_percent_encode(secret, ENCODED).to_string();
    let mut known = known();
    for text in [secret, &encoded] {
        // Its beginning and its end, so that a shortened one is noticed too.
        known.extend(text.as_bytes().first_chunk());
        known.extend(text.as_bytes().last_chunk());
    }
}

/// Remembers a bearer token and, where it can be read, the signature in it.
pub fn remember_token(token: &str) {
    let payload = token.strip_prefix("k8s-aws-v1.").unwrap_or(token);
    // The beginning of each token is the same, and says nothing: `https://sts.` and so on.
    known().extend(payload.as_bytes().last_chunk());

    let url = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let url = String::from_utf8_lossy(&url);
    if let Some((_, rest)) = url.split_once("X-Amz-Signature=") {
        remember(rest.split('&').next().unwrap_or_default());
    }
}

/// The first part of a secret that a text repeats.
#[must_use]
pub fn leaked_in(text: &str) -> Option<String> {
    let known = known();
    let leaked = text.as_bytes().windows(PART).find(|window| known.contains(*window));
    leaked.map(|part| String::from_utf8_lossy(part).into_owned())
}

/// Fails the test whose program printed a secret.
///
/// # Panics
///
/// The text holds one. Says which, since it is a dummy.
pub fn assert_none_in(what: &str, text: &str) {
    if let Some(secret) = leaked_in(text) {
        panic!("{what} printed the secret {secret}:\n{text}");
    }
}

fn known() -> MutexGuard<'static, HashSet<[u8; PART]>> {
    static KNOWN: LazyLock<Mutex<HashSet<[u8; PART]>>> = LazyLock::new(Mutex::default);
    // A set that a failed test left behind is as good as any.
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of a secret may not be printed. What is shorter is no secret but a test's malformed input, and could be found in any
/// text.
const PART: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_whole_in_part_and_encoded() {
        remember("a/secret+of-this-test-that-is-forty-chars=");
        for text in [
            "key=a/secret+of-this-test-that-is-forty-chars= end",
            "a/secret+of-this-test-th...",
            "...s-test-that-is-forty-chars=",
            "a%2Fsecret%2Bof-this-test-that-is-forty-chars%3D",
        ] {
            assert!(leaked_in(text).is_some(), "{text}");
        }
        assert_eq!(leaked_in("a/secret+of-this-test"), None);
    }

    #[test]
    fn a_token_is_found_by_its_end_and_by_its_signature() {
        let url = format!("https://sts.us-west-2.amazonaws.com/?X-Amz-Signature={}&X=Y", "5e".repeat(32));
        let token = format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url));
        remember_token(&token);
        assert!(leaked_in(&token).is_some());
        assert!(leaked_in(&"5e".repeat(16)).is_some());
        assert_eq!(leaked_in(&token[..40]), None);
    }
}
