//! A file that may change at any moment, in whatever way people and programs change files.
//!
//! The folder is watched, not the file: a mounted ConfigMap is changed by a symbolic link beside the file (`..data`), an
//! editor puts another file in its place, and both leave a watch on the old file behind. A slow poll is the net under
//! that, for changes that no watch tells: in the folder that a link leads to, over a network, or in a folder that was not
//! there yet.
//!
//! ```text
//! notify, poll, SIGHUP ─▶ look: is it another? ─▶ wait until it keeps still ─▶ read ─▶ is it still that one? ─▶ Content
//! ```
//!
//! What is found is never half of a change: a text is taken when nothing has touched the file for [`Patience::quiet`], and an
//! absence when it has lasted for [`Patience::absence`], so that a file that is deleted and written anew was always there.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mapping::format::yaml::Limits;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::folder_watch::{FileId, FolderWatch};
use crate::reload::Reload;

/// What there is to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// No such file.
    Absent,
    /// Its text.
    Text(String),
    /// Something that no text can be had of, and why.
    Unusable(String),
}

/// A text that was read, in place of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fingerprint([u8; 32]);

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For how long nothing must have touched a file that is read.
    pub(super) quiet: Duration,
    /// For how long a file must have been away to be away.
    pub(super) absence: Duration,
    /// After how long a file that does not keep still is read nevertheless.
    pub(super) restless: Duration,
    /// How long others may go on changing the folder before is looked.
    pub(super) moment: Duration,
    /// How often is looked without being told to.
    pub(super) poll: Duration,
}

/// Follows one file.
#[derive(Debug)]
pub(super) struct WatchedFile {
    path: PathBuf,
    patience: Patience,
    reload: Reload,
    told: Arc<Notify>,
    watch: Option<FolderWatch>,
    /// The last content that was handed out.
    last: Option<Last>,
}

#[derive(Debug, Eq, PartialEq)]
enum Last {
    Absent,
    Text(Fingerprint),
    Unusable(String),
}

/// What a look at a path tells without reading: two that are equal are of the same text.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Sight {
    Absent,
    File { identity: FileId, bytes: u64, modified: (i64, i64), changed: (i64, i64) },
    Unusable(String),
}

impl WatchedFile {
    /// The file at `path`, of which nothing is known yet.
    pub(super) fn new(path: PathBuf, reload: Reload) -> Self {
        Self { path, patience: Patience::default(), reload, told: Arc::default(), watch: None, last: None }
    }

    /// The same file, of which this text was read before.
    pub(super) fn having_read(self, text: Fingerprint) -> Self {
        Self { last: Some(Last::Text(text)), ..self }
    }

    #[cfg(test)]
    pub(super) fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Waits until the file holds something else than it did, or the operator asks for it, and gives what it holds.
    ///
    /// May be dropped at any moment and called again.
    pub(super) async fn next(&mut self) -> Content {
        loop {
            // First the watch, then the look: what happens between the two is told.
            self.keep_watch().await;
            let content = self.settled().await;
            let last = Some(Last::of(&content));
            if self.last != last {
                self.last = last;
                return content;
            }
            tokio::select! {
                () = told(&self.told, self.patience.moment) => {}
                () = tokio::time::sleep(self.patience.poll) => {}
                () = self.reload.asked() => self.last = None,
            }
        }
    }

    /// What the file holds once it keeps still.
    async fn settled(&self) -> Content {
        let mut sight = look(&self.path).await;
        let mut since = Instant::now();
        let mut restless = since + self.patience.restless;
        loop {
            let due = match sight {
                // However restless: what is away for a moment is about to be written.
                Sight::Absent => since + self.patience.absence,
                // Whoever starts, or asks for it, waits for nothing else.
                _ if self.last.is_none() => since,
                _ => restless.min(since + self.patience.quiet),
            };
            if Instant::now() >= due {
                let content = read(&self.path).await;
                let after = look(&self.path).await;
                if after == sight {
                    return content;
                }
                (sight, since) = (after, Instant::now());
                restless = restless.max(since + self.patience.quiet);
                continue;
            }
            tokio::select! {
                () = told(&self.told, self.patience.moment) => {}
                () = tokio::time::sleep_until(due) => {}
            }
            let now = look(&self.path).await;
            if now != sight {
                (sight, since) = (now, Instant::now());
            }
        }
    }

    /// Watches the folder as it is now; without one the poll goes on.
    async fn keep_watch(&mut self) {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        self.watch = FolderWatch::keep(self.watch.take(), folder, Arc::clone(&self.told)).await;
    }
}

/// Waits until something changes in the folder, and a moment more: a log that is written there, a line for each login, does not
/// make us look at each. Whoever gives up waiting looks.
async fn told(told: &Notify, moment: Duration) {
    told.notified().await;
    tokio::time::sleep(moment).await;
}

/// Files are looked at off the threads that serve: a disk may take its time.
async fn look(path: &Path) -> Sight {
    let path = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || Sight::of(fs::metadata(path))).await;
    looked.unwrap_or_else(|error| Sight::Unusable(error.to_string()))
}

async fn read(path: &Path) -> Content {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || Content::read(&path)).await;
    read.unwrap_or_else(|error| Content::Unusable(error.to_string()))
}

impl Content {
    /// What there is at this moment, finished or not.
    pub(super) fn read(path: &Path) -> Self {
        match read_text(path) {
            Ok(text) => Self::Text(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Absent,
            Err(error) => Self::Unusable(error.to_string()),
        }
    }
}

/// Reads no more than a mapping file may have, and nothing but a file: a pipe would keep us waiting.
fn read_text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    let most = u64::try_from(Limits::FILE.bytes()).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > Limits::FILE.bytes() {
        return Err(io::Error::other(format!("longer than {most} bytes")));
    }
    let wrong = |error: std::string::FromUtf8Error| {
        io::Error::other(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    };
    String::from_utf8(bytes).map_err(wrong)
}

impl Fingerprint {
    /// Of this text.
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl Last {
    fn of(content: &Content) -> Self {
        match content {
            Content::Absent => Self::Absent,
            Content::Text(text) => Self::Text(Fingerprint::of(text)),
            Content::Unusable(why) => Self::Unusable(why.clone()),
        }
    }
}

impl Sight {
    fn of(metadata: io::Result<Metadata>) -> Self {
        match metadata {
            Ok(metadata) => Self::File {
                identity: FileId::of(&metadata),
                bytes: metadata.len(),
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Absent,
            Err(error) => Self::Unusable(error.to_string()),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(200),
            absence: Duration::from_secs(2),
            restless: Duration::from_secs(10),
            moment: Duration::from_millis(50),
            poll: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests;
