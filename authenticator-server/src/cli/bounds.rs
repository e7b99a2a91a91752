//! How much there may be of everything that callers can make more of: one row a bound, and from it the flag, the config
//! key, the check, and the line that is printed at start.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use jiff::SignedDuration;
use mapping::format::yaml::{Node, YamlError};

use crate::ec2;
use crate::http::HttpLimits;
use crate::sts::{GateLimits, ShieldLimits};

/// One of the bounds.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Bound {
    IdentityTtl,
    RefusalTtl,
    LaneTtl,
    CacheBytes,
    Flights,
    Deadline,
    OneTry,
    Patience,
    Tries,
    CallsInFlight,
    StrangersInFlight,
    StrangersWaiting,
    LaneWaiting,
    MostPerSecond,
    LeastPerSecond,
    Ec2Deadline,
    Ec2InstanceTtl,
    Ec2Instances,
    Ec2Queue,
    Connections,
    RequestBytes,
    Streams,
    BodyBytes,
    Drain,
}

/// What a bound counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    /// In milliseconds; written as Go writes durations.
    Time,
    /// Bytes; written with or without `KiB` or `MiB`.
    Bytes,
    /// Anything else.
    Number,
}

/// All that is said of a bound.
struct Row {
    bound: Bound,
    flag: &'static str,
    key: &'static str,
    help: &'static str,
    unit: Unit,
    range: (u64, u64),
    default: u64,
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const fn row(
    bound: Bound,
    (flag, key): (&'static str, &'static str),
    unit: Unit,
    range: (u64, u64),
    default: u64,
    help: &'static str,
) -> Row {
    Row { bound, flag, key, help, unit, range, default }
}

/// The defaults are those of a cluster of some hundred people and nodes; `make flood` holds them against a flood.
const ROWS: [Row; 24] = [
    row(
        Bound::IdentityTtl,
        ("sts-identity-ttl", "stsIdentityTTL"),
        Unit::Time,
        (0, 15 * MINUTE),
        30 * SECOND,
        "How long STS's word on a token is taken without asking again; mappings are looked up at every request",
    ),
    row(
        Bound::RefusalTtl,
        ("sts-refusal-ttl", "stsRefusalTTL"),
        Unit::Time,
        (0, MINUTE),
        10 * SECOND,
        "How long STS's refusal of a token is kept",
    ),
    row(
        Bound::LaneTtl,
        ("sts-lane-ttl", "stsLaneTTL"),
        Unit::Time,
        (MINUTE, 7 * 24 * HOUR),
        12 * HOUR,
        "For how long whoever was let in goes before strangers when STS is asked",
    ),
    row(
        Bound::CacheBytes,
        ("sts-cache-size", "stsCacheSize"),
        Unit::Bytes,
        (64 * KIB, 1024 * MIB),
        4 * MIB,
        "The most bytes of identities that are kept",
    ),
    row(
        Bound::Flights,
        ("sts-max-flights", "stsMaxFlights"),
        Unit::Number,
        (1, 100_000),
        10_000,
        "The most tokens that STS is asked about or waits to be asked about; one more gets 503 at once",
    ),
    row(
        Bound::Deadline,
        ("sts-deadline", "stsDeadline"),
        Unit::Time,
        (SECOND, 25 * SECOND),
        8 * SECOND,
        "The time for a decision, waiting and asking again included; the API server itself gives up after 30s",
    ),
    row(
        Bound::OneTry,
        ("sts-try-timeout", "stsTryTimeout"),
        Unit::Time,
        (100, 25 * SECOND),
        6 * SECOND,
        "The time for one call of STS",
    ),
    row(
        Bound::Patience,
        ("sts-patience", "stsPatience"),
        Unit::Time,
        (0, 25 * SECOND),
        2 * SECOND,
        "How long a known token waits for STS before its older answer is used, to the token's end at most",
    ),
    row(
        Bound::Tries,
        ("sts-tries", "stsTries"),
        Unit::Number,
        (1, 10),
        3,
        "How often STS is asked if it cannot be heard",
    ),
    row(
        Bound::CallsInFlight,
        ("sts-max-calls", "stsMaxCalls"),
        Unit::Number,
        (1, 10_000),
        128,
        "The most calls of STS in flight, of which one host may have three quarters",
    ),
    row(
        Bound::StrangersInFlight,
        ("sts-max-stranger-calls", "stsMaxStrangerCalls"),
        Unit::Number,
        (1, 10_000),
        96,
        "How many of those may be about callers who were not let in lately",
    ),
    row(
        Bound::StrangersWaiting,
        ("sts-queue", "stsQueue"),
        Unit::Number,
        (1, 100_000),
        8192,
        "How many calls about such callers may wait for their turn, if STS bears so many in 5s",
    ),
    row(
        Bound::LaneWaiting,
        ("sts-lane-queue", "stsLaneQueue"),
        Unit::Number,
        (1, 10_000),
        32,
        "How many calls may wait in the lane of one access key",
    ),
    row(
        Bound::MostPerSecond,
        ("sts-max-rate", "stsMaxRate"),
        Unit::Number,
        (1, 65_535),
        5000,
        "The most calls of one host of STS a second, before it says by throttling what it bears",
    ),
    row(
        Bound::LeastPerSecond,
        ("sts-min-rate", "stsMinRate"),
        Unit::Number,
        (1, 65_535),
        5,
        "The fewest calls of one host of STS a second, however much it throttles",
    ),
    row(
        Bound::Ec2Deadline,
        ("ec2-deadline", "ec2Deadline"),
        Unit::Time,
        (SECOND, 15 * SECOND),
        8 * SECOND,
        "The time for finding out about a node's instance, which comes after that for STS",
    ),
    row(
        Bound::Ec2InstanceTtl,
        ("ec2-instance-ttl", "ec2InstanceTTL"),
        Unit::Time,
        (0, 24 * HOUR),
        10 * MINUTE,
        "How long EC2's word on an instance is taken without asking again; and for 12h while EC2 cannot be asked",
    ),
    row(
        Bound::Ec2Instances,
        ("ec2-max-instances", "ec2MaxInstances"),
        Unit::Number,
        (100, 1_000_000),
        20_000,
        "The most instances that are kept",
    ),
    row(
        Bound::Ec2Queue,
        ("ec2-queue", "ec2Queue"),
        Unit::Number,
        (200, 1_000_000),
        10_000,
        "How many instances of one role may wait to be asked about",
    ),
    row(
        Bound::Connections,
        ("max-connections", "maxConnections"),
        Unit::Number,
        (8, 65_535),
        512,
        "The most connections to the webhook; for one more, one gives way over which nobody was let in yet",
    ),
    row(
        Bound::RequestBytes,
        ("max-request-memory", "maxRequestMemory"),
        Unit::Bytes,
        (4 * MIB, 1024 * MIB),
        16 * MIB,
        "The most bytes that all requests at hand may hold together: a quarter of it for unknown callers that wait for STS",
    ),
    row(
        Bound::Streams,
        ("max-streams", "maxStreams"),
        Unit::Number,
        (16, 65_535),
        2048,
        "The most requests at once on one HTTP/2 connection; unknown callers that wait for STS may take half of them",
    ),
    row(
        Bound::BodyBytes,
        ("max-body-size", "maxBodySize"),
        Unit::Bytes,
        (32 * KIB, MIB),
        64 * KIB,
        "The most bytes of a request's body",
    ),
    row(
        Bound::Drain,
        ("drain-timeout", "drainTimeout"),
        Unit::Time,
        (0, 10 * MINUTE),
        25 * SECOND,
        "How long a server that was told to end answers what it was asked before",
    ),
];

/// What one layer (the flags, or the config file) says; what it does not say is the layer's below, or the default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Bounds(BTreeMap<Bound, u64>);

/// A value that its bound does not take.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {}", expected(.0, .1))]
pub(super) struct BoundError(Unit, (u64, u64));

impl Bounds {
    /// This layer on top of another.
    #[must_use]
    pub(super) fn over(self, mut below: Self) -> Self {
        below.0.extend(self.0);
        below
    }

