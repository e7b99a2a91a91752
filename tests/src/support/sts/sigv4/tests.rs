use http::Request;

use super::*;

#[test]
fn every_signature_of_awss_own_suite_is_recomputed() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 26);
    for vector in vectors {
        let claim = vector.claim().unwrap_or_else(|fault| panic!("{}: {fault:?}", vector.name));
        assert!(claim.is_signed_with(SECRET), "{}", vector.name);
    }
}

#[test]
fn no_signature_of_awss_own_suite_is_another_secrets() {
    for vector in vectors() {
        assert!(!vector.claim().unwrap().is_signed_with("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEZ"), "{}", vector.name);
    }
}

#[test]
fn a_signature_with_one_bit_changed_is_refused() {
    for vector in vectors() {
        let mut claim = vector.claim().unwrap();
        for position in 0..claim.signature.len() {
            let original = claim.signature.clone();
            flip_bit(&mut claim.signature, position);
            assert!(!claim.is_signed_with(SECRET), "{} at {position}", vector.name);
            claim.signature = original;
        }
    }
}

#[test]
fn a_body_that_was_not_signed_is_refused() {
    for mut vector in vectors() {
        vector.body.push_str("&Param2=value2");
        assert!(!vector.claim().unwrap().is_signed_with(SECRET), "{}", vector.name);
    }
}

#[test]
fn a_header_that_the_signature_covers_may_not_be_missing() {
    for (vector, header) in with_header("my-header1") {
        let mut parts = vector.parts();
        parts.headers.remove(header);
        assert_eq!(code(&parts, &vector.body), Code::SignatureDoesNotMatch, "{}", vector.name);
    }
}

#[test]
fn an_aws_header_that_the_signature_does_not_cover_is_refused() {
    for vector in vectors() {
        let mut parts = vector.parts();
        parts.headers.insert("x-amz-surprise", "1".parse().unwrap());
        assert_eq!(code(&parts, &vector.body), Code::SignatureDoesNotMatch, "{}", vector.name);
    }
}

#[test]
fn each_parameter_of_a_presigned_query_is_given_once() {
    let url = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2F20260102%2Fus-west-2%2Fsts%2Faws4_request\
               &X-Amz-Date=20260102T030405Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    let parts = |url: &str| Request::get(url).header("host", "sts.amazonaws.com").body(()).unwrap().into_parts().0;
    assert!(Claim::read(&parts(url), b"").is_ok());
    let (path, query) = url.split_once('?').unwrap();
    for pair in query.split('&') {
        let without = query.replace(pair, "");
        assert_eq!(code(&parts(&format!("{path}?{without}")), ""), Code::IncompleteSignature, "without {pair}");
        assert_eq!(code(&parts(&format!("{url}&{pair}")), ""), Code::IncompleteSignature, "twice {pair}");
    }
}

#[test]
fn a_request_without_a_signature_is_not_authenticated() {
    let parts =
        Request::get("/?Action=GetCallerIdentity").header("host", "sts.amazonaws.com").body(()).unwrap().into_parts().0;
    assert_eq!(code(&parts, ""), Code::MissingAuthenticationToken);
}

#[test]
fn a_broken_escape_is_not_guessed_at() {
    for query in ["%", "%4", "%zz", "a=%e1%88", "%ff"] {
        let fault = Pairs::parse(query).map(|pairs| pairs.0).unwrap_err();
        assert_eq!(fault.code, Code::MalformedQueryString, "{query}");
    }
}

#[test]
fn a_date_has_one_form() {
    assert_eq!(parse_date("20260102T030405Z").unwrap(), "2026-01-02T03:04:05Z".parse().unwrap());
    for wrong in ["", "20260102", "2026-01-02T03:04:05Z", "20260102T030405", "20261302T030405Z", " 0260102T030405Z"] {
        assert!(parse_date(wrong).is_err(), "{wrong}");
    }
}

/// One signed request of AWS's suite.
struct Vector {
    name: &'static str,
    head: &'static str,
    body: String,
}

impl Vector {
    fn claim(&self) -> Result<Claim, Fault> {
        Claim::read(&self.parts(), self.body.as_bytes())
    }

    fn parts(&self) -> Parts {
        let mut lines = self.head.lines();
        let mut request_line = lines.next().unwrap().split(' ');
        let mut request = Request::builder().method(request_line.next().unwrap()).uri(request_line.next().unwrap());
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }
}

fn vectors() -> Vec<Vector> {
    include_str!("vectors.txt")
        .split("\n=== ")
        .skip(1)
        .map(|block| {
            let (name, request) = block.split_once('\n').unwrap();
            let (head, body) = request.trim_end().split_once("\n\n").unwrap_or((request.trim_end(), ""));
            Vector { name, head, body: body.to_owned() }
        })
        .collect()
}

fn with_header(name: &'static str) -> impl Iterator<Item = (Vector, &'static str)> {
    let found: Vec<_> = vectors().into_iter().filter(|vector| vector.parts().headers.contains_key(name)).collect();
    assert!(!found.is_empty());
    found.into_iter().map(move |vector| (vector, name))
}

fn code(parts: &Parts, body: &str) -> Code {
    Claim::read(parts, body.as_bytes()).unwrap_err().code
}

/// Changes the lowest bit of one character: another one of the same width.
fn flip_bit(text: &mut String, position: usize) {
    let flipped = char::from(text.as_bytes()[position] ^ 1).to_string();
    text.replace_range(position..=position, &flipped);
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
