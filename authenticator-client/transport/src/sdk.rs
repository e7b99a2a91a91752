//! The HTTP client of the AWS SDK.

use std::error::Error;
use std::iter::successors;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::header::PROXY_AUTHORIZATION;
use hyper_util::client::legacy::{self, Client, connect};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use crate::connector::Connector;
use crate::error::ConnectError;
use crate::proxy::{Proxies, User};

/// A client that the SDK's clients and providers share, and with it their connections.
#[must_use]
pub fn sdk_client(tls: ClientConfig, proxies: Proxies) -> SharedHttpClient {
    let proxies = Arc::new(proxies);
    // One for each pair of time limits: they are few, and each has its own connections.
    let made = Mutex::new(Vec::<((Option<Duration>, Option<Duration>), SharedHttpConnector)>::new());
    http_client_fn(move |settings, _| {
        let limits = (settings.connect_timeout(), settings.read_timeout());
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = made.iter().find(|(of, _)| *of == limits) {
            return connector.clone();
        }
        let connector = SharedHttpConnector::new(Sdk::new(tls.clone(), Arc::clone(&proxies), limits));
        made.push((limits, connector.clone()));
        connector
    })
}

/// Answers requests of the SDK.
#[derive(Debug)]
struct Sdk {
    client: Client<Connector<connect::HttpConnector>, SdkBody>,
    proxies: Arc<Proxies>,
    patience: Option<Duration>,
}

impl Sdk {
    fn new(
        tls: ClientConfig,
        proxies: Arc<Proxies>,
        (connecting, reading): (Option<Duration>, Option<Duration>),
    ) -> Self {
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = Connector::new(tcp, tls, Arc::clone(&proxies), connecting);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { client, proxies, patience: reading }
    }
}

impl HttpConnector for Sdk {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        if request.uri().scheme_str() == Some("http") {
            // The proxy reads this request itself.
            let user = self.proxies.of(request.uri()).and_then(|proxy| proxy.user());
            if let Some(basic) = user.and_then(User::basic) {
                request.headers_mut().insert(PROXY_AUTHORIZATION, basic);
            }
        }
        let (asked, patience) = (self.client.request(request), self.patience);
        HttpConnectorFuture::new(async move {
            let answered = match patience {
                Some(patience) => {
                    tokio::time::timeout(patience, asked).await.map_err(|late| ConnectorError::timeout(late.into()))?
                }
                None => asked.await,
            };
            let response = answered.map_err(failed)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK makes of an error: a connection that is not had, or lost, is worth another try, what a proxy has said is not.
fn failed(error: legacy::Error) -> ConnectorError {
    let first: &(dyn Error + 'static) = &error;
    let causes = || successors(Some(first), |error| (*error).source());
    let connecting = causes().find_map(|cause| cause.downcast_ref::<ConnectError>());
    if connecting.is_some_and(ConnectError::is_timeout) {
        return ConnectorError::timeout(error.into());
    }
    if connecting.is_some_and(ConnectError::is_final) {
        return ConnectorError::other(error.into(), None);
    }
    let of_http = causes().find_map(|cause| cause.downcast_ref::<hyper::Error>());
    if of_http.is_some_and(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if of_http.is_some_and(hyper::Error::is_incomplete_message) {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::proxy::{Precedence, ProxyError};
    use crate::roots::Roots;

    /// What a proxy reads that answers this, and what the SDK makes of that.
    fn asked(url: &str, answer: &'static str) -> (String, Result<u16, ConnectorError>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = format!("http://me:pass@{}", listener.local_addr().unwrap());
        let variable = |name: &str| Ok::<_, ProxyError>(name.ends_with("_PROXY").then(|| proxy.clone()));
        let variable = |name: &'static str| if name == "NO_PROXY" { Ok(None) } else { variable(name) };
        let proxies = Proxies::new(variable, Precedence::UpperCase).unwrap();
        let heard = std::thread::spawn(move || {
            let (mut stream, mut head) = (listener.accept().unwrap().0, Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(head).unwrap()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answered = runtime.block_on(async {
            let sdk = Sdk::new(Roots::none().tls().with_no_client_auth(), Arc::new(proxies), (None, None));
            sdk.call(HttpRequest::get(url).unwrap()).await.map(|response| response.status().as_u16())
        });
        (heard.join().unwrap(), answered)
    }

    #[test]
    fn what_is_not_encrypted_is_sent_to_the_proxy_itself_with_who_asks() {
        let (head, answered) = asked("http://sts.example/a?b", "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(answered.unwrap(), 204);
        assert!(head.starts_with("GET http://sts.example/a?b HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("\r\nproxy-authorization: basic bwu6cgfzcw==\r\n"), "{head}");
    }

    #[test]
    fn a_proxy_that_says_no_is_not_asked_again_and_one_that_cannot_at_the_moment_is() {
        for (answer, again) in [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", false),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", true),
        ] {
            let (head, answered) = asked("https://sts.example", answer);
            assert!(head.starts_with("CONNECT sts.example:443 HTTP/1.1\r\n"), "{head}");
            assert_eq!(answered.unwrap_err().is_io(), again, "{answer}");
        }
    }
}
