use std::net::Ipv4Addr;

use hyper_util::client::legacy::connect::HttpConnector;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::proxy::{Precedence, ProxyError};
use crate::roots::Roots;

const HOST: &str = "sts.us-west-2.amazonaws.com";
const LEADS: &str = "HTTP/1.1 200 Connection established\r\nVia: a\r\n\r\n";

/// TLS of the host, and of a proxy on this machine, and whom to trust for both.
fn tls() -> (TlsAcceptor, Roots) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new([HOST.to_owned(), "localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (TlsAcceptor::from(Arc::new(server)), Roots::of(vec![authority.der().clone()]).unwrap())
}

/// Talks with the first who connects to a port of this machine.
async fn first<F>(talk: impl FnOnce(TcpStream) -> F + Send + 'static) -> (u16, JoinHandle<F::Output>)
where
    F: Future<Output: Send> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(async move { talk(listener.accept().await.unwrap().0).await }))
}

/// A proxy over HTTP: it says this, and then is the host. It gives what it was asked.
async fn http_proxy<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, answer: &str, host: TlsAcceptor) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
    if answer == LEADS {
        // Whoever does not trust the host ends the handshake.
        let _ = host.accept(stream).await;
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A proxy over SOCKS: it answers with this code, and then is the host. It gives user and host of which it was told.
async fn socks_proxy(mut stream: TcpStream, code: u8, host: TlsAcceptor) -> (String, String) {
    async fn text(stream: &mut TcpStream) -> String {
        let mut text = vec![0; stream.read_u8().await.unwrap().into()];
        stream.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }
    assert_eq!(stream.read_u8().await.unwrap(), 5);
    let methods = text(&mut stream).await;
    let mut user = String::new();
    if methods == "\u{2}" {
        stream.write_all(&[5, 2]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), 1);
        user = text(&mut stream).await + ":" + &text(&mut stream).await;
        stream.write_all(&[1, 0]).await.unwrap();
    } else {
        stream.write_all(&[5, 0]).await.unwrap();
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [5, 1, 0, 3], "a name, which the proxy resolves");
    let name = text(&mut stream).await;
    let port = stream.read_u16().await.unwrap();
    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    if code == 0 {
        host.accept(stream).await.unwrap();
    }
    (user, format!("{name}:{port}"))
}

async fn connect(proxy: &str, roots: &Roots, patience: Duration) -> Result<(), String> {
    let variable = |name| Ok::<_, ProxyError>((name == "HTTPS_PROXY").then(|| proxy.to_owned()));
    let proxies = Proxies::new(variable, Precedence::UpperCase).unwrap();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let tls = roots.tls().with_no_client_auth();
    let mut connector = Connector::new(tcp, tls, Arc::new(proxies), Some(patience)).https_only();
    let url = format!("https://{HOST}").parse().unwrap();
    connector.call(url).await.map(|_| ()).map_err(|error| error.to_string())
}

/// Longer than a busy machine may need.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_proxy_over_http_or_tls_is_told_the_host_and_who_asks() {
    let (host, roots) = tls();
    let (port, asked) = first({
        let host = host.clone();
        move |stream| http_proxy(stream, LEADS, host)
    })
    .await;
    connect(&format!("http://m%65:pass%3A@127.0.0.1:{port}"), &roots, PATIENCE).await.unwrap();
    let asked = asked.await.unwrap().to_ascii_lowercase();
    for line in [
        format!("connect {HOST}:443 http/1.1\r\n"),
        format!("\r\nhost: {HOST}:443\r\n"),
        "\r\nproxy-authorization: basic bwu6cgfzczo=\r\n".to_owned(),
    ] {
        assert!(asked.contains(&line), "{asked}");
    }

    let (port, asked) = first(move |stream| async move {
        let secured = host.accept(stream).await.unwrap();
        http_proxy(secured, LEADS, host).await
    })
    .await;
    connect(&format!("https://localhost:{port}"), &roots, PATIENCE).await.unwrap();
    let asked = asked.await.unwrap();
    assert!(asked.starts_with(&format!("CONNECT {HOST}:443 ")) && !asked.contains("uthorization"), "{asked}");
}

