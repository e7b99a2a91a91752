//! The session of somebody who is logged in with `aws login`. aws-config reads aws-cli's file, and has it renewed.

use std::{error::Error, fmt};

use aws_config::{login::LoginCredentialsProvider, provider_config::ProviderConfig};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_types::region::Region;

use super::{SourceError, call::first_cause, outside::OutsideError};
use crate::{World, profile::ProfileView};

mod judged;
mod noted;

pub(super) use judged::judged;
use noted::Noted;

/// A session, by the ARN of whoever is logged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Login {
    session: String,
    /// The profile, by its name.
    profile: String,
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

    /// Reads the session's credentials, renewed if need be: in the region that the user logged in to, where aws-cli has noted it.
    pub(super) async fn obtain(
        &self,
        world: &World,
        config: impl FnOnce(Option<Region>) -> Result<ProviderConfig, OutsideError>,
    ) -> Result<Credentials, SourceError> {
        let noted = Noted::read(&self.session, &world.env, &world.fs).await;
        let config = config(noted.as_ref().and_then(Noted::sign_in_region))?;
        let provider = LoginCredentialsProvider::builder(&self.session).configure(&config).build();
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| LoginError::NotLoggedIn { profile: self.profile.clone(), reason: reason(&error) })?;
        if let Some(noted) = noted {
            noted.restore(&world.fs).await;
        }
        Ok(credentials)
    }

    /// What `aws login` wrote is among them, so that nothing is found after `aws logout`, or by the next one who logs in.
    pub(super) async fn values(&self, World { env, fs, .. }: &World) -> Vec<(&'static str, Option<String>)> {
        let noted = Noted::read(&self.session, env, fs).await;
        vec![
            ("source", Some("login".to_owned())),
            ("session", Some(self.session.clone())),
            ("log-in", noted.as_ref().and_then(Noted::text).map(str::to_owned)),
        ]
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the login session {} (profile {})", self.session, self.profile)
    }
}

/// What aws-config says of the session, and why. Its own error says only that there is one.
fn reason(error: &(dyn Error + 'static)) -> String {
    match error.source().map(|own| (own.to_string(), first_cause(own))) {
        Some((own, cause)) if own != cause => format!("{own}: {cause}"),
        Some((own, _)) => own,
        None => error.to_string(),
    }
}
