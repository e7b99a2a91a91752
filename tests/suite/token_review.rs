use std::collections::BTreeMap;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{self, Answer, User, VERSIONS};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, FORWARDED, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::people::{self, ACCOUNT, CLUSTER, alice, bob, mallory};

#[tokio::test]
async fn every_form_of_the_question_is_answered_in_its_own_version() {
    let (_sts, server) = start();
    let reviewer = server.reviewer();
    for version in VERSIONS {
        let (good, bad) = (review::body(version, &token(&alice())), review::body(version, "k8s-aws-v1.bm9uZQ"));
        for change in [
            json!({}),
            json!({"metadata": {"creationTimestamp": null}}),
            json!({"metadata": null}),
            json!({"status": null}),
            json!({"unheard": "of"}),
        ] {
            // The version of an answer is checked where it is read.
            assert_eq!(reviewer.ask(version, &with(&good, &change)).await.user().username, "alice", "{change}");
            assert_eq!(reviewer.ask(version, &with(&bad, &change)).await.reason()[..6], *"token.", "{change}");
        }
        let audiences = json!({"token": good["spec"]["token"], "audiences": ["https://kubernetes.default.svc"]});
        let bound = with(&good, &json!({"spec": audiences}));
        assert_eq!(reviewer.ask(version, &bound).await.user().username, "alice");
    }
}

#[tokio::test]
async fn a_user_is_described_to_the_byte_as_the_go_program_does() {
    let (_sts, server) = start();
    let bob = bob();
    let (role_id, _) = bob.user_id.split_once(':').unwrap();
    let extra = [
        ("accessKeyId", bob.access_key_id.as_str()),
        ("arn", &bob.arn),
        ("canonicalArn", "arn:aws:iam::111122223333:role/viewer"),
        ("principalId", role_id),
        ("sessionName", "bob@example.com"),
        ("sigs.k8s.io/aws-iam-authenticator/principalId", role_id),
    ];
    let expected = User {
        username: "viewer:bob-example.com".to_owned(),
        uid: format!("aws-iam-authenticator:{ACCOUNT}:{role_id}"),
        groups: vec!["viewers".to_owned(), "everybody".to_owned()],
        extra: extra.map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).into(),
    };
    assert_eq!(server.reviewer().review(ReviewVersion::V1Beta1, &token(&bob)).await.user(), expected);
}

/// The twin of the former: the same callers, of an account that is scrubbed.
#[tokio::test]
async fn callers_of_a_scrubbed_account_are_let_in_and_not_described() {
    let (bob, mallory) = (bob(), people::mallory());
    let sts = Sts::start([bob.clone(), mallory.clone()]);
    let config = people::config("aws").replace("server:\n", &format!("server:\n  scrubbedAccounts: ['{ACCOUNT}']\n"));
    let server = Server::start(&config, &sts);
    let expected = User {
        username: "viewer:bob-example.com".to_owned(),
        uid: "aws-iam-authenticator:administrative:viewer:bob-example.com".to_owned(),
        groups: vec!["viewers".to_owned(), "everybody".to_owned()],
        extra: BTreeMap::new(),
    };
    let reviewer = server.reviewer();
    assert_eq!(reviewer.review(ReviewVersion::V1, &token(&bob)).await.user(), expected);
    let reason = reviewer.review(ReviewVersion::V1, &token(&mallory)).await.reason();
    assert_eq!(reason, "identity.not_mapped: the caller is not mapped");
    let log: String = server.log().iter().map(ToString::to_string).collect();
    assert!(log.contains("access granted") && log.contains("access denied"));
    for told in [ACCOUNT, &bob.access_key_id, &mallory.access_key_id, "user/mallory"] {
        assert!(!log.contains(told), "{told}: {log}");
    }
}

#[tokio::test]
async fn a_user_has_no_session_name() {
    let (_sts, server) = start();
    let user = server.reviewer().review(ReviewVersion::V1, &token(&alice())).await.user();
    let names: BTreeMap<_, _> = user.extra.iter().filter(|(key, _)| *key == "sessionName").collect();
    assert_eq!(names.values().collect::<Vec<_>>(), [&&vec![String::new()]]);
    assert_eq!(user.uid, format!("aws-iam-authenticator:{ACCOUNT}:{}", alice().user_id));
}

