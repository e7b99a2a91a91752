use mapping::Partition;
use proptest::prelude::*;

use super::*;

const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Fus-west-2%2Fsts%2Faws4_request\
    &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
    &X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const HOST: &str = "sts.us-west-2.amazonaws.com";

fn parse_text(text: &str, now: &str) -> Result<PresignedRequest, TokenError> {
    let hosts = HostTable::for_partition(Partition::Aws);
    let token = Token::new(text.to_owned());
    PresignedRequest::parse(&token, &hosts, &Limits::default(), now.parse().unwrap())
}

fn token_of(url: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}

fn parse_url(url: &str) -> Result<PresignedRequest, TokenError> {
    parse_text(&token_of(url), "2026-01-02T03:05:00Z")
}

fn parse_query(query: &str) -> Result<PresignedRequest, TokenError> {
    parse_url(&format!("https://{HOST}/?{query}"))
}

/// The good query with one text in it replaced by another.
fn but(from: &str, to: &str) -> String {
    assert!(QUERY.contains(from), "{from}");
    QUERY.replacen(from, to, 1)
}

#[test]
fn a_token_of_a_real_client_is_read_and_rebuilt_from_its_values() {
    let request = parse_query(QUERY).unwrap();
    assert_eq!(request.host().name(), HOST);
    assert_eq!(request.access_key_id().as_str(), "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(request.valid_until(), "2026-01-02T03:19:05Z".parse().unwrap());
    let mut rebuilt: Vec<_> = request.query().split('&').map(str::to_owned).collect();
    let mut written: Vec<_> = QUERY.split('&').map(str::to_owned).collect();
    rebuilt.sort();
    written.sort();
    assert_eq!(rebuilt, written);
}

#[test]
fn parameters_may_come_in_any_order_and_a_slash_may_stand_unencoded() {
    let reversed = QUERY.split('&').rev().collect::<Vec<_>>().join("&").replace("%2F", "/");
    assert_eq!(parse_query(&reversed), parse_query(QUERY));
}

#[test]
fn a_session_token_of_4096_bytes_is_read_and_sent_on() {
    let token = format!("{}%2B%2F%3D", "A".repeat(4093));
    let request = parse_query(&format!("{QUERY}&X-Amz-Security-Token={token}")).unwrap();
    assert!(request.query().contains(&format!("&X-Amz-Security-Token={token}&")));
    for bad in ["", "a%20b", "a%0Ab", "%22", "a%2Cb"] {
        assert_eq!(
            parse_query(&format!("{QUERY}&X-Amz-Security-Token={bad}")).err().map(|e| e.code()),
            Some("token.parameter_value"),
            "{bad}"
        );
    }
}

#[test]
fn a_token_of_the_largest_size_is_read_and_one_byte_more_is_not() {
    let limits = Limits { max_token_bytes: token_of(&format!("https://{HOST}/?{QUERY}")).len(), ..Limits::default() };
    let hosts = HostTable::for_partition(Partition::Aws);
    let now = "2026-01-02T03:05:00Z".parse().unwrap();
    let mut text = token_of(&format!("https://{HOST}/?{QUERY}"));
    assert!(PresignedRequest::parse(&Token::new(text.clone()), &hosts, &limits, now).is_ok());
    text.push('A');
    assert_eq!(
        PresignedRequest::parse(&Token::new(text), &hosts, &limits, now),
        Err(TokenError::TooLarge { bytes: limits.max_token_bytes + 1, limit: limits.max_token_bytes })
    );
}

#[test]
fn what_is_not_the_prefix_and_unpadded_base64url_is_refused() {
    let good = token_of(&format!("https://{HOST}/?{QUERY}"));
    let now = "2026-01-02T03:05:00Z";
    assert!(parse_text(&good, now).is_ok());
    for text in ["", "k8s-aws-v2.aGk", "K8s-aws-v1.aGk", " k8s-aws-v1.aGk", "eyJhbGciOi.eyJ.sig"] {
        assert_eq!(parse_text(text, now), Err(TokenError::Prefix), "{text:?}");
    }
    let encoded = good.strip_prefix(PREFIX).unwrap();
    for text in [
        format!("{encoded}="),
        format!("{encoded} "),
        format!("{encoded}\n"),
        format!("\n{encoded}"),
        format!("+{encoded}"),
        format!("/{encoded}"),
        format!("{encoded}.x"),
        "A".to_owned(),
        "aGl".to_owned(),
    ] {
        assert_eq!(parse_text(&format!("{PREFIX}{text}"), now), Err(TokenError::Base64), "{text:?}");
    }
    let not_text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([0xff, 0xfe]));
    assert_eq!(parse_text(&not_text, now), Err(TokenError::Url(UrlError::NotPrintableAscii)));
}

