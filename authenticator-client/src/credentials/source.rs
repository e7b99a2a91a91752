//! Which source of credentials was chosen. Pure: profile and variables in, one source out, and nothing is asked.
//!
//! The order is botocore's (`create_credential_resolver` and `ProfileProviderBuilder` in `botocore/credentials.py`). The first
//! source that is configured decides, whether or not it can then give credentials: a user who set up one identity must not act as
//! another.

use std::fmt;

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;
use jiff::Timestamp;

use super::{
    ProcessOutput,
    container::{Container, ContainerError},
    instance::{Instance, InstanceError},
    keys::{self, KeysError},
    login::{Login, LoginError},
    older::OlderFileError,
    outside::OutsideError,
    process::{Process, ProcessError},
    role::{Role, RoleError},
    sso::{Sso, SsoError},
    web_identity::{WebIdentity, WebIdentityError},
};
use crate::{
    World,
    environment::NotUnicode,
    profile::{ProfileView, Section},
};

/// Where credentials come from: a root, and the roles that are assumed one after the other, each with the credentials of the one
/// before. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(super) root: Root,
    pub(super) roles: Vec<Role>,
}

/// Where the first credentials come from, with all that the source was told.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// Keys that are written down.
    Keys {
        credentials: Credentials,
        /// Where they stand, in words.
        place: String,
    },
    /// A role, assumed with a token of another identity provider.
    WebIdentity(WebIdentity),
    /// A role of IAM Identity Center.
    Sso(Sso),
    /// A session of `aws login`.
    Login(Login),
    /// What a program prints.
    Process(Process),
    /// The endpoint of ECS or EKS Pod Identity.
    Container(Container),
    /// The role of the EC2 instance.
    Instance(Instance),
}

/// No source can be chosen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The container's endpoint is not well described.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A variable that should name the container's endpoint, and is set to nothing.
    #[error("{0} is empty: unset it where there is no container endpoint")]
    EmptyEndpoint(&'static str),
    /// The settings of the instance's metadata service are of no use.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// A key pair is written down that cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The login session is not well described.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// No source is configured.
    #[error(
        "no AWS credentials: looked at {looked_at} (AWS_EC2_METADATA_DISABLED turns the EC2 instance metadata service off); set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile that has credentials with --profile or AWS_PROFILE"
    )]
    None {
        /// The sources that were asked.
        looked_at: String,
    },
    /// A file of an older tool cannot be used.
    #[error(transparent)]
    Older(#[from] OlderFileError),
    /// Whoever has to be asked cannot be.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The program that should print credentials is not well described.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The role is not well described.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The SSO session is not well described.
    #[error(transparent)]
    Sso(#[from] SsoError),
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
    /// The web identity is not well described.
    #[error(transparent)]
    WebIdentity(#[from] WebIdentityError),
}

/// Whether the environment's identities have a say: `--profile` turns them off, and so does a profile that another refers to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EnvironmentIdentities {
    Heard,
    Ignored,
}

/// What a source is chosen by.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) profile: ProfileView<'a>,
    pub(super) env: &'a Env,
    pub(super) now: Timestamp,
    pub(super) identities: EnvironmentIdentities,
}

