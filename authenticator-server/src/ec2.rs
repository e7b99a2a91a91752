//! What EC2 knows of the instances that nodes' sessions are named after.
//!
//! ```text
//! Identity ─▶ kept? ─▶ desk (batch: one call about many) ─▶ DescribeInstances ─▶ answer ─▶ InstanceFacts
//!                                 with a rule that asks whose it is: GetInstanceProfile ─▶ its role
//! ```
//!
//! Nobody is denied because EC2 could not be asked: that is an [`Outage`], and what was known of the instance lately is used
//! instead where something was, to let in and never to refuse. EC2 is asked only about callers that STS vouches for and a
//! mapping names.

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

/// Which answers are good enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// Those that are kept, too.
    Kept,
    /// Those that were asked for just now.
    Anew,
}

/// What is known of an instance, and how well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Known {
    /// What is known.
    pub facts: InstanceFacts,
    /// How well.
    pub origin: Origin,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// EC2 and IAM were asked just now.
    Asked,
    /// They were asked lately: by now they might say something else.
    Kept,
    /// They cannot be heard, for this reason. It is what they said when they could.
    Last(Outage),
}

/// Finds out about instances.
pub struct Ec2 {
    desk: Desk,
    calls: Arc<Calls>,
    instances: Kept<InstanceId, Option<Arc<Found>>>,
    roles: Kept<InstanceProfile, InstanceRole>,
    deadline: Duration,
}

/// What was heard: each answer for a moment, and one that will probably stay for a while without asking, and for longer
/// where nobody can be asked.
struct Kept<K: Eq + Hash, V> {
    now: Cache<K, V>,
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
            instances: Kept::new(PASSING, limits.fresh, limits.most_kept),
            roles: Kept::new(ROLE_PASSING, ROLE_FRESH.min(limits.fresh), MOST_ROLES),
            deadline: limits.deadline,
        }
    }

    /// When whoever begins to ask now has to be answered.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.deadline
    }

    /// What is known of the instance that the caller's session is named after; of the role of its profile too if it is
    /// needed.
    ///
    /// # Errors
    /// When EC2 or IAM cannot be heard before the `deadline`, and was not lately.
    pub async fn find_out(
        &self,
        caller: &Identity,
        needs_role: bool,
        look: Look,
        deadline: Instant,
    ) -> Result<Known, Outage> {
        let absent = |origin| Known { facts: InstanceFacts::Absent, origin };
        let Some(id) = caller.instance_id() else { return Ok(absent(Origin::Asked)) };
        let role: Arc<str> = caller.canonical_arn().key().into();
        let (found, mut origin) = self.instance(&id, &role, look, deadline).await?;
        let Some(found) = found else { return Ok(absent(origin)) };
        let mut instance = found.instance.clone();
        if let Some(profile) = found.profile.as_ref().filter(|_| needs_role) {
            let (role, of_role) = self.role(profile, look, deadline).await?;
            (instance.role, origin) = (role, origin.and(of_role));
        }
        Ok(Known { facts: InstanceFacts::Found(Arc::new(instance)), origin })
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
        look: Look,
        deadline: Instant,
    ) -> Result<(Option<Arc<Found>>, Origin), Outage> {
        if let Some(kept) = self.instances.get(id, look).await {
            self.calls.counts().served("fresh");
            return Ok(kept);
        }
        let last = self.instances.last.get(id).await;
        let until = if last.is_some() { deadline.min(Instant::now() + PATIENCE) } else { deadline };
        match (self.desk.ask(id, role, until).await, last) {
            (Ok(found), _) => {
                self.calls.counts().served("asked");
                self.instances.now.insert(id.clone(), found.clone()).await;
                let settled = found.as_ref().is_some_and(|found| is_settled(&found.instance));
                self.instances.keep(id, settled.then(|| found.clone())).await;
                Ok((found, Origin::Asked))
            }
            (Err(outage), Some(last)) => {
                self.calls.counts().served("stale");
                tracing::warn!(%outage, instance = %id, "EC2 could not be heard, using its last answer");
                Ok((last, Origin::Last(outage)))
            }
            (Err(outage), None) => {
                self.calls.counts().served("nothing");
                Err(outage)
            }
        }
    }

    /// The role of a profile: asked once for all who need it, and again while time is left.
    async fn role(
        &self,
        profile: &InstanceProfile,
        look: Look,
        deadline: Instant,
    ) -> Result<(InstanceRole, Origin), Outage> {
        if let Some(kept) = self.roles.get(profile, look).await {
            return Ok(kept);
        }
        let last = self.roles.last.get(profile).await;
        let until = if last.is_some() { deadline.min(Instant::now() + PATIENCE) } else { deadline };
        let asked = tokio::time::timeout_at(until, self.roles.now.try_get_with_by_ref(profile, self.ask_role(profile)));
        let outage = match asked.await {
            Ok(Ok(role)) => return Ok((role, Origin::Asked)),
            Ok(Err(outage)) => *outage,
            Err(_) => Outage::TimedOut,
        };
        last.map(|role| (role, Origin::Last(outage))).ok_or(outage)
    }

    async fn ask_role(&self, profile: &InstanceProfile) -> Result<InstanceRole, Outage> {
        let mut tries = 0_u32;
        loop {
            let answer = self.calls.get_instance_profile(profile).await;
            tries = tries.saturating_add(1);
            match answer {
                Ok(role) => {
                    // A profile has a role before any instance has credentials of it: IAM will hear of it soon.
                    let settled = role != InstanceRole::None;
                    self.roles.keep(profile, settled.then(|| role.clone())).await;
                    return Ok(role);
                }
                Err(outage) if tries >= ROLE_TRIES || outage == Outage::Refused => return Err(outage),
                Err(_) => tokio::time::sleep(ROLE_PAUSE.mul_f64(f64::from(tries) + desk::chance())).await,
            }
        }
    }
}

