//! Values of flags that have a grammar.

use std::{str::FromStr, time::Duration};

/// After what time the program gives up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TimeLimit(Duration);

/// How long a role's session lasts, in seconds: what STS takes at most and at least.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SessionDuration(i32);

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verbosity {
    /// What the user should know or do.
    Quiet,
    /// And where the credentials come from.
    Verbose,
}

/// A text that is no such value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("write a number of seconds, minutes or hours, as in 90s, 15m or 12h")]
    Time,
    #[error("it is between 1s and 1h")]
    TimeLimit,
    #[error("STS gives sessions of 15m to 12h")]
    SessionDuration,
    #[error("write panic, fatal, error, warning, info, debug or trace")]
    Verbosity,
}

impl TimeLimit {
    pub(super) fn get(self) -> Duration {
        self.0
    }
}

impl SessionDuration {
    pub(super) fn seconds(self) -> i32 {
        self.0
    }
}

impl FromStr for TimeLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match seconds(text)? {
            seconds @ 1..=3600 => Ok(Self(Duration::from_secs(seconds.into()))),
            _ => Err(ValueError::TimeLimit),
        }
    }
}

impl FromStr for SessionDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = i32::try_from(seconds(text)?).map_err(|_| ValueError::SessionDuration)?;
        if (900..=43200).contains(&seconds) { Ok(Self(seconds)) } else { Err(ValueError::SessionDuration) }
    }
}

/// The levels of the Go program's log.
impl FromStr for Verbosity {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "panic" | "fatal" | "error" | "warn" | "warning" | "info" => Ok(Self::Quiet),
            "debug" | "trace" => Ok(Self::Verbose),
            _ => Err(ValueError::Verbosity),
        }
    }
}

/// A whole number and its unit; seconds, if there is none.
fn seconds(text: &str) -> Result<u32, ValueError> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(number) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        _ => return Err(ValueError::Time),
    };
    number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit)).ok_or(ValueError::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_number_of_seconds_minutes_or_hours() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600)] {
            assert_eq!(text.parse(), Ok(TimeLimit(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "s", "1.5h", "-1", "1d", "90 s", "4294967295h", "\u{663}s"] {
            assert_eq!(text.parse::<TimeLimit>(), Err(ValueError::Time), "{text}");
        }
    }

    #[test]
    fn limits_are_held() {
        for text in ["0", "61m"] {
            assert_eq!(text.parse::<TimeLimit>(), Err(ValueError::TimeLimit), "{text}");
        }
        for (text, seconds) in [("15m", 900), ("12h", 43200)] {
            assert_eq!(text.parse(), Ok(SessionDuration(seconds)), "{text}");
        }
        for text in ["899", "43201s", "4294967295"] {
            assert_eq!(text.parse::<SessionDuration>(), Err(ValueError::SessionDuration), "{text}");
        }
    }

    #[test]
    fn the_two_lowest_levels_of_the_go_programs_log_are_verbose() {
        for (text, verbosity) in
            [("info", Verbosity::Quiet), ("DEBUG", Verbosity::Verbose), ("trace", Verbosity::Verbose)]
        {
            assert_eq!(text.parse(), Ok(verbosity), "{text}");
        }
        assert_eq!("2".parse::<Verbosity>(), Err(ValueError::Verbosity));
    }
}
