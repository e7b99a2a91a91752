//! Metrics as text, in the format that the scraper asks for: Prometheus's text format, version 0.0.4, which the Go program
//! answers with, or OpenMetrics, its successor.
//!
//! The library writes OpenMetrics, in which a counter's family is named without `_total` and whole numbers of buckets are written
//! `1.0`. A dashboard that names `le="1"` would find nothing, so only a scraper that prefers OpenMetrics gets it.

use std::fmt::{self, Write as _};

use http::HeaderMap;
use http::header::ACCEPT;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// A format of metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetricsFormat {
    /// Prometheus's text format, version 0.0.4.
    PrometheusText,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl MetricsFormat {
    /// The format that a request's `Accept` prefers (RFC 9110, section 12.5.1); Prometheus's text format unless OpenMetrics is
    /// named and no less welcome.
    #[must_use]
    pub fn preferred_by(headers: &HeaderMap) -> Self {
        let (mut open_metrics, mut text) = (0, 0);
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameter = |name: &str| {
                parts
                    .clone()
                    .filter_map(|part| part.split_once('='))
                    .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            };
            let quality = parameter("q").map_or(Some(1000), |(_, value)| thousandths(value.trim())).unwrap_or_default();
            let version = parameter("version").map(|(_, version)| version.trim());
            match (media_type.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => open_metrics = quality.max(open_metrics),
                ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => text = quality.max(text),
                _ => {}
            }
        }
        if open_metrics > 0 && open_metrics >= text { Self::OpenMetrics } else { Self::PrometheusText }
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A quality value: `0` to `1` with at most three decimals (RFC 9110, section 12.4.2).
fn thousandths(value: &str) -> Option<u16> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let number = format!("{whole}{fraction:0<3}").parse().ok().filter(|number| *number <= 1000);
    number.filter(|_| digits && matches!(whole, "0" | "1"))
}

/// All that is counted and measured, to be read as often as one likes.
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    pub(super) const fn new(registry: Registry) -> Self {
        Self(registry)
    }

    /// The numbers now.
    #[must_use]
    pub fn text(&self, format: MetricsFormat) -> String {
        let mut open_metrics = String::new();
        // Writing to memory fails in no way, and half of the numbers are better than none.
        let _ = encode_registry(&mut open_metrics, &self.0);
        match format {
            MetricsFormat::PrometheusText => classic(&open_metrics),
            MetricsFormat::OpenMetrics => {
                let _ = encode_eof(&mut open_metrics);
                open_metrics
            }
        }
    }
}

/// Turns OpenMetrics into the older format, as far as this program's metrics need it.
fn classic(open_metrics: &str) -> String {
    let mut classic = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
            continue;
        }
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else {
            push_sample(&mut classic, line);
            continue;
        };
        let suffix = if kind == "counter" { "_total" } else { "" };
        if let Some((_, help)) = help.take() {
            let _ = writeln!(classic, "# HELP {name}{suffix} {help}");
        }
        let _ = writeln!(classic, "# TYPE {name}{suffix} {kind}");
    }
    classic
}

/// The bound of a bucket comes first among its labels.
fn push_sample(classic: &mut String, line: &str) {
    match line.split_once("_bucket{le=\"").and_then(|(name, rest)| Some((name, rest.split_once(".0\"")?))) {
        Some((name, (bound, rest))) if bound.bytes().all(|byte| byte.is_ascii_digit()) => {
            let _ = writeln!(classic, "{name}_bucket{{le=\"{bound}\"{rest}");
        }
        _ => {
            let _ = writeln!(classic, "{line}");
        }
    }
}

