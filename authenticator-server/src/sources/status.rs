//! What is known of a source now, for metrics and for whoever asks how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use mapping::{Diagnostic, DiagnosticCode, RuleSet, Severity, SourceName};

/// How a source is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceStatus {
    /// The source.
    pub source: SourceName,
    /// Whether it was read, and all of it.
    pub synced: bool,
    /// How often rules of it have been put in force.
    pub generation: u64,
    /// How many rules are in force, accounts not counted.
    pub rules: usize,
    /// How many accounts are mapped whole.
    pub accounts: usize,
    /// How many of the rules give what their entry gave before, because what it says now is not understood.
    pub kept: usize,
    /// How many entries let nobody in, because what they say is not understood.
    pub closed: usize,
    /// How often the source went from some rules or accounts to none.
    pub emptied: u64,
    /// Since when the rules in force may not be what is written: the text is unusable, or cannot be had.
    pub stale_since: Option<Timestamp>,
    /// How often something was read, or tried to be, of which not all could be used.
    pub failures: u64,
    /// What was wrong at the last reading: how often each.
    pub problems: BTreeMap<DiagnosticCode, usize>,
}

/// What reading a source came to.
#[derive(Debug)]
pub(super) struct Reading {
    /// What is in force from now on; `None` for what was before.
    pub(super) rules: Option<Arc<RuleSet>>,
    /// What is wrong with it.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether earlier rules stand in for some that are written.
    pub(super) unusable: bool,
}

impl Reading {
    /// These rules, of which some may stand in for what is written: what is wrong with no single entry is wrong with a whole
    /// key, or all of it.
    pub(super) fn new(rules: Arc<RuleSet>, diagnostics: Vec<Diagnostic>) -> Self {
        let is_whole =
            |diagnostic: &Diagnostic| diagnostic.severity() == Severity::Error && diagnostic.entry_index().is_none();
        let unusable = rules.kept_count() > 0 || diagnostics.iter().any(is_whole);
        Self { rules: Some(rules), diagnostics, unusable }
    }

    /// Whether all that is written is in force.
    pub(super) const fn is_whole(&self) -> bool {
        !self.unusable && self.diagnostics.is_empty()
    }
}

/// How many rules and accounts there are: those of a source that was not read are none.
pub(super) fn size(rules: Option<&Arc<RuleSet>>) -> usize {
    rules.map_or(0, |rules| rules.rule_count().saturating_add(rules.account_count()))
}

/// What is remembered of a source.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) rules: Option<Arc<RuleSet>>,
    generation: u64,
    failures: u64,
    emptied: u64,
    problems: BTreeMap<DiagnosticCode, usize>,
    unusable_since: Option<Timestamp>,
    unreachable_since: Option<Timestamp>,
}

impl Known {
    /// Takes up what was read.
    pub(super) fn read(&mut self, reading: Reading, now: Timestamp) {
        let Reading { rules, diagnostics, unusable } = reading;
        if let Some(rules) = rules {
            if size(self.rules.as_ref()) > 0 && size(Some(&rules)) == 0 {
                self.emptied = self.emptied.saturating_add(1);
            }
            self.rules = Some(rules);
            self.generation = self.generation.saturating_add(1);
        }
        self.problems = BTreeMap::new();
        for diagnostic in diagnostics {
            let count = self.problems.entry(diagnostic.code()).or_default();
            *count = count.saturating_add(1);
        }
        self.unreachable_since = None;
        if unusable {
            self.failures = self.failures.saturating_add(1);
            self.unusable_since.get_or_insert(now);
        } else {
            self.unusable_since = None;
        }
    }

    /// It can be read again, and nothing has changed.
    pub(super) fn reached(&mut self) {
        self.unreachable_since = None;
    }

    /// It cannot be read.
    pub(super) fn lost(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.unreachable_since.get_or_insert(now);
    }

    /// Whether it was read, and all of it.
    pub(super) fn is_synced(&self) -> bool {
        self.rules.as_deref().is_some_and(RuleSet::is_complete)
    }

    pub(super) fn status(&self, source: SourceName) -> SourceStatus {
        let rules = self.rules.as_deref();
        SourceStatus {
            source,
            synced: self.is_synced(),
            generation: self.generation,
            rules: rules.map_or(0, RuleSet::rule_count),
            accounts: rules.map_or(0, RuleSet::account_count),
            kept: rules.map_or(0, RuleSet::kept_count),
            closed: rules.map_or(0, RuleSet::closed_count),
            emptied: self.emptied,
            stale_since: self.unusable_since.into_iter().chain(self.unreachable_since).min(),
            failures: self.failures,
            problems: self.problems.clone(),
        }
    }
}
