//! Where audit lines go: a file, by way of a queue that never makes anybody wait.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Record;
use crate::lines::{LineWriter, Sink};
use crate::metrics::LineCounts;

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
    /// Standard output cannot be written to.
    #[error("cannot write the audit log to standard output (--audit-log)")]
    Stdout(#[source] io::Error),
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes the audit log")]
    Thread(#[source] io::Error),
}

/// Takes lines, and sees to it that they are written. Dropped, it writes what it has taken.
#[derive(Debug)]
pub struct AuditLog {
    lines: LineWriter,
    reopen: Arc<AtomicBool>,
}

impl AuditLog {
    /// Begins to write to `target`.
    ///
    /// # Errors
    /// When its file cannot be opened: whoever wants an audit log wants to know at once that there is none.
    pub fn open(target: AuditTarget, counts: LineCounts) -> Result<Self, OpenError> {
        let output = match &target {
            // Its own descriptor, past the buffer of the standard library: what was written is known to the byte.
            AuditTarget::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned().map_err(OpenError::Stdout)?),
            AuditTarget::File(path) => append(path).map_err(|source| OpenError::File { path: path.clone(), source })?,
        };
        let reopen = Arc::new(AtomicBool::new(false));
        let sink = Output { target, file: output, reopen: Arc::clone(&reopen) };
        let lines = LineWriter::start("audit", sink, counts).map_err(OpenError::Thread)?;
        Ok(Self { lines, reopen })
    }

    /// Takes the line of a decision, or counts it as lost when too many wait to be written. What lets somebody in is lost last.
    pub fn record(&self, record: &Record<'_>) {
        if self.lines.push(record.rank(), record.line()) {
            tracing::error!("the audit log is not written as fast as lines come: some are lost");
        }
    }

    /// Opens the file anew before the next line is written: whoever keeps logs has moved it away.
    pub fn reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }

    /// Writes what it has taken, if that takes no more than two seconds, and takes no more.
    pub fn finish(&self) {
        self.lines.finish();
    }
}

/// Where the thread writes.
struct Output {
    target: AuditTarget,
    file: File,
    reopen: Arc<AtomicBool>,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Output {
    fn prepare(&mut self) {
        let AuditTarget::File(path) = &self.target else { return };
        if !self.reopen.swap(false, Ordering::Acquire) {
            return;
        }
        match append(path) {
            Ok(file) => {
                self.file = file;
                tracing::info!(path = %path.display(), "the audit log was opened anew");
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot open the audit log anew: going on with the old file");
            }
        }
    }

    fn fails(&self, error: &io::Error) {
        tracing::error!(%error, "the audit log cannot be written: lines are lost, logins go on");
    }

    fn recovers(&self, lost: u64) {
        tracing::warn!(lost, "the audit log is written again");
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::lines::Rank;
    use crate::metrics::Metrics;

    fn open(path: &Path) -> (AuditLog, Metrics) {
        let metrics = Metrics::default();
        (AuditLog::open(AuditTarget::File(path.to_owned()), metrics.audit.clone()).unwrap(), metrics)
    }

    fn write(log: &AuditLog, line: &[u8]) {
        log.lines.push(Rank::Refusal, line.to_vec());
    }

    #[test]
    fn lines_are_added_to_the_end_of_a_file_of_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        for line in [b"one\n", b"two\n"] {
            let (log, _) = open(&path);
            write(&log, line);
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
        write(&log, b"one\n");
        while !metrics
            .exposition(Vec::new())
            .text(crate::metrics::MetricsFormat::PrometheusText)
            .contains("authenticator_server_audit_lines_total 1")
        {
            std::thread::yield_now();
        }
        fs::rename(&path, &moved).unwrap();
        log.reopen();
        write(&log, b"two\n");
        drop(log);
        assert_eq!(fs::read_to_string(&moved).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let (log, metrics) = open(Path::new("/dev/full"));
        for _ in 0..3 {
            write(&log, b"line\n");
        }
        drop(log);
        let text = metrics.exposition(Vec::new()).text(crate::metrics::MetricsFormat::PrometheusText);
        assert!(text.contains("authenticator_server_audit_lost_total{why=\"write_failed\"} 3"), "{text}");
        assert!(text.contains("authenticator_server_audit_lines_total 0"), "{text}");
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
        let error = AuditLog::open(target, LineCounts::default()).unwrap_err().to_string();
        assert_eq!(error, "cannot open the audit log /absent/audit.log (--audit-log)");
    }
}
