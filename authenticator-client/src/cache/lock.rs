//! Whose turn it is to make credentials.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::private::{self, Fault};

/// Held until it is dropped, or its process ends in whatever way: the system lets go of it.
pub(super) struct Lock {
    _file: File,
}

/// Waits for the lock on the file at `path`; `None` when patience has run out.
///
/// The file is one that nobody writes or renames, so it may be removed by whoever holds it: then it is made anew.
pub(super) async fn acquire(path: &Path, patience: Duration) -> Result<Option<Lock>, Fault> {
    let end = Instant::now() + patience;
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(lock) = attempt(path)? {
            return Ok(Some(lock));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The lock, unless somebody holds it.
pub(super) fn attempt(path: &Path) -> Result<Option<Lock>, Fault> {
    loop {
        let file = private::open_or_make(path)?;
        match file.try_lock() {
            // Who held it before has removed it: nobody else will find this one.
            Ok(()) if private::is_removed(&file)? => {}
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// There is no way to be woken by a file lock within a time limit, short of a thread.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(80);
