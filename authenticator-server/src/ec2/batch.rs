//! Which instances EC2 is asked about next, and who gets the answer. Pure: time and chance are arguments.
//!
//! ```text
//! one flight for each instance ─▶ a line for each role ─▶ a call about up to 200 of them ─▶ each its own answer
//!   (whoever asks by the role       lines take turns        gathered, and no more than the rate allows
//!    joins it)
//! ```
//!
//! Nodes that join together ask together, and EC2 answers an account few calls a second: so a call waits a moment for others
//! to share it, longer when another was made just before. Lines take turns at the places in a call, so that whoever asks
//! about many instances by one role stands in the way of no other role's.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use mapping::InstanceId;
use tokio::time::Instant;

/// How much may be asked, and how much may wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BatchLimits {
    /// Calls a second. Never 0.
    pub per_second: u32,
    /// Calls that may be made at once after a pause. Never 0.
    pub burst: u32,
    /// The most instances of one role that wait.
    pub waiting_of_role: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { per_second: 15, burst: 5, waiting_of_role: 10_000 }
    }
}

/// A question to EC2, to be given back to [`Batcher::finish`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Batch {
    /// The instances, no more than [`MOST_IDS`]: the same for each page, or EC2 would not know where it was.
    pub(super) ids: Arc<[InstanceId]>,
    /// Where EC2's answer goes on, if it began already.
    pub(super) page: Option<String>,
    /// Those of which nothing was told yet.
    open: Vec<Place>,
    pages: u32,
}

/// An instance in the line of a role. In another's it may stand for longer, which is no business of this one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Place {
    role: Arc<str>,
    id: InstanceId,
}

impl Batch {
    fn about(open: Vec<Place>) -> Self {
        let mut seen = HashSet::new();
        let ids = open.iter().map(|place| &place.id).filter(|id| seen.insert(*id)).cloned().collect();
        Self { ids, page: None, open, pages: 0 }
    }
}

/// What became of a question.
#[derive(Debug)]
pub(super) enum Outcome<A, E> {
    /// EC2 knows these; and the others not, unless its answer goes on at another page.
    Answered { found: HashMap<InstanceId, A>, next_page: Option<String> },
    /// It could not be heard, or asked for fewer calls: another time it may answer.
    Unheard(E),
    /// It was heard, and what it said is of no use: about fewer instances it may be.
    Unread(E),
    /// It will not answer another time either.
    Refused(E),
}

/// What there is to do.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Ask this.
    Ask(Batch),
    /// Nothing before then.
    At(Instant),
    /// Nothing until somebody asks or a call ends.
    Idle,
}

/// Whoever waits, and what it is told; `None` is an instance that EC2 does not know.
pub(super) type Told<W, A, E> = Vec<(W, Result<Option<A>, E>)>;

/// The lines, and whoever waits for an answer; `W` is one that waits.
#[derive(Debug)]
pub(super) struct Batcher<W, E> {
    limits: BatchLimits,
    flights: HashMap<Place, Vec<W>>,
    lines: HashMap<Arc<str>, VecDeque<InstanceId>>,
    /// The lines in which somebody waits, the one whose turn it is first.
    turns: VecDeque<Arc<str>>,
    waiting: usize,
    /// Answers of which EC2 has more, and halves of those that could not be read.
    unfinished: VecDeque<Batch>,
    /// Since when somebody waits.
    gathering: Instant,
    /// When the last call about waiting instances was made.
    last: Option<Instant>,
    /// When the next call is due if calls come evenly spaced.
    due: Instant,
    rests_until: Instant,
    failures: u32,
    trouble: Option<E>,
    /// What is told of those that were on no page of an answer that did not end.
    endless: E,
    in_flight: usize,
}

/// "The maximum number of values for a filter is 200" (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>).
pub(super) const MOST_IDS: usize = 200;

/// How long a call waits for others to share it.
const GATHER: Duration = Duration::from_millis(20);

/// How long it waits after the call before it, for those who come all at once come for a while.
const SPACING: Duration = Duration::from_millis(100);

/// The most calls in flight: EC2 is slow then, and more would not make it quicker.
const MOST_IN_FLIGHT: usize = 16;

/// No answer about so few instances has more pages.
const MOST_PAGES: u32 = 50;

/// How long there is no call after one that failed, and after many.
const REST: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

