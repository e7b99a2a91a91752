//! The endpoint by which ECS and EKS Pod Identity give a container its credentials. aws-config asks it; it reads the variables and
//! the authorization token itself, and takes no URL by which a token could be led away.

use std::fmt;

use aws_config::{ecs::EcsCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_types::os_shim_internal::{Env, Fs};

use super::call::first_cause;
use crate::environment::{self, NotUnicode};

/// The endpoint, and the variable that names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Container {
    variable: &'static str,
    uri: String,
}

/// The endpoint gives no credentials.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// It cannot be asked, or says no.
    #[error("no credentials from the container endpoint {uri} that {variable} names: {reason}")]
    Endpoint {
        /// The endpoint.
        uri: String,
        /// The variable.
        variable: &'static str,
        /// Why not.
        reason: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Container {
    /// The endpoint that the environment names.
    pub(super) fn choose(env: &Env) -> Result<Option<Self>, ContainerError> {
        for variable in ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            if let Some(uri) = environment::variable(env, variable)? {
                return Ok(Some(Self { variable, uri }));
            }
        }
        Ok(None)
    }

    /// Whether certificates are needed to ask it.
    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.starts_with("https:")
    }

    /// Asks the endpoint.
    pub(super) async fn obtain(&self, config: &ProviderConfig) -> Result<Credentials, ContainerError> {
        let provider = EcsCredentialsProvider::builder().configure(config).build();
        provider.provide_credentials().await.map_err(|error| ContainerError::Endpoint {
            uri: self.uri.clone(),
            variable: self.variable,
            reason: first_cause(&error),
        })
    }

    /// The authorization token is among them: EKS Pod Identity has one URL for all pods, and tells them apart by it.
    pub(super) async fn values(&self, env: &Env, fs: &Fs) -> Vec<(&'static str, Option<String>)> {
        let variable = |name| environment::variable(env, name).ok().flatten();
        let in_file = match variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(path) => fs.read_to_end(path).await.ok().and_then(|bytes| String::from_utf8(bytes).ok()),
            None => None,
        };
        vec![
            ("source", Some("container".to_owned())),
            (self.variable, Some(self.uri.clone())),
            ("authorization token file", in_file),
            ("authorization token", variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")),
        ]
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the container endpoint {} ({})", self.uri, self.variable)
    }
}
