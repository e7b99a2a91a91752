//! The metadata service of an EC2 instance, in its second version: the role of the instance, and its region.
//!
//! It is asked last, and off EC2 there is nobody at its address who would even refuse: so it gets little time to take a
//! connection, and the usual time once it has.

use std::{error::Error, fmt, time::Duration};

use aws_config::{
    imds::{
        self,
        client::{ImdsResponseRetryClassifier, error::ImdsError},
        credentials::ImdsCredentialsProvider,
    },
    provider_config::ProviderConfig,
};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_smithy_runtime_api::client::retries::classifiers::SharedRetryClassifier;
use aws_types::os_shim_internal::Env;

use super::call::first_cause;
use crate::{
    environment::{self, NotUnicode},
    profile::ProfileView,
};

/// Where the service is, and how patiently it is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Instance {
    endpoint: String,
    read_timeout: Duration,
    /// `None` where nobody says: once.
    attempts: Option<u32>,
    /// What was looked at before, where it is asked because nothing else is configured.
    last_after: Option<String>,
}

/// The service gives nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// An address that is none.
    #[error("{place} is {text:?}, which is no URL")]
    Endpoint {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// Neither this protocol nor that.
    #[error("{place} is {text:?}: write IPv4 or IPv6")]
    Mode {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// The service gives no credentials.
    #[error("no credentials from the EC2 instance metadata service {endpoint}: {reason}")]
    NoCredentials {
        /// Where the service is.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Nothing is configured, and this is no instance with a role.
    #[error(
        "no AWS credentials: looked at {looked_at}, and at the EC2 instance metadata service ({reason}); set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or choose a profile that has credentials with --profile or AWS_PROFILE"
    )]
    Nothing {
        /// The sources that were looked at before.
        looked_at: String,
        /// Why the service gives none.
        reason: String,
    },
    /// Not a number of seconds or attempts.
    #[error("{place} is {text:?}: write a whole number from 1 to 3600")]
    Number {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Instance {
    /// The service, unless `AWS_EC2_METADATA_DISABLED` turns it off. Each setting is looked for in the environment, then in the
    /// profile.
    pub(super) fn choose(profile: ProfileView<'_>, env: &Env) -> Result<Option<Self>, InstanceError> {
        if environment::variable(env, "AWS_EC2_METADATA_DISABLED")?.is_some_and(|off| off.eq_ignore_ascii_case("true"))
        {
            return Ok(None);
        }
        let setting = |variable, key| match environment::variable(env, variable)? {
            Some(text) => Ok::<_, NotUnicode>(Some((text, variable.to_owned()))),
            None => {
                let text = profile.setting(key).filter(|text| !text.is_empty());
                Ok(text.map(|text| (text.to_owned(), format!("{key} of {profile}"))))
            }
        };
        let endpoint = match setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")? {
            Some((text, _)) if text.starts_with("http://") => text,
            Some((text, place)) => return Err(InstanceError::Endpoint { place, text }),
            None => match setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode")? {
                None => IPV4.to_owned(),
                Some((text, _)) if text.eq_ignore_ascii_case("ipv4") => IPV4.to_owned(),
                Some((text, _)) if text.eq_ignore_ascii_case("ipv6") => IPV6.to_owned(),
                Some((text, place)) => return Err(InstanceError::Mode { place, text }),
            },
        };
        let seconds = number(setting("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?)?;
        let attempts = number(setting("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")?)?;
        let read_timeout = Duration::from_secs(seconds.unwrap_or(1).into());
        Ok(Some(Self { endpoint, read_timeout, attempts, last_after: None }))
    }

    /// The service as the last resort, after these sources.
    pub(super) fn after(self, looked_at: String) -> Self {
        Self { last_after: Some(looked_at), ..self }
    }

    /// The client that keeps the service's session token; `config` has an HTTP client without certificates or proxies.
    pub(super) fn client(&self, config: &ProviderConfig) -> Result<imds::Client, InstanceError> {
        let retries = ImdsResponseRetryClassifier::default().with_retry_connect_timeouts(self.attempts.is_some());
        let client = imds::Client::builder()
            .configure(config)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(self.read_timeout)
            .operation_attempt_timeout(self.read_timeout + CONNECT_TIMEOUT)
            .max_attempts(self.attempts.unwrap_or(1))
            .retry_classifier(SharedRetryClassifier::new(retries))
            .endpoint(&self.endpoint)
            .map_err(|_| InstanceError::Endpoint { place: "the endpoint".to_owned(), text: self.endpoint.clone() })?;
        Ok(client.build())
    }

    /// Asks for the credentials of the instance's role.
    pub(super) async fn obtain(
        &self,
        client: imds::Client,
        config: &ProviderConfig,
    ) -> Result<Credentials, InstanceError> {
        let provider = ImdsCredentialsProvider::builder().configure(config).imds_client(client).build();
        provider.provide_credentials().await.map_err(|error| self.gives_nothing(reason(&error)))
    }

    /// Asks for the region that the instance is in; `None` where the service has none.
    ///
    /// A service that cannot be asked has no credentials either: waiting for it once is enough.
    pub(super) async fn region(&self, client: &imds::Client) -> Result<Option<String>, InstanceError> {
        match client.get("/latest/meta-data/placement/region").await {
            Ok(region) => Ok(Some(region.as_ref().trim().to_owned()).filter(|region| !region.is_empty())),
            Err(ImdsError::ErrorResponse(_)) => Ok(None),
            Err(error) => Err(self.gives_nothing(reason(&error))),
        }
    }

    fn gives_nothing(&self, reason: String) -> InstanceError {
        match &self.last_after {
            Some(looked_at) => InstanceError::Nothing { looked_at: looked_at.clone(), reason },
            None => InstanceError::NoCredentials { endpoint: self.endpoint.clone(), reason },
        }
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("source", Some("instance".to_owned())), ("endpoint", Some(self.endpoint.clone()))]
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the role of the EC2 instance ({})", self.endpoint)
    }
}

/// The first cause; but of an answer that is an error its status, for its `Display` shows the whole answer.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(ImdsError::ErrorResponse(answer)) = error.downcast_ref() {
            return format!("HTTP status {}", answer.response().status().as_u16());
        }
        cause = error.source();
    }
    first_cause(error)
}

fn number(setting: Option<(String, String)>) -> Result<Option<u32>, InstanceError> {
    let Some((text, place)) = setting else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number @ 1..=3600) => Ok(Some(number)),
        _ => Err(InstanceError::Number { place, text }),
    }
}

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";

/// On EC2 the service is on the same machine.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
