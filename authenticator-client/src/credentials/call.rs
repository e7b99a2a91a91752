//! What can be told of a call to an AWS service that came to nothing: the service's own words, or the first cause.
//!
//! The SDK's errors show whole answers in `Debug`, and some of them in `Display`; an answer may hold secrets, so they go no
//! further than here.

use std::error::Error;

use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextMut, dyn_dispatch_hint},
        orchestrator::HttpResponse,
        result::SdkError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use http_body_util::Limited;

/// A call came to nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service refuses, in its own words.
    #[error("{message} ({code})")]
    Refused {
        /// Its error code.
        code: String,
        /// Its message.
        message: String,
    },
    /// Somebody else answers: a captive portal, or a proxy.
    #[error(
        "the answer, HTTP status {0}, is a page of HTML, which is not from AWS: does a proxy or a sign-in page stand in the way?"
    )]
    Page(u16),
    /// It answers with nothing but a status.
    #[error("HTTP status {0}")]
    Status(u16),
    /// It does not answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// Its answer is not what was expected.
    #[error("its answer cannot be read")]
    Unreadable,
    /// It cannot be reached.
    #[error("{0}")]
    Unreachable(String),
}

impl<E: Error + ProvideErrorMetadata + 'static> From<SdkError<E, HttpResponse>> for CallError {
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(context) if is_page(context.raw()) => Self::Page(context.raw().status().as_u16()),
            SdkError::ResponseError(context) if is_page(context.raw()) => Self::Page(context.raw().status().as_u16()),
            SdkError::ServiceError(context) => match (context.err().code(), context.err().message()) {
                (None, None) => Self::Status(context.raw().status().as_u16()),
                (code, message) => Self::Refused {
                    code: code.unwrap_or("no code").to_owned(),
                    message: message.unwrap_or("no message").to_owned(),
                },
            },
            SdkError::TimeoutError(_) => Self::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::TimedOut,
            SdkError::ResponseError(_) => Self::Unreadable,
            error => Self::Unreachable(first_cause(&error)),
        }
    }
}

/// Reads no more bytes of an answer than any could have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded(pub(crate) usize);

#[dyn_dispatch_hint]
impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "Bounded"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, self.0));
        Ok(())
    }
}

/// Whether an answer is a page for people: no service of AWS that is asked here answers with one.
pub(crate) fn is_page(response: &HttpResponse) -> bool {
    let is_html = |text: &str| text.trim_start().to_ascii_lowercase().starts_with("text/html");
    let begins_as_html = |body: &[u8]| {
        let begin = body.trim_ascii_start();
        [&b"<!doctype html"[..], b"<html"]
            .iter()
            .any(|tag| begin.get(..tag.len()).is_some_and(|b| b.eq_ignore_ascii_case(tag)))
    };
    response.headers().get("content-type").is_some_and(is_html) || response.body().bytes().is_some_and(begins_as_html)
}

/// The cause of the cause, down to the first one.
pub(super) fn first_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(earlier) = cause.source() {
        cause = earlier;
    }
    cause.to_string()
}
