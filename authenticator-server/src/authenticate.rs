//! The pipeline, from a token to a verdict, on one screen.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mapping::{AccountId, Chain, Decision, Grant, Identity, Refusal, RefusalReason};

use crate::audit::{AuditLog, Record};
use crate::clock::Clock;
use crate::denial::{Denial, Disclosure, Outage, Refused};
use crate::ec2::{self, Ec2, Look, Origin};
use crate::logs;
use crate::metrics::{self, GoResult};
use crate::token::{Token, TokenDigest};
use crate::verify::{Trail, Verified, Verifier};

/// What is decided about one token.
#[derive(Debug)]
pub enum Verdict {
    /// The caller is this user.
    Allow(Box<Allowed>),
    /// The caller is nobody here.
    Deny(Denial),
    /// Nobody can tell now.
    CannotTell(Outage),
}

/// The yes: a proof of identity and the mapping that names it. Only [`Authenticator::authenticate`] makes it.
#[derive(Debug)]
pub struct Allowed {
    verified: Verified,
    grant: Grant,
    disclosure: Disclosure,
}

impl Allowed {
    /// Whom STS vouches for.
    #[must_use]
    pub const fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Which user the mappings make of it.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Whether the answer and the log may say whom STS vouches for.
    #[must_use]
    pub const fn disclosure(&self) -> Disclosure {
        self.disclosure
    }
}

/// Gives the mappings in force: one consistent set for each request.
pub type Mappings = Arc<dyn Fn() -> Arc<Chain> + Send + Sync>;

/// Decides about tokens.
pub struct Authenticator {
    verifier: Verifier,
    mappings: Mappings,
    ec2: Arc<Ec2>,
    scrubbed: HashSet<AccountId>,
    audit: Option<Arc<AuditLog>>,
    clock: Clock,
}

impl Authenticator {
    /// An authenticator on these parts, which says of callers of `scrubbed` accounts only what they are mapped to.
    #[must_use]
    pub const fn new(
        verifier: Verifier,
        mappings: Mappings,
        ec2: Arc<Ec2>,
        scrubbed: HashSet<AccountId>,
        audit: Option<Arc<AuditLog>>,
        clock: Clock,
    ) -> Self {
        Self { verifier, mappings, ec2, scrubbed, audit, clock }
    }

    /// Decides about one token.
    ///
    /// The mappings are asked every time, whether or not the identity was known already: an entry that is removed is gone
    /// at once. The token's text is gone before anything is waited for.
    pub async fn authenticate(&self, token: Token) -> Verdict {
        let (begun, digest, mut trail) = (Instant::now(), token.digest(), Trail::default());
        let verdict = match self.verifier.verify(token, self.clock.now(), &mut trail).await {
            // Those who wait for STS do not hold what this needs.
            Ok(verified) => Box::pin(self.decide(verified, begun, &mut trail)).await,
            Err(Refused::Denied(denial)) => Verdict::Deny(denial),
            Err(Refused::Unknown(outage)) => Verdict::CannotTell(outage),
        };
        verdict.log(digest);
        self.record(&verdict, &trail, digest, begun);
        verdict
    }

    fn record(&self, verdict: &Verdict, trail: &Trail, token: TokenDigest, begun: Instant) {
        let Some(audit) = &self.audit else { return };
        let disclosure = match &trail.identity {
            Some(identity) => self.disclosure(identity.account()),
            // It may be one of a scrubbed account.
            None if !self.scrubbed.is_empty() => Disclosure::Scrubbed,
            None => Disclosure::Named,
        };
        let latency = begun.elapsed().as_secs_f64();
        audit.record(&Record::new(verdict, trail, disclosure, token, self.clock.now(), latency));
    }

    fn disclosure(&self, account: &AccountId) -> Disclosure {
        if self.scrubbed.contains(account) { Disclosure::Scrubbed } else { Disclosure::Named }
    }

    async fn decide(&self, verified: Verified, begun: Instant, trail: &mut Trail) -> Verdict {
        let identity = verified.identity();
        let decision = match self.ask_mappings(identity, begun, trail).await {
            Ok(decision) => decision,
            Err(outage) => return Verdict::CannotTell(Outage::Ec2(outage)),
        };
        let disclosure = self.disclosure(identity.account());
        match decision {
            Decision::Granted(grant) => {
                self.verifier.welcome(&verified).await;
                Verdict::Allow(Box::new(Allowed { verified, grant, disclosure }))
            }
            Decision::NotMapped => {
                let named = (disclosure == Disclosure::Named).then(|| identity.canonical_arn().clone());
                Verdict::Deny(Denial::NotMapped(identity.principal().kind().into(), named))
            }
            Decision::Refused(refusal) => Verdict::Deny(Denial::Mapping(refusal, disclosure)),
            Decision::Undecided(source) => Verdict::CannotTell(Outage::NotSynced(source)),
            // What it needed was given to it.
            Decision::NeedsInstance(_) => Verdict::CannotTell(Outage::Ec2(ec2::Outage::Answer)),
        }
    }

