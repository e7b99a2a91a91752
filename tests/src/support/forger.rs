//! Tokens that have everything but a signature that fits: only STS can tell them from real ones.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

/// A forged token of this access key, for the regional endpoint. No two are alike.
#[must_use]
pub fn token(access_key_id: &str, region: &str) -> String {
    forge(access_key_id, region, "")
}

/// The same, of about so many bytes: most of it is a session token.
#[must_use]
pub fn large_token(access_key_id: &str, region: &str, bytes: usize) -> String {
    let session_token = "A".repeat((bytes * 3 / 4).saturating_sub(500));
    forge(access_key_id, region, &format!("&X-Amz-Security-Token={session_token}"))
}

fn forge(access_key_id: &str, region: &str, session_token: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let (day, _) = date.split_at(8);
    let (noise, count) = (Timestamp::now().as_nanosecond(), COUNT.fetch_add(1, Ordering::Relaxed));
    let url = format!(
        "https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential={access_key_id}%2F{day}%2F{region}%2Fsts%2Faws4_request&X-Amz-Date={date}&X-Amz-Expires=60{session_token}\
         &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature={noise:048x}{count:016x}"
    );
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))
}
