//! The webhook's one caller: what kube-apiserver sends, and how strictly it reads the answer.
//!
//! Facts from `k8s.io/client-go` and `k8s.io/apiserver/plugin/pkg/authenticator/token/webhook`. An answer that an API server would
//! refuse, misread or keep for two minutes without our wanting it fails the test that got it.

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::control_plane::ReviewVersion;
use super::secrets;

pub use self::answer::{Answer, User};

mod answer;

/// Asks a webhook as an API server does that was given its kubeconfig: it trusts what that says, and nothing else.
#[derive(Clone, Debug)]
pub struct Reviewer {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The kubeconfig's `server`, path included.
    url: String,
}

impl Reviewer {
    /// Takes the webhook's address and authority from its kubeconfig, and its own certificate, if there is one.
    ///
    /// # Errors
    ///
    /// An API server could not use it.
    pub fn new(kubeconfig: &Path) -> Result<Reviewer> {
        let (cluster, user) = current_context(kubeconfig)?;
        let url = cluster.server.clone().context("the cluster has no server")?;
        ensure!(url.starts_with("https://"), "{url} is not https");
        let config = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(&cluster)?);
        let config = match (user.client_certificate, user.client_key) {
            (Some(certificate), Some(key)) => {
                let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
                config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
            }
            _ => config.with_no_client_auth(),
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // As Go does: otherwise each question waits for the acknowledgement of its own head.
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_all_versions().wrap_connector(tcp);
        Ok(Reviewer { client: Client::builder(TokioExecutor::new()).build(connector), url })
    }

    /// Where it asks.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks who a token belongs to.
    ///
    /// # Panics
    ///
    /// There is no answer, or none that an API server would understand as it was meant.
    pub async fn review(&self, version: ReviewVersion, token: &str) -> Answer {
        secrets::remember_token(token);
        self.ask(version, &body(version, token)).await
    }

    /// Sends a TokenReview that may have been altered.
    ///
    /// # Panics
    ///
    /// As [`Self::review`].
    pub async fn ask(&self, version: ReviewVersion, body: &Value) -> Answer {
        let response = self.send(self.request(body.to_string())).await.expect("the webhook answers");
        Answer::read(version, &response).unwrap_or_else(|violation| {
            panic!("an API server could not use the webhook's answer: {violation:#}\n{response:?}")
        })
    }

    /// The request that an API server makes, with any body.
    ///
    /// # Panics
    ///
    /// Never with the URL of a kubeconfig that could be read.
    pub fn request(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        Request::builder()
            .method(Method::POST)
            .uri(format!("{}?timeout=30s", self.url))
            .header(ACCEPT, "application/json, */*")
            .header(ACCEPT_ENCODING, "gzip")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "Go-http-client/2.0")
            .body(Full::new(body.into()))
            .expect("a kubeconfig's server is a URL")
    }

    /// Sends any request.
    ///
    /// # Errors
    ///
    /// There is no answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let client = self.client.clone();
        let answer = CONNECTIONS.spawn(async move {
            let (parts, body) = client.request(request).await?.into_parts();
            anyhow::Ok((parts, body.collect().await?.to_bytes()))
        });
        let (parts, body) = answer.await??;
        // Status, headers and text are the caller's to see, and must not repeat what it sent.
        secrets::assert_none_in("an answer", &format!("{parts:?} {}", String::from_utf8_lossy(&body)));
        Ok(Response::from_parts(parts, body))
    }
}

/// What an API server that was given this kubeconfig trusts.
///
/// # Errors
///
/// An API server could not use it.
pub fn trusted(kubeconfig: &Path) -> Result<RootCertStore> {
    roots(&current_context(kubeconfig)?.0)
}

/// The TokenReview of an API server, member for member.
#[must_use]
pub fn body(version: ReviewVersion, token: &str) -> Value {
    json!({
        "kind": "TokenReview",
        "apiVersion": api_version(version),
        "metadata": {},
        "spec": {"token": token},
        "status": {"user": {}},
    })
}

/// The `apiVersion` of a TokenReview.
#[must_use]
pub fn api_version(version: ReviewVersion) -> String {
    format!("authentication.k8s.io/{}", version.name())
}

/// Both versions: every API server asks in one of them.
pub const VERSIONS: [ReviewVersion; 2] = [ReviewVersion::V1, ReviewVersion::V1Beta1];

/// Whether an API server sends the same request again, up to five times, after this status.
#[must_use]
pub fn is_tried_again(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 501 | 502 | 504)
}

/// Where connections live: not on a test's own runtime, since nothing runs there while the test waits for a webhook to end, and
/// the webhook would wait for somebody to hear its farewell.
static CONNECTIONS: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime can be made")
});

fn current_context(path: &Path) -> Result<(Cluster, AuthInfo)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let kubeconfig = Kubeconfig::from_yaml(&text)?;
    ensure!(kubeconfig.api_version.as_deref() == Some("v1"), "apiVersion is {:?}", kubeconfig.api_version);
    ensure!(kubeconfig.kind.as_deref() == Some("Config"), "kind is {:?}", kubeconfig.kind);
    let name = kubeconfig.current_context.context("no current-context")?;
    let context = kubeconfig.contexts.into_iter().find(|context| context.name == name);
    let context = context.and_then(|named| named.context).ok_or_else(|| anyhow!("no context {name}"))?;
    let cluster = kubeconfig.clusters.into_iter().find(|cluster| cluster.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster).ok_or_else(|| anyhow!("no cluster {}", context.cluster))?;
    ensure!(cluster.insecure_skip_tls_verify != Some(true), "the webhook's certificate is not verified");
    let user = context.user.and_then(|name| kubeconfig.auth_infos.into_iter().find(|user| user.name == name));
    Ok((cluster, user.and_then(|named| named.auth_info).unwrap_or_default()))
}

fn roots(cluster: &Cluster) -> Result<RootCertStore> {
    let pem = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => STANDARD.decode(data)?,
        (None, Some(path)) => {
            ensure!(Path::new(path).is_absolute(), "certificate-authority {path} is relative");
            std::fs::read(path).with_context(|| format!("reading {path}"))?
        }
        (None, None) => bail!("no certificate authority"),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    ensure!(!roots.is_empty(), "the certificate authority is empty");
    Ok(roots)
}
