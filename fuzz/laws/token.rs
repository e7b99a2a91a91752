//! Laws of tokens and of the presigned URL in them.

use std::sync::LazyLock;

use authenticator_server::token::{HostTable, Limits, PREFIX, Parameter, PresignedRequest, Token};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapping::Partition;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A token is refused, or it is a request to an endpoint of the table with each known parameter once and nothing else, which
/// reads the same when it is rebuilt, is signed-equal to what the caller wrote, and whose secrets do not print.
///
/// Bytes without the token's prefix are taken for the URL inside of one, so that the fuzzer need not learn base64.
pub fn token(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let text = if text.starts_with(PREFIX) { text.to_owned() } else { encode(text) };
    let Some(request) = parse(text.clone()) else { return false };

    let query = request.query();
    let host = HOSTS.get(request.host().name()).expect("the host is in the table");
    let rebuilt = format!("https://{}/?{}", host.name(), *query);
    assert_eq!(parse(encode(&rebuilt)).as_ref(), Some(&request), "the rebuilt request reads differently");
    assert_eq!(signed(&rebuilt), signed(&decode(&text)), "the rebuilt request is signed differently");

    let mut names: Vec<&str> = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a parameter stands twice in {names:?}");
    assert!(names.iter().all(|name| Parameter::ALL.iter().any(|known| known.name() == *name)), "{names:?}");
    assert!(count == 8 || (count == 9 && names.contains(&Parameter::SecurityToken.name())), "{names:?}");

    let signature = query.rsplit('=').next().expect("the signature is last");
    assert!(!format!("{request:?}").contains(signature), "the signature prints");
    true
}

/// The law of [`token()`] for any bytes as the query of a URL whose host is good.
pub fn presigned_url(data: &[u8]) -> bool {
    let Ok(query) = std::str::from_utf8(data) else { return false };
    token(format!("https://{HOST}/?{query}").as_bytes())
}

/// `X-Amz-Credential` is refused, or it is an access key id and the scope of this day, this host's region and this service.
pub fn credential(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let credential = utf8_percent_encode(text, ENCODED);
    let url = format!(
        "https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential={credential}&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60\
         &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature={:064}",
        0
    );
    let Some(request) = parse(encode(&url)) else { return false };
    let key = request.access_key_id().as_str();
    assert_eq!(text, format!("{key}/20260102/us-west-2/sts/aws4_request"));
    assert!((16..=128).contains(&key.len()), "{key}");
    assert!(key.chars().all(|character| character == '_' || character.is_ascii_alphanumeric()), "{key}");
    true
}

/// Scheme, host, path, and the query as SigV4 canonicalises it before it signs: each name and value decoded once and encoded
/// again, the pairs sorted. Written on its own, so that it shares no reading of a URL with the server.
fn signed(url: &str) -> (String, Vec<String>) {
    let (before, query) = url.split_once('?').expect("it has a query");
    let again = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().expect("it is UTF-8").into_owned();
        utf8_percent_encode(&decoded, ENCODED).to_string()
    };
    let mut pairs: Vec<String> = query
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!("{}={}", again(name), again(value))
        })
        .collect();
    pairs.sort_unstable();
    (before.to_owned(), pairs)
}

fn encode(url: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}

fn decode(token: &str) -> String {
    let payload = token.strip_prefix(PREFIX).expect("it has the prefix");
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("it is base64")).expect("it is UTF-8")
}

static HOSTS: LazyLock<HostTable> = LazyLock::new(|| HostTable::for_partition(Partition::Aws));

/// The moment at which the tokens of the corpus are good.
fn parse(token: String) -> Option<PresignedRequest> {
    let now = "2026-01-02T03:04:05Z".parse().expect("a time");
    PresignedRequest::parse(&Token::new(token), &HOSTS, &Limits::default(), now).ok()
}

const HOST: &str = "sts.us-west-2.amazonaws.com";

/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
