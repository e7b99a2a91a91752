//! Lines of a log on their way out: a bounded queue that makes nobody wait, and a thread that writes.
//!
//! Whoever reads a log may be slow, stuck or gone, and a disk may be full. That costs lines, which are counted and told of when
//! lines are written again; it costs no answer. When the queue is full, lines of lower [`Rank`] go first.

mod queue;

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use self::queue::Rank;
use self::queue::{Batch, Queue};
use crate::metrics::LineCounts;

/// Where lines go: writes to it must not be buffered.
pub(crate) trait Sink: Write + Send + 'static {
    /// Is called before lines are written.
    fn prepare(&mut self) {}

    /// Lines begin to be lost because they cannot be written.
    fn fails(&self, error: &io::Error);

    /// So many were lost, for whatever reason, and lines are written again.
    fn recovers(&self, lost: u64);
}

/// Takes lines, and sees to it that they are written.
#[derive(Debug)]
pub(crate) struct LineWriter {
    shared: Arc<Shared>,
    counts: LineCounts,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is a line, or there will be none.
    more: Condvar,
    /// All is written.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// The thread waits for a line: it must be woken.
    is_waiting: bool,
    is_closed: bool,
    is_done: bool,
    /// Lines that were lost and not told of.
    lost: u64,
}

impl LineWriter {
    /// Begins to write to `sink`, by a thread of this name.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(name: &str, sink: impl Sink, counts: LineCounts) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let pen = Pen { sink, torn: false, failing: false, told: None, counts: counts.clone(), shared: shared.clone() };
        thread::Builder::new().name(name.to_owned()).spawn(move || pen.write_all())?;
        Ok(Self { shared, counts })
    }

    /// Takes a line, with its end. Says whether it is the first for which one is lost since lines were last written as they came.
    pub(crate) fn push(&self, rank: Rank, line: Vec<u8>) -> bool {
        let mut state = self.shared.lock();
        let lost = state.queue.push(rank, line);
        let begins = lost > 0 && state.lost == 0;
        state.lost += lost;
        let wakes = std::mem::take(&mut state.is_waiting);
        drop(state);
        if wakes {
            self.shared.more.notify_one();
        }
        if lost > 0 {
            self.counts.lost("queue_full", lost);
        }
        begins
    }

    /// Writes what was taken, if that takes no more than two seconds: a pipe that nobody reads must not keep the process.
    pub(crate) fn finish(&self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.is_waiting = false;
        self.shared.more.notify_one();
        let _ = self.shared.done.wait_timeout_while(state, LAST_LINES, |state| !state.is_done);
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread has.
struct Pen<S> {
    sink: S,
    /// The last line may have been written in part.
    torn: bool,
    failing: bool,
    /// When it was last told that lines were lost.
    told: Option<Instant>,
    counts: LineCounts,
    shared: Arc<Shared>,
}

impl<S: Sink> Pen<S> {
    fn write_all(mut self) {
        let mut batch = Batch::default();
        while self.next(&mut batch) {
            self.sink.prepare();
            self.write(&batch);
        }
    }

    /// Waits for lines; false when all are written.
    fn next(&self, batch: &mut Batch) -> bool {
        let mut state = self.shared.lock();
        while state.queue.is_empty() {
            if state.is_closed {
                state.is_done = true;
                self.shared.done.notify_all();
                return false;
            }
            state.is_waiting = true;
            state = self.shared.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_waiting = false;
        state.queue.take(batch);
        true
    }

    /// Writes as many lines as can be. One that cannot costs itself and no other.
    fn write(&mut self, batch: &Batch) {
        let mut begin = 0;
        while let Some(rest) = batch.bytes.get(begin..).filter(|rest| !rest.is_empty()) {
            let (written, result) = self.write_some(rest);
            let reached = begin + written;
            let whole = batch.ends.iter().filter(|end| (begin + 1..=reached).contains(end)).count();
            self.counts.written(u64::try_from(whole).unwrap_or(u64::MAX));
            let Err(error) = result else { return self.recover() };
            self.counts.lost("write_failed", 1);
            self.torn |= reached > 0 && !batch.ends.contains(&reached);
            begin = batch.ends.iter().copied().find(|end| *end > reached).unwrap_or(batch.bytes.len());
            self.shared.lock().lost += 1;
            if !std::mem::replace(&mut self.failing, true) {
                self.sink.fails(&error);
            }
        }
    }

    /// Writes until all is written or something is wrong; says how many bytes were.
    fn write_some(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        if self.torn {
            match self.sink.write_all(b"\n") {
                Ok(()) => self.torn = false,
                Err(error) => return (0, Err(error)),
            }
        }
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.sink.write(rest) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made the pipe or terminal so: this thread may wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(BLOCKED),
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }

    /// Lines are written: tells how many were not, once it has caught up, and now and then while it cannot.
    fn recover(&mut self) {
        self.failing = false;
        let mut state = self.shared.lock();
        if state.lost == 0 || (!state.queue.is_empty() && self.told.is_some_and(|told| told.elapsed() < TELL_EVERY)) {
            return;
        }
        let lost = std::mem::take(&mut state.lost);
        drop(state);
        self.told = Some(Instant::now());
        self.sink.recovers(lost);
    }
}

/// How long the end of the process waits for lines that were taken.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How often it is told that lines are lost, while they are.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long something that does not take more now is left alone.
const BLOCKED: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