#[tokio::test]
async fn a_refusal_is_an_answer_that_begins_with_its_code() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let ended = Principal::role_session(ACCOUNT, "viewer", "late")
        .session_ends(Timestamp::now() - SignedDuration::from_secs(1));
    let stranger = Principal::user(ACCOUNT, "stranger");
    for known in [mallory(), ended.clone()] {
        sts.know(known);
    }
    let without_session = Principal { session: None, ..bob() };
    let with_another_session = Principal { session: mallory().with_session().session, ..bob() };
    // Who asks, the reason, and how often STS is asked.
    let rows = [
        ("nobody's token", "nobody's token".to_owned(), "token.prefix: ", 0),
        ("an empty token", String::new(), "token.prefix: ", 0),
        ("what is not base64", "k8s-aws-v1.!".to_owned(), "token.base64: ", 0),
        ("a token that is too large", format!("k8s-aws-v1.{}", "A".repeat(17_000)), "token.too_large: ", 0),
        ("a known caller who is not mapped", token(&mallory()), "identity.not_mapped: ", 1),
        ("a caller whom STS does not know", token(&stranger), "sts.unknown_credentials: ", 1),
        ("a session key without its token", token(&without_session), "sts.unknown_credentials: ", 1),
        ("a session key with another's token", token(&with_another_session), "sts.unknown_credentials: ", 1),
        ("a session that has ended", token(&ended), "sts.expired_credentials: ", 1),
        ("a forger", token(&alice().forger()), "sts.signature_does_not_match: ", 1),
        (
            "a token for another cluster",
            plugin::token(&alice(), "another", REGION),
            "sts.signature_does_not_match: ",
            1,
        ),
    ];
    for (label, token, code, calls) in rows {
        let before = sts.seen().len();
        let reason = reviewer.review(ReviewVersion::V1, &token).await.reason();
        assert!(reason.starts_with(code), "{label}: {reason}");
        assert_eq!(sts.seen().len() - before, calls, "{label}");
    }
    assert_eq!(reviewer.review(ReviewVersion::V1, &token(&alice())).await.user().username, "alice");
}

#[tokio::test]
async fn what_no_api_server_sends_is_turned_away_before_sts_is_asked() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let good = review::body(ReviewVersion::V1, &token(&alice()));
    let bodies = [
        ("nothing", String::new()),
        ("no JSON", "token".to_owned()),
        ("a list", format!("[{good}]")),
        ("two documents", format!("{good}{good}")),
        ("half a document", good.to_string()[..40].to_owned()),
        ("another kind", with(&good, &json!({"kind": "Pod"})).to_string()),
        ("no kind", with(&good, &json!({"kind": null})).to_string()),
        ("another version", with(&good, &json!({"apiVersion": "authentication.k8s.io/v2"})).to_string()),
        ("another group", with(&good, &json!({"apiVersion": "v1"})).to_string()),
        ("a token that is no text", with(&good, &json!({"spec": {"token": 1}})).to_string()),
    ];
    for (label, body) in bodies {
        let response = reviewer.send(reviewer.request(body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{label}: {response:?}");
        assert!(!response.body().is_empty(), "{label}: the API server logs the reason");
    }
    assert_eq!(reviewer.ask(ReviewVersion::V1, &good).await.user().username, "alice");
    assert_eq!(sts.seen().len(), 1);
}

/// An API server leaves an empty token out of its JSON.
#[tokio::test]
async fn a_review_without_a_token_is_answered_with_a_refusal() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let good = review::body(ReviewVersion::V1Beta1, &token(&alice()));
    let mut without_spec = good.clone();
    without_spec.as_object_mut().unwrap().remove("spec");
    for review in [
        with(&good, &json!({"spec": {"token": ""}})),
        with(&good, &json!({"spec": {}})),
        with(&good, &json!({"spec": {"Token": token(&alice())}})),
        without_spec,
    ] {
        let reason = reviewer.ask(ReviewVersion::V1Beta1, &review).await.reason();
        assert!(reason.starts_with("token.prefix: "), "{reason}");
    }
    assert_eq!(reviewer.ask(ReviewVersion::V1Beta1, &good).await.user().username, "alice");
    assert_eq!(sts.seen().len(), 1);
}

