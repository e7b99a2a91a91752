//! A role, assumed with a token that another identity provider gave: a service account's of Kubernetes, for instance.

use std::{fmt, io, path::PathBuf};

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::{Env, Fs};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{
    role::SessionName,
    source::{Choice, EnvironmentIdentities},
    sts::{Sts, StsError},
};
use crate::environment::{self, NotUnicode};

/// A role, and the file that holds the token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct WebIdentity {
    token_file: PathBuf,
    role_arn: String,
    session_name: SessionName,
    /// What names the token, in words.
    asked_by: String,
}

/// The web identity cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebIdentityError {
    /// A key without a value.
    #[error("web_identity_token_file of {0} is empty")]
    Empty(String),
    /// A token and no role.
    #[error("{asked_by} names a web identity token, but neither AWS_ROLE_ARN nor role_arn says for which role")]
    NoRole {
        /// What names the token.
        asked_by: String,
    },
    /// There is nothing in the file, or no text.
    #[error("{}, which {asked_by} names, is no web identity token", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What names it.
        asked_by: String,
    },
    /// The token cannot be read.
    #[error("cannot read the web identity token {}, which {asked_by} names", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What names it.
        asked_by: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// STS gives no credentials for it.
    #[error("no credentials for role {role_arn} with the web identity token that {asked_by} names")]
    Sts {
        /// The role.
        role_arn: String,
        /// What names the token.
        asked_by: String,
        /// What STS says.
        #[source]
        source: Box<StsError>,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl WebIdentity {
    /// The web identity that the environment or the profile asks for. Each of its three values is looked for in the environment
    /// first, as botocore does.
    pub(super) fn choose(choice: Choice<'_>) -> Result<Option<Self>, WebIdentityError> {
        let Choice { profile, env, identities, now: _ } = choice;
        let value = |variable, key| {
            let heard = match identities {
                EnvironmentIdentities::Heard => environment::variable(env, variable)?,
                EnvironmentIdentities::Ignored => None,
            };
            let (value, place) = match heard {
                Some(value) => (Some(value), variable.to_owned()),
                None => (profile.setting(key).map(str::to_owned), format!("{key} of {profile}")),
            };
            Ok::<_, NotUnicode>(value.filter(|value| !value.is_empty()).map(|value| (value, place)))
        };
        let Some((token_file, asked_by)) = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")? else {
            return match profile.setting("web_identity_token_file") {
                Some(_) => Err(WebIdentityError::Empty(profile.to_string())),
                None => Ok(None),
            };
        };
        let Some((role_arn, _)) = value("AWS_ROLE_ARN", "role_arn")? else {
            return Err(WebIdentityError::NoRole { asked_by });
        };
        let session_name = match value("AWS_ROLE_SESSION_NAME", "role_session_name")? {
            Some((name, _)) => SessionName::Given(name),
            None => SessionName::Dated,
        };
        Ok(Some(Self { token_file: token_file.into(), role_arn, session_name, asked_by }))
    }

    /// Whether the environment alone says whose credentials are meant.
    pub(super) fn is_of_environment(env: &Env) -> Result<bool, WebIdentityError> {
        let is_set = |name| Ok::<_, NotUnicode>(environment::variable(env, name)?.is_some());
        Ok(is_set("AWS_WEB_IDENTITY_TOKEN_FILE")? && is_set("AWS_ROLE_ARN")?)
    }

    /// Asks STS. The call is not signed: the token alone speaks for the caller.
    pub(super) async fn obtain(&self, sts: &Sts, fs: &Fs, now: Timestamp) -> Result<Credentials, WebIdentityError> {
        let token = self.token(fs).await?;
        let name = self.session_name.at(now, None);
        sts.assume_role_with_web_identity(&self.role_arn, &name, &token).await.map_err(|source| WebIdentityError::Sts {
            role_arn: self.role_arn.clone(),
            asked_by: self.asked_by.clone(),
            source: Box::new(source),
        })
    }

    async fn token(&self, fs: &Fs) -> Result<Zeroizing<String>, WebIdentityError> {
        let Self { token_file: path, asked_by, .. } = self;
        let bytes = fs.read_to_end(path).await.map_err(|source| WebIdentityError::Token {
            path: path.clone(),
            asked_by: asked_by.clone(),
            source,
        })?;
        match String::from_utf8(bytes) {
            Ok(text) if !text.trim().is_empty() => Ok(Zeroizing::new(text)),
            _ => Err(WebIdentityError::NoToken { path: path.clone(), asked_by: asked_by.clone() }),
        }
    }

    /// The token's text is among them: another token in the same file may be another person's.
    pub(super) async fn values(&self, fs: &Fs) -> Vec<(&'static str, Option<String>)> {
        let [session, named] = self.session_name.values();
        vec![
            ("source", Some("web identity".to_owned())),
            ("role", Some(self.role_arn.clone())),
            session,
            named,
            ("token", self.token(fs).await.ok().map(|token| token.to_string())),
        ]
    }
}

impl fmt::Display for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {} with the web identity token that {} names", self.role_arn, self.asked_by)
    }
}