/// One number and its labels.
pub type Row = (Vec<(&'static str, String)>, f64);

/// A number that is read when somebody asks for it.
pub struct AtScrape {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    rows: Box<dyn Fn() -> Vec<Row> + Send + Sync>,
}

impl AtScrape {
    /// A gauge with a row for each set of labels.
    pub fn rows(name: &'static str, help: &'static str, rows: impl Fn() -> Vec<Row> + Send + Sync + 'static) -> Self {
        Self { name, help, kind: MetricType::Gauge, rows: Box::new(rows) }
    }

    /// The same for numbers that only grow; `_total` is added to the name.
    pub fn counter(
        name: &'static str,
        help: &'static str,
        rows: impl Fn() -> Vec<Row> + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, kind: MetricType::Counter, rows: Box::new(rows) }
    }

    /// A gauge without labels, that is left out while there is no value.
    pub fn value(
        name: &'static str,
        help: &'static str,
        value: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) -> Self {
        Self::rows(name, help, move || value().map(|value| (Vec::new(), value)).into_iter().collect())
    }
}

impl AtScrape {
    fn number(&self, value: f64, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.kind {
            MetricType::Counter => ConstCounter::new(value).encode(encoder),
            _ => ConstGauge::new(value).encode(encoder),
        }
    }
}

impl fmt::Debug for AtScrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtScrape").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, value) in (self.rows)() {
            if labels.is_empty() {
                return self.number(value, metric);
            }
            self.number(value, metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_names_counters_and_buckets_as_the_go_program_does() {
        let open_metrics = "# HELP a_b help me.\n# TYPE a_b counter\na_b_total{x=\"1.0\"} 2\n# HELP h h.\n# TYPE h \
                            histogram\nh_sum 1.0\nh_bucket{le=\"1.0\",x=\"y\"} 1\nh_bucket{le=\"2.5\"} 1\nh_bucket{le=\"+Inf\"} \
                            1\n# HELP g g.\n# TYPE g gauge\ng 3\n";
        let wanted = "# HELP a_b_total help me.\n# TYPE a_b_total counter\na_b_total{x=\"1.0\"} 2\n# HELP h h.\n# TYPE h \
                      histogram\nh_sum 1.0\nh_bucket{le=\"1\",x=\"y\"} 1\nh_bucket{le=\"2.5\"} 1\nh_bucket{le=\"+Inf\"} 1\n# HELP \
                      g g.\n# TYPE g gauge\ng 3\n";
        assert_eq!(classic(open_metrics), wanted);
    }

    #[test]
    fn open_metrics_is_for_scrapers_that_prefer_it() {
        use MetricsFormat::{OpenMetrics, PrometheusText};
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,\
                            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (&[][..], PrometheusText),
            (&["*/*"], PrometheusText),
            (&["text/plain"], PrometheusText),
            (&[prometheus_3], OpenMetrics),
            (&["application/openmetrics-text"], OpenMetrics),
            (&["Application/OpenMetrics-Text ; Q=0.7 , text/plain ; q=0.5"], OpenMetrics),
            (&["text/plain;q=0.5", "application/openmetrics-text; version=1.0.0; q=0.9"], OpenMetrics),
            (&["application/openmetrics-text;q=0.3,text/plain;version=0.0.4;q=0.4"], PrometheusText),
            (&["application/openmetrics-text;q=0"], PrometheusText),
            (&["application/openmetrics-text;q=nonsense"], PrometheusText),
            (&["application/openmetrics-text;q=1.5"], PrometheusText),
            (&["application/openmetrics-text; version=2.0.0"], PrometheusText),
            (&["application/vnd.google.protobuf;q=1"], PrometheusText),
        ] {
            let headers: HeaderMap =
                accept.iter().map(|value| (ACCEPT, http::HeaderValue::from_str(value).unwrap())).collect();
            assert_eq!(MetricsFormat::preferred_by(&headers), format, "{accept:?}");
        }
    }

    #[test]
    fn what_is_read_at_a_scrape_is_a_gauge_with_or_without_labels() {
        let mut registry = Registry::default();
        let rows = || vec![(vec![("source", "CRD".to_owned())], 1.0), (vec![("source", "File".to_owned())], 0.0)];
        registry.register_collector(Box::new(AtScrape::rows("synced", "h", rows)));
        registry.register_collector(Box::new(AtScrape::counter("seen", "h", || vec![(vec![], 7.0)])));
        registry.register_collector(Box::new(AtScrape::value("up", "h", || Some(2.0))));
        registry.register_collector(Box::new(AtScrape::value("absent", "h", || None)));
        let text = Exposition::new(registry).text(MetricsFormat::PrometheusText);
        for line in
            ["synced{source=\"CRD\"} 1.0", "synced{source=\"File\"} 0.0", "# TYPE up gauge", "up 2.0", "seen_total 7.0"]
        {
            assert!(text.lines().any(|candidate| candidate == line), "{line}\n{text}");
        }
        assert!(!text.lines().any(|line| line.starts_with("absent")), "{text}");
    }
}
