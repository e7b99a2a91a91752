//! TokenReview in and out, `authentication.k8s.io/v1` and `v1beta1`.
//!
//! The answer names the version that the request named: the API server's decoder converts between no two of them
//! (`k8s.io/apiserver/plugin/pkg/authenticator/token/webhook`). It starts as a refusal, and only [`Allowed`] makes it
//! anything else. It never has `status.audiences`: naming one would make the token good for it, and without any the API
//! server takes its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::authenticate::Allowed;
use crate::denial::{Denial, Disclosure};
use crate::json::Object;
use crate::token::Token;

/// A TokenReview that asks about a token.
#[derive(Debug)]
pub struct ReviewRequest {
    version: ReviewVersion,
    token: Token,
}

/// The versions of the TokenReview API that API servers speak (`--authentication-token-webhook-version`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ReviewVersion {
    /// `authentication.k8s.io/v1`
    #[serde(rename = "authentication.k8s.io/v1")]
    V1,
    /// `authentication.k8s.io/v1beta1`, the API server's default.
    #[serde(rename = "authentication.k8s.io/v1beta1")]
    V1beta1,
}

/// Why a body is not a TokenReview. None of these repeats the body: it holds a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewError {
    /// Not one JSON object whose members have the types they must have.
    #[error("the body is not a TokenReview: line {line}, column {column}")]
    Json {
        /// Where it stops being one, from 1.
        line: usize,
        /// Where it stops being one, from 0.
        column: usize,
    },
    /// Not UTF-8, as JSON must be (RFC 8259, section 8.1).
    #[error("the body is not UTF-8: byte {byte}")]
    NotUtf8 {
        /// Where it stops being UTF-8, from 0.
        byte: usize,
    },
    /// Another kind.
    #[error("kind must be TokenReview")]
    Kind,
    /// Another group or version.
    #[error("apiVersion must be authentication.k8s.io/v1 or authentication.k8s.io/v1beta1")]
    ApiVersion,
}

impl ReviewRequest {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Anything that no API server sends.
    pub fn parse(body: &[u8]) -> Result<Self, ReviewError> {
        // What the reader passes over unread must be UTF-8 too.
        let body = std::str::from_utf8(body).map_err(|error| ReviewError::NotUtf8 { byte: error.valid_up_to() })?;
        let Object(body): Object<Body> = serde_json::from_str(body)
            .map_err(|error| ReviewError::Json { line: error.line(), column: error.column() })?;
        if body.kind != "TokenReview" {
            return Err(ReviewError::Kind);
        }
        let version = match body.api_version.as_str() {
            "authentication.k8s.io/v1" => ReviewVersion::V1,
            "authentication.k8s.io/v1beta1" => ReviewVersion::V1beta1,
            _ => return Err(ReviewError::ApiVersion),
        };
        // An empty token is left out of the JSON (`json:"token,omitempty"` in k8s.io/api/authentication). It is refused like any
        // other text that is no token, with an answer: a status of 400 would count as a failure of the webhook.
        let token = body.spec.and_then(|Object(spec)| spec.token).unwrap_or_else(|| Token::new(String::new()));
        Ok(Self { version, token })
    }

    /// The version that the answer must name.
    #[must_use]
    pub const fn version(&self) -> ReviewVersion {
        self.version
    }

    /// The token to decide about.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The token to decide about, for what needs no more of the request.
    #[must_use]
    pub fn into_token(self) -> Token {
        self.token
    }
}

/// An answer to a TokenReview.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewAnswer {
    api_version: ReviewVersion,
    kind: &'static str,
    status: Status,
}

#[derive(Debug, Default, Serialize)]
struct Status {
    authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct User {
    username: String,
    uid: String,
    groups: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: BTreeMap<&'static str, [String; 1]>,
}

impl ReviewAnswer {
    /// Lets the caller in as the user it is mapped to.
    #[must_use]
    pub fn allow(version: ReviewVersion, allowed: &Allowed) -> Self {
        let mut answer = Self::refusal(version);
        answer.status.authenticated = true;
        answer.status.user = Some(User::of(allowed));
        answer
    }

    /// Refuses the caller. The reason starts with its stable code; the API server logs it, its client sees only 401.
    ///
    /// With a reason the API server does not cache the refusal, so that a mapping added a second later works at once.
    #[must_use]
    pub fn deny(version: ReviewVersion, denial: &Denial) -> Self {
        let mut answer = Self::refusal(version);
        answer.status.error = Some(format!("{}: {denial}", denial.code()));
        answer
    }

    fn refusal(version: ReviewVersion) -> Self {
        Self { api_version: version, kind: "TokenReview", status: Status::default() }
    }