    /// What one consistent set of mappings says, which is told what it needs to know of the caller's instance: first what
    /// EC2 knows of it, then whose it is. What is kept lets in; nobody is refused for it: by now EC2 may say otherwise.
    async fn ask_mappings(
        &self,
        identity: &Identity,
        begun: Instant,
        trail: &mut Trail,
    ) -> Result<Decision, ec2::Outage> {
        let mappings = (self.mappings)();
        let mut decision = mappings.decide(identity);
        let deadline = self.ec2.deadline().min((begun + MOST_TIME).into());
        let (mut look, mut origin) = (Look::Kept, Origin::Asked);
        for _ in 0..4 {
            let needs_role = match (&decision, origin) {
                (Decision::NeedsInstance(pending), _) => pending.needs_role(),
                (Decision::Refused(refusal), Origin::Last(outage)) if is_foreign(refusal) => return Err(outage),
                (Decision::Refused(refusal), Origin::Kept) if is_foreign(refusal) => {
                    look = Look::Anew;
                    true
                }
                _ => break,
            };
            let known = self.ec2.find_out(identity, needs_role, look, deadline).await?;
            origin = known.origin;
            trail.instance = Some(origin);
            decision = mappings.decide(&identity.clone().on(known.facts));
        }
        Ok(decision)
    }
}

fn is_foreign(refusal: &Refusal) -> bool {
    refusal.reason() == RefusalReason::ForeignInstance
}

/// The API server waits for 30 s (`defaultRequestTimeout` in its `pkg/util/webhook/webhook.go`), whatever the deadlines for
/// STS and EC2 come to together.
const MOST_TIME: Duration = Duration::from_secs(28);

impl Verdict {
    /// What it is in metrics and in the audit log.
    #[must_use]
    pub fn result(&self) -> metrics::Result {
        let (outcome, reason, go) = match self {
            Self::Allow(_) => ("allow", "mapped", GoResult::Success),
            Self::Deny(denial) => ("deny", denial.code(), denial.go_result()),
            Self::CannotTell(outage) => ("cannot_tell", outage.code(), outage.go_result()),
        };
        metrics::Result { outcome, reason, go }
    }

    /// One line for each decision, without the token; field names are the Go program's where it has them.
    fn log(&self, token: TokenDigest) {
        match self {
            Self::Allow(allowed) if allowed.disclosure == Disclosure::Scrubbed => {
                let Allowed { verified, grant, .. } = allowed.as_ref();
                tracing::info!(
                    name: logs::GRANT,
                    %token,
                    stsendpoint = verified.host().name(),
                    username = grant.username(),
                    groups = logs::list(grant.groups()).as_slice(),
                    source = %grant.source(),
                    "access granted"
                );
            }
            Self::Allow(allowed) => {
                let Allowed { verified, grant, .. } = allowed.as_ref();
                let identity = verified.identity();
                tracing::info!(
                    name: logs::GRANT,
                    %token,
                    arn = identity.arn(),
                    accountid = %identity.account(),
                    userid = identity.user_id(),
                    session = identity.session_name(),
                    accesskeyid = identity.access_key_id(),
                    stsendpoint = verified.host().name(),
                    username = grant.username(),
                    groups = logs::list(grant.groups()).as_slice(),
                    source = %grant.source(),
                    rule = grant.rule(),
                    "access granted"
                );
            }
            Self::Deny(denial) if denial.level() == tracing::Level::INFO => {
                tracing::info!(name: logs::REFUSAL, %token, reason = denial.code(), error = %denial, "access denied");
            }
            Self::Deny(denial) => {
                tracing::warn!(name: logs::REFUSAL, %token, reason = denial.code(), error = %denial, "access denied");
            }
            Self::CannotTell(outage) => {
                tracing::error!(name: logs::REFUSAL, %token, reason = outage.code(), error = %outage, "cannot tell");
            }
        }
    }
}
