//! On requests that botocore 1.44.5 signed for 2026-01-02T03:04:05Z: `tests/interop/presign.py`, with `at`.

use http::Request;

use super::super::Session;
use super::*;

#[test]
fn long_lived_keys_are_known() {
    assert_eq!(LONG_LIVED.judged(), Ok(USER));
}

#[test]
fn temporary_keys_are_known_at_the_global_endpoint() {
    assert_eq!(TEMPORARY.judged(), Ok(ROLE));
}

#[test]
fn temporary_keys_are_known_at_a_dual_stack_endpoint() {
    assert_eq!(DUAL_STACK.judged(), Ok(ROLE));
}

#[test]
fn a_request_with_one_thing_changed_is_refused() {
    let rows: &[(&str, Recorded, &str, &str, Code)] = &[
        ("the signature's first digit", LONG_LIVED, "Signature=3e5d", "Signature=2e5d", Code::SignatureDoesNotMatch),
        ("the signature's last digit", LONG_LIVED, "a162", "a163", Code::SignatureDoesNotMatch),
        ("the signature in capitals", LONG_LIVED, "=3e5d", "=3E5D", Code::SignatureDoesNotMatch),
        ("the time by a second", LONG_LIVED, "T030405Z", "T030404Z", Code::SignatureDoesNotMatch),
        ("the day of the scope", LONG_LIVED, "%2F20260102", "%2F20260103", Code::SignatureDoesNotMatch),
        ("the key id to an unknown one", LONG_LIVED, "AKIAIOSFODNN7", "AKIAIOSFODNN6", Code::InvalidClientTokenId),
        ("the key id to another's", LONG_LIVED, "AKIAIOSFODNN7", "AKIAI44QH8DHB", Code::SignatureDoesNotMatch),
        ("the region of the scope", LONG_LIVED, "us-west-2%2Fsts", "us-west-1%2Fsts", Code::SignatureDoesNotMatch),
        ("the service of the scope", LONG_LIVED, "%2Fsts%2F", "%2Fiam%2F", Code::SignatureDoesNotMatch),
        ("the end of the scope", LONG_LIVED, "aws4_request", "aws4_requesu", Code::SignatureDoesNotMatch),
        ("the expiry", LONG_LIVED, "Expires=60", "Expires=61", Code::SignatureDoesNotMatch),
        ("the action", LONG_LIVED, "GetCallerIdentity", "GetSessionToken", Code::SignatureDoesNotMatch),
        ("the version", LONG_LIVED, "2011-06-15", "2011-06-14", Code::SignatureDoesNotMatch),
        ("one parameter more", LONG_LIVED, "?Action", "?A=&Action", Code::SignatureDoesNotMatch),
        ("the algorithm", LONG_LIVED, "HMAC-SHA256", "HMAC-SHA257", Code::IncompleteSignature),
        ("the cluster no longer signed", LONG_LIVED, "host%3Bx-k8s-aws-id", "host", Code::SignatureDoesNotMatch),
        ("the host no longer signed", LONG_LIVED, "host%3Bx", "x", Code::SignatureDoesNotMatch),
        ("a header signed that was not sent", LONG_LIVED, "host%3B", "accept%3Bhost%3B", Code::SignatureDoesNotMatch),
        ("the session token", TEMPORARY, "%2Bsession", "%2Csession", Code::InvalidClientTokenId),
        ("the session token left out", TEMPORARY, "X-Amz-Security-Token=", "Y=", Code::InvalidClientTokenId),
        (
            "a session token for long-lived keys",
            LONG_LIVED,
            "?Action",
            "?X-Amz-Security-Token=a&Action",
            Code::InvalidClientTokenId,
        ),
    ];
    for (label, recorded, from, to, code) in rows {
        assert!(recorded.url.contains(from), "{label}");
        let url = recorded.url.replacen(from, to, 1);
        assert_eq!(recorded.at(NOW, &url, CLUSTER), Err(*code), "{label}");
    }
}

#[test]
fn a_request_for_another_cluster_is_refused() {
    assert_eq!(LONG_LIVED.at(NOW, LONG_LIVED.url, "my-clustes"), Err(Code::SignatureDoesNotMatch));
}

#[test]
fn a_request_to_another_host_is_refused() {
    let url = LONG_LIVED.url.replace("us-west-2.amazonaws.com", "us-west-2.api.aws");
    assert_eq!(LONG_LIVED.at(NOW, &url, CLUSTER), Err(Code::SignatureDoesNotMatch));
}

#[test]
fn a_host_that_the_connection_was_not_made_for_is_refused() {
    let (parts, ()) = request(LONG_LIVED.url, CLUSTER).into_parts();
    let judged = judge(STS, &principals(), time(NOW), "sts.us-west-1.amazonaws.com", &parts, b"").map(|_| ());
    assert_eq!(judged.unwrap_err().code, Code::SignatureDoesNotMatch);
}

#[test]
fn a_body_that_was_not_signed_is_refused() {
    let (parts, ()) = request(LONG_LIVED.url, CLUSTER).into_parts();
    let judged = judge(STS, &principals(), time(NOW), "sts.us-west-2.amazonaws.com", &parts, b"Action=").map(|_| ());
    assert_eq!(judged.unwrap_err().code, Code::SignatureDoesNotMatch);
}

