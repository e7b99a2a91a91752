//! How a token of the corpus is made: a good one, changed step by step.
//!
//! What comes before the step `signed` is signed; what comes after it is not. Without that step all is signed.

use authenticator_tests::support::draft::{Draft, token_of};
use authenticator_tests::support::sts::Principal;
use jiff::{SignedDuration, Timestamp};

/// What a token is made for.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    pub(super) cluster: &'a str,
    pub(super) host: &'a str,
    pub(super) region: &'a str,
}

/// Makes the token that a recipe describes.
///
/// | step | does |
/// | --- | --- |
/// | `by:NAME` | somebody else signs |
/// | `at:SECONDS` | is signed so many seconds from now |
/// | `for:CLUSTER` | is signed for another cluster |
/// | `host:HOST`, `region:REGION`, `scheme:TEXT`, `path:TEXT` | takes the place of the good one |
/// | `NAME=VALUE` | gives a parameter this encoded value |
/// | `+PAIR`, `^PAIR` | writes one more pair at the end, at the start |
/// | `-NAME` | leaves a parameter out |
/// | `reverse` | turns the order of the pairs round |
/// | `signed` | signs |
/// | `raw:A>B` | replaces the first A in the URL by B |
/// | `end:TEXT`, `url:TEXT` | goes on after the URL, takes its place |
/// | `token:A>B`, `token-start:TEXT`, `token-end:TEXT`, `token-is:TEXT` | the same with the token |
///
/// `{DATE}`, `{DAY}` and `{REGION}` stand for the token's own; `\xNN` in the URL for one byte, `\s` for a space anywhere.
pub(super) fn token(recipe: &str, purpose: Purpose<'_>, person: impl Fn(&str) -> Principal) -> String {
    let steps: Vec<String> = recipe.split_whitespace().map(|step| step.replace("\\s", " ")).collect();
    let find = |prefix: &str| steps.iter().find_map(|step| step.strip_prefix(prefix));
    let offset: i64 = find("at:").map_or(0, |seconds| seconds.parse().expect("at: takes seconds"));
    let at = Timestamp::now() + SignedDuration::from_secs(offset);
    let principal = person(find("by:").unwrap_or("alice"));
    let cluster = find("for:").unwrap_or(purpose.cluster);
    let host = find("host:").unwrap_or(purpose.host);
    let region = find("region:").unwrap_or(purpose.region);
    let mut draft = Draft::new(&principal, cluster, host, region, at);
    let filled = |text: &str| {
        let day = &draft.date[..8];
        text.replace("{DATE}", &draft.date).replace("{DAY}", day).replace("{REGION}", region)
    };
    let steps: Vec<String> = steps.iter().map(|step| filled(step)).collect();

    let signs_at = steps.iter().position(|step| step == "signed").unwrap_or(steps.len());
    let (before, after) = steps.split_at(signs_at);
    before.iter().for_each(|step| change(&mut draft, step));
    draft.sign();
    after.iter().for_each(|step| change(&mut draft, step));
    let url = steps.iter().fold(draft.url(), |url, step| change_url(url, step));
    steps.iter().fold(token_of(&bytes(&url)), |token, step| change_token(token, step))
}

fn change(draft: &mut Draft, step: &str) {
    if let Some(scheme) = step.strip_prefix("scheme:") {
        scheme.clone_into(&mut draft.scheme);
    } else if let Some(path) = step.strip_prefix("path:") {
        path.clone_into(&mut draft.path);
    } else if let Some(pair) = step.strip_prefix('+') {
        draft.pairs.push(pair.to_owned());
    } else if let Some(pair) = step.strip_prefix('^') {
        draft.pairs.insert(0, pair.to_owned());
    } else if let Some(name) = step.strip_prefix('-') {
        let before = draft.pairs.len();
        draft.pairs.retain(|pair| pair.split('=').next() != Some(name));
        assert_ne!(draft.pairs.len(), before, "{step}: there is none");
    } else if step == "reverse" {
        draft.pairs.reverse();
    } else if let Some((name, _)) = step.split_once('=').filter(|(name, _)| !name.contains(':')) {
        *draft.pair(name).unwrap_or_else(|| panic!("{step}: there is none")) = step.to_owned();
    } else {
        let (word, _) = step.split_once(':').unwrap_or((step, ""));
        assert!(OTHER_STEPS.contains(&word), "no step is called {step}");
    }
}

fn change_url(url: String, step: &str) -> String {
    if let Some(text) = step.strip_prefix("end:") {
        url + text
    } else if let Some(text) = step.strip_prefix("url:") {
        text.to_owned()
    } else if let Some(change) = step.strip_prefix("raw:") {
        replaced(&url, change)
    } else {
        url
    }
}

fn change_token(token: String, step: &str) -> String {
    if let Some(text) = step.strip_prefix("token-end:") {
        token + text
    } else if let Some(text) = step.strip_prefix("token-start:") {
        text.to_owned() + &token
    } else if let Some(text) = step.strip_prefix("token-is:") {
        text.to_owned()
    } else if let Some(change) = step.strip_prefix("token:") {
        replaced(&token, change)
    } else {
        token
    }
}

fn replaced(text: &str, change: &str) -> String {
    let (from, to) = change.split_once('>').expect("A>B");
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

/// The text with each `\xNN` as the byte that it stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

const OTHER_STEPS: [&str; 13] = [
    "by",
    "at",
    "for",
    "host",
    "region",
    "signed",
    "raw",
    "end",
    "url",
    "token",
    "token-start",
    "token-end",
    "token-is",
];