#[test]
fn a_url_with_anything_but_scheme_host_slash_and_query_is_refused() {
    use UrlError::{Fragment, NotPrintableAscii, Path, Port, Query, Scheme, UserInfo};
    for (url, error) in [
        (format!("http://{HOST}/?{QUERY}"), Scheme),
        (format!("HTTPS://{HOST}/?{QUERY}"), Scheme),
        (format!("https:/{HOST}/?{QUERY}"), Scheme),
        (format!(" https://{HOST}/?{QUERY}"), NotPrintableAscii),
        (format!("https://{HOST}/?{QUERY}\n"), NotPrintableAscii),
        (format!("https://{HOST}/?{QUERY}\u{e9}"), NotPrintableAscii),
        (format!("https://user:pw@{HOST}/?{QUERY}"), UserInfo),
        (format!("https://@{HOST}/?{QUERY}"), UserInfo),
        (format!("https://{HOST}:443/?{QUERY}"), Port),
        (format!("https://{HOST}:/?{QUERY}"), Port),
        (format!("https://{HOST}?{QUERY}"), Path),
        (format!("https://{HOST}//?{QUERY}"), Path),
        (format!("https://{HOST}/x?{QUERY}"), Path),
        (format!("https://{HOST}/%2e?{QUERY}"), Path),
        (format!("https://{HOST}/"), Query),
        (format!("https://{HOST}/?{QUERY}#"), Fragment),
        (format!("https://{HOST}/?{QUERY}#x"), Fragment),
        (format!("https://{HOST}#/?{QUERY}"), Fragment),
    ] {
        assert_eq!(parse_url(&url), Err(TokenError::Url(error)), "{url}");
    }
}

#[test]
fn a_host_outside_the_table_is_refused() {
    for host in [
        "",
        "evil.example",
        "sts.s3.amazonaws.com",
        "sts.us-gov-west-1.amazonaws.com",
        "STS.us-west-2.amazonaws.com",
        "sts.us-west-2.amazonaws.com.",
        "evil.example\\",
        "[::1]x",
    ] {
        let error = parse_url(&format!("https://{host}/?{QUERY}")).unwrap_err();
        assert!(["token.host", "token.url"].contains(&error.code()), "{host}: {error}");
    }
}

#[test]
fn a_parameter_of_another_shape_is_refused() {
    for (from, to, code) in [
        ("=GetCallerIdentity", "=AssumeRole", "token.parameter_value"),
        ("=GetCallerIdentity", "=getcalleridentity", "token.parameter_value"),
        ("2011-06-15", "2011-06-16", "token.parameter_value"),
        ("=AWS4-HMAC-SHA256", "=AWS4-ECDSA-P256-SHA256", "token.parameter_value"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EX", "token.parameter_value"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPL%2B", "token.parameter_value"),
        ("AKIAIOSFODNN7EXAMPLE", "", "token.parameter_value"),
        ("%2Fsts%2F", "%2Fs3%2F", "token.parameter_value"),
        ("%2Faws4_request", "", "token.parameter_value"),
        ("%2Faws4_request", "%2Faws4_request%2F", "token.parameter_value"),
        ("aws4_request", "aws4_requests", "token.parameter_value"),
        ("%2F20260102", "%2F20260103", "token.scope"),
        ("%2F20260102", "%2F020260102", "token.scope"),
        ("%2Fus-west-2", "%2Fus-east-1", "token.scope"),
        ("%2Fus-west-2", "%2FUS-WEST-2", "token.scope"),
        ("20260102T030405Z", "20260102T030405", "token.parameter_value"),
        ("20260102T030405Z", "2026-01-02T03:04:05Z", "token.url"),
        ("20260102T030405Z", "20261302T030405Z", "token.parameter_value"),
        ("20260102T030405Z", "20260102T240405Z", "token.parameter_value"),
        ("20260102T030405Z", "20260102T030460Z", "token.parameter_value"),
        ("20260102T030405Z", "2026010%2BT030405Z", "token.parameter_value"),
        ("Expires=60", "Expires=901", "token.parameter_value"),
        ("Expires=60", "Expires=-1", "token.parameter_value"),
        ("Expires=60", "Expires=%2B60", "token.parameter_value"),
        ("Expires=60", "Expires=060", "token.parameter_value"),
        ("Expires=60", "Expires=00", "token.parameter_value"),
        ("Expires=60", "Expires=", "token.parameter_value"),
        ("Expires=60", "Expires=6e1", "token.parameter_value"),
        ("Expires=60", "Expires=99999999999999999999", "token.parameter_value"),
        ("Signature=0123", "Signature=012", "token.parameter_value"),
        ("Signature=0123", "Signature=01234", "token.parameter_value"),
        ("Signature=0123", "Signature=012g", "token.parameter_value"),
        ("Signature=0", "Signature=A", "token.parameter_value"),
        ("host%3Bx-k8s-aws-id", "x-k8s-aws-id%3Bhost", "token.parameter_value"),
        ("host%3Bx-k8s-aws-id", "Host%3Bx-k8s-aws-id", "token.signed_headers"),
        ("host%3Bx-k8s-aws-id", "host%3B%3Bx-k8s-aws-id", "token.parameter_value"),
        ("host%3Bx-k8s-aws-id", "host%3Bhost%3Bx-k8s-aws-id", "token.parameter_value"),
        ("host%3Bx-k8s-aws-id", "host", "token.signed_headers"),
        ("host%3Bx-k8s-aws-id", "x-k8s-aws-id", "token.signed_headers"),
        ("host%3Bx-k8s-aws-id", "", "token.signed_headers"),
    ] {
        let error = parse_query(&but(from, to)).unwrap_err();
        assert_eq!(error.code(), code, "{from} -> {to}: {error}");
    }
}

