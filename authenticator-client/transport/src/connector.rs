//! Connections to hosts of AWS, ready for HTTP.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use rustls::ClientConfig;
use tower_service::Service;

use crate::BoxError;
use crate::error::{ConnectError, first_cause};
use crate::proxy::Proxies;
use crate::way::{Stream, Tcp, Way};

/// Connects by TCP as `C` does, by way of the proxies, and over TLS. It gives up when that takes too long: name, address, proxy and TLS
/// handshake together.
#[derive(Clone, Debug)]
pub struct Connector<C> {
    https: HttpsConnector<Way<C>>,
    proxies: Arc<Proxies>,
    patience: Option<Duration>,
}

impl<C> Connector<C>
where
    C: Service<Uri, Response = Tcp>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    /// A connector of these parts; `tls` is for the host and for a proxy that is itself spoken to over TLS, and offers no protocol yet.
    #[must_use]
    pub fn new(tcp: C, tls: ClientConfig, proxies: Arc<Proxies>, patience: Option<Duration>) -> Self {
        let way = Way::new(tcp, Arc::clone(&proxies), Arc::new(tls.clone()));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_all_versions();
        Self { https: https.wrap_connector(way), proxies, patience }
    }

    /// Refuses whatever is not to be encrypted.
    #[must_use]
    pub fn https_only(mut self) -> Self {
        self.https.enforce_https();
        self
    }
}

impl<C> Service<Uri> for Connector<C>
where
    C: Service<Uri, Response = Tcp>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
{
    type Response = MaybeHttpsStream<Stream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (proxy, patience) = (self.proxies.of(&to).cloned(), self.patience);
        let connecting = self.https.call(to);
        Box::pin(async move {
            let connected = match patience {
                None => connecting.await,
                Some(patience) => match tokio::time::timeout(patience, connecting).await {
                    Ok(connected) => connected,
                    Err(_) => return Err(ConnectError::TimedOut(patience, proxy).into()),
                },
            };
            connected.map_err(|error| match proxy {
                Some(proxy) if !error.is::<ConnectError>() => ConnectError::Behind(first_cause(&*error), proxy).into(),
                _ => error,
            })
        })
    }
}

#[cfg(test)]
mod tests;
