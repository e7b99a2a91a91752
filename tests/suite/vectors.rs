use authenticator_server::token::{HostTable, Limits, PresignedRequest, Token, TokenError};
use authenticator_tests::support::draft::token_of;
use authenticator_tests::support::sts::{Code, Sts};
use http::header::ACCEPT;
use http::{Request, StatusCode, Version};
use http_body_util::Full;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mapping::Partition;

use crate::people::{CLUSTER, alice, bob};

/// The webhook's own clock cannot be set, so its parser is asked here, and what it rebuilds goes to the emulator, whose can.
#[tokio::test]
async fn recorded_tokens_of_other_sdks_and_of_the_go_program_are_read_and_what_is_rebuilt_of_them_is_signed_equal() {
    let sts = Sts::start([alice(), bob()]);
    let mut signers = std::collections::BTreeMap::new();
    for line in URLS.lines().filter(|line| !line.starts_with('#')) {
        let [signer, label, url] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let principal = if label.starts_with("alice") { alice() } else { bob() };
        let now = signed_at(url) + SignedDuration::from_secs(60);
        sts.set_clock(move || now);
        let request = parse(url, now).unwrap_or_else(|error| panic!("{signer} {label}: {error}"));
        assert_eq!(request.access_key_id().as_str(), principal.access_key_id);
        let query = request.query();
        let answered = ask(&sts, request.host().name(), &query).await;
        assert_eq!(answered, StatusCode::OK, "{signer} {label}");
        assert_eq!(sts.seen().last().unwrap().verdict, Ok(principal.arn.clone()));

        let (start, last) = query.split_at(query.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        assert_eq!(ask(&sts, request.host().name(), &format!("{start}{other}")).await, StatusCode::FORBIDDEN);
        assert_eq!(sts.seen().last().unwrap().verdict, Err(Code::SignatureDoesNotMatch));
        let late = parse(url, signed_at(url) + SignedDuration::from_secs(901));
        assert_eq!(late.unwrap_err(), TokenError::Expired { seconds: 1 });
        *signers.entry(signer).or_insert(0) += 1;
    }
    println!("recorded tokens: {signers:?}");
    assert!(signers.len() == 4 && signers.values().all(|count| *count == 4), "{signers:?}");
}

async fn ask(sts: &Sts, host: &str, query: &str) -> StatusCode {
    let request = Request::get(format!("https://{host}/?{query}")).header("x-k8s-aws-id", CLUSTER);
    let request = request.header(ACCEPT, "application/json").body(Full::default()).unwrap();
    sts.call(Version::HTTP_2, request).await.unwrap().status()
}

fn parse(url: &str, now: Timestamp) -> Result<PresignedRequest, TokenError> {
    let hosts = HostTable::for_partition(Partition::Aws);
    PresignedRequest::parse(&Token::new(token_of(url.as_bytes())), &hosts, &Limits::default(), now)
}

fn signed_at(url: &str) -> Timestamp {
    let (_, rest) = url.split_once("X-Amz-Date=").unwrap();
    DateTime::strptime("%Y%m%dT%H%M%SZ", &rest[..16]).unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp()
}

const URLS: &str = include_str!("../interop/vectors/urls.txt");
