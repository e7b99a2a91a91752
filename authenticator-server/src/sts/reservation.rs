//! The share of memory and streams that unknown callers may hold while they wait for STS.
//!
//! Only STS can tell a forged token from a real one, so anyone can make requests that wait for it. They wait on memory of their own:
//! when it is full, one more is shed at once, and known callers are not affected.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// The share of all unknown callers.
#[derive(Debug)]
pub(super) struct UnknownShare {
    bytes: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

/// What one request of an unknown caller holds. Dropped, it is free again.
#[derive(Debug)]
pub(super) struct Reservation {
    _bytes: OwnedSemaphorePermit,
    _request: OwnedSemaphorePermit,
}

impl UnknownShare {
    /// A share of this size, of which nothing is taken.
    pub(super) fn new(limits: UnknownLimits) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { bytes: semaphore(limits.bytes), requests: semaphore(limits.requests) }
    }

    /// Takes so many bytes for one request; `None` if the share is full.
    pub(super) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        let bytes = u32::try_from(bytes).ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()?;
        Some(Reservation { _bytes: bytes, _request: request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_bounded_in_bytes_and_in_requests() {
        let share = UnknownShare::new(UnknownLimits { bytes: 10, requests: 2 });
        let large = share.reserve(9).unwrap();
        assert!(share.reserve(2).is_none(), "there is one byte left");
        let small = share.reserve(1).unwrap();
        drop(large);
        let other = share.reserve(1).unwrap();
        assert!(share.reserve(1).is_none(), "two requests wait");
        drop((small, other));
        assert!(share.reserve(10).is_some(), "what was refused took nothing");
    }
}
