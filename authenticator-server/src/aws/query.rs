//! Calls of AWS's query APIs in this server's own name: EC2, IAM and STS speak this one, and its answers are XML.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::HttpClient;
use super::own::{OwnCredentials, OwnCredentialsError};
use crate::clock::Clock;

/// A service at one of its endpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    /// The endpoint: Host header and TLS server name.
    pub host: String,
    /// What signatures are scoped to.
    pub name: &'static str,
    /// Likewise.
    pub region: String,
    /// The version of its API.
    pub version: &'static str,
}

/// Calls one service as somebody.
#[derive(Clone, Debug)]
pub struct QueryApi {
    http: HttpClient<Full<Bytes>>,
    credentials: Arc<OwnCredentials>,
    clock: Clock,
}

/// Why there is no answer. None of these says anything about the thing that was asked about.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// This server has no credentials of its own.
    #[error("no credentials of this server's own")]
    Credentials(#[from] OwnCredentialsError),
    /// No connection, no TLS session, or it broke off.
    #[error("it cannot be reached")]
    Unreachable,
    /// It asks for fewer calls.
    #[error("it throttles this server's calls")]
    Throttled,
    /// It refuses the call, with this code.
    #[error("it refuses this server's call: {0}")]
    Refused(ErrorCode),
    /// A status that is neither an answer nor a refusal.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// More than [`MAX_ANSWER_BYTES`].
    #[error("its answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
}

/// The code of an error of AWS, as far as it is safe to be shown: 1 to 64 letters, digits and dots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ErrorCode(Box<str>);

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl QueryApi {
    /// Calls by way of `http`, signed with `credentials`.
    #[must_use]
    pub const fn new(http: HttpClient<Full<Bytes>>, credentials: Arc<OwnCredentials>, clock: Clock) -> Self {
        Self { http, credentials, clock }
    }

    /// Makes the call once. Whoever calls this bounds its time.
    ///
    /// Credentials that the service does not take are forgotten, so that the next call is made with others where there are
    /// others.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn call(
        &self,
        service: &Service,
        action: &str,
        parameters: &[(String, String)],
        headers: &[(HeaderName, String)],
    ) -> Result<Bytes, QueryError> {
        let credentials = self.credentials.get().await?;
        let body = form(service, action, parameters);
        let request = signed(service, &body, headers, &credentials, self.clock.now());
        // What is signed here are texts of AWS's own grammar.
        let request = request.map_err(|_| QueryError::Status(0))?;
        let response = self.http.request(request).await.map_err(|error| {
            tracing::warn!(host = service.host, action, error = %super::chain(&error), "call of AWS failed");
            QueryError::Unreachable
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { QueryError::TooLarge } else { QueryError::Unreachable }
        })?;
        let answer = read(status, body.to_bytes());
        if matches!(&answer, Err(QueryError::Refused(code)) if code.is_about_credentials()) {
            self.credentials.forget(&credentials).await;
        }
        answer
    }
}

