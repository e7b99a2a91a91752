//! Services of the machine itself, on loopback: instance metadata and container endpoints, whole, odd and broken.

use super::{
    asking::{SECRET, now, obtain},
    loopback::{CUT, HANGS, Loopback, Request, answer, assumed},
    *,
};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n";

fn document(token: &str, end: &str) -> String {
    let keys = format!("\"AccessKeyId\":\"ASIALOCAL\",\"SecretAccessKey\":\"{SECRET}\"");
    answer("200 OK", "", &format!("{{{keys},\"Token\":{token},\"Expiration\":\"{end}\"}}"))
}

fn good() -> String {
    document("\"t\"", "2026-01-02T09:04:05Z")
}

/// What comes of asking an instance that answers so, and what it was asked.
fn instance(
    answers: Vec<String>,
    variables: &[(&str, &str)],
    config: &str,
) -> (Result<Obtained, String>, Vec<Request>) {
    let instance = Loopback::answering(answers);
    let endpoint = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.as_str())];
    let obtained =
        obtain(&Cache::off(), 30_000, &[&endpoint, variables].concat(), &format!("[profile a]\nregion = x\n{config}"));
    (obtained, instance.requests())
}

/// The session that each request but the first brings.
fn sessions(requests: &[Request]) -> Vec<Option<&str>> {
    let session = "x-aws-ec2-metadata-token: ";
    requests.iter().skip(1).map(|request| request.headers.iter().find_map(|line| line.strip_prefix(session))).collect()
}

