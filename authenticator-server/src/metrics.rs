//! What is counted and measured, for Prometheus.
//!
//! Names that start with `aws_iam_authenticator_` are the Go program's, with its labels and their values (one of which has a
//! spelling mistake that dashboards know by now), so that its dashboards and alerts go on working. Names that start with
//! `authenticator_server_` are ours.
//!
//! No label has a value that a caller wrote: reasons are codes of this program, regions come from the closed table of
//! endpoints, statuses from STS. So a flood makes numbers grow, and never their count.

mod ages;
mod exposition;
mod process;
mod serving;

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use ages::{ChangeAges, FileAge};
pub use exposition::{AtScrape, Exposition, MetricsFormat, Row};
pub use process::{most_open_files, process};
pub use serving::ServingCounts;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// Everything that is counted. Clones count together; what is not registered is counted for nobody.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// What callers are told.
    pub decisions: Decisions,
    /// Calls of STS.
    pub sts: StsCalls,
    /// Connections, and what their requests are turned away for.
    pub serving: ServingCounts,
    /// What keeps calls from being made.
    pub shield: ShieldCounts,
    /// Calls of EC2 and IAM.
    pub ec2: Ec2Counts,
    /// Lines of the audit log.
    pub audit: LineCounts,
    /// Lines of the log.
    pub log: LineCounts,
    /// Certificates that were read anew.
    pub certificates: CertificateCounts,
    /// How old changes are when they take force.
    pub ages: ChangeAges,
}

impl Metrics {
    /// Puts everything into `registry`, with what other rooms tell when they are asked.
    #[must_use]
    pub fn exposition(&self, at_scrape: Vec<AtScrape>) -> Exposition {
        let mut registry = Registry::default();
        let go = registry.sub_registry_with_prefix("aws_iam_authenticator");
        self.decisions.register_go(go);
        self.sts.register_go(go);
        self.ec2.register_go(go);
        self.ages.register_go(go);
        let ours = registry.sub_registry_with_prefix("authenticator_server");
        self.decisions.register(ours);
        self.sts.register(ours);
        self.serving.register(ours);
        self.shield.register(ours);
        self.ec2.register(ours);
        self.audit.register("audit", ours);
        self.log.register("log", ours);
        self.certificates.register(ours);
        for collector in at_scrape {
            registry.register_collector(Box::new(collector));
        }
        Exposition::new(registry)
    }
}

/// Decisions by outcome and reason, and how long they took.
#[derive(Clone, Debug)]
pub struct Decisions {
    latency: Histograms<1>,
    reasons: Counters<2>,
}

/// What became of a request, in the words of both programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Result {
    /// `allow`, `deny`, `cannot_tell` or `malformed`.
    pub outcome: &'static str,
    /// The stable code.
    pub reason: &'static str,
    /// The Go program's word.
    pub go: GoResult,
}

/// The Go program's `result` of a request (`pkg/metrics/metrics.go`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GoResult {
    /// The token is none.
    InvalidToken,
    /// There is no TokenReview.
    MalformedRequest,
    /// STS does not vouch for the caller, or could not be heard.
    StsError,
    /// STS throttles.
    StsThrottling,
    /// The caller is somebody.
    Success,
    /// The mappings do not name the caller, or cannot be used for it.
    UnknownUser,
}

impl GoResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::MalformedRequest => "malformed_request",
            Self::StsError => "sts_error",
            Self::StsThrottling => "sts_throttling",
            Self::Success => "success",
            Self::UnknownUser => "uknown_user",
        }
    }
}

impl Default for Decisions {
    fn default() -> Self {
        Self { latency: Family::new_with_constructor(latency), reasons: Family::default() }
    }
}

impl Decisions {
    /// Counts an answer to a request.
    pub fn count(&self, result: Result, took: Duration) {
        self.latency.get_or_create(&[("result", result.go.as_str())]).observe(took.as_secs_f64());
        self.reasons.get_or_create(&[("outcome", result.outcome), ("reason", result.reason)]).inc();
    }

    fn register_go(&self, registry: &mut Registry) {
        registry.register("authenticate_latency_seconds", "Authenticate call latency", self.latency.clone());
    }

    fn register(&self, registry: &mut Registry) {
        let help = "Answers to TokenReviews by outcome and reason; cannot_tell is a 503, never a refusal";
        registry.register("decisions", help, self.reasons.clone());
    }
}

