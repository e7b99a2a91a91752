//! The rules of one source, compiled for looking up.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use crate::{
    arn::{AccountId, Partition},
    diagnostic::Quoted,
    format::yaml::Location,
    identity::Identity,
    instance::InstanceCondition,
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
    /// Rules for one unique id, whatever ARN they name beside it.
    unique: HashMap<Box<str>, Vec<Arc<Rule>>>,
    accounts: HashSet<AccountId>,
    rules: usize,
    kept: usize,
    closed: usize,
    incomplete: bool,
}

/// One entry: whom it is about, and the user it makes of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rule {
    pub(crate) subject: Subject,
    /// The principals as they were written, where that is not how they are kept.
    pub(crate) written: Option<Box<str>>,
    pub(crate) gives: Gives,
    /// What the caller's instance must be, if the rule is for instances alone.
    pub(crate) instance: Option<Box<InstanceCondition>>,
    pub(crate) origin: Origin,
}

/// What a rule makes of the callers it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Gives {
    /// This user, as the entry says.
    User(User),
    /// This user, as the entry said before: what it says now is not understood.
    EarlierUser(User),
    /// No user. The entry is closed: what it says is not understood, and whoever it is about is refused.
    Nobody,
}

/// A Kubernetes user, not rendered yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) username: Template,
    pub(crate) groups: Box<[Template]>,
}

/// Whom a rule is about. Two rules about the same subject are duplicates.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Subject {
    pub(crate) whom: Whom,
    /// The unique id the caller must have.
    pub(crate) user_id: Option<Box<str>>,
    /// The name of the caller's session must fit one of them.
    pub(crate) sessions: Option<Box<[Pattern]>>,
}

/// The principals a rule is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Whom {
    /// The one with this ARN.
    Exact(CanonicalArn),
    /// The roles of this permission set.
    Sso(Box<PermissionSet>),
    /// The roles that fit this pattern.
    Like(Box<RolePattern>),
    /// The one with this unique id, whatever it is called.
    Unique(Box<str>),
}

/// Where a rule was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// In a list of a text.
    Entry { key: &'static str, index: usize, location: Location },
    /// In the custom resource of this name.
    Object(Arc<str>),
}

