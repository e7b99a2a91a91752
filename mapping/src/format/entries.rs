//! The entries of `mapRoles`, `mapUsers` and `mapAccounts`, and the specs of custom resources: the same wherever they are
//! written.
//!
//! Each entry goes its own way, whatever else is in its list. One with a restriction that is not understood is closed: it
//! lets nobody in. One that does not say as whom gives what it gave before, and is closed if it gave nothing.
//!
//! A list is unusable as a whole when it is no list, or when it has entries and nobody can tell of one of them whom it is
//! about: that is far more often a slip made in all of them at once than the wish to let nobody in. Whoever wants that
//! writes an empty list.

mod entry;
mod settle;

use std::{borrow::Cow, sync::Arc};

use super::{
    report::Report,
    yaml::{Location, Node, YamlError},
};
use entry::Outcome;
use settle::Draft;

use crate::{
    arn::{AccountId, AccountIdError},
    diagnostic::{Diagnostic, DiagnosticCode, Quoted, Severity},
    ruleset::{Duplicate, Origin, Rule, RuleSet, Used},
    source::SourceName,
};

/// What an entry is, and so which keys it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// The spec of a custom resource: about a role or about anybody else.
    Object,
    /// An entry of `mapRoles`.
    Role,
    /// An entry of `mapUsers`.
    User,
}

/// How an entry is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) kind: Kind,
    pub(super) user_ids: UserIds,
}

/// Which entries must ask for a unique id.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UserIds {
    /// Whichever do.
    #[default]
    Optional,
    /// Every one: an entry without `userid` is not used, so that a name that is given anew never counts.
    Required,
}

/// What the three lists of a source hold.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) roles: Arc<[Arc<Rule>]>,
    pub(super) users: Arc<[Arc<Rule>]>,
    pub(super) accounts: Arc<[AccountId]>,
}

impl Kind {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Object => SPEC,
            Self::Role => MAP_ROLES,
            Self::User => MAP_USERS,
        }
    }

    pub(super) const fn arn_key(self) -> &'static str {
        match self {
            Self::Object => "arn",
            Self::Role => "rolearn",
            Self::User => "userarn",
        }
    }

    /// The items of a list of texts; the schema of custom resources knows no other form.
    fn texts(self, node: &Node) -> Result<Cow<'_, [Node]>, YamlError> {
        match self {
            Self::Object => node.as_seq().map(Cow::Borrowed),
            Self::Role | Self::User => texts(node),
        }
    }

    /// Where an entry belongs that is about the other half of all principals.
    const fn other(self) -> Option<Self> {
        match self {
            Self::Object => None,
            Self::Role => Some(Self::User),
            Self::User => Some(Self::Role),
        }
    }
}

/// The rules of a custom resource, whose rules were these until now; `None` when nobody can tell whom it is about.
pub(super) fn object(
    name: &Arc<str>,
    spec: &Node,
    last: &[Arc<Rule>],
    report: &mut Report,
) -> Option<Arc<[Arc<Rule>]>> {
    let written = Written { kind: Kind::Object, user_ids: UserIds::Optional };
    let mut draft = Draft::default();
    match entry::read(written, Origin::Object(Arc::clone(name)), spec, report) {
        // Whom the object was about it is about still, as far as anybody can tell.
        Outcome::Closed(closed) if closed.is_empty() => {
            draft.close(last.iter().map(|rule| Rule::clone(rule).closed()).collect(), Location::START, report);
        }
        Outcome::Unknown => return None,
        outcome => draft.take(outcome, Location::START, report),
    }
    Some(draft.finish(last, report).into())
}

/// The rules of a list, which were these until now; or `None` when the list is unusable.
pub(super) fn rules(
    written: Written,
    node: Node,
    last: Option<&[Arc<Rule>]>,
    report: &mut Report,
) -> Option<Arc<[Arc<Rule>]>> {
    let (at, items) = items(node, mappings, report)?;
    let is_empty = items.is_empty();
    let mut draft = Draft::default();
    // Each item is let go as soon as it is read: of a long list the values and the rules are never there at once.
    for (index, item) in items.into_iter().enumerate() {
        report.entry(index);
        let location = item.location();
        let origin = Origin::Entry { key: written.kind.key(), index, location };
        draft.take(entry::read(written, origin, &item, report), location, report);
    }
    // An entry that is closed says that whoever it was about is not to get in as before.
    let is_usable = is_empty || !draft.is_empty() || (draft.has_closed() && last.is_some());
    if !is_usable {
        report.fatal(DiagnosticCode::NoUsableEntry, at, "not one entry of the list is usable", None);
        return None;
    }
    Some(draft.finish(last.unwrap_or_default(), report).into())
}

/// The accounts of a list, or `None` when the list is unusable.
pub(super) fn accounts(node: Node, report: &mut Report) -> Option<Arc<[AccountId]>> {
    let (at, items) = items(node, |node| texts(&node).map(Cow::into_owned), report)?;
    let is_empty = items.is_empty();
    let mut good = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        report.entry(index);
        good.extend(account(&item, report));
    }
    if good.is_empty() && !is_empty {
        report.fatal(DiagnosticCode::NoUsableEntry, at, "not one entry of the list is usable", None);
        return None;
    }
    Some(good.into())
}

