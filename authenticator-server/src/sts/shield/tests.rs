use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use mapping::Partition;
use tokio::sync::Semaphore;

use super::super::{CallerIdentity, read_answer};
use super::*;
use crate::token::{HostTable, PREFIX, Token};

/// STS as a test wants it: it counts calls, and answers what it is set to once it may.
#[derive(Clone)]
struct Sts {
    calls: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer<CallerIdentity>>>,
    may_answer: Arc<Semaphore>,
}

impl Sts {
    fn answering(answer: Answer<CallerIdentity>) -> Self {
        Self {
            calls: Arc::default(),
            answer: Arc::new(Mutex::new(answer)),
            may_answer: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    fn say(&self, answer: Answer<CallerIdentity>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn shield(&self, limits: ShieldLimits) -> Shield<CallerIdentity> {
        let sts = self.clone();
        Shield::new(
            limits,
            ShieldCounts::default(),
            |_| 0,
            move |_| {
                let sts = sts.clone();
                async move {
                    sts.calls.fetch_add(1, Ordering::SeqCst);
                    sts.may_answer.acquire().await.unwrap().forget();
                    sts.may_answer.add_permits(1);
                    sts.answer.lock().unwrap().clone()
                }
            },
        )
    }
}

fn ann() -> Answer<CallerIdentity> {
    let body = r#"{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Account":"111122223333",
        "Arn":"arn:aws:iam::111122223333:user/Ann","UserId":"AIDACKCEVSQ6C2EXAMPLE"}}}"#;
    read_answer(StatusCode::OK, Some("application/json"), body.as_bytes())
}

fn refused() -> Answer<CallerIdentity> {
    Err(Rejection::SignatureDoesNotMatch.into())
}

fn away() -> Answer<CallerIdentity> {
    Err(Outage::Unreachable.into())
}

/// A token's digest and request; each number gives another token.
fn token(number: u8) -> (TokenDigest, Arc<PresignedRequest>) {
    use base64::Engine as _;
    let url = format!(
        "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE/20260102/us-west-2/sts/aws4_request&X-Amz-Date=20260102T030405Z\
         &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature={number:064x}"
    );
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(url);
    let token = Token::new(format!("{PREFIX}{encoded}"));
    let hosts = HostTable::for_partition(Partition::Aws);
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let request = PresignedRequest::parse(&token, &hosts, &Limits::default(), now).unwrap();
    (token.digest(), Arc::new(request))
}