/// Which of several rules about the same subject is used. Of patterns, whose order counts, it is always the first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Used {
    First,
    Last,
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
    /// This rule asks for the caller's unique id under another ARN, and no other rule is about the caller.
    OtherArn(&'a Rule),
    /// This rule names the caller, but asks for another unique id, and no other rule of its kind is about it.
    OtherUserId(&'a Rule),
    /// No rule names the caller.
    Unnamed,
}

impl RuleSet {
    pub(crate) fn compile(
        rules: impl IntoIterator<Item = Arc<Rule>>,
        accounts: impl IntoIterator<Item = AccountId>,
        which: Used,
    ) -> (Self, Vec<Duplicate>) {
        let rules: Vec<_> = rules.into_iter().collect();
        let mut used = HashMap::with_capacity(rules.len());
        // A closed entry stands beside any other: else one about the same callers would let them in.
        for rule in rules.iter().filter(|rule| !rule.is_closed()) {
            let place = used.entry(&rule.subject).or_insert(rule);
            if which == Used::Last && !matches!(rule.subject.whom, Whom::Like(_)) {
                *place = rule;
            }
        }
        // Most rules are exact: the table is made once instead of growing, and hashing them all, time and again.
        let exact = HashMap::with_capacity(rules.len());
        let mut set = Self { exact, accounts: accounts.into_iter().collect(), ..Self::default() };
        let mut duplicates = Vec::new();
        for rule in &rules {
            match used.get(&rule.subject) {
                Some(used) if !Arc::ptr_eq(used, rule) && !rule.is_closed() => {
                    duplicates.push(Duplicate { unused: Arc::clone(rule), used: Arc::clone(used) });
                }
                _ => set.add(Arc::clone(rule)),
            }
        }
        // Among rules that are equal but for their conditions a look-up takes the last.
        if which == Used::First {
            let Self { exact, sso, unique, .. } = &mut set;
            let lists = exact.values_mut().chain(sso.values_mut()).chain(unique.values_mut());
            lists.for_each(|rules| rules.reverse());
        }
        (set, duplicates)
    }

    /// How many explicit rules are in force; closed entries are not counted.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules
    }

    /// How many of these rules give what their entry gave before, because what it says now is not understood.
    #[must_use]
    pub const fn kept_count(&self) -> usize {
        self.kept
    }

    /// How many entries are closed: what they say is not understood, and whoever they are about is refused.
    #[must_use]
    pub const fn closed_count(&self) -> usize {
        self.closed
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

    /// The rule about the caller: one for its ARN and unique id before one for its unique id alone, then one for its ARN,
    /// one for its permission set, and one whose pattern its role fits. Of each of these kinds a closed entry goes first; of
    /// patterns, where the text has it.
    pub(crate) fn explicit(&self, identity: &Identity) -> Explicit<'_> {
        let exact = Explicit::narrowest(self.exact.get(identity.canonical_arn()), identity);
        if matches!(exact, Explicit::Rule(rule) if rule.subject.user_id.is_some() || rule.is_closed()) {
            return exact;
        }
        let unique = self.unique.get(identity.user_id());
        let sso = || PermissionSet::of(identity.principal()).and_then(|set| self.sso.get(&set));
        let like = || self.like.get(&(identity.principal().partition(), identity.account().clone()));
        Explicit::unique(unique, identity)
            .or_else(|| exact)
            .or_else(|| Explicit::narrowest(sso(), identity))
            .or_else(|| Explicit::first_like(like(), identity))
            .or_else(|| Explicit::renamed(unique, identity))
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
        let count = |yes: bool, number: usize| number.saturating_add(usize::from(yes));
        self.rules = count(!rule.is_closed(), self.rules);
        self.kept = count(matches!(rule.gives, Gives::EarlierUser(_)), self.kept);
        self.closed = count(rule.is_closed(), self.closed);
        match &rule.subject.whom {
            Whom::Exact(principal) => {
                if let Some(id) = &rule.subject.user_id {
                    self.unique.entry(id.clone()).or_default().push(Arc::clone(&rule));
                }
                self.exact.entry(principal.clone()).or_insert_with(|| Vec::with_capacity(1)).push(rule);
            }
            Whom::Unique(id) => self.unique.entry(id.clone()).or_default().push(rule),
            Whom::Sso(set) => self.sso.entry((**set).clone()).or_default().push(rule),
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
            Whom::Exact(_) | Whom::Sso(_) | Whom::Unique(_) => false,
        };
        let rules = || rules.into_iter().flatten().filter(is_like).filter(|rule| rule.is_for_session(identity));
        match rules().find(|rule| rule.fits(identity)) {
            Some(rule) => Self::Rule(rule),
            None => rules().next().map_or(Self::Unnamed, |rule| Self::OtherUserId(rule)),
        }
    }

    /// Of rules for the caller's unique id: the narrowest that names no ARN, and among equals the last one.
    fn unique(rules: Option<&'a Vec<Arc<Rule>>>, identity: &Identity) -> Self {
        let alone = |rule: &&Arc<Rule>| matches!(rule.subject.whom, Whom::Unique(_)) && rule.is_for_session(identity);
        let rule = rules.into_iter().flatten().filter(alone).max_by_key(|rule| rule.narrowness());
        rule.map_or(Self::Unnamed, |rule| Self::Rule(rule))
    }

    /// Of rules for the caller's unique id, none of which is for its ARN: the last one that names another.
    fn renamed(rules: Option<&'a Vec<Arc<Rule>>>, identity: &Identity) -> Self {
        let exact = |rule: &&Arc<Rule>| matches!(rule.subject.whom, Whom::Exact(_)) && rule.is_for_session(identity);
        rules.into_iter().flatten().rfind(exact).map_or(Self::Unnamed, |rule| Self::OtherArn(rule))
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

    /// Of two rules about the same principals the one with the greater narrowness goes first. A closed entry goes before all
    /// others that the caller fits: how narrow it was meant to be is not known.
    pub(crate) const fn narrowness(&self) -> (bool, bool, bool) {
        (self.is_closed(), self.subject.user_id.is_some(), self.subject.sessions.is_some())
    }

    /// The same, which lets nobody in.
    pub(crate) fn closed(self) -> Self {
        Self { gives: Gives::Nobody, ..self }
    }

    /// The same, in place of what is not understood.
    pub(crate) fn kept(self) -> Self {
        match self.gives {
            Gives::User(user) => Self { gives: Gives::EarlierUser(user), ..self },
            Gives::EarlierUser(_) | Gives::Nobody => self,
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.gives, Gives::Nobody)
    }

    /// The user that it gives, if its entry is not closed.
    pub(crate) const fn user(&self) -> Option<&User> {
        match &self.gives {
            Gives::User(user) | Gives::EarlierUser(user) => Some(user),
            Gives::Nobody => None,
        }
    }

    /// Whether it is about no caller that the other one is not about. It must be about the same principals.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        fn is_within<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            other.is_none() || one == other
        }
        let Subject { whom, user_id, sessions } = &self.subject;
        *whom == other.subject.whom
            && is_within(user_id.as_ref(), other.subject.user_id.as_ref())
            && is_within(sessions.as_ref(), other.subject.sessions.as_ref())
            && is_within(self.instance.as_ref(), other.instance.as_ref())
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with ", Quoted(&self.username.to_string()))?;
        match &*self.groups {
            [] => f.write_str("no groups"),
            groups => {
                f.write_str("the groups ")?;
                groups.iter().enumerate().try_for_each(|(index, group)| {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{}", Quoted(&group.to_string()))
                })
            }
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(principal) => principal.fmt(f),
            Self::Sso(set) => set.fmt(f),
            Self::Like(pattern) => pattern.fmt(f),
            Self::Unique(id) => write!(f, "userid {id}"),
        }
    }
}

/// `mapRoles[3] arn:aws:iam::123456789012:role/Admin`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.origin, self.written())
    }
}

impl Origin {
    /// Which entry of its list it is.
    pub(crate) const fn index(&self) -> Option<usize> {
        match self {
            Self::Entry { index, .. } => Some(*index),
            Self::Object(_) => None,
        }
    }
}

/// `mapRoles[3]` or `IAMIdentityMapping "jane"`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { key, index, .. } => write!(f, "{key}[{index}]"),
            Self::Object(name) => write!(f, "IAMIdentityMapping {}", Quoted(name)),
        }
    }
}

/// "system:masters ... is hard-coded into the Kubernetes API server source code as having unrestricted rights"
/// (<https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege>).
pub(crate) const SYSTEM_MASTERS: &str = "system:masters";
