//! Which sources are followed: those of the order, which may change while the server runs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::time::Duration;

use mapping::SourceName;
use mapping::format::Update;
use mapping::format::config_file::ConfigFile;
use tokio::task::{AbortHandle, JoinSet};

use super::aws_auth::AwsAuthObject;
use super::clients::Clients;
use super::custom_resources::CustomResources;
use super::dynamic_file::DynamicFile;
use super::events::Events;
use super::mounted_file::MountedFile;
use super::order::OrderFile;
use super::reflector::Reflector;
use super::status::size;
use super::watched_file::{Content, WatchedFile};
use super::{Reading, Sources};
use crate::metrics::ChangeAges;
use crate::reload::Reload;

/// Where each source is read.
pub struct Places {
    /// The API server of aws-auth and IAMIdentityMappings.
    pub clients: Clients,
    /// The config file, if there is one.
    pub mounted_file: Option<MountedFile>,
    /// The dynamic file, if one is named.
    pub dynamic_file: Option<DynamicFile>,
    /// What is wrong with objects.
    pub events: Events,
    /// How old changes are when they take force.
    pub ages: ChangeAges,
}

/// Follows the sources that are in the order.
pub struct Following {
    places: Places,
    reload: Reload,
    sources: Sources,
    running: JoinSet<Infallible>,
    followed: HashMap<SourceName, AbortHandle>,
}

impl Following {
    /// Begins with the sources that are in the order now. `mappings` are what the config file said at the start.
    #[must_use]
    pub fn start(places: Places, mappings: Update<ConfigFile>, sources: Sources, reload: Reload) -> Self {
        let mut this = Self { places, reload, sources, running: JoinSet::new(), followed: HashMap::new() };
        let order = this.sources.order();
        if order.contains(&SourceName::MountedFile) {
            let Update { next, diagnostics } = mappings;
            this.sources.read(SourceName::MountedFile, Reading::new(next.rules(), diagnostics));
            this.follow_mounted_file(Some(next));
        } else if size(Some(&mappings.next.rules())) > 0 {
            tracing::warn!("the mappings of the config file are not used: backendMode does not name MountedFile");
        }
        for source in order.into_iter().filter(|source| *source != SourceName::MountedFile) {
            this.follow(source);
        }
        this
    }

    /// Follows them for ever, and the file that says their order; drop it to stop.
    ///
    /// An order takes force when what it newly names has been read, and at the latest after five seconds: nobody is kept
    /// waiting for a source that was not there a moment ago. If the file goes, `configured` holds again.
    pub async fn run(mut self, order_file: Option<OrderFile>, configured: Vec<SourceName>) -> Infallible {
        let mut file = order_file.as_ref().map(|file| WatchedFile::new(file.path.clone(), self.reload.clone()));
        let mut age = self.places.ages.of("dynamic_backend_mode");
        loop {
            let content = async {
                match &mut file {
                    Some(file) => file.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                content = content => {
                    let Some(order_file) = &order_file else { continue };
                    match content {
                        Content::Absent => {
                            self.change(&configured).await;
                            age.in_force(None, self.sources.now());
                        }
                        Content::Text(text) => match order_file.parse(&text) {
                            Ok(order) => {
                                self.change(&order.sources).await;
                                age.in_force(order.last_updated, self.sources.now());
                            }
                            Err(error) => order_file.complain(&error.to_string()),
                        },
                        Content::Unusable(why) => order_file.complain(&format!("{}: {why}", order_file.path.display())),
                    }
                }
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Err(error) = ended && error.is_panic() {
                        resume_unwind(error.into_panic());
                    }
                }
            }
        }
    }

    async fn change(&mut self, order: &[SourceName]) {
        if self.sources.order() == order {
            return;
        }
        for source in order {
            if !self.followed.contains_key(source) {
                // Whoever followed it before may have told something after it was let go.
                self.sources.forget(*source);
                self.follow(*source);
            }
        }
        let _ = tokio::time::timeout(PATIENCE, self.sources.until_read(order)).await;
        self.sources.reorder(order);
        let gone: Vec<_> = self.followed.keys().copied().filter(|source| !order.contains(source)).collect();
        for source in gone {
            if let Some(task) = self.followed.remove(&source) {
                task.abort();
            }
            self.sources.forget(source);
        }
        let names: Vec<_> = order.iter().map(|source| source.as_str()).collect();
        tracing::info!(order = crate::logs::list(&names).as_slice(), "the order of sources has changed");
    }

