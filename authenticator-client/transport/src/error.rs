//! Why there is no connection, in words that name the proxy where there is one.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::proxy::Proxy;

/// Why there is no connection. None of these holds a password.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// It took too long: name, address, proxy and TLS together.
    #[error("no connection within {} ms{}", .0.as_millis(), by_way_of(.1))]
    TimedOut(Duration, Option<Arc<Proxy>>),
    /// The proxy.
    #[error("the proxy {0} {1}")]
    Proxy(Arc<Proxy>, Trouble),
    /// What lies behind the proxy.
    #[error("{0}{by}", by = by_way_of(&Some(Arc::clone(.1))))]
    Behind(String, Arc<Proxy>),
}

/// What is wrong with a proxy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// There is no connection to it.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It wants to know who asks, or does not know who that is.
    #[error("asks for a user and a password, or does not take those of its URL (HTTP status 407)")]
    Credentials,
    /// It does not connect to the host, and says this.
    #[error("does not connect to {0}: it answers with HTTP status {status}", status = .1.as_u16())]
    Refused(String, StatusCode),
    /// A SOCKS proxy that does not connect to the host.
    #[error("does not connect to {0}: {1}")]
    Socks(String, String),
    /// It is to be spoken to over TLS, and does not speak it.
    #[error("does not speak TLS: write http:// in its URL if it is asked without ({0})")]
    NoTls(String),
    /// It speaks TLS, and is not believed.
    #[error("is not trusted: {0}")]
    Untrusted(String),
    /// It speaks something else than HTTP.
    #[error("does not answer as an HTTP proxy does: {0}")]
    NotHttp(String),
}

impl ConnectError {
    /// Whether it only took too long.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut(..))
    }

    /// Whether another try would be answered the same: the proxy has said no, or is not what it was taken for.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Proxy(_, Trouble::Refused(_, status)) => status.is_client_error(),
            Self::Proxy(_, trouble) => !matches!(trouble, Trouble::Unreachable(_) | Trouble::Socks(..)),
            Self::TimedOut(..) | Self::Behind(..) => false,
        }
    }
}

fn by_way_of(proxy: &Option<Arc<Proxy>>) -> String {
    proxy.as_ref().map(|proxy| format!(", by way of the proxy {proxy}")).unwrap_or_default()
}

/// The cause of the cause, down to the first one: what is said before it, says only who was told of it.
pub(crate) fn first_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(earlier) = cause.source() {
        cause = earlier;
    }
    cause.to_string()
}