/// Compiles the lists, and reports entries that are about the same principal.
pub(super) fn compile(lists: &Lists, source: SourceName) -> (RuleSet, Vec<Diagnostic>) {
    // A principal that stands in both lists is found among the roles by aws-iam-authenticator: they come last.
    let rules = lists.users.iter().chain(lists.roles.iter()).cloned();
    let (set, duplicates) = RuleSet::compile(rules, lists.accounts.iter().cloned(), Used::Last);
    (set, describe(&duplicates, source))
}

/// Compiles the rules of custom resources, the oldest first, and reports those that are about the same principal.
pub(super) fn compile_objects(rules: impl Iterator<Item = Arc<Rule>>) -> (RuleSet, Vec<Diagnostic>) {
    let (set, duplicates) = RuleSet::compile(rules, [], Used::First);
    (set, describe(&duplicates, SourceName::Crd))
}

fn describe(duplicates: &[Duplicate], source: SourceName) -> Vec<Diagnostic> {
    let describe = |Duplicate { unused, used }: &Duplicate| duplicate(unused, used, source);
    duplicates.iter().take(MAX_DUPLICATES).map(describe).collect()
}

/// The items of a list, and where it begins.
fn items(
    node: Node,
    items: impl FnOnce(Node) -> Result<Vec<Node>, YamlError>,
    report: &mut Report,
) -> Option<(Location, Vec<Node>)> {
    let at = node.location();
    if node.is_null() || node.as_text().is_ok_and(|text| text.trim().is_empty()) {
        return Some((at, Vec::new()));
    }
    match items(node) {
        Ok(items) => Some((at, items)),
        Err(error) => {
            let fix = "each entry of the list begins with a dash".to_owned();
            report.fatal(DiagnosticCode::NotAList, error.location(), error.message(), Some(fix));
            None
        }
    }
}

/// The items of a list of mappings. A single mapping is the list of it, as aws-iam-authenticator has it in its config file,
/// which it reads with viper (`WeaklyTypedInput`).
fn mappings(node: Node) -> Result<Vec<Node>, YamlError> {
    match node.as_map() {
        Ok(map) if map.entries().is_empty() => Ok(Vec::new()),
        Ok(_) => Ok(vec![node]),
        Err(_) => node.into_seq(),
    }
}

/// The items of a list of texts. A text is the list of its parts between commas, likewise (`stringToWeakSliceHookFunc`); white
/// space around a part stays, as it does there.
fn texts(node: &Node) -> Result<Cow<'_, [Node]>, YamlError> {
    match node.split(',') {
        Some(parts) => Ok(parts.into()),
        None => node.as_seq().map(Cow::Borrowed),
    }
}

fn account(item: &Node, report: &mut Report) -> Option<AccountId> {
    let text = match item.as_text() {
        Ok(text) => text,
        Err(error) => {
            report.error(DiagnosticCode::WrongType, error.location(), error.message().to_owned(), None);
            return None;
        }
    };
    text.parse()
        .map_err(|error| {
            let fix = account_fix(text, error);
            report.error(
                DiagnosticCode::InvalidAccount,
                item.location(),
                format!("{}: {error}", Quoted(text)),
                Some(fix),
            );
        })
        .ok()
}

fn account_fix(text: &str, error: AccountIdError) -> String {
    match error {
        AccountIdError::LostZeros { .. } => format!("write \"{text:0>12}\", in quotes"),
        AccountIdError::NotTwelveDigits => "write the 12 digits of the account id, in quotes".to_owned(),
    }
}

fn duplicate(unused: &Rule, used: &Rule, source: SourceName) -> Diagnostic {
    let place = |rule: &Rule| match &rule.origin {
        Origin::Entry { location, .. } => format!("{} (line {})", rule.origin, location.line()),
        Origin::Object(_) => rule.origin.to_string(),
    };
    let (first, second) = (unused.written(), used.written());
    let what = if first == second {
        format!("are both about {}", Quoted(&first))
    } else {
        format!(
            "are about {} and {}, which are the same principal: role paths and case are not looked at",
            Quoted(&first),
            Quoted(&second)
        )
    };
    let message = format!("{} and {} {what}; {} is used", place(unused), place(used), used.origin);
    let diagnostic = |key| {
        Diagnostic::new(DiagnosticCode::DuplicateEntry, Severity::Warning, source, key, message)
            .fix(Some("remove one of them".to_owned()))
    };
    match &unused.origin {
        Origin::Entry { key, index, location } => diagnostic(key).entry(Some(*index)).at(*location),
        Origin::Object(name) => diagnostic(SPEC).object(name),
    }
}

pub(super) const MAP_ACCOUNTS: &str = "mapAccounts";
pub(super) const MAP_ROLES: &str = "mapRoles";
pub(super) const MAP_USERS: &str = "mapUsers";
pub(super) const SPEC: &str = "spec";

/// How many duplicates are listed: whoever has more of them has one cause for all.
const MAX_DUPLICATES: usize = 100;
