//! What EKS says of a cluster: `DescribeCluster`, and for a better error `ListClusters`. Signed with aws-sigv4, without a generated
//! client: two calls are not worth one.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        behavior_version::BehaviorVersion,
        http::SharedHttpClient,
        identity::Identity,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    },
};
use aws_smithy_types::{error::ErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig};
use jiff::Timestamp;

use crate::{
    credentials::{Bounded, CallError, is_page},
    region::Region,
};

mod answer;
mod endpoint;

pub use answer::{Cluster, ClusterFault, ClusterName, InvalidClusterName};
pub use endpoint::{EksEndpoint, EndpointError};

/// EKS in one region, asked by somebody.
#[derive(Clone, Debug)]
pub struct Eks {
    client: SharedHttpClient,
    url: String,
    region: Region,
    credentials: Credentials,
    clock: fn() -> Timestamp,
}

/// EKS gave no answer, or no good one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EksError {
    /// It says no, or nothing.
    #[error("{url}")]
    Call {
        /// Where it was asked.
        url: String,
        /// What came of it.
        #[source]
        source: CallError,
    },
    /// There is nothing that a kubeconfig could be made of.
    #[error("cluster {name}")]
    Cluster {
        /// The cluster.
        name: String,
        /// What is the matter with it.
        #[source]
        source: ClusterFault,
    },
}

impl EksError {
    /// Whether EKS says that there is no such cluster.
    #[must_use]
    pub fn is_no_such_cluster(&self) -> bool {
        matches!(self, Self::Call { source: CallError::Refused { code, .. }, .. } if code == "ResourceNotFoundException")
    }
}

impl Eks {
    /// EKS at this URL.
    #[must_use]
    pub fn new(
        client: SharedHttpClient,
        url: &str,
        region: Region,
        credentials: Credentials,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self { client, url: url.trim_end_matches('/').to_owned(), region, credentials, clock }
    }

    /// The cluster, if one can log in to it.
    ///
    /// # Errors
    ///
    /// EKS's own; a cluster that is not `ACTIVE` or `UPDATING`; an answer about another cluster than was asked for.
    pub async fn describe_cluster(&self, name: &ClusterName) -> Result<Cluster, EksError> {
        let body = self.get(&format!("/clusters/{name}")).await?;
        Cluster::parse(&body, name, &self.region).map_err(|source| EksError::Cluster { name: name.to_string(), source })
    }

    /// The names of the region's first hundred clusters.
    ///
    /// # Errors
    ///
    /// EKS's own.
    pub async fn cluster_names(&self) -> Result<Vec<String>, EksError> {
        let body = self.get("/clusters").await?;
        answer::names(&body).ok_or_else(|| self.failed(CallError::Unreadable))
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, EksError> {
        let eks = self.clone();
        let operation = Operation::builder()
            .service_name("eks")
            .operation_name("get")
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.client.clone())
            .endpoint_url(&self.url)
            .no_auth()
            .standard_retry(&RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(RETRIED_STATUSES.as_slice()))
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIME).build())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .interceptor(Bounded(MAX_ANSWER))
            .serializer(move |path: String| eks.request(&path))
            .deserializer(read)
            .build();
        operation.invoke(path.to_owned()).await.map_err(|error| self.failed(error.into()))
    }

    /// A request with the headers that signing adds. The endpoint's part of the URL is added when it is sent.
    fn request(&self, path: &str) -> Result<HttpRequest, BoxError> {
        let identity = Identity::from(self.credentials.clone());
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name("eks")
            .time((self.clock)().into())
            .settings(SigningSettings::default())
            .build()?;
        let url = format!("{}{path}", self.url);
        let signable = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::empty())?;
        let (instructions, _signature) = sign(signable, &parameters.into())?.into_parts();
        let mut request = HttpRequest::get(path)?;
        for (name, value) in instructions.headers() {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned())?;
        }
        request.headers_mut().try_insert("user-agent", USER_AGENT)?;
        Ok(request)
    }

    fn failed(&self, source: CallError) -> EksError {
        EksError::Call { url: self.url.clone(), source }
    }
}

/// What the answer says: the whole of it, or the refusal.
fn read(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    // A page in its place is told of as one, whatever its status.
    if response.status().is_success() && !is_page(response) {
        return Ok(body.to_vec());
    }
    Err(OrchestratorError::operation(answer::refusal(response.headers().get("x-amzn-errortype"), body)))
}

/// A description has a few kilobytes, and a hundred names no more than ten.
const MAX_ANSWER: usize = 1 << 20;

/// Those of the SDKs, and the one of a gateway that throttles.
const RETRIED_STATUSES: [u16; 5] = [429, 500, 502, 503, 504];

const ATTEMPTS: u32 = 3;
const ATTEMPT_TIME: Duration = Duration::from_secs(10);
const USER_AGENT: &str = concat!("authenticator-client/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests;