async fn ask(shield: &Shield<CallerIdentity>, number: u8) -> Result<String, AskError> {
    let (digest, request) = token(number);
    shield.ask(digest, &request).await.answer.map(|caller| caller.arn().to_owned())
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_about_one_token_share_one_call() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let shield = sts.shield(ShieldLimits::default());
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let shield = shield.clone();
            tokio::spawn(async move { ask(&shield, 1).await })
        })
        .collect();
    while sts.calls() == 0 {
        tokio::task::yield_now().await;
    }
    sts.may_answer.add_permits(1);
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap(), "arn:aws:iam::111122223333:user/Ann");
    }
    assert_eq!(sts.calls(), 1);
    ask(&shield, 2).await.unwrap();
    assert_eq!(sts.calls(), 2, "another token is another call");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_does_not_cancel_what_others_wait_for() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let shield = sts.shield(ShieldLimits::default());
    let asking = |shield: Shield<CallerIdentity>| tokio::spawn(async move { ask(&shield, 1).await });
    let (first, second) = (asking(shield.clone()), asking(shield.clone()));
    while sts.calls() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    sts.may_answer.add_permits(1);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(sts.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_fresh_for_its_time_and_then_asked_for_again() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(ShieldLimits::default());
    ask(&shield, 1).await.unwrap();
    pass(29).await;
    ask(&shield, 1).await.unwrap();
    assert_eq!(sts.calls(), 1);
    pass(2).await;
    ask(&shield, 1).await.unwrap();
    assert_eq!(sts.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_used_while_sts_is_away_and_only_if_there_is_one() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(ShieldLimits::default());
    ask(&shield, 1).await.unwrap();
    sts.say(away());
    pass(31).await;
    ask(&shield, 1).await.unwrap();
    let calls = sts.calls();
    assert_eq!(calls, 1 + 3, "three tries before the old answer is used");
    ask(&shield, 1).await.unwrap();
    assert_eq!(sts.calls(), calls, "and none at all a moment later");
    assert_eq!(ask(&shield, 2).await, Err(Outage::Unreachable.into()));
    sts.say(ann());
    assert!(ask(&shield, 2).await.is_ok(), "an outage is not remembered");
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_last_answer_is_never_used() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(ShieldLimits::default());
    ask(&shield, 1).await.unwrap();
    sts.say(refused());
    pass(31).await;
    assert_eq!(ask(&shield, 1).await, Err(Rejection::SignatureDoesNotMatch.into()));
    let calls = sts.calls();
    sts.say(away());
    assert_eq!(ask(&shield, 1).await, Err(Rejection::SignatureDoesNotMatch.into()), "it is kept for a moment");
    assert_eq!(sts.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn an_outage_between_two_answers_is_tried_again() {
    let sts = Sts::answering(away());
    let shield = sts.shield(ShieldLimits::default());
    let asking = tokio::spawn({
        let shield = shield.clone();
        async move { ask(&shield, 1).await }
    });
    while sts.calls() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sts.say(ann());
    assert!(asking.await.unwrap().is_ok());
    assert_eq!(sts.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_tried_again_until_the_deadline_and_no_longer() {
    let sts = Sts::answering(Err(Outage::Throttled.into()));
    let shield = sts.shield(ShieldLimits::default());
    let begun = Instant::now();
    assert_eq!(ask(&shield, 1).await, Err(Outage::Throttled.into()));
    assert!(begun.elapsed() <= ShieldLimits::default().deadline);
    assert!(sts.calls() > 3);
}

#[tokio::test(start_paused = true)]
async fn sts_that_hangs_is_given_up_at_the_deadline() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let shield = sts.shield(ShieldLimits::default());
    let begun = Instant::now();
    assert_eq!(ask(&shield, 1).await, Err(Outage::TimedOut.into()));
    assert!(begun.elapsed() <= ShieldLimits::default().deadline);
}

#[tokio::test(start_paused = true)]
async fn one_flight_too_many_is_turned_away_at_once() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let shield = sts.shield(ShieldLimits { max_flights: 1, ..ShieldLimits::default() });
    let first = tokio::spawn({
        let shield = shield.clone();
        async move { ask(&shield, 1).await }
    });
    while sts.calls() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&shield, 2).await, Err(Outage::Overloaded.into()));
    sts.may_answer.add_permits(1);
    assert!(first.await.unwrap().is_ok());
    assert!(ask(&shield, 2).await.is_ok());
    assert!(shield.inner.flights().of.is_empty(), "flights that have landed are forgotten");
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_where_it_came_from() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(ShieldLimits { max_flights: 1, ..ShieldLimits::default() });
    let origin = async |number| {
        let (digest, request) = token(number);
        shield.ask(digest, &request).await.from
    };
    assert_eq!(origin(1).await, Origin::Asked);
    assert_eq!(origin(1).await, Origin::Fresh);
    sts.say(refused());
    assert_eq!(origin(2).await, Origin::Asked);
    assert_eq!(origin(2).await, Origin::Refusal);
    sts.say(away());
    pass(31).await;
    assert_eq!(origin(1).await, Origin::Stale);

    sts.say(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let calls = sts.calls();
    let (digest, request) = token(3);
    let asking = || {
        let (shield, request) = (shield.clone(), Arc::clone(&request));
        tokio::spawn(async move { shield.ask(digest, &request).await.from })
    };
    let (first, second) = (asking(), asking());
    while sts.calls() == calls {
        tokio::task::yield_now().await;
    }
    assert_eq!(origin(4).await, Origin::Shed);
    assert_eq!(shield.load().flights, 1);
    sts.may_answer.add_permits(1);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (Origin::Asked, Origin::Joined));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_known_does_not_wait_for_an_sts_that_hangs_as_a_stranger_must() {
    let sts = Sts::answering(ann());
    let (shield, limits) = (sts.shield(ShieldLimits::default()), ShieldLimits::default());
    ask(&shield, 1).await.unwrap();
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    pass(31).await;
    let begun = Instant::now();
    let (digest, request) = token(1);
    let told = shield.ask(digest, &request).await;
    assert_eq!((told.from, told.answer.is_ok(), begun.elapsed()), (Origin::Stale, true, limits.patience));
    assert_eq!(ask(&shield, 2).await, Err(Outage::TimedOut.into()));

    // What the flight brings in the end holds: a refusal ends it.
    sts.say(refused());
    pass(60).await;
    let asking = tokio::spawn({
        let shield = shield.clone();
        async move { ask(&shield, 1).await }
    });
    assert!(asking.await.unwrap().is_ok());
    sts.may_answer.add_permits(10);
    while shield.load().flights > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&shield, 1).await, Err(Rejection::SignatureDoesNotMatch.into()));
}

