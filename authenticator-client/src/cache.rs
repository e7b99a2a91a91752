//! Credentials that cost a prompt or a call, kept on disk for the next run. Never a token, and never keys without an end.
//!
//! ```text
//! everything that chose the credentials ─SHA-256─▶ DIGEST.json   whole or absent: written beside it, synced, renamed
//!                                                  DIGEST.lock   held while they are made, so that of many processes one asks
//! ```
//!
//! The cache is a convenience and never a reason to fail: whatever is wrong with it becomes a [`CacheFault`] that the user is
//! told of, and the credentials are made as if there were none. It trusts nothing but what its owner alone can have written:
//! directory and files belong to the user who runs the program, nobody else may touch them, and no symbolic link is followed to
//! them.

use std::{
    cell::RefCell,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;
use jiff::Timestamp;

mod directory;
mod entry;
mod key;
mod lock;
mod place;
mod private;

use directory::Directory;
pub use key::CacheKey;
pub use private::Refusal;

/// The cache of the user who runs the program.
#[derive(Debug)]
pub struct Cache {
    place: Place,
    patience: Duration,
    faults: RefCell<Vec<CacheFault>>,
}

#[derive(Debug)]
enum Place {
    /// None is wanted.
    Off,
    /// One is wanted, and the environment names no place for it.
    Homeless,
    At(PathBuf),
}

/// Credentials, and whether they had been kept.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they come from.
    pub from: Origin,
}

/// Where credentials come from that may be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// An earlier run, or one at the same time, made them.
    Cache,
    /// This run made them.
    Made,
}

/// What is wrong with the cache. The program goes on without it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheFault {
    /// The directory cannot be made, looked at or read.
    #[error("cannot use the cache {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be opened or read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else could have written it, or can read it.
    #[error("{path} is not used as a cache")]
    Refused {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Refusal,
    },
    /// The lock cannot be had: some network file systems have none.
    #[error("cannot lock {path}")]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process makes the same credentials, and takes too long.
    #[error("another process has held {path} for {waited:?}: going on without it")]
    Busy {
        /// The lock's file.
        path: PathBuf,
        /// How long.
        waited: Duration,
    },
    /// There is no place for it.
    #[error(
        "nothing is kept for the next run: set HOME, KUBECACHEDIR or AWS_IAM_AUTHENTICATOR_CACHE_FILE, or use --no-cache"
    )]
    Homeless,
    /// The credentials cannot be written.
    #[error("cannot keep the credentials in {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The folder of cached credentials that the environment chooses, whether or not it is there; `None` where it names no home.
#[must_use]
pub fn directory(env: &Env) -> Option<PathBuf> {
    place::of(env)
}

impl Cache {
    /// The cache where the environment says: in the directory of `AWS_IAM_AUTHENTICATOR_CACHE_FILE`, which the Go program has, else
    /// in `$KUBECACHEDIR`, which kubectl has, else in `~/.kube/cache`; in a directory of its own there. Nothing is touched yet.
    ///
    /// `patience` is how long to wait for another process that makes the same credentials.
    #[must_use]
    pub fn new(env: &Env, patience: Duration) -> Self {
        let place = place::of(env).map_or(Place::Homeless, Place::At);
        Self { place, patience, faults: RefCell::default() }
    }

    /// No cache: nothing is found, nothing is kept.
    #[must_use]
    pub fn off() -> Self {
        Self { place: Place::Off, patience: Duration::ZERO, faults: RefCell::default() }
    }

    /// The credentials that are kept under `key`, if they last. Neither waits nor writes.
    ///
    /// They are not used in their last five minutes, or their last fifth if that is less.
    #[must_use]
    pub fn look_up(&self, key: &CacheKey, now: Timestamp) -> Option<Credentials> {
        let directory = self.noted(Directory::existing(self.path()?))??;
        self.noted(directory.read(key, now))?
    }

    /// The credentials that are kept under `key`; else those that `make` makes, which are then kept if they are temporary.
    ///
    /// Of many processes that ask at once one makes them and the others wait for it, as long as their patience lasts. Needs a
    /// runtime with time.
    ///
    /// # Errors
    ///
    /// Those of `make`, and no others.
    pub async fn get_or_make<E>(
        &self,
        key: &CacheKey,
        clock: impl Fn() -> Timestamp,
        make: impl AsyncFnOnce() -> Result<Credentials, E>,
    ) -> Result<Cached, E> {
        let found = |credentials| Ok(Cached { credentials, from: Origin::Cache });
        if let Some(credentials) = self.look_up(key, clock()) {
            return found(credentials);
        }
        let directory = match &self.place {
            Place::Off => None,
            Place::Homeless => self.noted(Err(CacheFault::Homeless)),
            Place::At(path) => self.noted(Directory::made(path)),
        };
        let Some(directory) = directory else {
            return Ok(Cached { credentials: make().await?, from: Origin::Made });
        };
        let lock = self.noted(directory.lock(key, self.patience).await);
        if lock.is_some()
            && let Some(credentials) = self.noted(directory.read(key, clock())).flatten()
        {
            return found(credentials);
        }
        let credentials = make().await?;
        self.noted(directory.keep(key, &credentials, clock()));
        drop(lock);
        Ok(Cached { credentials, from: Origin::Made })
    }

    /// Removes all that is kept; how many credentials that was.
    ///
    /// # Errors
    ///
    /// A directory that is not the user's own, or a file that stays.
    pub fn clean(&self) -> Result<usize, CacheFault> {
        let path = self.path().ok_or(CacheFault::Homeless)?;
        Directory::existing(path)?.map_or(Ok(0), |directory| directory.clean())
    }

    /// The directory, for messages.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Off | Place::Homeless => None,
            Place::At(path) => Some(path),
        }
    }

    /// What went wrong so far, to be told once, each thing once.
    #[must_use]
    pub fn take_faults(&self) -> Vec<CacheFault> {
        self.faults.take()
    }

    /// A fault is noted, and is as good as nothing found.
    fn noted<T>(&self, result: Result<T, CacheFault>) -> Option<T> {
        result
            .map_err(|fault| {
                let mut faults = self.faults.borrow_mut();
                if faults.iter().all(|known| known.to_string() != fault.to_string()) {
                    faults.push(fault);
                }
            })
            .ok()
    }
}

#[cfg(test)]
mod tests;
