//! The share of memory and streams that unknown callers may hold while they wait for STS.
//!
//! Only STS can tell a forged token from a real one, so anyone can make requests that wait for it. They wait on memory of their own:
//! when it is full, one more is shed at once, and known callers are not affected. Those who wait for one host leave room for
//! those of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much unknown callers may hold while they wait for STS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownLimits {
    /// The most bytes of their requests and of the calls about them.
    pub bytes: usize,
    /// The most requests: well below the streams that one connection may have, so that known callers find one.
    pub requests: usize,
}

impl Default for UnknownLimits {
    fn default() -> Self {
        Self { bytes: 4 * 1024 * 1024, requests: 1024 }
    }
}

/// The callers of one host may hold so many times the bytes that are free: three quarters of the share if there is no other.
const OF_ONE_HOST: usize = 3;

/// The share of all unknown callers. Clones are the same share.
#[derive(Clone, Debug)]
pub(super) struct UnknownShare {
    limits: UnknownLimits,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: Amount,
    of_host: HashMap<&'static str, Amount>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Amount {
    bytes: usize,
    requests: usize,
}

/// What one request of an unknown caller holds. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Reservation {
    share: UnknownShare,
    host: &'static str,
    bytes: usize,
}

impl UnknownShare {
    /// A share of this size, of which nothing is taken.
    pub(super) fn new(limits: UnknownLimits) -> Self {
        Self { limits, held: Arc::default() }
    }

    /// Takes so many bytes for one request that waits for this host; `None` if there is no room.
    pub(super) fn reserve(&self, host: &'static str, bytes: usize) -> Option<Reservation> {
        let mut held = self.held();
        let all = held.all.and(bytes);
        let of_host = held.of_host.get(host).copied().unwrap_or_default().and(bytes);
        let free = self.limits.bytes.checked_sub(all.bytes)?;
        if of_host.bytes > free.saturating_mul(OF_ONE_HOST) || all.requests > self.limits.requests {
            return None;
        }
        held.all = all;
        held.of_host.insert(host, of_host);
        Some(Reservation { share: self.clone(), host, bytes })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Amount {
    const fn and(self, bytes: usize) -> Self {
        Self { bytes: self.bytes.saturating_add(bytes), requests: self.requests + 1 }
    }

    const fn without(self, bytes: usize) -> Self {
        Self { bytes: self.bytes - bytes, requests: self.requests - 1 }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut held = self.share.held();
        held.all = held.all.without(self.bytes);
        if let Some(of_host) = held.of_host.get_mut(self.host) {
            *of_host = of_host.without(self.bytes);
            if of_host.requests == 0 {
                held.of_host.remove(self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "sts.us-west-2.amazonaws.com";
    const OTHER: &str = "sts.eu-west-1.amazonaws.com";

    #[test]
    fn a_share_is_bounded_in_bytes_and_in_requests() {
        let share = UnknownShare::new(UnknownLimits { bytes: 100, requests: 3 });
        let large = share.reserve(HOST, 70).unwrap();
        assert!(share.reserve(HOST, 6).is_none(), "it would hold more than three quarters");
        let small = share.reserve(HOST, 5).unwrap();
        drop(large);
        let others = [share.reserve(HOST, 1).unwrap(), share.reserve(HOST, 1).unwrap()];
        assert!(share.reserve(HOST, 1).is_none(), "three requests wait");
        drop((small, others));
        assert_eq!(share.held().all, Amount::default());
        assert!(share.held().of_host.is_empty());
        assert!(share.reserve(HOST, 75).is_some(), "what was refused took nothing");
    }

    #[test]
    fn those_who_wait_for_one_host_leave_room_for_those_of_another() {
        let share = UnknownShare::new(UnknownLimits { bytes: 100, requests: 100 });
        let _dead = share.reserve(HOST, 75).unwrap();
        let _healthy = share.reserve(OTHER, 17).unwrap();
        assert!(share.reserve(HOST, 1).is_none());
        assert!(share.reserve(OTHER, 1).is_some(), "a host that holds less may have more of what is left");
    }
}
