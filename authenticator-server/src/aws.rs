//! How services of AWS are reached: at which address, by which way, and whom to trust there.

mod client_certificate;
mod container;
mod dial;
mod endpoint;
mod instance;
mod local;
mod own;
mod query;
mod role;
mod roots;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use hyper::body::Body;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use transport::{Connector, Proxies, Roots};

use dial::{CONNECT_TIMEOUT, Dialer};

pub use client_certificate::{ClientCertificate, ClientCertificateError};
pub use endpoint::{Endpoint, EndpointError};
pub(crate) use own::MAKING;
pub use own::{OwnCredentials, OwnCredentialsError, own};
pub use query::{ErrorCode, MAX_ANSWER_BYTES, QueryApi, QueryError, Service};
pub use role::{ArnError, RoleArn, SourceArn};
pub use roots::{Environment, TrustError, load_roots};

/// What is the same for every service: the authorities that are trusted, the proxies, and the certificate that is shown to
/// whoever asks for one on the way.
#[derive(Clone, Debug)]
pub struct Network {
    roots: Roots,
    proxies: Proxies,
    certificate: Option<ClientCertificate>,
}

/// A pool of connections, over HTTPS alone.
pub type HttpClient<B> = hyper_util::client::legacy::Client<Connector<Dialer>, B>;

impl Network {
    /// A network of these parts.
    #[must_use]
    pub const fn new(roots: Roots, proxies: Proxies, certificate: Option<ClientCertificate>) -> Self {
        Self { roots, proxies, certificate }
    }

    /// A client for one service.
    ///
    /// With an `endpoint`, all its connections go there, straight; without, through the proxy where it is to be used. Whom
    /// the other end must prove to be does not change.
    #[must_use]
    pub fn client<B>(&self, endpoint: Option<Endpoint>) -> HttpClient<B>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let proxies = if endpoint.is_some() { Proxies::default() } else { self.proxies.clone() };
        let connector = Connector::new(Dialer::new(endpoint), self.tls(), Arc::new(proxies), Some(CONNECT_TIMEOUT));
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            // Calls that share a connection would else share its death until each of them has waited in vain.
            .http2_keep_alive_interval(Duration::from_secs(3))
            .http2_keep_alive_timeout(Duration::from_secs(2))
            .build(connector.https_only())
    }

    /// A client for what the machine itself offers, with encryption or without: straight, whatever the environment's proxy.
    fn local_client<B>(&self, connecting: Duration) -> HttpClient<B>
    where
        B: Body + Send,
        B::Data: Send,
    {
        let connector = Connector::new(Dialer::new(None), self.tls(), Arc::default(), Some(connecting));
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .build(connector)
    }

    fn tls(&self) -> ClientConfig {
        let tls = self.roots.tls();
        match self.certificate.clone() {
            Some(certificate) => tls.with_client_cert_resolver(certificate.resolver()),
            None => tls.with_no_client_auth(),
        }
    }

    /// The client with which aws-config asks AWS for credentials, by way of the environment's proxy.
    fn sdk_client(&self) -> SharedHttpClient {
        transport::sdk_client(self.tls(), self.proxies.clone())
    }
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
