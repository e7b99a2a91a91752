//! What the plugin prints: one `ExecCredential`, or what aws-cli prints of it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{
    Serializer,
    ser::{CompactFormatter, Formatter, PrettyFormatter},
};
use zeroize::Zeroizing;

use crate::{exec_info::ApiVersion, token::Token};

/// A form in which aws-cli prints.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum AwsForm {
    /// A document with an indent of four, or a string in quotes.
    #[default]
    Json,
    /// Words with tabs between them, or a bare string.
    Text,
}

/// A part of the document that aws-cli can be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum AwsPart {
    /// `status.token`
    #[value(name = "status.token")]
    Token,
    /// `status.expirationTimestamp`
    #[value(name = "status.expirationTimestamp")]
    ExpirationTimestamp,
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    interactive: Option<bool>,
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
pub fn render(api_version: ApiVersion, token: &Token, expiration: Timestamp) -> Zeroizing<Vec<u8>> {
    let document = ExecCredential::new(api_version, Spec { interactive: Some(false) }, token, expiration);
    line_of_json(CompactFormatter, &document, token)
}

/// What `aws eks get-token` prints with `--output` and `--query`, but for the empty line that it ends with.
///
/// The keys stand in its order, and `spec` is empty, which client-go takes.
#[must_use]
pub fn render_as_aws_cli(
    form: AwsForm,
    part: Option<AwsPart>,
    api_version: ApiVersion,
    token: &Token,
    expiration: Timestamp,
) -> Zeroizing<Vec<u8>> {
    let document = ExecCredential::new(api_version, Spec { interactive: None }, token, expiration);
    let ExecCredential { kind, api_version, status: Status { expiration_timestamp, token: text }, .. } = &document;
    match (form, part) {
        (AwsForm::Json, None) => line_of_json(PrettyFormatter::with_indent(b"    "), &document, token),
        (AwsForm::Json, Some(AwsPart::Token)) => line_of_json(CompactFormatter, text, token),
        (AwsForm::Json, Some(AwsPart::ExpirationTimestamp)) => {
            line_of_json(CompactFormatter, expiration_timestamp, token)
        }
        (AwsForm::Text, None) => {
            line(token, &[api_version, "\t", kind, "\nSTATUS\t", expiration_timestamp, "\t", text])
        }
        (AwsForm::Text, Some(AwsPart::Token)) => line(token, &[text]),
        (AwsForm::Text, Some(AwsPart::ExpirationTimestamp)) => line(token, &[expiration_timestamp]),
    }
}

/// The token alone, in a line.
#[must_use]
pub fn render_token(token: &Token) -> Zeroizing<Vec<u8>> {
    line(token, &[token.expose_token()])
}

impl<'a> ExecCredential<'a> {
    fn new(api_version: ApiVersion, spec: Spec, token: &'a Token, expiration: Timestamp) -> Self {
        Self {
            kind: "ExecCredential",
            api_version: api_version.as_str(),
            spec,
            status: Status {
                expiration_timestamp: expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                token: token.expose_token(),
            },
        }
    }
}

#[expect(clippy::expect_used, reason = "serialising strings and a bool into memory cannot fail")]
fn line_of_json(form: impl Formatter, value: &impl Serialize, token: &Token) -> Zeroizing<Vec<u8>> {
    let mut bytes = room_for(token);
    let mut serializer = Serializer::with_formatter(&mut *bytes, form);
    value.serialize(&mut serializer).expect("strings and a bool become JSON, and memory takes them");
    bytes.push(b'\n');
    bytes
}

fn line(token: &Token, texts: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut bytes = room_for(token);
    texts.iter().for_each(|text| bytes.extend_from_slice(text.as_bytes()));
    bytes.push(b'\n');
    bytes
}

/// Room for the whole document, so that no copy of the token is left behind by a buffer that grows.
fn room_for(token: &Token) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(token.expose_token().len() + 512))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl";

    fn expiration() -> Timestamp {
        "2026-01-02T03:18:05.999Z".parse().unwrap()
    }

    #[test]
    fn the_document_has_the_keys_in_the_order_and_form_of_the_go_program() {
        assert_eq!(
            String::from_utf8_lossy(&render(ApiVersion::V1, &Token::dummy(TOKEN), expiration())),
            concat!(
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"#,
                r#""status":{"expirationTimestamp":"2026-01-02T03:18:05Z","token":"k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl"}}"#,
                "\n"
            )
        );
    }

    /// As aws-cli 1.46.3 prints them, without its last empty line.
    #[test]
    fn the_forms_of_aws_cli_are_byte_for_byte_its_own() {
        const DOCUMENT: &str = r#"{
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "spec": {},
    "status": {
        "expirationTimestamp": "2026-01-02T03:18:05Z",
        "token": "k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl"
    }
}
"#;
        const WORDS: &str = "client.authentication.k8s.io/v1beta1\tExecCredential\n\
            STATUS\t2026-01-02T03:18:05Z\tk8s-aws-v1.aHR0cHM6Ly9leGFtcGxl\n";
        for (form, part, expected) in [
            (AwsForm::Json, None, DOCUMENT),
            (AwsForm::Json, Some(AwsPart::Token), "\"k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl\"\n"),
            (AwsForm::Json, Some(AwsPart::ExpirationTimestamp), "\"2026-01-02T03:18:05Z\"\n"),
            (AwsForm::Text, None, WORDS),
            (AwsForm::Text, Some(AwsPart::Token), "k8s-aws-v1.aHR0cHM6Ly9leGFtcGxl\n"),
            (AwsForm::Text, Some(AwsPart::ExpirationTimestamp), "2026-01-02T03:18:05Z\n"),
        ] {
            let printed = render_as_aws_cli(form, part, ApiVersion::V1Beta1, &Token::dummy(TOKEN), expiration());
            assert_eq!(String::from_utf8_lossy(&printed), expected, "{form:?} {part:?}");
        }
    }
}
