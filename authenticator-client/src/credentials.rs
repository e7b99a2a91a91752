//! Whose token it will be: the one room that asks AWS's sources for credentials.
//!
//! The sources are asked in aws-cli's order. The first that is configured decides: when it cannot give credentials, that is an
//! error and never a reason to ask the next one, for a user who set up one identity must not act as another. A source that is
//! configured and not built yet is such an error too.

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;

use crate::{
    environment::{self, NotUnicode},
    profile::{Profile, ProfileChoice},
};

mod keys;

use keys::{KeyNames, KeyPair};

/// There are no credentials that could be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// An access key id with characters that none has; the id itself may be a misplaced secret and is not shown.
    #[error("{key}{place} is not an access key id: it holds characters other than letters, digits and _")]
    AccessKeyId {
        /// The variable or key.
        key: &'static str,
        /// The profile and file, with their preposition; nothing for the environment.
        place: String,
    },
    /// A key that is written down without a value.
    #[error("{key}{place} is empty")]
    Empty {
        /// The key.
        key: &'static str,
        /// The profile and file, with their preposition.
        place: String,
    },
    /// An end that is not a time.
    #[error("AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-02T03:04:05Z")]
    Expiration,
    /// Only one half of a key pair is there.
    #[error("half a key pair: {present}{place} is set, but {missing} is not")]
    HalfPair {
        /// The half that is there.
        present: &'static str,
        /// The half that is not.
        missing: &'static str,
        /// The profile and file, with their preposition; nothing for the environment.
        place: String,
    },
    /// No source is configured.
    #[error(
        "no AWS credentials: looked at {looked_at} (roles of EC2 instances are not supported yet); set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or choose a profile that has keys with --profile or AWS_PROFILE"
    )]
    None {
        /// The sources that were asked.
        looked_at: String,
    },
    /// The source that is configured is not built yet.
    #[error("{place} asks for {feature}, which is not supported yet")]
    NotSupported {
        /// The profile or variable.
        place: String,
        /// What it asks for.
        feature: String,
    },
    /// A key whose value goes on in lines that are indented under it.
    #[error("{key}{place} has several lines: is a line under it indented that should not be?")]
    SeveralLines {
        /// The key.
        key: &'static str,
        /// The profile and file, with their preposition.
        place: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// The keys of the environment, with `AWS_CREDENTIAL_EXPIRATION` as their end; `None` when there are none.
///
/// `AWS_SECURITY_TOKEN` is the older name of `AWS_SESSION_TOKEN` and, as with aws-cli, comes first.
///
/// # Errors
///
/// Half a pair, or a value that cannot be what its name says.
pub fn from_environment(env: &Env) -> Result<Option<Credentials>, CredentialsError> {
    let pair = KeyPair {
        names: KeyNames { access_key_id: "AWS_ACCESS_KEY_ID", secret_access_key: "AWS_SECRET_ACCESS_KEY" },
        place: String::new(),
        access_key_id: environment::variable(env, "AWS_ACCESS_KEY_ID")?,
        secret_access_key: environment::variable(env, "AWS_SECRET_ACCESS_KEY")?,
        session_token: match environment::variable(env, "AWS_SECURITY_TOKEN")? {
            None => environment::variable(env, "AWS_SESSION_TOKEN")?,
            token => token,
        },
    };
    let Some(mut credentials) = pair.into_credentials("environment")? else {
        return Ok(None);
    };
    if let Some(text) = environment::variable(env, "AWS_CREDENTIAL_EXPIRATION")? {
        let end: jiff::Timestamp = text.parse().map_err(|_| CredentialsError::Expiration)?;
        *credentials.expiry_mut() = Some(end.into());
    }
    Ok(Some(credentials))
}

/// The credentials of the profile, or of the sources that come after it.
///
/// The order is botocore's (`create_credential_resolver` in `botocore/credentials.py`): role of the profile, web identity, SSO,
/// keys of the credentials file, login session, process, keys of the config file, container. `mfa_serial`, `source_profile` and
/// the like mean something beside `role_arn` only, for aws-cli as here.
///
/// # Errors
///
/// As [`CredentialsError`] says.
pub fn from_profile(profile: &Profile, env: &Env) -> Result<Credentials, CredentialsError> {
    let not_supported =
        |feature: &str| Err(CredentialsError::NotSupported { place: profile.to_string(), feature: feature.to_owned() });
    let has = |key| profile.setting(key).is_some();

    if has("role_arn") && !has("web_identity_token_file") {
        return not_supported(&role_feature(profile));
    }
    // --profile turns the environment's identities off.
    let chosen_by_flag = matches!(profile.choice(), ProfileChoice::Flag(_));
    if !chosen_by_flag {
        refuse_variables(env, &["AWS_WEB_IDENTITY_TOKEN_FILE"], "web identity credentials")?;
    }
    if has("web_identity_token_file") {
        return not_supported("web identity credentials (web_identity_token_file)");
    }
    if has("sso_account_id") || has("sso_role_name") {
        return not_supported("SSO credentials (sso_account_id, sso_role_name)");
    }
    if let Some(credentials) = keys::from_section(profile, profile.credentials_section(), profile.credentials_path())? {
        return Ok(credentials);
    }
    if has("login_session") {
        return not_supported("credentials of `aws login` (login_session)");
    }
    if has("credential_process") {
        return not_supported("the credentials of a process (credential_process)");
    }
    if let Some(credentials) = keys::from_section(profile, profile.config_section(), profile.config_path())? {
        return Ok(credentials);
    }
    refuse_variables(env, &CONTAINER_VARIABLES, "container credentials")?;
    Err(CredentialsError::None { looked_at: looked_at(profile, chosen_by_flag) })
}

/// A role to be assumed, with all that its assumption would have to obey.
fn role_feature(profile: &Profile) -> String {
    let beside = ["source_profile", "credential_source", "mfa_serial"]
        .into_iter()
        .filter(|key| profile.setting(key).is_some())
        .map(|key| format!(", {key}"))
        .collect::<String>();
    format!("an assumed role (role_arn{beside})")
}

fn refuse_variables(env: &Env, variables: &[&'static str], feature: &str) -> Result<(), CredentialsError> {
    for variable in variables {
        if environment::variable(env, variable)?.is_some() {
            return Err(CredentialsError::NotSupported { place: (*variable).to_owned(), feature: feature.to_owned() });
        }
    }
    Ok(())
}

fn looked_at(profile: &Profile, chosen_by_flag: bool) -> String {
    let files = format!("{profile} in {} and {}", profile.credentials_path(), profile.config_path());
    if chosen_by_flag { files } else { format!("AWS_ACCESS_KEY_ID and {files}") }
}

/// The variables by which ECS and EKS Pod Identity offer credentials.
const CONTAINER_VARIABLES: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];

#[cfg(test)]
mod tests;
