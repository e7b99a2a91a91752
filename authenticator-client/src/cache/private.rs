//! Files and directories that nobody but the user can have written or can read.
//!
//! What is checked of a file is checked of the opened one, so that it cannot be another by the time it is read.

use std::{fs::File, io, path::Path};

/// Somebody else could have written it, or can read it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A symbolic link, for instance, which others may point elsewhere.
    #[error("it is no {expected}")]
    Kind {
        /// What it should be.
        expected: &'static str,
    },
    /// Others may read or write it.
    #[error("its mode is {mode:04o}, and others must have no access: chmod go= it, or remove it")]
    Mode {
        /// The permission bits.
        mode: u32,
    },
    /// It is somebody else's.
    #[error("it belongs to user {owner}, and you are user {user}")]
    Owner {
        /// Whose it is.
        owner: u32,
        /// Who runs the program.
        user: u32,
    },
}

/// Why something private is not used.
pub(super) enum Fault {
    Io(io::Error),
    Refused(Refusal),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(unix)]
mod system {
    use std::{
        fs::{self, DirBuilder, Metadata},
        os::unix::fs::{DirBuilderExt, MetadataExt},
    };

    use rustix::{
        fs::{Mode, OFlags},
        process::geteuid,
    };

    use super::{Fault, File, Path, Refusal, io};

    /// Checks that a directory is there and private.
    pub(in super::super) fn directory(path: &Path) -> Result<(), Fault> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_dir() {
            return Err(Refusal::Kind { expected: "directory" }.into());
        }
        Ok(check(&metadata)?)
    }

    /// Makes a private directory with all those that it lies in, unless it is there.
    pub(in super::super) fn make_directory(path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    /// Opens a private file to be read.
    pub(in super::super) fn open(path: &Path) -> Result<File, Fault> {
        opened(path, OFlags::RDONLY)
    }

    /// Opens a private file to be locked, and makes it first where there is none.
    pub(in super::super) fn open_or_make(path: &Path) -> Result<File, Fault> {
        opened(path, OFlags::RDWR | OFlags::CREATE)
    }

    /// Whether somebody has removed the file since it was opened.
    pub(in super::super) fn is_removed(file: &File) -> io::Result<bool> {
        Ok(file.metadata()?.nlink() == 0)
    }

    fn opened(path: &Path, flags: OFlags) -> Result<File, Fault> {
        // A named pipe would make it wait.
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => return Err(Refusal::Kind { expected: "regular file" }.into()),
            Err(error) => return Err(Fault::Io(error.into())),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Refusal::Kind { expected: "regular file" }.into());
        }
        check(&metadata)?;
        Ok(file)
    }

    fn check(metadata: &Metadata) -> Result<(), Refusal> {
        judge(metadata.uid(), geteuid().as_raw(), metadata.mode() & 0o7777)
    }

    fn judge(owner: u32, user: u32, mode: u32) -> Result<(), Refusal> {
        if owner != user {
            return Err(Refusal::Owner { owner, user });
        }
        if mode & 0o077 != 0 {
            return Err(Refusal::Mode { mode });
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_the_user_alone_owns_and_can_touch_is_private() {
            for mode in [0o600, 0o700, 0o400] {
                assert_eq!(judge(1000, 1000, mode), Ok(()), "{mode:o}");
            }
            for mode in [0o640, 0o604, 0o620, 0o602, 0o711] {
                assert_eq!(judge(1000, 1000, mode), Err(Refusal::Mode { mode }), "{mode:o}");
            }
            assert_eq!(
                judge(1000, 0, 0o600),
                Err(Refusal::Owner { owner: 1000, user: 0 }),
                "not for the superuser either"
            );
            assert_eq!(judge(0, 1000, 0o600), Err(Refusal::Owner { owner: 0, user: 1000 }));
        }
    }
}

/// Who may read a file is told by access control lists, which are not looked at here: so nothing is kept.
#[cfg(not(unix))]
mod system {
    use super::{Fault, File, Path, io};

    pub(in super::super) fn directory(_: &Path) -> Result<(), Fault> {
        Err(nothing_is_kept().into())
    }

    pub(in super::super) fn make_directory(_: &Path) -> io::Result<()> {
        Err(nothing_is_kept())
    }

    pub(in super::super) fn open(_: &Path) -> Result<File, Fault> {
        Err(nothing_is_kept().into())
    }

    pub(in super::super) fn open_or_make(_: &Path) -> Result<File, Fault> {
        Err(nothing_is_kept().into())
    }

    pub(in super::super) fn is_removed(_: &File) -> io::Result<bool> {
        Err(nothing_is_kept())
    }

    fn nothing_is_kept() -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "credentials are not cached on this system: use --no-cache")
    }
}

pub(super) use system::{directory, is_removed, make_directory, open, open_or_make};
