//! A role that the credentials of another source are exchanged for. Pure.

use std::fmt;

use jiff::Timestamp;

use super::{
    container::Container,
    instance::Instance,
    source::{Choice, EnvironmentIdentities, Root, Source, SourceError},
};
use crate::profile::ProfileView;

/// A role to be assumed, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    /// Its ARN, which STS judges.
    pub arn: String,
    /// What the role's trust policy may demand of those who act for several customers.
    pub external_id: Option<String>,
    /// The name of the session.
    pub session_name: SessionName,
    /// For how many seconds, where that is not STS's default of an hour.
    pub duration: Option<i32>,
    /// The device whose code has to be given.
    pub mfa_serial: Option<String>,
    /// What asks for it, in words: a profile or a flag.
    pub asked_by: String,
}

/// What a session is called: the last part of the ARN that the authenticator sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionName {
    /// Nobody cared: what aws-cli writes then, `botocore-session-` and the time in seconds.
    Dated,
    /// As the session of whoever asks, where that is one; else as [`SessionName::Dated`].
    Forwarded,
    /// This.
    Given(String),
}

impl SessionName {
    /// The name that is written at this time, where whoever asks is in the session `callers`.
    pub(super) fn at(&self, now: Timestamp, callers: Option<&str>) -> String {
        match (self, callers) {
            (Self::Given(name), _) => name.clone(),
            (Self::Forwarded, Some(name)) => name.to_owned(),
            (Self::Forwarded, None) | (Self::Dated, _) => format!("botocore-session-{}", now.as_second()),
        }
    }

    pub(super) fn values(&self) -> [(&'static str, Option<String>); 2] {
        let (kind, name) = match self {
            Self::Dated => ("dated", None),
            Self::Forwarded => ("forwarded", None),
            Self::Given(name) => ("given", Some(name.clone())),
        };
        [("session", Some(kind.to_owned())), ("session name", name)]
    }
}

/// A profile asks for a role in a way that cannot be followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// Both ways to name a source.
    #[error("{profile} has both source_profile and credential_source: remove one of them")]
    BothSources {
        /// The profile.
        profile: String,
    },
    /// A profile that is its own source by way of others.
    #[error("the source_profile of {profile} leads in a circle: {circle}")]
    Circle {
        /// The profile whose source would be asked again.
        profile: String,
        /// All of them, in order.
        circle: String,
    },
    /// A duration that is no number.
    #[error("duration_seconds of {profile} is {text:?}: write a number of seconds, as in 3600")]
    Duration {
        /// The profile.
        profile: String,
        /// What stands there.
        text: String,
    },
    /// A key without a value.
    #[error("{key} of {profile} is empty")]
    Empty {
        /// The key.
        key: &'static str,
        /// The profile.
        profile: String,
    },
    /// A source that is not there.
    #[error("credential_source of {profile} is {text}, but {missing}")]
    MissingSource {
        /// The profile.
        profile: String,
        /// The source.
        text: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// Neither way to name a source.
    #[error(
        "{profile} has role_arn but says nothing of whose credentials ask for it: add source_profile or credential_source (a \
             profile with keys of its own names itself)"
    )]
    NoSource {
        /// The profile.
        profile: String,
    },
    /// A source profile in which there is nothing.
    #[error("{source_profile}, the source_profile of {profile}, has no credentials")]
    SourceWithoutCredentials {
        /// The profile that refers.
        profile: String,
        /// The profile that is referred to.
        source_profile: String,
    },
    /// A source profile that does not exist.
    #[error("profile {name}, the source_profile of {profile}, is in neither {config} nor {credentials}")]
    UnknownProfile {
        /// The profile that refers.
        profile: String,
        /// The name that it refers to.
        name: String,
        /// The config file that was looked into.
        config: String,
        /// The credentials file that was looked into.
        credentials: String,
    },
    /// A source of another name.
    #[error("credential_source of {profile} is {text:?}: write Environment, Ec2InstanceMetadata or EcsContainer")]
    UnknownSource {
        /// The profile.
        profile: String,
        /// What stands there.
        text: String,
    },
}

