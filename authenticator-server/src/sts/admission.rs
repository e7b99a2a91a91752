//! The gate to STS, for tasks: they wait here until it is their turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Outage;
use super::gate::{Gate, GateLimits, GateLoad, Line, Next, Outcome, Pass, Refused};

/// Lets tasks through to STS, a few at a time.
#[derive(Debug)]
pub(super) struct Admission {
    shared: Arc<Shared>,
    pacer: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    gate: Mutex<Gate<Waiting>>,
    changed: Notify,
}

/// Whoever waits for a turn, or for the word that there is none.
type Waiting = oneshot::Sender<Result<Permit, Outage>>;

/// The right to call STS once. Dropped without a word it counts as a call that was not waited for.
#[derive(Debug)]
pub(super) struct Permit {
    shared: Arc<Shared>,
    pass: Pass,
    outcome: Outcome,
}

/// Why a call is not let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shed {
    /// This was full: a line, or all turns until the deadline.
    Full(&'static str),
    /// Its host cannot be heard, and others try whether it can again.
    Unreachable(Outage),
}

impl Shed {
    /// Its name in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Full(what) => what,
            Self::Unreachable(_) => "host",
        }
    }
}

impl Admission {
    /// A gate with these limits. Must be made on a runtime: a task of its own lets the waiting through in time.
    pub(super) fn new(limits: GateLimits) -> Self {
        let gate = Mutex::new(Gate::new(limits));
        let shared = Arc::new(Shared { gate, changed: Notify::new() });
        let pacer = tokio::spawn(Arc::clone(&shared).pace()).abort_handle();
        Self { shared, pacer }
    }

    /// Waits for its turn to call this host.
    pub(super) async fn enter(&self, host: &'static str, line: Line, deadline: Instant) -> Result<Permit, Shed> {
        let (sender, turn) = oneshot::channel();
        let full = Shed::Full(line.name());
        let entered = self.shared.gate().enter(host, line, sender, Instant::now(), waits);
        entered.map_err(|refused| match refused {
            Refused::Full => full,
            Refused::Unreachable(outage) => Shed::Unreachable(outage),
        })?;
        self.shared.changed.notify_one();
        match tokio::time::timeout_at(deadline, turn).await {
            Ok(Ok(told)) => told.map_err(Shed::Unreachable),
            // A turn that never comes, because the gate is gone, comes too late as well.
            Ok(Err(_)) | Err(_) => Err(Shed::Full("turn")),
        }
    }

    /// How busy it is.
    pub(super) fn load(&self) -> GateLoad {
        self.shared.gate().load(Instant::now())
    }
}

/// Whether whoever asked still waits for the answer.
fn waits(call: &Waiting) -> bool {
    !call.is_closed()
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.pacer.abort();
    }
}

impl Shared {
    fn gate(&self) -> MutexGuard<'_, Gate<Waiting>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pace(self: Arc<Self>) {
        loop {
            match self.let_through() {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, self.changed.notified()).await;
                }
                None => self.changed.notified().await,
            }
        }
    }

    /// Lets through all who may call now; says when the next may, if it is only a matter of time.
    fn let_through(self: &Arc<Self>) -> Option<Instant> {
        loop {
            // A permit locks the gate when it is dropped, so the lock is not held while one is sent.
            let next = self.gate().next(Instant::now(), waits);
            match next {
                Next::Start(waiting, pass) => {
                    let permit = Permit { shared: Arc::clone(self), pass, outcome: Outcome::GivenUp };
                    // Whoever does not wait any more gives it back by dropping it.
                    let _ = waiting.send(Ok(permit));
                }
                Next::Refuse(waiting, outage) => {
                    let _ = waiting.send(Err(outage));
                }
                Next::At(at) => return Some(at),
                Next::Idle => return None,
            }
        }
    }
}

impl Permit {
    /// Says what became of the call.
    pub(super) fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.gate().finish(&self.pass, self.outcome, Instant::now());
        self.shared.changed.notify_one();
    }
}
