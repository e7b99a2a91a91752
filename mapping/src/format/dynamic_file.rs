//! The dynamic file of aws-iam-authenticator: `mapRoles`, `mapUsers` and `mapAccounts` in a JSON object, in a file that
//! another program writes whenever they change.
//!
//! A text that cannot be used never takes away the rules that were there before: it is reported, and they stay. Only a key
//! or file that is gone, or an empty list, empties them. A file that is being written never reads as a shorter one: an
//! object without its closing brace is not JSON, and an empty text is none either.
//!
use std::{str, sync::Arc};

use super::{
    Update,
    entries::{MAP_ACCOUNTS, MAP_ROLES, MAP_USERS},
    last_good::{Found, LastGood, Reading},
    report::Report,
    yaml::{Document, Limits, Location, Map, YamlError, nearest},
};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    ruleset::RuleSet,
    source::SourceName,
};

pub use super::entries::UserIds;

/// The rules of the dynamic file: of each key those it had when it was last good.
///
/// ```
/// use mapping::format::dynamic_file::{DynamicFile, UserIds};
///
/// let good = br#"{"mapRoles": [{"rolearn": "arn:aws:iam::123456789012:role/Admin", "username": "admin"}]}"#;
/// let first = DynamicFile::update(None, Some(good), UserIds::Optional);
/// assert!(first.diagnostics.is_empty());
///
/// let half = br#"{"mapRoles": [{"rolearn": "arn:aws:iam::1234"#;
/// let second = DynamicFile::update(Some(&first.next), Some(half), UserIds::Optional);
/// assert_eq!(second.diagnostics[0].code().as_str(), "not_yaml");
/// assert_eq!(second.next.rules().rule_count(), 1);
///
/// let deleted = DynamicFile::update(Some(&second.next), None::<&[u8]>, UserIds::Optional);
/// assert_eq!(deleted.next.rules().rule_count(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct DynamicFile {
    lists: LastGood,
    last_updated: Option<i64>,
}

impl DynamicFile {
    /// Reads the file; without any text for a file that does not exist.
    ///
    /// `previous` is what was in force until now, `None` at the first reading. `user_ids` is
    /// `dynamicfileUserIDStrict`. A text that is given away is let go before rules are made of it.
    pub fn update(previous: Option<&Self>, file: Option<impl AsRef<[u8]>>, user_ids: UserIds) -> Update<Self> {
        let mut report = Report::new(SourceName::DynamicFile, FILE).consequence(match previous {
            Some(_) => "what it held before stays in force".to_owned(),
            None => "nothing is known of what it holds".to_owned(),
        });
        let mut root = file.map(|file| read(file.as_ref())?.into_root().into_map()).transpose();
        match &root {
            Ok(root) => root.iter().for_each(|root| unknown_keys(root, &mut report)),
            Err(error) => report.fatal(DiagnosticCode::NotYaml, error.location(), error.message(), None),
        }
        let last_updated = match &root {
            Ok(root) => root.as_ref().and_then(last_updated),
            Err(_) => previous.and_then(|previous| previous.last_updated),
        };
        let found = |key| match &mut root {
            Ok(root) => root.as_mut().and_then(|root| root.take_ignore_case(key)).map_or(Found::Gone, Found::Node),
            Err(_) => Found::Unknown,
        };

        let mut diagnostics = report.finish();
        let reading = Reading { source: SourceName::DynamicFile, name: Some("the dynamic file"), user_ids };
        let lists = LastGood::update(previous.map(|previous| &previous.lists), reading, found, &mut diagnostics);
        Update { next: Self { lists, last_updated }, diagnostics }
    }

    /// Whether every key has been usable once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.lists.is_synced()
    }

    /// The rules in force; while not synced those of the usable keys, which are not
    /// [complete](crate::RuleSet::is_complete).
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        self.lists.rules()
    }

    /// When the other program says it wrote the text (`LastUpdatedDateTime`), in seconds since 1970; `None` if it does not say
    /// so, or what it says is no such number. Nothing is decided by it: it is for measuring how old a change is.
    #[must_use]
    pub fn last_updated(&self) -> Option<i64> {
        self.last_updated
    }
}

fn last_updated(root: &Map) -> Option<i64> {
    root.get_ignore_case(LAST_UPDATED)?.as_text().ok()?.parse().ok()
}

fn read(bytes: &[u8]) -> Result<Document, YamlError> {
    let text = str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    if !text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{') {
        return Err(YamlError::new(Location::START, "it is not a JSON object"));
    }
    Document::parse_json(text, Limits::FILE)
}

fn not_utf8(bytes: &[u8], valid: usize) -> YamlError {
    let before = bytes.get(..valid).and_then(|before| str::from_utf8(before).ok()).unwrap_or_default();
    let lines = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    YamlError::new(Location::new(lines.saturating_add(1), column.saturating_add(1)), "it is not UTF-8 from here on")
}

fn unknown_keys(root: &Map, report: &mut Report) {
    for entry in root.entries() {
        if !KEYS.iter().any(|key| key.eq_ignore_ascii_case(entry.key())) {
            let fix = report.has_room().then(|| nearest(entry.key(), KEYS)).flatten();
            let fix = fix.map(|meant| format!("did you mean \"{meant}\"?"));
            let message = format!("unknown key {}", Quoted(entry.key()));
            report.warning(DiagnosticCode::UnknownKey, entry.location(), message, fix);
        }
    }
}

/// What a diagnostic about no key of the file is about.
const FILE: &str = "file";

/// The last two say when and what was written, for the latency metric of aws-iam-authenticator.
const KEYS: [&str; 5] = [MAP_ROLES, MAP_USERS, MAP_ACCOUNTS, LAST_UPDATED, "Version"];
const LAST_UPDATED: &str = "LastUpdatedDateTime";
