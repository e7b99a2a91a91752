//! The audit log: one JSON object a line, one line a decision, whoever was decided about.
//!
//! Nothing in it can be replayed: a token stands there as the start of its digest. A caller whose account is scrubbed stands
//! there as what it is mapped to, and while any account is scrubbed a caller that STS does not vouch for is not described
//! either, since its account is not known. Field names are the Go program's where its log has them.
//!
//! Logging in never waits for it: lines go through a bounded queue to a thread of their own. What a full queue, a full disk
//! or a broken pipe costs is lines, which are counted and told of once, and never a login; those that let somebody in go last.

mod sink;

use jiff::Timestamp;
use serde::Serialize;

use crate::authenticate::Verdict;
use crate::denial::Disclosure;
use crate::json;
use crate::lines::Rank;
use crate::token::TokenDigest;
use crate::verify::Trail;

pub use sink::{AuditLog, AuditTarget, OpenError};

/// One decision.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    time: String,
    outcome: &'static str,
    reason: &'static str,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    caller: Option<Caller<'a>>,
    #[serde(flatten)]
    user: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stsendpoint: Option<&'static str>,
    /// Where STS's word on the token came from: asked, joined, fresh, stale, refusal or shed.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
    /// Likewise EC2's and IAM's on the caller's instance, where a mapping needs it: asked, fresh or stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'static str>,
    /// How long the decision took, in seconds.
    latency: f64,
}

/// Who asked, as far as it is known and may be told.
#[derive(Debug, Serialize)]
struct Caller<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    accesskeyid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accountid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

/// Who the caller is let in as.
#[derive(Debug, Serialize)]
struct User<'a> {
    username: &'a str,
    groups: &'a [String],
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The record of `verdict` on the token of this `digest`, decided at `time` after `latency` seconds.
    ///
    /// `disclosure` says whether the caller may be described.
    #[must_use]
    pub fn new(
        verdict: &'a Verdict,
        trail: &'a Trail,
        disclosure: Disclosure,
        digest: TokenDigest,
        time: Timestamp,
        latency: f64,
    ) -> Self {
        let result = verdict.result();
        let named = disclosure == Disclosure::Named;
        let user = match verdict {
            Verdict::Allow(allowed) => Some(User {
                username: allowed.grant().username(),
                groups: allowed.grant().groups(),
                source: allowed.grant().source().as_str(),
                rule: named.then(|| allowed.grant().rule()),
            }),
            Verdict::Deny(_) | Verdict::CannotTell(_) => None,
        };
        Self {
            time: format!("{time:.6}"),
            outcome: result.outcome,
            reason: result.reason,
            token: digest.to_string(),
            error: match verdict {
                Verdict::Allow(_) => None,
                Verdict::Deny(denial) => Some(denial.to_string()),
                Verdict::CannotTell(outage) => Some(outage.to_string()),
            },
            caller: named.then(|| Caller::of(trail)),
            user,
            stsendpoint: trail.host.map(|host| host.name()),
            cache: trail.origin.map(|origin| origin.as_str()),
            instance: trail.instance.map(|origin| origin.as_str()),
            latency,
        }
    }

    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let mut line = json::visible(self);
        line.push(b'\n');
        line
    }

    /// Which lines are lost before it.
    pub(crate) const fn rank(&self) -> Rank {
        if self.user.is_some() { Rank::Grant } else { Rank::Refusal }
    }
}

impl<'a> Caller<'a> {
    fn of(trail: &'a Trail) -> Self {
        let identity = trail.identity.as_ref();
        Self {
            accesskeyid: trail.access_key_id.as_ref().map(|id| id.as_str()),
            arn: identity.map(|identity| identity.arn()),
            accountid: identity.map(|identity| identity.account().to_string()),
            userid: identity.map(|identity| identity.user_id()),
            session: identity.map(|identity| identity.session_name()).filter(|session| !session.is_empty()),
        }
    }
}