#[tokio::test]
async fn a_proxy_over_socks_resolves_the_name_and_is_told_who_asks() {
    let (host, roots) = tls();
    for (scheme, user, told) in [("socks5", "", ""), ("socks5h", "", ""), ("socks5", "me:p%40@", "me:p@")] {
        let host = host.clone();
        let (port, asked) = first(move |stream| socks_proxy(stream, 0, host)).await;
        connect(&format!("{scheme}://{user}127.0.0.1:{port}"), &roots, PATIENCE).await.unwrap();
        assert_eq!(asked.await.unwrap(), (told.to_owned(), format!("{HOST}:443")));
    }
}

#[tokio::test]
async fn an_error_says_what_is_wrong_with_the_proxy_and_names_it_without_its_password() {
    let ((host, roots), (_, strangers)) = (tls(), tls());
    for (answer, said) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "asks for a user and a password, or does not take those of its URL (HTTP status 407)",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n<html>",
            &format!("does not connect to {HOST}:443: it answers with HTTP status 403"),
        ),
        (
            "HTTP/1.0 502 Bad Gateway\r\n\r\n",
            &format!("does not connect to {HOST}:443: it answers with HTTP status 502"),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n",
            &format!("does not connect to {HOST}:443: it answers with HTTP status 302"),
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not answer as an HTTP proxy does: "),
        ("", "does not answer as an HTTP proxy does: "),
        ("HTTP/1.1 200 OK\r\n\r\nHello", "does not answer as an HTTP proxy does: it goes on after its answer"),
    ] {
        let (host, answer) = (host.clone(), answer.to_owned());
        let (port, _) = first(move |stream| async move { http_proxy(stream, &answer, host).await }).await;
        let error = connect(&format!("http://me:hidden@127.0.0.1:{port}"), &roots, PATIENCE).await.unwrap_err();
        assert!(error.starts_with(&format!("the proxy http://127.0.0.1:{port} (HTTPS_PROXY) {said}")), "{error}");
    }

    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    for scheme in ["http", "https", "socks5"] {
        let error = connect(&format!("{scheme}://me:hidden@127.0.0.1:{free}"), &roots, PATIENCE).await.unwrap_err();
        let said = format!("the proxy {scheme}://127.0.0.1:{free} (HTTPS_PROXY) cannot be reached: Connection refused");
        assert!(error.starts_with(&said), "{error}");
    }

    let plain = host.clone();
    let (port, _) = first(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        (stream, plain)
    })
    .await;
    let error = connect(&format!("https://localhost:{port}"), &roots, PATIENCE).await.unwrap_err();
    assert!(error.contains("(HTTPS_PROXY) does not speak TLS: write http:// in its URL"), "{error}");

    let secured = host.clone();
    let (port, _) = first(move |stream| async move { secured.accept(stream).await.is_ok() }).await;
    let error = connect(&format!("https://localhost:{port}"), &strangers, PATIENCE).await.unwrap_err();
    assert!(error.contains("(HTTPS_PROXY) is not trusted: invalid peer certificate"), "{error}");

    let refusing = host.clone();
    let (port, _) = first(move |stream| socks_proxy(stream, 2, refusing)).await;
    let error = connect(&format!("socks5://127.0.0.1:{port}"), &roots, PATIENCE).await.unwrap_err();
    assert!(error.contains(&format!("(HTTPS_PROXY) does not connect to {HOST}:443: SOCKS error: ")), "{error}");
}

#[tokio::test]
async fn an_error_of_what_lies_behind_a_proxy_names_the_way_and_so_does_one_of_time() {
    let ((host, _), (_, strangers)) = (tls(), tls());
    let (port, _) = first(move |stream| http_proxy(stream, LEADS, host)).await;
    let error = connect(&format!("http://127.0.0.1:{port}"), &strangers, PATIENCE).await.unwrap_err();
    let way = format!(", by way of the proxy http://127.0.0.1:{port} (HTTPS_PROXY)");
    assert!(error.starts_with("invalid peer certificate") && error.ends_with(&way), "{error}");

    let (port, _) = first(|stream| async move {
        std::future::pending::<TcpStream>().await;
        drop(stream)
    })
    .await;
    let error = connect(&format!("http://127.0.0.1:{port}"), &strangers, Duration::from_millis(20)).await.unwrap_err();
    let way = format!("no connection within 20 ms, by way of the proxy http://127.0.0.1:{port} (HTTPS_PROXY)");
    assert_eq!(error, way);
}
