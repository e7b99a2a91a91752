//! What EC2 knows of the instances that nodes' sessions are named after.
//!
//! ```text
//! Identity ─▶ kept? ─▶ desk (batch: one call about many) ─▶ DescribeInstances ─▶ answer ─▶ InstanceFacts
//!                                 with a rule that asks whose it is: GetInstanceProfile ─▶ its role
//! ```
//!
//! Nobody is denied because EC2 could not be asked: that is an [`Outage`], and what was known of the instance lately is used
//! instead where something was. EC2 is asked only about callers that STS vouches for and a mapping names.

mod answer;
mod batch;
mod calls;
mod desk;
mod endpoint;

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use mapping::{Identity, Instance, InstanceFacts, InstanceId, InstanceRole};
use moka::future::Cache;
use tokio::time::Instant;

use answer::{Found, InstanceProfile};
use desk::Desk;

pub use answer::{AnswerError, read_instances, read_profile};
pub use batch::BatchLimits;
pub use calls::{Calls, Places};

/// Why nobody knows what EC2 would say. Nothing may be concluded about the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Outage {
    /// This server has no credentials of its own, or cannot assume `server.ec2DescribeInstancesRoleARN`.
    #[error("this server has no AWS credentials of its own to ask EC2 with")]
    NoCredentials,
    /// It is not known in which region it is.
    #[error("the region of this server is not known: set AWS_REGION")]
    NoRegion,
    /// No connection, no TLS session, or it broke off.
    #[error("EC2 or IAM cannot be reached")]
    Unreachable,
    /// No whole answer in time.
    #[error("EC2 or IAM did not answer in time")]
    TimedOut,
    /// They have no capacity for us now.
    #[error("EC2 or IAM throttles this server's calls")]
    Throttled,
    /// This server may not make the call.
    #[error(
        "EC2 or IAM refuses this server's call: it needs ec2:DescribeInstances, and iam:GetInstanceProfile where a mapping has ec2Instance"
    )]
    Refused,
    /// What came is not what was asked for.
    #[error("the answer of EC2 or IAM cannot be relied on")]
    Answer,
    /// What came is more than is read.
    #[error("the answer of EC2 or IAM is too large")]
    TooLarge,
    /// Too many instances of the caller's role wait to be asked about.
    #[error("too many instances of the caller's role wait to be asked about")]
    Overloaded,
}

impl Outage {
    /// The stable code of this reason, for logs, metrics and the body of a 503.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoCredentials => "ec2.no_credentials",
            Self::NoRegion => "ec2.no_region",
            Self::Unreachable => "ec2.unreachable",
            Self::TimedOut => "ec2.timed_out",
            Self::Throttled => "ec2.throttled",
            Self::Refused => "ec2.refused",
            Self::Answer | Self::TooLarge => "ec2.answer",
            Self::Overloaded => "ec2.overloaded",
        }
    }
}

/// How much is kept, and for how long it is waited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The time for all of it, waiting and asking again included.
    pub deadline: Duration,
    /// How long what EC2 says of an instance is taken without asking again.
    pub fresh: Duration,
    /// The most instances that are kept.
    pub most_kept: u64,
    /// How EC2 is asked.
    pub batch: BatchLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(8),
            fresh: Duration::from_secs(10 * 60),
            most_kept: 20_000,
            batch: BatchLimits::default(),
        }
    }
}

/// Finds out about instances.
pub struct Ec2 {
    desk: Desk,
    calls: Arc<Calls>,
    instances: Kept<InstanceId, Arc<Found>>,
    /// What will probably change soon: instances that are not there yet, or have no name or role.
    passing: Cache<InstanceId, Option<Arc<Found>>>,
    roles: Kept<InstanceProfile, InstanceRole>,
    deadline: Duration,
}

/// What was heard lately: for a while it is used without asking, and for longer where nobody can be asked.
struct Kept<K: Eq + Hash, V> {
    fresh: Cache<K, V>,
    last: Cache<K, V>,
}

impl Ec2 {
    /// Asks by `calls`. Must be made on a runtime.
    #[must_use]
    pub fn new(limits: Limits, calls: Arc<Calls>) -> Self {
        let asking = Arc::clone(&calls);
        let desk = Desk::new(
            limits.batch,
            Box::new(move |batch| {
                let calls = Arc::clone(&asking);
                Box::pin(async move { calls.describe_instances(batch).await })
            }),
        );
        Self {
            desk,
            calls,
            instances: Kept::new(limits.fresh, limits.most_kept),
            passing: Cache::builder().max_capacity(limits.most_kept).time_to_live(PASSING).build(),
            roles: Kept::new(ROLE_FRESH.min(limits.fresh), MOST_ROLES),
            deadline: limits.deadline,
        }
    }

