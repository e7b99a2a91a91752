//! All sources in their order, and the one question they answer.

mod grant;

use std::{fmt, sync::Arc};

use crate::{
    identity::Identity,
    reserved::ReservedPrefixes,
    ruleset::{Explicit, Rule, RuleSet},
    source::SourceName,
};

use grant::Unrendered;

pub use grant::Grant;

/// All sources in their order of trust, as they are at one moment.
///
/// It is cheap to make: the rules are shared. A request asks one chain, and so sees one consistent set of rules.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    sources: Vec<Source>,
}

/// A source and the rules it has now.
#[derive(Clone, Debug)]
pub struct Source {
    name: SourceName,
    rules: Option<Arc<RuleSet>>,
    reserved: Option<Arc<ReservedPrefixes>>,
}

/// What the chain says about a caller. Only [`Chain::decide`] makes one that grants.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Decision {
    /// The caller is this user.
    Granted(Grant),
    /// The rule that fits needs to know the caller's instance, and nobody asked EC2 about it. Neither yes nor no: ask, and
    /// decide again about the caller [on](Identity::on) that instance.
    NeedsInstance(InstancePending),
    /// All sources have been asked, and none knows the caller.
    NotMapped,
    /// A rule is about the caller, and it gives no user. No.
    Refused(Refusal),
    /// This source has not been read yet, or not all of it: nothing in what was read of it, and no source before it,
    /// decides. Neither yes nor no.
    Undecided(SourceName),
}

/// What has to be known of the caller's instance, and the rule that waits for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InstancePending {
    needs_role: bool,
    source: SourceName,
    rule: String,
}

/// Why a rule that is about the caller gives no user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    reason: RefusalReason,
    source: SourceName,
    rule: String,
}

/// The sorts of [`Refusal`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RefusalReason {
    /// The rule is for this unique id under another ARN: the principal was renamed since.
    ArnMismatch,
    /// What the entry says is not understood, and it was not good before or restricts what it did not: it lets nobody in.
    ClosedEntry,
    /// A rendered name has a control character.
    ControlCharacter,
    /// A group, or a placeholder of it, is empty once rendered.
    EmptyGroup,
    /// The user name, or a placeholder of it, is empty once rendered: the API server would take it.
    EmptyUsername,
    /// The caller's instance is not its own, or not where the rule wants it: another account, another role than that of its
    /// instance profile, neither pending nor running, another network or cluster.
    ForeignInstance,
    /// EC2 has no private DNS name for the caller's instance.
    NoPrivateDnsName,
    /// EC2 knows no instance of the id that the caller's session is named after.
    NoSuchInstance,
    /// The rule is for instances, and the caller's session is not named after one.
    NotAnInstance,
    /// A group with a placeholder renders to `system:masters`: that group is given only where it is written out.
    PrivilegedTemplate,
    /// A group begins with a prefix that the source must not give.
    ReservedGroupPrefix,
    /// The user name begins with a prefix that the source must not give.
    ReservedUsernamePrefix,
    /// A rendered name has a brace, as of a placeholder that nobody rendered.
    UnrenderedBrace,
    /// The rule is for another unique id: the name was given to somebody else since.
    UserIdMismatch,
}

impl Chain {
    /// Of these sources, the most trusted first.
    #[must_use]
    pub const fn new(sources: Vec<Source>) -> Self {
        Self { sources }
    }

    /// The sources in their order.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Who the caller is.
    ///
    /// 1. The sources' explicit rules, source by source: the first rule that is about the caller and renders to good
    ///    names decides.
    /// 2. A rule for another unique id, where no rule of its kind fits, is a refusal that nothing after it overrides: else
    ///    whoever gets a deleted principal's name would fall through to what is meant for many. So is a rule for the
    ///    caller's unique id under another ARN, where no rule of its source is about the caller.
    ///    And so is a rule for instances alone (`ec2Instance`) where the caller's is not its own, and an entry that is closed
    ///    because nobody can tell whom it is meant to keep out.
    /// 3. A rule that renders to bad names, or to names that its source must not give, lets later sources speak, but no
    ///    longer the accounts.
    /// 4. A source that has not been read yet ends it: it might have said either. Of one that was read in part
    ///    ([`RuleSet::is_complete`]) the first two still hold, and then it ends there.
    /// 5. The accounts that are mapped whole, when every source has spoken: the user is the canonical ARN, without
    ///    groups, from the first source that may give it.
    pub fn decide(&self, identity: &Identity) -> Decision {
        let mut refused = None;
        for source in &self.sources {
            let Some(rules) = &source.rules else { return Decision::Undecided(source.name) };
            match rules.explicit(identity) {
                // Of rules that are not all there, others might name the caller.
                Explicit::OtherArn(rule) if rules.is_complete() => {
                    return Decision::Refused(source.refusal(RefusalReason::ArnMismatch, rule));
                }
                Explicit::Unnamed | Explicit::OtherArn(_) => {}
                Explicit::OtherUserId(rule) => {
                    return Decision::Refused(source.refusal(RefusalReason::UserIdMismatch, rule));
                }
                Explicit::Rule(rule) => match Grant::render(rule, identity, source) {
                    Ok(grant) => return Decision::Granted(grant),
                    Err(Unrendered::NeedsInstance { role }) => {
                        return Decision::NeedsInstance(source.pending(rule, role));
                    }
                    Err(Unrendered::Final(reason)) => return Decision::Refused(source.refusal(reason, rule)),
                    Err(Unrendered::Bad(reason)) => {
                        refused.get_or_insert_with(|| source.refusal(reason, rule));
                    }
                },
            }
            if !rules.is_complete() {
                return Decision::Undecided(source.name);
            }
        }
        refused.map_or_else(|| self.decide_by_account(identity), Decision::Refused)
    }

