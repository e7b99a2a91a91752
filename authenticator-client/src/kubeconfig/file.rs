//! A kubeconfig on disk: locked as client-go locks it, replaced as a whole, and never by what somebody else did not see.
//!
//! client-go's lock is a file beside the kubeconfig, made by whoever edits it and removed afterwards
//! (`k8s.io/client-go/tools/clientcmd`, `lockFile`). Whoever is killed in between leaves it behind, and with it an untouched or a
//! whole new kubeconfig.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use super::{Fault, Kubeconfig};

mod in_place;

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
    /// It was written where it stands, and not to the end. What it held is in the copy.
    #[error("cannot write {}; what it held is in {}", path.display(), copy.display())]
    InPlace {
        /// The file.
        path: PathBuf,
        /// The copy.
        copy: PathBuf,
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
/// A file that cannot be replaced is written where it stands, after a copy of it was put beside it, or into the `spare` folder.
///
/// # Errors
///
/// As [`FileError`] says. The file is as it was then.
pub fn edit<T>(
    path: &Path,
    spare: Option<&Path>,
    mut edit: impl FnMut(&mut Kubeconfig) -> Result<T, Fault>,
) -> Result<T, FileError> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let target = followed(path)?;
    // Other programs may know the file by the name of a link to it. Where no lock can be made beside the link, they make none either.
    let _link_lock = if target == path { None } else { Lock::beside(path).map(Some).or_else(unless_unwritable)? };
    let _lock = Lock::acquire(&target)?;
    for _ in 0..ATTEMPTS {
        let before = bytes(&target)?;
        let text = before.clone().unwrap_or_default();
        let mut kubeconfig = parse(path, text.clone())?;
        let made = edit(&mut kubeconfig).map_err(|source| FileError::Content { path: path.to_owned(), source })?;
        if kubeconfig.text().as_bytes() == text || write(&target, before.as_deref(), kubeconfig.text(), spare)? {
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

/// Writes the text where `before` was, or nothing; `false` where something else is there by now.
fn write(target: &Path, before: Option<&[u8]>, text: &str, spare: Option<&Path>) -> Result<bool, FileError> {
    let Some(old) = before else { return replace(target, None, text) };
    // A rename would leave the other names with the old text.
    if has_other_names(target) {
        return in_place::write(target, old, text, spare);
    }
    match replace(target, before, text) {
        Err(error) if in_place::is_the_way_out_of(&error) => in_place::write(target, old, text, spare),
        replaced => replaced,
    }
}

/// Whether the file has several hard links.
#[cfg(unix)]
fn has_other_names(target: &Path) -> bool {
    fs::metadata(target).is_ok_and(|metadata| std::os::unix::fs::MetadataExt::nlink(&metadata) > 1)
}

#[cfg(not(unix))]
fn has_other_names(_target: &Path) -> bool {
    false
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts the text in the place of what was there before; `false` where something else is there by now.
///
/// The new file is whole and on disk before it takes the old one's name, so that a reader, and whoever comes after a crash, finds
/// the one or the other.
fn replace(target: &Path, before: Option<&[u8]>, text: &str) -> Result<bool, FileError> {
    let failed = |action| move |source| FileError::Io { action, path: target.to_owned(), source };
    let directory = directory_of(target);
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
enum Lock {
    /// client-go's: a file beside the kubeconfig.
    Beside(PathBuf),
    /// A lock on the kubeconfig itself, in a folder in which no file can be made, client-go's lock included.
    OnFile {
        /// The lock ends when it is closed.
        _file: File,
    },
}

/// `None` in the place of a lock that cannot be made because its folder may not be written.
fn unless_unwritable(error: FileError) -> Result<Option<Lock>, FileError> {
    if in_place::is_the_way_out_of(&error) { Ok(None) } else { Err(error) }
}

impl Lock {
    fn acquire(target: &Path) -> Result<Self, FileError> {
        Self::beside(target).or_else(|error| match File::open(target) {
            Ok(file) if in_place::is_the_way_out_of(&error) => Self::on(file, target),
            _ => Err(error),
        })
    }

    fn on(file: File, path: &Path) -> Result<Self, FileError> {
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Self::OnFile { _file: file }),
                Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE),
                Err(TryLockError::Error(source)) => {
                    return Err(FileError::Io { action: "lock", path: path.to_owned(), source });
                }
            }
        }
        Err(FileError::Locked { path: path.to_owned() })
    }

    fn beside(path: &Path) -> Result<Self, FileError> {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        for _ in 0..LOCK_ATTEMPTS {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0);
            match options.open(&lock) {
                Ok(_) => return Ok(Self::Beside(lock)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sleep(LOCK_PAUSE),
                Err(source) => return Err(FileError::Io { action: "make the lock", path: lock, source }),
            }
        }
        Err(FileError::Locked { path: lock })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Self::Beside(path) = self {
            // The next program is told of a lock that stays.
            let _ = fs::remove_file(path);
        }
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