type Candidate = fn(Choice<'_>) -> Result<Option<Source>, SourceError>;

/// What a profile can hold beside a role with its own source: the whole of it for a profile that another refers to.
const OF_PROFILE: [Candidate; 6] = [
    |choice| rooted(WebIdentity::choose(choice)?.map(Root::WebIdentity)),
    |choice| rooted(Sso::choose(choice.profile)?.map(Root::Sso)),
    |choice| {
        rooted(keys_of(
            choice.profile,
            choice.profile.credentials_section(),
            choice.profile.files().credentials_path(),
        )?)
    },
    |choice| rooted(Login::choose(choice.profile)?.map(Root::Login)),
    |choice| rooted(Process::choose(choice.profile)?.map(Root::Process)),
    |choice| rooted(keys_of(choice.profile, choice.profile.config_section(), choice.profile.files().config_path())?),
];

impl Source {
    /// What the chosen profile holds, where the environment has no keys or they have no say.
    pub(super) fn of_profile(choice: Choice<'_>) -> Result<Option<Self>, SourceError> {
        match Role::choose(choice)? {
            None => Self::of_referenced_profile(choice),
            source => Ok(source),
        }
    }

    /// What there is where no file says anything: the container, then the instance.
    pub(super) fn of_machine(choice: Choice<'_>) -> Result<Self, SourceError> {
        if let Some(variable) = empty_endpoint(choice.env) {
            return Err(SourceError::EmptyEndpoint(variable));
        }
        if let Some(container) = Container::choose(choice.env)? {
            return Ok(Root::Container(container).into());
        }
        match Instance::choose(choice.profile, choice.env)? {
            Some(instance) => Ok(Root::Instance(instance.after(looked_at(choice))).into()),
            None => Err(SourceError::None { looked_at: looked_at(choice) }),
        }
    }

    /// What a profile holds of its own, where another refers to it.
    pub(super) fn of_referenced_profile(choice: Choice<'_>) -> Result<Option<Self>, SourceError> {
        for candidate in OF_PROFILE {
            if let Some(source) = candidate(choice)? {
                return Ok(Some(source));
            }
        }
        Ok(None)
    }

    /// The keys of the environment; `None` when there are none.
    pub(super) fn of_environment(env: &Env, now: Timestamp) -> Result<Option<Self>, KeysError> {
        let place = "the keys of the environment (AWS_ACCESS_KEY_ID)".to_owned();
        Ok(keys::from_environment(env, now)?.map(|credentials| Root::Keys { credentials, place }.into()))
    }

    /// The source with one more role, assumed last.
    pub(super) fn then(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }
}

impl Root {
    /// Everything that chose the credentials, as named values.
    pub(super) async fn values(&self, world: &World) -> Vec<(&'static str, Option<String>)> {
        let World { env, fs, .. } = world;
        match self {
            Self::Keys { credentials, place: _ } => vec![
                ("source", Some("keys".to_owned())),
                ("access key id", Some(credentials.access_key_id().to_owned())),
                // Whoever has the id and not the secret gets nothing that the secret's owner was given.
                ("secret access key", Some(credentials.secret_access_key().to_owned())),
                ("session token", credentials.session_token().map(str::to_owned)),
            ],
            Self::WebIdentity(source) => source.values(fs).await,
            Self::Sso(source) => source.values(env, fs).await,
            Self::Login(source) => source.values(world).await,
            Self::Process(source) => source.values(),
            Self::Container(source) => source.values(env, fs).await,
            Self::Instance(source) => source.values(),
        }
    }

    /// Whether its credentials are kept for the next run: those that cost a call to AWS. Of many runs at once one then asks for them,
    /// which matters where what is asked with is good once. What a process prints depends on all that it looks at, so that it alone
    /// can tell whether it would print the same again.
    pub(super) fn is_kept(&self, processes: ProcessOutput) -> bool {
        match self {
            Self::WebIdentity(_) | Self::Sso(_) | Self::Login(_) => true,
            Self::Process(_) => processes == ProcessOutput::Kept,
            Self::Keys { .. } | Self::Container(_) | Self::Instance(_) => false,
        }
    }
}

impl From<Root> for Source {
    fn from(root: Root) -> Self {
        Self { root, roles: Vec::new() }
    }
}

/// In words.
impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { place, .. } => f.write_str(place),
            Self::WebIdentity(source) => source.fmt(f),
            Self::Sso(source) => source.fmt(f),
            Self::Login(source) => source.fmt(f),
            Self::Process(source) => source.fmt(f),
            Self::Container(source) => source.fmt(f),
            Self::Instance(source) => source.fmt(f),
        }
    }
}

/// The variable that decides where the container's endpoint is, if it is set to nothing. aws-cli then asks nobody else: a container
/// whose endpoint got lost must not act as the machine that it runs on.
fn empty_endpoint(env: &Env) -> Option<&'static str> {
    let variables = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let mut set = variables.into_iter().filter_map(|name| Some((name, env.get(name).ok()?)));
    set.next().filter(|(_, value)| value.is_empty()).map(|(name, _)| name)
}

/// What stands in a profile of a source of which the rest is missing, with what that is. As with aws-cli it has no say.
pub(super) fn parts_of(profile: ProfileView<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = [
        (&["source_profile", "credential_source"], "role_arn"),
        (&["sso_session", "sso_start_url"], "sso_account_id and sso_role_name"),
    ];
    parts.into_iter().filter_map(move |(keys, lack)| {
        let key = keys.iter().find(|key| profile.setting(key).is_some())?;
        Some((*key, lack))
    })
}

fn rooted(root: Option<Root>) -> Result<Option<Source>, SourceError> {
    Ok(root.map(Source::from))
}

fn keys_of(profile: ProfileView<'_>, section: Option<&Section>, path: &str) -> Result<Option<Root>, KeysError> {
    let keys = keys::from_section(profile, section, path)?;
    Ok(keys.map(|credentials| Root::Keys { credentials, place: format!("the keys of {profile} in {path}") }))
}

fn looked_at(choice: Choice<'_>) -> String {
    let Choice { profile, identities, .. } = choice;
    let files = format!("{profile} in {} and {}", profile.files().credentials_path(), profile.files().config_path());
    let identities = match identities {
        EnvironmentIdentities::Heard => "AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, ",
        EnvironmentIdentities::Ignored => "",
    };
    format!(
        "{identities}{files}, AWS_CREDENTIAL_FILE, boto's config files, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI"
    )
}