/// Calls of STS, by region of the endpoint.
#[derive(Clone, Debug)]
pub struct StsCalls {
    answers: Counters<2>,
    latency: Histograms<1>,
    responses: Family<[(&'static str, String); 2], Counter>,
    throttling: Counters<1>,
    unconnected: Counters<1>,
}

impl Default for StsCalls {
    fn default() -> Self {
        Self {
            answers: Family::default(),
            latency: Family::new_with_constructor(latency),
            responses: Family::default(),
            throttling: Family::default(),
            unconnected: Family::default(),
        }
    }
}

impl StsCalls {
    /// Counts a response of any status that came as a whole.
    pub fn responded(&self, region: &'static str, status: http::StatusCode) {
        let labels = [("ResponseCode", status.as_str().to_owned()), ("StsRegion", region.to_owned())];
        self.responses.get_or_create(&labels).inc();
    }

    /// Counts what a call came to: `ok`, or the code of the refusal or outage.
    pub fn ended(&self, region: &'static str, code: &'static str, took: Duration) {
        self.answers.get_or_create(&[("code", code), ("region", region)]).inc();
        self.latency.get_or_create(&[("region", region)]).observe(took.as_secs_f64());
    }

    /// Counts a call that STS throttled.
    pub fn throttled(&self, region: &'static str) {
        self.throttling.get_or_create(&[("StsRegion", region)]).inc();
    }

    /// Counts a call that found no connection, or no answer in time.
    pub fn unconnected(&self, region: &'static str) {
        self.unconnected.get_or_create(&[("StsRegion", region)]).inc();
    }

    fn register_go(&self, registry: &mut Registry) {
        let help = "Sts call could not succeed or timedout";
        registry.register("sts_connection_failures", help, self.unconnected.clone());
        registry.register("sts_throttling", "Sts call got throttled", self.throttling.clone());
        registry.register("sts_responses", "Sts responses with error code label", self.responses.clone());
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("sts_answers", "Calls of STS by what they came to", self.answers.clone());
        registry.register("sts_latency_seconds", "How long calls of STS took", self.latency.clone());
    }
}

/// What keeps calls from being made, and who is kept from making one.
#[derive(Clone, Debug, Default)]
pub struct ShieldCounts {
    calls: Counters<1>,
    served: Counters<1>,
    shed: Counters<1>,
}

impl ShieldCounts {
    /// Counts a question by where its answer came from.
    pub fn served(&self, from: &'static str) {
        self.served.get_or_create(&[("from", from)]).inc();
    }

    /// Counts a call that was let through, by the line in which it stood.
    pub fn called(&self, line: &'static str) {
        self.calls.get_or_create(&[("line", line)]).inc();
    }

    /// Counts a call that was not let through, by what was full.
    pub fn shed(&self, full: &'static str) {
        self.shed.get_or_create(&[("full", full)]).inc();
    }

    fn register(&self, registry: &mut Registry) {
        let help = "Questions about tokens by where the answer came from";
        registry.register("shield_answers", help, self.served.clone());
        registry.register("shield_calls", "Calls of STS by the line in which they stood", self.calls.clone());
        registry.register("shield_shed", "Calls of STS that were not made, by what was full", self.shed.clone());
    }
}

/// Calls of EC2 and IAM, and what they save.
#[derive(Clone, Debug)]
pub struct Ec2Counts {
    answers: Counters<2>,
    describe_calls: Counter,
    latency: Histograms<1>,
    served: Counters<1>,
}

/// A call of EC2 or IAM under way.
pub struct Ec2Call<'a> {
    counts: &'a Ec2Counts,
    action: &'static str,
    begun: std::time::Instant,
}

impl Default for Ec2Counts {
    fn default() -> Self {
        Self {
            answers: Family::default(),
            describe_calls: Counter::default(),
            latency: Family::new_with_constructor(latency),
            served: Family::default(),
        }
    }
}

impl Ec2Counts {
    /// A call of this action begins.
    #[must_use]
    pub fn call(&self, action: &'static str) -> Ec2Call<'_> {
        if action == "DescribeInstances" {
            self.describe_calls.inc();
        }
        Ec2Call { counts: self, action, begun: std::time::Instant::now() }
    }

    /// Counts a question about an instance by where its answer came from.
    pub fn served(&self, from: &'static str) {
        self.served.get_or_create(&[("from", from)]).inc();
    }

    fn register_go(&self, registry: &mut Registry) {
        let help = "Number of EC2 describe instances calls";
        registry.register("ec2_describe_instances_calls", help, self.describe_calls.clone());
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("ec2_answers", "Calls of EC2 and IAM by what they came to", self.answers.clone());
        registry.register("ec2_latency_seconds", "How long calls of EC2 and IAM took", self.latency.clone());
        let help = "Questions about instances by where the answer came from";
        registry.register("ec2_instances", help, self.served.clone());
    }
}

impl Ec2Call<'_> {
    /// Counts what the call came to: `ok`, or the code of the outage.
    pub fn ended(self, code: &'static str) {
        let Self { counts, action, begun } = self;
        counts.answers.get_or_create(&[("action", action), ("code", code)]).inc();
        counts.latency.get_or_create(&[("action", action)]).observe(begun.elapsed().as_secs_f64());
    }
}

/// Lines of the log, or of the audit log.
#[derive(Clone, Debug, Default)]
pub struct LineCounts {
    lost: Counters<1>,
    written: Counter,
}

impl LineCounts {
    /// Counts lines that were written.
    pub fn written(&self, lines: u64) {
        self.written.inc_by(lines);
    }

