//! The rules of one source, compiled for looking up.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use crate::{
    arn::{AccountId, Partition},
    format::yaml::Location,
    identity::Identity,
    pattern::Pattern,
    principal::CanonicalArn,
    role_pattern::RolePattern,
    sso::PermissionSet,
    template::Template,
};

/// The rules of one source: who is mapped by name, and which accounts are mapped whole.
///
/// Made by the readers of [`mod@crate::format`] only. Never changed: an edit makes another one. A look-up reads no rule
/// that is about other principals, so that it costs the same among ten rules and among a hundred thousand.
#[derive(Debug, Default)]
pub struct RuleSet {
    exact: HashMap<CanonicalArn, Vec<Arc<Rule>>>,
    sso: HashMap<PermissionSet, Vec<Arc<Rule>>>,
    /// In the order of the text.
    like: HashMap<(Partition, AccountId), Vec<Arc<Rule>>>,
    accounts: HashSet<AccountId>,
    rules: usize,
    incomplete: bool,
}

/// One entry: whom it is about, and the user it makes of them.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) subject: Subject,
    /// The principals as they were written, where that is not how they are kept.
    pub(crate) written: Option<Box<str>>,
    pub(crate) username: Template,
    pub(crate) groups: Box<[Template]>,
    pub(crate) origin: Origin,
}

/// Whom a rule is about. Two rules about the same subject are duplicates.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct Subject {
    pub(crate) whom: Whom,
    /// The unique id the caller must have.
    pub(crate) user_id: Option<Box<str>>,
    /// The name of the caller's session must fit one of them.
    pub(crate) sessions: Option<Box<[Pattern]>>,
}

/// The principals a rule is about.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) enum Whom {
    /// The one with this ARN.
    Exact(CanonicalArn),
    /// The roles of this permission set.
    Sso(PermissionSet),
    /// The roles that fit this pattern.
    Like(Box<RolePattern>),
}

/// Where a rule was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) key: &'static str,
    pub(crate) index: usize,
    pub(crate) location: Location,
}

/// A rule that is not used because another one is about the same subject.
#[derive(Debug)]
pub(crate) struct Duplicate {
    pub(crate) unused: Arc<Rule>,
    pub(crate) used: Arc<Rule>,
}

/// What a source's explicit rules say about a caller.
#[derive(Debug)]
pub(crate) enum Explicit<'a> {
    /// This rule is about the caller.
    Rule(&'a Rule),
    /// This rule names the caller, but asks for another unique id, and no other rule of its kind is about it.
    OtherUserId(&'a Rule),
    /// No rule names the caller.
    Unnamed,
}

impl RuleSet {
    /// Of rules about the same subject the last one is used; of patterns, whose order counts, the first one.
    pub(crate) fn compile(
        rules: impl IntoIterator<Item = Arc<Rule>>,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> (Self, Vec<Duplicate>) {
        let rules: Vec<_> = rules.into_iter().collect();
        let mut used = HashMap::with_capacity(rules.len());
        for rule in &rules {
            let place = used.entry(&rule.subject).or_insert(rule);
            if !matches!(rule.subject.whom, Whom::Like(_)) {
                *place = rule;
            }
        }
        // Most rules are exact: the table is made once instead of growing, and hashing them all, time and again.
        let exact = HashMap::with_capacity(rules.len());
        let mut set = Self { exact, accounts: accounts.into_iter().collect(), ..Self::default() };
        let mut duplicates = Vec::new();
        for rule in &rules {
            match used.get(&rule.subject) {
                Some(used) if !Arc::ptr_eq(used, rule) => {
                    duplicates.push(Duplicate { unused: Arc::clone(rule), used: Arc::clone(used) });
                }
                _ => set.add(Arc::clone(rule)),
            }
        }
        (set, duplicates)
    }

    /// How many explicit rules are in force.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules
    }

    /// Whether these are all the rules of the source. If not, part of its text was never readable, and whoever is not named
    /// here may be named there.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.incomplete
    }

    /// How many accounts are mapped whole.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// The rule about the caller: one that names it before one that names its permission set, and that before one whose
    /// pattern its role fits.
    pub(crate) fn explicit(&self, identity: &Identity) -> Explicit<'_> {
        let exact = self.exact.get(identity.canonical_arn());
        let sso = || PermissionSet::of(identity.principal()).and_then(|set| self.sso.get(&set));
        let like = || self.like.get(&(identity.principal().partition(), identity.account().clone()));
        Explicit::narrowest(exact, identity)
            .or_else(|| Explicit::narrowest(sso(), identity))
            .or_else(|| Explicit::first_like(like(), identity))
    }

    /// The same rules, of a text of which they are not all.
    pub(crate) const fn incomplete(mut self) -> Self {
        self.incomplete = true;
        self
    }

    pub(crate) fn maps_account(&self, account: &AccountId) -> bool {
        self.accounts.contains(account)
    }

    fn add(&mut self, rule: Arc<Rule>) {
        self.rules = self.rules.saturating_add(1);
        match &rule.subject.whom {
            Whom::Exact(principal) => self.exact.entry(principal.clone()).or_default().push(rule),
            Whom::Sso(set) => self.sso.entry(set.clone()).or_default().push(rule),
            Whom::Like(pattern) => self.like.entry(pattern.account()).or_default().push(rule),
        }
    }
}

