//! The exec plugin as a process of its own, and how strictly client-go reads what it prints.
//!
//! Facts from `k8s.io/client-go/plugin/pkg/client/auth/exec`.

use std::ffi::OsStr;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;

use super::programs::{self, Run};
use super::sts::Principal;

/// What client-go takes from a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Credential {
    /// The bearer token.
    pub token: String,
    /// When client-go runs the plugin again; never, without.
    pub expires: Option<Timestamp>,
}

/// Runs the plugin with these variables and none of ours but `PATH`, in an empty folder.
///
/// # Panics
///
/// It cannot be run, or shows a person a secret.
pub fn run<'a, A, E>(arguments: A, environment: E) -> Run
where
    A: IntoIterator<Item: AsRef<OsStr>>,
    E: IntoIterator<Item = &'a (String, String)>,
{
    let home = TempDir::new().expect("a folder can be made");
    programs::run(programs::client(), home.path(), arguments, environment)
}

/// A token that the plugin made for somebody.
///
/// # Panics
///
/// It made none.
#[must_use]
pub fn token(principal: &Principal, cluster: &str, region: &str) -> String {
    principal.remember();
    let run = run(["token", "-i", cluster, "--region", region], &principal.env());
    let credential = run.credential(BETA).unwrap_or_else(|error| panic!("{error:#}\n{}", run.stderr));
    credential.token
}

impl Run {
    /// Reads the credential as a client does whose kubeconfig names this `apiVersion`.
    ///
    /// # Errors
    ///
    /// The client would refuse it.
    pub fn credential(&self, api_version: &str) -> Result<Credential> {
        ensure!(self.code == Some(0), "exit code {:?}", self.code);
        // One document and nothing else. (A client would take YAML too: that is not what the plugin prints.)
        let document: Document = serde_json::from_str(&self.stdout).context("decoding stdout")?;
        ensure!(
            document.api_version == api_version,
            "configured to use {api_version}, plugin returned {}",
            document.api_version
        );
        ensure!(document.kind == "ExecCredential", "kind is {}", document.kind);
        let status = document.status.context("no status")?;
        if status.token.is_empty() {
            bail!("neither a token nor a certificate and key");
        }
        ensure!(status.token.bytes().all(|byte| byte.is_ascii_graphic()), "the token is no header value");
        let expires = status.expiration_timestamp.as_deref().map(rfc3339).transpose()?;
        Ok(Credential { token: status.token, expires })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: String,
    kind: String,
    status: Option<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    token: String,
    expiration_timestamp: Option<String>,
}

/// Go's `time.RFC3339`: a `T`, whole seconds with or without a fraction, and `Z` or an offset.
fn rfc3339(text: &str) -> Result<Timestamp> {
    let shape: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00").with_context(|| format!("parsing time {text:?}"))?;
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches('0'),
        None => rest,
    };
    ensure!(matches!(zone, "Z" | "+00:00" | "-00:00"), "parsing time {text:?}");
    text.parse().with_context(|| format!("parsing time {text:?}"))
}

/// The `apiVersion` of a kubeconfig that asks for none other, and what the plugin prints unasked.
pub const BETA: &str = "client.authentication.k8s.io/v1beta1";
/// The `apiVersion` of newer kubeconfigs.
pub const V1: &str = "client.authentication.k8s.io/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_client_go_takes_is_taken() {
        let far = Some("2999-01-02T03:04:05Z".parse().unwrap());
        let rows = [
            (r#","expirationTimestamp":"2999-01-02T03:04:05Z""#, far),
            (r#","expirationTimestamp":"2999-01-02T03:04:05.000Z""#, far),
            (r#","expirationTimestamp":"2999-01-02T05:04:05+02:00""#, far),
            (r#","expirationTimestamp":null"#, None),
            (r#","unknown":1"#, None),
            ("", None),
        ];
        for (member, expires) in rows {
            let credential = printed(&document(member)).credential(V1).unwrap();
            assert_eq!(credential, Credential { token: "T".to_owned(), expires }, "{member}");
        }
        assert!(printed(&format!("{}\n", document(""))).credential(V1).is_ok());
    }

    #[test]
    fn what_client_go_refuses_is_refused() {
        let rows = [
            ("another version", document("").replace("/v1\"", "/v1beta1\"")),
            ("no version", document("").replace("apiVersion", "version")),
            ("no status", document("").replace("status", "stat")),
            ("no token", document("").replace("\"T\"", "\"\"")),
            ("a line break in the token", document("").replace("\"T\"", r#""T\nU""#)),
            ("a time without a zone", document(r#","expirationTimestamp":"2999-01-02T03:04:05""#)),
            ("a time without a T", document(r#","expirationTimestamp":"2999-01-02 03:04:05Z""#)),
            ("an empty time", document(r#","expirationTimestamp":"""#)),
            ("two documents", [document(""), document("")].concat()),
            ("a line before it", format!("hello\n{}", document(""))),
            ("nothing", String::new()),
        ];
        for (label, stdout) in rows {
            assert!(printed(&stdout).credential(V1).is_err(), "{label}");
        }
        let failed = Run { code: Some(1), ..printed(&document("")) };
        assert!(failed.credential(V1).is_err());
    }

    fn document(member: &str) -> String {
        format!(r#"{{"kind":"ExecCredential","apiVersion":"{V1}","spec":{{}},"status":{{"token":"T"{member}}}}}"#)
    }

    fn printed(stdout: &str) -> Run {
        Run { stdout: stdout.to_owned(), stderr: String::new(), code: Some(0) }
    }
}
