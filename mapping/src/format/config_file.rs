//! `mapRoles`, `mapUsers` and `mapAccounts` in the `server` section of the server's config file.

use std::sync::Arc;

use thiserror::Error;

use super::{
    Update,
    entries::UserIds,
    last_good::{Found, LastGood, Reading},
    yaml::Map,
};
use crate::{
    diagnostic::{Diagnostic, Severity},
    ruleset::RuleSet,
    source::SourceName,
};

/// The rules of the config file: of each key those it had when it was last good.
///
/// ```
/// use mapping::format::{config_file::ConfigFile, yaml::Document};
///
/// let section = |text: &str| Document::parse(text)?.into_root().into_map();
/// let good = section("mapUsers: [{userarn: arn:aws:iam::123456789012:user/jane, username: jane}]")?;
/// let first = ConfigFile::load(good)?;
/// assert_eq!(first.next.rules().rule_count(), 1);
///
/// let broken = section("mapUsers: jane")?;
/// let second = ConfigFile::update(Some(&first.next), broken);
/// assert_eq!(second.diagnostics[0].code().as_str(), "not_a_list");
/// assert_eq!(second.next.rules().rule_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConfigFile(LastGood);

/// A list of the config file is unusable.
#[derive(Clone, Debug, Error)]
#[error("the mappings of the config file are unusable: {}", first_error(.0))]
pub struct LoadError(Vec<Diagnostic>);

impl ConfigFile {
    /// Reads the mappings from the `server` section; keys in any case, other keys are not looked at. `previous` is what was in
    /// force until now, `None` at the first reading.
    ///
    /// It takes the section, so that each entry's values are gone once its rule is made: among a hundred thousand both would
    /// be twice the memory.
    pub fn update(previous: Option<&Self>, mut server: Map) -> Update<Self> {
        let found = |key| server.take_ignore_case(key).map_or(Found::Gone, Found::Node);
        let mut diagnostics = Vec::new();
        let (source, user_ids) = (SourceName::MountedFile, UserIds::Optional);
        let reading = Reading { source, name: None, user_ids };
        let previous = previous.map(|Self(lists)| lists);
        let next = Self(LastGood::update(previous, reading, found, &mut diagnostics));
        Update { next, diagnostics }
    }

    /// The same, for a program that starts.
    ///
    /// # Errors
    ///
    /// When the value under one of the keys is not a list, nor anything that is taken for one, or a list of which nobody can
    /// tell whom it is about.
    pub fn load(server: Map) -> Result<Update<Self>, LoadError> {
        let update = Self::update(None, server);
        if update.next.0.is_synced() { Ok(update) } else { Err(LoadError(update.diagnostics)) }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<RuleSet> {
        self.0.rules()
    }
}

impl Default for ConfigFile {
    /// One without mappings.
    fn default() -> Self {
        Self::update(None, Map::default()).next
    }
}

impl LoadError {
    /// All that is wrong, that which makes the lists unusable among it.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }
}

fn first_error(diagnostics: &[Diagnostic]) -> String {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity() == Severity::Error;
    diagnostics.iter().find(is_error).map(ToString::to_string).unwrap_or_default()
}
