//! Places for connections, and memory for what their requests hold: both are bounded, and nobody is kept out by whoever
//! holds them.
//!
//! When either is used up, a connection gives way. It is one of those that have not proven themselves: over which nobody was
//! let in yet, and no client certificate shown. Of these the idle go before the busy, and of each the first that came.
//! An API server's connection proves itself with its first good token, so that whoever holds connections, or requests on them,
//! has to come by a token of somebody who is mapped before it can stand in the API server's way. Everybody has five seconds to
//! do so, and less where many wait: newcomers take their turn.
//!
//! Where all have proven themselves, the place is that of the longest unused, and a request that finds no memory is turned
//! away (503): load is shed before memory grows.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::HttpLimits;
use crate::metrics::ServingCounts;

/// What a request takes beside its body: a task, a stream, its head, and what is on the way to its answer.
pub(super) const REQUEST_BYTES: usize = 4 * 1024;

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
    most_bytes: usize,
    counts: ServingCounts,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// What the requests of all places hold.
    bytes: usize,
    next: u64,
    /// By the order in which they came.
    places: BTreeMap<u64, Place>,
}

struct Place {
    /// What the requests of this one hold.
    bytes: usize,
    proven: bool,
    /// When its last request ended, or it came.
    used: Instant,
    since: Instant,
    give_way: Arc<Notify>,
}

/// One connection, as long as any of its requests lives.
pub(super) struct Guest {
    places: Arc<Places>,
    number: u64,
    give_way: Arc<Notify>,
}

/// The place of a connection. Dropped, it is free again: nobody waits for requests that outlive their connection.
pub(super) struct Seat {
    _place: Option<OwnedSemaphorePermit>,
}

/// What one request holds. Dropped, it is free again.
pub(super) struct Charge {
    guest: Arc<Guest>,
    bytes: usize,
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
            most_bytes: limits.request_bytes,
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
        let give_way = Arc::new(Notify::new());
        let mut taken = self.taken();
        let number = taken.next;
        taken.next += 1;
        let since = Instant::now();
        let connection = Place { bytes: 0, proven: false, used: since, since, give_way: Arc::clone(&give_way) };
        taken.places.insert(number, connection);
        self.counts.open(taken.places.len());
        drop(taken);
        // Nobody ever closes the semaphore, and if it were closed, nobody would be counted.
        (Guest { places: self, number, give_way }, Seat { _place: place.ok() })
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

    /// Lets one connection give way, if there is any.
    pub(super) fn give_way(&self, lack: Lack) {
        let mut taken = self.taken();
        if let Some(number) = taken.first() {
            self.cut(&mut taken, number, lack);
        }
    }

    fn cut(&self, taken: &mut Taken, number: u64, lack: Lack) {
        if let Some(place) = taken.remove(number) {
            place.give_way.notify_one();
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
        let unproven = || self.places.iter().filter(|(_, place)| !place.proven);
        let idle = unproven().find(|(_, place)| place.bytes == 0);
        let first = idle.or_else(|| unproven().next());
        let first = first.or_else(|| self.places.iter().min_by_key(|(_, place)| place.used));
        first.map(|(number, _)| *number)
    }

    fn remove(&mut self, number: u64) -> Option<Place> {
        let place = self.places.remove(&number)?;
        self.bytes -= place.bytes;
        Some(place)
    }
}

impl Guest {
    /// Waits until the connection has to end, for somebody else's sake.
    pub(super) async fn must_go(&self) {
        self.give_way.notified().await;
    }

    /// The connection has proven itself.
    pub(super) fn prove(&self) {
        if let Some(place) = self.places.taken().places.get_mut(&self.number) {
            place.proven = true;
        }
    }

    /// Takes the memory of a request that begins; `None` if there is none.
    pub(super) fn charge(self: &Arc<Self>) -> Option<Charge> {
        let mut charge = Charge { guest: Arc::clone(self), bytes: 0 };
        charge.grow(REQUEST_BYTES).then_some(charge)
    }
}

impl Charge {
    /// Takes more; false if there is no more, or the connection had to give way.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let places = &self.guest.places;
        let mut taken = places.taken();
        while taken.bytes.saturating_add(bytes) > places.most_bytes {
            let first = taken.places.iter().find(|(_, place)| !place.proven && place.bytes > 0);
            match first.map(|(number, _)| *number) {
                Some(number) => places.cut(&mut taken, number, Lack::Memory),
                None => {
                    places.counts.shed();
                    return false;
                }
            }
        }
        let Some(place) = taken.places.get_mut(&self.guest.number) else { return false };
        place.bytes += bytes;
        taken.bytes += bytes;
        self.bytes += bytes;
        true
    }

