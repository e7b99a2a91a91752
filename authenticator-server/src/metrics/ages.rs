//! How long changes of mappings took from their writer to here.

use jiff::Timestamp;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Histograms;

/// How old changes of files that another program writes are when they take force, by what the file says of itself.
#[derive(Clone, Debug)]
pub struct ChangeAges(Histograms<1>);

impl Default for ChangeAges {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new([1.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0])))
    }
}

/// The age of one file, as long as it is followed.
#[derive(Debug)]
pub struct FileAge {
    ages: ChangeAges,
    kind: &'static str,
    /// What the file in force says. There is none at the start, when the file may be of any age.
    last: Option<Option<i64>>,
}

impl ChangeAges {
    /// Of a file of this `kind`, of which nothing is in force yet.
    #[must_use]
    pub fn of(&self, kind: &'static str) -> FileAge {
        FileAge { ages: self.clone(), kind, last: None }
    }

    pub(super) fn register_go(&self, registry: &mut Registry) {
        let help = "End to end latency in seconds partitioned by type";
        registry.register("dynamic_e2e_latency_seconds", help, self.0.clone());
    }
}

impl FileAge {
    /// Notes that a file is in force that says `written`, in seconds since 1970, if it says anything. It is no change to read the
    /// same once more.
    pub fn in_force(&mut self, written: Option<i64>, now: Timestamp) {
        let last = self.last.replace(written);
        let Some(written) = written else { return };
        if last.is_none_or(|last| last == Some(written)) {
            return;
        }
        let kind = self.kind;
        match now.as_second().checked_sub(written).and_then(|age| u32::try_from(age).ok()) {
            Some(age) => self.ages.0.get_or_create(&[("type", kind)]).observe(f64::from(age)),
            None => tracing::warn!(
                kind,
                written,
                "LastUpdatedDateTime is no time that has passed: how old the change is cannot be told"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_age_of_a_change_is_noted_once_and_neither_at_the_start_nor_of_a_file_that_is_not_old_yet() {
        let metrics = Metrics::default();
        let now = Timestamp::from_second(1000).unwrap();
        let mut age = metrics.ages.of("dynamic_file");
        for written in [Some(1), Some(996), Some(996), None, Some(1001), Some(i64::MIN)] {
            age.in_force(written, now);
        }
        let text = metrics.exposition(Vec::new()).text(crate::metrics::MetricsFormat::PrometheusText);
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("aws_iam_authenticator_dynamic_e2e_latency_seconds")).collect();
        let bucket = |le, count| {
            format!(
                r#"aws_iam_authenticator_dynamic_e2e_latency_seconds_bucket{{le="{le}",type="dynamic_file"}} {count}"#
            )
        };
        let (below, above) = (["1", "3"], ["5", "10", "15", "20", "30", "60", "+Inf"]);
        for line in below.iter().map(|le| bucket(le, 0)).chain(above.iter().map(|le| bucket(le, 1))) {
            assert!(lines.contains(&line.as_str()), "{line}\n{text}");
        }
        let sum = r#"aws_iam_authenticator_dynamic_e2e_latency_seconds_sum{type="dynamic_file"} 4.0"#;
        assert!(lines.contains(&sum), "{text}");
    }
}
