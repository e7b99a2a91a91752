//! The times at which credentials end, as those who give them write them. Pure.

use std::{borrow::Cow, time::SystemTime};

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{strtime, temporal::Pieces},
    tz::Offset,
};

/// The time that a text says: ISO 8601 or RFC 1123, with an offset, `Z`, `UTC` or `GMT`; `None` for a text without one.
///
/// botocore leaves these to `dateutil`, and every source of credentials has programs that rely on it. A time that [`Timestamp`]
/// cannot hold is its nearest: `9999-12-31T23:59:59Z`, by which many mean "never", is one.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let of_utc = ["UTC", "GMT"].iter().find_map(|zone| text.strip_suffix(zone));
    let text = of_utc.map_or(Cow::Borrowed(text), |rest| Cow::Owned(format!("{}+0000", rest.trim_end())));
    let (datetime, offset) = iso_8601(&text).or_else(|| rfc_1123(&text))?;
    Some(offset.to_timestamp(datetime).unwrap_or(Timestamp::MAX))
}

/// The time on the SDK's clock, or the nearest that there is.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX })
}

fn iso_8601(text: &str) -> Option<(DateTime, Offset)> {
    let pieces = Pieces::parse(text).ok()?;
    Some((pieces.date().to_datetime(pieces.time()?), pieces.to_numeric_offset()?))
}

fn rfc_1123(text: &str) -> Option<(DateTime, Offset)> {
    let time = strtime::parse("%a, %d %b %Y %H:%M:%S %z", text).ok()?;
    Some((time.to_datetime().ok()?, time.offset()?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// What `dateutil.parser.parse` of each says.
    #[test]
    fn a_time_is_read_in_every_form_that_gives_its_zone() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05z",
            "2026-01-02T03:04:05.000Z",
            "2026-01-02T03:04:05.000000+00:00",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05-00:00",
            "2026-01-02T03:04:05+0000",
            "2026-01-02T03:04:05+00",
            "2026-01-01T19:04:05-08:00",
            "2026-01-01T19:04:05-0800",
            "2026-01-02T08:34:05+05:30",
            "2026-01-02T03:04:05UTC",
            "2026-01-02T03:04:05 UTC",
            "2026-01-02 03:04:05+00:00",
            "20260102T030405Z",
            " 2026-01-02T03:04:05Z\n",
            "Fri, 02 Jan 2026 03:04:05 GMT",
            "Fri, 2 Jan 2026 03:04:05 UTC",
            "Thu, 01 Jan 2026 19:04:05 -0800",
        ] {
            let read = parse(text).map(|time| time.to_string());
            assert_eq!(read.as_deref(), Some("2026-01-02T03:04:05Z"), "{text}");
        }
    }

    #[test]
    fn what_says_no_time_or_no_zone_is_none() {
        for text in [
            "",
            "never",
            "UTC",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2026-01-02T03:04:05 EST",
            "Fri, 02 Jan 2026 03:04:05",
            "1767323045",
            "03:04:05Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_means_never_is_the_last_time_that_there_is() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59+00:00",
            "9999-12-31T23:59:59.999999UTC",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            assert_eq!(parse(text), Some(Timestamp::MAX), "{text}");
        }
        let never = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(timestamp(never), Timestamp::MAX);
        assert_eq!(timestamp(SystemTime::UNIX_EPOCH), Timestamp::UNIX_EPOCH);
    }
}
