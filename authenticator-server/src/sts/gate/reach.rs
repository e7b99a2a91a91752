//! Whether a host can be heard, from what became of the calls to it: a circuit breaker.

use std::time::Duration;

use tokio::time::Instant;

use super::super::Outage;

/// What is remembered of the calls to one host.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// When it last answered anything.
    heard: Option<Instant>,
    unheard: Option<Unheard>,
    /// When the next probe may be sent.
    probe_at: Option<Instant>,
}

/// Calls without an answer since the last one.
#[derive(Clone, Copy, Debug)]
struct Unheard {
    calls: u32,
    /// When the first of them began.
    since: Instant,
    /// What the last of them came to.
    outage: Outage,
}

/// What can be said of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It has never answered.
    Unknown,
    /// It answers.
    Reachable,
    /// It does not, of late: why, as far as callers are told.
    Unreachable(Outage),
}

/// So many calls in a row without an answer, ...
const UNHEARD_CALLS: u32 = 3;

/// ... of which the first began so long ago, are no accident: one connection that breaks may take many calls with it.
const UNHEARD_FOR: Duration = Duration::from_secs(1);

/// How often a host that cannot be heard is tried, if anybody asks.
const PROBE_EVERY: Duration = Duration::from_millis(500);

impl Reach {
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.unheard {
            Some(Unheard { calls, since, outage })
                if calls >= UNHEARD_CALLS && now.saturating_duration_since(since) >= UNHEARD_FOR =>
            {
                Standing::Unreachable(outage)
            }
            _ if self.heard.is_none() => Standing::Unknown,
            _ => Standing::Reachable,
        }
    }

    /// It answered at `now`, whatever it said.
    pub(super) fn heard(&mut self, now: Instant) {
        *self = Self { heard: Some(now), unheard: None, probe_at: None };
    }

    /// A call that began then had no answer. What was answered since then says more.
    pub(super) fn unheard(&mut self, begun: Instant, outage: Outage) {
        if self.heard.is_none_or(|heard| begun >= heard) {
            let (calls, since) = self.unheard.map_or((0, begun), |unheard| (unheard.calls, unheard.since.min(begun)));
            self.unheard = Some(Unheard { calls: calls.saturating_add(1), since, outage });
        }
    }

    /// When a probe may be sent, if not at once.
    pub(super) fn probe_after(&self, now: Instant) -> Option<Instant> {
        self.probe_at.filter(|at| now < *at)
    }

    /// A probe is sent at `now`.
    pub(super) fn probed(&mut self, now: Instant) {
        self.probe_at = Some(now + PROBE_EVERY);
    }
}
