//! Clients for the API server that holds mappings.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};

use super::api_server::{ApiServer, ApiServerError};

/// Makes clients. Clones share what is being made.
#[derive(Clone)]
pub struct Clients {
    api_server: ApiServer,
    /// The client that the last try did not wait for any longer.
    making: Arc<Mutex<Option<Making>>>,
}

type Making = JoinHandle<Result<kube::Client, ApiServerError>>;

/// There is no client now.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error(transparent)]
    ApiServer(#[from] ApiServerError),
    #[error("making a client for the API server failed")]
    Making(#[from] JoinError),
    #[error("the kubeconfig's credential plugin does not answer")]
    SilentPlugin,
}

impl Clients {
    /// Clients for this API server.
    #[must_use]
    pub fn new(api_server: ApiServer) -> Self {
        Self { api_server, making: Arc::default() }
    }

    /// Makes a client once, so that settings that make none are known before anything is served.
    ///
    /// An API server that is away is no error, and neither is a credential plugin that takes its time: whoever asks next
    /// goes on where this stopped to wait.
    ///
    /// # Errors
    /// When a file or the URL is unusable, or the credential plugin fails.
    pub async fn check_settings(&self) -> Result<(), ApiServerError> {
        match self.client().await {
            Err(ClientError::ApiServer(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// A new client, waited for no longer than an answer of the API server.
    ///
    /// kube runs a kubeconfig's credential plugin on the thread that makes the client, for as long as the plugin pleases.
    /// So it is made on a thread of its own, and no other is begun while that one runs: plugins that hang do not pile up.
    pub(super) async fn client(&self) -> Result<kube::Client, ClientError> {
        let made = tokio::time::timeout(ANSWER_TIMEOUT, async {
            let mut slot = self.making.lock().await;
            let making = slot.get_or_insert_with(|| {
                let (api_server, runtime) = (self.api_server.clone(), Handle::current());
                tokio::task::spawn_blocking(move || runtime.block_on(api_server.client()))
            });
            let made = making.await;
            *slot = None;
            made
        });
        Ok(made.await.map_err(|_| ClientError::SilentPlugin)???)
    }
}

/// How long the beginning of an answer may take, and how long the end of a watch may be overdue.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    /// A kubeconfig whose credential plugin notes each of its runs in `runs`, and prints nothing before `go` is there.
    fn with_plugin(dir: &Path) -> Clients {
        let script =
            "cd DIR && echo run >> runs; while [ -e kubeconfig ] && ! [ -e go ]; do sleep 0.01; done; cat answer";
        let answer =
            r#"{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}"#;
        let kubeconfig = format!(
            "clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}}}}]
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ['-c', '{}']
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
current-context: x
",
            script.replace("DIR", dir.to_str().unwrap())
        );
        std::fs::write(dir.join("answer"), answer).unwrap();
        std::fs::write(dir.join("kubeconfig"), kubeconfig).unwrap();
        Clients::new(ApiServer { kubeconfig: Some(dir.join("kubeconfig")), ..ApiServer::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_plugin_that_hangs_is_not_waited_for_and_not_run_again() {
        let dir = tempfile::tempdir().unwrap();
        let clients = with_plugin(dir.path());
        for _ in 0..3 {
            let (made, ()) = tokio::join!(clients.client(), tokio::time::advance(ANSWER_TIMEOUT));
            assert!(matches!(made, Err(ClientError::SilentPlugin)));
        }
        let (checked, ()) = tokio::join!(clients.check_settings(), tokio::time::advance(ANSWER_TIMEOUT));
        checked.unwrap();

        let deadline = Instant::now() + Duration::from_secs(30);
        let runs = || std::fs::read_to_string(dir.path().join("runs")).unwrap_or_default();
        while runs().is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(runs(), "run\n");
        std::fs::write(dir.path().join("go"), "").unwrap();
        clients.client().await.unwrap();
        assert!(clients.making.lock().await.is_none());
    }

    #[tokio::test]
    async fn a_credential_plugin_that_fails_is_a_wrong_setting() {
        let dir = tempfile::tempdir().unwrap();
        let clients = with_plugin(dir.path());
        std::fs::write(dir.path().join("go"), "").unwrap();
        clients.check_settings().await.unwrap();
        std::fs::remove_file(dir.path().join("answer")).unwrap();
        let error = clients.check_settings().await.unwrap_err().to_string();
        assert!(error.contains("credential plugin"), "{error}");
    }
}
