//! Where mappings come from, and the rules that are in force now.
//!
//! ```text
//! config file ──once────────────▶ RuleSet ┐
//!                                         ├─▶ Chain, swapped whole ─▶ every request
//! aws-auth ──list, watch, list…─▶ RuleSet ┘
//! ```

mod api_server;
mod aws_auth;

use std::sync::Arc;

use arc_swap::ArcSwap;
use mapping::{Chain, Diagnostic, RuleSet, Source, SourceName};

pub use api_server::{ApiServer, ApiServerError};
pub use aws_auth::AwsAuthSource;

/// The rules in force, most trusted source first. Clones share them.
#[derive(Clone, Debug)]
pub struct Sources {
    chain: Arc<ArcSwap<Chain>>,
}

impl Sources {
    /// These sources, in order of trust, none of which has been read yet.
    #[must_use]
    pub fn unread(names: &[SourceName]) -> Self {
        let sources = names.iter().map(|name| Source::new(*name, None)).collect();
        Self { chain: Arc::new(ArcSwap::from_pointee(Chain::new(sources))) }
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
                if source.name() == name { Source::new(name, Some(Arc::clone(rules))) } else { source.clone() }
            };
            Chain::new(chain.sources().iter().map(replaced).collect())
        });
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
}