impl Role {
    /// The role that the chosen profile asks for, with its source. A web identity beside it is another source.
    pub(super) fn choose(choice: Choice<'_>) -> Result<Option<Source>, SourceError> {
        if !asks_for_role(choice.profile) {
            return Ok(None);
        }
        of_profile(choice, &mut vec![choice.profile.name()]).map(Some)
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Option<String>)> {
        let Self { arn, external_id, session_name, duration, mfa_serial, asked_by: _ } = self;
        let [session, named] = session_name.values();
        vec![
            ("source", Some("role".to_owned())),
            ("role", Some(arn.clone())),
            ("external id", external_id.clone()),
            session,
            named,
            ("duration", duration.map(|seconds| seconds.to_string())),
            ("mfa serial", mfa_serial.clone()),
        ]
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {} ({})", self.arn, self.asked_by)
    }
}

/// The role of a profile and its source, which may be another role. `path` holds the profiles on the way here, this one last.
fn of_profile<'a>(choice: Choice<'a>, path: &mut Vec<&'a str>) -> Result<Source, SourceError> {
    let profile = choice.profile;
    let place = profile.to_string();
    let base = match (profile.setting("source_profile"), profile.setting("credential_source")) {
        (Some(_), Some(_)) => return Err(RoleError::BothSources { profile: place }.into()),
        (None, None) => return Err(RoleError::NoSource { profile: place }.into()),
        (Some(name), None) => of_source_profile(choice, name, path)?,
        (None, Some(text)) => of_credential_source(choice, text)?,
    };
    let role = Role {
        arn: text(profile, "role_arn")?.unwrap_or_default(),
        external_id: text(profile, "external_id")?,
        session_name: text(profile, "role_session_name")?.map_or(SessionName::Dated, SessionName::Given),
        duration: duration(profile)?,
        mfa_serial: text(profile, "mfa_serial")?,
        asked_by: place,
    };
    Ok(base.then(role))
}

/// The source that `credential_source` names.
fn of_credential_source(choice: Choice<'_>, text: &str) -> Result<Source, SourceError> {
    let Choice { profile, env, now, identities: _ } = choice;
    let (source, missing) = match text {
        "Environment" => (Source::of_environment(env, now)?, "AWS_ACCESS_KEY_ID is not set"),
        "EcsContainer" => (
            Container::choose(env)?.map(|source| Root::Container(source).into()),
            "neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set",
        ),
        "Ec2InstanceMetadata" => (
            Instance::choose(profile.files().view(), env)?.map(|source| Root::Instance(source).into()),
            "AWS_EC2_METADATA_DISABLED turns it off",
        ),
        text => return Err(RoleError::UnknownSource { profile: profile.to_string(), text: text.to_owned() }.into()),
    };
    source
        .ok_or_else(|| RoleError::MissingSource { profile: profile.to_string(), text: text.to_owned(), missing }.into())
}

/// The source that `source_profile` names. A profile may name itself when it has keys: then these are meant.
fn of_source_profile<'a>(choice: Choice<'a>, name: &'a str, path: &mut Vec<&'a str>) -> Result<Source, SourceError> {
    let profile = choice.profile;
    let files = profile.files();
    let source = files.other(name).ok_or_else(|| RoleError::UnknownProfile {
        profile: profile.to_string(),
        name: name.to_owned(),
        config: files.config_path().to_owned(),
        credentials: files.credentials_path().to_owned(),
    })?;
    let has_keys = has_keys(source);
    if path.contains(&name) && !(name == profile.name() && has_keys) {
        path.push(name);
        return Err(RoleError::Circle { profile: profile.to_string(), circle: path.join(" -> ") }.into());
    }
    path.push(name);
    let choice = Choice { profile: source, identities: EnvironmentIdentities::Ignored, ..choice };
    if asks_for_role(source) && !has_keys {
        return of_profile(choice, path);
    }
    Source::of_referenced_profile(choice)?.ok_or_else(|| {
        RoleError::SourceWithoutCredentials { profile: profile.to_string(), source_profile: source.to_string() }.into()
    })
}

fn asks_for_role(profile: ProfileView<'_>) -> bool {
    profile.setting("role_arn").is_some() && profile.setting("web_identity_token_file").is_none()
}

fn has_keys(profile: ProfileView<'_>) -> bool {
    ["aws_access_key_id", "aws_secret_access_key"].iter().any(|key| profile.setting(key).is_some())
}

fn duration(profile: ProfileView<'_>) -> Result<Option<i32>, RoleError> {
    let Some(text) = text(profile, "duration_seconds")? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| RoleError::Duration { profile: profile.to_string(), text })
}

fn text(profile: ProfileView<'_>, key: &'static str) -> Result<Option<String>, RoleError> {
    match profile.setting(key) {
        Some("") => Err(RoleError::Empty { key, profile: profile.to_string() }),
        value => Ok(value.map(str::to_owned)),
    }
}
