//! A kubeconfig on disk: locked as client-go locks it, replaced as a whole, and never by what somebody else did not see.
//!
//! client-go's lock is a file beside the kubeconfig, made by whoever edits it and removed afterwards
//! (`k8s.io/client-go/tools/clientcmd`, `lockFile`). Whoever is killed in between leaves it behind, and with it an untouched or a
//! whole new kubeconfig.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use super::{Fault, Kubeconfig};

/// A kubeconfig cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It changes again and again.
    #[error("{} was changed by somebody else each time it was about to be written: try again", path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// Its text is no kubeconfig, or cannot be edited. It is as it was.
    #[error("{}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: Fault,
    },
    /// The system does not let it.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else has the lock, or did not remove it.
    #[error(
        "{} is there, which says that another program edits the kubeconfig: wait for it, or remove the file if no program does",
        path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A device, a pipe, a directory: a rename would put a file in its place, and who reads a pipe waits for its writer.
    #[error("{} is no regular file, as a kubeconfig has to be", path.display())]
    NotRegular {
        /// What is there.
        path: PathBuf,
    },
    /// Symbolic links that lead nowhere.
    #[error("{} is a symbolic link that leads to itself", path.display())]
    Loop {
        /// The first of them.
        path: PathBuf,
    },
}

/// Reads a file; one that is not there says nothing.
///
/// # Errors
///
/// It cannot be read, or is no kubeconfig.
pub fn read(path: &Path) -> Result<Kubeconfig, FileError> {
    parse(path, bytes(path)?.unwrap_or_default())
}

/// Edits a file, which need not be there yet, and gives what the edit gives. Nothing is written where the edit changes nothing.
///
/// # Errors
///
/// As [`FileError`] says. The file is as it was then.
pub fn edit<T>(path: &Path, mut edit: impl FnMut(&mut Kubeconfig) -> Result<T, Fault>) -> Result<T, FileError> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let _lock = Lock::acquire(path)?;
    let target = followed(path)?;
    // Whoever knows the file by its own name locks that.
    let _target_lock = if target == path { None } else { Some(Lock::acquire(&target)?) };
    for _ in 0..ATTEMPTS {
        let before = bytes(&target)?;
        let text = before.clone().unwrap_or_default();
        let mut kubeconfig = parse(path, text.clone())?;
        let made = edit(&mut kubeconfig).map_err(|source| FileError::Content { path: path.to_owned(), source })?;
        if kubeconfig.text().as_bytes() == text || replace(&target, before.as_deref(), kubeconfig.text())? {
            return Ok(made);
        }
    }
    Err(FileError::Changing { path: path.to_owned() })
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Kubeconfig, FileError> {
    Kubeconfig::of_bytes(bytes).map_err(|source| FileError::Content { path: path.to_owned(), source })
}

/// What is in a file; `None` where there is no file.
fn bytes(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(FileError::NotRegular { path: path.to_owned() });
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Io { action: "read", path: path.to_owned(), source }),
    }
}

/// Puts the text in the place of what was there before; `false` where something else is there by now.
///
/// The new file is whole and on disk before it takes the old one's name, so that a reader, and whoever comes after a crash, finds
/// the one or the other.
fn replace(target: &Path, before: Option<&[u8]>, text: &str) -> Result<bool, FileError> {
    let failed = |action| move |source| FileError::Io { action, path: target.to_owned(), source };
    let directory = target.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For nobody but its owner, until it is known who else may read it.
    let mut new = tempfile::Builder::new()
        .prefix(".kubeconfig-")
        .tempfile_in(directory)
        .map_err(failed("write a new file beside"))?;
    new.write_all(text.as_bytes()).map_err(failed("write a new file beside"))?;
    if before.is_some() {
        let old = fs::metadata(target).map_err(failed("read"))?;
        keep_owner(new.as_file(), &old).map_err(failed("keep the owner of"))?;
        new.as_file().set_permissions(old.permissions()).map_err(failed("keep the mode of"))?;
    }
    new.as_file().sync_all().map_err(failed("write a new file beside"))?;
    if bytes(target)?.as_deref() != before {
        return Ok(false);
    }
    let replaced = match before {
        Some(_) => new.persist(target),
        None => new.persist_noclobber(target),
    };
    match replaced {
        Ok(_) => {}
        Err(error) if before.is_none() && error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(failed("replace")(error.error)),
    }
    // The new name too. Some file systems cannot sync a directory, and what is there is whole either way.
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
    Ok(true)
}

/// A file that somebody else owns (root edits it for its user) stays theirs.
#[cfg(unix)]
fn keep_owner(new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Gid, Uid, fchown};

    let made = new.metadata()?;
    if (made.uid(), made.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    Ok(fchown(new, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))?)
}

#[cfg(not(unix))]
fn keep_owner(_new: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

fn make_directory(directory: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |source| FileError::Io { action: "make the directory", path: directory.to_owned(), source };
    builder.create(directory).map_err(failed)
}

/// The file that a path leads to, whether or not it is there.
fn followed(path: &Path) -> Result<PathBuf, FileError> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            // No link.
            Err(_) => return Ok(target),
        }
    }
    Err(FileError::Loop { path: path.to_owned() })
}

/// The right to edit a kubeconfig, until it is dropped.
struct Lock(PathBuf);

impl Lock {
    fn acquire(path: &Path) -> Result<Self, FileError> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        for _ in 0..LOCK_ATTEMPTS {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0);
            match options.open(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sleep(LOCK_PAUSE),
                Err(source) => return Err(FileError::Io { action: "make the lock", path: lock, source }),
            }
        }
        Err(FileError::Locked { path: lock })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever comes next is told of a lock that stays.
        let _ = fs::remove_file(&self.0);
    }
}

/// Whoever changes the file in spite of the lock does not do so many times in a row.
const ATTEMPTS: usize = 10;

/// Ten seconds: an edit takes milliseconds, and a lock that is older was left behind.
const LOCK_ATTEMPTS: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

#[cfg(test)]
mod tests;
