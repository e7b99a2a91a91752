//! The dynamic file: mappings in a file of its own, which another program writes whenever they change.

use std::convert::Infallible;
use std::path::PathBuf;

use mapping::SourceName;
use mapping::format::Update;
use mapping::format::dynamic_file::{self, UserIds};

use super::watched_file::{Content, WatchedFile};
use super::{Reading, Sources};
use crate::metrics::ChangeAges;
use crate::reload::Reload;

/// The dynamic file, and how it is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DynamicFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether each entry must have a `userid`.
    pub user_ids: UserIds,
}

impl DynamicFile {
    /// Takes up the mappings whenever the file changes; drop it to stop.
    ///
    /// A file that is not there is read, and empty, as an aws-auth that is not there: at the start, and when it was deleted, each
    /// once it has been away for two seconds. A text that cannot be used leaves the mappings as they are.
    pub(super) async fn follow(self, sources: Sources, reload: Reload, ages: ChangeAges) -> Infallible {
        let Self { path, user_ids } = self;
        let source = SourceName::DynamicFile;
        let mut file = WatchedFile::new(path.clone(), reload);
        let mut rules: Option<dynamic_file::DynamicFile> = None;
        let mut age = ages.of("dynamic_file");
        let path = path.display();
        loop {
            let text = match file.next().await {
                Content::Absent => {
                    tracing::info!(%source, "there is no {path}");
                    None
                }
                Content::Text(text) => Some(text),
                Content::Unusable(why) => {
                    tracing::error!(%source, "{path}: {why}; the mappings stay as they were");
                    sources.read(source, Reading { rules: None, diagnostics: Vec::new(), unusable: true });
                    continue;
                }
            };
            let previous = rules.clone();
            // A long file takes a while: it is read off the threads that serve.
            let read = tokio::task::spawn_blocking(move || {
                dynamic_file::DynamicFile::update(previous.as_ref(), text, user_ids)
            });
            match read.await {
                Ok(Update { next, diagnostics }) => {
                    let reading = Reading::new(next.rules(), diagnostics);
                    let is_whole = !reading.unusable;
                    if !is_whole {
                        tracing::error!(%source, "{path}: what of it cannot be read stays as it was");
                    }
                    sources.read(source, reading);
                    if is_whole {
                        age.in_force(next.last_updated(), sources.now());
                    }
                    rules = Some(next);
                }
                Err(error) => tracing::error!(%source, %error, "{path}: reading it failed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;
    use crate::sources::SourceStatus;

    const ANN: &str = r#"{"mapUsers": [{"userarn": "arn:aws:iam::111122223333:user/ann", "username": "ann"}]}"#;

    #[tokio::test]
    async fn rules_follow_the_file_and_go_only_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dynamic.json");
        let sources = Sources::new(&[SourceName::DynamicFile], [], Clock::system());
        let (_hangup, reload) = Reload::by_hand();
        let file = DynamicFile { path: path.clone(), user_ids: UserIds::Optional };
        let following = tokio::spawn(file.follow(sources.clone(), reload, ChangeAges::default()));
        let until = async |what: &str, holds: &dyn Fn(&SourceStatus) -> bool| {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
            while !sources.status().iter().any(holds) {
                assert!(tokio::time::Instant::now() < deadline, "{what}: {:?}", sources.status());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        until("absent and empty", &|status| status.synced && status.rules == 0).await;
        std::fs::write(&path, ANN).unwrap();
        until("read", &|status| status.rules == 1).await;
        std::fs::write(&path, ANN.trim_end_matches('}')).unwrap();
        until("broken", &|status| status.failures == 1 && status.rules == 1 && status.stale_since.is_some()).await;
        std::fs::remove_file(&path).unwrap();
        until("deleted", &|status| status.rules == 0 && status.synced && status.stale_since.is_none()).await;
        following.abort();
    }

    #[tokio::test]
    async fn garbage_at_the_start_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dynamic.json");
        std::fs::write(&path, "{").unwrap();
        let sources = Sources::new(&[SourceName::DynamicFile], [], Clock::system());
        let (_hangup, reload) = Reload::by_hand();
        let file = DynamicFile { path, user_ids: UserIds::Optional };
        let following = tokio::spawn(file.follow(sources.clone(), reload, ChangeAges::default()));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while sources.status()[0].failures == 0 {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(sources.unsynced(), [SourceName::DynamicFile]);
        following.abort();
    }
}
