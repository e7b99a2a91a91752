//! The session of somebody who is logged in with `aws login`. aws-config reads aws-cli's file, and has it renewed.

use std::{
    fmt::{self, Write},
    path::PathBuf,
};

use aws_config::{login::LoginCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_types::{
    os_shim_internal::{Env, Fs},
    region::Region,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::call::first_cause;
use crate::{environment, profile::ProfileView};

/// A session, by the ARN of whoever is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Login {
    session: String,
    /// The profile, by its name.
    profile: String,
}

/// What aws-config does not read of aws-cli's file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Noted {
    sign_in_region: Option<String>,
}

/// The session cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A key without a value.
    #[error("login_session of profile {0} is empty")]
    Empty(String),
    /// Nobody is logged in.
    #[error("the login session of profile {profile} cannot be used ({reason}): run `aws login --profile {profile}`")]
    NotLoggedIn {
        /// The profile.
        profile: String,
        /// Why not.
        reason: String,
    },
}

impl Login {
    /// The session that the profile names.
    pub(super) fn choose(profile: ProfileView<'_>) -> Result<Option<Self>, LoginError> {
        let name = profile.name().to_owned();
        match profile.setting("login_session") {
            None => Ok(None),
            Some("") => Err(LoginError::Empty(name)),
            Some(session) => Ok(Some(Self { session: session.to_owned(), profile: name })),
        }
    }

    /// The region that the user logged in to, where aws-cli has noted it: the one in which the session is renewed.
    pub(super) async fn sign_in_region(&self, env: &Env, fs: &Fs) -> Option<Region> {
        let directory = match environment::variable(env, "AWS_LOGIN_CACHE_DIRECTORY").ok()? {
            Some(directory) => PathBuf::from(directory),
            None => PathBuf::from(environment::variable(env, "HOME").ok()??).join(".aws/login/cache"),
        };
        let mut name = String::new();
        for byte in Sha256::digest(self.session.trim()) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        let text = Zeroizing::new(fs.read_to_end(directory.join(name + ".json")).await.ok()?);
        let Noted { sign_in_region } = serde_json::from_slice(&text).ok()?;
        sign_in_region.filter(|region| !region.is_empty()).map(Region::new)
    }

    /// Reads the session's credentials, renewed if need be.
    pub(super) async fn obtain(&self, config: &ProviderConfig) -> Result<Credentials, LoginError> {
        let provider = LoginCredentialsProvider::builder(&self.session).configure(config).build();
        provider
            .provide_credentials()
            .await
            .map_err(|error| LoginError::NotLoggedIn { profile: self.profile.clone(), reason: first_cause(&error) })
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("source", Some("login".to_owned())), ("session", Some(self.session.clone()))]
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the login session {} (profile {})", self.session, self.profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is what `printf %s SESSION | sha256sum` says.
    #[test]
    fn a_session_is_renewed_in_the_region_that_aws_cli_noted() {
        const FILE: &str = ".aws/login/cache/5778c30d3fe8c123cb2ab0d5a82c81b6fdcedfb868a6625f6f5bf6f05a7f129b.json";
        let session = "arn:aws:iam::111122223333:user/alice".to_owned();
        let login = Login { session, profile: "a".to_owned() };
        let region = |text| {
            let env = Env::from_slice(&[("HOME", "/home/me")]);
            let fs = Fs::from_slice(&[(&format!("/home/me/{FILE}"), text)]);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(login.sign_in_region(&env, &fs)).map(|region| region.to_string())
        };
        assert_eq!(region(r#"{"signInRegion":"eu-west-1","dpopKey":"k"}"#), Some("eu-west-1".to_owned()));
        for text in [r#"{"dpopKey":"k"}"#, r#"{"signInRegion":""}"#, "{"] {
            assert_eq!(region(text), None, "{text}");
        }
    }
}
