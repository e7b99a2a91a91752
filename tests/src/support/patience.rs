//! Waiting for what another program does.

use std::thread;
use std::time::{Duration, Instant};

/// Asks again and again until it has happened, and says how long that took.
///
/// # Panics
///
/// It does not happen.
pub fn eventually(what: &str, happened: impl Fn() -> bool) -> Duration {
    eventually_within(LIMIT, what, happened)
}

/// The same, of what may take longer by its nature.
///
/// # Panics
///
/// It does not happen.
pub fn eventually_within(limit: Duration, what: &str, happened: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(POLL);
    }
    start.elapsed()
}

/// Far beyond what anything takes that a test waits for, on a busy machine too: only a failure waits so long.
pub const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);
