//! Who may call STS next. Pure: time is an argument.
//!
//! ```text
//! let in lately ───▶ lane of its access key ─┐  lanes take turns, one call each
//!                    lane …                  ├─▶ rate learned from throttling, calls in flight capped ─▶ STS
//! everybody else ──▶ one bounded queue ──────┘  what the lanes leave, and never nothing
//! ```
//!
//! STS answers an account a limited number of calls a second, and forged tokens cost it as much as real ones. Whoever floods
//! this server with them shares one queue with strangers; those who work here do not stand in it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::token::AccessKeyId;

/// How many may call, and how many may wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GateLimits {
    /// The most calls in flight.
    pub in_flight: usize,
    /// How many of those may be of callers who were not let in lately, so that calls that hang leave room.
    pub strangers_in_flight: usize,
    /// The most strangers that wait, while STS bears enough calls for all of them to be let through in time.
    pub strangers_waiting: usize,
    /// The most that wait in one lane.
    pub lane_waiting: usize,
    /// The most calls a second, before STS says what it bears.
    pub most_per_second: u16,
    /// The fewest calls a second, however much STS throttles.
    pub least_per_second: u16,
}

impl Default for GateLimits {
    fn default() -> Self {
        Self {
            in_flight: 128,
            strangers_in_flight: 96,
            strangers_waiting: 8192,
            lane_waiting: 32,
            most_per_second: 5000,
            least_per_second: 5,
        }
    }
}

/// How many call and wait at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GateLoad {
    /// Calls in flight.
    pub in_flight: usize,
    /// Strangers that wait, those included that have gone and were not noticed yet.
    pub strangers_waiting: usize,
    /// Likewise those that wait in lanes.
    pub lanes_waiting: usize,
    /// Calls a second that STS is believed to bear.
    pub per_second: f64,
}

/// In which line a call stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// The caller was let in lately; its calls wait in the lane of its access key.
    Lane(AccessKeyId),
    /// Anybody.
    Strangers,
}

impl Line {
    /// Its name in metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Lane(_) => "lane",
            Self::Strangers => "strangers",
        }
    }
}

/// What became of a call that was let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// STS answered: it has room.
    Answered,
    /// STS asked for fewer calls.
    Throttled,
    /// Neither can be said.
    Unheard,
}

/// A call that was let through; to be given back to [`Gate::finish`].
#[derive(Debug)]
pub(super) struct Pass {
    stranger: bool,
}

/// What the gate says when it is asked.
#[derive(Debug)]
pub(super) enum Next<T> {
    /// This one may call.
    Start(T, Pass),
    /// Nobody before then.
    At(Instant),
    /// Nobody until one arrives or a call ends.
    Idle,
}

/// The lines, and how fast they move.
#[derive(Debug)]
pub(super) struct Gate<T> {
    limits: GateLimits,
    rate: Rate,
    in_flight: usize,
    strangers_in_flight: usize,
    lanes: HashMap<AccessKeyId, VecDeque<T>>,
    /// The lanes in which somebody waits, the one whose turn it is first.
    turns: VecDeque<AccessKeyId>,
    strangers: VecDeque<T>,
    /// Calls of lanes since a stranger was let through.
    since_stranger: u32,
}

/// Of so many calls one is a stranger's, if one waits: somebody who logs in for the first time must not wait for ever.
const STRANGER_EVERY: u32 = 8;

impl<T> Gate<T> {
    pub(super) fn new(limits: GateLimits, now: Instant) -> Self {
        Self {
            limits,
            rate: Rate::new(limits, now),
            in_flight: 0,
            strangers_in_flight: 0,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            strangers: VecDeque::new(),
            since_stranger: 0,
        }
    }

    /// How busy it is.
    pub(super) fn load(&self) -> GateLoad {
        GateLoad {
            in_flight: self.in_flight,
            strangers_waiting: self.strangers.len(),
            lanes_waiting: self.lanes.values().map(VecDeque::len).sum(),
            per_second: self.rate.per_second,
        }
    }

