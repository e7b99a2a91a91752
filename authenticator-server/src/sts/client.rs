//! The connection to STS: one request, rebuilt from values.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;

use super::contact::{Call, Contact};
use super::{AnswerError, AskError, CallerIdentity, MAX_ANSWER_BYTES, Outage, Rejection, read_answer};
use crate::aws::{HttpClient, chain};
use crate::cluster_id::ClusterId;
use crate::token::{CLUSTER_ID_HEADER, PresignedRequest, StsHost};

/// Asks STS who signed a request.
#[derive(Clone, Debug)]
pub struct Client {
    http: HttpClient<Empty<Bytes>>,
    cluster_id: ClusterId,
    contact: Contact,
}

impl Client {
    /// A client that sends every request for `cluster_id`, by way of `http`.
    #[must_use]
    pub fn new(cluster_id: &ClusterId, http: HttpClient<Empty<Bytes>>, contact: Contact) -> Self {
        Self { http, cluster_id: cluster_id.clone(), contact }
    }

    /// The cluster for which every request is sent: what an answer vouches for.
    #[must_use]
    pub const fn cluster_id(&self) -> &ClusterId {
        &self.cluster_id
    }

    /// What is known of STS beside its answers.
    pub(crate) const fn contact(&self) -> &Contact {
        &self.contact
    }

    /// Sends the request once. Whoever calls this bounds its time.
    ///
    /// # Errors
    /// STS's refusal, or the reason for which it could not be heard.
    pub async fn ask(&self, request: &PresignedRequest) -> Result<CallerIdentity, AskError> {
        let call = self.contact.call(request.host());
        let answer = self.exchange(request, &call).await;
        call.ended(&answer);
        answer
    }

    /// Connects to `host`, so that the first question need not wait for that: asks for nothing, and heeds no answer.
    pub async fn warm(&self, host: &StsHost) {
        let uri = Uri::builder().scheme("https").authority(host.name()).path_and_query("/").build();
        let Ok(request) = uri.and_then(|uri| self.request(uri)) else { return };
        match self.http.request(request).await {
            Ok(response) => {
                self.contact.responded(response.headers());
                // A connection that is not read to the end of an answer is not used again.
                let _ = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
                tracing::info!(host = host.name(), "connected to STS of this region");
            }
            Err(error) => {
                tracing::warn!(host = host.name(), error = %chain(&error), "STS of this region cannot be reached")
            }
        }
    }

    async fn exchange(&self, request: &PresignedRequest, call: &Call<'_>) -> Result<CallerIdentity, AskError> {
        let built = self.build(request).map_err(|_| Rejection::Malformed)?;
        let response = self.http.request(built).await.map_err(|error| {
            // The error names addresses and TLS alerts, never the request.
            tracing::warn!(host = request.host().name(), error = %chain(&error), "request to STS failed");
            Outage::Unreachable
        })?;
        self.contact.responded(response.headers());
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() { Outage::Answer(AnswerError::TooLarge) } else { Outage::Unreachable }
        })?;
        call.responded(status);
        read_answer(status, content_type, &body.to_bytes())
    }

    /// The whole request: host of the table, our own query, and, with the Host that hyper adds (in HTTP/2 the
    /// authority), four headers, none of them the caller's.
    ///
    /// Fails only for a query longer than a URI can be, which the default size limit for tokens rules out.
    fn build(&self, request: &PresignedRequest) -> Result<Request<Empty<Bytes>>, http::Error> {
        let host = request.host().name();
        let uri = Uri::builder().scheme("https").authority(host).path_and_query(format!("/?{}", *request.query()));
        self.request(uri.build()?)
    }

    fn request(&self, uri: Uri) -> Result<Request<Empty<Bytes>>, http::Error> {
        Request::get(uri)
            .header(CLUSTER_ID_HEADER, self.cluster_id.header_value())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("authenticator-server/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::WebPkiClientVerifier;
    use rustls::{RootCertStore, ServerConfig};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use transport::{Proxies, Roots};

    use super::*;
    use crate::aws::{ClientCertificate, Network};
    use crate::clock::Clock;
    use crate::metrics::StsCalls;
    use crate::token::HostTable;

    /// What stands before STS and asks for a certificate, the roots to trust it by, and a file of one that it takes.
    fn gateway(folder: &std::path::Path) -> (TlsAcceptor, Roots, ClientCertificate) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issued = |name: &str| {
            let key = KeyPair::generate().unwrap();
            (CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap(), key)
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider)).build();
        let (certificate, key) = issued(HOST);
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.unwrap())
            .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let (certificate, key) = issued("webhook");
        let file = folder.join("client.pem");
        std::fs::write(&file, certificate.pem() + &key.serialize_pem()).unwrap();
        let roots = Roots::of(vec![authority.der().clone()]).unwrap();
        (TlsAcceptor::from(Arc::new(server)), roots, ClientCertificate::read(&file).unwrap())
    }

    #[tokio::test]
    async fn a_gateway_that_asks_for_a_certificate_is_shown_it_and_lets_nobody_pass_without() {
        let folder = tempfile::tempdir().unwrap();
        let (gateway, roots, certificate) = gateway(folder.path());
        let table = HostTable::for_partition(mapping::Partition::Aws);
        let host = table.find(HOST).unwrap();
        for (certificate, passes) in [(Some(certificate), true), (None, false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
            let cluster_id = "test".parse().unwrap();
            let contact = Contact::new(StsCalls::default(), Clock::system());
            let http = Network::new(roots.clone(), Proxies::default(), certificate).client(Some(endpoint));
            let client = Client::new(&cluster_id, http, contact);
            let shaken = async { gateway.accept(listener.accept().await.unwrap().0).await.is_ok() };
            // It hears no answer: the connection ends with the handshake.
            let (passed, ()) = tokio::join!(shaken, client.warm(host));
            assert_eq!(passed, passes);
        }
    }

    const HOST: &str = "sts.us-west-2.amazonaws.com";
}
