use authenticator_tests::support::broken_sts::{Breakage, BrokenSts};
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::draft::{Draft, token_of};
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::review::Answer;
use authenticator_tests::support::server::Setup;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::people::{self, ACCOUNT, CLUSTER, alice};

/// Whatever stands where STS should be and does not say what STS says: nobody is let in for it, nobody is refused for it, nothing
/// is followed, and it costs no memory. Each time its twin, the same server with STS's own answer, is believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_not_stss_own_answer_lets_in_or_refuses_anybody() {
    let sts = BrokenSts::start(HOST).await.unwrap();
    let server = Setup::new(&people::config("aws"))
        .argument(format!("--sts-endpoint={}", sts.address()))
        .argument(format!("--sts-ca-file={}", sts.ca_file().display()))
        .start()
        .expect("the webhook comes up");
    let reviewer = server.reviewer();
    let mut wrong = Vec::new();
    let rows = rows();
    for (count, (label, breakage)) in rows.iter().enumerate() {
        sts.behave(breakage.clone());
        match reviewer.review(ReviewVersion::V1, &token(2 * count)).await {
            Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } if text.starts_with("sts.") => {}
            other => wrong.push(format!("{label}: {other:?}")),
        }
        let requests = sts.take_requests();
        if let Some(line) = requests.iter().find(|line| !line.starts_with("GET /?Action=GetCallerIdentity&")) {
            wrong.push(format!("{label}: it is followed to {line}"));
        }
        // When STS throttles, the gate asks on, ever more slowly, until the deadline.
        if requests.len() > 3 && !label.starts_with("throttling") {
            wrong.push(format!("{label}: asked {} times", requests.len()));
        }

        sts.behave(Breakage::Bytes(response("200 OK", JSON, &good().to_string())));
        // Throttling is remembered for a while, and then the next in line may have to wait.
        let mut answer = reviewer.review(ReviewVersion::V1, &token(2 * count + 1)).await;
        for _ in 0..5 {
            if !matches!(answer, Answer::Failed { .. }) {
                break;
            }
            answer = reviewer.review(ReviewVersion::V1, &token(2 * count + 1)).await;
        }
        if !matches!(answer, Answer::Allowed(_)) {
            wrong.push(format!("the twin of {label}: {answer:?}"));
        }
        let _ = sts.take_requests();
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    let numbers = Numbers::read(&reviewer).await;
    for code in ["sts.answer", "sts.status", "sts.throttled", "sts.unreachable"] {
        assert!(numbers.sum(&format!("sts_answers_total{{code=\"{code}\"")) > 0.0, "{code}");
    }
    let peak = server.peak_memory();
    println!("broken STS: {} ways, none believed; {} MiB of memory at most", rows.len(), peak / 1024);
    assert!(peak < 40 * 1024, "{peak} KiB");
}

