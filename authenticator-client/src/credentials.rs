//! Whose token it will be: the one room that asks AWS's sources for credentials.
//!
//! ```text
//! flags, environment, profile ─▶ Plan: one root source, and the roles to be assumed with it ─┬─▶ at hand: keys, or kept ones
//!                                                                                           └─▶ obtained: root ─▶ role ─▶ role
//! ```
//!
//! The sources are looked at in aws-cli's order. The first that is configured decides: when it cannot give credentials, that is an
//! error and never a reason to ask the next one, for a user who set up one identity must not act as another.
//!
//! Choosing is ours, because aws-config's own choice is not aws-cli's. The services that give credentials are asked by
//! code of ours, through AWS's clients for STS and SSO, and through aws-config's providers for what has to be renewed.

use std::{path::Path, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::{
    World,
    cache::{Cache, CacheKey},
    environment::NotUnicode,
    profile::{Profile, ProfileChoice, ProfileError, SharedFileError, SharedFiles, Unreadable},
    prompt::{Prompt, PromptError},
    region::{AskedRegion, ChosenRegion, RegionChoice, RegionError},
};

mod call;
mod container;
mod document;
mod errand;
mod instance;
mod keys;
mod local;
mod login;
mod network;
mod older;
mod outside;
mod process;
mod role;
mod services;
mod source;
mod sso;
mod sts;
mod web_identity;

pub(crate) use call::Bounded;
pub use call::CallError;
pub(crate) use call::is_page;
pub use container::ContainerError;
pub use instance::InstanceError;
pub use keys::KeysError;
pub use login::LoginError;
pub use network::TrustError;
pub use older::OlderFileError;
pub use outside::OutsideError;
pub use process::{OutputFault, ProcessError};
pub use role::{Role, RoleError, SessionName};
pub use services::ServiceError;
pub use source::SourceError;
pub use sso::SsoError;
pub use sts::{CallerIdentity, Sts, StsError};
pub use web_identity::WebIdentityError;

use errand::Errand;
use instance::Instance;
use outside::{Outside, StsAddress};
use services::Service;
pub(crate) use services::url as service_url;
use source::{Choice, EnvironmentIdentities, Root, Source};
use web_identity::WebIdentity;

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// A role to be assumed after all others.
    pub role: Option<Role>,
    /// What becomes of what a `credential_process` prints.
    pub process_output: ProcessOutput,
}

/// Whether what a `credential_process` prints is kept for the next run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ProcessOutput {
    /// The process runs each time, as aws-cli has it: it may print something else.
    #[default]
    NotKept,
    /// It is kept to the end that the process gives it, as the Go program's `--cache` has it.
    Kept,
}

/// Whose credentials are to be had, and for which region: everything is read, and nobody was asked.
#[derive(Debug)]
pub struct Plan {
    profile: Profile,
    source: Source,
    region: RegionChoice,
    /// Who is asked for the region, where nobody else says it.
    instance: Option<Instance>,
    process_output: ProcessOutput,
    /// What the user should be told of the files, a line each.
    remarks: Vec<String>,
    world: World,
}

/// What the caller has for those that have to be asked.
pub struct Means<'a> {
    /// Credentials of earlier runs.
    pub cache: &'a Cache,
    /// When the program was started.
    pub started: Instant,
    /// How long after that to give up.
    pub limit: Duration,
    /// Who asks the user for the code of an MFA device.
    pub prompt: &'a Prompt,
}

/// Credentials, and how they came to be.
#[derive(Debug)]
pub struct Obtained {
    /// The credentials.
    pub credentials: Credentials,
    /// Where to sign for.
    pub region: ChosenRegion,
    /// Where they come from, step by step, in words and without secrets.
    pub trail: Vec<String>,
    /// What the user should be told, a line each.
    pub remarks: Vec<String>,
}