    fn decide_by_account(&self, identity: &Identity) -> Decision {
        let mut decision = Decision::NotMapped;
        let maps_account =
            |source: &&Source| source.rules.as_ref().is_some_and(|rules| rules.maps_account(identity.account()));
        for source in self.sources.iter().filter(maps_account) {
            match Grant::of_account(identity, source) {
                Ok(grant) => return Decision::Granted(grant),
                Err(refusal) => decision = Decision::Refused(refusal),
            }
        }
        decision
    }
}

impl Source {
    /// A source with the rules it has now; without any (`None`) as long as it was not read once.
    #[must_use]
    pub const fn new(name: SourceName, rules: Option<Arc<RuleSet>>) -> Self {
        Self { name, rules, reserved: None }
    }

    /// The same source, kept from giving names with these prefixes.
    #[must_use]
    pub fn reserving(self, reserved: Arc<ReservedPrefixes>) -> Self {
        Self { reserved: Some(reserved), ..self }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> SourceName {
        self.name
    }

    /// Its rules, if it was read.
    #[must_use]
    pub const fn rules(&self) -> Option<&Arc<RuleSet>> {
        self.rules.as_ref()
    }

    /// Whether it was read, and all of it.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.is_complete())
    }

    fn refusal(&self, reason: RefusalReason, rule: impl fmt::Display) -> Refusal {
        Refusal { reason, source: self.name, rule: rule.to_string() }
    }

    /// Whether the source may give these names.
    fn check(&self, username: &str, groups: &[String]) -> Result<(), RefusalReason> {
        let Some(reserved) = &self.reserved else { return Ok(()) };
        if reserved.reserve_username(username) {
            return Err(RefusalReason::ReservedUsernamePrefix);
        }
        if groups.iter().any(|group| reserved.reserve_group(group)) {
            return Err(RefusalReason::ReservedGroupPrefix);
        }
        Ok(())
    }

    fn pending(&self, rule: &Rule, needs_role: bool) -> InstancePending {
        InstancePending { needs_role, source: self.name, rule: rule.to_string() }
    }
}

impl InstancePending {
    /// Whether the role of its instance profile has to be known too.
    #[must_use]
    pub const fn needs_role(&self) -> bool {
        self.needs_role
    }

    /// The source of the rule.
    #[must_use]
    pub const fn source(&self) -> SourceName {
        self.source
    }

    /// The rule, for people: `mapRoles[3] arn:aws:iam::123456789012:role/Node`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

impl Refusal {
    /// What sort of refusal it is.
    #[must_use]
    pub const fn reason(&self) -> RefusalReason {
        self.reason
    }

    /// The reason's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The source of the rule.
    #[must_use]
    pub const fn source(&self) -> SourceName {
        self.source
    }

    /// The rule, for people: `mapRoles[3] arn:aws:iam::123456789012:role/Admin`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

/// `userid_mismatch by mapRoles[3] arn:aws:iam::123456789012:role/Admin of EKSConfigMap`
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} of {}", self.code(), self.rule, self.source)
    }
}

impl RefusalReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::ArnMismatch,
        Self::ClosedEntry,
        Self::ControlCharacter,
        Self::EmptyGroup,
        Self::EmptyUsername,
        Self::ForeignInstance,
        Self::NoPrivateDnsName,
        Self::NoSuchInstance,
        Self::NotAnInstance,
        Self::PrivilegedTemplate,
        Self::ReservedGroupPrefix,
        Self::ReservedUsernamePrefix,
        Self::UnrenderedBrace,
        Self::UserIdMismatch,
    ];

    /// Its stable name, for answers, logs and metric labels.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ArnMismatch => "arn_mismatch",
            Self::ClosedEntry => "closed_entry",
            Self::ControlCharacter => "control_character",
            Self::EmptyGroup => "empty_group",
            Self::EmptyUsername => "empty_username",
            Self::ForeignInstance => "foreign_instance",
            Self::NoPrivateDnsName => "no_private_dns_name",
            Self::NoSuchInstance => "no_such_instance",
            Self::NotAnInstance => "not_an_instance",
            Self::PrivilegedTemplate => "privileged_template",
            Self::ReservedGroupPrefix => "reserved_group_prefix",
            Self::ReservedUsernamePrefix => "reserved_username_prefix",
            Self::UnrenderedBrace => "unrendered_brace",
            Self::UserIdMismatch => "userid_mismatch",
        }
    }
}
