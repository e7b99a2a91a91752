use std::sync::mpsc;

use super::*;
use crate::metrics::{Metrics, MetricsFormat};

/// What a test has of a sink: each write waits for its word, and is answered by it.
struct Script {
    words: mpsc::Receiver<io::Result<usize>>,
    written: Arc<Mutex<Vec<u8>>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // All is taken when there is no word any more.
        let taken = self.words.recv().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
        self.written.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Script {
    fn fails(&self, error: &io::Error) {
        self.told.lock().unwrap().push(error.kind().to_string());
    }

    fn recovers(&self, lost: u64) {
        self.told.lock().unwrap().push(format!("{lost} lost"));
    }
}

struct Scene {
    writer: LineWriter,
    metrics: Metrics,
    words: mpsc::Sender<io::Result<usize>>,
    written: Arc<Mutex<Vec<u8>>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new() -> Self {
        let (words, heard) = mpsc::channel();
        let (written, told, metrics) = (Arc::default(), Arc::default(), Metrics::default());
        let script = Script { words: heard, written: Arc::clone(&written), told: Arc::clone(&told) };
        let writer = LineWriter::start("test", script, metrics.audit.clone()).unwrap();
        Self { writer, metrics, words, written, told }
    }

    fn push(&self, rank: Rank, line: &str) {
        self.writer.push(rank, format!("{line}\n").into_bytes());
    }

    /// What was written and told in the end, and the metrics.
    fn end(self) -> (String, Vec<String>, String) {
        drop(self.words);
        drop(self.writer);
        let written = String::from_utf8(self.written.lock().unwrap().clone()).unwrap();
        (
            written,
            self.told.lock().unwrap().clone(),
            self.metrics.exposition(Vec::new()).text(MetricsFormat::PrometheusText),
        )
    }
}

#[test]
fn lines_are_written_in_their_order_and_all_of_them_before_the_end() {
    let scene = Scene::new();
    for number in 0..1000 {
        scene.push(Rank::Refusal, &number.to_string());
    }
    let (written, told, metrics) = scene.end();
    assert_eq!(written, (0..1000).map(|number| format!("{number}\n")).collect::<String>());
    assert!(told.is_empty());
    assert!(metrics.contains("authenticator_server_audit_lines_total 1000"), "{metrics}");
}

#[test]
fn a_line_that_was_torn_does_not_spoil_the_next() {
    let scene = Scene::new();
    let full = || Err(io::ErrorKind::StorageFull.into());
    for word in [Ok(2), full(), Ok(1), Err(io::ErrorKind::Interrupted.into()), Err(io::ErrorKind::WouldBlock.into())] {
        scene.words.send(word).unwrap();
    }
    scene.push(Rank::Refusal, r#"{"a":1}"#);
    scene.push(Rank::Refusal, r#"{"b":2}"#);
    let (written, told, metrics) = scene.end();
    assert_eq!(written, "{\"\n{\"b\":2}\n");
    assert_eq!(told, ["no storage space", "1 lost"]);
    assert!(metrics.contains("authenticator_server_audit_lost_total{why=\"write_failed\"} 1"), "{metrics}");
    assert!(metrics.contains("authenticator_server_audit_lines_total 1\n"), "{metrics}");
}

#[test]
fn a_reader_that_is_stuck_costs_refusals_and_never_a_grant_and_it_is_told_when_it_reads_again() {
    let scene = Scene::new();
    for number in 0..10_000 {
        scene.push(Rank::Refusal, "refused");
        if number % 100 == 0 {
            scene.push(Rank::Grant, "granted");
        }
    }
    let (written, told, metrics) = scene.end();
    let count = |wanted: &str| written.lines().filter(|line| *line == wanted).count();
    assert_eq!(count("granted"), 100);
    let lost = 10_000 - count("refused");
    assert!(lost > 0);
    assert_eq!(told, [format!("{lost} lost")]);
    assert!(
        metrics.contains(&format!("authenticator_server_audit_lost_total{{why=\"queue_full\"}} {lost}")),
        "{metrics}"
    );
}

#[test]
fn a_reader_that_stays_stuck_does_not_keep_the_process() {
    let Scene { writer, words, .. } = Scene::new();
    writer.push(Rank::Grant, b"granted\n".to_vec());
    drop(writer);
    // It was stuck to the end.
    words.send(Ok(1)).unwrap();
}
