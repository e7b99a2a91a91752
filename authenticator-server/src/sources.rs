//! Where mappings come from, and the rules that are in force now.
//!
//! ```text
//! config file ──once────────────▶ RuleSet ┐
//!                                         ├─▶ Chain, swapped whole ─▶ every request
//! aws-auth ──list, watch, list…─▶ RuleSet ┘
//! ```

mod api_server;
mod aws_auth;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use mapping::{Chain, Diagnostic, ReservedPrefixes, RuleSet, Source, SourceName};

pub use api_server::{ApiServer, ApiServerError};
pub use aws_auth::AwsAuthSource;

/// The rules in force, most trusted source first. Clones share them.
#[derive(Clone, Debug)]
pub struct Sources {
    chain: Arc<ArcSwap<Chain>>,
    reserved: Arc<HashMap<SourceName, Arc<ReservedPrefixes>>>,
}

impl Sources {
    /// These sources, in order of trust, none of which has been read yet.
    #[must_use]
    pub fn unread(names: &[SourceName]) -> Self {
        Self::reserving(names, [])
    }

    /// The same, each kept for good from giving names with the prefixes that are reserved from it.
    #[must_use]
    pub fn reserving(names: &[SourceName], reserved: impl IntoIterator<Item = (SourceName, ReservedPrefixes)>) -> Self {
        let reserved = reserved.into_iter().map(|(name, prefixes)| (name, Arc::new(prefixes))).collect();
        let sources = Self { chain: Arc::default(), reserved: Arc::new(reserved) };
        let unread = names.iter().map(|name| sources.source(*name, None)).collect();
        sources.chain.store(Arc::new(Chain::new(unread)));
        sources
    }

    /// The rules in force at this moment: one consistent set for one request.
    #[must_use]
    pub fn current(&self) -> Arc<Chain> {
        self.chain.load_full()
    }

    /// The sources that have not been read yet, or not all of them.
    #[must_use]
    pub fn unsynced(&self) -> Vec<SourceName> {
        let chain = self.chain.load();
        chain.sources().iter().filter(|source| !source.is_synced()).map(Source::name).collect()
    }

    /// Whether every source has been read, and all of it.
    #[must_use]
    pub fn all_synced(&self) -> bool {
        self.unsynced().is_empty()
    }

    /// Puts other rules of one source in force; a source that is not in the order stays out of it.
    pub fn replace(&self, name: SourceName, rules: &Arc<RuleSet>) {
        self.chain.rcu(|chain| {
            let replaced = |source: &Source| {
                if source.name() == name { self.source(name, Some(Arc::clone(rules))) } else { source.clone() }
            };
            Chain::new(chain.sources().iter().map(replaced).collect())
        });
    }

    fn source(&self, name: SourceName, rules: Option<Arc<RuleSet>>) -> Source {
        let source = Source::new(name, rules);
        match self.reserved.get(&name) {
            Some(prefixes) => source.reserving(Arc::clone(prefixes)),
            None => source,
        }
    }
}

/// Logs what is wrong in the text of a source: a line each, and never the text.
pub(crate) fn log_diagnostics(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        tracing::warn!(
            source = %diagnostic.source(),
            code = diagnostic.code().as_str(),
            "{diagnostic}"
        );
    }
}

#[cfg(test)]
mod tests {
    use mapping::format::config_file;
    use mapping::format::yaml::Document;
    use mapping::{Decision, Identity};

    use super::*;

    fn rules(account: &str) -> Arc<RuleSet> {
        let document = Document::parse(&format!("mapAccounts: ['{account}']")).unwrap();
        Arc::new(config_file::load(document.root().as_map().unwrap()).unwrap().rules)
    }

    #[test]
    fn sources_keep_their_order_and_are_read_one_by_one() {
        let sources = Sources::unread(&[SourceName::EksConfigMap, SourceName::MountedFile]);
        assert_eq!(sources.unsynced(), [SourceName::EksConfigMap, SourceName::MountedFile]);

        sources.replace(SourceName::MountedFile, &rules("111122223333"));
        assert_eq!(sources.unsynced(), [SourceName::EksConfigMap]);
        assert!(!sources.all_synced());

        sources.replace(SourceName::EksConfigMap, &rules("444455556666"));
        assert!(sources.all_synced());
        let names: Vec<_> = sources.current().sources().iter().map(Source::name).collect();
        assert_eq!(names, [SourceName::EksConfigMap, SourceName::MountedFile]);
    }

    #[test]
    fn a_request_keeps_the_rules_it_began_with() {
        let sources = Sources::unread(&[SourceName::MountedFile]);
        let (old, new) = (rules("111122223333"), rules("444455556666"));
        sources.replace(SourceName::MountedFile, &old);
        let request = sources.current();
        sources.replace(SourceName::MountedFile, &new);
        assert!(Arc::ptr_eq(request.sources()[0].rules().unwrap(), &old));
        assert!(Arc::ptr_eq(sources.current().sources()[0].rules().unwrap(), &new));
    }

    #[test]
    fn a_source_that_is_not_in_the_order_changes_nothing() {
        let sources = Sources::unread(&[SourceName::MountedFile]);
        sources.replace(SourceName::EksConfigMap, &rules("111122223333"));
        assert_eq!(sources.current().sources().len(), 1);
        assert_eq!(sources.unsynced(), [SourceName::MountedFile]);
    }

    fn names(username: &str, group: &str) -> Arc<RuleSet> {
        let entry =
            format!("{{userarn: 'arn:aws:iam::111122223333:user/ann', username: {username}, groups: [{group}]}}");
        let document = Document::parse(&format!("mapUsers: [{entry}]")).unwrap();
        Arc::new(config_file::load(document.root().as_map().unwrap()).unwrap().rules)
    }

    /// The user that Ann is, or why she is none.
    fn ann(sources: &Sources) -> Result<String, &'static str> {
        let arn = "arn:aws:iam::111122223333:user/ann".parse().unwrap();
        let ann = Identity::new(arn, "AIDAEXAMPLE", "AKIAIOSFODNN7EXAMPLE".to_owned()).unwrap();
        match sources.current().decide(&ann) {
            Decision::Granted(grant) => Ok(grant.username().to_owned()),
            Decision::Refused(refusal) => Err(refusal.code()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_source_never_gives_a_name_that_is_reserved_from_it_however_often_its_rules_are_replaced() {
        let source = SourceName::EksConfigMap;
        let sources = Sources::reserving(&[source], [(source, ReservedPrefixes::new(["aws:"], ["system:"]))]);
        for _ in 0..2 {
            for (username, group, expected) in [
                ("ann", "dev", Ok("ann".to_owned())),
                ("'aws:ann'", "dev", Err("reserved_username_prefix")),
                ("'system:ann'", "dev", Ok("system:ann".to_owned())),
                ("ann", "'system:masters'", Err("reserved_group_prefix")),
                ("ann", "'aws:masters'", Ok("ann".to_owned())),
            ] {
                sources.replace(source, &names(username, group));
                assert_eq!(ann(&sources), expected, "{username} {group}");
            }
        }
    }

    #[test]
    fn what_is_reserved_from_one_source_another_may_give() {
        let reserved = [(SourceName::EksConfigMap, ReservedPrefixes::new(["aws:"], ["system:"]))];
        let sources = Sources::reserving(&[SourceName::MountedFile], reserved);
        sources.replace(SourceName::MountedFile, &names("'aws:ann'", "'system:masters'"));
        assert_eq!(ann(&sources), Ok("aws:ann".to_owned()));
    }
}
