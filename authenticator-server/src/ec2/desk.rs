//! Where tasks wait for what EC2 knows of an instance.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mapping::InstanceId;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Outage;
use super::answer::Found;
use super::batch::{Batch, BatchLimits, Batcher, Next, Outcome};

/// Asks EC2, once for all who ask at about the same time.
#[derive(Debug)]
pub(super) struct Desk {
    shared: Arc<Shared>,
    pacer: AbortHandle,
}

/// What EC2 knows of an instance. If its description cannot be understood, that is an outage.
pub(super) type Known = Result<Arc<Found>, Outage>;

/// Asks EC2 one question.
pub(super) type Ask = dyn Fn(Batch) -> Pin<Box<dyn Future<Output = Outcome<Known, Outage>> + Send>> + Send + Sync;

type Waiter = oneshot::Sender<Result<Option<Known>, Outage>>;

struct Shared {
    batcher: Mutex<Batcher<Waiter, Outage>>,
    changed: Notify,
    ask: Box<Ask>,
}

impl Desk {
    /// A desk that asks by `ask`. Must be made on a runtime: a task of its own asks in time.
    pub(super) fn new(limits: BatchLimits, ask: Box<Ask>) -> Self {
        let batcher = Mutex::new(Batcher::new(limits, Outage::Answer, Instant::now()));
        let shared = Arc::new(Shared { batcher, changed: Notify::new(), ask });
        let pacer = tokio::spawn(Arc::clone(&shared).pace()).abort_handle();
        Self { shared, pacer }
    }

    /// What EC2 knows of the instance; `None` if it knows none of that id.
    pub(super) async fn ask(
        &self,
        id: &InstanceId,
        role: &Arc<str>,
        deadline: Instant,
    ) -> Result<Option<Arc<Found>>, Outage> {
        let (sender, answer) = oneshot::channel();
        let entered = self.shared.batcher().enter(id, role, sender, Instant::now(), waits);
        entered.map_err(|_| Outage::Overloaded)?;
        self.shared.changed.notify_one();
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer?.transpose(),
            // It is asked again and again until nobody waits: the last thing that went wrong is why nobody knows.
            Ok(Err(_)) | Err(_) => Err(self.shared.batcher().trouble().copied().unwrap_or(Outage::TimedOut)),
        }
    }

    /// How many instances wait to be asked about.
    pub(super) fn waiting(&self) -> usize {
        self.shared.batcher().waiting()
    }
}

/// Whoever asked still waits for the answer.
fn waits(waiter: &Waiter) -> bool {
    !waiter.is_closed()
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.pacer.abort();
    }
}

impl Shared {
    fn batcher(&self) -> MutexGuard<'_, Batcher<Waiter, Outage>> {
        self.batcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pace(self: Arc<Self>) {
        loop {
            let next = self.batcher().next(Instant::now(), waits);
            match next {
                Next::Ask(batch) => {
                    tokio::spawn(Arc::clone(&self).carry(batch));
                }
                Next::At(at) => {
                    let _ = tokio::time::timeout_at(at, self.changed.notified()).await;
                }
                Next::Idle => self.changed.notified().await,
            }
        }
    }

    /// Asks, and tells whoever waits.
    async fn carry(self: Arc<Self>, batch: Batch) {
        // A task of its own: should it panic, those who wait are not forgotten.
        let outcome = tokio::spawn((self.ask)(batch.clone())).await;
        let outcome = outcome.unwrap_or(Outcome::Unheard(Outage::Answer));
        let told = self.batcher().finish(batch, outcome, Instant::now(), chance(), waits);
        for (waiter, answer) in told {
            // Whoever does not wait any more need not know.
            let _ = waiter.send(answer);
        }
        self.changed.notify_one();
    }
}

/// From 0 to 1. The standard library's source of chance is enough to keep servers from asking together.
pub(super) fn chance() -> f64 {
    let digits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or_default();
    f64::from(digits) / f64::from(u32::MAX)
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// What is found by id, from what is on a page.
pub(super) fn known(found: HashMap<InstanceId, Option<Found>>) -> HashMap<InstanceId, Known> {
    found.into_iter().map(|(id, found)| (id, found.map(Arc::new).ok_or(Outage::Answer))).collect()
}
