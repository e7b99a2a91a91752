//! Limits of connections and of the memory that their requests hold.
//!
//! When either is used up, the webhook evicts a connection that has not proven itself: one that has shown no client certificate
//! and brought no token of an admitted caller yet. Of these the idle go before the busy, and the first that came before later ones.
//! An API server's connection proves itself with its first good token. Every connection has five seconds to do so, and less where
//! many wait. Where all have proven themselves, the longest unused is evicted.
//!
//! Memory has three shares, so that no stage of a request can take what another needs:
//!
//! | share | of `request_bytes` | held | when it is full |
//! | --- | --- | --- | --- |
//! | requests | half | [`REQUEST_BYTES`] each, from head to answer | an unproven connection is evicted, or the request is shed |
//! | bodies | a quarter | bodies that came in pieces, until they are parsed | the same |
//! | unknown callers | a quarter | what waits for STS ([`UnknownLimits`](crate::sts::UnknownLimits)) | the request is shed |
//!
//! One connection may have no more streams than the first share has room for. So an API server's request always has its place in
//! it, whatever else comes over the same connection. A body that arrives in one frame, as every token's does, needs none of the
//! second. The only connection there is is never evicted, and neither is one that has brought whole bodies, for its own requests.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::HttpLimits;
use crate::metrics::ServingCounts;

/// What a request takes beside its body: a task, a stream, its head, and what is on the way to its answer.
pub(super) const REQUEST_BYTES: usize = 4 * 1024;

/// Where the memory of a request comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Share {
    /// What every request holds, from its head to the end of its answer.
    Requests,
    /// A body that came in pieces and may be a token's, and answers that are larger than others.
    Bodies,
    /// A body in pieces that is larger than any token's: such bodies leave half of the share to the others.
    LargeBodies,
}

/// Bytes of each share.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Held {
    requests: usize,
    bodies: usize,
}

/// How long a newcomer keeps its place in any case: enough for a handshake and a token that is known, on a busy machine and in a crowd
/// of the API server's own connections: it makes as many as it has requests when it finds none.
const GRACE: Duration = Duration::from_secs(5);
/// What is left of that where as many wait as may: whoever has something to ask does so at once, and a crowd of those who do not
/// must not take longer to go round than an API server waits (30 s).
const LEAST_GRACE: Duration = Duration::from_millis(250);
/// How often whoever is next looks how many wait behind.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// All places of a server.
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    most: Held,
    counts: ServingCounts,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// What the requests of all places hold.
    held: Held,
    next: u64,
    /// By the order in which they came.
    places: BTreeMap<u64, Place>,
}

struct Place {
    /// What the requests of this one hold.
    held: Held,
    /// When its last request ended, or it came.
    used: Instant,
    since: Instant,
    standing: Arc<Standing>,
}

/// What a connection has shown of itself, and whether it has to end.
#[derive(Default)]
struct Standing {
    /// It brought a good token, or a client certificate.
    proven: AtomicBool,
    /// It brought a whole body.
    read: AtomicBool,
    give_way: Notify,
}

/// One connection, as long as any of its requests lives.
pub(super) struct Guest {
    places: Arc<Places>,
    number: u64,
    standing: Arc<Standing>,
}

/// The place of a connection. Dropped, it is free again: nobody waits for requests that outlive their connection.
pub(super) struct Seat {
    _place: Option<OwnedSemaphorePermit>,
}

/// What one request holds. Dropped, it is free again.
pub(super) struct Charge {
    guest: Arc<Guest>,
    held: Held,
}

/// Why a connection has to give way, in metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lack {
    /// All places are taken.
    Places,
    /// Requests hold as much memory as they may.
    Memory,
    /// The process may not open more files.
    Files,
}

impl Lack {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::Memory => "memory",
            Self::Files => "files",
        }
    }
}

