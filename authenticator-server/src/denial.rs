//! Every way to say no, and every way not to know; code, text and log level of each.
//!
//! The two are different types because they are different answers: a denial is HTTP 200 with a reason, an outage is 503,
//! which the API server neither caches nor takes for the caller's fault.

use std::fmt;

use mapping::{CanonicalArn, PrincipalKind, RefusalReason, SourceName};
use tracing::Level;

use crate::ec2;
use crate::metrics::GoResult;
use crate::sts::{self, Rejection};
use crate::token::TokenError;

/// Why a caller is refused.
#[derive(Clone, Debug)]
pub enum Denial {
    /// The token is not what it must be; STS was not asked.
    Token(TokenError),
    /// STS refuses the request.
    Rejected(Rejection),
    /// STS vouches for the caller, but it is of a kind that no mapping can name.
    UnmappablePrincipal,
    /// STS vouches for the caller, and no mapping names it. It is not named here if its account is scrubbed.
    NotMapped(CallerKind, Option<CanonicalArn>),
    /// A mapping names the caller, and must not be used for it.
    Mapping(mapping::Refusal, Disclosure),
}

/// What kind of caller no mapping names: what an operator can do about it differs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallerKind {
    /// A user of GetFederationToken, which only a mapping of its own full ARN can name.
    FederatedUser,
    /// The account itself, which nobody should log in as.
    Root,
    /// A role's session or a user.
    RoleOrUser,
}

/// Whether it may be said whom STS vouches for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disclosure {
    /// It may.
    Named,
    /// Its account is one of `server.scrubbedAccounts`: only what it is mapped to is said.
    Scrubbed,
}

/// Why nobody can tell whether to let a caller in.
#[derive(Clone, Copy, Debug)]
pub enum Outage {
    /// The token is out of its time by this machine's clock, and within it by STS's.
    Clock,
    /// STS could not be heard.
    Sts(sts::Outage),
    /// A source of mappings has not been read yet, or not all of it, and it goes before any that would say yes.
    NotSynced(SourceName),
    /// The mapping wants to know the caller's instance, and EC2 or IAM could not be heard.
    Ec2(ec2::Outage),
}

/// No: either of the two.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The caller is refused.
    Denied(Denial),
    /// Nobody can tell.
    Unknown(Outage),
}

impl From<&PrincipalKind> for CallerKind {
    fn from(kind: &PrincipalKind) -> Self {
        match kind {
            PrincipalKind::FederatedUser { .. } => Self::FederatedUser,
            PrincipalKind::Root => Self::Root,
            PrincipalKind::AssumedRole { .. } | PrincipalKind::Role { .. } | PrincipalKind::User { .. } => {
                Self::RoleOrUser
            }
        }
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Outage> for Refused {
    fn from(outage: Outage) -> Self {
        Self::Unknown(outage)
    }
}

impl Denial {
    /// The stable code of this reason: the first word of `status.error`, and the `reason` in logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Rejected(rejection) => rejection.code(),
            Self::UnmappablePrincipal => "identity.unmappable",
            Self::NotMapped(CallerKind::FederatedUser, _) => "identity.federated_user_not_mapped",
            Self::NotMapped(CallerKind::Root, _) => "identity.root_not_mapped",
            Self::NotMapped(CallerKind::RoleOrUser, _) => "identity.not_mapped",
            Self::Mapping(refusal, _) => match refusal.reason() {
                RefusalReason::ArnMismatch => "mapping.arn_mismatch",
                RefusalReason::ClosedEntry => "mapping.closed_entry",
                RefusalReason::ControlCharacter => "mapping.control_character",
                RefusalReason::EmptyGroup => "mapping.empty_group",
                RefusalReason::EmptyUsername => "mapping.empty_username",
                RefusalReason::ForeignInstance => "mapping.foreign_instance",
                RefusalReason::NoPrivateDnsName => "mapping.no_private_dns_name",
                RefusalReason::NoSuchInstance => "mapping.no_such_instance",
                RefusalReason::NotAnInstance => "mapping.not_an_instance",
                RefusalReason::PrivilegedTemplate => "mapping.privileged_template",
                RefusalReason::ReservedGroupPrefix => "mapping.reserved_group_prefix",
                RefusalReason::ReservedUsernamePrefix => "mapping.reserved_username_prefix",
                RefusalReason::UnrenderedBrace => "mapping.unrendered_brace",
                RefusalReason::UserIdMismatch => "mapping.userid_mismatch",
            },
        }
    }

    /// The Go program's word for it. What STS does not vouch for is an error of STS there, and whoever is not mapped unknown.
    #[must_use]
    pub const fn go_result(&self) -> GoResult {
        match self {
            Self::Token(_) => GoResult::InvalidToken,
            Self::Rejected(_) | Self::UnmappablePrincipal => GoResult::StsError,
            Self::NotMapped(..) | Self::Mapping(..) => GoResult::UnknownUser,
        }
    }

    /// How loud the log is. None of these is our fault, and anybody can send a bad token at any rate.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Token(_) => Level::INFO,
            Self::Rejected(_) | Self::UnmappablePrincipal | Self::NotMapped(..) | Self::Mapping(..) => Level::WARN,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::UnmappablePrincipal => f.write_str("a principal of this kind cannot be mapped"),
            Self::NotMapped(_, Some(arn)) => write!(f, "{arn} is not mapped"),
            Self::NotMapped(_, None) => f.write_str("the caller is not mapped"),
            Self::Mapping(refusal, Disclosure::Named) => refusal.fmt(f),
            Self::Mapping(refusal, Disclosure::Scrubbed) => f.write_str(refusal.code()),
        }
    }
}

impl Outage {
    /// The stable code of this reason: the first word of the 503's text, and the `reason` in logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Clock => "clock.astray",
            Self::Sts(outage) => outage.code(),
            Self::NotSynced(_) => "mapping.not_synced",
            Self::Ec2(outage) => outage.code(),
        }
    }

    /// The Go program's word for it.
    #[must_use]
    pub const fn go_result(&self) -> GoResult {
        match self {
            Self::Clock => GoResult::InvalidToken,
            Self::Sts(sts::Outage::Throttled) => GoResult::StsThrottling,
            Self::Sts(_) => GoResult::StsError,
            Self::NotSynced(_) | Self::Ec2(_) => GoResult::UnknownUser,
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("this machine's clock is far from that of STS"),
            Self::Sts(outage) => outage.fmt(f),
            Self::NotSynced(source) => write!(f, "the mappings of {source} have not all been read yet"),
            Self::Ec2(outage) => outage.fmt(f),
        }
    }
}
