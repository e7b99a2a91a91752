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
//! Choosing is ours, because aws-config's own choice is not aws-cli's. The services that give credentials are asked through
//! aws-config's providers, where they do all that aws-cli does, and through AWS's clients for STS and SSO.

use std::{path::Path, pin::Pin, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::time::{Instant, timeout_at};

use crate::{
    World,
    cache::{Cache, CacheKey, Cached, Origin},
    environment::NotUnicode,
    profile::{Profile, ProfileChoice, ProfileError, SharedFiles},
    prompt::{Prompt, PromptError},
    region::{AskedRegion, ChosenRegion, RegionChoice, RegionError},
};

mod call;
mod container;
mod instance;
mod keys;
mod login;
mod network;
mod outside;
mod process;
mod role;
mod services;
mod source;
mod sso;
mod sts;
mod web_identity;

pub use call::CallError;
pub use container::ContainerError;
pub use instance::InstanceError;
pub use keys::KeysError;
pub use login::LoginError;
pub use network::TrustError;
pub use outside::OutsideError;
pub use process::{OutputFault, ProcessError};
pub use role::{Role, RoleError, SessionName};
pub use services::ServiceError;
pub use source::SourceError;
pub use sso::SsoError;
pub use sts::{CallerIdentity, Sts, StsError};
pub use web_identity::WebIdentityError;

use instance::Instance;
use outside::{Outside, StsAddress};
use services::Service;
use source::{Choice, EnvironmentIdentities, Root, Source};

/// What the command line asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// A role to be assumed after all others.
    pub role: Option<Role>,
}

/// Whose credentials are to be had, and for which region: everything is read, and nobody was asked.
#[derive(Debug)]
pub struct Plan {
    profile: Profile,
    source: Source,
    region: RegionChoice,
    /// Who is asked for the region, where nobody else says it.
    instance: Option<Instance>,
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
        let Asked { profile, region, role } = asked;
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
        let profile = Profile::load(choice, files, world).await?;
        let source = match keys {
            Some(keys) => keys,
            None => Source::choose(Choice { profile: profile.view(), env: &world.env, now, identities })?,
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
        Ok(Self { profile, source, region, instance, world: world.clone() })
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
                (cache.look_up(&key, (self.world.clock)())?, vec![kept(&last)])
            }
        };
        Some(Obtained { credentials, region, trail, remarks: Vec::new() })
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
        let mut errand = Errand {
            plan: self,
            means,
            outside: &outside,
            region: &region,
            address: &address,
            trail: Vec::new(),
            remarks: Vec::new(),
        };
        let credentials = errand.up_to(&self.source.roles).await?;
        let Errand { trail, remarks, .. } = errand;
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
        let asked = async {
            let client = outside.instance(instance).map_err(SourceError::from)?;
            Ok(instance.region(&client).await.map_err(SourceError::from)?)
        };
        let says = match means.in_time("the region of the EC2 instance", asked).await {
            Err(error) if matches!(self.source.root, Root::Instance(_)) => return Err(error),
            says => says.ok().flatten(),
        };
        Ok(self.region.clone().with_instance(says)?)
    }

    /// Under which key the credentials of the root and these roles are kept; `None` where they are not.
    async fn key(&self, roles: &[Role], address: &StsAddress) -> Option<CacheKey> {
        let root = &self.source.root;
        if roles.is_empty() && !root.is_kept() {
            return None;
        }
        let mut values = root.values(&self.world.fs).await;
        values.extend(roles.iter().flat_map(Role::values));
        values.push(("sts", Some(address.url.clone())));
        values.push(("region", Some(address.region.clone())));
        Some(CacheKey::new(values.iter().map(|(name, value)| (*name, value.as_deref()))))
    }
}

impl Means<'_> {
    async fn in_time<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, CredentialsError>>,
    ) -> Result<T, CredentialsError> {
        match timeout_at(self.started + self.limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(CredentialsError::Deadline { what: what.to_owned(), limit: self.limit }),
        }
    }
}

/// One run's asking.
struct Errand<'a> {
    plan: &'a Plan,
    means: &'a Means<'a>,
    outside: &'a Outside<'a>,
    region: &'a ChosenRegion,
    address: &'a StsAddress,
    trail: Vec<String>,
    remarks: Vec<String>,
}

