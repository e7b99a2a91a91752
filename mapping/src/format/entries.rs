//! The entries of `mapRoles`, `mapUsers` and `mapAccounts`, and the specs of custom resources: the same wherever they are
//! written.
//!
//! A list is unusable as a whole when it is no list, or when it has entries and not one of them is good: the first is
//! seldom meant, and the second is far more often a slip made in all of them at once than the wish to let nobody in.
//! Whoever wants that writes an empty list.

mod entry;

use std::{borrow::Cow, sync::Arc};

use super::{
    form::Form,
    report::Report,
    yaml::{Node, YamlError},
};
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
    pub(super) form: Form,
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

    /// Where an entry belongs that is about the other half of all principals.
    const fn other(self) -> Option<Self> {
        match self {
            Self::Object => None,
            Self::Role => Some(Self::User),
            Self::User => Some(Self::Role),
        }
    }
}

/// The rule of a custom resource, if all of its spec is good.
pub(super) fn object(name: &Arc<str>, spec: &Node, report: &mut Report) -> Option<Rule> {
    let written = Written { kind: Kind::Object, form: Form::Strict, user_ids: UserIds::Optional };
    entry::rule(written, Origin::Object(Arc::clone(name)), spec, report)
}

/// The rules of a list, or `None` when the list is unusable.
pub(super) fn rules(written: Written, node: Node, report: &mut Report) -> Option<Arc<[Arc<Rule>]>> {
    let Written { kind, form, .. } = written;
    read(
        node,
        |node| form.mappings(node),
        report,
        |index, item, report| {
            let origin = Origin::Entry { key: kind.key(), index, location: item.location() };
            entry::rule(written, origin, item, report).map(Arc::new)
        },
    )
}

/// The accounts of a list, or `None` when the list is unusable.
pub(super) fn accounts(form: Form, node: Node, report: &mut Report) -> Option<Arc<[AccountId]>> {
    read(node, |node| form.texts(&node).map(Cow::into_owned), report, |_, item, report| account(item, report))
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

/// Each item is let go as soon as it is read: of a long list the values and the rules are never there at once.
fn read<T>(
    node: Node,
    items: impl FnOnce(Node) -> Result<Vec<Node>, YamlError>,
    report: &mut Report,
    mut one: impl FnMut(usize, &Node, &mut Report) -> Option<T>,
) -> Option<Arc<[T]>> {
    if node.is_null() || node.as_text().is_ok_and(|text| text.trim().is_empty()) {
        return Some(Arc::new([]));
    }
    let at = node.location();
    let items = match items(node) {
        Ok(items) => items,
        Err(error) => {
            let fix = "each entry of the list begins with a dash".to_owned();
            report.fatal(DiagnosticCode::NotAList, error.location(), error.message(), Some(fix));
            return None;
        }
    };
    let is_empty = items.is_empty();
    let mut good = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        report.entry(index);
        good.extend(one(index, &item, report));
    }
    if good.is_empty() && !is_empty {
        report.fatal(DiagnosticCode::NoUsableEntry, at, "not one entry of the list is usable", None);
        return None;
    }
    Some(good.into())
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
            "are about {} and {}, which are the same principal: role paths, sessions and case are not looked at",
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
