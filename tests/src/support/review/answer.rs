//! How an API server reads the webhook's answer.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use hyper::body::Bytes;
use serde::Deserialize;

use super::{ReviewVersion, api_version};

/// What the webhook said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The caller is this user.
    Allowed(User),
    /// The caller is nobody, and why: `status.error`, which the API server logs.
    Refused(String),
    /// No verdict: the user sees 401, and the API server logs the text and asks again next time.
    Failed {
        /// The status, none of 2xx.
        status: StatusCode,
        /// The body.
        text: String,
    },
}

/// The Kubernetes user that a caller becomes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct User {
    /// The name that RBAC's subjects are compared with.
    pub username: String,
    /// What tells two users of the same name apart.
    pub uid: String,
    /// Groups, in the order of the answer.
    #[serde(deserialize_with = "or_null")]
    pub groups: Vec<String>,
    /// For audit logs and admission.
    #[serde(deserialize_with = "or_null")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Answer {
    /// Reads an answer to a question of this version.
    ///
    /// # Errors
    ///
    /// The API server could not read it, or would take it for something else than a webhook can want to say.
    pub fn read(version: ReviewVersion, response: &Response<Bytes>) -> Result<Answer> {
        let headers = response.headers();
        ensure!(!headers.contains_key(RETRY_AFTER), "Retry-After makes the API server ask 31 times");
        ensure!(!headers.contains_key(LOCATION), "the API server follows redirects");
        ensure!(!headers.contains_key(CONTENT_ENCODING), "the answer is compressed");
        if !response.status().is_success() {
            let text = String::from_utf8_lossy(response.body()).into_owned();
            return Ok(Answer::Failed { status: response.status(), text });
        }
        let media_type = headers.get(CONTENT_TYPE).context("no Content-Type")?.to_str()?;
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        ensure!(essence == "application/json", "Content-Type is {media_type}");
        Document::read(version, response.body())?.answer()
    }

    /// The user.
    ///
    /// # Panics
    ///
    /// The caller was not let in.
    #[must_use]
    pub fn user(self) -> User {
        match self {
            Answer::Allowed(user) => user,
            other => panic!("not let in: {other:?}"),
        }
    }

    /// The reason of a refusal.
    ///
    /// # Panics
    ///
    /// The caller was let in, or there is no verdict.
    #[must_use]
    pub fn reason(self) -> String {
        match self {
            Answer::Refused(reason) => reason,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// A TokenReview as the decoder of its version reads it: names are case-sensitive, unknown ones are passed over, and a member
/// of another type is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Document {
    api_version: Option<String>,
    kind: Option<String>,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    user: User,
    #[serde(deserialize_with = "or_null")]
    audiences: Vec<String>,
    error: String,
}

impl Document {
    fn read(version: ReviewVersion, body: &[u8]) -> Result<Document> {
        let document: Document = serde_json::from_slice(body)?;
        // Without these it could be read all the same. With others it could not.
        ensure!(document.kind.as_deref() == Some("TokenReview"), "kind is {:?}", document.kind);
        ensure!(document.api_version == Some(api_version(version)), "apiVersion is {:?}", document.api_version);
        Ok(document)
    }

    fn answer(self) -> Result<Answer> {
        let Status { authenticated, user, audiences, error } = self.status;
        ensure!(audiences.is_empty(), "naming an audience makes the token good for it");
        match (authenticated, error.is_empty()) {
            (true, true) if user.username.is_empty() => bail!("the API server lets a user without a name in"),
            (true, true) => Ok(Answer::Allowed(user)),
            (true, false) => bail!("the API server passes over the error of somebody it lets in"),
            (false, true) => bail!("the API server keeps a refusal without an error for two minutes"),
            (false, false) if user == User::default() => Ok(Answer::Refused(error)),
            (false, false) => bail!("a refusal names a user"),
        }
    }
}

/// `null` is an empty list or map.
fn or_null<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_server_understands_is_understood() {
        let user = |username: &str| User { username: username.to_owned(), ..User::default() };
        let full = User {
            uid: "1".to_owned(),
            groups: vec!["g".to_owned()],
            extra: BTreeMap::from([("k".to_owned(), vec!["a".to_owned(), "b".to_owned()])]),
            ..user("u")
        };
        let rows = [
            (
                r#""authenticated":true,"user":{"username":"u","uid":"1","groups":["g"],"extra":{"k":["a","b"]}}"#,
                Answer::Allowed(full),
            ),
            (r#""authenticated":true,"user":{"username":"u","groups":null,"extra":null}"#, Answer::Allowed(user("u"))),
            (r#""authenticated":true,"user":{"username":"u","nick":"n"}"#, Answer::Allowed(user("u"))),
            (r#""authenticated":false,"error":"expired""#, Answer::Refused("expired".to_owned())),
        ];
        for (status, expected) in rows {
            let body =
                format!(r#"{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{{{status}}}}}"#);
            assert_eq!(read(200, &body).unwrap(), expected, "{status}");
            assert_eq!(read(200, &format!("{body}\n")).unwrap(), expected, "{status}");
        }
    }

    #[test]
    fn what_an_api_server_refuses_or_misreads_is_refused() {
        let good = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"user":{"username":"u"}}}"#;
        assert!(read(200, good).is_ok());
        let rows = [
            ("the other version", "/v1\"", "/v1beta1\""),
            ("another group", "authentication.k8s.io", "foo.io"),
            ("another kind", "TokenReview", "Foo"),
            ("no version", r#""apiVersion":"authentication.k8s.io/v1","#, ""),
            ("no kind", r#""kind":"TokenReview","#, ""),
            ("no name", r#""username":"u""#, ""),
            ("an empty name", r#""u""#, r#""""#),
            ("a yes with an error", r#""user""#, r#""error":"e","user""#),
            ("a no without an error", "true", "false"),
            ("a yes as text", "true", r#""true""#),
            ("a capital", "authenticated", "Authenticated"),
            ("an audience", r#""user""#, r#""audiences":["a"],"user""#),
            ("extra that is not a list", r#""username""#, r#""extra":{"k":"v"},"username""#),
            ("groups that are no list", r#""username""#, r#""groups":"g","username""#),
            ("text behind it", "}}}", "}}}garbage"),
            ("nothing", good, ""),
        ];
        for (label, from, to) in rows {
            assert!(good.contains(from), "{label}");
            assert!(read(200, &good.replacen(from, to, 1)).is_err(), "{label}");
        }
    }

    #[test]
    fn what_is_not_a_success_is_no_verdict() {
        let yes = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"user":{"username":"u"}}}"#;
        let failed = Answer::Failed { status: StatusCode::FORBIDDEN, text: yes.to_owned() };
        assert_eq!(read(403, yes).unwrap(), failed);
    }

    #[test]
    fn an_answer_never_asks_to_be_asked_again() {
        for header in ["retry-after", "location", "content-encoding"] {
            let response = Response::builder().status(503).header(header, "1").body(Bytes::new()).unwrap();
            assert!(Answer::read(ReviewVersion::V1, &response).is_err(), "{header}");
        }
    }

    fn read(status: u16, body: &str) -> Result<Answer> {
        let response = Response::builder().status(status).header("content-type", "application/json");
        Answer::read(ReviewVersion::V1, &response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
    }
}
