use authenticator_tests::support::clock::WallClock;
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::draft::{Draft, token_of};
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::Setup;
use authenticator_tests::support::sts::{Behaviour, Sts};
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

/// A token that has eight seconds to live when it is let in, and has ended when the clock is set back.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_token_live_on_while_sts_is_away() {
    let (sts, clock) = (Sts::start([alice()]), WallClock::right());
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--sts-identity-ttl=0s");
    let server = clock.under(setup).start().unwrap();
    let reviewer = server.reviewer();
    let signed_at = Timestamp::now() - SignedDuration::from_secs(15 * 60 - 8);
    let token = signed(signed_at);
    assert!(matches!(reviewer.review(ReviewVersion::V1, &token).await, Answer::Allowed(_)));
    sts.behave(Behaviour::CloseConnection);
    eventually("it ends", || Timestamp::now() > signed_at + SignedDuration::from_secs(15 * 60 + 1));
    clock.set("-10m");
    let answer = reviewer.review(ReviewVersion::V1, &token).await;
    assert!(is_doubtful(&answer), "{answer:?}");
    // Its twin has not ended: it is let in by what was said last.
    sts.behave(Behaviour::Normal);
    clock.set("+0");
    let twin = signed(Timestamp::now());
    assert!(matches!(reviewer.review(ReviewVersion::V1, &twin).await, Answer::Allowed(_)));
    sts.behave(Behaviour::CloseConnection);
    clock.set("+10m");
    assert!(matches!(reviewer.review(ReviewVersion::V1, &twin).await, Answer::Allowed(_)));
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
        let token = signed(Timestamp::now() - SignedDuration::from_mins(16));
        let answer = reviewer.review(ReviewVersion::V1, &token).await;
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

/// A token of alice's that was signed then.
fn signed(at: Timestamp) -> String {
    let mut draft = Draft::new(&alice(), CLUSTER, "sts.us-west-2.amazonaws.com", "us-west-2", at);
    draft.sign();
    token_of(draft.url().as_bytes())
}

fn token() -> String {
    plugin::token(&alice(), CLUSTER, "us-west-2")
}