    /// The connection has proven itself.
    pub(super) fn prove(&self) {
        self.guest.prove();
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let mut taken = self.guest.places.taken();
        // If it had to give way, all of its memory was given back then.
        if let Some(place) = taken.places.get_mut(&self.guest.number) {
            place.bytes -= self.bytes;
            place.used = Instant::now();
            taken.bytes -= self.bytes;
        }
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
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn places(places: usize, bytes: usize) -> Arc<Places> {
        let limits = HttpLimits { connections: places, waiting: 8, request_bytes: bytes, ..HttpLimits::default() };
        Arc::new(Places::new(&limits, ServingCounts::default()))
    }

    async fn guests<const N: usize>(places: &Arc<Places>) -> ([Arc<Guest>; N], Vec<Seat>) {
        let (mut guests, mut seats) = (Vec::new(), Vec::new());
        for _ in 0..N {
            let (guest, seat) = Arc::clone(places).take().await;
            guests.push(Arc::new(guest));
            seats.push(seat);
        }
        (guests.try_into().ok().unwrap(), seats)
    }

    fn must_go(guest: &Guest) -> bool {
        guest.must_go().now_or_never().is_some()
    }

    /// Who has to go when one more comes, after their grace.
    async fn gone_for_one_more(places: &Arc<Places>, guests: &[Arc<Guest>], seats: Vec<Seat>) -> Vec<usize> {
        let mut newcomer = pin!(Arc::clone(places).take());
        assert!(tokio::time::timeout(GRACE / 2, &mut newcomer).await.is_err());
        assert!(!guests.iter().any(|guest| must_go(guest)), "each has its grace");
        assert!(tokio::time::timeout(GRACE, &mut newcomer).await.is_err());
        let gone = (0..guests.len()).filter(|number| must_go(&guests[*number])).collect();
        drop(seats);
        newcomer.await;
        gone
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_gets_the_place_of_the_first_over_which_nobody_was_let_in_the_idle_before_the_busy() {
        for (busy, gone) in [(&[][..], 1), (&[1], 2), (&[1, 2], 1)] {
            let places = places(3, 4 * REQUEST_BYTES);
            let (guests, seats) = guests::<3>(&places).await;
            guests[0].prove();
            let charges: Vec<_> = busy.iter().map(|number: &usize| guests[*number].charge().unwrap()).collect();
            assert_eq!(gone_for_one_more(&places, &guests, seats).await, [gone], "{busy:?}");
            drop(charges);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_have_proven_themselves_the_place_is_that_of_the_longest_unused() {
        let places = places(3, REQUEST_BYTES);
        let (all, seats) = guests(&places).await;
        let [first, second, third] = &all;
        for guest in [first, third, second, first] {
            guest.prove();
            tokio::time::advance(Duration::from_millis(1)).await;
            drop(guest.charge().unwrap());
        }
        assert_eq!(gone_for_one_more(&places, &all, seats).await, [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_wait_the_shorter_is_the_grace() {
        for (waiting, grace) in [(0, GRACE), (4, GRACE / 2), (8, LEAST_GRACE), (100, LEAST_GRACE)] {
            let places = places(1, REQUEST_BYTES);
            let ([guest], seats) = guests(&places).await;
            let mut newcomer = pin!(Arc::clone(&places).take());
            // It waits already when the others come.
            assert!(tokio::time::timeout(Duration::from_millis(1), &mut newcomer).await.is_err());
            places.waiting(waiting);
            assert!(tokio::time::timeout(grace - Duration::from_millis(2), &mut newcomer).await.is_err());
            assert!(!must_go(&guest), "{waiting}");
            assert!(tokio::time::timeout(2 * LOOK_AGAIN, &mut newcomer).await.is_err());
            assert!(must_go(&guest), "{waiting}");
            drop(seats);
            newcomer.await;
        }
    }

    #[tokio::test]
    async fn memory_is_taken_from_whoever_has_proven_nothing_and_holds_some() {
        let places = places(4, 4 * REQUEST_BYTES);
        let ([api_server, idle, slow, other], _seats) = guests(&places).await;
        api_server.prove();
        let mut held: Vec<_> = [&api_server, &slow, &slow, &other].map(|guest| guest.charge().unwrap()).into();
        held.push(api_server.charge().expect("the slow one gives way"));
        assert_eq!([&api_server, &idle, &slow, &other].map(|guest| must_go(guest)), [false, false, true, false]);
        assert!(slow.charge().is_none(), "it has no place any more");
        // What it gives back was given back already.
        held.drain(1..3);
        assert_eq!(places.taken().bytes, 3 * REQUEST_BYTES);
        drop(held);
        assert_eq!(places.taken().bytes, 0);
    }

    #[tokio::test]
    async fn a_request_is_turned_away_where_all_have_proven_themselves() {
        let places = places(1, 2 * REQUEST_BYTES);
        let ([guest], _seats) = guests(&places).await;
        guest.prove();
        let (first, mut second) = (guest.charge().unwrap(), guest.charge().unwrap());
        assert!(guest.charge().is_none() && !second.grow(1));
        assert!(!must_go(&guest));
        drop(first);
        assert!(second.grow(1));
    }

    #[tokio::test]
    async fn whoever_holds_all_of_the_memory_alone_gives_way_itself() {
        let places = places(1, REQUEST_BYTES);
        let ([guest], seats) = guests(&places).await;
        let mut charge = guest.charge().unwrap();
        assert!(!charge.grow(1));
        assert!(must_go(&guest));
        drop((charge, guest, seats));
        assert_eq!(places.taken().bytes, 0);
        assert!(places.taken().places.is_empty());
        assert!(Arc::new(Arc::clone(&places).take().await.0).charge().is_some());
    }
}
