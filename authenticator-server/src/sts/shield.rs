//! What stands between the callers and STS, so that they stay logged in while STS is ill, and a flood of forged tokens
//! keeps nobody out who works here.
//!
//! - One flight for each token, however many ask at the same time. It is a task of its own: a caller that hangs up does not
//!   cancel what others wait for. A known caller's flight lands even if all of them have hung up. An unknown caller's ends when
//!   nobody waits for it, unless STS is just being asked.
//! - Unknown callers wait on a [share](super::reservation) of memory and streams; one for which it has no room is shed at once.
//! - An identity is fresh for a while. Then STS is asked again, and only if it cannot be heard the old answer goes on being
//!   used, to the token's own end at most; after a refusal never.
//! - STS's refusals are kept for a moment.
//! - Calls go through a [gate](super::gate), in which each host has a share, and callers that were let in lately have lanes of
//!   their own.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Shared, WeakShared};
use moka::future::Cache;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::admission::{Admission, Shed};
use super::gate::{GateLimits, GateLoad, Line, Outcome};
use super::reservation::{Reservation, UnknownLimits, UnknownShare};
use super::{AskError, Outage, Rejection};
use crate::metrics::ShieldCounts;
use crate::token::{CredentialsDigest, Limits, PresignedRequest, TokenDigest};

/// How much the shield may keep, how long, and how hard it tries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShieldLimits {
    /// How long an identity is taken as fresh. STS's word on a signature hardly changes within it; whether the identity is
    /// still mapped is decided at every request.
    pub fresh: Duration,
    /// For how long STS is not asked again about a token when it could not be heard and an older answer is used.
    pub stale: Duration,
    /// How long a refusal of STS's is kept.
    pub refused: Duration,
    /// For how long a caller that was let in keeps its lane.
    pub lane: Duration,
    /// The most bytes of identities that are kept.
    pub max_bytes: u64,
    /// The most flights at once.
    pub max_flights: usize,
    /// The time for all of it, waiting included: well under the 30 seconds after which the API server gives up on the
    /// webhook, so that what it hears is our 503 and not a timeout of its own.
    pub deadline: Duration,
    /// The time for one call.
    pub one_try: Duration,
    /// How long a caller of whom there is an older answer waits for another before that one is used.
    pub patience: Duration,
    /// How often STS is asked if it cannot be heard. Throttling does not count: the gate slows down instead.
    pub tries: u32,
    /// The shortest pause before STS is asked again.
    pub pause: Duration,
    /// Who may call STS when.
    pub gate: GateLimits,
    /// How much unknown callers may hold while they wait.
    pub unknown: UnknownLimits,
}

impl Default for ShieldLimits {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(30),
            stale: Duration::from_secs(2),
            refused: Duration::from_secs(10),
            lane: Duration::from_secs(12 * 60 * 60),
            max_bytes: 4 * 1024 * 1024,
            max_flights: 10_000,
            deadline: Duration::from_secs(8),
            one_try: Duration::from_secs(6),
            patience: Duration::from_secs(2),
            tries: 3,
            pause: Duration::from_millis(100),
            gate: GateLimits::default(),
            unknown: UnknownLimits::default(),
        }
    }
}

/// Where an answer about a token came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// STS was asked.
    Asked,
    /// STS was being asked about the same token.
    Joined,
    /// An identity that is still fresh.
    Fresh,
    /// An older identity, because STS could not be heard.
    Stale,
    /// A refusal of STS's that is still kept.
    Refusal,
    /// Nobody was asked: too much is under way.
    Shed,
}

impl Origin {
    /// Its name in metrics and in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Joined => "joined",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Refusal => "refusal",
            Self::Shed => "shed",
        }
    }
}

/// An answer about a token, and where it came from.
#[derive(Debug)]
pub struct Told<V> {
    /// The identity, STS's refusal, or the reason for which it could not be heard.
    pub answer: Result<Arc<V>, AskError>,
    /// Where it came from.
    pub from: Origin,
}

impl<V> Clone for Told<V> {
    fn clone(&self) -> Self {
        Self { answer: self.answer.clone(), from: self.from }
    }
}

/// How much is under way and how much is kept, at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Tokens about which STS is asked or waited for.
    pub flights: usize,
    /// Calls and queues.
    pub gate: GateLoad,
    /// Identities that are kept, about.
    pub identities: u64,
    /// Refusals that are kept, about.
    pub refusals: u64,
    /// Callers that have a lane, about.
    pub lanes: u64,
}

