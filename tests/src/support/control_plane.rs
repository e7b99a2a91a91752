//! A real control plane on loopback: etcd and kube-apiserver, and kubectl to talk to it.
//!
//! ```text
//! Site::prepare()   addresses, certificates, the administrator's kubeconfig    nothing runs yet
//!     │             a webhook may start here: it knows where the API server will be
//!     ▼
//! Site::start()     etcd, then kube-apiserver, which reads the webhook's kubeconfig once
//!     ▼
//! ControlPlane      kubectl as anybody; ends with the value
//! ```
//!
//! Two steps, because in a cluster that asks a webhook the two need each other: the API server reads the
//! webhook's kubeconfig at its start, and the webhook reads its mappings from the API server.

mod binaries;
mod certificates;
mod kubectl;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

pub use self::binaries::{Binaries, kubemark};
use self::certificates::{Authority, Signed};
pub use self::kubectl::{Kubeconfig, Kubectl, Outcome};
use crate::support::process::Process;

/// A place for a control plane: everything is decided and written, nothing runs.
#[derive(Debug)]
pub struct Site {
    administrator: Kubeconfig,
    api_server: Reserved,
    binaries: Binaries,
    folder: TempDir,
}

/// A running control plane.
// Fields are dropped in this order: the API server ends before the etcd it writes to, the files last.
#[derive(Debug)]
pub struct ControlPlane {
    api_server: Process,
    _etcd: Process,
    kubectl: Kubectl,
    site: Site,
}

/// The webhook that an API server is to ask about bearer tokens.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// Says where it is and which CA vouches for it.
    pub kubeconfig: &'a Path,
    /// The TokenReview that it is sent.
    pub version: ReviewVersion,
}

/// A version of the TokenReview API that `--authentication-token-webhook-version` can choose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReviewVersion {
    /// `authentication.k8s.io/v1`.
    V1,
    /// `authentication.k8s.io/v1beta1`, the API server's default.
    V1Beta1,
}

/// A port that nobody else gets: the socket stays bound, and lets only a socket of the same user share its
/// port that asks for it, as kube-apiserver does with `--permit-port-sharing`.
#[derive(Debug)]
struct Reserved {
    _socket: TcpSocket,
    port: u16,
}

impl Site {
    /// Chooses the addresses and writes certificates, keys and the administrator's kubeconfig.
    ///
    /// # Errors
    ///
    /// When the programs are not there, or the files cannot be written.
    pub fn prepare() -> Result<Self> {
        let binaries = Binaries::from_environment()?;
        // Short, since the path of a unix socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("cluster-").tempdir().context("making a folder")?;
        let api_server = Reserved::new().context("reserving a port")?;
        let authority = Authority::new()?;
        write(folder.path(), AUTHORITY, &authority.certificate)?;
        let serving = authority.server("kube-apiserver")?;
        write(folder.path(), SERVING.certificate, &serving.certificate)?;
        write(folder.path(), SERVING.key, &serving.key)?;
        let accounts = rcgen::KeyPair::generate()?;
        write(folder.path(), ACCOUNTS.certificate, &accounts.public_key_pem())?;
        write(folder.path(), ACCOUNTS.key, &accounts.serialize_pem())?;
        let Signed { certificate, key } = authority.client("admin", "system:masters")?;
        write(folder.path(), "admin.crt", &certificate)?;
        write(folder.path(), "admin.key", &key)?;
        let administrator = Kubeconfig::write(
            folder.path(),
            "admin",
            &api_server.url(),
            &folder.path().join(AUTHORITY),
            &json!({
                "client-certificate": folder.path().join("admin.crt"),
                "client-key": folder.path().join("admin.key"),
            }),
        )?;
        Ok(Self { administrator, api_server, binaries, folder })
    }

    /// Where the files are: the programs' logs too, and room for those of others who belong to this cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig of a member of `system:masters`, by client certificate.
    #[must_use]
    pub fn administrator(&self) -> &Kubeconfig {
        &self.administrator
    }

    /// Where the API server is.
    #[must_use]
    pub fn api_server_url(&self) -> String {
        self.api_server.url()
    }

