//! How a service of the machine itself is asked, instance metadata or a container's endpoint: one short answer to one request. No
//! redirect is followed, and nothing is tried again: what deserves that is for each source to say.

use std::{error::Error, fmt, time::Duration};

use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::SharedHttpClient,
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    result::SdkError,
};
use aws_smithy_types::{error::ErrorMetadata, timeout::TimeoutConfig};
use zeroize::Zeroizing;

use super::call::{Bounded, first_cause};

/// A service, and how long it is waited for.
#[derive(Clone, Debug)]
pub(super) struct Local {
    client: SharedHttpClient,
    url: String,
    timeouts: TimeoutConfig,
}

/// An answer. `Debug` does not show its text, which may hold credentials.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// There is no connection to it.
    #[error("{0}")]
    NotReached(String),
    /// It has the request, and says nothing in time.
    #[error("no answer in time")]
    TimedOut,
    /// It ends the connection, or says what is no HTTP, or goes on and on.
    #[error("{0}")]
    Broken(String),
}

impl Local {
    /// The service at this URL.
    pub(super) fn new(client: SharedHttpClient, url: String, connect: Duration, read: Duration) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(connect)
            .read_timeout(read)
            .operation_attempt_timeout(connect + read)
            .build();
        Self { client, url, timeouts }
    }

    /// Asks once. The request's URL is a path, which goes after the service's own.
    pub(super) async fn ask(&self, request: HttpRequest) -> Result<Answer, NoAnswer> {
        let operation = Operation::builder()
            .service_name("local")
            .operation_name("ask")
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.client.clone())
            .endpoint_url(&self.url)
            .no_auth()
            .no_retry()
            .timeout_config(self.timeouts.clone())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .interceptor(Bounded(MAX_ANSWER))
            .serializer(Ok)
            .deserializer(read)
            .build();
        operation.invoke(request).await.map_err(NoAnswer::from)
    }
}

impl From<SdkError<ErrorMetadata, HttpResponse>> for NoAnswer {
    fn from(error: SdkError<ErrorMetadata, HttpResponse>) -> Self {
        let timed_out = match &error {
            SdkError::TimeoutError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_timeout(),
            _ => false,
        };
        match (is_of_connecting(&error), timed_out) {
            (true, true) => Self::NotReached("no connection in time".to_owned()),
            (true, false) => Self::NotReached(first_cause(&error)),
            (false, true) => Self::TimedOut,
            (false, false) => Self::Broken(first_cause(&error)),
        }
    }
}

fn is_of_connecting(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn read(response: &HttpResponse) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    Ok(Answer { status: response.status().as_u16(), body: Zeroizing::new(body.to_vec()) })
}

/// The longest that is asked for are credentials, of which session tokens have up to 4096 bytes.
const MAX_ANSWER: usize = 64 * 1024;
