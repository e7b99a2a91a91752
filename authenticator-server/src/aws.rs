//! How services of AWS are reached: at which address, by which way, and whom to trust there.

mod client_certificate;
mod dial;
mod endpoint;
mod instance;
mod own;
mod query;
mod role;
mod roots;
mod way;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use dial::{Dialer, Patient};
use way::Way;

pub use client_certificate::{ClientCertificate, ClientCertificateError};
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use own::MAKING;
pub use own::{OwnCredentials, OwnCredentialsError, own};
pub use query::{ErrorCode, MAX_ANSWER_BYTES, QueryApi, QueryError, Service};
pub use role::{ArnError, RoleArn, SourceArn};
pub use roots::{Environment, Roots, RootsError, load_roots};
pub use way::{Proxy, ProxyError};

/// What is the same for every service: the authorities that are trusted, the proxy, and the certificate that is shown to
/// whoever asks for one on the way.
#[derive(Clone, Debug)]
pub struct Network {
    roots: Roots,
    proxy: Option<Proxy>,
    certificate: Option<ClientCertificate>,
}

/// A pool of connections, over HTTPS alone.
pub type HttpClient<B> = hyper_util::client::legacy::Client<Patient<HttpsConnector<Way>>, B>;

impl Network {
    /// A network of these parts.
    #[must_use]
    pub const fn new(roots: Roots, proxy: Option<Proxy>, certificate: Option<ClientCertificate>) -> Self {
        Self { roots, proxy, certificate }
    }

    /// A client for one service.
    ///
    /// With an `endpoint`, all its connections go there, straight; without, through the proxy where it is to be used. Whom
    /// the other end must prove to be does not change.
    ///
    /// # Errors
    /// If the cryptography library has neither TLS 1.2 nor 1.3.
    pub fn client<B>(&self, endpoint: Option<Endpoint>) -> Result<HttpClient<B>, rustls::Error>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots.store());
        let tls = match self.certificate.clone() {
            Some(certificate) => tls.with_client_cert_resolver(certificate.resolver()),
            None => tls.with_no_client_auth(),
        };
        let proxy = self.proxy.clone().filter(|_| endpoint.is_none());
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_all_versions()
            .wrap_connector(Way::new(Dialer::new(endpoint), proxy));
        Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            // Calls that share a connection would else share its death until each of them has waited in vain.
            .http2_keep_alive_interval(Duration::from_secs(3))
            .http2_keep_alive_timeout(Duration::from_secs(2))
            .build(Patient(connector)))
    }

    /// The client with which aws-config asks for credentials and region: of instance and container without encryption, of AWS
    /// with it, by way of the environment's proxies.
    fn sdk_client(&self) -> SharedHttpClient {
        let context = TlsContext::builder().with_trust_store(self.roots.sdk_store()).build().ok();
        Builder::new().build_with_connector_fn(move |settings, _| {
            let connector = Connector::builder()
                .connector_settings(settings.cloned().unwrap_or_default())
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
            match &context {
                Some(context) => connector.tls_context(context.clone()).build(),
                None => connector.build(),
            }
        })
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
