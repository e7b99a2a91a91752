//! Asking STS who signed a request.
//!
//! ```text
//! PresignedRequest ─▶ shield (one flight a token, answers kept) ─▶ gate (whose turn it is) ─▶ client ─▶ TLS to STS
//!                                                                            answer ─▶ CallerIdentity
//! ```
//!
//! An answer is one of three things, and the difference between the last two is what keeps people logged in while STS is
//! ill: the caller's identity, STS's refusal, or no word that could be relied on.

mod admission;
mod answer;
mod client;
mod codes;
mod contact;
mod gate;
mod reservation;
mod shield;

pub use answer::{CallerIdentity, MAX_ANSWER_BYTES, read_answer};
pub use client::Client;
pub use contact::{Contact, Heard};
pub use gate::{GateLimits, GateLoad};
pub use reservation::UnknownLimits;
pub use shield::{Load, Origin, Shield, ShieldLimits, Told};

/// Why STS did not name a caller.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AskError {
    /// STS read the request and refuses it. Asking again would bring the same answer.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// STS did not say. Nothing may be concluded about the caller.
    #[error(transparent)]
    Outage(#[from] Outage),
}

/// STS's own refusals of a presigned request.
///
/// Which of its error codes stand for which is in `sts/codes.rs`. A code that is not listed there is an [`Outage`]: it was never a
/// statement about the caller that we know.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The signature does not fit: signed for another cluster, with other credentials, or changed on its way.
    #[error("STS says that the signature does not match: signed for another cluster, or with other credentials")]
    SignatureDoesNotMatch,
    /// The access key or session token is unknown, deactivated, or they do not belong together.
    #[error("STS does not know the access key or session token")]
    UnknownCredentials,
    /// The temporary credentials have ended.
    #[error("STS says that the credentials have expired")]
    ExpiredCredentials,
    /// STS's clock finds the request too old.
    #[error("STS says that the request has expired: its clock differs from this server's")]
    RequestExpired,
    /// STS's clock finds the request too new.
    #[error("STS says that the request is not yet valid: the caller's clock is ahead of its own")]
    RequestNotYetValid,
    /// The account may not use this endpoint, or the caller is denied the call.
    #[error("STS denies the call")]
    AccessDenied,
    /// STS cannot read the request, which our grammar let through.
    #[error("STS finds the request malformed")]
    Malformed,
}

impl Rejection {
    /// The stable code of this reason, for logs, metrics and `status.error`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignatureDoesNotMatch => "sts.signature_does_not_match",
            Self::UnknownCredentials => "sts.unknown_credentials",
            Self::ExpiredCredentials => "sts.expired_credentials",
            Self::RequestExpired => "sts.request_expired",
            Self::RequestNotYetValid => "sts.request_not_yet_valid",
            Self::AccessDenied => "sts.access_denied",
            Self::Malformed => "sts.malformed_request",
        }
    }
}

/// Why STS could not be heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Outage {
    /// No connection, no TLS session, or it broke off.
    #[error("STS cannot be reached")]
    Unreachable,
    /// No whole answer in time.
    #[error("STS did not answer in time")]
    TimedOut,
    /// STS has no capacity for us now.
    #[error("STS throttles this server's requests")]
    Throttled,
    /// Too many callers wait for STS, or this one waited too long for its turn.
    #[error("too many callers wait for STS")]
    Overloaded,
    /// A status that neither names a caller nor refuses one.
    #[error("STS answered with HTTP status {0}")]
    Status(u16),
    /// Not the document that STS answers with, though its status is 200, or not from STS at all.
    #[error("STS's answer cannot be relied on: {0}")]
    Answer(AnswerError),
}

impl Outage {
    /// The stable code of this reason, for logs, metrics and the body of a 503.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "sts.unreachable",
            Self::TimedOut => "sts.timed_out",
            Self::Throttled => "sts.throttled",
            Self::Overloaded => "sts.overloaded",
            Self::Status(_) => "sts.status",
            Self::Answer(_) => "sts.answer",
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AnswerError {
    /// More than [`MAX_ANSWER_BYTES`].
    #[error("it is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// HTML, whatever its status: a captive portal or a proxy stands in the way.
    #[error("it is a page of HTML, which is not from STS")]
    Page,
    /// Not `application/json`, which is what was asked for.
    #[error("it is not application/json")]
    ContentType,
    /// Not one JSON object of exactly the expected members.
    #[error("it is not a GetCallerIdentity response")]
    Shape,
    /// Account, ARN and user id do not belong together.
    #[error("its account, ARN and user id contradict each other")]
    Contradiction,
}