#[tokio::test]
async fn a_request_that_is_no_token_review_has_its_own_status() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let body = review::body(ReviewVersion::V1, &token(&alice())).to_string();
    let request = || reviewer.request(body.clone());
    let to = |target: &str| reviewer.url().replace("/authenticate", target).parse().unwrap();
    let with_header = |name, value: &'static str| {
        let mut request = request();
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        request
    };
    let with_method = |method| {
        let mut request = request();
        *request.method_mut() = method;
        request
    };
    let with_target = |target: &str| {
        let mut request = request();
        *request.uri_mut() = to(target);
        request
    };
    let rows = [
        ("another method", with_method(Method::GET), StatusCode::METHOD_NOT_ALLOWED),
        ("another method", with_method(Method::PUT), StatusCode::METHOD_NOT_ALLOWED),
        ("another path", with_target("/"), StatusCode::NOT_FOUND),
        ("a path below it", with_target("/authenticate/"), StatusCode::NOT_FOUND),
        ("a path in capitals", with_target("/Authenticate"), StatusCode::NOT_FOUND),
        ("another type", with_header(CONTENT_TYPE, "application/yaml"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("a compressed body", with_header(CONTENT_ENCODING, "gzip"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("a large body", reviewer.request(vec![b' '; 65 * 1024]), StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (label, request, status) in rows {
        let response = reviewer.send(request).await.unwrap();
        assert_eq!(response.status(), status, "{label}");
        assert_eq!(status == StatusCode::METHOD_NOT_ALLOWED, response.headers().contains_key(ALLOW), "{label}");
    }
    assert!(sts.seen().is_empty());
    for good in [
        with_target("/authenticate"),
        with_target("/authenticate?a=b"),
        with_header(CONTENT_TYPE, "application/json; charset=utf-8"),
    ] {
        assert_eq!(reviewer.send(good).await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn nothing_that_the_caller_wrote_reaches_sts() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let mut request = reviewer.request(review::body(ReviewVersion::V1, &token(&bob())).to_string());
    for (name, value) in [(USER_AGENT, "curl"), (COOKIE, "a=b"), (FORWARDED, "for=192.0.2.1")] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    assert_eq!(reviewer.send(request).await.unwrap().status(), StatusCode::OK);

    let [seen] = &sts.seen()[..] else { panic!("one call") };
    let (names, values): (Vec<_>, Vec<_>) = seen.headers().into_iter().unzip();
    assert_eq!(names, ["accept", "host", "user-agent", "x-k8s-aws-id"]);
    assert_eq!(values[..2], ["application/json", "sts.us-west-2.amazonaws.com"]);
    assert!(values[2].starts_with("authenticator-server/"), "{values:?}");
    assert_eq!(values[3], CLUSTER);
    assert_eq!((&seen.parts.method, seen.parts.uri.path()), (&Method::GET, "/"));
    assert!(seen.body.is_empty());

    let parameters: Vec<_> = seen.query().split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    let expected = [
        "Action",
        "Version",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ];
    let mut sorted = parameters.clone();
    sorted.sort_unstable();
    let mut expected_sorted = expected;
    expected_sorted.sort_unstable();
    assert_eq!(sorted, expected_sorted);
}

#[tokio::test]
async fn an_sts_that_cannot_tell_is_no_denial() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let status = |code, content_type: &str, body: &'static str| Behaviour::Status {
        code,
        content_type: content_type.to_owned(),
        body: Bytes::from_static(body.as_bytes()),
    };
    let identity = |account: &str| {
        let result = json!({"Account": account, "Arn": alice().arn, "UserId": alice().user_id});
        let metadata = json!({"RequestId": "00000000-0000-4000-8000-000000000000"});
        json!({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result, "ResponseMetadata": metadata}})
    };
    let token = token(&alice());
    let rows = [
        ("it throttles", Behaviour::Throttle, "sts.throttled: "),
        ("it is broken", status(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "oops"), "sts."),
        ("it is away", status(StatusCode::SERVICE_UNAVAILABLE, "text/html", "<html>"), "sts."),
        ("it throttles otherwise", status(StatusCode::TOO_MANY_REQUESTS, "text/plain", ""), "sts."),
        ("it redirects", status(StatusCode::FOUND, "text/plain", ""), "sts."),
        ("it refuses in no words of its own", status(StatusCode::FORBIDDEN, "text/html", "<html>"), "sts."),
        ("it says nothing", status(StatusCode::OK, "application/json", ""), "sts.answer: "),
        ("it says something else", Behaviour::Answer(json!({"Account": ACCOUNT})), "sts.answer: "),
        ("it speaks XML", status(StatusCode::OK, "text/xml", "<GetCallerIdentityResponse/>"), "sts.answer: "),
        ("it contradicts itself", Behaviour::Answer(identity("444455556666")), "sts.answer: "),
        ("it hangs up", Behaviour::CloseConnection, "sts.unreachable: "),
        ("it never answers", Behaviour::Hang, "sts.timed_out: "),
    ];
    for (label, behaviour, code) in rows {
        sts.behave(behaviour);
        let mut text = no_verdict(label, reviewer.review(ReviewVersion::V1, &token).await);
        if text.starts_with("sts.timed_out: ") && code != "sts.timed_out: " {
            // On a machine that is busy with other things the emulator may get its turn too late.
            text = no_verdict(label, reviewer.review(ReviewVersion::V1, &token).await);
        }
        assert!(text.starts_with(code), "{label}: {text}");
    }
    // The document of the contradiction is believed when it agrees with itself, and the token was never at fault.
    sts.behave(Behaviour::Answer(identity(ACCOUNT)));
    assert_eq!(reviewer.review(ReviewVersion::V1, &token).await.user().username, "alice");
}

#[tokio::test]
async fn an_sts_that_is_not_there_is_no_denial() {
    let (sts, server) = start();
    // Only what the emulator is asked counts: its address is nobody's from here on.
    drop(sts);
    let answer = server.reviewer().review(ReviewVersion::V1, &token(&alice())).await;
    assert!(matches!(answer, Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, .. }), "{answer:?}");
}

#[tokio::test]
async fn a_refusal_has_the_go_programs_status_on_demand() {
    let sts = Sts::start([alice()]);
    let server = Setup::new(&people::config("aws")).sts(&sts).argument("--deny-status=403").start().unwrap();
    let reviewer = server.reviewer();
    for (principal, status) in [(alice().forger(), StatusCode::FORBIDDEN), (alice(), StatusCode::OK)] {
        let request = reviewer.request(review::body(ReviewVersion::V1, &token(&principal)).to_string());
        let response = reviewer.send(request).await.unwrap();
        assert_eq!(response.status(), status);
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["status"]["authenticated"], status == StatusCode::OK);
        assert_eq!(answer["kind"], "TokenReview");
    }
}

#[tokio::test]
async fn a_health_check_asks_nobody() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let url = reviewer.url().replace("/authenticate", "/healthz");
    let response = reviewer.send(Request::get(url).body(Full::default()).unwrap()).await.unwrap();
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"ok"[..]));
    assert_eq!(sts.connections(), 0);
}

fn start() -> (Sts, Server) {
    let sts = Sts::start([alice(), bob()]);
    let server = Server::start(&people::config("aws"), &sts);
    (sts, server)
}

fn token(principal: &Principal) -> String {
    plugin::token(principal, CLUSTER, REGION)
}

/// The text of a 503.
fn no_verdict(label: &str, answer: Answer) -> String {
    match answer {
        Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } => text,
        other => panic!("{label}: {other:?}"),
    }
}

/// The document with some members replaced; `null` takes one away.
fn with(document: &Value, members: &Value) -> Value {
    let mut document = document.clone();
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(document.as_object_mut().unwrap().remove(name)),
            value => document[name] = value.clone(),
        }
    }
    document
}

const REGION: &str = "us-west-2";
