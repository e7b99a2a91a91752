//! Who waits to call one host of STS, and who of them is next.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::super::Outage;
use super::rate::Rate;
use super::reach::{Reach, Standing};
use super::{GateLimits, Line, Outcome, Refused, has_room};
use crate::token::AccessKeyId;

/// One host: its lines, how fast they move, and whether it can be heard.
#[derive(Debug)]
pub(super) struct Host<T> {
    pub(super) rate: Rate,
    reach: Reach,
    pub(super) calls: Calls,
    lanes: HashMap<AccessKeyId, VecDeque<T>>,
    /// The lanes in which somebody waits, the one whose turn it is first.
    turns: VecDeque<AccessKeyId>,
    strangers: VecDeque<T>,
    /// Calls of lanes since a stranger was let through.
    since_stranger: u32,
}

/// Calls in flight, of one host or of all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Calls {
    /// Calls of hosts that answer.
    pub(super) shared: usize,
    /// How many of those are strangers'.
    pub(super) strangers: usize,
    /// Calls that are to find out whether a host answers.
    pub(super) probes: usize,
}

/// As what a call counts while it is in flight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counted {
    stranger: bool,
    probe: bool,
}

/// What a host says when it is asked for a call.
#[derive(Debug)]
pub(super) enum Turn<T> {
    /// This one may call.
    Start(T, Counted),
    /// This one need not wait: the host cannot be heard.
    Refuse(T, Outage),
    /// Nobody before then.
    At(Instant),
    /// Nobody until a call ends.
    Idle,
}

/// Of so many calls one is a stranger's, if one waits: somebody who logs in for the first time must not wait for ever.
const STRANGER_EVERY: u32 = 8;

/// So many strangers may wait for the next probe of a host that cannot be heard.
const WAITING_FOR_PROBE: usize = 4;

impl Calls {
    /// One call more.
    pub(super) const fn add(&mut self, call: Counted) {
        if call.probe {
            self.probes = self.probes.saturating_add(1);
        } else {
            self.shared = self.shared.saturating_add(1);
            self.strangers = self.strangers.saturating_add(if call.stranger { 1 } else { 0 });
        }
    }

    /// One call less.
    pub(super) const fn remove(&mut self, call: Counted) {
        if call.probe {
            self.probes = self.probes.saturating_sub(1);
        } else {
            self.shared = self.shared.saturating_sub(1);
            self.strangers = self.strangers.saturating_sub(if call.stranger { 1 } else { 0 });
        }
    }

    /// How many more there may be.
    pub(super) const fn left_of(self, limits: &GateLimits) -> Self {
        Self {
            shared: limits.in_flight.saturating_sub(self.shared),
            strangers: limits.strangers_in_flight.saturating_sub(self.strangers),
            probes: limits.probes().saturating_sub(self.probes),
        }
    }
}

impl<T> Host<T> {
    pub(super) fn new(limits: GateLimits, now: Instant) -> Self {
        Self {
            rate: Rate::new(limits, now),
            reach: Reach::default(),
            calls: Calls::default(),
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            strangers: VecDeque::new(),
            since_stranger: 0,
        }
    }

    pub(super) fn strangers_waiting(&self) -> usize {
        self.strangers.len()
    }

    pub(super) fn lanes_waiting(&self) -> usize {
        self.lanes.values().map(VecDeque::len).sum()
    }

    pub(super) fn is_unreachable(&self, now: Instant) -> bool {
        matches!(self.reach.standing(now), Standing::Unreachable(_))
    }

    /// Whether nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.strangers.is_empty() && self.turns.is_empty()
    }

    /// Puts a call at the end of its line, if that is not full of others that still wait. So many more strangers may wait for
    /// all hosts together.
    pub(super) fn enter(
        &mut self,
        line: Line,
        call: T,
        limits: &GateLimits,
        strangers_left: usize,
        now: Instant,
        waits: impl Fn(&T) -> bool,
    ) -> Result<(), Refused> {
        let standing = self.reach.standing(now);
        match line {
            Line::Strangers => {
                let most = match standing {
                    Standing::Unreachable(_) => WAITING_FOR_PROBE,
                    Standing::Unknown | Standing::Reachable => self.rate.in_time().min(limits.strangers_waiting),
                };
                let is_full = |waiting: usize| waiting >= most || !has_room(waiting, strangers_left);
                if is_full(self.strangers.len()) {
                    self.strangers.retain(waits);
                }
                match standing {
                    _ if !is_full(self.strangers.len()) => self.strangers.push_back(call),
                    Standing::Unreachable(outage) => return Err(Refused::Unreachable(outage)),
                    Standing::Unknown | Standing::Reachable => return Err(Refused::Full),
                }
            }
            Line::Lane(key) => {
                let lane = self.lanes.entry(key.clone()).or_default();
                if lane.is_empty() {
                    self.turns.push_back(key);
                }
                if lane.len() >= limits.lane_waiting {
                    lane.retain(waits);
                }
                if lane.len() >= limits.lane_waiting {
                    return Err(Refused::Full);
                }
                lane.push_back(call);
            }
        }
        Ok(())
    }

    /// Who may call at `now`, when so many more calls may be in flight.
    pub(super) fn next(&mut self, now: Instant, left: Calls) -> Turn<T> {
        let standing = self.reach.standing(now);
        if let Standing::Unreachable(outage) = standing
            && self.strangers.len() > WAITING_FOR_PROBE
            && let Some(last) = self.strangers.pop_back()
        {
            return Turn::Refuse(last, outage);
        }
        let probe = standing != Standing::Reachable;
        let may = if probe {
            // One at least, and no more than it leaves to others.
            self.calls.probes == 0 || self.calls.probes < left.probes
        } else {
            has_room(self.calls.shared, left.shared)
        };
        let stranger_may =
            may && !self.strangers.is_empty() && (probe || has_room(self.calls.strangers, left.strangers));
        if !may || (self.turns.is_empty() && !stranger_may) {
            return Turn::Idle;
        }
        let paused = matches!(standing, Standing::Unreachable(_)).then(|| self.reach.probe_after(now)).flatten();
        let ready = paused.unwrap_or(now).max(self.rate.ready_at());
        if now < ready {
            return Turn::At(ready);
        }
        let stranger = stranger_may && (self.turns.is_empty() || self.since_stranger >= STRANGER_EVERY - 1);
        let call = if stranger { self.strangers.pop_front() } else { self.next_of_lanes() };
        let Some(call) = call else { return Turn::Idle };
        self.since_stranger = if stranger { 0 } else { self.since_stranger.saturating_add(1) };
        self.rate.take(now);
        if probe {
            self.reach.probed(now);
        }
        let counted = Counted { stranger, probe };
        self.calls.add(counted);
        Turn::Start(call, counted)
    }

    /// Takes those who have gone from the head of the strangers and of the lane whose turn it is.
    pub(super) fn forget_gone(&mut self, waits: impl Fn(&T) -> bool) {
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

    /// A call that began then ended at `now`.
    pub(super) fn finish(&mut self, counted: Counted, begun: Instant, outcome: Outcome, now: Instant) {
        self.calls.remove(counted);
        match outcome {
            Outcome::Answered => self.rate.rise(),
            Outcome::Throttled => self.rate.fall(now),
            Outcome::Unusable | Outcome::Unheard(_) | Outcome::GivenUp => {}
        }
        match outcome {
            Outcome::Answered | Outcome::Throttled | Outcome::Unusable => self.reach.heard(now),
            Outcome::Unheard(outage) => self.reach.unheard(begun, outage),
            Outcome::GivenUp => {}
        }
    }
}
