//! A caller of the emulator that trusts it as the programs are told to: by name, and by its CA alone.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, HOST};
use http::{Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Sts;

/// The request that a token stands for, with the cluster's header, as a webhook for that cluster would send it.
///
/// # Errors
///
/// The token is none.
pub fn request_of(token: &str, cluster: &str) -> Result<Request<Full<Bytes>>> {
    let payload = token.strip_prefix("k8s-aws-v1.").context("the token has no prefix")?;
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(payload)?)?;
    let request = Request::get(url).header("x-k8s-aws-id", cluster).header(ACCEPT, "application/json");
    Ok(request.body(Full::default())?)
}

impl Sts {
    /// Sends one request for an absolute URL, over a connection of its own.
    ///
    /// # Errors
    ///
    /// There is no connection, or no answer.
    pub async fn call(&self, version: Version, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let host = request.uri().host().context("the URL has no host")?.to_owned();
        let mut config = ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots()?)
            .with_no_client_auth();
        config.alpn_protocols = match version {
            Version::HTTP_2 => vec![b"h2".to_vec()],
            _ => vec![b"http/1.1".to_vec()],
        };
        let stream = TcpStream::connect(self.address()).await?;
        let name = ServerName::try_from(host.clone())?;
        let stream = TokioIo::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?);
        let response = match version {
            Version::HTTP_2 => {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                sender.send_request(request).await?
            }
            Version::HTTP_11 => {
                let (mut sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                sender.send_request(origin_form(request, &host)?).await?
            }
            other => bail!("{other:?} is not spoken here"),
        };
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(self.ca_file())? {
            roots.add(certificate?)?;
        }
        Ok(roots)
    }
}

/// HTTP/1.1 has the host in a header and not in the target.
fn origin_form(mut request: Request<Full<Bytes>>, host: &str) -> Result<Request<Full<Bytes>>> {
    let target = request.uri().path_and_query().context("the URL has no path")?.clone();
    *request.uri_mut() = Uri::from(target);
    request.headers_mut().insert(HOST, host.parse()?);
    Ok(request)
}
