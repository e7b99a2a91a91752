//! The three lists of a source, each as it was when it was last good.

use std::sync::Arc;

use super::{
    entries::{self, Kind, Lists, MAP_ACCOUNTS, MAP_ROLES, MAP_USERS, UserIds, Written},
    report::Report,
    yaml::{Node, YamlError},
};
use crate::{
    arn::AccountId,
    diagnostic::{Diagnostic, DiagnosticCode, Severity},
    ruleset::{Rule, RuleSet},
    source::SourceName,
};

/// Of each list what it held when it was last good, and the rules that come of them.
#[derive(Clone, Debug)]
pub(super) struct LastGood {
    roles: Option<Arc<[Arc<Rule>]>>,
    users: Option<Arc<[Arc<Rule>]>>,
    accounts: Option<Arc<[AccountId]>>,
    compiled: Arc<RuleSet>,
}

/// What a source has under the key of a list.
pub(super) enum Found {
    /// No such key.
    Gone,
    /// This.
    Node(Node),
    /// A text of its own that cannot be read.
    Unreadable(YamlError),
    /// What stands there is in a text that cannot be read, and that was said already.
    Unknown,
}

/// What a source is called, and how it is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) source: SourceName,
    /// What people call the source, if its other keys count while one was never usable.
    pub(super) name: Option<&'static str>,
    pub(super) user_ids: UserIds,
}

impl LastGood {
    /// Reads the lists anew. `previous` is what they held until now.
    pub(super) fn update(
        previous: Option<&Self>,
        reading: Reading,
        mut found: impl FnMut(&'static str) -> Found,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let Reading { source, user_ids, .. } = reading;
        let last = previous.and_then(|previous| previous.roles.clone());
        let roles = reading.list(MAP_ROLES, found(MAP_ROLES), last, diagnostics, |node, last, report| {
            entries::rules(Written { kind: Kind::Role, user_ids }, node, last, report)
        });
        let last = previous.and_then(|previous| previous.users.clone());
        let users = reading.list(MAP_USERS, found(MAP_USERS), last, diagnostics, |node, last, report| {
            entries::rules(Written { kind: Kind::User, user_ids }, node, last, report)
        });
        let last = previous.and_then(|previous| previous.accounts.clone());
        let accounts = reading.list(MAP_ACCOUNTS, found(MAP_ACCOUNTS), last, diagnostics, |node, _, report| {
            entries::accounts(node, report)
        });

        let lists = Lists {
            roles: roles.clone().unwrap_or_default(),
            users: users.clone().unwrap_or_default(),
            accounts: accounts.clone().unwrap_or_default(),
        };
        let (rules, duplicates) = entries::compile(&lists, source);
        diagnostics.extend(duplicates);
        let is_complete = roles.is_some() && users.is_some() && accounts.is_some();
        let compiled = Arc::new(if is_complete { rules } else { rules.incomplete() });
        Self { roles, users, accounts, compiled }
    }

    /// Whether every list has been usable once.
    pub(super) fn is_synced(&self) -> bool {
        self.compiled.is_complete()
    }

    /// What every list holds, once each has been usable.
    pub(super) fn lists(&self) -> Option<Lists> {
        let Self { roles, users, accounts, compiled: _ } = self;
        Some(Lists { roles: roles.clone()?, users: users.clone()?, accounts: accounts.clone()? })
    }

    pub(super) fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.compiled)
    }
}

impl Reading {
    /// What a list holds from now on.
    fn list<T>(
        self,
        key: &'static str,
        found: Found,
        last: Option<Arc<[T]>>,
        diagnostics: &mut Vec<Diagnostic>,
        read: impl FnOnce(Node, Option<&[T]>, &mut Report) -> Option<Arc<[T]>>,
    ) -> Option<Arc<[T]>> {
        let report = Report::new(self.source, key);
        let mut report = match self.consequence(last.is_some()) {
            Some(consequence) => report.consequence(consequence),
            None => report,
        };
        let is_gone = matches!(found, Found::Gone);
        let now = match found {
            Found::Gone => Some(Arc::from([])),
            Found::Node(node) => read(node, last.as_deref(), &mut report),
            Found::Unreadable(error) => {
                report.fatal(DiagnosticCode::NotYaml, error.location(), error.message(), None);
                None
            }
            Found::Unknown => None,
        };
        diagnostics.extend(report.finish());
        let held = last.as_ref().map_or(0, |last| last.len());
        if held > 0 && now.as_ref().is_some_and(|now| now.is_empty()) {
            let how = if is_gone { "the key is gone" } else { "the list is empty" };
            let entries = if held == 1 { "entry" } else { "entries" };
            let message = format!("{how}: it held {held} {entries}, and none is left");
            diagnostics.push(Diagnostic::new(DiagnosticCode::Emptied, Severity::Warning, self.source, key, message));
        }
        now.or(last)
    }

    /// What follows from a list that is not usable.
    fn consequence(self, was_usable: bool) -> Option<String> {
        if was_usable {
            return Some("what the key held before stays in force".to_owned());
        }
        let name = self.name?;
        Some(format!(
            "the key was never usable, so that {name} has no answer for those whom its other keys do not name"
        ))
    }
}
