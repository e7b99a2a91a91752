//! What calls of STS tell beside their answers: whether it can be heard, how long it takes, and what its clock says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::DATE;
use http::{HeaderMap, StatusCode};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{AskError, Outage};
use crate::clock::Clock;
use crate::metrics::StsCalls;
use crate::token::StsHost;

/// Keeps count of the calls of one client. Clones keep it together.
#[derive(Clone, Debug)]
pub struct Contact {
    counts: StsCalls,
    clock: Clock,
    noted: Arc<Mutex<Noted>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    at: Option<Timestamp>,
    /// What its clock said, and when by the clock that nobody sets.
    date: Option<(Timestamp, Instant)>,
    /// Whether that was far from what ours said.
    astray: bool,
    missed: Option<Timestamp>,
}

/// When STS was last heard, and how it was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// When it last answered, whatever it said.
    pub at: Option<Timestamp>,
    /// How far its clock is ahead of ours now; seconds count, since its `Date` has no more.
    pub clock_ahead: Option<SignedDuration>,
    /// When it last could not be heard.
    pub missed: Option<Timestamp>,
}

impl Heard {
    /// How far STS's clock is ahead of ours, if that is more than a network and a whole second can explain.
    #[must_use]
    pub fn astray_by(&self) -> Option<SignedDuration> {
        self.clock_ahead.filter(|ahead| ahead.abs() > SignedDuration::from_secs(30))
    }
}

impl Contact {
    /// A contact of which nothing is known yet.
    #[must_use]
    pub fn new(counts: StsCalls, clock: Clock) -> Self {
        Self { counts, clock, noted: Arc::default() }
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let Noted { at, date, missed, .. } = *self.lock();
        let clock_ahead = date.and_then(|(date, since)| {
            // Time goes on evenly by this clock, whoever sets the other. It stands still while the machine sleeps: what is seen
            // then, until STS is heard again, is the length of the sleep.
            let time = date.checked_add(SignedDuration::try_from(since.elapsed()).ok()?).ok()?;
            Some(time.duration_since(self.clock.now()))
        });
        Heard { at, clock_ahead, missed }
    }

    /// Notes a call that begins now. If it is dropped before it ended, it took too long.
    pub(super) fn call(&self, host: &StsHost) -> Call<'_> {
        Call { contact: self, region: host.region(), begun: Instant::now(), ended: false }
    }

    /// Notes a response, of any status.
    pub(super) fn responded(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| rfc2822::parse(date).ok()).map(|date| (date.timestamp(), Instant::now()));
        let mut noted = self.lock();
        noted.at = Some(self.clock.now());
        noted.date = date.or(noted.date);
        drop(noted);
        let astray_by = self.heard().astray_by();
        let was_astray = std::mem::replace(&mut self.lock().astray, astray_by.is_some());
        if let Some(ahead) = astray_by
            && !was_astray
        {
            let seconds = ahead.as_secs();
            tracing::error!(seconds, "STS's clock is ahead of this machine's by so much: good tokens may not be taken");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way.
pub(super) struct Call<'a> {
    contact: &'a Contact,
    region: &'static str,
    begun: Instant,
    ended: bool,
}

impl Call<'_> {
    /// Notes a response whose body came as a whole.
    pub(super) fn responded(&self, status: StatusCode) {
        self.contact.counts.responded(self.region, status);
    }

    /// Notes what the call came to.
    pub(super) fn ended<T>(mut self, answer: &Result<T, AskError>) {
        self.ended = true;
        match answer {
            Ok(_) => self.note("ok"),
            Err(AskError::Rejected(rejection)) => self.note(rejection.code()),
            Err(AskError::Outage(outage)) => self.missed(*outage),
        }
    }

    fn missed(&self, outage: Outage) {
        match outage {
            Outage::Throttled => self.contact.counts.throttled(self.region),
            Outage::Unreachable | Outage::TimedOut => self.contact.counts.unconnected(self.region),
            Outage::Overloaded | Outage::Status(_) | Outage::Answer(_) => {}
        }
        self.contact.lock().missed = Some(self.contact.clock.now());
        self.note(outage.code());
    }

    fn note(&self, code: &'static str) {
        self.contact.counts.ended(self.region, code, self.begun.elapsed());
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.missed(Outage::TimedOut);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use http::HeaderValue;
    use mapping::Partition;

    use super::*;
    use crate::metrics::Metrics;
    use crate::token::HostTable;

    fn contact() -> (Contact, Metrics) {
        let metrics = Metrics::default();
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        (Contact::new(metrics.sts.clone(), Clock::from_fn(move || now)), metrics)
    }

    fn host() -> &'static StsHost {
        HostTable::for_partition(Partition::Aws).get("sts.eu-west-1.amazonaws.com").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_date_of_an_answer_tells_how_far_the_clocks_are_apart() {
        let (contact, _) = contact();
        assert_eq!(contact.heard(), Heard::default());
        for (date, ahead) in [
            ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
            ("Sun, 01 Mar 2026 11:59:00 GMT", -60),
            ("nonsense", -60),
            ("Sun, 01 Mar 2026 12:00:00 GMT", 0),
        ] {
            let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]);
            contact.responded(&headers);
            assert_eq!(contact.heard().clock_ahead, Some(SignedDuration::from_secs(ahead)), "{date}");
        }
        assert!(contact.heard().at.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_seen_to_be_away_from_that_of_sts_before_it_is_heard_again() {
        let begun: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let set_by = Arc::new(AtomicI64::new(0));
        let ours = Arc::clone(&set_by);
        let clock = Clock::from_fn(move || begun + SignedDuration::from_secs(ours.load(Ordering::SeqCst)));
        let contact = Contact::new(StsCalls::default(), clock);
        contact.responded(&HeaderMap::from_iter([(DATE, HeaderValue::from_static("Sun, 01 Mar 2026 12:00:00 GMT"))]));
        tokio::time::advance(Duration::from_secs(60)).await;
        for (set, ahead) in [(60, 0), (60 + 1200, -1200), (60 - 1200, 1200)] {
            set_by.store(set, Ordering::SeqCst);
            let ahead = SignedDuration::from_secs(ahead);
            assert_eq!(contact.heard().clock_ahead, Some(ahead));
            assert_eq!(contact.heard().astray_by(), Some(ahead).filter(|ahead| !ahead.is_zero()));
        }
    }

    #[test]
    fn a_call_that_is_given_up_counts_as_one_that_took_too_long() {
        let (contact, metrics) = contact();
        drop(contact.call(host()));
        contact.call(host()).ended(&Ok(()));
        contact.call(host()).ended::<()>(&Err(Outage::Throttled.into()));
        let text = metrics.exposition(Vec::new()).text(crate::metrics::MetricsFormat::PrometheusText);
        for line in [
            r#"aws_iam_authenticator_sts_connection_failures_total{StsRegion="eu-west-1"} 1"#,
            r#"aws_iam_authenticator_sts_throttling_total{StsRegion="eu-west-1"} 1"#,
            r#"authenticator_server_sts_answers_total{code="sts.timed_out",region="eu-west-1"} 1"#,
            r#"authenticator_server_sts_answers_total{code="sts.throttled",region="eu-west-1"} 1"#,
            r#"authenticator_server_sts_answers_total{code="ok",region="eu-west-1"} 1"#,
            r#"authenticator_server_sts_latency_seconds_count{region="eu-west-1"} 3"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
