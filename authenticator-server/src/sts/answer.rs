//! What STS answers, read strictly. Pure.

use http::StatusCode;
use mapping::AccountId;
use serde::Deserialize;

use super::codes::{Meaning, meaning};
use super::{AnswerError, AskError, Outage};
use crate::json::Object;

/// The most bytes that are read of an answer. A real one has about 400.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Who STS says signed the request. Only [`read_answer`] makes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerIdentity {
    arn: String,
    account: AccountId,
    user_id: String,
}

impl CallerIdentity {
    /// The caller's ARN, as STS wrote it.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The caller's account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// The caller's unique id, for roles with `:` and the session's name, as STS wrote it.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }
}

/// Judges an answer.
///
/// `body` is the whole body, which the caller has bounded to [`MAX_ANSWER_BYTES`].
///
/// # Errors
/// [`AskError::Rejected`] if STS itself refused the request by a code that says so; everything else that is not exactly
/// a GetCallerIdentity response is [`AskError::Outage`].
pub fn read_answer(status: StatusCode, content_type: Option<&str>, body: &[u8]) -> Result<CallerIdentity, AskError> {
    if status != StatusCode::OK {
        return Err(read_error(status, content_type, body));
    }
    if content_type.is_some_and(is_html) {
        return Err(Outage::Answer(AnswerError::Page).into());
    }
    if !content_type.is_some_and(is_json) {
        return Err(Outage::Answer(AnswerError::ContentType).into());
    }
    let Object(document): Object<Document> =
        serde_json::from_slice(body).map_err(|_| Outage::Answer(AnswerError::Shape))?;
    let result = document.response.0.result.0;
    let account = result.account.parse().map_err(|_| Outage::Answer(AnswerError::Shape))?;
    if result.arn.is_empty() || result.user_id.is_empty() {
        return Err(Outage::Answer(AnswerError::Shape).into());
    }
    Ok(CallerIdentity { arn: result.arn, account, user_id: result.user_id })
}

/// A refusal counts only with a client error's status: a 5xx is an outage whatever its body says.
fn read_error(status: StatusCode, content_type: Option<&str>, body: &[u8]) -> AskError {
    // JSON is UTF-8 (RFC 8259, section 8.1), also where its reader passes over a member unread.
    let body = content_type.filter(|content_type| is_json(content_type)).and_then(|_| std::str::from_utf8(body).ok());
    let document = body.and_then(|body| serde_json::from_str(body).ok());
    let detail = document.map(|Object(ErrorDocument { error: Object(detail) })| detail);
    let told =
        detail.map_or(Meaning::Nothing, |detail| meaning(&detail.code, detail.message.as_deref().unwrap_or_default()));
    match told {
        _ if status == StatusCode::TOO_MANY_REQUESTS => Outage::Throttled.into(),
        Meaning::Throttled => Outage::Throttled.into(),
        Meaning::Refused(rejection) if status.is_client_error() => rejection.into(),
        // A 5xx may be of AWS's load balancers.
        _ if content_type.is_some_and(is_html) && !status.is_server_error() => Outage::Answer(AnswerError::Page).into(),
        Meaning::Refused(_) | Meaning::Nothing => Outage::Status(status.as_u16()).into(),
    }
}

fn is_json(content_type: &str) -> bool {
    is_of_type(content_type, "application/json")
}

fn is_html(content_type: &str) -> bool {
    is_of_type(content_type, "text/html")
}

fn is_of_type(content_type: &str, expected: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(expected)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "GetCallerIdentityResponse")]
    response: Object<Response>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    #[serde(rename = "GetCallerIdentityResult")]
    result: Object<CallerResult>,
    #[serde(rename = "ResponseMetadata")]
    _metadata: Option<Object<Metadata>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerResult {
    #[serde(rename = "Account")]
    account: String,
    #[serde(rename = "Arn")]
    arn: String,
    #[serde(rename = "UserId")]
    user_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(rename = "RequestId")]
    _request_id: String,
}

#[derive(Deserialize)]
struct ErrorDocument {
    #[serde(rename = "Error")]
    error: Object<ErrorDetail>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Message")]
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::super::Rejection;
    use super::*;