impl Places {
    /// The places of a server with these limits.
    pub(super) fn new(limits: &HttpLimits, counts: ServingCounts) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limits.connections)),
            waiting: AtomicUsize::new(0),
            most_waiting: limits.waiting,
            most: Held { requests: limits.requests_share(), bodies: limits.bodies_share() },
            counts,
            taken: Mutex::default(),
        }
    }

    /// Notes how many connections wait for a place.
    pub(super) fn waiting(&self, connections: usize) {
        self.waiting.store(connections, Ordering::Relaxed);
    }

    /// Gives a connection a place, somebody else's if it must be. One waits here at a time.
    pub(super) async fn take(self: Arc<Self>) -> (Guest, Seat) {
        let mut free = pin!(Arc::clone(&self.free).acquire_owned());
        let place = loop {
            let until = self.next_due().min(Instant::now() + LOOK_AGAIN);
            match tokio::time::timeout_at(until, &mut free).await {
                Ok(place) => break place,
                Err(_) if self.next_due() > Instant::now() => {}
                Err(_) => {
                    self.give_way(Lack::Places);
                    // It is free when the task of the connection that gives way has ended.
                    break free.await;
                }
            }
        };
        let standing = Arc::<Standing>::default();
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        let since = Instant::now();
        let connection = Place { held: Held::default(), used: since, since, standing: Arc::clone(&standing) };
        taken.places.insert(number, connection);
        self.counts.open(taken.places.len());
        drop(taken);
        // Nobody ever closes the semaphore, and if it were closed, nobody would be counted.
        (Guest { places: self, number, standing }, Seat { _place: place.ok() })
    }

    /// When the next one may have to give way.
    fn next_due(&self) -> Instant {
        let taken = self.taken();
        let first = taken.first().and_then(|number| taken.places.get(&number));
        first.map_or_else(Instant::now, |place| place.since + self.grace())
    }

    fn grace(&self) -> Duration {
        let waiting = u32::try_from(self.waiting.load(Ordering::Relaxed).min(self.most_waiting)).unwrap_or(u32::MAX);
        let most = u32::try_from(self.most_waiting).unwrap_or(u32::MAX).max(1);
        (GRACE - GRACE * waiting / most).max(LEAST_GRACE)
    }

    /// Evicts one connection. For another's place it is always found; for a file, the only one there is stays.
    pub(super) fn give_way(&self, lack: Lack) {
        let mut taken = self.taken();
        let first = taken.first().filter(|_| lack == Lack::Places || taken.places.len() > 1);
        if let Some(number) = first {
            self.cut(&mut taken, number, lack);
        }
    }

    fn cut(&self, taken: &mut Taken, number: u64, lack: Lack) {
        if let Some(place) = taken.remove(number) {
            place.standing.give_way.notify_one();
            self.counts.cut(lack.as_str());
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Who has to give way first.
    fn first(&self) -> Option<u64> {
        let unproven = || self.places.iter().filter(|(_, place)| !place.is_proven());
        let idle = unproven().find(|(_, place)| place.held == Held::default());
        let first = idle.or_else(|| unproven().next());
        let first = first.or_else(|| self.places.iter().min_by_key(|(_, place)| place.used));
        first.map(|(number, _)| *number)
    }

    /// Which connection is evicted so that a request of `asking` has memory: an unproven one, one that brought no whole body
    /// before others, and then the one that holds most.
    ///
    /// One that has proven nothing itself displaces only what holds more than it. It is evicted for its own requests' bodies if it
    /// never brought a whole one, and another connection is there.
    fn evicted_for(&self, asking: u64, share: Share) -> Option<u64> {
        let asker = self.places.get(&asking)?;
        let may_go = |(number, place): &(&u64, &Place)| {
            let held = place.held.of(share);
            let gives_way = if **number == asking {
                share != Share::Requests && !place.has_read() && self.places.len() > 1
            } else {
                asker.is_proven() || held > asker.held.of(share)
            };
            held > 0 && !place.is_proven() && gives_way
        };
        let candidates = self.places.iter().filter(may_go);
        candidates.max_by_key(|(_, place)| (!place.has_read(), place.held.of(share))).map(|(number, _)| *number)
    }

    fn remove(&mut self, number: u64) -> Option<Place> {
        let place = self.places.remove(&number)?;
        self.held.give_back(place.held);
        Some(place)
    }
}

impl Place {
    fn is_proven(&self) -> bool {
        self.standing.proven.load(Ordering::Relaxed)
    }

    fn has_read(&self) -> bool {
        self.standing.read.load(Ordering::Relaxed)
    }
}

impl Held {
    const fn of(self, share: Share) -> usize {
        match share {
            Share::Requests => self.requests,
            Share::Bodies | Share::LargeBodies => self.bodies,
        }
    }

    /// The most that there may be for a request that asks for this.
    const fn limit(self, share: Share) -> usize {
        match share {
            Share::LargeBodies => self.bodies / 2,
            Share::Requests | Share::Bodies => self.of(share),
        }
    }

    const fn take(&mut self, share: Share, bytes: usize) {
        match share {
            Share::Requests => self.requests += bytes,
            Share::Bodies | Share::LargeBodies => self.bodies += bytes,
        }
    }

    const fn give_back(&mut self, held: Self) {
        self.requests -= held.requests;
        self.bodies -= held.bodies;
    }
}

impl Guest {
    /// Waits until the connection has to end, for another's sake.
    pub(super) async fn must_go(&self) {
        self.standing.give_way.notified().await;
    }

    /// The connection has proven itself.
    pub(super) fn prove(&self) {
        self.standing.proven.store(true, Ordering::Relaxed);
    }

    /// Takes the memory of a request that begins; `None` if there is none.
    pub(super) fn charge(self: &Arc<Self>) -> Option<Charge> {
        let mut charge = Charge { guest: Arc::clone(self), held: Held::default() };
        charge.grow(Share::Requests, REQUEST_BYTES).then_some(charge)
    }

    /// Gives back what one of its requests held. If the connection was evicted, all of it was given back then.
    fn give_back(&self, taken: &mut Taken, held: Held) {
        if let Some(place) = taken.places.get_mut(&self.number) {
            place.held.give_back(held);
            place.used = Instant::now();
            taken.held.give_back(held);
        }
    }
}

impl Charge {
    /// Takes more; false if there is no more, or the connection was evicted.
    pub(super) fn grow(&mut self, share: Share, bytes: usize) -> bool {
        let (places, number) = (&self.guest.places, self.guest.number);
        let mut taken = places.taken();
        while taken.places.contains_key(&number)
            && taken.held.of(share).saturating_add(bytes) > places.most.limit(share)
        {
            match taken.evicted_for(number, share) {
                Some(evicted) => places.cut(&mut taken, evicted, Lack::Memory),
                None => {
                    places.counts.shed();
                    return false;
                }
            }
        }
        let Some(place) = taken.places.get_mut(&number) else { return false };
        place.held.take(share, bytes);
        taken.held.take(share, bytes);
        self.held.take(share, bytes);
        true
    }

    /// The body was read and is gone: what it held is given back.
    pub(super) fn body_is_read(&mut self) {
        self.guest.standing.read.store(true, Ordering::Relaxed);
        let bodies = std::mem::take(&mut self.held.bodies);
        if bodies > 0 {
            self.guest.give_back(&mut self.guest.places.taken(), Held { requests: 0, bodies });
        }
    }

    /// The connection has proven itself.
    pub(super) fn prove(&self) {
        self.guest.prove();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.guest.give_back(&mut self.guest.places.taken(), self.held);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.remove(self.number);
        self.places.counts.open(taken.places.len());
    }
}

#[cfg(test)]
mod tests;
