//! The rules of one source, compiled for looking up.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use crate::{arn::AccountId, format::yaml::Location, identity::Identity, principal::CanonicalArn, template::Template};

/// The rules of one source: who is mapped by name, and which accounts are mapped whole.
///
/// Made by the readers of [`mod@crate::format`] only. Never changed: an edit makes another one. A look-up costs the same among ten
/// rules and among a hundred thousand.
#[derive(Debug, Default)]
pub struct RuleSet {
    exact: HashMap<CanonicalArn, Exact>,
    accounts: HashSet<AccountId>,
    rules: usize,
}

/// One entry: the principal it is about, and the user it makes of it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) principal: CanonicalArn,
    /// The ARN as it was written, where that is not its canonical form.
    pub(crate) written: Option<Box<str>>,
    /// The unique id the caller must have.
    pub(crate) user_id: Option<Box<str>>,
    pub(crate) username: Template,
    pub(crate) groups: Box<[Template]>,
    pub(crate) origin: Origin,
}

/// Where a rule was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) key: &'static str,
    pub(crate) index: usize,
    pub(crate) location: Location,
}

/// What a source's explicit rules say about a caller.
#[derive(Debug)]
pub(crate) enum Explicit<'a> {
    /// This rule is about the caller.
    Rule(&'a Rule),
    /// This rule names the caller, but asks for another unique id, and no other rule is about it.
    OtherUserId(&'a Rule),
    /// No rule names the caller.
    Unnamed,
}

/// The rules about one principal.
#[derive(Debug, Default)]
struct Exact {
    /// With a unique id, each another one.
    pinned: Vec<Arc<Rule>>,
    unpinned: Option<Arc<Rule>>,
}

impl RuleSet {
    /// Of rules about the same principal and unique id the last one is used; the others are given back.
    pub(crate) fn compile(
        rules: impl IntoIterator<Item = Arc<Rule>>,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> (Self, Vec<Arc<Rule>>) {
        let mut set = Self { accounts: accounts.into_iter().collect(), ..Self::default() };
        let mut unused = Vec::new();
        for rule in rules {
            match set.exact.entry(rule.principal.clone()).or_default().put(rule) {
                Some(other) => unused.push(other),
                None => set.rules = set.rules.saturating_add(1),
            }
        }
        (set, unused)
    }

    /// The rule that is used where this one would be.
    pub(crate) fn used_instead(&self, unused: &Rule) -> Option<&Rule> {
        let exact = self.exact.get(&unused.principal)?;
        match unused.user_id {
            None => exact.unpinned.as_deref(),
            Some(_) => exact.pinned.iter().find(|rule| rule.user_id == unused.user_id).map(|rule| &**rule),
        }
    }

    /// How many explicit rules are in force.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules
    }

    /// How many accounts are mapped whole.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    pub(crate) fn explicit(&self, identity: &Identity) -> Explicit<'_> {
        let Some(exact) = self.exact.get(identity.canonical_arn()) else { return Explicit::Unnamed };
        let fits = |rule: &&Arc<Rule>| rule.user_id.as_deref() == Some(identity.user_id());
        match exact.pinned.iter().find(fits).or(exact.unpinned.as_ref()) {
            Some(rule) => Explicit::Rule(rule),
            None => exact.pinned.last().map_or(Explicit::Unnamed, |rule| Explicit::OtherUserId(rule)),
        }
    }

    pub(crate) fn maps_account(&self, account: &AccountId) -> bool {
        self.accounts.contains(account)
    }
}

impl Exact {
    /// Puts a rule in, and gives back the one whose place it takes.
    fn put(&mut self, rule: Arc<Rule>) -> Option<Arc<Rule>> {
        if rule.user_id.is_none() {
            return self.unpinned.replace(rule);
        }
        match self.pinned.iter_mut().find(|other| other.user_id == rule.user_id) {
            Some(place) => Some(std::mem::replace(place, rule)),
            None => {
                self.pinned.push(rule);
                None
            }
        }
    }
}

impl Rule {
    /// The ARN as it was written.
    pub(crate) fn written(&self) -> &str {
        self.written.as_deref().unwrap_or(self.principal.as_str())
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