impl<'a> Explicit<'a> {
    /// Of rules about the same principals: the narrowest that fits the caller, and among equals the last one.
    fn narrowest(rules: Option<&'a Vec<Arc<Rule>>>, identity: &Identity) -> Self {
        let rules = || rules.into_iter().flatten().filter(|rule| rule.is_for_session(identity));
        match rules().filter(|rule| rule.fits(identity)).max_by_key(|rule| rule.narrowness()) {
            Some(rule) => Self::Rule(rule),
            None => rules().next_back().map_or(Self::Unnamed, |rule| Self::OtherUserId(rule)),
        }
    }

    /// Of patterns of the caller's account: the first in the text that fits the caller.
    fn first_like(rules: Option<&'a Vec<Arc<Rule>>>, identity: &Identity) -> Self {
        let is_like = |rule: &&Arc<Rule>| match &rule.subject.whom {
            Whom::Like(pattern) => pattern.matches(identity.principal()),
            Whom::Exact(_) | Whom::Sso(_) => false,
        };
        let rules = || rules.into_iter().flatten().filter(is_like).filter(|rule| rule.is_for_session(identity));
        match rules().find(|rule| rule.fits(identity)) {
            Some(rule) => Self::Rule(rule),
            None => rules().next().map_or(Self::Unnamed, |rule| Self::OtherUserId(rule)),
        }
    }

    fn or_else(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Unnamed => next(),
            decided => decided,
        }
    }
}

impl Rule {
    /// The principals as they were written.
    pub(crate) fn written(&self) -> String {
        self.written.as_deref().map_or_else(|| self.subject.whom.to_string(), str::to_owned)
    }

    /// Where it is not, the rule is as if it were not written.
    fn is_for_session(&self, identity: &Identity) -> bool {
        let patterns = self.subject.sessions.as_deref();
        patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(identity.session_name())))
    }

    fn fits(&self, identity: &Identity) -> bool {
        self.subject.user_id.as_deref().is_none_or(|id| id == identity.user_id())
    }

    /// Of two rules about the same principals the one with the greater narrowness goes first.
    const fn narrowness(&self) -> (bool, bool) {
        (self.subject.user_id.is_some(), self.subject.sessions.is_some())
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(principal) => principal.fmt(f),
            Self::Sso(set) => set.fmt(f),
            Self::Like(pattern) => pattern.fmt(f),
        }
    }
}

/// `mapRoles[3] arn:aws:iam::123456789012:role/Admin`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.origin, self.written())
    }
}

/// `mapRoles[3]`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.key, self.index)
    }
}

/// "system:masters ... is hard-coded into the Kubernetes API server source code as having unrestricted rights"
/// (<https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege>).
pub(crate) const SYSTEM_MASTERS: &str = "system:masters";
