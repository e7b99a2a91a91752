//! `mapRoles`, `mapUsers` and `mapAccounts` in the `server` section of the server's config file.

use std::sync::Arc;

use thiserror::Error;

use super::{
    Loaded,
    entries::{self, Kind, Lists, MAP_ACCOUNTS, MAP_ROLES, MAP_USERS, UserIds, Written},
    form::Form,
    report::Report,
    yaml::{Map, Node},
};
use crate::{
    diagnostic::{Diagnostic, Severity},
    source::SourceName,
};

/// A list of the config file is unusable.
#[derive(Clone, Debug, Error)]
#[error("the mappings of the config file are unusable: {}", first_error(.0))]
pub struct LoadError(Vec<Diagnostic>);

/// Reads the mappings from the `server` section; keys in any case, other keys are not looked at.
///
/// It takes the section, so that each entry's values are gone once its rule is made: among a hundred thousand both would be
/// twice the memory.
///
/// ```
/// use mapping::format::{config_file, yaml::Document};
///
/// let file = Document::parse("mapUsers: [{userarn: arn:aws:iam::123456789012:user/jane, username: jane}]")?;
/// let loaded = config_file::load(file.into_root().into_map()?)?;
/// assert_eq!(loaded.rules.rule_count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the value under one of the keys is not a list, nor anything that is taken for one, or a list in which no entry is good.
pub fn load(mut server: Map) -> Result<Loaded, LoadError> {
    let mut diagnostics = Vec::new();
    let rules = |kind| {
        let written = Written { kind, form: Form::Weak, user_ids: UserIds::Optional };
        move |node, report: &mut _| entries::rules(written, node, report)
    };
    let roles = key(&mut server, MAP_ROLES, &mut diagnostics, rules(Kind::Role));
    let users = key(&mut server, MAP_USERS, &mut diagnostics, rules(Kind::User));
    let accounts =
        key(&mut server, MAP_ACCOUNTS, &mut diagnostics, |node, report| entries::accounts(Form::Weak, node, report));
    let (Some(roles), Some(users), Some(accounts)) = (roles, users, accounts) else {
        return Err(LoadError(diagnostics));
    };
    let (rules, duplicates) = entries::compile(&Lists { roles, users, accounts }, SourceName::MountedFile);
    diagnostics.extend(duplicates);
    Ok(Loaded { rules, diagnostics })
}

impl LoadError {
    /// All that is wrong, that which makes the lists unusable among it.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }
}

fn key<T>(
    server: &mut Map,
    key: &'static str,
    diagnostics: &mut Vec<Diagnostic>,
    read: impl FnOnce(Node, &mut Report) -> Option<Arc<[T]>>,
) -> Option<Arc<[T]>> {
    let Some(node) = server.take_ignore_case(key) else { return Some(Arc::new([])) };
    let mut report = Report::new(SourceName::MountedFile, key);
    let read = read(node, &mut report);
    diagnostics.extend(report.finish());
    read
}

fn first_error(diagnostics: &[Diagnostic]) -> String {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity() == Severity::Error;
    diagnostics.iter().find(is_error).map(ToString::to_string).unwrap_or_default()
}
