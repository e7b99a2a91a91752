//! The cache's directory.

use std::{
    fs::{self, DirEntry, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::{
    CacheFault, CacheKey,
    entry::Entry,
    lock::{self, Lock},
    private::{self, Fault},
};

/// A directory that is there, and that the user alone can write and read.
pub(super) struct Directory<'a>(&'a Path);

/// What a name in the directory says.
enum Kind {
    Credentials,
    Lock,
    /// Written, and not yet renamed.
    Unfinished,
}

impl<'a> Directory<'a> {
    /// The directory, `None` where there is none.
    pub(super) fn existing(path: &'a Path) -> Result<Option<Self>, CacheFault> {
        match private::directory(path) {
            Ok(()) => Ok(Some(Self(path))),
            Err(Fault::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(Fault::Io(source)) => Err(CacheFault::Directory { path: path.to_owned(), source }),
            Err(Fault::Refused(source)) => Err(CacheFault::Refused { path: path.to_owned(), source }),
        }
    }

    /// The directory, made where there is none.
    pub(super) fn made(path: &'a Path) -> Result<Self, CacheFault> {
        let cannot = |source| CacheFault::Directory { path: path.to_owned(), source };
        if let Some(directory) = Self::existing(path)? {
            return Ok(directory);
        }
        private::make_directory(path).map_err(cannot)?;
        Self::existing(path)?.ok_or_else(|| cannot(ErrorKind::NotFound.into()))
    }

    /// The credentials under `key`, if they are there and last.
    pub(super) fn read(&self, key: &CacheKey, now: Timestamp) -> Result<Option<Credentials>, CacheFault> {
        let path = self.credentials_file(key);
        let entry = match entry_in(&path) {
            Ok(entry) => entry,
            Err(Fault::Io(error)) if error.kind() == ErrorKind::NotFound => None,
            Err(Fault::Io(source)) => return Err(CacheFault::Read { path, source }),
            Err(Fault::Refused(source)) => return Err(CacheFault::Refused { path, source }),
        };
        Ok(entry.and_then(|entry| entry.usable(now)))
    }

    /// Waits until nobody else makes the credentials of `key`.
    pub(super) async fn lock(&self, key: &CacheKey, patience: Duration) -> Result<Lock, CacheFault> {
        let path = self.lock_file(&key.to_string());
        match lock::acquire(&path, patience).await {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => Err(CacheFault::Busy { path, waited: patience }),
            Err(Fault::Io(source)) => Err(CacheFault::Lock { path, source }),
            Err(Fault::Refused(source)) => Err(CacheFault::Refused { path, source }),
        }
    }

    /// Writes temporary credentials, so that at any time a reader finds the old file or the new one, whole; and removes what is
    /// of no use any more.
    pub(super) fn keep(&self, key: &CacheKey, credentials: &Credentials, now: Timestamp) -> Result<(), CacheFault> {
        let Some(entry) = Entry::new(credentials, now) else {
            return Ok(());
        };
        let path = self.credentials_file(key);
        self.replace(&path, &entry.render()).map_err(|source| CacheFault::Write { path, source })?;
        self.prune(now);
        Ok(())
    }

    /// Removes everything that this program writes; how many credentials that was.
    pub(super) fn clean(&self) -> Result<usize, CacheFault> {
        let fault = |source| CacheFault::Directory { path: self.0.to_owned(), source };
        let mut credentials = 0;
        for (kind, file) in self.files().map_err(fault)? {
            match kind {
                Kind::Credentials => {
                    remove(&file.path()).map_err(fault)?;
                    credentials += 1;
                }
                Kind::Lock => remove_lock(&file.path()),
                Kind::Unfinished => remove(&file.path()).map_err(fault)?,
            }
        }
        Ok(credentials)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Mode 0600 is tempfile's own default.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(self.0)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(self.0)?.sync_all()
    }

    /// Removes credentials that have ended, locks that belong to none, and what was left by a process that was killed. Nothing
    /// depends on it, so nothing is said when it fails.
    fn prune(&self, now: Timestamp) {
        for (kind, file) in self.files().unwrap_or_default() {
            let path = file.path();
            let useless = match kind {
                Kind::Credentials => {
                    entry_in(&path).is_ok_and(|entry| entry.and_then(|entry| entry.usable(now)).is_none())
                }
                Kind::Lock => !path.with_extension(CREDENTIALS).exists(),
                Kind::Unfinished => age(&file, now).is_some_and(|age| age > LONGEST_WRITE),
            };
            match kind {
                _ if !useless => {}
                Kind::Lock => remove_lock(&path),
                Kind::Credentials | Kind::Unfinished => {
                    let _ = remove(&path);
                }
            }
        }
    }

    /// What this program writes of what is in the directory.
    fn files(&self) -> io::Result<Vec<(Kind, DirEntry)>> {
        let mut files = Vec::new();
        for file in fs::read_dir(self.0)? {
            let file = file?;
            let kind = file.file_name().to_str().and_then(Kind::of);
            files.extend(kind.map(|kind| (kind, file)));
        }
        Ok(files)
    }

    fn credentials_file(&self, key: &CacheKey) -> PathBuf {
        self.0.join(format!("{key}.{CREDENTIALS}"))
    }

    fn lock_file(&self, stem: &str) -> PathBuf {
        self.0.join(format!("{stem}.{LOCK}"))
    }
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        if name.starts_with(UNFINISHED) {
            return Some(Self::Unfinished);
        }
        match name.rsplit_once('.')? {
            (stem, CREDENTIALS) if CacheKey::is_written_as(stem) => Some(Self::Credentials),
            (stem, LOCK) if CacheKey::is_written_as(stem) => Some(Self::Lock),
            _ => None,
        }
    }
}

/// What the file holds; `None` when that is not what this program writes.
fn entry_in(path: &Path) -> Result<Option<Entry>, Fault> {
    // Room for the whole, so that no copy of a secret is left behind by a buffer that grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_FILE.into()));
    private::open(path)?.take(LARGEST_FILE.into()).read_to_end(&mut bytes)?;
    Ok(Entry::parse(&bytes))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the lock unless somebody holds it. It is held meanwhile, so that nobody waits for what nobody else will find.
fn remove_lock(path: &Path) {
    if let Ok(Some(_held)) = lock::attempt(path) {
        let _ = remove(path);
    }
}

fn age(file: &DirEntry, now: Timestamp) -> Option<SignedDuration> {
    let modified = Timestamp::try_from(file.metadata().ok()?.modified().ok()?).ok()?;
    Some(now.duration_since(modified))
}

const CREDENTIALS: &str = "json";
const LOCK: &str = "lock";
const UNFINISHED: &str = ".unfinished-";

/// In bytes. A session token may have 4096, and STS may raise that.
const LARGEST_FILE: u16 = u16::MAX;

/// Nobody writes one file for this long.
const LONGEST_WRITE: SignedDuration = SignedDuration::from_hours(1);