/// Asks STS about tokens, as seldom as can be, and keeps what was understood of its answers. Clones share what is known.
pub struct Shield<V> {
    inner: Arc<Inner<V>>,
}

impl<V> Clone for Shield<V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<V> {
    ask: Ask<V>,
    limits: ShieldLimits,
    counts: ShieldCounts,
    admission: Admission,
    unknown: UnknownShare,
    identities: Cache<TokenDigest, Known<V>>,
    refusals: Cache<TokenDigest, Rejection>,
    lanes: Cache<CredentialsDigest, ()>,
    flights: Mutex<Flights<V>>,
}

/// The flights under way, each as long as it is waited for or STS is asked for it.
struct Flights<V> {
    next: u64,
    of: HashMap<TokenDigest, (u64, WeakShared<Landed<V>>)>,
}

/// One call of STS.
type Ask<V> = Box<dyn Fn(Arc<PresignedRequest>) -> Pin<Box<dyn Future<Output = Answer<V>> + Send>> + Send + Sync>;
type Answer<V> = Result<V, AskError>;
type Landed<V> = oneshot::Receiver<Told<V>>;
type Flight<V> = Shared<Landed<V>>;

/// A flight, as one of those who wait for it has it.
struct Waiting<V> {
    flight: Flight<V>,
    origin: Origin,
    _reservation: Option<Reservation>,
}

/// An identity, and when STS is to be asked about it again.
struct Known<V> {
    caller: Arc<V>,
    ask_again: Instant,
}

impl<V> Clone for Known<V> {
    fn clone(&self) -> Self {
        Self { caller: Arc::clone(&self.caller), ask_again: self.ask_again }
    }
}