fn rows() -> Vec<(&'static str, Breakage)> {
    let bytes = |status: &str, head: &str, body: &str| Breakage::Bytes(response(status, head, body));
    let json = |status: &str, body: Value| bytes(status, JSON, &body.to_string());
    let error = |code: &str| json!({"Error": {"Code": code, "Message": "m", "Type": "Sender"}, "RequestId": "r"});
    let good_text = good().to_string();
    let with = |member: &str, value: Value| {
        let mut document = good();
        document["GetCallerIdentityResponse"]["GetCallerIdentityResult"][member] = value;
        json("200 OK", document)
    };
    let moved = |status: &str, to: &str| bytes(status, &format!("Location: {to}\r\n"), "");
    let elsewhere = "https://sts.eu-west-1.amazonaws.com/";
    let mut rows = vec![
        ("500", json("500 Internal Server Error", error("InternalFailure"))),
        ("500 with a code of refusal", json("500 Internal Server Error", error("SignatureDoesNotMatch"))),
        ("502 of a proxy", bytes("502 Bad Gateway", HTML, "<html>")),
        ("503", json("503 Service Unavailable", error("ServiceUnavailable"))),
        ("503 with a code of refusal", json("503 Service Unavailable", error("AccessDenied"))),
        ("504 of a proxy", bytes("504 Gateway Timeout", HTML, "<html>")),
        ("403 of a proxy", bytes("403 Forbidden", HTML, "<html>")),
        (
            "403 in XML",
            bytes("403 Forbidden", "Content-Type: text/xml\r\n", "<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        ),
        ("403 without a code", json("403 Forbidden", json!({"message": "Forbidden"}))),
        ("403 with a code that nobody knows", json("403 Forbidden", error("SomethingNew"))),
        ("403 with two documents", bytes("403 Forbidden", JSON, &format!("{0}{0}", error("AccessDenied")))),
        ("400 with a part missing that we sent", json("400 Bad Request", error("MissingAuthenticationToken"))),
        ("407 of a proxy", bytes("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", "")),
        ("nothing", bytes("200 OK", JSON, "")),
        ("text", bytes("200 OK", JSON, "who knows")),
        ("bytes", bytes("200 OK", JSON, "\u{0}\u{1}\u{2}")),
        ("null", bytes("200 OK", JSON, "null")),
        ("half a document", bytes("200 OK", JSON, &good_text[..40])),
        ("XML", bytes("200 OK", "Content-Type: text/xml\r\n", "<GetCallerIdentityResponse/>")),
        ("its answer as XML", bytes("200 OK", "Content-Type: text/xml\r\n", &good_text)),
        ("its answer as text", bytes("200 OK", "Content-Type: text/plain\r\n", &good_text)),
        ("its answer without a type", bytes("200 OK", "", &good_text)),
        ("its answer twice", bytes("200 OK", JSON, &good_text.repeat(2))),
        ("its answer and text", bytes("200 OK", JSON, &format!("{good_text}x"))),
        ("its answer in a list", bytes("200 OK", JSON, &format!("[{good_text}]"))),
        ("its answer in another object", json("200 OK", json!({"AssumeRoleResponse": good()}))),
        ("its answer behind a byte order mark", bytes("200 OK", JSON, &format!("\u{feff}{good_text}"))),
        (
            "a member twice",
            bytes("200 OK", JSON, &good_text.replacen("\"Account\":", "\"Account\":\"1\",\"Account\":", 1)),
        ),
        ("a member more", with("Extra", json!(1))),
        ("201", json("201 Created", good())),
        ("204", bytes("204 No Content", "", "")),
        ("206", json("206 Partial Content", good())),
        ("101", bytes("101 Switching Protocols", "Upgrade: x\r\nConnection: upgrade\r\n", "")),
        ("another account", with("Account", json!("999999999999"))),
        ("an account of eleven digits", with("Account", json!("11112222333"))),
        ("an account as a number", with("Account", json!(111_122_223_333_u64))),
        ("an ARN of another account", with("Arn", json!("arn:aws:iam::999999999999:user/alice"))),
        ("an ARN of another partition", with("Arn", json!(format!("arn:aws-cn:iam::{ACCOUNT}:user/alice")))),
        ("an ARN of another type", with("Arn", json!(format!("arn:aws:iot::{ACCOUNT}:thing/alice")))),
        ("an ARN of a role itself", with("Arn", json!(format!("arn:aws:iam::{ACCOUNT}:role/viewer")))),
        (
            "an ARN of a session with another's id",
            with("Arn", json!(format!("arn:aws:sts::{ACCOUNT}:assumed-role/viewer/x"))),
        ),
        ("no ARN", with("Arn", json!(""))),
        ("no user id", with("UserId", json!(""))),
        ("301", moved("301 Moved Permanently", elsewhere)),
        ("302", moved("302 Found", elsewhere)),
        ("303", moved("303 See Other", elsewhere)),
        ("307", moved("307 Temporary Redirect", elsewhere)),
        ("308", moved("308 Permanent Redirect", elsewhere)),
        ("a redirect within the host", moved("302 Found", "/elsewhere")),
        ("a redirect to plain HTTP", moved("302 Found", "http://127.0.0.1/")),
        (
            "a redirect with STS's answer in it",
            bytes("302 Found", &format!("{JSON}Location: /elsewhere\r\n"), &good_text),
        ),
        ("a refresh", bytes("200 OK", &format!("{JSON}Refresh: 0; url={elsewhere}\r\n"), "")),
        ("no HTTP", Breakage::Bytes(b"hello\r\n\r\n".to_vec())),
        ("HTTP/0.9", Breakage::Bytes(good_text.clone().into_bytes())),
        ("nothing at all", Breakage::Bytes(Vec::new())),
        ("an answer that breaks off", Breakage::Bytes(cut_off(&good_text))),
        ("chunks that are none", Breakage::Bytes(chunked("zz\r\n"))),
        ("a chunk longer than anything", Breakage::Bytes(chunked("ffffffffffffffffff\r\n"))),
        ("a header without end", Breakage::BytesAndMore(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), 16 << 20)),
        ("a body of 256 MiB", Breakage::BytesAndMore(announced(256 << 20), 256 << 20)),
        ("a body of 256 MiB without a length", Breakage::BytesAndMore(unannounced(), 256 << 20)),
        ("a body that is one byte too large", bytes("200 OK", JSON, &(good_text.clone() + &" ".repeat(65_536)))),
        ("a slow body", Breakage::Dripping(unannounced())),
        ("silence", Breakage::Silence),
        ("half a handshake", Breakage::HalfAHandshake),
        ("no TLS", Breakage::NoTls),
        ("a certificate for another name", Breakage::AnotherName),
        ("a certificate of another authority", Breakage::AnotherAuthority),
        ("a certificate that has ended", Breakage::Ended),
    ];
    // Last, since it makes this server ask less often.
    rows.push(("throttling, as STS says it", json("400 Bad Request", error("Throttling"))));
    rows.push(("throttling, as gateways say it", bytes("429 Too Many Requests", "", "")));
    rows.push(("throttling with a server's error", json("503 Service Unavailable", error("Throttling"))));
    rows
}

/// What STS says of alice.
fn good() -> Value {
    let result = json!({"Account": ACCOUNT, "Arn": alice().arn, "UserId": alice().user_id});
    let metadata = json!({"RequestId": "00000000-0000-4000-8000-000000000000"});
    json!({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result, "ResponseMetadata": metadata}})
}

fn response(status: &str, head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

fn cut_off(body: &str) -> Vec<u8> {
    let length = body.len() + 10;
    format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

fn announced(length: u64) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes()
}

fn unannounced() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{JSON}Connection: close\r\n\r\n").into_bytes()
}

/// A token of alice's that no other is like: nobody here checks what it asks for.
fn token(count: usize) -> String {
    let mut draft = Draft::new(&alice(), CLUSTER, HOST, "us-west-2", Timestamp::now());
    *draft.pair("X-Amz-Expires").unwrap() = format!("X-Amz-Expires={count}");
    draft.sign();
    token_of(draft.url().as_bytes())
}

const HOST: &str = "sts.us-west-2.amazonaws.com";
const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
