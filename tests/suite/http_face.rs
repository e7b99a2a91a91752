use std::time::Duration;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::patience::{LIMIT, eventually};
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{self, Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Sts};
use authenticator_tests::support::wire::{
    ALL, CONTINUATION, END_HEADERS, END_STREAM, HEAD, HEADERS, PING, RST_STREAM, SETTINGS, connect, connect_h2, ends,
    frame, read_all,
};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::people::{self, CLUSTER, alice};

#[tokio::test]
async fn no_answer_is_kept_or_taken_for_something_else() {
    let (sts, server) = start();
    let reviewer = server.reviewer();
    let body = |token: &str| review::body(ReviewVersion::V1, token).to_string();
    let change = |change: &dyn Fn(&mut Request<Full<hyper::body::Bytes>>)| {
        let mut request = reviewer.request(body("x"));
        change(&mut request);
        request
    };
    let to = |target: &str| reviewer.url().replace("/authenticate", target).parse().unwrap();
    let header = |name, value: &'static str| {
        change(&|request| drop(request.headers_mut().insert(&name, HeaderValue::from_static(value))))
    };
    let rows = [
        (200, reviewer.request(body(&token()))),
        (200, reviewer.request(body("x"))),
        (400, reviewer.request("x")),
        (404, change(&|request| *request.uri_mut() = to("/"))),
        (405, change(&|request| *request.method_mut() = Method::GET)),
        (413, reviewer.request(vec![b' '; 70_000])),
        (415, header(CONTENT_TYPE, "text/plain")),
        (415, header(CONTENT_ENCODING, "gzip")),
        (415, header(CONTENT_ENCODING, "br")),
        (
            200,
            change(&|request| {
                *request.method_mut() = Method::GET;
                *request.uri_mut() = to("/healthz");
            }),
        ),
    ];
    for (status, request) in rows {
        assert_guarded(status, &reviewer, request).await;
    }
    sts.behave(Behaviour::CloseConnection);
    let other = plugin::token(&alice(), CLUSTER, "eu-west-1");
    assert_guarded(503, &reviewer, reviewer.request(body(&other))).await;
}

