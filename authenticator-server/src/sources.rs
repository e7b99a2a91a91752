//! Where mappings come from, and the rules that are in force now.
//!
//! ```text
//! config file ──watch──────────────▶ RuleSet ┐
//! dynamic file ──watch─────────────▶ RuleSet ┼─▶ Chain, swapped whole ─▶ every request
//! aws-auth ──list, watch, list…────▶ RuleSet ┤
//! IAMIdentityMappings ──the same───▶ RuleSet ┘
//! ```
//!
//! Each source keeps the last good rules it had: what cannot be read takes nothing away.

mod api_server;
mod aws_auth;
mod clients;
mod custom_resources;
mod dynamic_file;
mod events;
mod following;
mod mounted_file;
mod order;
mod reflector;
mod status;
mod watched_file;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use mapping::{Chain, Diagnostic, ReservedPrefixes, Source, SourceName};
use tokio::sync::watch;

use crate::clock::Clock;
use status::{Known, Reading};

pub use api_server::{ApiServer, ApiServerError};
pub use aws_auth::{AddError, add as add_to_aws_auth};
pub use clients::Clients;
pub use dynamic_file::DynamicFile;
pub use events::Events;
pub use following::{Following, Places};
pub use mounted_file::MountedFile;
pub use order::{OrderFile, SourceOrderError, parse_source_order};
pub use status::SourceStatus;

/// The rules in force, most trusted source first. Clones share them.
#[derive(Clone, Debug)]
pub struct Sources(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What requests read, without waiting for anybody.
    chain: ArcSwap<Chain>,
    clock: Clock,
    reserved: HashMap<SourceName, Arc<ReservedPrefixes>>,
    table: Mutex<Table>,
    /// Tells whoever waits that the table has changed.
    changed: watch::Sender<()>,
}

/// What the chain is made of.
#[derive(Debug)]
struct Table {
    order: Vec<SourceName>,
    known: HashMap<SourceName, Known>,
}

impl Sources {
    /// These sources, in order of trust, none of which has been read yet; each is kept for good from giving names with the
    /// prefixes that are reserved from it.
    #[must_use]
    pub fn new(
        order: &[SourceName],
        reserved: impl IntoIterator<Item = (SourceName, ReservedPrefixes)>,
        clock: Clock,
    ) -> Self {
        let reserved = reserved.into_iter().map(|(name, prefixes)| (name, Arc::new(prefixes))).collect();
        let table = Table { order: order.to_vec(), known: HashMap::new() };
        let changed = watch::Sender::new(());
        let shared = Shared { chain: ArcSwap::default(), clock, reserved, table: Mutex::new(table), changed };
        shared.swap(&shared.table());
        Self(Arc::new(shared))
    }

    /// The rules in force at this moment: one consistent set for one request.
    #[must_use]
    pub fn current(&self) -> Arc<Chain> {
        self.0.chain.load_full()
    }

    /// The sources that have not been read yet, or not all of them.
    #[must_use]
    pub fn unsynced(&self) -> Vec<SourceName> {
        let chain = self.0.chain.load();
        chain.sources().iter().filter(|source| !source.is_synced()).map(Source::name).collect()
    }

    /// How each source is, in their order.
    #[must_use]
    pub fn status(&self) -> Vec<SourceStatus> {
        let table = self.0.table();
        let never_read = Known::default();
        table.order.iter().map(|name| table.known.get(name).unwrap_or(&never_read).status(*name)).collect()
    }

