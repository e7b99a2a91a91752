//! Which tokens are worth a question to STS: flags and config keys of one meaning, and what they come to.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use mapping::Partition;

use super::config::ConfigError;
use super::values::parse_bool;
use crate::token::{HostRules, HostTable, Limits, StsRegion};

/// What one layer (the flags, or the config file) says about tokens; what it does not say is absent.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TokenRules {
    /// Regions whose STS is newer than this program, comma-separated.
    ///
    /// Their endpoints are named as those of the partition's other regions. Without, the built-in table is all there is.
    /// [config: server.extraSTSRegions]
    #[arg(long = "extra-sts-regions", value_name = "REGIONS", value_delimiter = ',')]
    pub(super) extra_regions: Option<Vec<StsRegion>>,

    /// The only regions whose STS is asked, comma-separated; without, every region of the partition.
    ///
    /// A token for another region is refused, and STS is not asked. The legacy global endpoint counts as us-east-1.
    /// [config: server.allowedSTSRegions]
    #[arg(long = "allowed-sts-regions", value_name = "REGIONS", value_delimiter = ',')]
    pub(super) allowed_regions: Option<Vec<StsRegion>>,

    /// Ask no endpoint of STS but those with validated cryptography (FIPS 140).
    ///
    /// It is about endpoints: this program's own cryptography library is not the validated build.
    /// [config: server.stsFIPSOnly; default: false]
    #[arg(
        long = "sts-fips-only",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = parse_bool
    )]
    pub(super) fips_only: Option<bool>,

    /// The most bytes that a token may have, from 4096 to 24576.
    ///
    /// [config: server.maxTokenSize; default: 16384]
    #[arg(long = "max-token-size", value_name = "BYTES", value_parser = parse_token_size)]
    pub(super) max_token_bytes: Option<usize>,

    /// How far ahead of this server's clock a caller's may be, from 0s to 15m.
    ///
    /// STS itself takes five minutes.
    /// [config: server.maxClockSkew; default: 5m]
    #[arg(long = "max-clock-skew", value_name = "DURATION", value_parser = parse_clock_skew)]
    pub(super) max_ahead: Option<Duration>,
}

impl TokenRules {
    /// This layer on top of another: what this one does not say, the other does.
    #[must_use]
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            extra_regions: self.extra_regions.or(below.extra_regions),
            allowed_regions: self.allowed_regions.or(below.allowed_regions),
            fips_only: self.fips_only.or(below.fips_only),
            max_token_bytes: self.max_token_bytes.or(below.max_token_bytes),
            max_ahead: self.max_ahead.or(below.max_ahead),
        }
    }

    /// The endpoints that are asked, and how far a token may go.
    ///
    /// # Errors
    /// When the regions are none of the partition's.
    pub(super) fn resolve(self, partition: Partition) -> Result<(HostTable, Limits), ConfigError> {
        let rules = HostRules {
            extra_regions: self.extra_regions.unwrap_or_default(),
            allowed_regions: self.allowed_regions,
            fips_only: self.fips_only.unwrap_or_default(),
        };
        let defaults = Limits::default();
        let limits = Limits {
            max_token_bytes: self.max_token_bytes.unwrap_or(defaults.max_token_bytes),
            max_ahead: self.max_ahead.unwrap_or(defaults.max_ahead),
        };
        Ok((HostTable::new(partition, &rules)?, limits))
    }
}

/// A number of bytes that no token's limit may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a number of bytes from {} to {}", Limits::TOKEN_BYTES.start(), Limits::TOKEN_BYTES.end())]
pub(super) struct TokenSizeError;

/// Reads how many bytes a token may have.
///
/// # Errors
/// When it is out of range.
pub(super) fn parse_token_size(text: &str) -> Result<usize, TokenSizeError> {
    text.parse().ok().filter(|size| Limits::TOKEN_BYTES.contains(size)).ok_or(TokenSizeError)
}

/// A time by which no clock may be ahead.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a duration from 0s to 15m, such as 90s or 5m")]
pub(super) struct ClockSkewError;

/// Reads by how much a clock may be ahead, as Go writes durations.
///
/// # Errors
/// When it is out of range.
pub(super) fn parse_clock_skew(text: &str) -> Result<Duration, ClockSkewError> {
    let skew = text.parse::<SignedDuration>().map_err(|_| ClockSkewError)?;
    Duration::try_from(skew).ok().filter(|skew| *skew <= Limits::MOST_AHEAD).ok_or(ClockSkewError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_size_is_within_its_range() {
        for (text, size) in [("4096", 4096), ("16384", 16_384), ("24576", 24_576)] {
            assert_eq!(parse_token_size(text), Ok(size));
        }
        for text in ["", "0", "4095", "24577", "16k", "-1", "99999999999999999999"] {
            assert_eq!(parse_token_size(text), Err(TokenSizeError), "{text:?}");
        }
        assert_eq!(TokenSizeError.to_string(), "expected a number of bytes from 4096 to 24576");
    }

    #[test]
    fn a_clock_skew_is_within_its_range() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("5m", 300), ("1m30s", 90), ("15m", 900)] {
            assert_eq!(parse_clock_skew(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "-1s", "16m", "15m1s", "1h", "soon"] {
            assert_eq!(parse_clock_skew(text), Err(ClockSkewError), "{text:?}");
        }
    }
}