impl<W, E: Clone> Batcher<W, E> {
    pub(super) fn new(limits: BatchLimits, endless: E, now: Instant) -> Self {
        Self {
            limits,
            flights: HashMap::new(),
            lines: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            unfinished: VecDeque::new(),
            gathering: now,
            last: None,
            due: now,
            rests_until: now,
            failures: 0,
            trouble: None,
            endless,
            in_flight: 0,
        }
    }

    /// How many instances wait to be asked about.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// What kept EC2 from being heard when it was asked last, if something did.
    pub(super) const fn trouble(&self) -> Option<&E> {
        self.trouble.as_ref()
    }

    /// Takes in one that wants to know an instance, or gives it back if its role's line is full of others that still wait.
    pub(super) fn enter(
        &mut self,
        id: &InstanceId,
        role: &Arc<str>,
        waiter: W,
        now: Instant,
        waits: impl Fn(&W) -> bool,
    ) -> Result<(), W> {
        let place = Place { role: Arc::clone(role), id: id.clone() };
        if let Some(waiters) = self.flights.get_mut(&place) {
            waiters.push(waiter);
            return Ok(());
        }
        if self.lines.get(role).is_some_and(|line| line.len() >= self.limits.waiting_of_role) {
            self.forget_gone(role, waits);
        }
        let line = self.lines.entry(Arc::clone(role)).or_default();
        if line.len() >= self.limits.waiting_of_role {
            return Err(waiter);
        }
        if line.is_empty() {
            self.turns.push_back(Arc::clone(role));
        }
        line.push_back(id.clone());
        if self.waiting == 0 {
            self.gathering = now;
        }
        self.waiting = self.waiting.saturating_add(1);
        self.flights.insert(place, vec![waiter]);
        Ok(())
    }

    /// What to ask at `now`, on behalf of those that still wait.
    pub(super) fn next(&mut self, now: Instant, waits: impl Fn(&W) -> bool) -> Next {
        loop {
            if self.in_flight >= MOST_IN_FLIGHT || (self.waiting == 0 && self.unfinished.is_empty()) {
                return Next::Idle;
            }
            let ready = self.ready_at();
            if now < ready {
                return Next::At(ready);
            }
            let batch = match self.unfinished.pop_front() {
                Some(batch) => Some(batch),
                None => {
                    self.last = Some(now);
                    let open = self.take(&waits);
                    (!open.is_empty()).then(|| Batch::about(open))
                }
            };
            // Of those that waited all have gone.
            let Some(batch) = batch else { continue };
            self.due = self.due.max(now) + self.interval();
            self.in_flight = self.in_flight.saturating_add(1);
            return Next::Ask(batch);
        }
    }