#[test]
fn an_instance_that_gives_no_session_is_asked_in_its_first_version() {
    let statuses = ["401 Unauthorized", "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "500 No"];
    let statuses = statuses.map(|status| answer(status, "", "<html>"));
    let odd = [CUT.to_owned(), HANGS.to_owned(), answer("200 OK", TTL, ""), answer("200 OK", TTL, "<html>\n<body>")];
    for beginning in statuses.into_iter().chain(odd) {
        let answers = vec![beginning.clone(), answer("200 OK", "", "node-role"), good()];
        let (obtained, requests) = instance(answers, &[], "");
        assert_eq!(obtained.unwrap().credentials.access_key_id(), "ASIALOCAL", "{beginning}");
        let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
        assert_eq!(lines.first(), Some(&"PUT /latest/api/token HTTP/1.1"));
        assert_eq!(lines.last(), Some(&"GET /latest/meta-data/iam/security-credentials/node-role HTTP/1.1"));
        assert_eq!(sessions(&requests), [None, None], "{beginning}");
    }
}

#[test]
fn a_session_is_used_also_where_nobody_says_how_long_it_lasts() {
    for headers in ["", TTL, "x-aws-ec2-metadata-token-ttl-seconds: 18446744073709551615\r\n"] {
        let answers = vec![answer("200 OK", headers, "session"), answer("200 OK", "", "node-role"), good()];
        let (obtained, requests) = instance(answers, &[], "");
        assert_eq!(obtained.unwrap().credentials.access_key_id(), "ASIALOCAL");
        assert_eq!(sessions(&requests), [Some("session"), Some("session")]);
    }
}

#[test]
fn the_first_version_is_not_asked_where_it_is_forbidden_or_the_second_says_that_the_request_is_bad() {
    let forbidden = [("AWS_EC2_METADATA_V1_DISABLED", "True")];
    for (status, variables, config, reason) in [
        (
            "403 Forbidden",
            &forbidden[..],
            "",
            "it gives no session (HTTP status 403), and AWS_EC2_METADATA_V1_DISABLED forbids to ask without one",
        ),
        (
            "403 Forbidden",
            &[],
            "ec2_metadata_v1_disabled = true\n",
            "it gives no session (HTTP status 403), and ec2_metadata_v1_disabled of profile a forbids to ask without one",
        ),
        ("400 Bad Request", &[], "", "HTTP status 400"),
    ] {
        let (obtained, requests) = instance(vec![answer(status, "", "")], variables, config);
        let error = obtained.unwrap_err();
        assert!(error.contains(reason), "{error}");
        assert_eq!(requests.len(), 1);
    }
    // Anything but true is no.
    let answers = vec![answer("403 Forbidden", "", ""), answer("200 OK", "", "node-role"), good()];
    let variables = [("AWS_EC2_METADATA_V1_DISABLED", "false")];
    assert!(instance(answers, &variables, "ec2_metadata_v1_disabled = true\n").0.is_ok());
}

#[test]
fn an_instance_that_insists_on_a_session_and_gives_none_is_told_of() {
    let answers = vec![HANGS.to_owned(), answer("401 Unauthorized", "", "")];
    let error = instance(answers, &[], "").0.unwrap_err();
    assert!(
        error.contains(
            "HTTP status 401 without a session, of which it gives none: no answer in time, as in a container for which its hop \
             limit is too low"
        ),
        "{error}"
    );
}

#[test]
fn the_name_of_the_role_may_end_in_white_space_and_stands_in_the_url_as_it_is() {
    let begun = || answer("200 OK", TTL, "session");
    for (text, path) in [
        ("node-role\n", "node-role"),
        ("node-role\r\n", "node-role"),
        ("a+b=c,d.e@f-g_h ", "a+b=c,d.e@f-g_h"),
        ("arn:aws:iam::111122223333:role/x", "arn:aws:iam::111122223333:role/x"),
    ] {
        let (obtained, requests) = instance(vec![begun(), answer("200 OK", "", text), good()], &[], "");
        assert!(obtained.is_ok(), "{text:?}");
        let line = &requests.last().unwrap().line;
        assert_eq!(*line, format!("GET /latest/meta-data/iam/security-credentials/{path} HTTP/1.1"));
    }
    for (text, told) in [
        ("", "it answers \"\" where the name of the instance's role should be"),
        ("node role", "it answers \"node role\" where"),
        ("one\ntwo", "it answers \"one\\ntwo\" where"),
        ("node%0arole?", "it answers \"node%0arole?\" where"),
        ("r\u{f6}le", "it answers \"r\u{f6}le\" where"),
        ("\u{1b}[31mred\u{202e}", "it answers \"\\u{1b}[31mred\\u{202e}\" where"),
        ("<!doctype html>\r\n<html>Log in", "it answers \"<!doctype html>\\r\"... where"),
        (&format!("{{\"SecretAccessKey\":\"{SECRET}\"}}"), "it answers \"{\\\"SecretAccessKe\"... where"),
    ] {
        let (obtained, requests) = instance(vec![begun(), answer("200 OK", "", text)], &[], "");
        let error = obtained.unwrap_err();
        assert!(error.contains(told) && error.contains("EC2 instance metadata service"), "{error}");
        assert_eq!(requests.len(), 2);
    }
}

#[test]
fn an_instance_is_asked_as_often_as_somebody_says() {
    let not_well = || answer("500 No", "", "");
    let whole = || vec![answer("200 OK", TTL, "session"), answer("200 OK", "", "node-role"), good()];
    let variables = [("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2")];
    let mut answers = whole();
    (0..3).for_each(|at| answers.insert(2 * at, not_well()));
    assert!(instance(answers, &variables, "").0.is_ok());
    let answers = vec![answer("200 OK", TTL, "session"), not_well()];
    let error = instance(answers, &[], "").0.unwrap_err();
    assert!(error.contains("(HTTP status 500)"), "{error}");
}

#[test]
fn keys_of_an_instance_that_cannot_renew_them_are_used_beyond_their_end() {
    let answers = vec![
        answer("200 OK", TTL, "session"),
        answer("200 OK", "", "node-role"),
        document("\"t\"", "2026-01-02T03:04:05+00:00"),
    ];
    let end = instance(answers, &[], "").0.unwrap().credentials.expiry().unwrap();
    assert_eq!(crate::time::timestamp(end), now() + jiff::SignedDuration::from_mins(15));
}

#[test]
fn an_answer_that_never_ends_is_given_up() {
    let long = "x".repeat(65 * 1024);
    let answers = vec![answer("200 OK", TTL, "session"), answer("200 OK", "", &long)];
    let error = instance(answers, &[], "").0.unwrap_err();
    assert!(error.contains("limit"), "{error}");
}

#[test]
fn nobody_is_sent_elsewhere() {
    let elsewhere = Loopback::answering([]);
    let moved = answer("302 Found", &format!("location: {}/\r\n", elsewhere.url), "");
    let error = instance(vec![moved.clone(), moved], &[], "").0.unwrap_err();
    assert!(error.contains("HTTP status 302"), "{error}");
    assert!(elsewhere.requests().is_empty());
}

/// What comes of asking a container's endpoint that answers so, and what it was asked.
fn container(
    answers: Vec<String>,
    path: &str,
    variables: &[(&str, &str)],
    config: &str,
) -> (Result<Obtained, String>, Vec<Request>) {
    let container = Loopback::answering(answers);
    let url = format!("{}{path}", container.url);
    let uri = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str())];
    let obtained = obtain(&Cache::off(), 30_000, &[&uri, variables].concat(), &format!("[profile a]\n{config}"));
    (obtained, container.requests())
}