    /// Takes the value of a key of the config file's `server` section; false if the key is no bound's.
    ///
    /// # Errors
    /// When the bound does not take the value.
    pub(super) fn read(&mut self, key: &str, value: &Node) -> Result<bool, YamlError> {
        let Some(row) = ROWS.iter().find(|row| row.key.eq_ignore_ascii_case(key)) else { return Ok(false) };
        let text = value.as_text()?;
        let number = row.parse(text).map_err(|error| value.error(format!("{}: {error}", mapping::Quoted(text))))?;
        self.0.insert(row.bound, number);
        Ok(true)
    }

    /// The keys of the config file.
    pub(super) fn keys() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.key)
    }

    fn value(&self, bound: Bound) -> u64 {
        let default = || ROWS.iter().find(|row| row.bound == bound).map_or(0, |row| row.default);
        self.0.get(&bound).copied().unwrap_or_else(default)
    }

    fn time(&self, bound: Bound) -> Duration {
        Duration::from_millis(self.value(bound))
    }

    /// Each row's range lies within every type that its value is given to.
    fn number<N: TryFrom<u64>>(&self, bound: Bound, most: N) -> N {
        N::try_from(self.value(bound)).unwrap_or(most)
    }

    /// The bounds of the shield.
    #[must_use]
    pub(super) fn shield(&self) -> ShieldLimits {
        let most_per_second = self.number(Bound::MostPerSecond, u16::MAX);
        ShieldLimits {
            fresh: self.time(Bound::IdentityTtl),
            refused: self.time(Bound::RefusalTtl),
            lane: self.time(Bound::LaneTtl),
            max_bytes: self.value(Bound::CacheBytes),
            max_flights: self.number(Bound::Flights, usize::MAX),
            deadline: self.time(Bound::Deadline),
            one_try: self.time(Bound::OneTry),
            patience: self.time(Bound::Patience),
            tries: self.number(Bound::Tries, u32::MAX),
            gate: GateLimits {
                in_flight: self.number(Bound::CallsInFlight, usize::MAX),
                strangers_in_flight: self.number(Bound::StrangersInFlight, usize::MAX),
                strangers_waiting: self.number(Bound::StrangersWaiting, usize::MAX),
                lane_waiting: self.number(Bound::LaneWaiting, usize::MAX),
                most_per_second,
                least_per_second: self.number(Bound::LeastPerSecond, u16::MAX).min(most_per_second),
            },
            unknown: self.http().unknown_callers(),
            ..ShieldLimits::default()
        }
    }

    /// The bounds of asking EC2, which is asked so often.
    #[must_use]
    pub(super) fn ec2(&self, per_second: Option<NonZeroU32>, burst: Option<NonZeroU32>) -> ec2::Limits {
        let batch = ec2::BatchLimits::default();
        ec2::Limits {
            deadline: self.time(Bound::Ec2Deadline),
            fresh: self.time(Bound::Ec2InstanceTtl),
            most_kept: self.value(Bound::Ec2Instances),
            batch: ec2::BatchLimits {
                per_second: per_second.map_or(batch.per_second, NonZeroU32::get),
                burst: burst.map_or(batch.burst, NonZeroU32::get),
                waiting_of_role: self.number(Bound::Ec2Queue, usize::MAX),
            },
        }
    }

    /// The bounds of serving.
    #[must_use]
    pub(super) fn http(&self) -> HttpLimits {
        let connections = self.number(Bound::Connections, usize::MAX);
        HttpLimits {
            connections,
            waiting: connections.saturating_mul(2),
            request_bytes: self.number(Bound::RequestBytes, usize::MAX),
            streams: self.number(Bound::Streams, u32::MAX),
            body_bytes: self.number(Bound::BodyBytes, usize::MAX),
            drain: self.time(Bound::Drain),
        }
    }
}

