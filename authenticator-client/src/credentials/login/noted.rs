//! What aws-cli notes of a log-in, beside what aws-config reads and writes.
//!
//! aws-config writes a renewed session without the keys that it does not know. One of them is the region in which the session is
//! renewed: whoever renews it next, aws-cli too, would ask in another one, and the user would have to log in again.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    path::PathBuf,
};

use aws_types::{
    os_shim_internal::{Env, Fs},
    region::Region,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::environment;

/// aws-cli's file of a log-in, as it was before anybody renewed it.
pub(super) struct Noted {
    path: PathBuf,
    text: Zeroizing<Vec<u8>>,
    rest: Rest,
}

/// The keys that aws-config does not know, and so nothing secret.
#[derive(Debug, Eq, PartialEq)]
struct Rest(Map<String, Value>);

impl Noted {
    /// Reads the file; `None` where there is none that could be read.
    pub(super) async fn read(session: &str, env: &Env, fs: &Fs) -> Option<Self> {
        let path = path(session, env)?;
        let text = Zeroizing::new(fs.read_to_end(&path).await.ok()?);
        let rest = serde_json::from_slice(&text).ok()?;
        Some(Self { path, text, rest })
    }

    /// All that stands in it.
    pub(super) fn text(&self) -> Option<&str> {
        str::from_utf8(&self.text).ok()
    }

    /// The region that the user logged in to.
    pub(super) fn sign_in_region(&self) -> Option<Region> {
        let region = self.rest.0.get("signInRegion")?.as_str()?;
        Some(region).filter(|region| !region.is_empty()).map(|region| Region::new(region.to_owned()))
    }

    /// Gives a renewed session the keys back that it has lost. Where that cannot be done the credentials are as good.
    pub(super) async fn restore(&self, fs: &Fs) {
        let Ok(text) = fs.read_to_end(&self.path).await.map(Zeroizing::new) else { return };
        if text == self.text {
            return;
        }
        if let Some(whole) = self.rest.added_to(&text) {
            let _ = fs.write(&self.path, &whole).await;
        }
    }
}

/// Where aws-cli keeps the log-in.
fn path(session: &str, env: &Env) -> Option<PathBuf> {
    let directory = match environment::variable(env, "AWS_LOGIN_CACHE_DIRECTORY").ok()? {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(environment::variable(env, "HOME").ok()??).join(".aws/login/cache"),
    };
    let mut name = String::new();
    for byte in Sha256::digest(session.trim()) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    Some(directory.join(name + ".json"))
}

impl Rest {
    /// The text of an object with these keys too; `None` where it has them all.
    fn added_to(&self, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let present: HashMap<String, IgnoredAny> = serde_json::from_slice(text).ok()?;
        let mut lost = self.0.iter().filter(|(key, _)| !present.contains_key(*key)).peekable();
        lost.peek()?;
        // Room for the whole, so that no copy of a secret is left behind by a buffer that grows.
        let mut parts = String::new();
        for (key, value) in lost {
            // Writing to a string cannot fail.
            let _ = write!(parts, ",{}:{value}", Value::from(key.as_str()));
        }
        let open = text.trim_ascii_end().strip_suffix(b"}")?;
        let mut whole = Zeroizing::new(Vec::with_capacity(open.len() + parts.len() + 1));
        whole.extend_from_slice(open);
        whole.extend_from_slice(if present.is_empty() { parts.trim_start_matches(',') } else { &parts }.as_bytes());
        whole.push(b'}');
        Some(whole)
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RestVisitor)
    }
}

struct RestVisitor;

impl<'de> Visitor<'de> for RestVisitor {
    type Value = Rest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log-in")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rest, A::Error> {
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            // As aws-config does, in any case.
            if KNOWN.iter().any(|known| key.eq_ignore_ascii_case(known)) {
                map.next_value::<IgnoredAny>()?;
            } else {
                rest.insert(key, map.next_value()?);
            }
        }
        Ok(Rest(rest))
    }
}

/// What `save_cached_token` of aws-config writes. All that is secret is among it.
const KNOWN: [&str; 6] = ["accessToken", "tokenType", "refreshToken", "idToken", "clientId", "dpopKey"];

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is what `printf %s SESSION | sha256sum` says.
    #[test]
    fn a_session_is_renewed_in_the_region_that_aws_cli_noted() {
        const FILE: &str = ".aws/login/cache/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json";
        let region = |text| {
            let env = Env::from_slice(&[("HOME", "/home/me")]);
            let fs = Fs::from_slice(&[(&format!("/home/me/{FILE}"), text)]);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let noted = runtime.block_on(Noted::read("arn:aws:iam::111122223333:user/alice", &env, &fs));
            noted?.sign_in_region().map(|region| region.to_string())
        };
        assert_eq!(region(r#"{"signInRegion":"eu-west-1","dpopKey":"k"}"#), Some("eu-west-1".to_owned()));
        for text in [r#"{"dpopKey":"k"}"#, r#"{"signInRegion":""}"#, r#"{"signInRegion":1}"#, "{", "[]"] {
            assert_eq!(region(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_renewed_session_has_lost_is_given_back_and_nothing_else() {
        let before = r#"{"accessToken":{"a":1},"dpopKey":"old","signInRegion":"eu-west-1","a \"new\" key":[1,{}]}"#;
        let rest: Rest = serde_json::from_str(before).unwrap();
        for (after, whole) in [
            (
                r#"{"accessToken":{"a":2},"dpopKey":"new"}"#,
                Some(r#"{"accessToken":{"a":2},"dpopKey":"new","a \"new\" key":[1,{}],"signInRegion":"eu-west-1"}"#),
            ),
            ("{}\n", Some(r#"{"a \"new\" key":[1,{}],"signInRegion":"eu-west-1"}"#)),
            (r#"{"signInRegion":"us-east-1"}"#, Some(r#"{"signInRegion":"us-east-1","a \"new\" key":[1,{}]}"#)),
            (r#"{"signInRegion":"us-east-1","a \"new\" key":0}"#, None),
            ("{", None),
            ("[]", None),
        ] {
            let added = rest.added_to(after.as_bytes());
            let added = added.map(|text| serde_json::from_slice::<Value>(&text).unwrap());
            assert_eq!(added, whole.map(|text| serde_json::from_str(text).unwrap()), "{after}");
        }
    }
}
