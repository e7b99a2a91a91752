use std::{
    io::{Read, Write},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use tokio::runtime::Builder;

use super::*;

fn eks(url: &str, session_token: Option<&str>) -> Eks {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, session_token.map(str::to_owned), None, "test");
    let tls = transport::Roots::none().tls().with_no_client_auth();
    let client = transport::sdk_client(tls, transport::Proxies::default());
    let clock = || "2026-01-02T03:04:05Z".parse().unwrap();
    Eks::new(client, url, "us-west-2".parse().unwrap(), credentials, clock)
}

/// The signatures are those of botocore 1.44.5's `SigV4Auth` with the same keys, URL and time.
#[test]
fn the_request_is_signed_as_botocore_signs_it() {
    for (session_token, headers, signature) in [
        (None, "host;x-amz-date", "30bf1e313907d1458381dea5302d6183747066c019f77e5ee48cb5bc42d7105e"),
        (
            Some("IQoJb3JpZ2luX2VjEXAMPLE+/token=="),
            "host;x-amz-date;x-amz-security-token",
            "169bb63b82585c24083beb8f1125ea41d1595113c4c6135adeac1021e6fe9f3e",
        ),
    ] {
        let request = eks("https://eks.us-west-2.amazonaws.com/", session_token).request("/clusters/demo-1_x").unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/us-west-2/eks/aws4_request, \
             SignedHeaders={headers}, Signature={signature}"
        );
        assert_eq!(request.headers().get("authorization"), Some(authorization.as_str()));
        assert_eq!(request.headers().get("x-amz-date"), Some("20260102T030405Z"));
        assert_eq!(request.headers().get("x-amz-security-token"), session_token);
    }
}

/// An HTTP server that gives these answers, each to one connection, and then how many it gave.
fn answering(answers: Vec<String>) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut connection, _) = listener.accept().unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut buffer = [0; 1024];
                    let read = connection.read(&mut buffer).unwrap();
                    assert!(read > 0, "the request has an end");
                    asked.extend_from_slice(&buffer[..read]);
                }
                // A reader of a bounded answer goes away before its end.
                let _ = connection.write_all(answer.as_bytes());
            })
            .count()
    });
    (url, server)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn names(answers: Vec<String>) -> (Result<Vec<String>, EksError>, usize) {
    let (url, server) = answering(answers);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let names = runtime.block_on(eks(&url, None).cluster_names());
    (names, server.join().unwrap())
}

#[test]
fn an_answer_is_read_and_an_error_of_eks_is_asked_about_again() {
    let good = answer("200 OK", "", r#"{"clusters":["a","b"]}"#);
    let bad = answer("503 Service Unavailable", "", "");
    assert_eq!(names(vec![bad.clone(), bad.clone(), good]), (Ok(vec!["a".to_owned(), "b".to_owned()]), 3));
    let (failed, asked) = names(vec![bad.clone(), bad.clone(), bad]);
    assert!(matches!(failed, Err(EksError::Call { source: CallError::Status(503), .. })), "{failed:?}");
    assert_eq!(asked, 3);
}

#[test]
fn a_throttled_call_is_made_again_however_the_throttling_is_said() {
    let good = answer("200 OK", "", r#"{"clusters":["a"]}"#);
    for (label, throttled) in [
        ("a status alone", answer("429 Too Many Requests", "", "")),
        ("429 and a code", answer("429 Too Many Requests", "x-amzn-ErrorType: TooManyRequestsException\r\n", "{}")),
        ("400 and a code", answer("400 Bad Request", "x-amzn-ErrorType: ThrottlingException\r\n", "{}")),
        ("400 and a code in the body", answer("400 Bad Request", "", r#"{"__type":"TooManyRequestsException"}"#)),
    ] {
        assert_eq!(names(vec![throttled, good.clone()]), (Ok(vec!["a".to_owned()]), 2), "{label}");
    }
}

#[test]
fn a_refusal_is_final_and_in_the_words_of_eks() {
    let header = "x-amzn-ErrorType: AccessDeniedException\r\n";
    let message = "User: alice is not authorized to perform: eks:ListClusters";
    let (refused, asked) = names(vec![answer("403 Forbidden", header, &format!(r#"{{"message":"{message}"}}"#))]);
    let Err(EksError::Call { source, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(source.to_string(), format!("{message} (AccessDeniedException)"));
    assert_eq!(asked, 1);
}

#[test]
fn what_is_no_answer_is_an_error() {
    let long = "a".repeat(MAX_ANSWER);
    for (label, answer) in [
        ("a page of a proxy", answer("200 OK", "", "<html>")),
        ("a redirect", answer("302 Found", "location: http://127.0.0.1:1/\r\n", "")),
        ("more than any answer has", answer("200 OK", "", &format!(r#"{{"clusters":["{long}"]}}"#))),
    ] {
        let (failed, asked) = names(vec![answer]);
        assert!(matches!(failed, Err(EksError::Call { .. })), "{label}: {failed:?}");
        let is_page = matches!(failed, Err(EksError::Call { source: CallError::Page(200), .. }));
        assert_eq!(is_page, label == "a page of a proxy", "{failed:?}");
        assert_eq!(asked, 1, "{label}");
    }
}