/// All of them on one line, by their flags.
impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = ROWS.iter().map(|row| format!("{}={}", row.flag, row.unit.show(self.value(row.bound))));
        f.write_str(&all.collect::<Vec<_>>().join(" "))
    }
}

impl Row {
    fn parse(&self, text: &str) -> Result<u64, BoundError> {
        let (least, most) = self.range;
        let value = self.unit.parse(text).filter(|value| (least..=most).contains(value));
        value.ok_or(BoundError(self.unit, self.range))
    }

    fn arg(&'static self) -> Arg {
        let (least, most) = self.range;
        let show = |value| self.unit.show(value);
        let long = format!(
            "{}.\n\nFrom {} to {}. [config: server.{}; default: {}]",
            self.help,
            show(least),
            show(most),
            self.key,
            show(self.default)
        );
        Arg::new(self.flag)
            .long(self.flag)
            .value_name(self.unit.name())
            .help(format!("{} [default: {}]", self.help, show(self.default)))
            .long_help(long)
            .help_heading("Bounds")
            .value_parser(ValueParser::new(|text: &str| self.parse(text)))
    }
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Time => "DURATION",
            Self::Bytes => "BYTES",
            Self::Number => "NUMBER",
        }
    }

    fn parse(self, text: &str) -> Option<u64> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        match self {
            Self::Time => u64::try_from(text.parse::<SignedDuration>().ok()?.as_millis()).ok(),
            Self::Number => digits(text),
            Self::Bytes => {
                let (number, unit) = [("KiB", KIB), ("MiB", MIB)]
                    .into_iter()
                    .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
                    .unwrap_or((text, 1));
                digits(number)?.checked_mul(unit)
            }
        }
    }

    fn show(self, value: u64) -> String {
        let whole = |units: &[(&str, u64)]| {
            let unit = units.iter().find(|(_, unit)| value != 0 && value.is_multiple_of(*unit));
            unit.map(|(name, unit)| format!("{}{name}", value / unit))
        };
        match self {
            Self::Time => {
                whole(&[("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1)]).unwrap_or_else(|| "0s".to_owned())
            }
            Self::Bytes => whole(&[("MiB", MIB), ("KiB", KIB)]).unwrap_or_else(|| value.to_string()),
            Self::Number => value.to_string(),
        }
    }
}

fn expected(unit: &Unit, (least, most): &(u64, u64)) -> String {
    let (what, example) = match unit {
        Unit::Time => ("a duration", ", such as 500ms, 30s or 5m"),
        Unit::Bytes => ("a number of bytes", ", such as 65536 or 64KiB"),
        Unit::Number => ("a whole number", ""),
    };
    format!("{what} from {} to {}{example}", unit.show(*least), unit.show(*most))
}

impl Args for Bounds {
    fn augment_args(command: Command) -> Command {
        command.args(ROWS.iter().map(Row::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Bounds {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut bounds = Self::default();
        bounds.update_from_arg_matches(matches)?;
        Ok(bounds)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = ROWS.iter().filter_map(|row| Some((row.bound, *matches.get_one::<u64>(row.flag)?)));
        self.0.extend(given);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(flag: &str) -> &'static Row {
        ROWS.iter().find(|row| row.flag == flag).unwrap()
    }

    #[test]
    fn without_a_word_the_bounds_are_those_of_the_parts() {
        assert_eq!(Bounds::default().shield(), ShieldLimits::default());
        assert_eq!(Bounds::default().http(), HttpLimits::default());
        assert_eq!(Bounds::default().ec2(None, None), ec2::Limits::default());
    }

    #[test]
    fn each_bound_has_one_row_whose_default_it_takes_itself() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(ROWS.iter().skip(index + 1).all(|other| other.bound != row.bound), "{}", row.flag);
            let (least, most) = row.range;
            for value in [least, row.default, most] {
                assert_eq!(row.parse(&row.unit.show(value)), Ok(value), "{}", row.flag);
            }
            let words = row.flag.split('-').collect::<String>();
            assert!(words.eq_ignore_ascii_case(row.key), "{} {}", row.flag, row.key);
        }
    }

    #[test]
    fn a_value_has_a_unit_and_a_range_and_the_error_says_which() {
        for (flag, text, value) in [
            ("sts-deadline", "8s", Some(8000)),
            ("sts-deadline", "1500ms", Some(1500)),
            ("sts-deadline", "26s", None),
            ("sts-deadline", "8", None),
            ("sts-deadline", "-8s", None),
            ("max-body-size", "128KiB", Some(131_072)),
            ("max-body-size", "65536", Some(65_536)),
            ("max-body-size", "2MiB", None),
            ("max-body-size", "64kb", None),
            ("max-connections", "8", Some(8)),
            ("max-connections", "+8", None),
            ("max-connections", "7", None),
            ("max-connections", "", None),
        ] {
            assert_eq!(row_of(flag).parse(text).ok(), value, "{flag} {text}");
        }
        for (flag, message) in [
            ("sts-deadline", "expected a duration from 1s to 25s, such as 500ms, 30s or 5m"),
            ("max-body-size", "expected a number of bytes from 32KiB to 1MiB, such as 65536 or 64KiB"),
            ("sts-tries", "expected a whole number from 1 to 10"),
        ] {
            assert_eq!(row_of(flag).parse("x").unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_layer_says_what_the_one_below_does_not() {
        let above = Bounds(BTreeMap::from([(Bound::Tries, 1)]));
        let below = Bounds(BTreeMap::from([(Bound::Tries, 2), (Bound::Connections, 9)]));
        let both = above.over(below);
        assert_eq!((both.shield().tries, both.http().connections), (1, 9));
        let line = both.to_string();
        assert!(line.starts_with("sts-identity-ttl=30s ") && line.contains(" sts-tries=1 "), "{line}");
        assert!(
            line.ends_with(
                " max-connections=9 max-request-memory=16MiB max-streams=2048 max-body-size=64KiB drain-timeout=25s"
            ),
            "{line}"
        );
    }
}
