use authenticator_tests::support::clock::WallClock;
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::draft::{Draft, token_of};
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Setup;
use authenticator_tests::support::sts::Sts;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::people::{self, CLUSTER, alice};

#[tokio::test]
async fn a_clock_that_somebody_sets_refuses_nobody_shows_at_once_and_is_forgotten_once_it_is_right() {
    let (sts, clock) = (Sts::start([alice()]), WallClock::right());
    let server = clock.under(Setup::new(&people::config("aws")).sts(&sts)).start().unwrap();
    let reviewer = server.reviewer();
    let_in(&reviewer).await;
    for (offset, ahead) in [("+20m", -1200.0), ("-20m", 1200.0)] {
        clock.set(offset);
        let answer = reviewer.review(ReviewVersion::V1, &token()).await;
        assert!(is_doubtful(&answer), "{offset}: {answer:?}");
        let skew = Numbers::read(&reviewer).await.sum("sts_clock_skew_seconds");
        assert!((skew - ahead).abs() < 30.0, "{offset}: {skew}");
        clock.set("+0");
        let_in(&reviewer).await;
    }
}

/// Within what clocks may differ by, and within the life of a token, nothing is seen of it.
#[tokio::test]
async fn a_clock_that_is_set_by_minutes_lets_everybody_in_as_before() {
    let (sts, clock) = (Sts::start([alice()]), WallClock::right());
    let server = clock.under(Setup::new(&people::config("aws")).sts(&sts)).start().unwrap();
    let reviewer = server.reviewer();
    for offset in ["+0", "+13m", "-4m"] {
        clock.set(offset);
        let_in(&reviewer).await;
    }
}

/// The deny twin: by both clocks its time is over.
#[tokio::test]
async fn a_token_that_has_ended_by_both_clocks_is_refused_however_far_they_are_apart() {
    let (sts, clock) = (Sts::start([alice()]), WallClock::right());
    let server = clock.under(Setup::new(&people::config("aws")).sts(&sts)).start().unwrap();
    let reviewer = server.reviewer();
    let_in(&reviewer).await;
    for offset in ["+0", "+20m"] {
        clock.set(offset);
        let at = Timestamp::now() - SignedDuration::from_mins(16);
        let mut draft = Draft::new(&alice(), CLUSTER, "sts.us-west-2.amazonaws.com", "us-west-2", at);
        draft.sign();
        let answer = reviewer.review(ReviewVersion::V1, &token_of(draft.url().as_bytes())).await;
        assert!(matches!(&answer, Answer::Refused(why) if why.starts_with("token.expired")), "{offset}: {answer:?}");
    }
    assert_eq!(sts.seen().len(), 1, "of those STS hears nothing");
}

async fn let_in(reviewer: &Reviewer) {
    assert_eq!(reviewer.review(ReviewVersion::V1, &token()).await.user().username, "alice");
}

fn is_doubtful(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } if text.starts_with("clock.astray"))
}

fn token() -> String {
    plugin::token(&alice(), CLUSTER, "us-west-2")
}
