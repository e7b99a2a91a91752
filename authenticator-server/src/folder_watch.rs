//! Hearing that something changed in a folder.
//!
//! The folder is watched, not its files: a mounted ConfigMap or Secret is changed by a symbolic link beside them (`..data`),
//! an editor puts another file in a file's place, and both leave a watch on the old file behind. No watch tells everything
//! (not of what a link leads to, nor over a network), so whoever listens here looks now and then without being told.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// A watch on one folder, for as long as it is held.
#[derive(Debug)]
pub(crate) struct FolderWatch {
    /// A folder that was made anew under the same name is another.
    folder: FileId,
    _watcher: RecommendedWatcher,
}

/// Which file or folder it is, whatever its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FolderWatch {
    /// This watch, if it is still one of the folder, or a new one that notifies `told`; none of a folder that cannot be watched.
    ///
    /// Off the threads that serve: a disk may take its time.
    pub(crate) async fn keep(watch: Option<Self>, folder: PathBuf, told: Arc<Notify>) -> Option<Self> {
        let kept = tokio::task::spawn_blocking(move || Self::keep_now(watch, &folder, told)).await;
        kept.ok().flatten()
    }

    fn keep_now(watch: Option<Self>, folder: &Path, told: Arc<Notify>) -> Option<Self> {
        let identity = FileId::of(&fs::metadata(folder).ok()?);
        if let Some(watch) = watch.filter(|watch| watch.folder == identity) {
            return Some(watch);
        }
        match watcher(folder, told) {
            Ok(watcher) => Some(Self { folder: identity, _watcher: watcher }),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "cannot watch the folder: looking at it now and then");
                None
            }
        }
    }
}

impl FileId {
    /// Of the file that has this metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

fn watcher(folder: &Path, told: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| is_only_reading(&event.kind)) {
            return;
        }
        told.notify_one();
    })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Our own reading is told, too.
fn is_only_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}
