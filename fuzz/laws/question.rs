//! The law of what an API server asks.

use authenticator_server::review::{ReviewRequest, ReviewVersion};
use serde::de::IgnoredAny;
use serde_json::Value;

/// A body is refused, or it is one JSON object of the right kind, in a version that is answered. The token that was read is its
/// `spec.token`, or empty without one, and does not print.
pub fn token_review(data: &[u8]) -> bool {
    let Ok(request) = ReviewRequest::parse(data) else { return false };
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        // A number beyond every type, or half a surrogate, in a member that is passed over.
        assert!(std::str::from_utf8(data).is_ok(), "what is read is UTF-8");
        serde_json::from_slice::<IgnoredAny>(data).expect("what is read is JSON");
        return true;
    };
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    assert_eq!(text("/kind"), Some("TokenReview"));
    let (version, printed) = match text("/apiVersion") {
        Some("authentication.k8s.io/v1") => (ReviewVersion::V1, "V1"),
        Some("authentication.k8s.io/v1beta1") => (ReviewVersion::V1beta1, "V1beta1"),
        other => panic!("version {other:?} is read"),
    };
    assert_eq!(request.version(), version);
    assert_eq!(
        text("/spec/token").filter(|token| !token.is_empty()),
        Some(request.token().expose()).filter(|token| !token.is_empty())
    );
    assert_eq!(format!("{request:?}"), format!("ReviewRequest {{ version: {printed}, token: Token(redacted) }}"));
    true
}