    /// Counts lines that were not, by why.
    pub fn lost(&self, why: &'static str, lines: u64) {
        self.lost.get_or_create(&[("why", why)]).inc_by(lines);
    }

    fn register(&self, log: &'static str, registry: &mut Registry) {
        registry.register(format!("{log}_lines"), "Lines that this log took", self.written.clone());
        registry.register(format!("{log}_lost"), "Lines that this log did not take, by why", self.lost.clone());
    }
}

/// Certificates that were read anew while the server runs, and when they end.
#[derive(Clone, Debug, Default)]
pub struct CertificateCounts {
    ends: Gauge,
    reloads: Counters<1>,
}

impl CertificateCounts {
    /// Notes when the serving certificate ends.
    pub fn ends(&self, not_after: jiff::Timestamp) {
        self.ends.set(not_after.as_second());
    }

    /// What was noted of that.
    #[must_use]
    pub fn not_after(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.ends.get()).unwrap_or(jiff::Timestamp::MIN)
    }

    /// Counts files that changed: `taken`, `kept` when they could not be used, `renewed` when the leaf was made anew.
    pub fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&[("result", result)]).inc();
    }

    fn register(&self, registry: &mut Registry) {
        let help = "When the serving certificate ends, in seconds since 1970";
        registry.register("certificate_not_after_timestamp_seconds", help, self.ends.clone());
        let help = "Changes of certificate, key or client CA by what was made of them";
        registry.register("certificate_reloads", help, self.reloads.clone());
    }
}

/// The Go program's buckets, which are its library's default.
fn latency() -> Histogram {
    Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_go_programs_names_and_labels_are_unchanged() {
        let metrics = Metrics::default();
        let result = Result { outcome: "deny", reason: "identity.not_mapped", go: GoResult::UnknownUser };
        metrics.decisions.count(result, Duration::from_millis(30));
        metrics.sts.responded("us-west-2", http::StatusCode::FORBIDDEN);
        metrics.sts.throttled("us-west-2");
        metrics.sts.unconnected("eu-west-1");
        let text = metrics.exposition(Vec::new()).text(MetricsFormat::PrometheusText);
        for line in [
            "# TYPE aws_iam_authenticator_authenticate_latency_seconds histogram",
            r#"aws_iam_authenticator_authenticate_latency_seconds_bucket{le="0.025",result="uknown_user"} 0"#,
            r#"aws_iam_authenticator_authenticate_latency_seconds_bucket{le="0.05",result="uknown_user"} 1"#,
            r#"aws_iam_authenticator_authenticate_latency_seconds_bucket{le="1",result="uknown_user"} 1"#,
            r#"aws_iam_authenticator_authenticate_latency_seconds_bucket{le="10",result="uknown_user"} 1"#,
            r#"aws_iam_authenticator_authenticate_latency_seconds_bucket{le="+Inf",result="uknown_user"} 1"#,
            r#"aws_iam_authenticator_authenticate_latency_seconds_count{result="uknown_user"} 1"#,
            "# TYPE aws_iam_authenticator_sts_responses_total counter",
            r#"aws_iam_authenticator_sts_responses_total{ResponseCode="403",StsRegion="us-west-2"} 1"#,
            r#"aws_iam_authenticator_sts_throttling_total{StsRegion="us-west-2"} 1"#,
            r#"aws_iam_authenticator_sts_connection_failures_total{StsRegion="eu-west-1"} 1"#,
            r#"authenticator_server_decisions_total{outcome="deny",reason="identity.not_mapped"} 1"#,
        ] {
            assert!(text.lines().any(|candidate| candidate == line), "{line}\n{text}");
        }
    }
}
