//! The entries of `mapRoles`, `mapUsers` and `mapAccounts`, the same wherever they are written.
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
    ruleset::{Duplicate, Rule, RuleSet},
    source::SourceName,
};

/// A list whose entries are rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum List {
    Roles,
    Users,
}

/// What the three lists of a source hold.
#[derive(Debug)]
pub(super) struct Lists {
    pub(super) roles: Arc<[Arc<Rule>]>,
    pub(super) users: Arc<[Arc<Rule>]>,
    pub(super) accounts: Arc<[AccountId]>,
}

impl List {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Roles => MAP_ROLES,
            Self::Users => MAP_USERS,
        }
    }

    const fn arn_key(self) -> &'static str {
        match self {
            Self::Roles => "rolearn",
            Self::Users => "userarn",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Roles => Self::Users,
            Self::Users => Self::Roles,
        }
    }
}

/// The rules of a list, or `None` when the list is unusable.
pub(super) fn rules(list: List, form: Form, node: &Node, report: &mut Report) -> Option<Arc<[Arc<Rule>]>> {
    let items = |node| form.mappings(node).map(Cow::Borrowed);
    read(node, items, report, |index, item, report| entry::rule(list, form, index, item, report).map(Arc::new))
}

/// The accounts of a list, or `None` when the list is unusable.
pub(super) fn accounts(form: Form, node: &Node, report: &mut Report) -> Option<Arc<[AccountId]>> {
    read(node, |node| form.texts(node), report, |_, item, report| account(item, report))
}

/// Compiles the lists, and reports entries that are about the same principal.
pub(super) fn compile(lists: &Lists, source: SourceName) -> (RuleSet, Vec<Diagnostic>) {
    // A principal that stands in both lists is found among the roles by aws-iam-authenticator: they come last.
    let rules = lists.users.iter().chain(lists.roles.iter()).cloned();
    let (set, duplicates) = RuleSet::compile(rules, lists.accounts.iter().cloned());
    let describe = |Duplicate { unused, used }: &Duplicate| duplicate(unused, used, source);
    (set, duplicates.iter().take(MAX_DUPLICATES).map(describe).collect())
}

fn read<'a, T>(
    node: &'a Node,
    items: impl FnOnce(&'a Node) -> Result<Cow<'a, [Node]>, YamlError>,
    report: &mut Report,
    mut one: impl FnMut(usize, &Node, &mut Report) -> Option<T>,
) -> Option<Arc<[T]>> {
    if node.is_null() || node.as_text().is_ok_and(|text| text.trim().is_empty()) {
        return Some(Arc::new([]));
    }
    let items = match items(node) {
        Ok(items) => items,
        Err(error) => {
            let fix = "each entry of the list begins with a dash".to_owned();
            report.fatal(DiagnosticCode::NotAList, error.location(), error.message(), Some(fix));
            return None;
        }
    };
    let mut good = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        report.entry(index);
        good.extend(one(index, item, report));
    }
    if good.is_empty() && !items.is_empty() {
        report.fatal(DiagnosticCode::NoUsableEntry, node.location(), "not one entry of the list is usable", None);
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
    let place = |rule: &Rule| format!("{} (line {})", rule.origin, rule.origin.location.line());
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
    Diagnostic::new(DiagnosticCode::DuplicateEntry, Severity::Warning, source, unused.origin.key, message)
        .entry(Some(unused.origin.index))
        .at(unused.origin.location)
        .fix(Some("remove one of them".to_owned()))
}

pub(super) const MAP_ACCOUNTS: &str = "mapAccounts";
pub(super) const MAP_ROLES: &str = "mapRoles";
pub(super) const MAP_USERS: &str = "mapUsers";

/// How many duplicates are listed: whoever has more of them has one cause for all.
const MAX_DUPLICATES: usize = 100;