#[test]
fn a_container_that_is_throttled_or_whose_endpoint_is_not_well_is_tried_again() {
    for passing in [answer("429 Too Many Requests", "", "{}"), answer("503 No", "", ""), CUT.to_owned()] {
        let (obtained, requests) = container(vec![passing, good()], "/c", &[], "");
        assert_eq!(obtained.unwrap().credentials.access_key_id(), "ASIALOCAL");
        assert_eq!(requests.len(), 2);
    }
    let throttled = || answer("429 Too Many Requests", "", SECRET);
    let error = container(vec![throttled(), throttled(), throttled()], "/c", &[], "").0.unwrap_err();
    assert!(error.contains("HTTP status 429") && !error.contains(SECRET), "{error}");
    let error = container(vec![answer("404 Not Found", "", SECRET)], "/c", &[], "").0.unwrap_err();
    assert!(error.contains("HTTP status 404") && !error.contains(SECRET), "{error}");
}

#[test]
fn a_container_may_have_keys_without_a_session_token_or_an_end_that_never_comes() {
    let (obtained, _) = container(vec![document("null", "9999-12-31T23:59:59Z")], "/c", &[], "");
    let credentials = obtained.unwrap().credentials;
    assert_eq!(credentials.session_token(), None);
    assert_eq!(crate::time::timestamp(credentials.expiry().unwrap()), Timestamp::MAX);
    let token = crate::token::expiration(now(), credentials.expiry()).unwrap();
    assert_eq!(token.to_string(), "2026-01-02T03:18:05Z");
}

#[test]
fn what_no_url_can_hold_is_encoded_as_urllib3_does() {
    let (obtained, requests) = container(vec![good()], "/a path/%20?id={1}", &[], "");
    assert!(obtained.is_ok());
    assert_eq!(requests.first().unwrap().line, "GET /a%20path/%20?id=%7B1%7D HTTP/1.1");
}

#[test]
fn a_token_of_a_container_goes_to_nobody_else_and_in_one_header() {
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc");
    let (obtained, requests) = container(vec![good()], "/c", &[token], "");
    assert!(obtained.is_ok());
    assert!(requests.first().unwrap().headers.contains(&"authorization: basic abc".to_owned()));
    for text in ["hunter2\n", "hunter2\r\nx-a: b"] {
        let (obtained, requests) = container(vec![], "/c", &[("AWS_CONTAINER_AUTHORIZATION_TOKEN", text)], "");
        let error = obtained.unwrap_err();
        assert_eq!(error, "AWS_CONTAINER_AUTHORIZATION_TOKEN: it holds what no HTTP header can");
        assert!(requests.is_empty());
    }
    let asked = |url| plan(false, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)], "[profile a]\n", "");
    for url in [
        "http://127.0.0.2/c",
        "http://localhost:80/c",
        "http://[::1]/c",
        "http://169.254.170.2/c",
        "http://169.254.170.23/c",
        "http://[fd00:ec2::23]/c",
        "https://anywhere.example/c",
    ] {
        assert!(asked(url).is_ok(), "{url}");
    }
    for (url, part) in [
        (
            "http://anywhere.example/c",
            "without TLS credentials are asked for at a loopback address, localhost, 169.254.170.2",
        ),
        ("http://169.254.170.22/c", "without TLS"),
        ("http://169.254.169.254/c", "without TLS"),
        ("http://localhost.example/c", "without TLS"),
        ("http://127.0.0.1@anywhere.example/c", "holds a user name before @"),
        ("ftp://127.0.0.1/c", "write a URL"),
        ("http://", "write a URL"),
        ("http:// /c", "write a URL"),
        ("http://127.0.0.1:port/c", "write a URL"),
        ("/v2/c", "write a URL"),
    ] {
        let error = asked(url).unwrap_err().to_string();
        assert!(error.starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI ") && error.contains(part), "{error}");
    }
    for path in ["@anywhere.example/c", ".anywhere.example/c", "c", ":port/c"] {
        let error = plan(false, &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path)], "[profile a]\n", "").unwrap_err();
        assert!(error.to_string().starts_with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "), "{path}: {error}");
    }
}

#[test]
fn a_role_is_not_asked_for_with_keys_that_have_ended() {
    let role = "role_arn = arn:aws:iam::111122223333:role/r\ncredential_source = EcsContainer\n";
    for (end, refused) in [("2026-01-02T03:04:05Z", true), ("2026-01-02T03:04:06Z", false)] {
        let answers = if refused { vec![] } else { vec![assumed("AssumeRole", "ASIAROLE")] };
        let sts = Loopback::answering(answers);
        let variables = [("AWS_ENDPOINT_URL_STS", sts.url.as_str())];
        let (obtained, _) = container(vec![document("\"t\"", end)], "/c", &variables, role);
        match obtained {
            Ok(obtained) => assert_eq!((obtained.credentials.access_key_id(), refused), ("ASIAROLE", false)),
            Err(error) => {
                assert!(error.contains("expired at 2026-01-02T03:04:05Z") && refused, "{error}");
                assert!(error.contains("container endpoint"), "{error}");
            }
        }
        assert_eq!(sts.requests().len(), usize::from(!refused));
    }
}