    /// The authority of the API server's certificate, in PEM.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn api_server_authority(&self) -> Result<String> {
        fs::read_to_string(self.path(AUTHORITY)).context("reading the authority")
    }

    /// Writes a kubeconfig; `user` is the `user` object of the file's format.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn kubeconfig(&self, name: &str, user: &Value) -> Result<Kubeconfig> {
        Kubeconfig::write(self.folder(), name, &self.api_server.url(), &self.path(AUTHORITY), user)
    }

    /// Starts etcd and kube-apiserver, and returns when the API server says it is ready.
    ///
    /// # Errors
    ///
    /// With the end of its log, when one of them does not come up.
    pub fn start(self, webhook: Option<Webhook<'_>>) -> Result<ControlPlane> {
        let etcd = self.start_etcd()?;
        let mut api_server = self.start_api_server(webhook)?;
        let kubectl = Kubectl::new(self.binaries.kubectl.clone(), self.folder().to_owned());
        self.await_ready(&mut api_server, &kubectl)?;
        Ok(ControlPlane { api_server, _etcd: etcd, kubectl, site: self })
    }

    fn await_ready(&self, api_server: &mut Process, kubectl: &Kubectl) -> Result<()> {
        api_server.wait_until("ready", READY, || {
            // The namespace is not among the things that /readyz waits for.
            [&["get", "--raw", "/readyz"][..], &["get", "namespace", "kube-system"]]
                .iter()
                .all(|question| kubectl.run(&self.administrator, question).is_ok_and(|outcome| outcome.success))
        })
    }

    fn start_etcd(&self) -> Result<Process> {
        let clients = self.etcd_url();
        let peers = format!("unix://{}", self.path("peers.sock").display());
        let arguments = [
            "--data-dir=etcd",
            &format!("--listen-client-urls={clients}"),
            // Wanted, and used by nobody: etcd takes no socket here.
            "--advertise-client-urls=http://127.0.0.1:2379",
            &format!("--listen-peer-urls={peers}"),
            // The data ends with the test, so it need not outlive the machine.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ];
        Process::start("etcd", &self.binaries.etcd, arguments, &[], self.folder())
    }

    fn start_api_server(&self, webhook: Option<Webhook<'_>>) -> Result<Process> {
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.path(name).display());
        let mut arguments = vec![
            format!("--etcd-servers={}", self.etcd_url()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.api_server.port),
            "--permit-port-sharing".to_owned(),
            // An Endpoints object must not name a loopback address, and nobody here reads it.
            "--endpoint-reconciler-type=none".to_owned(),
            file("tls-cert-file", SERVING.certificate),
            file("tls-private-key-file", SERVING.key),
            file("client-ca-file", AUTHORITY),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            file("service-account-key-file", ACCOUNTS.certificate),
            file("service-account-signing-key-file", ACCOUNTS.key),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
        ];
        if let Some(webhook) = webhook {
            arguments.extend([
                format!("--authentication-token-webhook-config-file={}", webhook.kubeconfig.display()),
                format!("--authentication-token-webhook-version={}", webhook.version.name()),
                // Each request asks the webhook: what is proven is its answer, not the API server's memory.
                "--authentication-token-webhook-cache-ttl=0s".to_owned(),
            ]);
        }
        Process::start("kube-apiserver", &self.binaries.kube_apiserver, arguments, &[], self.folder())
    }

    /// A unix socket needs no port.
    fn etcd_url(&self) -> String {
        format!("unix://{}", self.path("etcd.sock").display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }
}

impl ControlPlane {
    /// kubectl for this API server.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Where it stands: its folder and its kubeconfigs.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Runs kubectl as the administrator, who is refused nothing, and gives what it printed.
    ///
    /// # Errors
    ///
    /// When kubectl fails.
    pub fn administer(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl.run(self.site.administrator(), arguments)?.expect_success()
    }

    /// Creates or changes objects as the administrator.
    ///
    /// # Errors
    ///
    /// When the API server does not take them.
    pub fn apply(&self, manifest: &str) -> Result<String> {
        self.kubectl.run_with(self.site.administrator(), &["apply", "-f", "-"], manifest)?.expect_success()
    }

    /// Where the API server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.site.api_server.port))
    }

    /// Ends the API server, and returns when another one is ready in its place, with the same data and without a webhook.
    ///
    /// # Errors
    ///
    /// With the end of its log, when it does not come up.
    pub fn restart_api_server(&mut self) -> Result<()> {
        self.api_server.end();
        self.api_server = self.site.start_api_server(None)?;
        self.site.await_ready(&mut self.api_server, &self.kubectl)
    }

    /// All that the API server has logged.
    #[must_use]
    pub fn api_server_log(&self) -> String {
        self.api_server.log()
    }
}

impl ReviewVersion {
    /// As `--authentication-token-webhook-version` wants it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }
}

impl Reserved {
    fn new() -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let port = socket.local_addr()?.port();
        Ok(Self { _socket: socket, port })
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

struct Pair {
    certificate: &'static str,
    key: &'static str,
}

fn write(folder: &Path, name: &str, content: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, content).with_context(|| format!("writing {}", path.display()))
}

const AUTHORITY: &str = "ca.crt";
const SERVING: Pair = Pair { certificate: "kube-apiserver.crt", key: "kube-apiserver.key" };
/// Service account tokens are signed with a bare key.
const ACCOUNTS: Pair = Pair { certificate: "service-accounts.pub", key: "service-accounts.key" };
/// It takes three seconds on two idle cores.
const READY: Duration = Duration::from_secs(120);
