//! The mappings of the server's own config file, as the file says them now.
//!
//! Only the mappings follow the file: everything else in it is read once, at the start, and what changes there is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use mapping::SourceName;
use mapping::format::Update;
use mapping::format::config_file::{ConfigFile, LoadError};
use mapping::format::yaml::{Document, Node, YamlError};
use tokio::task::JoinError;

use super::watched_file::{Content, Fingerprint, WatchedFile};
use super::{Reading, Sources};
use crate::reload::Reload;

/// The config file, as it was at the start.
#[derive(Clone, Debug)]
pub struct MountedFile {
    path: PathBuf,
    text: Fingerprint,
    settings: Settings,
}

/// What the file says beside the mappings: each key, and its value in a form of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Settings(BTreeMap<String, String>);

/// Why the mappings stay what they were.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("the file is gone")]
    Absent,
    #[error("the file is empty")]
    Empty,
    #[error(transparent)]
    Mappings(#[from] LoadError),
    #[error("reading it failed")]
    Reader(#[from] JoinError),
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

impl MountedFile {
    /// The file at `path`, which held this text, read as this document.
    #[must_use]
    pub fn new(path: &Path, text: &str, document: &Document) -> Self {
        Self { path: path.to_owned(), text: Fingerprint::of(text), settings: Settings::of(document.root()) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes up the mappings whenever the file changes; drop it to stop.
    ///
    /// A file that cannot be read, is empty or is gone leaves the mappings as they are: the server would not start with it, so
    /// it cannot be meant. A list that is emptied, or a key that is taken out, does remove them.
    ///
    /// `mappings` are those of the start, if they are in force.
    pub(super) async fn follow(self, mut mappings: Option<ConfigFile>, sources: Sources, reload: Reload) -> Infallible {
        let Self { path, text, settings } = self;
        let mut file = WatchedFile::new(path.clone(), reload);
        if mappings.is_some() {
            file = file.having_read(text);
        }
        loop {
            let path = path.display();
            let content = file.next().await;
            match read_apart(content, mappings.clone()).await {
                Ok((Update { next, diagnostics }, now)) => {
                    tracing::info!(%path, "the config file was read again");
                    settings.tell_changes(&now, &path);
                    sources.read(SourceName::MountedFile, Reading::new(next.rules(), diagnostics));
                    mappings = Some(next);
                }
                Err(error) => {
                    let source = SourceName::MountedFile;
                    tracing::error!(%source, "{path}: {error}; the mappings stay as they were");
                    let diagnostics = match error {
                        ReloadError::Mappings(error) => error.diagnostics().to_vec(),
                        _ => Vec::new(),
                    };
                    sources.read(source, Reading { rules: None, diagnostics, unusable: true });
                }
            }
        }
    }
}

/// A long file takes a while: it is read off the threads that serve.
async fn read_apart(
    content: Content,
    before: Option<ConfigFile>,
) -> Result<(Update<ConfigFile>, Settings), ReloadError> {
    tokio::task::spawn_blocking(move || read(content, before.as_ref())).await?
}

fn read(content: Content, before: Option<&ConfigFile>) -> Result<(Update<ConfigFile>, Settings), ReloadError> {
    let text = match content {
        Content::Absent => return Err(ReloadError::Absent),
        Content::Unusable(why) => return Err(ReloadError::Unreadable(why)),
        Content::Text(text) => text,
    };
    let document = Document::parse(&text)?;
    drop(text);
    if document.root().is_null() {
        return Err(ReloadError::Empty);
    }
    let settings = Settings::of(document.root());
    let server = document.into_root().into_map()?.take_ignore_case(SERVER).filter(|server| !server.is_null());
    let server = server.map(Node::into_map).transpose()?.unwrap_or_default();
    let update = match before {
        Some(before) => ConfigFile::update(Some(before), server),
        None => ConfigFile::load(server)?,
    };
    Ok((update, settings))
}

impl Settings {
    fn of(root: &Node) -> Self {
        let mut settings = BTreeMap::new();
        for entry in root.as_map().map(|map| map.entries()).unwrap_or_default() {
            let key = entry.key().to_ascii_lowercase();
            match entry.value().as_map() {
                Ok(section) if key == SERVER => {
                    for entry in section.entries() {
                        let key = entry.key().to_ascii_lowercase();
                        if !MAPPINGS.contains(&key.as_str()) {
                            settings.insert(format!("{SERVER}.{key}"), Form(entry.value()).to_string());
                        }
                    }
                }
                _ => {
                    settings.insert(key, Form(entry.value()).to_string());
                }
            }
        }
        Self(settings)
    }

    fn tell_changes(&self, now: &Self, path: &impl fmt::Display) {
        let changed = self.changed(now);
        if !changed.is_empty() {
            let keys = changed.join(", ");
            tracing::warn!(
                "{path}: {keys}: changed since the start; only mappings are taken up while the server runs, so restart it"
            );
        }
    }

    /// The keys that do not say what they said.
    fn changed<'a>(&'a self, now: &'a Self) -> Vec<&'a str> {
        let mut changed: Vec<_> = self.0.iter().filter(|(key, value)| now.0.get(*key) != Some(value)).collect();
        changed.extend(now.0.iter().filter(|(key, _)| !self.0.contains_key(*key)));
        changed.into_iter().map(|(key, _)| key.as_str()).collect()
    }
}

/// A value without its place: two that are equal say the same.
struct Form<'a>(&'a Node);

impl fmt::Display for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(text) = self.0.as_text() {
            return write!(f, "{text:?}");
        }
        if let Ok(items) = self.0.as_seq() {
            f.write_char('[')?;
            items.iter().try_for_each(|item| write!(f, "{},", Form(item)))?;
            return f.write_char(']');
        }
        if let Ok(map) = self.0.as_map() {
            f.write_char('{')?;
            map.entries().iter().try_for_each(|entry| write!(f, "{:?}:{},", entry.key(), Form(entry.value())))?;
            return f.write_char('}');
        }
        f.write_str("null")
    }
}

const SERVER: &str = "server";
/// In lower case.
const MAPPINGS: [&str; 3] = ["mapaccounts", "maproles", "mapusers"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const ANN: &str = "server:\n  mapUsers: [{userarn: 'arn:aws:iam::111122223333:user/ann', username: ann}]\n";

    fn text(text: &str) -> Content {
        Content::Text(text.to_owned())
    }

    fn rule_count(content: Content) -> Result<usize, String> {
        read(content, None).map(|(update, _)| update.next.rules().rule_count()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_says_who_is_mapped_and_may_say_that_nobody_is() {
        assert_eq!(rule_count(text(ANN)), Ok(1));
        for nobody in ["server: {mapUsers: []}", "server: {port: 1}", "server:", "clusterID: a"] {
            assert_eq!(rule_count(text(nobody)), Ok(0), "{nobody}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_meant_says_nothing_about_anybody() {
        for (content, reason) in [
            (Content::Absent, "the file is gone"),
            (Content::Unusable("not a file".to_owned()), "not a file"),
            (text(""), "the file is empty"),
            (text("# nobody\n"), "the file is empty"),
            (text("server: ["), "line 1 column 9: unclosed bracket '['"),
            (text("- a"), "line 1 column 1: expected a mapping"),
            (text("server: a"), "line 1 column 9: expected a mapping"),
            (text("server:\n  mapUsers: ann"), "line 2 column 13"),
        ] {
            let error = rule_count(content).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_changed_beside_the_mappings_is_named() {
        let settings = |text: &str| Settings::of(Document::parse(text).unwrap().root());
        let before = settings("clusterID: a\nserver: {port: 1, mapUsers: [], scrubbedAccounts: ['111122223333']}");
        for (text, expected) in [
            ("CLUSTERid: a\nserver: {mapusers: [b], Port: 1, scrubbedAccounts: ['111122223333']}", &[][..]),
            ("clusterID: b\nserver: {port: 2, scrubbedAccounts: ['111122223333']}", &["clusterid", "server.port"]),
            ("clusterID: a\nserver: {port: 1, scrubbedAccounts: []}", &["server.scrubbedaccounts"]),
            ("clusterID: a\nserver:", &["server.port", "server.scrubbedaccounts", "server"]),
        ] {
            assert_eq!(before.changed(&settings(text)), expected, "{text}");
        }
    }

    #[tokio::test]
    async fn rules_follow_the_file_and_outlive_what_it_cannot_mean() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, ANN).unwrap();
        let sources = Sources::new(&[SourceName::MountedFile], [], Clock::system());
        let (_hangup, reload) = Reload::by_hand();
        let file = MountedFile::new(&path, ANN, &Document::parse(ANN).unwrap());
        let following = tokio::spawn(file.follow(None, sources.clone(), reload));
        let until = async |what: &str, holds: &dyn Fn(&super::super::SourceStatus) -> bool| {
            let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
            while !sources.status().iter().any(holds) {
                assert!(tokio::time::Instant::now() < deadline, "{what}: {:?}", sources.status());
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        until("read", &|status| status.synced && status.rules == 1).await;
        std::fs::write(&path, "server: [").unwrap();
        until("told", &|status| status.failures == 1 && status.stale_since.is_some() && status.rules == 1).await;
        std::fs::write(&path, "server: {}").unwrap();
        until("nobody", &|status| status.rules == 0 && status.stale_since.is_none() && status.generation == 2).await;
        following.abort();
    }
}
