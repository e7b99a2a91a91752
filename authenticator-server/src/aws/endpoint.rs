//! Where connections to a service of AWS go when the operator says so: a VPC endpoint, a proxy, or an emulator.

use std::str::FromStr;

use rustls::pki_types::ServerName;

/// The address that connections go to instead of the one that DNS gives for the signed host.
///
/// Only the connection changes: the Host header and the TLS server name stay those of the signed URL, so the other end must
/// hold a certificate for them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text is not an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `HOST:PORT` nor `https://HOST[:PORT]`.
    #[error("expected HOST:PORT or https://HOST:PORT")]
    Form,
    /// Plain HTTP would let anyone on the way answer for AWS.
    #[error("AWS is only asked over https")]
    Scheme,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (authority, default_port) = match text.split_once("://") {
            Some(("https", rest)) => (rest.strip_suffix('/').unwrap_or(rest), Some(443)),
            Some(_) => return Err(EndpointError::Scheme),
            None => (text, None),
        };
        let authority: http::uri::Authority = authority.parse().map_err(|_| EndpointError::Form)?;
        let port = match (authority.port(), default_port) {
            (Some(port), _) if port.as_str().bytes().all(|byte| byte.is_ascii_digit()) => {
                port.as_str().parse().map_err(|_| EndpointError::Form)?
            }
            (None, Some(port)) => port,
            (Some(_), _) | (None, None) => return Err(EndpointError::Form),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if ServerName::try_from(host).is_err() || port == 0 || authority.as_str().contains('@') {
            return Err(EndpointError::Form);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Endpoint {
    /// A name or an address, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address_or_an_https_url() {
        for (text, shown) in [
            ("127.0.0.1:8443", "127.0.0.1:8443"),
            ("vpce-0123.sts.us-west-2.vpce.amazonaws.com:443", "vpce-0123.sts.us-west-2.vpce.amazonaws.com:443"),
            ("https://sts.internal", "sts.internal:443"),
            ("https://sts.internal:8443/", "sts.internal:8443"),
            ("[::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "sts.internal",
            "sts.internal:",
            ":443",
            "sts:99999",
            "sts:0",
            "https://",
            "https://a/b:1",
            "u@h:1",
            "a b:1",
            "sts:+443",
            "*:443",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointError::Form), "{text:?}");
        }
        assert_eq!("http://sts.internal:80".parse::<Endpoint>(), Err(EndpointError::Scheme));
    }
}