    const GOOD: &str = r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"111122223333",
        "Arn":"arn:aws:iam::111122223333:user/Ann","UserId":"AIDACKCEVSQ6C2EXAMPLE"},
        "ResponseMetadata":{"RequestId":"01234567-89ab-cdef-0123-456789abcdef"}}}"#;

    fn ok(body: &str) -> Result<CallerIdentity, AskError> {
        read_answer(StatusCode::OK, Some("application/json"), body.as_bytes())
    }

    fn error(status: u16, code: &str) -> AskError {
        let body = format!(r#"{{"Error":{{"Code":"{code}","Message":"m","Type":"Sender"}},"RequestId":"r"}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        read_answer(status, Some("application/json"), body.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_answer_of_sts_names_the_caller() {
        let caller = ok(GOOD).unwrap();
        assert_eq!(caller.arn(), "arn:aws:iam::111122223333:user/Ann");
        assert_eq!(caller.account().to_string(), "111122223333");
        assert_eq!(caller.user_id(), "AIDACKCEVSQ6C2EXAMPLE");
        let spelled = read_answer(StatusCode::OK, Some("Application/JSON; charset=utf-8"), GOOD.as_bytes());
        assert_eq!(spelled, Ok(caller));
    }

    #[test]
    fn an_answer_of_any_other_shape_tells_nothing() {
        for body in [
            String::new(),
            "{}".to_owned(),
            format!("{GOOD}x"),
            format!("{GOOD}{GOOD}"),
            format!("\u{feff}{GOOD}"),
            format!("[{GOOD}]"),
            r#"[[["111122223333","arn:aws:iam::111122223333:user/Ann","AIDACKCEVSQ6C2EXAMPLE"]]]"#.to_owned(),
            format!("{{\"x\":{GOOD}}}"),
            GOOD.replacen("\"Account\"", "\"account\"", 1),
            GOOD.replacen("\"Account\":\"111122223333\",", "", 1),
            GOOD.replacen("\"Account\":", "\"Account\":\"999999999999\",\"Account\":", 1),
            GOOD.replacen("\"Account\":", "\"Extra\":1,\"Account\":", 1),
            GOOD.replacen("\"111122223333\"", "111122223333", 1),
            GOOD.replacen("\"111122223333\"", "\"11112222333\"", 1),
            GOOD.replacen("AIDACKCEVSQ6C2EXAMPLE", "", 1),
            // The same member twice, one of them written with an escape.
            GOOD.replacen("\"Account\":", "\"\\u0041ccount\":\"999999999999\",\"Account\":", 1),
            GOOD.replacen(
                "\"GetCallerIdentityResult\"",
                "\"GetCallerIdentityResult\":{},\"GetCallerIdentityResult\"",
                1,
            ),
            GOOD.replacen("\"ResponseMetadata\"", "\"AssumeRoleResult\":{},\"ResponseMetadata\"", 1),
            GOOD.replacen("{\"RequestId\"", "{\"Extra\":1,\"RequestId\"", 1),
            GOOD.replacen("\"01234567", "1,\"x\":\"01234567", 1),
            GOOD.replacen("\"111122223333\"", "\"111122223333 \"", 1),
            GOOD.replacen("\"111122223333\"", "\"\\uff111122223333\"", 1),
            GOOD.replacen("\"111122223333\"", "[\"111122223333\"]", 1),
            GOOD.replacen("user/Ann", "user/\\ud800Ann", 1),
            GOOD.replacen("user/Ann", "user/\u{0}Ann", 1),
            GOOD.replacen("{\"RequestId\"", &format!("{}{{\"RequestId\"", "[".repeat(60_000)), 1),
            GOOD.replacen(':', "=", 1),
            GOOD.replace('"', "'"),
            format!("{GOOD},"),
            format!("/* */{GOOD}"),
            format!(")]}}'\n{GOOD}"),
            "<GetCallerIdentityResponse/>".to_owned(),
        ] {
            assert_eq!(ok(&body), Err(Outage::Answer(AnswerError::Shape).into()), "{body}");
        }
    }

    #[test]
    fn a_document_of_another_type_or_status_tells_nothing() {
        for content_type in [None, Some("text/xml"), Some("application/jsonp"), Some("")] {
            let answer = read_answer(StatusCode::OK, content_type, GOOD.as_bytes());
            assert_eq!(answer, Err(Outage::Answer(AnswerError::ContentType).into()));
        }
        for status in [201, 204, 206, 301, 302, 307, 400, 403, 404, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = read_answer(status, Some("application/json"), GOOD.as_bytes());
            assert_eq!(answer, Err(Outage::Status(status.as_u16()).into()));
        }
    }

    #[test]
    fn a_page_of_html_is_not_from_sts_whatever_its_status_and_refuses_nobody() {
        for status in [200, 302, 400, 401, 403, 404, 407] {
            for body in ["<html>Sign in</html>", r#"{"Error":{"Code":"AccessDenied"}}"#] {
                let status = StatusCode::from_u16(status).unwrap();
                let answer = read_answer(status, Some("text/html; charset=utf-8"), body.as_bytes());
                assert_eq!(answer, Err(Outage::Answer(AnswerError::Page).into()), "{status}");
            }
        }
        let of_load_balancer = read_answer(StatusCode::SERVICE_UNAVAILABLE, Some("text/html"), b"<html>");
        assert_eq!(of_load_balancer, Err(Outage::Status(503).into()));
    }

    #[test]
    fn only_a_client_error_with_a_code_of_refusal_is_a_refusal() {
        assert_eq!(error(403, "SignatureDoesNotMatch"), Rejection::SignatureDoesNotMatch.into());
        assert_eq!(error(403, "InvalidClientTokenId"), Rejection::UnknownCredentials.into());
        assert_eq!(error(403, "ExpiredToken"), Rejection::ExpiredCredentials.into());
        assert_eq!(error(400, "ValidationError"), Rejection::Malformed.into());
        assert_eq!(
            error(403, "MissingAuthenticationToken"),
            Outage::Status(403).into(),
            "we wrote that part ourselves"
        );
        assert_eq!(error(500, "SignatureDoesNotMatch"), Outage::Status(500).into());
        assert_eq!(error(302, "SignatureDoesNotMatch"), Outage::Status(302).into());
        assert_eq!(error(403, "SomethingNew"), Outage::Status(403).into());
        assert_eq!(error(403, ""), Outage::Status(403).into());
        for (content_type, body) in [
            ("text/plain", r#"{"Error":{"Code":"AccessDenied"}}"#),
            ("application/json", r#"[["AccessDenied"]]"#),
            ("application/json", r#"{"Error":["AccessDenied"]}"#),
        ] {
            let answer = read_answer(StatusCode::FORBIDDEN, Some(content_type), body.as_bytes());
            assert_eq!(answer, Err(Outage::Status(403).into()), "{body}");
        }
    }

    #[test]
    fn a_refusal_needs_no_message_and_one_about_the_time_is_told_by_it() {
        let told = |message: &str| {
            let body = format!(r#"{{"Error":{{"Code":"SignatureDoesNotMatch"{message}}}}}"#);
            read_answer(StatusCode::FORBIDDEN, Some("application/json"), body.as_bytes()).unwrap_err()
        };
        for message in ["", r#","Message":null"#, r#","Message":"m""#] {
            assert_eq!(told(message), Rejection::SignatureDoesNotMatch.into(), "{message}");
        }
        assert_eq!(
            told(r#","Message":"Signature expired: a is now earlier than b""#),
            Rejection::RequestExpired.into()
        );
        assert_eq!(told(r#","Message":1"#), Outage::Status(403).into());
    }

    #[test]
    fn a_refusal_that_is_not_utf_8_is_none() {
        let told = |request_id: &[u8]| {
            let body = [br#"{"Error":{"Code":"AccessDenied"},"RequestId":""#, request_id, b"\"}"].concat();
            read_answer(StatusCode::FORBIDDEN, Some("application/json"), &body).unwrap_err()
        };
        assert_eq!(told(b"r"), Rejection::AccessDenied.into());
        assert_eq!(told(b"\x80"), Outage::Status(403).into());
    }

    #[test]
    fn throttling_in_each_of_its_shapes_is_an_outage() {
        for (status, code) in
            [(400, "Throttling"), (403, "Throttling"), (503, "Throttling"), (400, "ThrottlingException"), (429, "Any")]
        {
            assert_eq!(error(status, code), Outage::Throttled.into(), "{status} {code}");
        }
    }
}