impl<V: Send + Sync + 'static> Shield<V> {
    /// A shield in front of `ask`, which asks STS once and makes something of its answer. Must be made on a runtime.
    ///
    /// `weight` says how many bytes a value holds beside its own size.
    pub fn new<F, A>(limits: ShieldLimits, counts: ShieldCounts, weight: fn(&V) -> usize, ask: F) -> Self
    where
        F: Fn(Arc<PresignedRequest>) -> A + Send + Sync + 'static,
        A: Future<Output = Answer<V>> + Send + 'static,
    {
        let identities = Cache::builder()
            .max_capacity(limits.max_bytes)
            .weigher(move |_: &TokenDigest, known: &Known<V>| {
                u32::try_from(ENTRY_BYTES + weight(&known.caller)).unwrap_or(u32::MAX)
            })
            // No token lives longer, and every request looks at its token's own end before it comes here.
            .time_to_live(Limits::LIFETIME + Limits::default().max_ahead)
            .build();
        let inner = Inner {
            ask: Box::new(move |request| Box::pin(ask(request))),
            limits,
            counts,
            admission: Admission::new(limits.gate),
            unknown: UnknownShare::new(limits.unknown),
            identities,
            refusals: Cache::builder().max_capacity(MAX_REFUSALS).time_to_live(limits.refused).build(),
            lanes: Cache::builder().max_capacity(MAX_LANES).time_to_live(limits.lane).build(),
            flights: Mutex::new(Flights { next: 0, of: HashMap::new() }),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Who signed `request`, which was read from the token of this `digest`.
    pub async fn ask(&self, digest: TokenDigest, request: &Arc<PresignedRequest>) -> Told<V> {
        let told = self.find_out(digest, request).await;
        self.inner.counts.served(told.from.as_str());
        told
    }

    async fn find_out(&self, digest: TokenDigest, request: &Arc<PresignedRequest>) -> Told<V> {
        let known = self.inner.identities.get(&digest).await;
        if let Some(known) = &known
            && Instant::now() < known.ask_again
        {
            return Told { answer: Ok(Arc::clone(&known.caller)), from: Origin::Fresh };
        }
        if let Some(rejection) = self.inner.refusals.get(&digest).await {
            return Told { answer: Err(rejection.into()), from: Origin::Refusal };
        }
        let lane = self.inner.lanes.get(&request.credentials_digest()).await;
        let line = lane.map_or(Line::Strangers, |()| Line::Lane(request.access_key_id().clone()));
        match (self.flight(digest, request, line), known) {
            (Ok(waiting), None) => landed(waiting).await,
            (Ok(waiting), Some(known)) => {
                let told = tokio::time::timeout(self.inner.limits.patience, landed(waiting)).await;
                // The flight goes on: what it brings is for whoever asks next.
                told.unwrap_or_else(|_| Told { answer: Ok(known.caller), from: Origin::Stale })
            }
            (Err(_), Some(known)) => Told { answer: Ok(known.caller), from: Origin::Stale },
            (Err(outage), None) => Told { answer: Err(outage.into()), from: Origin::Shed },
        }
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            flights: self.inner.flights().of.len(),
            gate: self.inner.admission.load(),
            identities: self.inner.identities.entry_count(),
            refusals: self.inner.refusals.entry_count(),
            lanes: self.inner.lanes.entry_count(),
        }
    }

    /// Gives a lane to whoever signed `request`: the caller is one who works here.
    pub async fn welcome(&self, credentials: CredentialsDigest) {
        self.inner.lanes.insert(credentials, ()).await;
    }

    /// The flight for this token: the one that is under way, or another.
    fn flight(&self, digest: TokenDigest, request: &Arc<PresignedRequest>, line: Line) -> Result<Waiting<V>, Outage> {
        let mut flights = self.inner.flights();
        let under_way = flights.of.get(&digest).and_then(|(_, flight)| flight.upgrade());
        let bytes = if under_way.is_some() { request.size() } else { FLIGHT_BYTES + 2 * request.size() };
        let reservation = match line {
            Line::Strangers => {
                let reservation = self.inner.unknown.reserve(request.host().name(), bytes);
                Some(reservation.ok_or_else(|| self.shed("unknown"))?)
            }
            Line::Lane(_) => None,
        };
        if let Some(flight) = under_way {
            return Ok(Waiting { flight, origin: Origin::Joined, _reservation: reservation });
        }
        if flights.of.len() >= self.inner.limits.max_flights {
            return Err(self.shed("flights"));
        }
        let (sender, receiver) = oneshot::channel();
        let flight = receiver.shared();
        // It has not landed yet, so it can be joined.
        let joinable = flight.downgrade().ok_or(Outage::Overloaded)?;
        let number = flights.next;
        flights.next += 1;
        flights.of.insert(digest, (number, joinable.clone()));
        drop(flights);
        let is_known = matches!(line, Line::Lane(_));
        let kept = is_known.then(|| flight.clone());
        let (inner, request) = (Arc::clone(&self.inner), Arc::clone(request));
        let flying = async move {
            let landing = Landing { inner: &inner, digest, number };
            let mut departure = Departure { sender, joinable, _kept: kept, _reservation: reservation };
            let Some(answer) = inner.fly(digest, &request, line, &mut departure).await else { return };
            let landed = inner.remember(digest, answer).await;
            // What is remembered is remembered before the flight is gone, so that nobody starts another in between.
            drop(landing);
            let _ = departure.sender.send(landed);
        };
        debug_assert!(size_of_val(&flying) <= FLIGHT_BYTES * 2 / 3, "{}", size_of_val(&flying));
        tokio::spawn(flying);
        Ok(Waiting { flight, origin: Origin::Asked, _reservation: None })
    }

    fn shed(&self, full: &'static str) -> Outage {
        self.inner.counts.shed(full);
        Outage::Overloaded
    }
}

/// What a flight's task holds of it.
struct Departure<V> {
    sender: oneshot::Sender<Told<V>>,
    joinable: WeakShared<Landed<V>>,
    /// The flight of a known caller, which is never without somebody who waits for it.
    _kept: Option<Flight<V>>,
    _reservation: Option<Reservation>,
}

async fn landed<V: Send + Sync + 'static>(waiting: Waiting<V>) -> Told<V> {
    let Waiting { flight, origin, _reservation } = waiting;
    match flight.await {
        Ok(Told { answer, from: Origin::Asked }) => Told { answer, from: origin },
        Ok(told) => told,
        // A flight that ends without a word has panicked; that is no statement about the caller.
        Err(_) => Told { answer: Err(Outage::Overloaded.into()), from: origin },
    }
}