    /// What is known of the instance that the caller's session is named after; of the role of its profile too if it is
    /// needed.
    ///
    /// # Errors
    /// When EC2 or IAM cannot be heard, and was not lately.
    pub async fn find_out(&self, caller: &Identity, needs_role: bool) -> Result<InstanceFacts, Outage> {
        let Some(id) = caller.instance_id() else { return Ok(InstanceFacts::Absent) };
        let deadline = Instant::now() + self.deadline;
        let role: Arc<str> = caller.canonical_arn().key().into();
        let Some(found) = self.instance(&id, &role, deadline).await? else { return Ok(InstanceFacts::Absent) };
        let mut instance = found.instance.clone();
        if let Some(profile) = found.profile.as_ref().filter(|_| needs_role) {
            instance.role = self.role(profile, deadline).await?;
        }
        Ok(InstanceFacts::Found(Arc::new(instance)))
    }

    /// How many instances wait to be asked about.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.desk.waiting()
    }

    async fn instance(
        &self,
        id: &InstanceId,
        role: &Arc<str>,
        deadline: Instant,
    ) -> Result<Option<Arc<Found>>, Outage> {
        if let Some(found) = self.instances.fresh.get(id).await {
            self.calls.counts().served("fresh");
            return Ok(Some(found));
        }
        if let Some(passing) = self.passing.get(id).await {
            self.calls.counts().served("fresh");
            return Ok(passing);
        }
        let last = self.instances.last.get(id).await;
        let until = if last.is_some() { deadline.min(Instant::now() + PATIENCE) } else { deadline };
        match (self.desk.ask(id, role, until).await, last) {
            (Ok(Some(found)), _) if is_settled(&found.instance) => {
                self.calls.counts().served("asked");
                self.instances.keep(id.clone(), Arc::clone(&found)).await;
                Ok(Some(found))
            }
            (Ok(passing), _) => {
                self.calls.counts().served("asked");
                self.instances.last.invalidate(id).await;
                self.passing.insert(id.clone(), passing.clone()).await;
                Ok(passing)
            }
            (Err(outage), Some(last)) => {
                self.calls.counts().served("stale");
                tracing::warn!(%outage, instance = %id, "EC2 could not be heard, using its last answer");
                Ok(Some(last))
            }
            (Err(outage), None) => {
                self.calls.counts().served("nothing");
                Err(outage)
            }
        }
    }

    /// The role of a profile: asked once for all who need it, and again while time is left.
    async fn role(&self, profile: &InstanceProfile, deadline: Instant) -> Result<InstanceRole, Outage> {
        let last = self.roles.last.get(profile).await;
        let until = if last.is_some() { deadline.min(Instant::now() + PATIENCE) } else { deadline };
        let asked =
            tokio::time::timeout_at(until, self.roles.fresh.try_get_with_by_ref(profile, self.ask_role(profile)));
        let outage = match asked.await {
            Ok(Ok(role)) => return Ok(role),
            Ok(Err(outage)) => *outage,
            Err(_) => Outage::TimedOut,
        };
        last.ok_or(outage)
    }

    async fn ask_role(&self, profile: &InstanceProfile) -> Result<InstanceRole, Outage> {
        let mut tries = 0_u32;
        loop {
            let answer = self.calls.get_instance_profile(profile).await;
            tries = tries.saturating_add(1);
            match answer {
                Ok(role) => {
                    self.roles.last.insert(profile.clone(), role.clone()).await;
                    return Ok(role);
                }
                Err(outage) if tries >= ROLE_TRIES || outage == Outage::Refused => return Err(outage),
                Err(_) => tokio::time::sleep(ROLE_PAUSE.mul_f64(f64::from(tries) + desk::chance())).await,
            }
        }
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Kept<K, V> {
    fn new(fresh: Duration, most: u64) -> Self {
        let cache = |lasts: Duration| Cache::builder().max_capacity(most).time_to_live(lasts).build();
        Self { fresh: cache(fresh), last: cache(LAST) }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Kept<K, V> {
    async fn keep(&self, key: K, value: V) {
        self.fresh.insert(key.clone(), value.clone()).await;
        self.last.insert(key, value).await;
    }
}

/// Whether EC2 will go on saying so: it has its name and its profile, and lives.
fn is_settled(instance: &Instance) -> bool {
    instance.is_live && instance.private_dns_name.is_some() && instance.role != InstanceRole::None
}

/// Instances appear late: the node is up before every one of EC2's servers has heard of it.
const PASSING: Duration = Duration::from_millis(1500);

/// How long EC2 and IAM are waited for where their last answer is known.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a last answer is of use: a night without EC2 keeps no node out.
const LAST: Duration = Duration::from_secs(12 * 3600);

/// A profile may be given another role.
const ROLE_FRESH: Duration = Duration::from_secs(60);

/// A cluster has a handful of instance profiles.
const MOST_ROLES: u64 = 1000;

const ROLE_TRIES: u32 = 4;
const ROLE_PAUSE: Duration = Duration::from_millis(200);
