//! The `aws-auth` ConfigMap: three texts of YAML, each with a life of its own.
//!
//! A text that cannot be used never takes away the rules that its key had before: it is reported, and they stay. Only
//! a text that says so (an empty one, or an empty list) and a key or object that is gone empty them.
//!
//! A key that was never usable takes nothing away from the other keys either. Their rules are in force, and are known not
//! to be all: for whoever they do not name there is no answer until every key has been usable once.

mod add;
mod append;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Update,
    entries::{Lists, MAP_ACCOUNTS, MAP_ROLES, MAP_USERS, UserIds},
    last_good::{Found, LastGood, Reading},
    yaml::{Document, Limits, nearest},
};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Quoted, Severity},
    ruleset::RuleSet,
    source::SourceName,
};

pub use add::{AddError, NewEntry};

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
pub struct AwsAuth(LastGood);

impl AwsAuth {
    /// Reads the `data` of the ConfigMap; without any data for a ConfigMap that does not exist.
    ///
    /// `previous` is what was in force until now, `None` at the first reading.
    pub fn update(previous: Option<&Self>, data: &BTreeMap<String, String>) -> Update<Self> {
        // aws-iam-authenticator takes these for nothing (`isSkippable`); a backtick begins no YAML.
        let text = |key| data.get(key).filter(|text| text.trim() != "``");
        let found = |key| match text(key).map(|text| Document::parse_within(text, Limits::OBJECT)) {
            None => Found::Gone,
            Some(Ok(document)) => Found::Node(document.into_root()),
            Some(Err(error)) => Found::Unreadable(error),
        };

        let mut diagnostics = unknown_keys(data);
        let (source, user_ids) = (SourceName::EksConfigMap, UserIds::Optional);
        let reading = Reading { source, name: Some("aws-auth"), user_ids };
        let previous = previous.map(|Self(lists)| lists);
        let next = Self(LastGood::update(previous, reading, found, &mut diagnostics));
        Update { next, diagnostics }
    }

    /// Whether every key has been usable once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.0.is_synced()
    }

    /// The rules in force; while not synced those of the usable keys, which are not
    /// [complete](crate::RuleSet::is_complete).
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        self.0.rules()
    }

    fn lists(&self) -> Option<Lists> {
        self.0.lists()
    }
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