    /// The answer's bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Serialising strings and lists to memory has no way to fail; an empty body would be a refusal.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl User {
    /// The user, its uid and its extra, to the byte as kubernetes-sigs/aws-iam-authenticator gives them
    /// (`pkg/server/server.go`, `authenticateEndpoint`): audit logs and policies depend on them.
    fn of(allowed: &Allowed) -> Self {
        let (identity, grant) = (allowed.verified().identity(), allowed.grant());
        let (username, groups) = (grant.username().to_owned(), grant.groups().to_vec());
        if allowed.disclosure() == Disclosure::Scrubbed {
            let uid = format!("aws-iam-authenticator:administrative:{username}");
            return Self { username, uid, groups, extra: BTreeMap::new() };
        }
        let extra = [
            ("accessKeyId", identity.access_key_id()),
            ("arn", identity.arn()),
            ("canonicalArn", identity.canonical_arn().as_str()),
            ("principalId", identity.user_id()),
            ("sessionName", identity.session_name()),
            ("sigs.k8s.io/aws-iam-authenticator/principalId", identity.user_id()),
        ];
        Self {
            username,
            uid: format!("aws-iam-authenticator:{}:{}", identity.account(), identity.user_id()),
            groups,
            extra: extra.into_iter().map(|(key, value)| (key, [value.to_owned()])).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    spec: Option<Object<Spec>>,
}

#[derive(Deserialize)]
struct Spec {
    token: Option<Token>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_api_servers_send_is_read() {
        for (body, version) in [
            (
                r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1beta1","metadata":{},"spec":{"token":"tok"},"status":{"user":{}}}"#,
                ReviewVersion::V1beta1,
            ),
            (
                r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{"creationTimestamp":null},"spec":{"token":"tok","audiences":["https://kubernetes.default.svc"]},"status":{"user":{}}}"#,
                ReviewVersion::V1,
            ),
        ] {
            let request = ReviewRequest::parse(body.as_bytes()).unwrap();
            assert_eq!((request.version(), request.token().expose()), (version, "tok"));
        }
    }

    #[test]
    fn a_body_that_no_api_server_sends_is_refused_with_a_reason() {
        let with = |version: &str, kind: &str, spec: &str| {
            format!(r#"{{"apiVersion":"{version}","kind":"{kind}","spec":{spec}}}"#)
        };
        let v1 = "authentication.k8s.io/v1";
        for (body, error) in [
            (with(v1, "Pod", "{}"), ReviewError::Kind),
            (with(v1, "tokenreview", "{}"), ReviewError::Kind),
            (with("authentication.k8s.io/v2", "TokenReview", "{}"), ReviewError::ApiVersion),
            (with("v1", "TokenReview", "{}"), ReviewError::ApiVersion),
            ("{}".to_owned(), ReviewError::Kind),
            (r#"{"kind":"TokenReview"}"#.to_owned(), ReviewError::ApiVersion),
        ] {
            assert_eq!(ReviewRequest::parse(body.as_bytes()).unwrap_err(), error, "{body}");
        }
        for body in [
            "",
            "null",
            "[]",
            "\"x\"",
            r#"["authentication.k8s.io/v1","TokenReview",["tok"]]"#,
            r#"{"spec":{"token":1}}"#,
            r#"{"kind":"TokenReview"} x"#,
            r#"{"kind":"TokenReview","kind":"TokenReview"}"#,
            r#"{"spec":{"token":"a","token":"b"}}"#,
        ] {
            assert!(matches!(ReviewRequest::parse(body.as_bytes()), Err(ReviewError::Json { .. })), "{body}");
        }
    }

    #[test]
    fn a_review_without_a_token_asks_about_the_empty_token() {
        for spec in [r#","spec":{"token":""}"#, r#","spec":{"token":null}"#, r#","spec":{}"#, r#","spec":null"#, ""] {
            let body = format!(r#"{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview"{spec}}}"#);
            assert_eq!(ReviewRequest::parse(body.as_bytes()).unwrap().token().expose(), "", "{body}");
        }
    }

    #[test]
    fn a_body_that_is_not_utf_8_is_refused_even_where_nobody_reads_it() {
        let body = |name: &[u8]| {
            let rest = br#""},"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":"t"}}"#;
            [&br#"{"metadata":{"name":""#[..], name, rest].concat()
        };
        assert!(ReviewRequest::parse(&body(b"n")).is_ok());
        assert_eq!(ReviewRequest::parse(&body(b"\x80")).unwrap_err(), ReviewError::NotUtf8 { byte: 21 });
    }

    #[test]
    fn an_answer_starts_as_a_refusal() {
        for (version, text) in [(ReviewVersion::V1, "v1"), (ReviewVersion::V1beta1, "v1beta1")] {
            let json = String::from_utf8(ReviewAnswer::refusal(version).to_json()).unwrap();
            let wanted = format!(
                r#"{{"apiVersion":"authentication.k8s.io/{text}","kind":"TokenReview","status":{{"authenticated":false}}}}"#
            );
            assert_eq!(json, wanted);
        }
    }

    #[test]
    fn a_refusal_says_why_and_starts_with_its_code() {
        let denial = Denial::Token(crate::token::TokenError::Expired { seconds: 3 });
        let json = String::from_utf8(ReviewAnswer::deny(ReviewVersion::V1, &denial).to_json()).unwrap();
        assert!(
            json.ends_with(r#""status":{"authenticated":false,"error":"token.expired: the token expired 3 s ago"}}"#),
            "{json}"
        );
    }
}
