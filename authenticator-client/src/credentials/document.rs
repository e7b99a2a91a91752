//! The document in which instance metadata and container endpoints give credentials. Pure.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>

use aws_credential_types::Credentials;
use serde::{Deserialize, Deserializer};

use super::keys;
use crate::time;

/// What is wrong with a document. Nothing of it is shown but what the service says of an error of its own, escaped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum DocumentFault {
    /// The key id holds characters that none has.
    #[error("its AccessKeyId is no access key id")]
    AccessKeyId,
    /// An end that is no time.
    #[error("its Expiration is not a time such as 2026-01-02T03:04:05Z")]
    Expiration,
    /// Not one JSON object, or values of other types.
    #[error("its answer is not one JSON object of credentials")]
    Form,
    /// A value that must be there.
    #[error("its answer lacks {0}")]
    Missing(&'static str),
    /// The service has none, and says why.
    #[error("it says {code:?}{}", message.as_ref().map(|text| format!(": {text:?}")).unwrap_or_default())]
    Refused {
        /// Its code.
        code: String,
        /// Its words.
        message: Option<String>,
    },
}

/// No `Debug`: it holds secrets, which [`Credentials`] takes over and wipes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    /// Of those without a session token it is there, and null.
    #[serde(default, deserialize_with = "present")]
    token: Option<Option<String>>,
    expiration: Option<String>,
}

/// The credentials of a document, which may have ended.
pub(super) fn parse(body: &[u8], provider: &'static str) -> Result<Credentials, DocumentFault> {
    let Document { code, message, access_key_id, secret_access_key, token, expiration } =
        serde_json::from_slice(body).map_err(|_| DocumentFault::Form)?;
    if let Some(code) = code.filter(|code| code != "Success") {
        return Err(DocumentFault::Refused { code, message });
    }
    let given =
        |value: Option<String>, name| value.filter(|value| !value.is_empty()).ok_or(DocumentFault::Missing(name));
    let access_key_id = given(access_key_id, "AccessKeyId")?;
    if !keys::is_access_key_id(&access_key_id) {
        return Err(DocumentFault::AccessKeyId);
    }
    let secret_access_key = given(secret_access_key, "SecretAccessKey")?;
    let token = token.ok_or(DocumentFault::Missing("Token"))?.filter(|token| !token.is_empty());
    let end = expiration
        .filter(|text| !text.is_empty())
        .map(|text| time::parse(&text).ok_or(DocumentFault::Expiration))
        .transpose()?;
    Ok(Credentials::new(access_key_id, secret_access_key, token, end.map(Into::into), provider))
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(String, Option<String>, Option<String>), String> {
        let credentials = parse(body.as_bytes(), "test").map_err(|fault| fault.to_string())?;
        let end = credentials.expiry().map(|end| time::timestamp(end).to_string());
        Ok((credentials.access_key_id().to_owned(), credentials.session_token().map(str::to_owned), end))
    }

    #[test]
    fn a_token_or_an_end_may_be_null_and_the_end_may_be_written_in_many_ways() {
        let keys = r#""AccessKeyId":"ASIA","SecretAccessKey":"s","Type":"AWS-HMAC","More":[{}]"#;
        let end = Some("2026-01-02T03:04:05Z".to_owned());
        for (rest, token, expected) in [
            (r#""Token":"t","Expiration":"2026-01-02T03:04:05Z""#, Some("t"), end.clone()),
            (r#""Token":"t","Expiration":"2026-01-01T19:04:05-08:00","Code":"Success""#, Some("t"), end.clone()),
            (r#""Token":null,"Expiration":"2026-01-02T03:04:05UTC""#, None, end),
            (r#""Token":"","Expiration":null"#, None, None),
        ] {
            assert_eq!(
                read(&format!("{{{keys},{rest}}}")),
                Ok(("ASIA".to_owned(), token.map(str::to_owned), expected)),
                "{rest}"
            );
        }
    }

    #[test]
    fn what_is_no_such_document_is_told_without_its_secrets() {
        let secret = r#""SecretAccessKey":"hunter2","Token":"hunter2""#;
        for (body, fault) in [
            ("<html>hunter2".to_owned(), "its answer is not one JSON object of credentials"),
            (format!(r#"{{{secret}}}"#), "its answer lacks AccessKeyId"),
            (format!(r#"{{"AccessKeyId":"hunter2/+",{secret}}}"#), "its AccessKeyId is no access key id"),
            (r#"{"AccessKeyId":"A","Token":"hunter2"}"#.to_owned(), "its answer lacks SecretAccessKey"),
            (r#"{"AccessKeyId":"A","SecretAccessKey":"hunter2"}"#.to_owned(), "its answer lacks Token"),
            (format!(r#"{{"AccessKeyId":"A",{secret},"Expiration":"soon"}}"#), "its Expiration is not a time such as"),
            (format!(r#"{{"AccessKeyId":"A",{secret},"Expiration":1}}"#), "its answer is not one JSON object"),
            (
                "{\"Code\":\"Failed\",\"Message\":\"no\\n\\u001b[31mtrust\"}".to_owned(),
                r#"it says "Failed": "no\n\u{1b}[31mtrust""#,
            ),
            (r#"{"Code":"Failed"}"#.to_owned(), r#"it says "Failed""#),
        ] {
            let told = read(&body).unwrap_err();
            assert!(told.starts_with(fault) && !told.contains("hunter2"), "{told}");
        }
    }
}
