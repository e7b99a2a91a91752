//! How fast calls of one host may come.

use std::time::Duration;

use tokio::time::Instant;

use super::GateLimits;

/// Calls a second: rises by little with each answer, halves when STS throttles (as TCP finds a network's capacity).
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    most: f64,
    least: f64,
    /// When the next call is due if calls come evenly spaced.
    due: Instant,
    /// When it may fall again: the calls that were under way as it fell say nothing new.
    falls_again: Instant,
}

/// How long it is worth to wait for a turn. Whoever asks has some seconds more, and the call takes some of them.
const WORTH_WAITING: Duration = Duration::from_secs(5);

/// So many may always wait: the rate may rise before their time is up.
const LEAST_WAITING: usize = 64;

/// How far calls may come ahead of even spacing.
const AHEAD: Duration = Duration::from_millis(50);

/// How long after a fall the next one is.
const FALL_PAUSE: Duration = Duration::from_millis(100);

/// By how much it rises in a second in which it is used to the full.
const RISE_PER_SECOND: f64 = 5.0;

impl Rate {
    pub(super) fn new(limits: GateLimits, now: Instant) -> Self {
        let most = f64::from(limits.most_per_second.max(1));
        Self { per_second: most, most, least: f64::from(limits.least_per_second.max(1)), due: now, falls_again: now }
    }

    pub(super) fn ready_at(&self) -> Instant {
        self.due.checked_sub(AHEAD).unwrap_or(self.due)
    }

    /// How many can be let through before their time is up: more need not wait.
    pub(super) fn in_time(&self) -> usize {
        let calls = Duration::from_secs_f64(self.per_second * WORTH_WAITING.as_secs_f64()).as_secs();
        usize::try_from(calls).unwrap_or(usize::MAX).max(LEAST_WAITING)
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.due = self.due.max(now) + Duration::from_secs_f64(1.0 / self.per_second);
    }

    pub(super) fn rise(&mut self) {
        self.per_second = (self.per_second + RISE_PER_SECOND / self.per_second).min(self.most);
    }

    pub(super) fn fall(&mut self, now: Instant) {
        if now >= self.falls_again {
            self.per_second = (self.per_second / 2.0).max(self.least);
            self.falls_again = now + FALL_PAUSE;
        }
    }
}
