//! How both programs reach AWS: whom they trust there, and by way of which proxy.
//!
//! ```text
//! Connector ─▶ Way ─▶ straight, or by a handshake with the proxy of the environment ─▶ TLS with AWS, by these roots
//! ```
//!
//! What a program calls its files, flags and profiles is its own affair; what a trust file or a proxy's URL means is said here, once.

mod connector;
mod error;
mod handshake;
mod pem;
mod proxy;
mod roots;
mod sdk;
mod way;

pub use connector::Connector;
pub use error::{ConnectError, Trouble};
pub use pem::Flaw;
pub use proxy::{Precedence, Proxies, Proxy, ProxyError};
pub use roots::{Named, Roots, RootsError};
pub use sdk::sdk_client;
pub use way::{Stream, Tcp, Way};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