#[test]
fn a_signature_is_good_from_five_minutes_before_to_fifteen_after() {
    let rows = [
        ("2026-01-02T02:59:04Z", false),
        ("2026-01-02T02:59:05Z", true),
        // X-Amz-Expires=60 ends here, and STS does not care.
        ("2026-01-02T03:05:06Z", true),
        ("2026-01-02T03:19:05Z", true),
        ("2026-01-02T03:19:06Z", false),
    ];
    for (now, good) in rows {
        let expected = if good { Ok(USER) } else { Err(Code::SignatureDoesNotMatch) };
        assert_eq!(LONG_LIVED.at(now, LONG_LIVED.url, CLUSTER), expected, "{now}");
    }
}

#[test]
fn a_session_that_has_ended_is_expired() {
    let mut principals = principals();
    let (parts, ()) = request(TEMPORARY.url, CLUSTER).into_parts();
    let mut judged_with_end = |end: &str| {
        principals[1].session.as_mut().unwrap().ends = Some(time(end));
        judge(STS, &principals, time(NOW), "sts.amazonaws.com", &parts, b"").map(|_| ()).map_err(|fault| fault.code)
    };
    assert_eq!(judged_with_end("2026-01-02T03:04:06Z"), Ok(()));
    assert_eq!(judged_with_end("2026-01-02T03:04:05Z"), Err(Code::ExpiredToken));
}

#[test]
fn every_host_of_the_servers_table_has_the_region_that_the_table_says() {
    let table = include_str!("../../../../../authenticator-server/src/token/sts_hosts.txt");
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect()).collect();
    assert!(rows.len() > 100);
    for row in rows {
        let [_partition, region, _kind, host] = row[..] else { panic!("{row:?}") };
        assert_eq!(region_of(host), Some(region), "{host}");
    }
}

#[test]
fn what_only_looks_like_a_host_of_sts_has_no_region() {
    for host in [
        "sts.s3.amazonaws.com",
        "sts.anything-at-all.amazonaws.com",
        "sts.us-west-2.amazonaws.com.evil.com",
        "sts.us-west-2.amazonaws.com.",
        "sts.us-west-2.amazonaws.com:443",
        "STS.us-west-2.amazonaws.com",
        "evil.us-west-2.amazonaws.com",
        "us-west-2.amazonaws.com",
        "sts.-1.amazonaws.com",
        "",
    ] {
        assert_eq!(region_of(host), None, "{host}");
    }
}

#[derive(Clone, Copy)]
struct Recorded {
    url: &'static str,
}

impl Recorded {
    fn judged(&self) -> Result<&'static str, Code> {
        self.at(NOW, self.url, CLUSTER)
    }

    fn at(&self, now: &str, url: &str, cluster: &str) -> Result<&'static str, Code> {
        let (parts, ()) = request(url, cluster).into_parts();
        let server_name = parts.headers["host"].to_str().unwrap().to_owned();
        match judge(STS, &principals(), time(now), &server_name, &parts, b"") {
            Ok(principal) => Ok([USER, ROLE, OTHER].into_iter().find(|arn| *arn == principal.arn).unwrap()),
            Err(fault) => Err(fault.code),
        }
    }
}

fn request(url: &str, cluster: &str) -> Request<()> {
    let (host, target) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
    Request::get(format!("/{target}"))
        .header("host", host)
        .header("x-k8s-aws-id", cluster)
        .header("accept", "application/json")
        .body(())
        .unwrap()
}

fn principals() -> [Principal; 3] {
    let principal = |key: &str, arn: &str, session| Principal {
        access_key_id: key.to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        session,
        arn: arn.to_owned(),
        user_id: "AIDAEXAMPLE".to_owned(),
        account: "123456789012".to_owned(),
    };
    let session = Session { token: "IQoJb3JpZ2luX2VjEXAMPLE/+session==".to_owned(), ends: None };
    [
        principal("AKIAIOSFODNN7EXAMPLE", USER, None),
        principal("ASIAIOSFODNN7EXAMPLE", ROLE, Some(session)),
        // The same secret: what differs is the key id alone.
        principal("AKIAI44QH8DHBEXAMPLE", OTHER, None),
    ]
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-01-02T03:04:05Z";
const CLUSTER: &str = "my-cluster";
const USER: &str = "arn:aws:iam::123456789012:user/alice";
const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/admin/bob";
const OTHER: &str = "arn:aws:iam::123456789012:user/other";

const LONG_LIVED: Recorded = Recorded {
    url: "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
          &X-Amz-Algorithm=AWS4-HMAC-SHA256\
          &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Fus-west-2%2Fsts%2Faws4_request\
          &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
          &X-Amz-Signature=3e5d3d35d406d2125483823b4c16a9c116622c395b9e1c15eb2d69ab1205a162",
};
const TEMPORARY: Recorded = Recorded {
    url: "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
          &X-Amz-Algorithm=AWS4-HMAC-SHA256\
          &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260102%2Fus-east-1%2Fsts%2Faws4_request\
          &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
          &X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Bsession%3D%3D\
          &X-Amz-Signature=94152a09a2d4b4fd938abeb45a784b96560d477ca7397814d1049d700c57c63b",
};
const DUAL_STACK: Recorded = Recorded {
    url: "https://sts.us-west-2.api.aws/?Action=GetCallerIdentity&Version=2011-06-15\
          &X-Amz-Algorithm=AWS4-HMAC-SHA256\
          &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260102%2Fus-west-2%2Fsts%2Faws4_request\
          &X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
          &X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2F%2Bsession%3D%3D\
          &X-Amz-Signature=8d0ce69636c910d4ce369a3219784d99a57563663be7f191ef31914a34390e61",
};
