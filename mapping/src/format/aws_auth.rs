//! The `aws-auth` ConfigMap: three texts of YAML, each with a life of its own.
//!
//! A text that cannot be used never takes away the rules that its key had before: it is reported, and they stay. Only
//! a text that says so (an empty one, or an empty list) and a key or object that is gone empty them.
//!
//! A key that was never usable takes nothing away from the other keys either. Their rules are in force, and are known not
//! to be all: for whoever they do not name there is no answer until every key has been usable once.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    entries::{self, List, Lists, MAP_ACCOUNTS, MAP_ROLES, MAP_USERS},
    form::Form,
    report::Report,
    yaml::{Document, Limits, Node, nearest},
};
use crate::{
    arn::AccountId,
    diagnostic::{Diagnostic, DiagnosticCode, Quoted, Severity},
    ruleset::{Rule, RuleSet},
    source::SourceName,
};

/// The rules of `aws-auth`: of each key those it had when it was last good.
///
/// ```
/// use std::collections::BTreeMap;
/// use mapping::format::aws_auth::AwsAuth;
///
/// let roles = "- {rolearn: arn:aws:iam::123456789012:role/Admin, username: admin}";
/// let good = BTreeMap::from([("mapRoles".to_owned(), roles.to_owned())]);
/// let first = AwsAuth::update(None, &good);
/// assert!(first.diagnostics.is_empty());
///
/// let broken = BTreeMap::from([("mapRoles".to_owned(), "- rolearn: [".to_owned())]);
/// let second = AwsAuth::update(Some(&first.next), &broken);
/// assert_eq!(second.diagnostics[0].code().as_str(), "not_yaml");
/// assert_eq!(second.next.rules().rule_count(), 1);
///
/// assert!(!AwsAuth::update(None, &broken).next.is_synced());
/// ```
#[derive(Clone, Debug)]
pub struct AwsAuth {
    roles: Option<Arc<[Arc<Rule>]>>,
    users: Option<Arc<[Arc<Rule>]>>,
    accounts: Option<Arc<[AccountId]>>,
    compiled: Arc<RuleSet>,
}

/// What reading the ConfigMap anew came to.
#[derive(Clone, Debug)]
#[must_use]
pub struct Update {
    /// What is in force from now on.
    pub next: AwsAuth,
    /// What is wrong in the texts.
    pub diagnostics: Vec<Diagnostic>,
}

impl AwsAuth {
    /// Reads the `data` of the ConfigMap; without any data for a ConfigMap that does not exist.
    ///
    /// `previous` is what was in force until now, `None` at the first reading.
    pub fn update(previous: Option<&Self>, data: &BTreeMap<String, String>) -> Update {
        let mut diagnostics = unknown_keys(data);

        let last = previous.and_then(|previous| previous.roles.clone());
        let roles = key(MAP_ROLES, data, last, &mut diagnostics, |node, report| {
            entries::rules(List::Roles, Form::Strict, node, report)
        });
        let last = previous.and_then(|previous| previous.users.clone());
        let users = key(MAP_USERS, data, last, &mut diagnostics, |node, report| {
            entries::rules(List::Users, Form::Strict, node, report)
        });
        let last = previous.and_then(|previous| previous.accounts.clone());
        let accounts = key(MAP_ACCOUNTS, data, last, &mut diagnostics, |node, report| {
            entries::accounts(Form::Strict, node, report)
        });

        let lists = Lists {
            roles: roles.clone().unwrap_or_default(),
            users: users.clone().unwrap_or_default(),
            accounts: accounts.clone().unwrap_or_default(),
        };
        let (rules, duplicates) = entries::compile(&lists, SourceName::EksConfigMap);
        diagnostics.extend(duplicates);
        let is_complete = roles.is_some() && users.is_some() && accounts.is_some();
        let compiled = Arc::new(if is_complete { rules } else { rules.incomplete() });
        Update { next: Self { roles, users, accounts, compiled }, diagnostics }
    }

    /// Whether every key has been usable once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.compiled.is_complete()
    }

    /// The rules in force; while not synced those of the usable keys, which are not
    /// [complete](crate::RuleSet::is_complete).
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        Arc::clone(&self.compiled)
    }
}

/// What a key holds from now on.
fn key<T>(
    key: &'static str,
    data: &BTreeMap<String, String>,
    last: Option<Arc<[T]>>,
    diagnostics: &mut Vec<Diagnostic>,
    read: impl FnOnce(&Node, &mut Report) -> Option<Arc<[T]>>,
) -> Option<Arc<[T]>> {
    // aws-iam-authenticator takes these for nothing (`isSkippable`); a backtick begins no YAML.
    let Some(text) = data.get(key).filter(|text| text.trim() != "``") else { return Some(Arc::new([])) };

    let mut report = Report::new(SourceName::EksConfigMap, key).consequence(match last {
        Some(_) => "what the key held before stays in force",
        None => "the key was never usable, so that aws-auth has no answer for those whom its other keys do not name",
    });
    let now = match Document::parse_within(text, Limits::OBJECT) {
        Ok(document) => read(document.root(), &mut report),
        Err(error) => {
            report.fatal(DiagnosticCode::NotYaml, error.location(), error.message(), None);
            None
        }
    };
    diagnostics.extend(report.finish());
    now.or(last)
}

/// Keys of the ConfigMap are case-sensitive, as they are to aws-iam-authenticator.
fn unknown_keys(data: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let unknown = data.keys().filter(|key| !KEYS.contains(&key.as_str()));
    unknown
        .take(MAX_UNKNOWN_KEYS)
        .map(|key| {
            let message = format!("unknown key {}", Quoted(key));
            let source = SourceName::EksConfigMap;
            Diagnostic::new(DiagnosticCode::UnknownKey, Severity::Warning, source, "data", message)
                .fix(nearest(key, KEYS).map(|meant| format!("did you mean \"{meant}\"?")))
        })
        .collect()
}

const KEYS: [&str; 3] = [MAP_ROLES, MAP_USERS, MAP_ACCOUNTS];

/// More of them say nothing more.
const MAX_UNKNOWN_KEYS: usize = 20;
