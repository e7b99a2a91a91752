//! What must hold for any bytes whatever. The fuzzer looks for bytes for which it does not; the suite replays the bytes that
//! were interesting so far.

use std::sync::LazyLock;

use authenticator_server::token::{HostTable, Limits, PREFIX, Parameter, PresignedRequest, Token};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapping::Partition;

/// A token is refused, or it is a request to an endpoint of the table with each known parameter once and nothing else, which
/// reads the same when it is rebuilt, and whose secrets do not print.
///
/// Bytes without the token's prefix are taken for the URL inside of one, so that the fuzzer need not learn base64.
///
/// Says whether it is such a request.
pub fn token(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let text = if text.starts_with(PREFIX) { text.to_owned() } else { encode(text) };
    let Some(request) = parse(text) else { return false };

    let query = request.query();
    let host = HOSTS.get(request.host().name()).expect("the host is in the table");
    let rebuilt = parse(encode(&format!("https://{}/?{}", host.name(), *query)));
    assert_eq!(rebuilt.as_ref(), Some(&request), "the rebuilt request reads differently");

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

fn encode(url: &str) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
}

static HOSTS: LazyLock<HostTable> = LazyLock::new(|| HostTable::for_partition(Partition::Aws));

/// The moment at which the tokens of the corpus are good.
fn parse(token: String) -> Option<PresignedRequest> {
    let now = "2026-01-02T03:04:05Z".parse().expect("a time");
    PresignedRequest::parse(&Token::new(token), &HOSTS, &Limits::default(), now).ok()
}
