//! Access to the API server that holds mappings.

use std::path::PathBuf;
use std::time::Duration;

use kube::client::AuthError;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

/// How the API server is reached, as the Go program's flags `--kubeconfig` and `--master` say it, and `--kubeconfig-context` of
/// its `add`.
///
/// Neither: the service account of the pod. `master` takes the place of the kubeconfig's server, and on its own is asked
/// without credentials.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ApiServer {
    /// The kubeconfig's file.
    pub kubeconfig: Option<PathBuf>,
    /// The API server's URL.
    pub master: Option<String>,
    /// The context of the kubeconfig, if not its current one.
    pub context: Option<String>,
}

/// Why the API server cannot be reached, as far as that is known without trying.
#[derive(Debug, thiserror::Error)]
pub enum ApiServerError {
    /// The settings make no client.
    #[error("cannot make a client for the API server: {0}")]
    Client(String),
    /// Neither flags nor a pod.
    #[error(
        "no way to the API server that holds mappings: give --kubeconfig or --master, or run in a pod with a service \
         account ({0})"
    )]
    InCluster(kube::config::InClusterError),
    /// The kubeconfig's file.
    #[error("kubeconfig {path}: {reason}", path = .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL.
    #[error("--master (server.master): {url:?} is no URL")]
    Master {
        /// What was given.
        url: String,
    },
}

impl ApiServer {
    /// A client, from files read now: when a certificate or token in them is replaced, another client has it.
    ///
    /// Nothing is connected yet. Proxies of the environment are not used, and neither is `AWS_CA_BUNDLE`: the way to the API
    /// server is what its kubeconfig says.
    ///
    /// # Errors
    /// When the files or the URL are unusable. No error holds a credential.
    pub async fn client(&self) -> Result<kube::Client, ApiServerError> {
        let mut config = match (&self.kubeconfig, &self.master) {
            (Some(path), _) => from_kubeconfig(path.clone(), self.context.clone()).await?,
            (None, Some(url)) => kube::Config::new(self.parse_master(url)?),
            (None, None) => kube::Config::incluster().map_err(ApiServerError::InCluster)?,
        };
        if let Some(url) = &self.master {
            config.cluster_url = self.parse_master(url)?;
        }
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Whoever asks tries again, and says so.
        config.default_retry = false;
        kube::Client::try_from(config).map_err(|error| ApiServerError::Client(reason(&error)))
    }

    fn parse_master(&self, url: &str) -> Result<::http::Uri, ApiServerError> {
        let wrong = || ApiServerError::Master { url: url.to_owned() };
        // client-go takes an address without a scheme for plain HTTP.
        let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: ::http::Uri = full.parse().map_err(|_| wrong())?;
        if matches!(uri.scheme_str(), Some("http" | "https")) { Ok(uri) } else { Err(wrong()) }
    }
}

async fn from_kubeconfig(path: PathBuf, context: Option<String>) -> Result<kube::Config, ApiServerError> {
    let wrong =
        |error: KubeconfigError| ApiServerError::Kubeconfig { path: path.clone(), reason: kubeconfig_reason(&error) };
    let kubeconfig = Kubeconfig::read_from(&path).map_err(wrong)?;
    let asks_for_proxy = kubeconfig
        .clusters
        .iter()
        .filter_map(|named| named.cluster.as_ref())
        .any(|cluster| cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()));
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(wrong)?;
    if !asks_for_proxy {
        // What is set then is the environment's HTTPS_PROXY, which is meant for AWS.
        config.proxy_url = None;
    }
    Ok(config)
}

/// What a kubeconfig's error may say: its parser would quote the text, credentials included.
fn kubeconfig_reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(source, _) => source.to_string(),
        KubeconfigError::Parse(_) => "it is not a kubeconfig in YAML".to_owned(),
        other => other.to_string(),
    }
}

/// An error of kube's as one line, each cause once, and without what a credential plugin printed.
pub(super) fn reason(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return format!("{} {}: {}", status.code, status.reason, status.message);
    }
    let mut reason = String::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = match error {
        kube::Error::Service(cause) => Some(cause.as_ref()),
        other => Some(other),
    };
    while let Some(cause) = next {
        if let Some(auth) = cause.downcast_ref::<AuthError>() {
            return auth_reason(auth);
        }
        let text = cause.to_string();
        // Many of them repeat what caused them.
        if !reason.contains(&text) {
            if !reason.is_empty() {
                reason.push_str(": ");
            }
            reason.push_str(&text);
        }
        next = cause.source();
    }
    reason
}

fn auth_reason(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { cmd, out } => format!("credential plugin {cmd:?} failed ({})", out.status),
        AuthError::AuthExecParse(_) => "a credential plugin did not print an ExecCredential".to_owned(),
        other => other.to_string(),
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters:
- name: c
  cluster: {server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}
users:
- name: u
  user: {token: not-to-be-seen}
contexts:
- name: x
  context: {cluster: c, user: u}
current-context: x
";

    fn written(text: &str) -> (tempfile::TempDir, ApiServer) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, text).unwrap();
        (dir, ApiServer { kubeconfig: Some(path), ..ApiServer::default() })
    }

    #[tokio::test]
    async fn a_kubeconfig_makes_a_client_without_connecting() {
        let (_dir, api_server) = written(KUBECONFIG);
        api_server.client().await.unwrap();
    }

    #[tokio::test]
    async fn a_context_is_one_of_the_kubeconfig() {
        let (_dir, api_server) = written(KUBECONFIG);
        let of = |context: &str| ApiServer { context: Some(context.to_owned()), ..api_server.clone() };
        of("x").client().await.unwrap();
        let error = of("y").client().await.err().unwrap().to_string();
        assert!(error.contains("/kubeconfig: ") && error.contains('y'), "{error}");
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_none_is_named_and_not_quoted() {
        let (_dir, api_server) = written("users: [{token: not-to-be-seen");
        let error = api_server.client().await.err().unwrap().to_string();
        assert!(error.contains("/kubeconfig: it is not a kubeconfig"), "{error}");
        assert!(!error.contains("not-to-be-seen"), "{error}");

        let absent = ApiServer { kubeconfig: Some("/absent/kubeconfig".into()), ..ApiServer::default() };
        let error = absent.client().await.err().unwrap().to_string();
        assert!(error.starts_with("kubeconfig /absent/kubeconfig: "), "{error}");
    }

    #[test]
    fn a_master_is_a_url_or_an_address() {
        let parse = |url: &str| ApiServer::default().parse_master(url).map(|uri| uri.to_string());
        assert_eq!(parse("https://10.0.0.1:6443").unwrap(), "https://10.0.0.1:6443/");
        assert_eq!(parse("127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/");
        for url in ["", "ftp://a", "a b"] {
            assert!(parse(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn what_a_credential_plugin_printed_is_not_repeated() {
        let out = Box::new(std::process::Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(256),
            stdout: b"not-to-be-seen".to_vec(),
            stderr: b"not-to-be-seen".to_vec(),
        });
        let error = kube::Error::Auth(AuthError::AuthExecRun { cmd: "plugin".to_owned(), out });
        let reason = reason(&error);
        assert!(!reason.contains("not-to-be-seen"), "{reason}");
        assert!(reason.contains("plugin"), "{reason}");
    }
}