async fn assert_guarded(status: u16, reviewer: &Reviewer, request: Request<Full<hyper::body::Bytes>>) {
    let response = reviewer.send(request).await.unwrap();
    assert_eq!(response.status().as_u16(), status, "{response:?}");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{status}");
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff", "{status}");
    assert!(!response.body().is_empty(), "{status}: it says why");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let (_sts, server) = start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = connect(&server, &[version], b"http/1.1").await;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"), "{version:?}");
    }
    for minor in [0, 1, 2] {
        // A whole ClientHello of SSL 3.0, TLS 1.0, TLS 1.1: version, random, no session, one suite, no compression.
        let hello = [&[3, minor][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
        let length = u8::try_from(hello.len()).unwrap();
        let record = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        // A fatal alert, and not a byte of a handshake.
        assert!(matches!(answer[..], [21, 3, _, 0, 2, 2, _]), "3.{minor}: {answer:?}");
    }
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_refused_and_one_within_is_not() {
    let (_sts, server) = start();
    for (bytes, status) in [(8_000, "200"), (40_000, "431")] {
        let mut stream = connect(&server, ALL, b"http/1.1").await;
        let head = format!(
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {}\r\n\r\n",
            "a".repeat(bytes)
        );
        // It may be refused before all of it is written.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = read_all(&mut stream).await;
        // The end of a connection of which not all was read may overtake the refusal (RFC 9112, section 9.6).
        let is_overtaken = status == "431" && answer.is_empty();
        assert!(is_overtaken || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn a_request_that_does_not_come_to_its_end_is_not_waited_for() {
    let (_sts, server) = start();
    let begin = |text: &'static str| async {
        let mut stream = connect(&server, ALL, b"http/1.1").await;
        stream.write_all(text.as_bytes()).await.unwrap();
        tokio::time::timeout(LIMIT, read_all(&mut stream)).await.expect("the connection ends")
    };
    let (nothing, head, body) = tokio::join!(
        begin(""),
        begin("POST /authenticate HTTP/1.1\r\nHost: localhost\r\nX-"),
        begin("POST /authenticate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{"),
    );
    assert_eq!((nothing.as_str(), head.as_str()), ("", ""));
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
}

/// CVE-2023-44487: streams that are opened and cancelled as fast as they can be written.
#[tokio::test]
async fn a_rapid_reset_harms_nobody() {
    let (sts, server) = start();
    let mut stream = connect_h2(&server).await;
    let mut sent = 0;
    for number in 0..20_000_u32 {
        let id = 2 * number + 1;
        let frames =
            [frame(HEADERS, END_STREAM | END_HEADERS, id, HEAD), frame(RST_STREAM, 0, id, &[0, 0, 0, 8])].concat();
        if stream.write_all(&frames).await.is_err() {
            break;
        }
        sent += 1;
    }
    assert!(ends(&mut stream).await, "streams are opened and cancelled without end");
    println!("rapid reset: the connection was ended after at most {sent} streams");
    assert_unharmed(&sts, &server).await;
}

/// CVE-2024-27316 and its like: a head that goes on in one frame after the other.
#[tokio::test]
async fn a_flood_of_continuations_is_cut_and_harms_nobody() {
    let (sts, server) = start();
    let mut stream = connect_h2(&server).await;
    stream.write_all(&frame(HEADERS, END_STREAM, 1, HEAD)).await.unwrap();
    // Literal header fields without indexing: a name of one letter, a value of one.
    let fields = [0, 1, b'x', 1, b'y'].repeat(3000);
    let mut written = 0_usize;
    while written < 64 << 20 && stream.write_all(&frame(CONTINUATION, 0, 1, &fields)).await.is_ok() {
        written += fields.len();
    }
    assert!(written < 64 << 20, "it is read without end");
    println!("continuations: cut after {} KiB", written / 1024);
    assert_unharmed(&sts, &server).await;
}

/// CVE-2019-9512, CVE-2019-9515: pings and settings, each of which must be answered, to one that does not read.
#[tokio::test]
async fn a_flood_of_pings_and_settings_harms_nobody() {
    let (sts, server) = start();
    let mut stream = connect_h2(&server).await;
    let frames = [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])].concat().repeat(100);
    for _ in 0..1000 {
        let written = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&frames)).await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    assert_unharmed(&sts, &server).await;
}

#[tokio::test]
async fn where_client_certificates_are_asked_for_their_holders_alone_are_answered() {
    let (sts, folder) = (Sts::start([alice()]), TempDir::new().unwrap());
    let (ours, others) = (authority(), authority());
    let ca_file = folder.path().join("clients.pem");
    std::fs::write(&ca_file, ours.pem()).unwrap();
    let server = Setup::new(&people::config("aws"))
        .sts(&sts)
        .argument(format!("--client-ca-file={}", ca_file.display()))
        .start()
        .expect("the webhook comes up");
    let warned = server.log().iter().any(|line| line["msg"].as_str().is_some_and(|text| text.contains("client-key")));
    assert!(warned, "{:?}", server.log());

    let anonymous = server.reviewer();
    let request = anonymous.request(review::body(ReviewVersion::V1, &token()).to_string());
    assert_eq!(anonymous.send(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for (path, status) in [("/healthz", 200), ("/metrics", 401), ("/authenticate", 401), ("/", 401)] {
        let url = anonymous.url().replace("/authenticate", path);
        let response = anonymous.send(Request::get(url).body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    assert!(sts.seen().is_empty());

    let known = reviewer_with(&server, &folder, &ours);
    assert_eq!(known.review(ReviewVersion::V1, &token()).await.user().username, "alice");
    let foreign = reviewer_with(&server, &folder, &others);
    assert!(foreign.send(foreign.request("{}")).await.is_err(), "the handshake fails");

    // The authority is another from here on: no new connection of the old one's holders is answered.
    std::fs::write(&ca_file, others.pem()).unwrap();
    eventually("the other authority is taken", || {
        server.log().iter().any(|line| line["msg"].as_str().is_some_and(|text| text.contains("on disk are others")))
    });
    let foreign = reviewer_with(&server, &folder, &others);
    assert_eq!(foreign.review(ReviewVersion::V1, &token()).await.user().username, "alice");
    let known = reviewer_with(&server, &folder, &ours);
    assert!(known.send(known.request("{}")).await.is_err(), "the handshake fails");
    // What cannot be read changes nothing.
    std::fs::write(&ca_file, "garbage").unwrap();
    eventually("the file is found to be useless", || {
        server.log().iter().any(|line| line["msg"].as_str().is_some_and(|text| text.contains("in memory")))
    });
    let foreign = reviewer_with(&server, &folder, &others);
    assert_eq!(foreign.review(ReviewVersion::V1, &token()).await.user().username, "alice");
}

#[tokio::test]
async fn of_all_who_have_a_certificate_of_the_authority_those_with_an_allowed_name_are_answered() {
    let (sts, folder, cluster) = (Sts::start([alice()]), TempDir::new().unwrap(), authority());
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, cluster.pem()).unwrap();
    let setup = || Setup::new(&people::config("aws")).sts(&sts);
    let names = "--client-allowed-names=kube-apiserver,front.example.org";
    let server = setup().argument(format!("--client-ca-file={}", ca_file.display())).argument(names).start().unwrap();
    for (common, dns, allowed) in [
        ("kube-apiserver", None, true),
        ("somebody", Some("front.example.org"), true),
        ("system:node:a\u{1b}[2J", Some("node.example.org"), false),
        ("Kube-Apiserver", None, false),
        ("kube-apiserver.example.org", None, false),
    ] {
        let mut params = CertificateParams::new(dns.map(str::to_owned).into_iter().collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        let reviewer = reviewer_with_certificate(&server, &folder, &cluster, params);
        let calls = sts.seen().len();
        if allowed {
            assert_eq!(reviewer.review(ReviewVersion::V1, &token()).await.user().username, "alice", "{common}");
            continue;
        }
        let answer = reviewer.send(reviewer.request(review::body(ReviewVersion::V1, &token()).to_string())).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{common}");
        assert!(String::from_utf8_lossy(answer.body()).contains("--client-allowed-names"), "{answer:?}");
        assert_eq!(sts.seen().len(), calls, "{common}");
    }
    let told =
        |line: &serde_json::Value| line["subject"].as_str().is_some_and(|text| text.contains("node:a\\u{1b}[2J"));
    assert!(server.log().iter().any(told), "{:?}", server.log());

    let error = setup().argument(names).start().unwrap_err().to_string();
    assert!(error.contains("--client-allowed-names (server.clientAllowedNames) needs --client-ca-file"), "{error}");
}

/// An API server whose webhook kubeconfig has a certificate of this authority.
fn reviewer_with(server: &Server, folder: &TempDir, authority: &CertifiedIssuer<'static, KeyPair>) -> Reviewer {
    reviewer_with_certificate(server, folder, authority, CertificateParams::new(Vec::new()).unwrap())
}

/// The same, of whose certificate this is said.
fn reviewer_with_certificate(
    server: &Server,
    folder: &TempDir,
    authority: &CertifiedIssuer<'static, KeyPair>,
    mut params: CertificateParams,
) -> Reviewer {
    let key = KeyPair::generate().unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, authority).unwrap();
    let [cert_file, key_file, kubeconfig] =
        ["client.pem", "client.key", "kubeconfig"].map(|name| folder.path().join(name));
    std::fs::write(&cert_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let user = format!("user: {{client-certificate: {}, client-key: {}}}", cert_file.display(), key_file.display());
    let text = std::fs::read_to_string(server.kubeconfig()).unwrap();
    assert!(text.contains("user: {}"), "{text}");
    std::fs::write(&kubeconfig, text.replace("user: {}", &user)).unwrap();
    Reviewer::new(&kubeconfig).unwrap()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Others are answered, nobody asked STS on the flood's behalf, and it cost no memory.
async fn assert_unharmed(sts: &Sts, server: &Server) {
    let answer = server.reviewer().review(ReviewVersion::V1, &token()).await;
    assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
    assert_eq!(sts.seen().len(), 1);
    let peak = server.peak_memory();
    assert!(peak < 60 * 1024, "{peak} KiB");
}

fn start() -> (Sts, Server) {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    (sts, server)
}

fn token() -> String {
    plugin::token(&alice(), CLUSTER, "us-west-2")
}
