//! What STS says: its answer, its refusals, in JSON to whoever asks for it and in XML to everybody else.
//!
//! Codes and statuses: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>. Where that page and the service
//! differ (it answers an unknown key with 403 and `InvalidClientTokenId`, throttling with 400 and `Throttling`) the service is followed.

use http::header::HeaderValue;
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Bytes;
use serde_json::json;

use super::{Assumed, Principal};
use crate::support::loopback::plain;

/// A refusal: STS's code and its words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The code by which programs tell refusals apart.
    pub code: Code,
    message: String,
}

impl Fault {
    /// A refusal with this code and text.
    pub fn new(code: Code, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into() }
    }

    /// The words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// STS's codes, alphabetical.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// The caller may not do that, or brought the wrong second factor.
    AccessDenied,
    /// The session of temporary credentials has ended.
    ExpiredToken,
    /// A parameter of the signature is missing, doubled or not in its format.
    IncompleteSignature,
    /// An action that is not known here.
    InvalidAction,
    /// An access key id that nobody has, or whose session token is missing or another one.
    InvalidClientTokenId,
    /// The token of a web identity is none.
    InvalidIdentityToken,
    /// The query cannot be read.
    MalformedQueryString,
    /// Not signed at all.
    MissingAuthenticationToken,
    /// The signature is of other bytes, another secret, another region, or another time.
    SignatureDoesNotMatch,
    /// More calls than the account may make.
    Throttling,
    /// A parameter is missing, or out of its bounds.
    ValidationError,
}

impl Code {
    /// The code as written in an answer.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::AccessDenied => "AccessDenied",
            Code::ExpiredToken => "ExpiredToken",
            Code::IncompleteSignature => "IncompleteSignature",
            Code::InvalidAction => "InvalidAction",
            Code::InvalidClientTokenId => "InvalidClientTokenId",
            Code::InvalidIdentityToken => "InvalidIdentityToken",
            Code::MalformedQueryString => "MalformedQueryString",
            Code::MissingAuthenticationToken => "MissingAuthenticationToken",
            Code::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Code::Throttling => "Throttling",
            Code::ValidationError => "ValidationError",
        }
    }

    pub(in crate::support) fn status(self) -> StatusCode {
        match self {
            Code::AccessDenied
            | Code::ExpiredToken
            | Code::InvalidClientTokenId
            | Code::MissingAuthenticationToken
            | Code::SignatureDoesNotMatch => StatusCode::FORBIDDEN,
            Code::IncompleteSignature
            | Code::InvalidAction
            | Code::InvalidIdentityToken
            | Code::Throttling
            | Code::ValidationError => StatusCode::BAD_REQUEST,
            Code::MalformedQueryString => StatusCode::NOT_FOUND,
        }
    }
}

/// The form of an answer, chosen by the request's `Accept`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Json,
    Xml,
}

impl Form {
    pub(super) fn wanted_by(headers: &HeaderMap) -> Form {
        let accepts_json = headers.get_all(http::header::ACCEPT).iter().any(|value| {
            value.to_str().is_ok_and(|text| text.split(',').any(|media| media.trim().starts_with("application/json")))
        });
        if accepts_json { Form::Json } else { Form::Xml }
    }

    pub(super) fn identity(self, principal: &Principal, request_id: &str) -> Response<Bytes> {
        let Principal { account, arn, user_id, .. } = principal;
        let body = match self {
            Form::Json => json!({"GetCallerIdentityResponse": {
                "GetCallerIdentityResult": {"Account": account, "Arn": arn, "UserId": user_id},
                "ResponseMetadata": {"RequestId": request_id},
            }})
            .to_string(),
            Form::Xml => format!(
                "<GetCallerIdentityResponse xmlns=\"{XML_NAMESPACE}\">\n  <GetCallerIdentityResult>\n    <Arn>{}</Arn>\n    \
                 <UserId>{}</UserId>\n    <Account>{}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
                 <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
                escape(arn),
                escape(user_id),
                escape(account),
            ),
        };
        self.answer(StatusCode::OK, body, request_id)
    }

    /// The session that `action` gave.
    pub(super) fn session(
        self,
        action: &str,
        Assumed { principal, ends }: &Assumed,
        request_id: &str,
    ) -> Response<Bytes> {
        let Principal { access_key_id, secret_access_key, session, arn, user_id, .. } = principal;
        let token = session.as_ref().map(|session| session.token.as_str()).unwrap_or_default();
        let body = match self {
            Form::Json => json!({format!("{action}Response"): {
                format!("{action}Result"): {
                    "AssumedRoleUser": {"Arn": arn, "AssumedRoleId": user_id},
                    "Credentials": {
                        "AccessKeyId": access_key_id,
                        "SecretAccessKey": secret_access_key,
                        "SessionToken": token,
                        "Expiration": ends.as_second(),
                    },
                },
                "ResponseMetadata": {"RequestId": request_id},
            }})
            .to_string(),
            Form::Xml => format!(
                "<{action}Response xmlns=\"{XML_NAMESPACE}\">\n  <{action}Result>\n    <AssumedRoleUser>\n      \
                 <AssumedRoleId>{}</AssumedRoleId>\n      <Arn>{}</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n      \
                 <AccessKeyId>{access_key_id}</AccessKeyId>\n      <SecretAccessKey>{}</SecretAccessKey>\n      \
                 <SessionToken>{}</SessionToken>\n      <Expiration>{ends}</Expiration>\n    </Credentials>\n  \
                 </{action}Result>\n  <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  \
                 </ResponseMetadata>\n</{action}Response>\n",
                escape(user_id),
                escape(arn),
                escape(secret_access_key),
                escape(token),
            ),
        };
        self.answer(StatusCode::OK, body, request_id)
    }

    pub(super) fn fault(self, Fault { code, message }: &Fault, request_id: &str) -> Response<Bytes> {
        let body = match self {
            Form::Json => json!({
                "Error": {"Code": code.name(), "Message": message, "Type": "Sender"},
                "RequestId": request_id,
            })
            .to_string(),
            Form::Xml => format!(
                "<ErrorResponse xmlns=\"{XML_NAMESPACE}\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{}</Code>\n    \
                 <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                code.name(),
                escape(message),
            ),
        };
        self.answer(code.status(), body, request_id)
    }

    fn answer(self, status: StatusCode, body: String, request_id: &str) -> Response<Bytes> {
        let content_type = match self {
            Form::Json => "application/json",
            Form::Xml => "text/xml",
        };
        let mut response = plain(status, content_type, body);
        let id = HeaderValue::from_str(request_id).expect("request ids are made of digits and dashes");
        response.headers_mut().insert("x-amzn-requestid", id);
        response
    }
}

pub(in crate::support) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const XML_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