impl<V: Send + Sync + 'static> Inner<V> {
    fn flights(&self) -> MutexGuard<'_, Flights<V>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until STS says something, as often and as long as the limits allow; `None` when nobody waits for it any more. A call
    /// that was begun is ended: STS has counted it, and to break it off costs a connection.
    async fn fly(
        &self,
        digest: TokenDigest,
        request: &Arc<PresignedRequest>,
        line: Line,
        departure: &mut Departure<V>,
    ) -> Option<Answer<V>> {
        let deadline = Instant::now() + self.limits.deadline;
        let mut unheard = 0;
        // Why it has not been heard so far: no turn yet.
        let mut outage = Outage::Overloaded;
        loop {
            // Whose turn comes later than this has no time left to be answered.
            let turn_by = deadline - self.limits.deadline / 4;
            let turn = tokio::select! {
                biased;
                () = departure.sender.closed() => return None,
                turn = self.admission.enter(request.host().name(), line.clone(), turn_by) => turn,
            };
            let permit = match turn {
                Ok(permit) => permit,
                Err(shed) => {
                    self.counts.shed(shed.name());
                    return Some(Err(if let Shed::Unreachable(why) = shed { why } else { outage }.into()));
                }
            };
            let _joinable = departure.joinable.upgrade()?;
            self.counts.called(line.name());
            let until = deadline.min(Instant::now() + self.limits.one_try);
            let answer = tokio::time::timeout_at(until, (self.ask)(Arc::clone(request))).await;
            outage = match answer.unwrap_or(Err(Outage::TimedOut.into())) {
                Err(AskError::Outage(reason)) => reason,
                heard => {
                    permit.finish(Outcome::Answered);
                    return Some(heard);
                }
            };
            let throttled = outage == Outage::Throttled;
            permit.finish(match outage {
                Outage::Throttled => Outcome::Throttled,
                Outage::Unreachable | Outage::TimedOut => Outcome::Unheard(outage),
                Outage::Overloaded | Outage::Status(_) | Outage::Answer(_) => Outcome::Unusable,
            });
            unheard += u32::from(!throttled);
            let pause = self.pause_after(unheard, digest);
            if unheard == self.limits.tries || Instant::now() + pause >= deadline {
                return Some(Err(outage.into()));
            }
            tracing::debug!(%outage, token = %digest, "STS could not be heard, asking again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Doubles with each try, and lies between one and two times that: the token's digest moves callers apart that failed at
    /// the same moment.
    fn pause_after(&self, unheard: u32, digest: TokenDigest) -> Duration {
        let [spread, ..] = *digest.as_bytes();
        let least = self.limits.pause.saturating_mul(1 << unheard.saturating_sub(1).min(5));
        least + least.mul_f32(f32::from(spread) / 256.0)
    }

    /// Keeps what was heard; where nothing was, uses what was heard before.
    async fn remember(&self, digest: TokenDigest, answer: Answer<V>) -> Told<V> {
        let asked = |answer| Told { answer, from: Origin::Asked };
        match answer {
            Ok(caller) => {
                let caller = Arc::new(caller);
                self.know(digest, Arc::clone(&caller), self.limits.fresh).await;
                asked(Ok(caller))
            }
            Err(AskError::Rejected(rejection)) => {
                self.identities.invalidate(&digest).await;
                self.refusals.insert(digest, rejection).await;
                asked(Err(rejection.into()))
            }
            Err(AskError::Outage(outage)) => {
                let Some(known) = self.identities.get(&digest).await else { return asked(Err(outage.into())) };
                tracing::warn!(%outage, token = %digest, "STS could not be heard, using its last answer");
                self.know(digest, Arc::clone(&known.caller), self.limits.stale).await;
                Told { answer: Ok(known.caller), from: Origin::Stale }
            }
        }
    }

    async fn know(&self, digest: TokenDigest, caller: Arc<V>, while_fresh: Duration) {
        let ask_again = Instant::now() + while_fresh;
        self.identities.insert(digest, Known { caller, ask_again }).await;
    }
}

/// Removes a flight from the list however it ends.
struct Landing<'a, V: Send + Sync + 'static> {
    inner: &'a Inner<V>,
    digest: TokenDigest,
    number: u64,
}

impl<V: Send + Sync + 'static> Drop for Landing<'_, V> {
    fn drop(&mut self) {
        let mut flights = self.inner.flights();
        // Another may have begun since everybody had hung up.
        if flights.of.get(&self.digest).is_some_and(|(number, _)| *number == self.number) {
            flights.of.remove(&self.digest);
        }
    }
}

/// About what an entry holds beside its value's texts.
const ENTRY_BYTES: usize = 300;

/// About what a flight holds beside its request: a task, a turn, an entry of the list, and an answer.
const FLIGHT_BYTES: usize = 3 * 1024;

/// About a megabyte of digests.
const MAX_REFUSALS: u64 = 8 * 1024;

/// Likewise. A cluster has fewer people and nodes that work in half a day, or needs a larger number.
const MAX_LANES: u64 = 16 * 1024;

#[cfg(test)]
mod tests;