    /// Puts a call at the end of its line, or gives it back if the line is full of others that still wait.
    pub(super) fn enter(&mut self, line: Line, call: T, waits: impl Fn(&T) -> bool) -> Result<(), T> {
        let (waiting, most) = match line {
            Line::Strangers => (&mut self.strangers, self.rate.in_time().min(self.limits.strangers_waiting)),
            Line::Lane(key) => {
                let lane = self.lanes.entry(key.clone()).or_default();
                if lane.is_empty() {
                    self.turns.push_back(key);
                }
                (lane, self.limits.lane_waiting)
            }
        };
        if waiting.len() >= most {
            waiting.retain(waits);
        }
        if waiting.len() >= most {
            return Err(call);
        }
        waiting.push_back(call);
        Ok(())
    }

    /// Who may call at `now`, of those that still wait: who has gone costs nobody a turn.
    pub(super) fn next(&mut self, now: Instant, waits: impl Fn(&T) -> bool) -> Next<T> {
        self.forget_gone(waits);
        if self.in_flight >= self.limits.in_flight {
            return Next::Idle;
        }
        let stranger_may = !self.strangers.is_empty() && self.strangers_in_flight < self.limits.strangers_in_flight;
        if self.turns.is_empty() && !stranger_may {
            return Next::Idle;
        }
        let ready = self.rate.ready_at();
        if now < ready {
            return Next::At(ready);
        }
        let stranger = stranger_may && (self.turns.is_empty() || self.since_stranger >= STRANGER_EVERY - 1);
        let call = if stranger { self.strangers.pop_front() } else { self.next_of_lanes() };
        let Some(call) = call else { return Next::Idle };
        self.rate.take(now);
        self.in_flight += 1;
        if stranger {
            self.strangers_in_flight += 1;
            self.since_stranger = 0;
        } else {
            self.since_stranger = self.since_stranger.saturating_add(1);
        }
        Next::Start(call, Pass { stranger })
    }

    /// Takes those who have gone from the head of the strangers and of the lane whose turn it is.
    fn forget_gone(&mut self, waits: impl Fn(&T) -> bool) {
        while self.strangers.front().is_some_and(|call| !waits(call)) {
            self.strangers.pop_front();
        }
        while let Some(lane) = self.turns.front().and_then(|key| self.lanes.get_mut(key)) {
            lane.retain(&waits);
            if !lane.is_empty() {
                return;
            }
            if let Some(key) = self.turns.pop_front() {
                self.lanes.remove(&key);
            }
        }
    }

    /// Takes one call of the lane whose turn it is, which then stands last.
    fn next_of_lanes(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&key)?;
        let call = lane.pop_front();
        if lane.is_empty() {
            self.lanes.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        call
    }

    /// Takes back the pass of a call that ended at `now`.
    pub(super) fn finish(&mut self, pass: &Pass, outcome: Outcome, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if pass.stranger {
            self.strangers_in_flight = self.strangers_in_flight.saturating_sub(1);
        }
        match outcome {
            Outcome::Answered => self.rate.rise(),
            Outcome::Throttled => self.rate.fall(now),
            Outcome::Unheard => {}
        }
    }
}

/// Calls a second: rises by little with each answer, halves when STS throttles (as TCP finds a network's capacity).
#[derive(Debug)]
struct Rate {
    per_second: f64,
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
    fn new(limits: GateLimits, now: Instant) -> Self {
        let most = f64::from(limits.most_per_second.max(1));
        Self { per_second: most, most, least: f64::from(limits.least_per_second.max(1)), due: now, falls_again: now }
    }

    fn ready_at(&self) -> Instant {
        self.due.checked_sub(AHEAD).unwrap_or(self.due)
    }

    /// How many can be let through before their time is up: more need not wait.
    fn in_time(&self) -> usize {
        let calls = Duration::from_secs_f64(self.per_second * WORTH_WAITING.as_secs_f64()).as_secs();
        usize::try_from(calls).unwrap_or(usize::MAX).max(LEAST_WAITING)
    }

    fn take(&mut self, now: Instant) {
        self.due = self.due.max(now) + Duration::from_secs_f64(1.0 / self.per_second);
    }

    fn rise(&mut self) {
        self.per_second = (self.per_second + RISE_PER_SECOND / self.per_second).min(self.most);
    }

    fn fall(&mut self, now: Instant) {
        if now >= self.falls_again {
            self.per_second = (self.per_second / 2.0).max(self.least);
            self.falls_again = now + FALL_PAUSE;
        }
    }
}

#[cfg(test)]
mod tests;
