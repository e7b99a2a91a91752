//! Which URL an AWS service is asked at. Pure.
//!
//! The order is botocore's `ConfiguredEndpointProvider`. It is for calls alone: a token is signed for AWS's own host, since that is
//! the only one which authenticators take.

use aws_types::os_shim_internal::Env;

use crate::{
    environment::{self, NotUnicode},
    profile::Profile,
};

/// A service that is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Service {
    Eks,
    Sso,
    SsoOidc,
    Sts,
}

/// The URL cannot be chosen.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A switch that is neither on nor off.
    #[error("{place} is {text:?}: write true or false")]
    Switch {
        /// Where it stands.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A reference to nothing.
    #[error("there is no [services {name}], which {profile} refers to, in {config}")]
    UnknownServices {
        /// The name that is referred to.
        name: String,
        /// The profile that refers.
        profile: String,
        /// The config file that was looked into.
        config: String,
    },
    /// Something else than a URL.
    #[error("{place} is {text:?}: write a URL that starts with https://")]
    Url {
        /// Where it stands.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A URL with a user's name, and perhaps a password, which is not shown.
    #[error("{0} holds a user name before @, which no AWS service takes: remove it")]
    UserName(String),
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Service {
    fn variable(self) -> &'static str {
        match self {
            Self::Eks => "AWS_ENDPOINT_URL_EKS",
            Self::Sso => "AWS_ENDPOINT_URL_SSO",
            Self::SsoOidc => "AWS_ENDPOINT_URL_SSO_OIDC",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::Sso => "sso",
            Self::SsoOidc => "sso_oidc",
            Self::Sts => "sts",
        }
    }

    /// The URL that somebody configured, if anybody did.
    pub(super) fn configured_url(self, profile: &Profile, env: &Env) -> Result<Option<String>, ServiceError> {
        if is_ignored(profile, env)? {
            return Ok(None);
        }
        for variable in [self.variable(), "AWS_ENDPOINT_URL"] {
            if let Some(text) = environment::variable(env, variable)? {
                return url(text, || variable.to_owned()).map(Some);
            }
        }
        let of_services = match profile.setting("services").filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => {
                let services = profile.services(name).ok_or_else(|| ServiceError::UnknownServices {
                    name: name.to_owned(),
                    profile: profile.to_string(),
                    config: profile.config_path().to_owned(),
                })?;
                services.nested(self.key(), "endpoint_url").filter(|text| !text.is_empty()).map(|text| (name, text))
            }
        };
        match (of_services, profile.setting("endpoint_url").filter(|text| !text.is_empty())) {
            (Some((name, text)), _) => {
                url(text.to_owned(), || format!("endpoint_url under {} of [services {name}]", self.key())).map(Some)
            }
            (None, Some(text)) => url(text.to_owned(), || format!("endpoint_url of {profile}")).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn is_ignored(profile: &Profile, env: &Env) -> Result<bool, ServiceError> {
    let (text, place) = match environment::variable(env, IGNORE_VARIABLE)? {
        Some(text) => (text, IGNORE_VARIABLE.to_owned()),
        None => match profile.setting(IGNORE_KEY) {
            Some(text) => (text.to_owned(), format!("{IGNORE_KEY} of {profile}")),
            None => return Ok(false),
        },
    };
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(ServiceError::Switch { place, text }),
    }
}

/// Lets through a URL at which a service can be asked.
///
/// # Errors
///
/// Another scheme, or a user's name before the host.
pub(crate) fn url(text: String, place: impl FnOnce() -> String) -> Result<String, ServiceError> {
    let has_user = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@');
    match ["https://", "http://"].iter().find_map(|start| text.strip_prefix(start)).map(has_user) {
        Some(false) => Ok(text),
        _ if text.contains('@') => Err(ServiceError::UserName(place())),
        _ => Err(ServiceError::Url { place: place(), text }),
    }
}

const IGNORE_VARIABLE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
const IGNORE_KEY: &str = "ignore_configured_endpoint_urls";