fn form(service: &Service, action: &str, parameters: &[(String, String)]) -> String {
    let mut form = format!("Action={action}&Version={}", service.version);
    for (name, value) in parameters {
        form.push('&');
        form.push_str(name);
        form.push('=');
        form.extend(utf8_percent_encode(value, RESERVED));
    }
    form
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn signed(
    service: &Service,
    body: &str,
    headers: &[(HeaderName, String)],
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, BoxError> {
    let identity = Identity::from(credentials.clone());
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&service.region)
        .name(service.name)
        .time(now.into())
        .settings(SigningSettings::default())
        .build()?;
    let url = format!("https://{}/", service.host);
    let headers = || {
        let more = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        std::iter::once((CONTENT_TYPE.as_str(), FORM)).chain(more)
    };
    let signable = SignableRequest::new("POST", &url, headers(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _signature) = sign(signable, &parameters.into())?.into_parts();
    let mut request = Request::post(&url).header(USER_AGENT, AGENT);
    for (name, value) in headers().chain(instructions.headers()) {
        request = request.header(name, value);
    }
    Ok(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?)
}

/// The body of an answer, or what the status and the code in the body say.
fn read(status: StatusCode, body: Bytes) -> Result<Bytes, QueryError> {
    if status == StatusCode::OK {
        return Ok(body);
    }
    let code = ErrorCode::read(&body);
    Err(match code {
        Some(code) if code.is_throttling() => QueryError::Throttled,
        None if status == StatusCode::TOO_MANY_REQUESTS => QueryError::Throttled,
        Some(code) if status.is_client_error() => QueryError::Refused(code),
        Some(_) | None => QueryError::Status(status.as_u16()),
    })
}

impl ErrorCode {
    /// The code of EC2's `<Response><Errors><Error>`, or of the `<ErrorResponse><Error>` of the others.
    fn read(body: &[u8]) -> Option<Self> {
        let xml: ErrorResponse = quick_xml::de::from_str(std::str::from_utf8(body).ok()?).ok()?;
        let code = xml.error.or_else(|| xml.errors?.error.into_iter().next())?.code;
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        ((1..=64).contains(&code.len()) && code.bytes().all(is_code)).then(|| Self(code.into()))
    }

    /// The codes that the AWS SDKs take for throttling
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>).
    fn is_throttling(&self) -> bool {
        [
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
        ]
        .contains(&&*self.0)
    }

    /// IAM's code for what is not there
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html>).
    #[must_use]
    pub fn is_no_such_entity(&self) -> bool {
        &*self.0 == "NoSuchEntity"
    }

    /// Codes of credentials that have ended, or are not known (any more)
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
    fn is_about_credentials(&self) -> bool {
        [
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidClientTokenId",
            "RequestExpired",
            "UnrecognizedClientException",
        ]
        .contains(&&*self.0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse {
    error: Option<ErrorItem>,
    errors: Option<ErrorItems>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorItems {
    #[serde(default = "Vec::new")]
    error: Vec<ErrorItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorItem {
    code: String,
}

/// The descriptions of 200 instances, each with all the tags and network interfaces that it can have.
pub const MAX_ANSWER_BYTES: usize = 16 << 20;

const AGENT: &str = concat!("authenticator-server/", env!("CARGO_PKG_VERSION"));
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> QueryError {
        read(StatusCode::from_u16(status).unwrap(), Bytes::from(body.to_owned())).unwrap_err()
    }

    #[test]
    fn an_error_is_what_its_code_says_in_both_of_its_forms() {
        let ec2 = |code: &str| {
            format!(
                "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>"
            )
        };
        let iam = |code: &str| {
            format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            )
        };
        for form in [ec2, iam] {
            assert_eq!(refused(503, &form("RequestLimitExceeded")), QueryError::Throttled);
            assert_eq!(refused(400, &form("Throttling")), QueryError::Throttled);
            let code = ErrorCode("UnauthorizedOperation".into());
            assert_eq!(refused(403, &form("UnauthorizedOperation")), QueryError::Refused(code));
            assert_eq!(refused(500, &form("InternalError")), QueryError::Status(500));
            assert_eq!(refused(403, &form("a code\nwith more")), QueryError::Status(403));
        }
        assert_eq!(refused(429, ""), QueryError::Throttled);
        assert_eq!(refused(503, "<html/>"), QueryError::Status(503));
        assert_eq!(refused(302, ""), QueryError::Status(302));
    }

    #[test]
    fn a_form_has_each_parameter_encoded() {
        let service = Service { host: "h".into(), name: "ec2", region: "r".into(), version: "2016-11-15" };
        let parameters =
            [("Filter.1.Name".to_owned(), "instance-id".to_owned()), ("X".to_owned(), "a=b& ü".to_owned())];
        assert_eq!(
            form(&service, "DescribeInstances", &parameters),
            "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=instance-id&X=a%3Db%26%20%C3%BC"
        );
    }
}