    /// The order of trust.
    #[must_use]
    pub fn order(&self) -> Vec<SourceName> {
        self.0.table().order.clone()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Puts another order in force. What is known of a source stays known, whether or not it is in the order.
    fn reorder(&self, order: &[SourceName]) {
        self.0.change(|table| table.order = order.to_vec());
    }

    /// Waits until each of these has been read, and all of it, whether or not it is in the order.
    async fn until_read(&self, names: &[SourceName]) {
        let mut changed = self.0.changed.subscribe();
        let is_read = |table: &Table, name| table.known.get(name).is_some_and(Known::is_synced);
        while !names.iter().all(|name| is_read(&self.0.table(), name)) && changed.changed().await.is_ok() {}
    }

    /// Takes up what reading a source came to: puts its rules in force where the source is in the order, and says it.
    fn read(&self, source: SourceName, reading: Reading) {
        log_diagnostics(&reading.diagnostics);
        let (now, is_whole, rules) = (self.now(), reading.is_whole(), reading.rules.clone());
        let mut before = 0;
        self.0.change(|table| {
            let known = table.known.entry(source).or_default();
            before = status::size(known.rules.as_ref());
            known.read(reading, now);
        });
        let Some(rules) = rules else { return };
        let is_emptied = before > 0 && status::size(Some(&rules)) == 0;
        let (kept, closed) = (rules.kept_count(), rules.closed_count());
        let (rules, accounts) = (rules.rule_count(), rules.account_count());
        if is_emptied {
            tracing::warn!(%source, before, closed, "no mapping of the source is left");
        } else if is_whole {
            tracing::info!(%source, rules, accounts, "mappings read");
        } else {
            tracing::warn!(%source, rules, accounts, kept, closed, "mappings read, and not all of them as they are written");
        }
    }

    /// A source can be read again, and holds what it held.
    fn reached(&self, source: SourceName) {
        self.0.change(|table| table.known.entry(source).or_default().reached());
    }

    /// A source cannot be read; what was read of it stays in force.
    fn lost(&self, source: SourceName) {
        let now = self.now();
        self.0.change(|table| table.known.entry(source).or_default().lost(now));
    }

    /// A source is as if it had never been read.
    fn forget(&self, source: SourceName) {
        self.0.change(|table| drop(table.known.remove(&source)));
    }
}

impl Shared {
    /// Changes the table, and puts what comes out in force in one step.
    fn change(&self, change: impl FnOnce(&mut Table)) {
        let mut table = self.table();
        change(&mut table);
        self.swap(&table);
        self.changed.send_replace(());
    }

    fn swap(&self, table: &Table) {
        let source = |name: &SourceName| {
            let source = Source::new(*name, table.known.get(name).and_then(|known| known.rules.clone()));
            match self.reserved.get(name) {
                Some(prefixes) => source.reserving(Arc::clone(prefixes)),
                None => source,
            }
        };
        self.chain.store(Arc::new(Chain::new(table.order.iter().map(source).collect())));
    }

