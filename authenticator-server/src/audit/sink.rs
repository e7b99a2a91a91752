//! Where audit lines go: a thread that writes, and a queue in front of it that never makes anybody wait.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::metrics::AuditCounts;

/// Where the audit log goes: a file, or standard output for `-`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditTarget {
    /// Standard output.
    Stdout,
    /// A file, to whose end lines are added. It is made if it is not there, for its owner alone.
    File(PathBuf),
}

impl FromStr for AuditTarget {
    type Err = EmptyTarget;

    fn from_str(text: &str) -> Result<Self, EmptyTarget> {
        match text {
            "" => Err(EmptyTarget),
            "-" => Ok(Self::Stdout),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// A text that names neither a file nor standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the path of a file, or - for standard output")]
pub struct EmptyTarget;

/// The audit log cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file cannot be opened.
    #[error("cannot open the audit log {path} (--audit-log)", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes the audit log")]
    Thread(#[source] io::Error),
}

/// Takes lines, and sees to it that they are written. Dropped, it writes what it has taken.
#[derive(Debug)]
pub struct AuditLog {
    lines: Option<SyncSender<Vec<u8>>>,
    counts: AuditCounts,
    overflowing: AtomicBool,
    reopen: Arc<AtomicBool>,
    writer: JoinHandle<()>,
}

impl AuditLog {
    /// Begins to write to `target`.
    ///
    /// # Errors
    /// When its file cannot be opened: whoever wants an audit log wants to know at once that there is none.
    pub fn open(target: AuditTarget, counts: AuditCounts) -> Result<Self, OpenError> {
        let output: Box<dyn Write + Send> = match &target {
            AuditTarget::Stdout => Box::new(io::stdout()),
            AuditTarget::File(path) => {
                Box::new(append(path).map_err(|source| OpenError::File { path: path.clone(), source })?)
            }
        };
        let (lines, taken) = sync_channel(QUEUE);
        let reopen = Arc::new(AtomicBool::new(false));
        let sink = Sink { target, output, torn: false, failing: false, counts: counts.clone(), reopen: reopen.clone() };
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn(move || sink.write_all_of(&taken));
        let writer = writer.map_err(OpenError::Thread)?;
        Ok(Self { lines: Some(lines), counts, overflowing: AtomicBool::new(false), reopen, writer })
    }

    /// Takes a line to be written, or counts it as lost when too many wait to be.
    pub fn record(&self, line: Vec<u8>) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(line) {
            Ok(()) => self.overflowing.store(false, Ordering::Relaxed),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.counts.lost("queue_full");
                if !self.overflowing.swap(true, Ordering::Relaxed) {
                    tracing::error!("the audit log is not written as fast as lines come: some are lost");
                }
            }
        }
    }

    /// Opens the file anew before the next line is written: whoever keeps logs has moved it away.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        drop(self.lines.take());
        // It ends with the last line, unless nobody reads its pipe: then those lines are lost, and the process still ends.
        let deadline = Instant::now() + LAST_LINES;
        while !self.writer.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What the thread has.
struct Sink {
    target: AuditTarget,
    output: Box<dyn Write + Send>,
    /// The last line may have been written in part.
    torn: bool,
    failing: bool,
    counts: AuditCounts,
    reopen: Arc<AtomicBool>,
}

impl Sink {
    fn write_all_of(mut self, lines: &Receiver<Vec<u8>>) {
        for line in lines {
            if self.reopen.swap(false, Ordering::Acquire) {
                self.open_anew();
            }
            match self.write(&line) {
                Ok(()) => {
                    self.counts.written();
                    if std::mem::take(&mut self.failing) {
                        tracing::warn!("the audit log is written again");
                    }
                }
                Err(error) => {
                    self.torn = true;
                    self.counts.lost("write_failed");
                    if !std::mem::replace(&mut self.failing, true) {
                        tracing::error!(%error, "the audit log cannot be written: lines are lost, logins go on");
                    }
                }
            }
        }
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.output.write_all(b"\n")?;
            self.torn = false;
        }
        self.output.write_all(line)?;
        self.output.flush()
    }

    fn open_anew(&mut self) {
        let AuditTarget::File(path) = &self.target else { return };
        match append(path) {
            Ok(file) => {
                self.output = Box::new(file);
                self.torn = false;
                tracing::info!(path = %path.display(), "the audit log was opened anew");
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot open the audit log anew: going on with the old file");
            }
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// How long the end of the process waits for lines that were taken.
const LAST_LINES: Duration = Duration::from_secs(2);

/// A second of a flood, in about a megabyte.
const QUEUE: usize = 2048;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::metrics::Metrics;

    fn open(path: &Path) -> (AuditLog, Metrics) {
        let metrics = Metrics::default();
        (AuditLog::open(AuditTarget::File(path.to_owned()), metrics.audit.clone()).unwrap(), metrics)
    }

    #[test]
    fn lines_are_added_to_the_end_of_a_file_of_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        for line in [b"one\n", b"two\n"] {
            let (log, _) = open(&path);
            log.record(line.to_vec());
            drop(log);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_anew_when_it_is_opened_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("audit.log"), dir.path().join("audit.log.1"));
        let (log, metrics) = open(&path);
        log.record(b"one\n".to_vec());
        while !metrics
            .exposition(Vec::new())
            .text(crate::metrics::MetricsFormat::PrometheusText)
            .contains("authenticator_server_audit_lines_total 1")
        {
            std::thread::yield_now();
        }
        fs::rename(&path, &moved).unwrap();
        log.reopen();
        log.record(b"two\n".to_vec());
        drop(log);
        assert_eq!(fs::read_to_string(&moved).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let (log, metrics) = open(Path::new("/dev/full"));
        for _ in 0..3 {
            log.record(b"line\n".to_vec());
        }
        drop(log);
        let text = metrics.exposition(Vec::new()).text(crate::metrics::MetricsFormat::PrometheusText);
        assert!(text.contains("authenticator_server_audit_lost_total{why=\"write_failed\"} 3"), "{text}");
        assert!(text.contains("authenticator_server_audit_lines_total 0"), "{text}");
    }

    #[test]
    fn a_line_that_was_torn_does_not_spoil_the_next() {
        /// Takes two bytes, then has no room once.
        struct Torn(Arc<std::sync::Mutex<Vec<u8>>>, u32);
        impl Write for Torn {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1 += 1;
                if self.1 == 2 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let taken = if self.1 == 1 { 2 } else { bytes.len() };
                self.0.lock().unwrap().extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::default();
        let sink = Sink {
            target: AuditTarget::Stdout,
            output: Box::new(Torn(Arc::clone(&written), 0)),
            torn: false,
            failing: false,
            counts: AuditCounts::default(),
            reopen: Arc::default(),
        };
        let (lines, taken) = sync_channel(2);
        lines.send(b"{\"a\":1}\n".to_vec()).unwrap();
        lines.send(b"{\"b\":2}\n".to_vec()).unwrap();
        drop(lines);
        sink.write_all_of(&taken);
        assert_eq!(String::from_utf8(written.lock().unwrap().clone()).unwrap(), "{\"\n{\"b\":2}\n");
    }

    #[test]
    fn a_target_is_a_path_or_a_hyphen() {
        assert_eq!("-".parse(), Ok(AuditTarget::Stdout));
        assert_eq!("/var/log/a".parse(), Ok(AuditTarget::File("/var/log/a".into())));
        assert_eq!("".parse::<AuditTarget>(), Err(EmptyTarget));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let target = AuditTarget::File("/absent/audit.log".into());
        let error = AuditLog::open(target, AuditCounts::default()).unwrap_err().to_string();
        assert_eq!(error, "cannot open the audit log /absent/audit.log (--audit-log)");
    }
}
