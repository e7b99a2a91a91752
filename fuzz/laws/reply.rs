//! The law of what STS answers.

use authenticator_server::sts::{AskError, read_answer};
use http::StatusCode;
use serde::de::IgnoredAny;
use serde_json::Value;

/// An answer names the caller only if it is 200, JSON, and exactly the document that STS answers with; and it is a refusal only
/// if it is a client error in JSON with a code. Everything else tells nothing.
///
/// The first line is `STATUS CONTENT-TYPE`; the rest is the body.
pub fn sts_reply(data: &[u8]) -> bool {
    let Some((status, content_type, body)) = split(data) else { return false };
    let document = serde_json::from_slice::<Value>(body);
    match read_answer(status, content_type, body) {
        Ok(caller) => {
            assert_eq!(status, StatusCode::OK);
            let document = document.expect("what names a caller is one JSON document");
            let response = only_member(&document, "GetCallerIdentityResponse");
            let result = response.get("GetCallerIdentityResult").expect("it has a result");
            assert_eq!(result.as_object().map(|members| members.len()), Some(3), "{result}");
            let text = |name: &str| result.get(name).and_then(Value::as_str);
            assert_eq!(text("Account"), Some(caller.account().as_ref()));
            assert_eq!(text("Arn"), Some(caller.arn()));
            assert_eq!(text("UserId"), Some(caller.user_id()));
            assert!(caller.account().as_ref().len() == 12 && !caller.arn().is_empty() && !caller.user_id().is_empty());
            true
        }
        Err(AskError::Rejected(_)) => {
            assert!(status.is_client_error(), "{status}");
            match document {
                Ok(document) => {
                    let code = document.pointer("/Error/Code").map(Value::is_string);
                    assert_eq!(code, Some(true), "a refusal has a code");
                }
                Err(_) => {
                    // A number beyond every type, or half a surrogate, in a member that is passed over.
                    assert!(std::str::from_utf8(body).is_ok(), "a refusal is UTF-8");
                    serde_json::from_slice::<IgnoredAny>(body).expect("a refusal is JSON");
                }
            }
            false
        }
        Err(AskError::Outage(_)) => false,
    }
}

fn split(data: &[u8]) -> Option<(StatusCode, Option<&str>, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = data.split_at(end);
    let (status, content_type) = std::str::from_utf8(head).ok()?.split_once(' ')?;
    let status = StatusCode::from_bytes(status.as_bytes()).ok()?;
    Some((status, Some(content_type).filter(|text| !text.is_empty()), body.get(1..)?))
}

fn only_member<'a>(document: &'a Value, name: &str) -> &'a Value {
    let members = document.as_object().expect("it is an object");
    assert_eq!(members.keys().collect::<Vec<_>>(), [name]);
    members.get(name).expect("it has this member")
}