/// Lets everything run until nothing moves; time stands still.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

fn asking(shield: &Shield<CallerIdentity>, number: u8) -> tokio::task::JoinHandle<Result<String, AskError>> {
    let shield = shield.clone();
    tokio::spawn(async move { ask(&shield, number).await })
}

/// Three unknown callers may wait, and one of them may be asked about.
fn few_unknown() -> ShieldLimits {
    let gate = GateLimits { strangers_in_flight: 1, ..GateLimits::default() };
    ShieldLimits { gate, unknown: UnknownLimits { requests: 3, ..UnknownLimits::default() }, ..ShieldLimits::default() }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_caller_is_shed_at_once_where_others_hold_the_share_and_a_known_one_is_not() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(ShieldLimits { fresh: Duration::ZERO, ..few_unknown() });
    ask(&shield, 1).await.unwrap();
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let waiting = [asking(&shield, 2), asking(&shield, 2), asking(&shield, 2)];
    settle().await;
    assert_eq!(ask(&shield, 3).await, Err(Outage::Overloaded.into()));
    let told = shield.ask(token(1).0, &token(1).1).await;
    assert_eq!((told.from, told.answer.is_ok()), (Origin::Stale, true), "an identity in the cache needs no share");
    shield.welcome(token(3).1.credentials_digest()).await;
    let known = asking(&shield, 3);
    settle().await;
    sts.may_answer.add_permits(10);
    assert!(known.await.unwrap().is_ok(), "nor does a caller that was admitted lately");
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    assert!(ask(&shield, 4).await.is_ok(), "what they held is free again");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_callers_share_is_counted_in_bytes() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    // Of which those of one host may hold three quarters.
    let bytes = (FLIGHT_BYTES + 3 * token(1).1.size()) * 4 / 3 + 1;
    let unknown = UnknownLimits { bytes, ..UnknownLimits::default() };
    let shield = sts.shield(ShieldLimits { unknown, ..ShieldLimits::default() });
    let first = asking(&shield, 1);
    settle().await;
    assert_eq!(ask(&shield, 2).await, Err(Outage::Overloaded.into()), "another flight has no room");
    let second = asking(&shield, 1);
    settle().await;
    sts.may_answer.add_permits(1);
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok(), "one who joins holds less");
}

#[tokio::test(start_paused = true)]
async fn a_flight_of_unknown_callers_ends_when_all_of_them_have_hung_up() {
    let sts = Sts::answering(ann());
    let shield = sts.shield(few_unknown());
    // A host that has answered once gets no probes.
    ask(&shield, 9).await.unwrap();
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let called = asking(&shield, 1);
    settle().await;
    let [first, second] = [asking(&shield, 2), asking(&shield, 2)];
    settle().await;
    assert_eq!((sts.calls(), shield.load().flights), (2, 2));
    first.abort();
    settle().await;
    assert_eq!(shield.load().flights, 2, "one still waits");
    second.abort();
    settle().await;
    assert_eq!(shield.load().flights, 1);
    assert!(shield.inner.unknown.reserve("host", 1).is_some(), "what it held is free again");

    called.abort();
    settle().await;
    assert_eq!(shield.load().flights, 1, "a call that was begun is ended");
    let joined = asking(&shield, 1);
    settle().await;
    sts.may_answer.add_permits(1);
    assert!(joined.await.unwrap().is_ok());
    assert_eq!((sts.calls(), shield.load().flights), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_flight_of_a_known_caller_lands_though_it_has_hung_up() {
    let sts = Sts::answering(ann());
    sts.may_answer.forget_permits(Semaphore::MAX_PERMITS);
    let gate = GateLimits { in_flight: 1, ..GateLimits::default() };
    let shield = sts.shield(ShieldLimits { gate, ..ShieldLimits::default() });
    shield.welcome(token(1).1.credentials_digest()).await;
    let [called, waiting] = [asking(&shield, 1), asking(&shield, 2)];
    settle().await;
    called.abort();
    waiting.abort();
    settle().await;
    assert_eq!((sts.calls(), shield.load().flights), (1, 2));
    sts.may_answer.add_permits(1);
    settle().await;
    assert_eq!((sts.calls(), shield.load().flights), (2, 0));
    assert!(ask(&shield, 2).await.is_ok());
    assert_eq!(sts.calls(), 2, "its answer is in the cache");
}
