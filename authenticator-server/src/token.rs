//! A bearer token's bytes, and the presigned request they must be. Pure: no I/O, no clock.
//!
//! ```text
//! k8s-aws-v1.<base64url>  ─▶  https://HOST/?QUERY  ─▶  PresignedRequest
//!   Token                       one strict grammar      values, each of a known shape
//! ```
//!
//! What leaves this room is values, never the caller's text: the request that goes to STS is rebuilt from them
//! ([`PresignedRequest::query`]), so there is no second reading of the caller's URL that could differ from this one
//! (the class of CVE-2022-2385 and CVE-2020-16250).
//!
//! The prefix and the header's name are stated by the client's crate too, on purpose: neither depends on the other,
//! and the suite's round trips prove that they agree.

mod hosts;
mod presigned;
mod query;
mod secret;

pub use hosts::{HostError, HostRules, HostRulesError, HostTable, StsHost, StsHostKind, StsRegion, StsRegionError};
pub use presigned::{AccessKeyId, PresignedRequest};
pub use query::Parameter;
pub use secret::{CredentialsDigest, Token, TokenDigest};

use std::ops::RangeInclusive;
use std::time::Duration;

/// What every token starts with: the name and version of the format.
pub const PREFIX: &str = "k8s-aws-v1.";

/// The header that ties a token to one cluster, as SigV4 lists it.
pub const CLUSTER_ID_HEADER: &str = "x-k8s-aws-id";

/// How far a token may go, in size and in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most bytes a token may have.
    ///
    /// A session token of STS may have 4,096 bytes, which makes a token of some 6.3 KB; STS itself takes request
    /// lines of about 16 KB. Not more than [`Limits::TOKEN_BYTES`] allows.
    pub max_token_bytes: usize,
    /// How far ahead of our clock the caller's may be.
    pub max_ahead: Duration,
}

impl Limits {
    /// How long STS honours a presigned GetCallerIdentity after `X-Amz-Date`, whatever `X-Amz-Expires` says.
    pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

    /// What [`Limits::max_token_bytes`] may be: from what the Go program takes to what, with each byte of the session token
    /// percent-encoded anew, still makes a URL that can be sent (65,534 bytes).
    pub const TOKEN_BYTES: RangeInclusive<usize> = 4096..=24_576;

    /// The most that [`Limits::max_ahead`] may be. STS itself takes five minutes.
    pub const MOST_AHEAD: Duration = Self::LIFETIME;
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_token_bytes: 16_384, max_ahead: Duration::from_secs(5 * 60) }
    }
}

/// Why a token is not a presigned GetCallerIdentity request for this server.
///
/// No variant carries text of the caller's but the name of a signed header, which only has letters, digits and
/// hyphens.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than [`Limits::max_token_bytes`]; nothing of it was read.
    #[error("the token has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The token's length.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// It does not start with [`PREFIX`]: it may be some other system's token.
    #[error("the token does not start with \"{PREFIX}\"")]
    Prefix,
    /// What follows the prefix is not base64url without padding (RFC 4648, section 5).
    #[error("what follows the prefix is not unpadded base64url")]
    Base64,
    /// The decoded text is not `https://HOST/?QUERY` in printable ASCII.
    #[error("the presigned URL is malformed: {0}")]
    Url(UrlError),
    /// The host is no STS endpoint that this server asks.
    #[error("the host of the presigned URL is {0}")]
    Host(HostError),
    /// A parameter that must be there is not.
    #[error("the presigned URL has no {0}")]
    Missing(Parameter),
    /// A parameter stands there twice.
    #[error("the presigned URL has {0} twice")]
    Duplicate(Parameter),
    /// A parameter that is not one of the nine. Its name is not repeated: it is whatever the caller wrote.
    #[error("the presigned URL has a parameter that is not part of a presigned GetCallerIdentity request")]
    UnknownParameter,
    /// A parameter's value has not the shape it must have.
    #[error("{parameter} must be {expected}")]
    Value {
        /// Whose value it is.
        parameter: Parameter,
        /// The shape it must have.
        expected: &'static str,
    },
    /// `x-k8s-aws-id` or `host` is not among the signed headers.
    #[error("header {0:?} is not signed; sign exactly host;x-k8s-aws-id")]
    HeaderNotSigned(&'static str),
    /// Another header is signed, whose value the token does not carry, so that STS could never check it.
    #[error("signed header {0:?} cannot be replayed; sign exactly host;x-k8s-aws-id")]
    ExtraSignedHeader(String),
    /// The region in the credential scope is not the host's.
    #[error("the credential scope is for another region than {region}, which the host serves")]
    ScopeRegion {
        /// The host's region.
        region: &'static str,
    },
    /// The date in the credential scope is not the day of `X-Amz-Date`.
    #[error("the credential scope is for another day than X-Amz-Date")]
    ScopeDate,
    /// Signed more than 15 minutes ago.
    #[error("the token expired {seconds} s ago")]
    Expired {
        /// Seconds since its end.
        seconds: i64,
    },
    /// Signed in what is the future here.
    #[error("the token is not yet valid: clocks differ by {seconds} s, of which the caller's is ahead")]
    NotYetValid {
        /// How far ahead the caller's clock is.
        seconds: i64,
    },
}

/// What is wrong with the text that should be a presigned URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UrlError {
    /// A byte that no URL has.
    #[error("it has a byte that is not printable ASCII")]
    NotPrintableAscii,
    /// Not `https`.
    #[error("it does not start with https://")]
    Scheme,
    /// User name or password before the host.
    #[error("it has user information")]
    UserInfo,
    /// A port after the host, the default one included.
    #[error("it has a port")]
    Port,
    /// Anything but `/` between host and query.
    #[error("its path is not /")]
    Path,
    /// No `?`.
    #[error("it has no query")]
    Query,
    /// A `#`.
    #[error("it has a fragment")]
    Fragment,
    /// A pair without a name or `=`, or a second `=` in it.
    #[error("a part of its query is not name=value")]
    Pair,
    /// `%` without two hex digits, or a byte that has to be percent-encoded.
    #[error("a value in its query is not percent-encoded")]
    Encoding,
}

impl TokenError {
    /// The stable code of this reason, for logs, metrics and `status.error`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "token.too_large",
            Self::Prefix => "token.prefix",
            Self::Base64 => "token.base64",
            Self::Url(_) => "token.url",
            Self::Host(HostError::Unknown { .. } | HostError::Partition { .. }) => "token.host",
            Self::Host(HostError::Region { .. } | HostError::NotFips) => "token.host_not_allowed",
            Self::Missing(_) => "token.parameter_missing",
            Self::Duplicate(_) => "token.parameter_duplicate",
            Self::UnknownParameter => "token.parameter_unknown",
            Self::Value { .. } => "token.parameter_value",
            Self::HeaderNotSigned(_) | Self::ExtraSignedHeader(_) => "token.signed_headers",
            Self::ScopeRegion { .. } | Self::ScopeDate => "token.scope",
            Self::Expired { .. } => "token.expired",
            Self::NotYetValid { .. } => "token.not_yet_valid",
        }
    }
}
