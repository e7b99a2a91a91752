//! A key pair as it is written down, in variables or in a profile.

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;
use jiff::Timestamp;

use crate::{
    environment::{self, NotUnicode},
    profile::{ProfileView, Section},
    time,
};

/// A key pair is written down that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
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
        /// The profile and file, or the file's part, with their preposition.
        place: String,
    },
    /// An end that has passed.
    #[error("the keys of the environment expired at {0}, as AWS_CREDENTIAL_EXPIRATION says: renew them")]
    Expired(Timestamp),
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
    /// A key whose value goes on in lines that are indented under it.
    #[error("{key}{place} has several lines: is a line under it indented that should not be?")]
    SeveralLines {
        /// The key.
        key: &'static str,
        /// The profile and file, or the file's part, with their preposition.
        place: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// What was found under the names of a key pair. No `Debug`: it holds secrets.
struct KeyPair {
    names: KeyNames,
    /// Where it was found, with its preposition; nothing for the environment.
    place: String,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
}

/// The names under which the halves stand.
#[derive(Clone, Copy)]
pub(super) struct KeyNames {
    pub(super) access_key_id: &'static str,
    pub(super) secret_access_key: &'static str,
}

impl KeyPair {
    /// What a part of a file has under these names, each on one line.
    fn of_file<'a>(names: KeyNames, place: String, value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, KeysError> {
        let half = |key| match one_line(key, value(key), &place)? {
            Some("") => Err(KeysError::Empty { key, place: place.clone() }),
            value => Ok(value.map(str::to_owned)),
        };
        let (access_key_id, secret_access_key) = (half(names.access_key_id)?, half(names.secret_access_key)?);
        Ok(Self { names, place, access_key_id, secret_access_key, session_token: None })
    }

    /// The pair, `None` when neither half is there. A session token without keys is no half of a pair.
    fn into_credentials(self, provider: &'static str) -> Result<Option<Credentials>, KeysError> {
        let Self { names, place, access_key_id, secret_access_key, session_token } = self;
        let half = |present, missing, place| Err(KeysError::HalfPair { present, missing, place });
        let (access_key_id, secret_access_key) = match (access_key_id, secret_access_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return half(names.access_key_id, names.secret_access_key, place),
            (None, Some(_)) => return half(names.secret_access_key, names.access_key_id, place),
            (Some(id), Some(secret)) => (id, secret),
        };
        if !is_access_key_id(&access_key_id) {
            return Err(KeysError::AccessKeyId { key: names.access_key_id, place });
        }
        Ok(Some(Credentials::new(access_key_id, secret_access_key, session_token, None, provider)))
    }
}

/// Whether the text can be an access key id: it becomes a part of the credential scope, whose parts are divided by slashes.
pub(super) fn is_access_key_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The keys of the environment, with `AWS_CREDENTIAL_EXPIRATION` as their end; `None` when there are none.
///
/// `AWS_SECURITY_TOKEN` is the older name of `AWS_SESSION_TOKEN` and, as with aws-cli, comes first.
///
/// # Errors
///
/// Half a pair, a value that cannot be what its name says, or an end that has passed.
pub(super) fn from_environment(env: &Env, now: Timestamp) -> Result<Option<Credentials>, KeysError> {
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
        let end = time::parse(&text).ok_or(KeysError::Expiration)?;
        if end <= now {
            return Err(KeysError::Expired(end));
        }
        *credentials.expiry_mut() = Some(end.into());
    }
    Ok(Some(credentials))
}

/// The keys of a profile's section in one file: halves in two files are no pair, for aws-cli as here.
///
/// `aws_security_token` is the older name of `aws_session_token` and, as with aws-cli, comes first.
pub(super) fn from_section(
    profile: ProfileView<'_>,
    section: Option<&Section>,
    path: &str,
) -> Result<Option<Credentials>, KeysError> {
    let Some(section) = section else {
        return Ok(None);
    };
    let place = format!(" of {profile} in {path}");
    let token = |key| one_line(key, section.get(key), &place);
    let session_token = match token("aws_security_token")? {
        None => token("aws_session_token")?,
        token => token,
    };
    let session_token = session_token.filter(|token| !token.is_empty()).map(str::to_owned);
    let pair = KeyPair::of_file(PROFILE_NAMES, place, |key| section.get(key))?;
    KeyPair { session_token, ..pair }.into_credentials("profile")
}

/// The keys of a part of another file, which knows no session tokens.
pub(super) fn from_file<'a>(
    names: KeyNames,
    place: String,
    value: impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<Credentials>, KeysError> {
    KeyPair::of_file(names, place, value)?.into_credentials("file")
}

/// The value of a key. Lines indented under one belong to its value: no key has several, so they are a slip.
fn one_line<'a>(key: &'static str, value: Option<&'a str>, place: &str) -> Result<Option<&'a str>, KeysError> {
    match value {
        Some(value) if value.contains('\n') => Err(KeysError::SeveralLines { key, place: place.to_owned() }),
        value => Ok(value),
    }
}

/// As the shared files have them.
pub(super) const PROFILE_NAMES: KeyNames =
    KeyNames { access_key_id: "aws_access_key_id", secret_access_key: "aws_secret_access_key" };