    /// Nothing that holds it can panic half way through a change.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what is wrong in the text of a source: a line each, and never the text.
fn log_diagnostics(diagnostics: &[Diagnostic]) {
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
    use mapping::format::config_file::ConfigFile;
    use mapping::format::yaml::Document;
    use mapping::{Decision, Identity, RuleSet};

    use super::*;

    impl Sources {
        fn replace(&self, source: SourceName, rules: &Arc<RuleSet>) {
            self.read(source, Reading::new(Arc::clone(rules), Vec::new()));
        }
    }

    fn unread(order: &[SourceName]) -> Sources {
        Sources::new(order, [], Clock::system())
    }

    /// One source, and one from which names are reserved.
    fn reserving(source: SourceName, from: SourceName) -> Sources {
        Sources::new(&[source], [(from, ReservedPrefixes::new(["aws:"], ["system:"]))], Clock::system())
    }

    fn rules(account: &str) -> Arc<RuleSet> {
        let document = Document::parse(&format!("mapAccounts: ['{account}']")).unwrap();
        ConfigFile::load(document.into_root().into_map().unwrap()).unwrap().next.rules()
    }

    #[test]
    fn sources_keep_their_order_and_are_read_one_by_one() {
        let sources = unread(&[SourceName::EksConfigMap, SourceName::MountedFile]);
        assert_eq!(sources.unsynced(), [SourceName::EksConfigMap, SourceName::MountedFile]);

        sources.replace(SourceName::MountedFile, &rules("111122223333"));
        assert_eq!(sources.unsynced(), [SourceName::EksConfigMap]);
        assert!(!sources.unsynced().is_empty());

        sources.replace(SourceName::EksConfigMap, &rules("444455556666"));
        assert!(sources.unsynced().is_empty());
        let names: Vec<_> = sources.current().sources().iter().map(Source::name).collect();
        assert_eq!(names, [SourceName::EksConfigMap, SourceName::MountedFile]);
    }

    #[test]
    fn a_source_that_goes_from_some_mappings_to_none_is_counted_each_time() {
        let (source, none) = (SourceName::EksConfigMap, ConfigFile::default().rules());
        let sources = unread(&[source]);
        let emptied = || sources.status()[0].emptied;
        sources.replace(source, &none);
        assert_eq!(emptied(), 0, "there was none before");
        for times in 1..3 {
            sources.replace(source, &rules("111122223333"));
            sources.replace(source, &none);
            sources.replace(source, &none);
            assert_eq!(emptied(), times);
        }
    }

    #[test]
    fn entries_that_are_not_understood_are_counted_and_leave_a_source_stale_if_they_go_on_as_before() {
        let source = SourceName::MountedFile;
        let sources = unread(&[source]);
        let section = |entry: &str| {
            let document =
                Document::parse(&format!("mapUsers: [{{userarn: 'arn:aws:iam::111122223333:user/ann', {entry}}}]"));
            document.unwrap().into_root().into_map().unwrap()
        };
        let mut before = ConfigFile::load(section("username: ann")).unwrap().next;
        for (entry, kept, closed, rules) in [
            ("username: ann", 0, 0, 1),
            ("username: '{{Ann}}'", 1, 0, 1),
            ("username: ann, user_id: AIDAEXAMPLE", 0, 1, 0),
            ("username: ann", 0, 0, 1),
        ] {
            let update = ConfigFile::update(Some(&before), section(entry));
            sources.read(source, Reading::new(update.next.rules(), update.diagnostics));
            let status = &sources.status()[0];
            assert_eq!((status.kept, status.closed, status.rules), (kept, closed, rules), "{entry}");
            assert_eq!(status.stale_since.is_some(), kept > 0, "{entry}");
            before = update.next;
        }
    }

    #[test]
    fn a_request_keeps_the_rules_it_began_with() {
        let sources = unread(&[SourceName::MountedFile]);
        let (old, new) = (rules("111122223333"), rules("444455556666"));
        sources.replace(SourceName::MountedFile, &old);
        let request = sources.current();
        sources.replace(SourceName::MountedFile, &new);
        assert!(Arc::ptr_eq(request.sources()[0].rules().unwrap(), &old));
        assert!(Arc::ptr_eq(sources.current().sources()[0].rules().unwrap(), &new));
    }

    #[test]
    fn a_source_that_is_not_in_the_order_changes_nothing() {
        let sources = unread(&[SourceName::MountedFile]);
        sources.replace(SourceName::EksConfigMap, &rules("111122223333"));
        assert_eq!(sources.current().sources().len(), 1);
        assert_eq!(sources.unsynced(), [SourceName::MountedFile]);
    }

    fn names(username: &str, group: &str) -> Arc<RuleSet> {
        let entry =
            format!("{{userarn: 'arn:aws:iam::111122223333:user/ann', username: {username}, groups: [{group}]}}");
        let document = Document::parse(&format!("mapUsers: [{entry}]")).unwrap();
        ConfigFile::load(document.into_root().into_map().unwrap()).unwrap().next.rules()
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
        let sources = reserving(source, source);
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
        let sources = reserving(SourceName::MountedFile, SourceName::EksConfigMap);
        sources.replace(SourceName::MountedFile, &names("'aws:ann'", "'system:masters'"));
        assert_eq!(ann(&sources), Ok("aws:ann".to_owned()));
    }
}