/// There is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The region cannot be chosen.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The source cannot be chosen.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// There are no credentials that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// STS does not give the role.
    #[error("cannot assume role {arn}, which {asked_by} asks for")]
    AssumeRole {
        /// The role.
        arn: String,
        /// The profile or flag.
        asked_by: String,
        /// What STS says.
        #[source]
        source: Box<StsError>,
    },
    /// STS does not say who asks, which the name of the session depends on.
    #[error("cannot forward the session name: STS was asked for the caller's identity")]
    CallerIdentity(#[source] Box<StsError>),
    /// It takes too long.
    #[error("gave up after {limit:?} of waiting for {what}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
    },
    /// Those with which a role should be asked for have ended.
    #[error("the credentials of {what} expired at {end}: renew them")]
    Expired {
        /// Whose they are.
        what: String,
        /// When they ended.
        end: Timestamp,
    },
    /// There is no code of the MFA device.
    #[error("cannot assume role {arn}, which {asked_by} asks for")]
    Mfa {
        /// The role.
        arn: String,
        /// The profile or flag.
        asked_by: String,
        /// Why there is none.
        #[source]
        source: PromptError,
    },
    /// Somebody cannot be asked.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The region cannot be chosen.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// The source gives none.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Plan {
    /// Reads flags, environment and profile, and chooses.
    ///
    /// # Errors
    ///
    /// Whatever is written down and cannot be used. No other source is taken instead.
    pub async fn make(asked: Asked, world: &World) -> Result<Self, PlanError> {
        let Asked { profile, region, role, process_output } = asked;
        let choice = ProfileChoice::new(profile, &world.env)?;
        let region = AskedRegion::outside_profile(region, &world.env)?;
        let now = (world.clock)();
        let (keys, identities) = match choice {
            ProfileChoice::Flag(_) => (None, EnvironmentIdentities::Ignored),
            ProfileChoice::Variable { .. } | ProfileChoice::Default => {
                (Source::of_environment(&world.env, now).map_err(SourceError::from)?, EnvironmentIdentities::Heard)
            }
        };
        let files = match choice {
            // All that is looked for is how hosts are chosen.
            ProfileChoice::Default if keys.is_some() && region.is_some() && role.is_none() => SharedFiles::ConfigOnly,
            _ => SharedFiles::Both,
        };
        let is_of_environment = keys.is_some()
            || (identities == EnvironmentIdentities::Heard
                && WebIdentity::is_of_environment(&world.env).map_err(SourceError::from)?);
        let unreadable = if is_of_environment { Unreadable::PassedOver } else { Unreadable::Refused };
        let profile = Profile::load(choice, files, unreadable, world).await?;
        let mut remarks = remarks_on(&profile);
        sso::session_of(profile.view()).map_err(SourceError::from)?;
        let source = match keys {
            Some(keys) => keys,
            None => {
                let choice = Choice { profile: profile.view(), env: &world.env, now, identities };
                let (source, told) = choose(choice, world).await?;
                remarks.extend(told);
                source
            }
        };
        let source = match role {
            Some(role) => source.then(role),
            None => source,
        };
        let region = RegionChoice::new(region, &world.env, &profile)?;
        let instance = match (region.is_open(), &source.root) {
            (false, _) => None,
            (true, Root::Instance(instance)) => Some(instance.clone()),
            (true, _) => Instance::choose(profile.view(), &world.env).map_err(SourceError::from)?,
        };
        Ok(Self { profile, source, region, instance, process_output, remarks, world: world.clone() })
    }

    /// The credentials, where they are written down or kept: without a runtime's drivers, a socket, or a wait.
    pub async fn at_hand(&self, cache: &Cache) -> Option<Obtained> {
        if self.instance.is_some() {
            return None;
        }
        let region = self.region.clone().without_instance();
        let Source { root, roles } = &self.source;
        let (credentials, trail) = match (root, roles.as_slice()) {
            (Root::Keys { credentials, .. }, []) => (credentials.clone(), vec![root.to_string()]),
            (_, roles) => {
                let address = StsAddress::new(&region, &self.profile, &self.world).ok()?;
                let key = self.key(roles, &address).await?;
                let last = roles.last().map_or_else(|| root.to_string(), ToString::to_string);
                (cache.look_up(&key, (self.world.clock)())?, vec![errand::kept(&last)])
            }
        };
        Some(Obtained { credentials, region, trail, remarks: self.remarks.clone() })
    }

    /// Asks for the credentials. Needs a runtime with all its drivers.
    ///
    /// # Errors
    ///
    /// The source that was chosen gives none.
    pub async fn obtain(&self, means: &Means<'_>) -> Result<Obtained, CredentialsError> {
        let outside = Outside::new(&self.profile, &self.world);
        let region = self.region(&outside, means).await?;
        let address = StsAddress::new(&region, &self.profile, &self.world)?;
        let mut errand = Errand::new(self, means, &outside, &region, &address);
        let credentials = errand.up_to(&self.source.roles).await?;
        let Errand { trail, remarks, .. } = errand;
        let remarks = self.remarks.iter().cloned().chain(remarks).collect();
        Ok(Obtained { credentials, region, trail, remarks })
    }

    /// STS, to be asked who these credentials belong to.
    ///
    /// # Errors
    ///
    /// It cannot be asked as things are configured here.
    pub fn sts(&self, region: &ChosenRegion) -> Result<Sts, OutsideError> {
        let address = StsAddress::new(region, &self.profile, &self.world)?;
        Outside::new(&self.profile, &self.world).sts(&address)
    }

    /// The profile that was chosen.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The URL at which EKS is to be asked, if somebody configured one: `AWS_ENDPOINT_URL_EKS`, `AWS_ENDPOINT_URL`, the profile.
    ///
    /// # Errors
    ///
    /// One that is no URL.
    pub fn configured_eks_url(&self) -> Result<Option<String>, ServiceError> {
        Service::Eks.configured_url(&self.profile, &self.world.env)
    }

    /// A client for AWS's services, which trusts the certificates of this file or, without one, those that are configured.
    ///
    /// # Errors
    ///
    /// There is nobody whom it could trust.
    pub fn client(&self, ca_bundle: Option<&Path>) -> Result<SharedHttpClient, TrustError> {
        network::client(&self.profile, &self.world.env, ca_bundle)
    }

    /// The region that was chosen, or the one that the instance says. Where there is no instance, that is no error unless it has
    /// to give the credentials too: then waiting for it once is enough.
    async fn region(&self, outside: &Outside<'_>, means: &Means<'_>) -> Result<ChosenRegion, CredentialsError> {
        let Some(instance) = &self.instance else {
            return Ok(self.region.clone().without_instance());
        };
        let asked = async { outside.instance(instance).region().await.map_err(SourceError::from) };
        let says = match means.in_time("the region of the EC2 instance", asked).await {
            Err(error) if matches!(self.source.root, Root::Instance(_)) => return Err(error),
            says => says.ok().flatten(),
        };
        Ok(self.region.clone().with_instance(says)?)
    }

    /// Under which key the credentials of the root and these roles are kept; `None` where they are not.
    async fn key(&self, roles: &[Role], address: &StsAddress) -> Option<CacheKey> {
        let root = &self.source.root;
        if roles.is_empty() && !root.is_kept(self.process_output) {
            return None;
        }
        let mut values = root.values(&self.world).await;
        values.extend(roles.iter().flat_map(Role::values));
        values.push(("sts", Some(address.url.clone())));
        values.push(("region", Some(address.region.clone())));
        Some(CacheKey::new(values.iter().map(|(name, value)| (*name, value.as_deref()))))
    }
}

