//! The ConfigMap `kube-system/aws-auth`: listed, watched, and listed again after every gap.
//!
//! It is one small object, so a fresh list costs next to nothing. It is read anew whenever a watch ends, which happens by
//! itself every [`WATCH_SECONDS`]: whatever a watch may have missed is made good then, and a connection that has silently
//! died is noticed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use mapping::format::Update;
use mapping::format::aws_auth::AwsAuth;
use mapping::{Severity, SourceName};
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::error::Elapsed;

use super::api_server::{ApiServer, ApiServerError, reason};
use super::{Reading, Sources};

/// Follows the ConfigMap and keeps its rules in force.
pub struct AwsAuthSource {
    api_server: ApiServer,
    sources: Sources,
    object: Object,
    /// Tries in a row that did not end in a watch that ran its time.
    failures: u32,
    /// What the log last said is wrong.
    told: Option<String>,
    /// The client that the last try did not wait for any longer.
    making: Option<Making>,
}

type Making = JoinHandle<Result<kube::Client, ApiServerError>>;

/// The object as it was last seen, and the rules it left.
#[derive(Debug, Default)]
struct Object {
    seen: Option<BTreeMap<String, String>>,
    rules: Option<AwsAuth>,
}

/// Why following stopped for a moment.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    ApiServer(#[from] ApiServerError),
    #[error("{}", reason(.0))]
    Kube(#[from] kube::Error),
    #[error("making a client for the API server failed")]
    Making(#[from] JoinError),
    #[error("the API server does not answer")]
    Silence(#[from] Elapsed),
    #[error("the kubeconfig's credential plugin does not answer")]
    SilentPlugin,
    #[error("the API server ended the watch: {0}")]
    Watch(String),
}

impl AwsAuthSource {
    /// A source that reads the ConfigMap from `api_server` into `sources`.
    #[must_use]
    pub fn new(api_server: ApiServer, sources: Sources) -> Self {
        Self { api_server, sources, object: Object::default(), failures: 0, told: None, making: None }
    }

    /// Makes a client once, so that settings that make none are known before anything is served.
    ///
    /// An API server that is away is no error, and neither is a credential plugin that takes its time: following goes on
    /// where this stopped to wait.
    ///
    /// # Errors
    /// When a file or the URL is unusable, or the credential plugin fails.
    pub async fn check_settings(&mut self) -> Result<(), ApiServerError> {
        match self.client().await {
            Err(Interruption::ApiServer(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Follows the ConfigMap for ever; drop it to stop. Each change of its state is logged once, however long it lasts.
    pub async fn follow(mut self) -> Infallible {
        loop {
            // A new client each time, so that a renewed certificate or token in its files is taken up.
            let Err(interruption) = self.follow_once().await;
            let text = interruption.to_string();
            if self.told.as_ref() != Some(&text) {
                tracing::warn!(source = %SourceName::EksConfigMap, error = text, "cannot read aws-auth; trying again");
                self.told = Some(text);
            }
            self.sources.lost(SourceName::EksConfigMap);
            tokio::time::sleep(pause(self.failures)).await;
            self.failures = self.failures.saturating_add(1);
        }
    }

    async fn follow_once(&mut self) -> Result<Infallible, Interruption> {
        let config_maps: Api<ConfigMap> = Api::namespaced(self.client().await?, NAMESPACE);
        loop {
            let version = self.list(&config_maps).await?;
            self.watch(&config_maps, &version).await?;
            self.failures = 0;
            tokio::time::sleep(BREATH).await;
        }
    }

    /// A new client, waited for no longer than an answer of the API server.
    ///
    /// kube runs a kubeconfig's credential plugin on the thread that makes the client, for as long as the plugin pleases.
    /// So it is made on a thread of its own, and no other is begun while that one runs: plugins that hang do not pile up.
    async fn client(&mut self) -> Result<kube::Client, Interruption> {
        let making = self.making.get_or_insert_with(|| {
            let (api_server, runtime) = (self.api_server.clone(), Handle::current());
            tokio::task::spawn_blocking(move || runtime.block_on(api_server.client()))
        });
        let made = tokio::time::timeout(ANSWER_TIMEOUT, making).await.map_err(|_| Interruption::SilentPlugin)?;
        self.making = None;
        Ok(made??)
    }

    /// Reads the object as it is now; says at which version that was.
    async fn list(&mut self, config_maps: &Api<ConfigMap>) -> Result<String, Interruption> {
        let params = ListParams::default().fields(FIELDS);
        let list = tokio::time::timeout(ANSWER_TIMEOUT, config_maps.list(&params)).await??;
        let version = list.metadata.resource_version.unwrap_or_default();
        self.see(list.items.into_iter().find(is_aws_auth));
        Ok(version)
    }

    /// Takes up changes until the API server ends the watch.
    async fn watch(&mut self, config_maps: &Api<ConfigMap>, version: &str) -> Result<(), Interruption> {
        let params = WatchParams::default().fields(FIELDS).timeout(WATCH_SECONDS).disable_bookmarks();
        let events = tokio::time::timeout(ANSWER_TIMEOUT, config_maps.watch(&params, version)).await??;
        let mut events = pin!(events);
        if self.told.take().is_some() {
            tracing::info!(source = %SourceName::EksConfigMap, "aws-auth can be read");
        }
        self.sources.reached(SourceName::EksConfigMap);
        let silence = Duration::from_secs(WATCH_SECONDS.into()) + ANSWER_TIMEOUT;
        while let Some(event) = tokio::time::timeout(silence, events.try_next()).await?? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) if is_aws_auth(&object) => {
                    self.see(Some(object));
                }
                WatchEvent::Deleted(object) if is_aws_auth(&object) => self.see(None),
                // Too old a version, mostly (410): the list that follows has a new one.
                WatchEvent::Error(status) => return Err(Interruption::Watch(status.message)),
                WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
            }
        }
        Ok(())
    }

    fn see(&mut self, object: Option<ConfigMap>) {
        let existed = object.is_some();
        let data = object.and_then(|object| object.data).unwrap_or_default();
        let Some(Update { next, diagnostics }) = self.object.see(data) else { return };
        let rules = next.rules();
        if !existed {
            tracing::info!(source = %SourceName::EksConfigMap, "there is no aws-auth");
        }
        if !rules.is_complete() {
            tracing::error!(
                source = %SourceName::EksConfigMap,
                "a key of aws-auth is unusable and always was: nobody else can be told whether it maps them"
            );
        }
        // What is about no entry is about a whole key.
        let unusable = diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity() == Severity::Error && diagnostic.entry_index().is_none());
        self.sources.read(SourceName::EksConfigMap, Reading { rules: Some(rules), diagnostics, unusable });
    }
}

impl Object {
    /// What the object's data, empty if there is none, change; `None` when they are what they were.
    fn see(&mut self, data: BTreeMap<String, String>) -> Option<Update<AwsAuth>> {
        if self.seen.as_ref() == Some(&data) {
            return None;
        }
        let update = AwsAuth::update(self.rules.as_ref(), &data);
        self.rules = Some(update.next.clone());
        self.seen = Some(data);
        Some(update)
    }
}

/// The field selector asks for no other; this makes sure that no other is taken.
fn is_aws_auth(object: &ConfigMap) -> bool {
    object.metadata.name.as_deref() == Some(NAME)
}

/// A quarter of a second, then twice as long each time, up to four seconds: the API server may have been started just now,
/// and people wait for it.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.pow(failures.min(4))
}

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";
/// RBAC knows the object's name from this selector, so a role may be limited to it.
const FIELDS: &str = "metadata.name=aws-auth";

/// After how long the API server is asked to end a watch.
const WATCH_SECONDS: u32 = 30;

/// Between a watch and the next list, should the API server (or a proxy) end every watch at once.
const BREATH: Duration = Duration::from_millis(250);

/// How long the beginning of an answer may take, and how long the end of a watch may be overdue.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;
    use crate::clock::Clock;

    fn data(roles: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("mapRoles".to_owned(), roles.to_owned())])
    }

    const GOOD: &str = "- {rolearn: arn:aws:iam::111122223333:role/Dev, username: dev}";
    const BROKEN: &str = "- rolearn: [";

    fn source() -> (AwsAuthSource, Sources) {
        let sources = Sources::new(&[SourceName::EksConfigMap], [], Clock::system());
        (AwsAuthSource::new(ApiServer::default(), sources.clone()), sources)
    }

    fn object(data: BTreeMap<String, String>) -> Option<ConfigMap> {
        let metadata = kube::core::ObjectMeta { name: Some(NAME.to_owned()), ..Default::default() };
        Some(ConfigMap { data: Some(data), metadata, ..ConfigMap::default() })
    }

    fn rule_count(sources: &Sources) -> Option<usize> {
        sources.current().sources()[0].rules().map(|rules| rules.rule_count())
    }

    /// A kubeconfig whose credential plugin notes each of its runs in `runs`, and prints nothing before `go` is there.
    fn with_plugin(dir: &Path) -> AwsAuthSource {
        let script =
            "cd DIR && echo run >> runs; while [ -e kubeconfig ] && ! [ -e go ]; do sleep 0.01; done; cat answer";
        let answer =
            r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}"#;
        let kubeconfig = format!(
            "clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ['-c', '{}']
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
",
            script.replace("DIR", dir.to_str().unwrap())
        );
        std::fs::write(dir.join("answer"), answer).unwrap();
        std::fs::write(dir.join("kubeconfig"), kubeconfig).unwrap();
        let api_server = ApiServer { kubeconfig: Some(dir.join("kubeconfig")), master: None };
        AwsAuthSource::new(api_server, Sources::new(&[SourceName::EksConfigMap], [], Clock::system()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_plugin_that_hangs_is_not_waited_for_and_not_run_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut source = with_plugin(dir.path());
        for _ in 0..3 {
            let (made, ()) = tokio::join!(source.client(), tokio::time::advance(ANSWER_TIMEOUT));
            assert!(matches!(made, Err(Interruption::SilentPlugin)));
        }
        let (checked, ()) = tokio::join!(source.check_settings(), tokio::time::advance(ANSWER_TIMEOUT));
        checked.unwrap();

        let deadline = Instant::now() + Duration::from_secs(30);
        let runs = || std::fs::read_to_string(dir.path().join("runs")).unwrap_or_default();
        while runs().is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(runs(), "run\n");
        std::fs::write(dir.path().join("go"), "").unwrap();
        source.client().await.unwrap();
        assert!(source.making.is_none());
    }

    #[tokio::test]
    async fn a_credential_plugin_that_fails_is_a_wrong_setting() {
        let dir = tempfile::tempdir().unwrap();
        let mut source = with_plugin(dir.path());
        std::fs::write(dir.path().join("go"), "").unwrap();
        source.check_settings().await.unwrap();
        std::fs::remove_file(dir.path().join("answer")).unwrap();
        let error = source.check_settings().await.unwrap_err().to_string();
        assert!(error.contains("credential plugin"), "{error}");
    }

    #[test]
    fn a_missing_object_is_read_and_empty() {
        let (mut source, sources) = source();
        source.see(None);
        assert_eq!(rule_count(&sources), Some(0));
    }

    #[test]
    fn an_edit_is_in_force_at_once_and_a_deletion_empties() {
        let (mut source, sources) = source();
        source.see(object(data(GOOD)));
        assert_eq!(rule_count(&sources), Some(1));
        source.see(None);
        assert_eq!(rule_count(&sources), Some(0));
    }

    #[test]
    fn a_broken_edit_leaves_the_rules_that_were_good() {
        let (mut source, sources) = source();
        source.see(object(data(GOOD)));
        source.see(object(data(BROKEN)));
        assert_eq!(rule_count(&sources), Some(1));
        source.see(object(data("[]")));
        assert_eq!(rule_count(&sources), Some(0));
    }

    #[test]
    fn an_object_with_a_key_that_was_never_good_counts_as_not_read() {
        let (mut source, sources) = source();
        let users = "- {userarn: arn:aws:iam::111122223333:user/jane, username: jane}";
        let with_users = |mut data: BTreeMap<String, String>| {
            data.insert("mapUsers".to_owned(), users.to_owned());
            data
        };
        source.see(object(with_users(data(BROKEN))));
        assert_eq!((rule_count(&sources), sources.unsynced()), (Some(1), vec![SourceName::EksConfigMap]));
        source.see(object(with_users(data(GOOD))));
        assert_eq!((rule_count(&sources), sources.unsynced()), (Some(2), vec![]));
        source.see(object(with_users(data(BROKEN))));
        assert_eq!((rule_count(&sources), sources.unsynced()), (Some(2), vec![]));
    }

    #[test]
    fn the_same_data_are_read_once() {
        let mut object = Object::default();
        assert!(object.see(data(BROKEN)).is_some());
        assert!(object.see(data(BROKEN)).is_none());
        assert!(object.see(data(GOOD)).is_some());
    }

    #[test]
    fn pauses_grow_to_four_seconds() {
        let pauses: Vec<_> = (0..6).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(pause(u32::MAX).as_millis(), 4000);
    }
}
