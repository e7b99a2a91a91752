//! What is in force of a list whose entries are not all good.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Report,
    entry::{Nameless, Outcome},
};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::yaml::Location,
    ruleset::{Gives, Rule, SYSTEM_MASTERS, User, Whom},
};

/// The rules of a list so far.
#[derive(Default)]
pub(super) struct Draft {
    rules: Vec<Arc<Rule>>,
    /// Of the rules that miss their user: which it is, where its entry stands, and whether it may give `system:masters`.
    nameless: Vec<(usize, Location, bool)>,
    /// Before which rule an entry stands of which not even the principals are understood, and where.
    unplaced: Vec<(usize, Location)>,
    has_closed: bool,
}

impl Draft {
    pub(super) fn take(&mut self, outcome: Outcome, at: Location, report: &mut Report) {
        match outcome {
            Outcome::Good(rule) => self.rules.push(Arc::new(rule)),
            Outcome::Closed(rules) => self.close(rules, at, report),
            Outcome::Nameless(Nameless { rule, may_give_masters }) => {
                self.nameless.push((self.rules.len(), at, may_give_masters));
                self.rules.push(Arc::new(rule));
            }
            Outcome::Unknown => {}
        }
    }

    /// Takes up an entry with a restriction that is not understood, and these closed rules for whom it may be about.
    pub(super) fn close(&mut self, rules: Vec<Rule>, at: Location, report: &mut Report) {
        self.has_closed = true;
        let message = match rules.as_slice() {
            [] => {
                self.unplaced.push((self.rules.len(), at));
                "a restriction of the entry is not understood, so it lets nobody in".to_owned()
            }
            [first, rest @ ..] => {
                let written = Rule::written(first);
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                let whom = Quoted(&written);
                format!("a restriction of the entry is not understood, so it lets nobody in: it refuses {whom}{more}")
            }
        };
        report.error(DiagnosticCode::EntryClosed, at, message, None);
        self.rules.extend(rules.into_iter().map(Arc::new));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(super) const fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// The rules that are in force from now on, in the order of the entries. `last` are those until now.
    pub(super) fn finish(mut self, last: &[Arc<Rule>], report: &mut Report) -> Vec<Arc<Rule>> {
        let gone = self.gone(last, report);
        if !self.nameless.is_empty() {
            self.name(last, report);
        }
        if let Some((index, _)) = self.unplaced.first() {
            // Of patterns the first that fits decides.
            self.rules.splice(index..index, gone);
        }
        self.rules
    }

    /// The rules for patterns, permission sets and unique ids that no entry names any more, closed, where an entry is there of which
    /// not even the principals are understood: it may have been the one. Else a wider rule would take in those whom it named.
    fn gone(&self, last: &[Arc<Rule>], report: &mut Report) -> Vec<Arc<Rule>> {
        let Some((_, at)) = self.unplaced.first() else { return Vec::new() };
        let now: HashSet<_> = self.rules.iter().map(|rule| &rule.subject.whom).collect();
        let is_gone =
            |rule: &&Arc<Rule>| !matches!(rule.subject.whom, Whom::Exact(_)) && !now.contains(&rule.subject.whom);
        let gone: Vec<_> = last.iter().filter(is_gone).map(|rule| Arc::new(Rule::clone(rule).closed())).collect();
        for rule in &gone {
            let written = rule.written();
            let message =
                format!("no entry names {} any more, and this one may be meant to: it is refused", Quoted(&written));
            report.error(DiagnosticCode::EntryClosed, *at, message, None);
        }
        gone
    }

    /// Gives the rules that miss their user the one that their entry gave before.
    fn name(&mut self, last: &[Arc<Rule>], report: &mut Report) {
        let users = self.earlier_users(last);
        for ((index, at, _), user) in std::mem::take(&mut self.nameless).into_iter().zip(users) {
            let Some(rule) = self.rules.get_mut(index) else { continue };
            if let Some(entry) = rule.origin.index() {
                report.entry(entry);
            }
            let written = rule.written();
            let whom = Quoted(&written);
            match (user, Arc::get_mut(rule)) {
                (Some(user), Some(rule)) => {
                    let message = format!("what the entry gave before stays in force: {whom} is {user}");
                    report.error(DiagnosticCode::EntryKept, at, message, None);
                    rule.gives = Gives::EarlierUser(user);
                }
                _ => {
                    let message = format!(
                        "what the entry gives is not understood, and it gave nothing before that could stand in for it, so it lets \
                         nobody in: it refuses {whom}"
                    );
                    report.error(DiagnosticCode::EntryClosed, at, message, None);
                }
            }
        }
    }

    /// For each rule that misses its user the one that its entry gave before.
    ///
    /// That entry was about the same principals, and about no fewer callers: else somebody would become a user who never was
    /// one. An entry that still stands there, beside this one, is not this one's past.
    fn earlier_users(&self, last: &[Arc<Rule>]) -> Vec<Option<User>> {
        let mut before: HashMap<&Whom, Vec<&Rule>> = HashMap::new();
        for rule in last {
            before.entry(&rule.subject.whom).or_default().push(rule);
        }
        let now: HashSet<_> = self.rules.iter().map(|rule| &rule.subject).collect();
        let earlier_user = |(index, _, may_give_masters): &(usize, Location, bool)| {
            let rule = self.rules.get(*index)?;
            let is_past =
                |old: &&&Rule| rule.is_within(old) && (rule.subject == old.subject || !now.contains(&old.subject));
            let mut past = before.get(&rule.subject.whom)?.iter().filter(is_past);
            let old = match rule.subject.whom {
                // Of patterns the first that fits was used, of others the last of the narrowest.
                Whom::Like(_) => past.next(),
                Whom::Exact(_) | Whom::Sso(_) | Whom::Unique(_) => past.max_by_key(|old| old.narrowness()),
            }?;
            let is_masters = |user: &&User| user.groups.iter().any(|group| group.to_string() == SYSTEM_MASTERS);
            old.user().filter(|user| *may_give_masters || !is_masters(user)).cloned()
        };
        self.nameless.iter().map(earlier_user).collect()
    }
}
