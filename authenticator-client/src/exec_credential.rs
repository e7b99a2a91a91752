//! What the plugin prints: one `ExecCredential`.

use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{exec_info::ApiVersion, token::Token};

#[derive(Serialize)]
struct ExecCredential<'a> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    spec: Spec,
    status: Status<'a>,
}

#[derive(Serialize)]
struct Spec {
    interactive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    expiration_timestamp: String,
    token: &'a str,
}

/// The document, followed by one newline: client-go takes nothing before it and no second document.
///
/// The keys stand in the order of the Go program. `spec.interactive` is required by the `v1` schema; nothing was asked of the
/// user, so it is false. The expiry is RFC 3339 in UTC without a fraction of a second, rounded down.
#[must_use]
#[expect(clippy::expect_used, reason = "serialising strings and a bool into memory cannot fail")]
pub fn render(api_version: ApiVersion, token: &Token, expiration: Timestamp) -> Zeroizing<Vec<u8>> {
    let document = ExecCredential {
        kind: "ExecCredential",
        api_version: api_version.as_str(),
        spec: Spec { interactive: false },
        status: Status {
            expiration_timestamp: expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            token: token.expose_token(),
        },
    };
    // Room for the whole document, so that no copy of the token is left behind by a buffer that grows.
    let mut bytes = Zeroizing::new(Vec::with_capacity(token.expose_token().len() + 512));
    serde_json::to_writer(&mut *bytes, &document).expect("strings and a bool become JSON, and memory takes them");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_keys_in_the_order_and_form_of_the_go_program() {
        let token = Token::dummy("k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl");
        let expiration: Timestamp = "2026-01-02T03:18:05.999Z".parse().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&render(ApiVersion::V1, &token, expiration)),
            concat!(
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"#,
                r#""status":{"expirationTimestamp":"2026-01-02T03:18:05Z","token":"k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl"}}"#,
                "\n"
            )
        );
    }
}
