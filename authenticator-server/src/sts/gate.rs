//! Who may call STS next. Pure: time is an argument.
//!
//! ```text
//! let in lately ───▶ lane of its access key ─┐  lanes take turns, one call each
//!                    lane …                  ├─▶ rate learned from throttling ─▶ host ─┐
//! everybody else ──▶ one bounded queue ──────┘  what the lanes leave, never nothing    ├─▶ calls in flight capped ─▶ STS
//!                                               another host, likewise ─────────▶ host ─┘  hosts take turns
//! ```
//!
//! STS answers an account a limited number of calls a second, and forged tokens cost it as much as real ones. Whoever floods
//! this server with them shares one queue with strangers; those who work here do not stand in it.
//!
//! A token names the host that is asked about it, and a host may be dead. So each has lines and a rate of its own (AWS
//! counts calls by region), and a share of what all have in common: it may hold three times what it leaves free, so that
//! there is always something left for another. A host that was never heard, or not of late, takes no part in that: it gets a
//! few probes, and while it cannot be heard strangers who ask about it are told so at once. Its first answer ends that.

mod host;
mod rate;
mod reach;

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use self::host::{Calls, Counted, Host, Turn};
use super::Outage;
use crate::token::AccessKeyId;

/// How many may call, and how many may wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GateLimits {
    /// The most calls in flight, probes excepted.
    pub in_flight: usize,
    /// How many of those may be of callers who were not let in lately, so that calls that hang leave room.
    pub strangers_in_flight: usize,
    /// The most strangers that wait, while STS bears enough calls for all of them to be let through in time.
    pub strangers_waiting: usize,
    /// The most that wait in one lane.
    pub lane_waiting: usize,
    /// The most calls of one host a second, before it says what it bears.
    pub most_per_second: u16,
    /// The fewest calls of one host a second, however much it throttles.
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

impl GateLimits {
    /// How many probes there may be, of all hosts together, beside one for each host.
    const fn probes(&self) -> usize {
        self.in_flight.div_ceil(4)
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
    /// Calls a second that STS is believed to bear, at the host that bears the fewest.
    pub per_second: f64,
    /// Hosts of which nothing is heard.
    pub unreachable_hosts: usize,
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

/// Why a call may not even wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// Its line is full.
    Full,
    /// Its host cannot be heard.
    Unreachable(Outage),
}

/// What became of a call that was let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// STS answered: it has room.
    Answered,
    /// STS asked for fewer calls.
    Throttled,
    /// There was an answer, and it is not one of STS's.
    Unusable,
    /// There was none.
    Unheard(Outage),
    /// It was not waited for.
    GivenUp,
}

/// A call that was let through; to be given back to [`Gate::finish`].
#[derive(Debug)]
pub(super) struct Pass {
    host: &'static str,
    counted: Counted,
    begun: Instant,
}

/// What the gate says when it is asked.
#[derive(Debug)]
pub(super) enum Next<T> {
    /// This one may call.
    Start(T, Pass),
    /// This one need not wait: its host cannot be heard.
    Refuse(T, Outage),
    /// Nobody before then.
    At(Instant),
    /// Nobody until one arrives or a call ends.
    Idle,
}

/// The hosts, and what they share.
#[derive(Debug)]
pub(super) struct Gate<T> {
    limits: GateLimits,
    calls: Calls,
    /// By name. Names come from the closed table of endpoints, so that there are never many.
    hosts: HashMap<&'static str, Host<T>>,
    /// The hosts for which somebody waits, the one whose turn it is first.
    turns: VecDeque<&'static str>,
}

/// Whether whoever holds so much of something may have one more of it, when so much is free: one at least, and no more than
/// three times what is left. However many want something, and hold on to it, there is some left for whoever comes next.
const fn has_room(held: usize, free: usize) -> bool {
    held == 0 || held < free.saturating_mul(3)
}

impl<T> Gate<T> {
    pub(super) fn new(limits: GateLimits) -> Self {
        Self { limits, calls: Calls::default(), hosts: HashMap::new(), turns: VecDeque::new() }
    }

    /// How busy it is.
    pub(super) fn load(&self, now: Instant) -> GateLoad {
        let most = f64::from(self.limits.most_per_second);
        GateLoad {
            in_flight: self.calls.shared + self.calls.probes,
            strangers_waiting: self.strangers_waiting(),
            lanes_waiting: self.hosts.values().map(Host::lanes_waiting).sum(),
            per_second: self.hosts.values().map(|host| host.rate.per_second).fold(most, f64::min),
            unreachable_hosts: self.hosts.values().filter(|host| host.is_unreachable(now)).count(),
        }
    }

    fn strangers_waiting(&self) -> usize {
        self.hosts.values().map(Host::strangers_waiting).sum()
    }

    /// Puts a call of this host at the end of its line, if that is not full of others that still wait.
    pub(super) fn enter(
        &mut self,
        host: &'static str,
        line: Line,
        call: T,
        now: Instant,
        waits: impl Fn(&T) -> bool,
    ) -> Result<(), Refused> {
        let strangers_left = self.limits.strangers_waiting.saturating_sub(self.strangers_waiting());
        let lines = self.hosts.entry(host).or_insert_with(|| Host::new(self.limits, now));
        let was_idle = lines.is_idle();
        let entered = lines.enter(line, call, &self.limits, strangers_left, now, waits);
        if was_idle && !lines.is_idle() {
            self.turns.push_back(host);
        }
        entered
    }

    /// Who may call at `now`, of those that still wait: who has gone costs nobody a turn.
    pub(super) fn next(&mut self, now: Instant, waits: impl Fn(&T) -> bool) -> Next<T> {
        let mut soonest: Option<Instant> = None;
        for _ in 0..self.turns.len() {
            let Some(name) = self.turns.pop_front() else { break };
            let Some(host) = self.hosts.get_mut(name) else { continue };
            host.forget_gone(&waits);
            let turn = host.next(now, self.calls.left_of(&self.limits));
            if !host.is_idle() {
                self.turns.push_back(name);
            }
            match turn {
                Turn::Start(call, counted) => {
                    self.calls.add(counted);
                    return Next::Start(call, Pass { host: name, counted, begun: now });
                }
                Turn::Refuse(call, outage) => return Next::Refuse(call, outage),
                Turn::At(at) => soonest = Some(soonest.map_or(at, |soonest| soonest.min(at))),
                Turn::Idle => {}
            }
        }
        soonest.map_or(Next::Idle, Next::At)
    }

    /// Takes back the pass of a call that ended at `now`.
    pub(super) fn finish(&mut self, pass: &Pass, outcome: Outcome, now: Instant) {
        self.calls.remove(pass.counted);
        if let Some(host) = self.hosts.get_mut(pass.host) {
            host.finish(pass.counted, pass.begun, outcome, now);
        }
    }
}

#[cfg(test)]
mod tests;