/// The source, where the environment has no keys or they have no say, and what the user should be told of it. Files that nearly nobody
/// has are read only when it is their turn.
async fn choose(choice: Choice<'_>, world: &World) -> Result<(Source, Vec<String>), SourceError> {
    if let Some(source) = Source::of_profile(choice)? {
        return Ok((source, Vec::new()));
    }
    let source = match older::keys(world).await? {
        Some(keys) => keys.into(),
        None => Source::of_machine(choice)?,
    };
    let remarks = source::parts_of(choice.profile)
        .map(|(key, lack)| {
            let Choice { profile, .. } = choice;
            format!("{key} of {profile} has no say without {lack}: the credentials are those of {}", source.root)
        })
        .collect();
    Ok((source, remarks))
}

/// What a user should know who asked for a profile that cannot be read, and need not be.
fn remarks_on(profile: &Profile) -> Vec<String> {
    if *profile.choice() == ProfileChoice::Default {
        return Vec::new();
    }
    let because = |fault: &SharedFileError| {
        std::error::Error::source(fault).map(|cause| format!(": {cause}")).unwrap_or_default()
    };
    let remark = |fault| {
        format!(
            "{fault}{}: the credentials of the environment are used, without what {profile} says there",
            because(fault)
        )
    };
    profile.passed_over().iter().map(remark).collect()
}

impl Means<'_> {
    /// The answer, unless it takes longer than there is time.
    async fn in_time<T, E>(&self, what: &str, asked: impl Future<Output = Result<T, E>>) -> Result<T, CredentialsError>
    where
        CredentialsError: From<E>,
    {
        match timeout_at(self.started + self.limit, asked).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(CredentialsError::Deadline { what: what.to_owned(), limit: self.limit }),
        }
    }
}

#[cfg(test)]
mod tests;