    /// Takes back a question with what became of it; says who is to be told what. `chance` is from 0 to 1.
    pub(super) fn finish<A: Clone>(
        &mut self,
        batch: Batch,
        outcome: Outcome<A, E>,
        now: Instant,
        chance: f64,
        waits: impl Fn(&W) -> bool,
    ) -> Told<W, A, E> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match outcome {
            Outcome::Answered { found, next_page } => {
                (self.failures, self.trouble) = (0, None);
                self.answered(batch, &found, next_page)
            }
            Outcome::Refused(error) => {
                self.trouble = Some(error.clone());
                batch
                    .open
                    .iter()
                    .flat_map(|place| self.land(place))
                    .map(|waiter| (waiter, Err(error.clone())))
                    .collect()
            }
            Outcome::Unread(error) => {
                self.trouble = Some(error.clone());
                self.ask_in_halves(batch, error, waits)
            }
            Outcome::Unheard(error) => {
                self.trouble = Some(error);
                self.rest(now, chance);
                self.ask_again(batch, now, waits);
                Vec::new()
            }
        }
    }

    fn answered<A: Clone>(
        &mut self,
        mut batch: Batch,
        found: &HashMap<InstanceId, A>,
        next_page: Option<String>,
    ) -> Told<W, A, E> {
        let ends = next_page.is_none();
        let goes_on = !ends && batch.pages < MOST_PAGES;
        let (told, open): (Vec<_>, Vec<_>) =
            batch.open.into_iter().partition(|place| !goes_on || found.contains_key(&place.id));
        batch.open = open;
        if !batch.open.is_empty() {
            (batch.page, batch.pages) = (next_page, batch.pages.saturating_add(1));
            self.unfinished.push_back(batch);
        }
        let answers = told.iter().flat_map(|place| {
            let answer = match found.get(&place.id) {
                None if !ends => Err(self.endless.clone()),
                answer => Ok(answer.cloned()),
            };
            self.land(place).into_iter().map(move |waiter| (waiter, answer.clone()))
        });
        answers.collect()
    }

    /// Asks for each half of what could not be read, of those for which somebody waits. One alone is told of it.
    fn ask_in_halves<A>(&mut self, batch: Batch, error: E, waits: impl Fn(&W) -> bool) -> Told<W, A, E> {
        let (mut first, gone): (Vec<_>, Vec<_>) =
            batch.open.into_iter().partition(|place| self.somebody_waits(place, &waits));
        gone.iter().for_each(|place| drop(self.flights.remove(place)));
        if let [one] = first.as_slice() {
            return self.land(one).into_iter().map(|waiter| (waiter, Err(error.clone()))).collect();
        }
        let second = first.split_off(first.len() / 2);
        self.unfinished.extend([first, second].into_iter().filter(|half| !half.is_empty()).map(Batch::about));
        Vec::new()
    }

    /// Puts the instances of a question back at the head of their lines, for those that still wait.
    fn ask_again(&mut self, batch: Batch, now: Instant, waits: impl Fn(&W) -> bool) {
        for place in batch.open.into_iter().rev() {
            if !self.somebody_waits(&place, &waits) {
                self.flights.remove(&place);
                continue;
            }
            let Place { role, id } = place;
            let line = self.lines.entry(Arc::clone(&role)).or_default();
            if line.is_empty() {
                self.turns.push_back(role);
            }
            line.push_front(id);
            if self.waiting == 0 {
                self.gathering = now;
            }
            self.waiting = self.waiting.saturating_add(1);
        }
    }

    /// The end of a flight: whoever waited for it.
    fn land(&mut self, place: &Place) -> Vec<W> {
        self.flights.remove(place).unwrap_or_default()
    }

    fn ready_at(&self) -> Instant {
        let burst = self.interval() * self.limits.burst.max(1).saturating_sub(1);
        let allowed = self.due.checked_sub(burst).unwrap_or(self.due).max(self.rests_until);
        if !self.unfinished.is_empty() || self.waiting >= MOST_IDS {
            return allowed;
        }
        let gathered = self.gathering + GATHER;
        allowed.max(self.last.map_or(gathered, |last| gathered.max(last + SPACING)))
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1) / self.limits.per_second.max(1)
    }

    /// The more calls failed one after the other, the longer the rest; by chance some less, so that servers do not ask together.
    fn rest(&mut self, now: Instant, chance: f64) {
        // Calls that were under way as the rest began say nothing new.
        if now < self.rests_until {
            return;
        }
        let (first, most) = REST;
        let whole = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(most);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = now + whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
    }

    /// Instances for a call, one of each line in turn, of those for which somebody waits.
    fn take(&mut self, waits: &impl Fn(&W) -> bool) -> Vec<Place> {
        let mut open = Vec::new();
        while open.len() < MOST_IDS {
            let Some(role) = self.turns.pop_front() else { break };
            let Some(line) = self.lines.get_mut(&role) else { continue };
            let id = line.pop_front();
            if line.is_empty() {
                self.lines.remove(&role);
            } else {
                self.turns.push_back(Arc::clone(&role));
            }
            let Some(id) = id else { continue };
            self.waiting = self.waiting.saturating_sub(1);
            let place = Place { role, id };
            if self.somebody_waits(&place, waits) {
                open.push(place);
            } else {
                self.flights.remove(&place);
            }
        }
        open
    }

    fn somebody_waits(&mut self, place: &Place, waits: impl Fn(&W) -> bool) -> bool {
        self.flights.get_mut(place).is_some_and(|waiters| {
            waiters.retain(waits);
            !waiters.is_empty()
        })
    }

    /// Takes the instances for which nobody waits any more from a role's line.
    fn forget_gone(&mut self, role: &Arc<str>, waits: impl Fn(&W) -> bool) {
        let Some(mut line) = self.lines.remove(role) else { return };
        let before = line.len();
        line.retain(|id| {
            let place = Place { role: Arc::clone(role), id: id.clone() };
            let stays = self.somebody_waits(&place, &waits);
            if !stays {
                self.flights.remove(&place);
            }
            stays
        });
        self.waiting = self.waiting.saturating_sub(before.saturating_sub(line.len()));
        if line.is_empty() {
            self.turns.retain(|turn| turn != role);
        } else {
            self.lines.insert(Arc::clone(role), line);
        }
    }
}

#[cfg(test)]
mod tests;
