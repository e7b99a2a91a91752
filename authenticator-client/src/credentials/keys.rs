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
    let value = |key| match section.get(key) {
        Some("") => Err(CredentialsError::Empty { key, place: place.clone() }),
        value => Ok(value.map(str::to_owned)),
    };
    let session_token = section.get("aws_security_token").or_else(|| section.get("aws_session_token"));
    let pair = KeyPair {
        names: KeyNames { access_key_id: "aws_access_key_id", secret_access_key: "aws_secret_access_key" },
        access_key_id: value("aws_access_key_id")?,
        secret_access_key: value("aws_secret_access_key")?,
        session_token: session_token.filter(|token| !token.is_empty()).map(str::to_owned),
        place,
    };
    pair.into_credentials("profile")
}
