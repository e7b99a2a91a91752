//! What STS says: its answer, its refusals, in JSON to whoever asks for it and in XML to everybody else.
//!
//! Codes and statuses: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>. Where that page and the service
//! differ (it answers an unknown key with 403 and `InvalidClientTokenId`, throttling with 400 and `Throttling`) the service is followed.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Bytes;
use serde_json::json;

use super::Principal;

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
}

/// STS's codes, alphabetical.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// The session of temporary credentials has ended.
    ExpiredToken,
    /// A parameter of the signature is missing, doubled or not in its format.
    IncompleteSignature,
    /// Another action than `GetCallerIdentity`.
    InvalidAction,
    /// An access key id that nobody has, or whose session token is missing or another one.
    InvalidClientTokenId,
    /// The query cannot be read.
    MalformedQueryString,
    /// Not signed at all.
    MissingAuthenticationToken,
    /// The signature is of other bytes, another secret, another region, or another time.
    SignatureDoesNotMatch,
    /// More calls than the account may make.
    Throttling,
}

impl Code {
    /// The code as written in an answer.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::ExpiredToken => "ExpiredToken",
            Code::IncompleteSignature => "IncompleteSignature",
            Code::InvalidAction => "InvalidAction",
            Code::InvalidClientTokenId => "InvalidClientTokenId",
            Code::MalformedQueryString => "MalformedQueryString",
            Code::MissingAuthenticationToken => "MissingAuthenticationToken",
            Code::SignatureDoesNotMatch => "SignatureDoesNotMatch",
            Code::Throttling => "Throttling",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Code::ExpiredToken
            | Code::InvalidClientTokenId
            | Code::MissingAuthenticationToken
            | Code::SignatureDoesNotMatch => StatusCode::FORBIDDEN,
            Code::IncompleteSignature | Code::InvalidAction | Code::Throttling => StatusCode::BAD_REQUEST,
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

/// An answer of any status, type and body.
pub(super) fn plain(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_str(content_type).expect("a test gives a content type that can be sent");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const XML_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