#[test]
fn the_bounds_of_x_amz_expires_are_read_and_sent_on_as_written() {
    for seconds in ["0", "1", "60", "900"] {
        let request = parse_query(&but("Expires=60", &format!("Expires={seconds}"))).unwrap();
        assert!(request.query().contains(&format!("&X-Amz-Expires={seconds}&")));
    }
}

#[test]
fn a_parameter_that_is_missing_is_named() {
    for pair in QUERY.split('&') {
        let without = QUERY.split('&').filter(|other| *other != pair).collect::<Vec<_>>().join("&");
        let error = parse_query(&without).unwrap_err();
        let name = pair.split('=').next().unwrap();
        assert_eq!(error.to_string(), format!("the presigned URL has no {name}"));
    }
}

#[test]
fn a_header_that_cannot_be_replayed_is_named() {
    let error = parse_query(&but("host%3B", "amz-sdk-request%3Bhost%3B")).unwrap_err();
    assert_eq!(error, TokenError::ExtraSignedHeader("amz-sdk-request".to_owned()));
    let error = parse_query(&but("%3Bx-k8s-aws-id", "")).unwrap_err();
    assert_eq!(error, TokenError::HeaderNotSigned(CLUSTER_ID_HEADER));
}

#[test]
fn the_global_endpoint_signs_for_us_east_1_only() {
    let global = |query: &str| parse_url(&format!("https://sts.amazonaws.com/?{query}"));
    assert!(global(&but("us-west-2", "us-east-1")).is_ok());
    assert_eq!(global(QUERY), Err(TokenError::ScopeRegion { region: "us-east-1" }));
}

#[test]
fn a_token_is_good_from_five_minutes_before_to_fifteen_after_its_date() {
    let token = token_of(&format!("https://{HOST}/?{QUERY}"));
    for now in ["2026-01-02T02:59:05Z", "2026-01-02T03:04:05Z", "2026-01-02T03:19:05Z"] {
        assert!(parse_text(&token, now).is_ok(), "{now}");
    }
    assert_eq!(parse_text(&token, "2026-01-02T02:59:04Z"), Err(TokenError::NotYetValid { seconds: 301 }));
    assert_eq!(parse_text(&token, "2026-01-02T03:19:06Z"), Err(TokenError::Expired { seconds: 1 }));
    let far = token.replace(&URL_SAFE_NO_PAD.encode("nothing"), "");
    assert_eq!(parse_text(&far, "9999-12-30T22:00:00Z").unwrap_err().code(), "token.expired");
}

#[test]
fn neither_signature_nor_session_token_is_printed() {
    let request = parse_query(&format!("{QUERY}&X-Amz-Security-Token=SESSIONTOKEN")).unwrap();
    let text = format!("{request:?}");
    assert!(text.contains("AKIAIOSFODNN7EXAMPLE"));
    assert!(!text.contains("0123456789abcdef") && !text.contains("SESSIONTOKEN"), "{text}");
}

proptest! {
    #[test]
    fn any_text_is_refused_or_rebuilt_to_what_reads_the_same(text in r"[ -~]{0,300}") {
        check_rebuilt(&text)?;
    }

    #[test]
    fn a_mutated_token_is_refused_or_rebuilt_to_what_reads_the_same(
        at in 0..QUERY.len(), with in r"[ -~]{0,3}", cut in 0..4usize,
    ) {
        let end = QUERY.len().min(at + cut);
        check_rebuilt(&format!("{}{with}{}", QUERY.get(..at).unwrap(), QUERY.get(end..).unwrap()))?;
    }
}

fn check_rebuilt(query: &str) -> Result<(), TestCaseError> {
    if let Ok(request) = parse_query(query) {
        let again = parse_query(&request.query());
        prop_assert_eq!(again.as_ref(), Ok(&request));
        let names: Vec<_> = request.query().split('&').map(|p| p.split('=').next().unwrap_or("").to_owned()).collect();
        prop_assert!(names.iter().all(|name| Parameter::ALL.iter().any(|known| known.name() == name)));
    }
    Ok(())
}