impl<K: Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Kept<K, V> {
    fn new(now: Duration, fresh: Duration, most: u64) -> Self {
        let cache = |lasts: Duration| Cache::builder().max_capacity(most).time_to_live(lasts).build();
        Self { now: cache(now), fresh: cache(fresh), last: cache(LAST) }
    }
}

impl<K: Clone + Eq + Hash + Send + Sync + 'static, V: Clone + Send + Sync + 'static> Kept<K, V> {
    async fn get(&self, key: &K, look: Look) -> Option<(V, Origin)> {
        if let Some(value) = self.now.get(key).await {
            return Some((value, Origin::Asked));
        }
        let kept = if look == Look::Kept { self.fresh.get(key).await } else { None };
        kept.map(|value| (value, Origin::Kept))
    }

    /// Keeps an answer that will probably stay; without one forgets the answer before, which did not.
    async fn keep(&self, key: &K, value: Option<V>) {
        if let Some(value) = value {
            self.fresh.insert(key.clone(), value.clone()).await;
            self.last.insert(key.clone(), value).await;
        } else {
            self.fresh.invalidate(key).await;
            self.last.invalidate(key).await;
        }
    }
}

impl Origin {
    /// Its name in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Kept => "fresh",
            Self::Last(_) => "stale",
        }
    }

    /// Of two answers the less certain.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Last(_), _) | (Self::Kept, Self::Asked) => self,
            (_, other) => other,
        }
    }
}

/// Whether EC2 will go on saying so: it has its name, and lives. If it has no profile that may change, but nobody is refused for
/// an answer that was kept.
const fn is_settled(instance: &Instance) -> bool {
    instance.is_live && instance.private_dns_name.is_some()
}

/// How long an answer is taken for one of now. No longer, if it will probably change soon: the node is up before every one of
/// EC2's servers has heard of it.
const PASSING: Duration = Duration::from_millis(1500);

/// Likewise of a profile's role: IAM is asked by no batch, and no more often than this about a profile that refuses somebody.
const ROLE_PASSING: Duration = Duration::from_secs(5);

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
