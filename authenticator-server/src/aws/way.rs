//! The way to a service: straight, or through the tunnel of a proxy.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Environment;
use super::dial::Dialer;

/// The proxy that the environment names: `HTTPS_PROXY`, but for the hosts in `NO_PROXY`; either may be in lower case.
///
/// It sees which host is asked for and nothing else: TLS goes through its tunnel.
#[derive(Clone)]
pub struct Proxy {
    matcher: Arc<Matcher>,
    address: String,
}

/// Why there is no way through a proxy that was named. The URL is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{variable}: expected http://HOST:PORT, the URL of an HTTP proxy")]
pub struct ProxyError {
    /// The variable that names it.
    variable: &'static str,
}

impl Proxy {
    /// The proxy that the environment names, if it names one.
    ///
    /// # Errors
    /// If what it names is no HTTP proxy.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, ProxyError> {
        let named = ["HTTPS_PROXY", "https_proxy"].into_iter().find_map(|name| Some((name, environment.get(name)?)));
        let Some((variable, url)) = named else { return Ok(None) };
        let anywhere = Uri::from_static("https://sts.amazonaws.com");
        let any = Matcher::builder().https(url.to_owned()).build();
        let proxy = any.intercept(&anywhere).filter(|proxy| proxy.uri().scheme_str() == Some("http"));
        let address = proxy.and_then(|proxy| {
            let authority = proxy.uri().authority()?;
            Some(authority.as_str().rsplit('@').next()?.to_owned())
        });
        let address = address.ok_or(ProxyError { variable })?;
        let no = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| environment.get(name)).unwrap_or_default();
        let matcher = Matcher::builder().https(url.to_owned()).no(no.to_owned()).build();
        Ok(Some(Self { matcher: Arc::new(matcher), address }))
    }
}

/// The proxy's address, without user or password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// Connects to a service.
#[derive(Clone, Debug)]
pub struct Way {
    tcp: Dialer,
    proxy: Option<Proxy>,
}

impl Way {
    pub(super) const fn new(tcp: Dialer, proxy: Option<Proxy>) -> Self {
        Self { tcp, proxy }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let Some(proxy) = self.proxy.as_ref().and_then(|proxy| proxy.matcher.intercept(&host)) else {
            let connecting = self.tcp.call(host);
            return Box::pin(async move { connecting.await.map_err(Into::into) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let connecting = tunnel.call(host);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(vars: &[(&str, &str)]) -> Result<Option<Proxy>, ProxyError> {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Proxy::from_environment(&Environment::from_vars(vars))
    }

    fn is_used_for(vars: &[(&str, &str)], host: &str) -> bool {
        let proxy = proxy(vars).unwrap().unwrap();
        proxy.matcher.intercept(&format!("https://{host}").parse().unwrap()).is_some()
    }

    #[test]
    fn a_proxy_is_used_but_for_the_hosts_that_are_exempt() {
        let https = ("HTTPS_PROXY", "http://proxy.example:3128");
        let sts = "sts.us-west-2.amazonaws.com";
        assert!(is_used_for(&[https], sts));
        assert!(is_used_for(&[("https_proxy", "http://proxy.example:3128")], sts));
        assert!(!is_used_for(&[https, ("NO_PROXY", ".amazonaws.com")], sts));
        assert!(!is_used_for(&[https, ("no_proxy", "localhost,sts.us-west-2.amazonaws.com")], sts));
        assert!(is_used_for(&[https, ("NO_PROXY", ".amazonaws.com")], "sts.cn-north-1.amazonaws.com.cn"));
    }

    #[test]
    fn without_a_variable_there_is_no_proxy() {
        for vars in [&[][..], &[("HTTPS_PROXY", "")], &[("HTTP_PROXY", "http://proxy.example:3128")]] {
            assert!(proxy(vars).unwrap().is_none(), "{vars:?}");
        }
    }

    #[test]
    fn a_password_is_used_and_not_shown() {
        let proxy = proxy(&[("HTTPS_PROXY", "http://me:hidden@proxy.example:3128")]).unwrap().unwrap();
        assert_eq!(format!("{proxy} {proxy:?}"), "proxy.example:3128 Proxy(proxy.example:3128)");
        let used = proxy.matcher.intercept(&Uri::from_static("https://sts.amazonaws.com")).unwrap();
        assert!(used.basic_auth().is_some());
    }

    #[test]
    fn what_is_no_http_proxy_is_an_error_that_does_not_repeat_it() {
        for url in ["socks5://me:hidden@proxy.example:1080", "https://me:hidden@proxy.example", "http://", "::hidden::"]
        {
            let error = proxy(&[("https_proxy", url)]).unwrap_err().to_string();
            assert_eq!(error, "https_proxy: expected http://HOST:PORT, the URL of an HTTP proxy", "{url}");
        }
    }
}
