//! The kubeconfig that tells the API server where the webhook is and what to trust.

use std::path::Path;

use base64::Engine as _;
use rustls::pki_types::ServerName;

use crate::whole_file::{self, Readers, WriteError};

/// What `kube-apiserver --authentication-token-webhook-config-file` is given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebhookKubeconfig {
    text: String,
}

impl WebhookKubeconfig {
    /// A kubeconfig for the webhook at `hostname` and `port`, trusted by the PEM text `anchor`.
    ///
    /// Cluster, user and context have the Go program's names; unlike its file, this one says its `apiVersion` and
    /// `kind`, and is YAML whatever the host is called.
    #[must_use]
    pub fn new(hostname: &ServerName<'_>, port: u16, anchor: &str) -> Self {
        let anchor = base64::engine::general_purpose::STANDARD.encode(anchor);
        let server = serde_json::Value::from(server_url(hostname, port));
        let text = format!(
            "apiVersion: v1
kind: Config
clusters:
- name: aws-iam-authenticator
  cluster:
    certificate-authority-data: {anchor}
    server: {server}
users:
# The API server itself, as a client of the webhook: it shows no credentials.
- name: apiserver
  user: {{}}
contexts:
- name: webhook
  context:
    cluster: aws-iam-authenticator
    user: apiserver
current-context: webhook
"
        );
        Self { text }
    }

    /// The file's text: YAML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Writes the file, unless it says just this already (so that a read-only mount is no error).
    ///
    /// Everyone may read it: it holds no secret, and the API server may run as another user.
    ///
    /// # Errors
    /// When the file cannot be written; the error names it.
    pub fn write(&self, path: &Path) -> Result<(), WriteError> {
        if std::fs::read(path).is_ok_and(|present| present == self.text.as_bytes()) {
            return Ok(());
        }
        whole_file::write(path, self.text.as_bytes(), Readers::Everyone)
    }
}

/// RFC 3986, section 3.2.2: an IPv6 address stands in brackets.
fn server_url(hostname: &ServerName<'_>, port: u16) -> String {
    match hostname {
        ServerName::IpAddress(address) => {
            let address = std::net::SocketAddr::new((*address).into(), port);
            format!("https://{address}/authenticate")
        }
        name => format!("https://{}:{port}/authenticate", name.to_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn server_of(hostname: &'static str) -> String {
        server_url(&hostname.try_into().unwrap(), 21362)
    }

    #[test]
    fn the_url_is_where_the_webhook_answers() {
        assert_eq!(server_of("localhost"), "https://localhost:21362/authenticate");
        assert_eq!(server_of("10.1.2.3"), "https://10.1.2.3:21362/authenticate");
        assert_eq!(server_of("::1"), "https://[::1]:21362/authenticate");
    }

    #[test]
    fn the_file_is_a_whole_kubeconfig_with_the_go_programs_names() {
        let text = WebhookKubeconfig::new(&"localhost".try_into().unwrap(), 1, "PEM\n").text;
        let parsed: kube::config::Kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(parsed.api_version.as_deref(), Some("v1"));
        assert_eq!(parsed.kind.as_deref(), Some("Config"));
        assert_eq!(parsed.current_context.as_deref(), Some("webhook"));
        let context = parsed.contexts[0].context.as_ref().unwrap();
        assert_eq!(parsed.contexts[0].name, "webhook");
        assert_eq!(context.user.as_deref(), Some("apiserver"));
        assert_eq!(parsed.auth_infos[0].name, "apiserver");
        assert_eq!(context.cluster, "aws-iam-authenticator");
        let cluster = parsed.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://localhost:1/authenticate"));
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("UEVNCg=="));
    }

    #[test]
    fn a_file_that_says_the_same_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig.yaml");
        let kubeconfig = WebhookKubeconfig::new(&"localhost".try_into().unwrap(), 1, "PEM\n");
        kubeconfig.write(&path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        kubeconfig.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);

        WebhookKubeconfig::new(&"localhost".try_into().unwrap(), 2, "PEM\n").write(&path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("localhost:2"));
    }
}
