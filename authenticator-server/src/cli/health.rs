//! What the health endpoint looks at.

use jiff::Timestamp;

use crate::admin::{Check, Health, State};
use crate::clock::Clock;
use crate::metrics::CertificateCounts;
use crate::sources::Sources;
use crate::sts::{Contact, Heard};

/// The health of a server of these parts.
///
/// An STS that cannot be heard is shown and takes no server out of service: another would not hear it either, and known
/// callers go on working.
pub(super) fn of(sources: Sources, certificates: CertificateCounts, contact: Contact, clock: Clock) -> Health {
    Health::new(move || {
        let now = clock.now();
        vec![
            Check { name: "sources", state: mappings(&sources) },
            Check { name: "certificate", state: certificate(certificates.not_after(), now) },
            Check { name: "sts", state: sts(contact.heard(), now) },
        ]
    })
}

fn mappings(sources: &Sources) -> State {
    let unsynced: Vec<_> = sources.unsynced().iter().map(|source| source.as_str()).collect();
    if !unsynced.is_empty() {
        return State::Bad(format!("not read yet: {}", unsynced.join(", ")));
    }
    let status = sources.status();
    let stale: Vec<_> =
        status.iter().filter(|source| source.stale_since.is_some()).map(|source| source.source.as_str()).collect();
    if stale.is_empty() {
        State::Good("all read".to_owned())
    } else {
        State::Shown(format!("the last good rules are in force of {}", stale.join(", ")))
    }
}

fn certificate(not_after: Timestamp, now: Timestamp) -> State {
    if not_after < now {
        State::Bad(format!("it ended at {not_after}"))
    } else {
        State::Good(format!("until {not_after}"))
    }
}

fn sts(heard: Heard, now: Timestamp) -> State {
    let ago = |time: Timestamp| now.duration_since(time).as_secs();
    if let Some(ahead) = heard.astray_by() {
        return State::Shown(format!("its clock is ahead of this machine's by {} s", ahead.as_secs()));
    }
    match (heard.at, heard.missed) {
        (None, None) => State::Good("not asked yet".to_owned()),
        (Some(at), missed) if missed.is_none_or(|missed| missed < at) => {
            State::Good(format!("heard {} s ago", ago(at)))
        }
        (Some(at), _) => State::Shown(format!("could not be heard of late; heard {} s ago", ago(at))),
        (None, Some(missed)) => State::Shown(format!("was never heard; last tried {} s ago", ago(missed))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_366_400 + second).unwrap()
    }

    #[test]
    fn a_certificate_that_has_ended_is_bad() {
        assert!(matches!(certificate(at(1), at(0)), State::Good(_)));
        assert!(matches!(certificate(at(0), at(1)), State::Bad(_)));
    }

    #[test]
    fn an_sts_that_cannot_be_heard_is_shown_and_never_bad() {
        let heard = |heard, missed| Heard { at: heard, missed, clock_ahead: None };
        for (heard, wanted) in [
            (heard(None, None), State::Good("not asked yet".to_owned())),
            (heard(Some(at(5)), None), State::Good("heard 5 s ago".to_owned())),
            (heard(Some(at(5)), Some(at(4))), State::Good("heard 5 s ago".to_owned())),
            (heard(Some(at(4)), Some(at(5))), State::Shown("could not be heard of late; heard 6 s ago".to_owned())),
            (heard(None, Some(at(5))), State::Shown("was never heard; last tried 5 s ago".to_owned())),
            (
                Heard { at: Some(at(9)), missed: None, clock_ahead: Some(SignedDuration::from_secs(-40)) },
                State::Shown("its clock is ahead of this machine's by -40 s".to_owned()),
            ),
        ] {
            assert_eq!(sts(heard, at(10)), wanted);
        }
    }
}