    fn follow(&mut self, source: SourceName) {
        let (places, sources) = (&self.places, self.sources.clone());
        let task = match source {
            SourceName::MountedFile => return self.follow_mounted_file(None),
            SourceName::EksConfigMap => {
                let reflector = Reflector::<AwsAuthObject>::new(places.clients.clone(), places.events.clone(), sources);
                self.running.spawn(reflector.follow())
            }
            SourceName::Crd => {
                let reflector =
                    Reflector::<CustomResources>::new(places.clients.clone(), places.events.clone(), sources);
                self.running.spawn(reflector.follow())
            }
            SourceName::DynamicFile => match places.dynamic_file.clone() {
                Some(file) => self.running.spawn(file.follow(sources, self.reload.clone(), places.ages.clone())),
                // No order names it without a file.
                None => return,
            },
        };
        self.followed.insert(source, task);
    }

    /// `mappings` are what of the file is in force already.
    fn follow_mounted_file(&mut self, mappings: Option<ConfigFile>) {
        let source = SourceName::MountedFile;
        let task = match self.places.mounted_file.clone() {
            Some(file) => self.running.spawn(file.follow(mappings, self.sources.clone(), self.reload.clone())),
            None => {
                // A server without a config file has no mappings in it.
                self.sources.read(source, Reading::new(ConfigFile::default().rules(), Vec::new()));
                self.running.spawn(std::future::pending())
            }
        };
        self.followed.insert(source, task);
    }
}

/// For how long a new order waits for what it newly names.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use mapping::format::dynamic_file::UserIds;

    use super::*;
    use crate::clock::Clock;
    use crate::sources::ApiServer;

    struct Scene {
        folder: tempfile::TempDir,
        sources: Sources,
    }

    impl Scene {
        /// The config file alone is in the configured order, and the dynamic file is there.
        fn start() -> (Self, JoinSet<Infallible>) {
            let folder = tempfile::tempdir().unwrap();
            let (hangup, reload) = Reload::by_hand();
            let sources = Sources::new(&[SourceName::MountedFile], [], Clock::system());
            let path = folder.path().join("dynamic.json");
            std::fs::write(&path, r#"{"mapAccounts": ["111122223333"]}"#).unwrap();
            let places = Places {
                clients: Clients::new(ApiServer::default()),
                mounted_file: None,
                dynamic_file: Some(DynamicFile { path, user_ids: UserIds::Optional }),
                events: Events::default(),
                ages: ChangeAges::default(),
            };
            let following = Following::start(places, Update::default(), sources.clone(), reload);
            let order_file = OrderFile { path: folder.path().join("modes.json"), dynamic_file: true };
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                let _hangup = hangup;
                following.run(Some(order_file), vec![SourceName::MountedFile]).await
            });
            (Self { folder, sources }, tasks)
        }

        fn say(&self, text: &str) {
            std::fs::write(self.folder.path().join("modes.json"), text).unwrap();
        }

        async fn until(&self, order: &[SourceName]) {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
            while self.sources.order() != order {
                assert!(tokio::time::Instant::now() < deadline, "{:?}", self.sources.order());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    #[tokio::test]
    async fn an_order_takes_force_with_what_it_names_read_and_ends_with_its_file() {
        let (scene, _tasks) = Scene::start();
        assert!(scene.sources.unsynced().is_empty());
        scene.say(r#"{"backendMode": "DynamicFile MountedFile"}"#);
        scene.until(&[SourceName::DynamicFile, SourceName::MountedFile]).await;
        assert!(scene.sources.unsynced().is_empty(), "it was read before it took force");
        assert_eq!(scene.sources.status()[0].accounts, 1);

        scene.say(r#"{"backendMode": "DynamicFile"}"#);
        scene.until(&[SourceName::DynamicFile]).await;
        std::fs::remove_file(scene.folder.path().join("modes.json")).unwrap();
        scene.until(&[SourceName::MountedFile]).await;
        assert_eq!(scene.sources.status()[0].accounts, 0);
    }

    #[tokio::test]
    async fn a_file_that_says_no_order_changes_none() {
        let (scene, _tasks) = Scene::start();
        scene.say(r#"{"backendMode": "DynamicFile"}"#);
        scene.until(&[SourceName::DynamicFile]).await;
        scene.say(r#"{"backendMode": "Moon"}"#);
        // What comes after it has been read shows that it was.
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(scene.sources.order(), [SourceName::DynamicFile]);
        scene.say(r#"{"backendMode": "DynamicFile MountedFile"}"#);
        scene.until(&[SourceName::DynamicFile, SourceName::MountedFile]).await;
    }
}
