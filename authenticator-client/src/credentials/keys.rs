//! A key pair as it is written down, in variables or in a profile.

use aws_credential_types::Credentials;

use super::CredentialsError;
use crate::profile::{Profile, Section};

/// What was found under the names of a key pair. No `Debug`: it holds secrets.
pub(super) struct KeyPair {
    pub(super) names: KeyNames,
    /// Where it was found, with its preposition; nothing for the environment.
    pub(super) place: String,
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<String>,
    pub(super) session_token: Option<String>,
}

/// The names under which the halves stand.
pub(super) struct KeyNames {
    pub(super) access_key_id: &'static str,
    pub(super) secret_access_key: &'static str,
}

impl KeyPair {
    /// The pair, `None` when neither half is there. A session token without keys is no half of a pair.
    pub(super) fn into_credentials(self, provider: &'static str) -> Result<Option<Credentials>, CredentialsError> {
        let Self { names, place, access_key_id, secret_access_key, session_token } = self;
        let half = |present, missing, place| Err(CredentialsError::HalfPair { present, missing, place });
        let (access_key_id, secret_access_key) = match (access_key_id, secret_access_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return half(names.access_key_id, names.secret_access_key, place),
            (None, Some(_)) => return half(names.secret_access_key, names.access_key_id, place),
            (Some(id), Some(secret)) => (id, secret),
        };
        // The id becomes a part of the credential scope, whose parts are divided by slashes.
        if !access_key_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(CredentialsError::AccessKeyId { key: names.access_key_id, place });
        }
        Ok(Some(Credentials::new(access_key_id, secret_access_key, session_token, None, provider)))
    }
}

/// The keys of a profile's section in one file: halves in two files are no pair, for aws-cli as here.
///
/// `aws_security_token` is the older name of `aws_session_token` and, as with aws-cli, comes first.
pub(super) fn from_section(
    profile: &Profile,
    section: Option<&Section>,
    path: &str,
) -> Result<Option<Credentials>, CredentialsError> {
    let Some(section) = section else {
        return Ok(None);
    };
    let place = format!(" of {profile} in {path}");
    // Lines indented under a key belong to its value. No key has several, so they are a slip.
    let line = |key| match section.get(key) {
        Some(value) if value.contains('\n') => Err(CredentialsError::SeveralLines { key, place: place.clone() }),
        value => Ok(value.map(str::to_owned)),
    };
    let half = |key| match line(key)? {
        Some(value) if value.is_empty() => Err(CredentialsError::Empty { key, place: place.clone() }),
        value => Ok(value),
    };
    let session_token = match line("aws_security_token")? {
        None => line("aws_session_token")?,
        token => token,
    };
    let pair = KeyPair {
        names: KeyNames { access_key_id: "aws_access_key_id", secret_access_key: "aws_secret_access_key" },
        access_key_id: half("aws_access_key_id")?,
        secret_access_key: half("aws_secret_access_key")?,
        session_token: session_token.filter(|token| !token.is_empty()),
        place,
    };
    pair.into_credentials("profile")
}