impl Errand<'_> {
    /// The credentials of the last of these roles, or of the root where there are none; kept ones where there are some.
    fn up_to<'b>(
        &'b mut self,
        roles: &'b [Role],
    ) -> Pin<Box<dyn Future<Output = Result<Credentials, CredentialsError>> + 'b>> {
        Box::pin(async move {
            let what = roles.last().map_or_else(|| self.plan.source.root.to_string(), ToString::to_string);
            let Some(key) = self.plan.key(roles, self.address).await else {
                let credentials = self.make(roles).await?;
                self.trail.push(what);
                return Ok(credentials);
            };
            let (cache, clock) = (self.means.cache, self.plan.world.clock);
            let Cached { credentials, from } = cache.get_or_make(&key, clock, async || self.make(roles).await).await?;
            self.trail.push(match from {
                Origin::Cache => kept(&what),
                Origin::Made => what,
            });
            Ok(credentials)
        })
    }

    async fn make(&mut self, roles: &[Role]) -> Result<Credentials, CredentialsError> {
        match roles.split_last() {
            None => self.root().await,
            Some((role, before)) => {
                let credentials = self.up_to(before).await?;
                self.assume(role, &credentials).await
            }
        }
    }

    async fn root(&self) -> Result<Credentials, CredentialsError> {
        let root = &self.plan.source.root;
        let asked = async {
            let Self { outside, region, address, .. } = self;
            let now = (self.plan.world.clock)();
            let own_region = || aws_types::region::Region::new(address.region.clone());
            Ok(match root {
                Root::Keys { credentials, .. } => credentials.clone(),
                Root::WebIdentity(source) => {
                    source.obtain(&outside.sts(address)?, &self.plan.world.fs, now).await.map_err(SourceError::from)?
                }
                Root::Sso(source) => {
                    let oidc = match source.is_renewable() {
                        true => outside.service(Service::SsoOidc, source.region(), region.kind)?,
                        false => outside.nobody(source.region()),
                    };
                    let portal = outside.service(Service::Sso, source.region(), region.kind)?;
                    source.obtain(&oidc, &portal, now).await.map_err(SourceError::from)?
                }
                Root::Login(source) => {
                    source.obtain(&outside.provider_config(own_region())?).await.map_err(SourceError::from)?
                }
                Root::Process(source) => source.obtain(now).await.map_err(SourceError::from)?,
                Root::Container(source) => {
                    let config = match source.is_encrypted() {
                        true => outside.provider_config(own_region())?,
                        false => outside.local_provider_config(),
                    };
                    source.obtain(&config).await.map_err(SourceError::from)?
                }
                Root::Instance(source) => {
                    let client = outside.instance(source).map_err(SourceError::from)?;
                    source.obtain(client, &outside.local_provider_config()).await.map_err(SourceError::from)?
                }
            })
        };
        self.means.in_time(&root.to_string(), asked).await
    }

    async fn assume(&mut self, role: &Role, credentials: &Credentials) -> Result<Credentials, CredentialsError> {
        let sts = self.outside.sts(self.address)?;
        let code = match &role.mfa_serial {
            None => None,
            Some(serial) => {
                let asked = async {
                    self.means.prompt.mfa_code(serial).await.map_err(|source| CredentialsError::Mfa {
                        arn: role.arn.clone(),
                        asked_by: role.asked_by.clone(),
                        source,
                    })
                };
                Some(self.means.in_time(&format!("the code of MFA device {serial}"), asked).await?)
            }
        };
        let asked = async {
            let callers = match role.session_name {
                SessionName::Forwarded => Some(
                    sts.caller_identity(credentials)
                        .await
                        .map_err(|error| CredentialsError::CallerIdentity(Box::new(error)))?,
                ),
                SessionName::Dated | SessionName::Given(_) => None,
            };
            let callers = callers.as_ref().and_then(CallerIdentity::session_name);
            let session_name = role.session_name.at((self.plan.world.clock)(), callers);
            let code = code.as_ref().map(|code| code.expose_code());
            sts.assume_role(credentials, role, &session_name, code).await.map_err(|source| {
                CredentialsError::AssumeRole {
                    arn: role.arn.clone(),
                    asked_by: role.asked_by.clone(),
                    source: Box::new(source),
                }
            })
        };
        let assumed =
            self.means.in_time(&format!("STS at {} to give role {}", self.address.url, role.arn), asked).await?;
        let difference = sts.clock_difference();
        self.remarks.extend(difference.map(|difference| {
            format!("this computer's clock is {difference} that of STS: the token may be refused until it is set right")
        }));
        Ok(assumed)
    }
}

fn kept(what: &str) -> String {
    format!("{what}, kept from an earlier run")
}

#[cfg(test)]
mod tests;
