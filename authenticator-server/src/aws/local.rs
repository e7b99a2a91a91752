//! How a service of the machine itself is asked, instance metadata or a container's endpoint: one short answer to one request. No
//! redirect is followed, no proxy stands in between, and nothing is tried again: what deserves that is for each source to say.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use serde::Deserialize;

use super::{HttpClient, Network};

/// A client for such a service, and how long it is waited for.
#[derive(Clone, Debug)]
pub(super) struct Local {
    client: HttpClient<Empty<Bytes>>,
    patience: Duration,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    NotReached(String),
    Other(String),
}

impl NoAnswer {
    pub(super) fn reason(self) -> String {
        match self {
            Self::NotReached(reason) | Self::Other(reason) => reason,
        }
    }
}

impl Local {
    /// A client that gives up on a connection after the time `connecting`, and on the whole after `patience`.
    pub(super) fn new(network: &Network, connecting: Duration, patience: Duration) -> Self {
        Self { client: network.local_client(connecting), patience }
    }

    /// Asks once.
    pub(super) async fn ask(&self, request: Request<Empty<Bytes>>) -> Result<(StatusCode, Bytes), NoAnswer> {
        let answer = async {
            let answer = self.client.request(request).await.map_err(|error| {
                let reason = super::chain(&error);
                if error.is_connect() { NoAnswer::NotReached(reason) } else { NoAnswer::Other(reason) }
            })?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| NoAnswer::Other(error.to_string()))?;
            Ok((parts.status, body.to_bytes()))
        };
        let answer = tokio::time::timeout(self.patience, answer).await;
        answer.unwrap_or_else(|_| Err(NoAnswer::Other("no answer in time".to_owned())))
    }
}

/// The credentials of a document, or what is wrong with it. Nothing of it is shown but its code of an error.
pub(super) fn read(document: &[u8], provider: &'static str) -> Result<Credentials, String> {
    let unreadable = |_| "its answer is not one JSON object of credentials".to_owned();
    let Document { code, access_key_id, secret_access_key, token, expiration } =
        serde_json::from_slice(document).map_err(unreadable)?;
    if let Some(code) = code.filter(|code| code != "Success") {
        return Err(format!("it says {code:?}"));
    }
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let (Some(id), Some(secret)) = (given(access_key_id), given(secret_access_key)) else {
        return Err("its answer lacks a key".to_owned());
    };
    let end = given(expiration).map(|text| time(&text).ok_or_else(|| "its Expiration is no time".to_owned()));
    Ok(Credentials::new(id, secret, given(token), end.transpose()?, provider))
}

fn time(text: &str) -> Option<std::time::SystemTime> {
    let utc = text.strip_suffix("UTC").map(|rest| format!("{}Z", rest.trim_end()));
    DateTime::from_str(utc.as_deref().unwrap_or(text), Format::DateTimeWithOffset).ok()?.try_into().ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

/// Session tokens have up to 4096 bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_with_their_end_however_it_is_written() {
        let document = |end: &str| {
            format!(
                r#"{{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"{end}"}}"#
            )
        };
        let expected = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        for end in
            ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00", "2026-01-01T19:04:05-08:00", "2026-01-02T03:04:05UTC"]
        {
            let credentials = read(document(end).as_bytes(), "test").unwrap();
            assert_eq!((credentials.session_token(), credentials.expiry()), (Some("t"), Some(expected)), "{end}");
        }
        assert!(read(document("9999-12-31T23:59:59Z").as_bytes(), "test").unwrap().expiry() > Some(expected));
        let lasting = read(br#"{"AccessKeyId":"AKIA","SecretAccessKey":"s","Token":null}"#, "test").unwrap();
        assert_eq!((lasting.session_token(), lasting.expiry()), (None, None));
        for (text, reason) in [
            ("<html>", "not one JSON object"),
            ("{}", "lacks a key"),
            (r#"{"AccessKeyId":"ASIA","SecretAccessKey":""}"#, "lacks a key"),
            (r#"{"Code":"Failed","Message":"hunter2"}"#, "it says \"Failed\""),
            (&document("soon"), "Expiration is no time"),
        ] {
            let error = read(text.as_bytes(), "test").unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
