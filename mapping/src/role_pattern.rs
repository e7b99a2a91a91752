//! `rolearnLike`: roles whose name fits a pattern.
//!
//! STS never says a role's path, so that a pattern can be compared with the role's name alone. A path that is written
//! out is dropped, as it is from an exact ARN. A path with wildcards would promise what nobody can look at, and a name
//! without a single character of its own would be left to mean every role of the account: neither is taken.

use std::fmt;

use thiserror::Error;

use crate::{
    arn::{AccountId, AccountIdError, Partition, PartitionError},
    pattern::{Case, Pattern, PatternError},
    principal::{Principal, PrincipalKind},
};

/// The roles of one account whose name fits a pattern, in any case.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct RolePattern {
    partition: Partition,
    account: AccountId,
    name: Pattern,
}

/// Why a text is no pattern of roles.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum RolePatternError {
    #[error(transparent)]
    Account(#[from] AccountIdError),
    #[error("the path is not printable ASCII between two slashes")]
    InvalidPath,
    #[error("it is not arn:PARTITION:iam::ACCOUNT:role/PATTERN")]
    NotOfRoles,
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error("STS never says a role's path, so that every role of the account would fit")]
    PathAlone,
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error("partition and account must be written out, and have a wildcard")]
    WildcardInAccount,
    #[error("the path has a wildcard, and STS never says a role's path")]
    WildcardInPath,
}

impl RolePattern {
    pub(crate) fn parse(text: &str) -> Result<Self, RolePatternError> {
        use RolePatternError as E;
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or(E::NotOfRoles);
        let (arn, partition, service, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?, part()?);
        if has_wildcard(partition) || has_wildcard(account) {
            return Err(E::WildcardInAccount);
        }
        let (kind, rest) = resource.split_once('/').ok_or(E::NotOfRoles)?;
        let is = |written: &str, wanted: &str| written.eq_ignore_ascii_case(wanted);
        if !is(arn, "arn") || !is(service, "iam") || !region.is_empty() || !is(kind, "role") {
            return Err(E::NotOfRoles);
        }
        let (path, name) = rest.rsplit_once('/').map_or((None, rest), |(path, name)| (Some(path), name));
        let (partition, account, name) = (partition.parse()?, account.parse()?, Pattern::new(name, Case::Ignored)?);
        match path {
            Some(path) if has_wildcard(path) => Err(E::WildcardInPath),
            Some(path) if path.is_empty() || !path.bytes().all(|byte| byte.is_ascii_graphic()) => Err(E::InvalidPath),
            Some(_) if !name.has_letters() => Err(E::PathAlone),
            _ => Ok(Self { partition, account, name }),
        }
    }

    /// Under what it is kept: only rules of the caller's own account are looked at.
    pub(crate) fn account(&self) -> (Partition, AccountId) {
        (self.partition, self.account.clone())
    }

    pub(crate) fn matches(&self, caller: &Principal) -> bool {
        match caller.kind() {
            PrincipalKind::AssumedRole { role, .. } => {
                self.partition == caller.partition() && self.account == *caller.account() && self.name.matches(role)
            }
            PrincipalKind::FederatedUser { .. }
            | PrincipalKind::Role { .. }
            | PrincipalKind::Root
            | PrincipalKind::User { .. } => false,
        }
    }
}

/// Without the path that it may have been written with.
impl fmt::Display for RolePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role/{}", self.partition, self.account, self.name)
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, caller: &str) -> bool {
        RolePattern::parse(pattern).unwrap().matches(&caller.parse().unwrap())
    }

    #[test]
    fn roles_of_the_account_whose_name_fits_are_matched() {
        const JANE: &str = "arn:aws:sts::123456789012:assumed-role/Dev-Blue/jane";
        for pattern in [
            "arn:aws:iam::123456789012:role/Dev-*",
            "ARN:AWS:IAM::123456789012:ROLE/dev-*",
            "arn:aws:iam::123456789012:role/*",
            "arn:aws:iam::123456789012:role/Dev?Blue",
            "arn:aws:iam::123456789012:role/Dev-Blue",
            "arn:aws:iam::123456789012:role/teams/blue/Dev-*",
        ] {
            assert!(matches(pattern, JANE), "{pattern}");
        }
        for pattern in [
            "arn:aws:iam::123456789012:role/Dev",
            "arn:aws:iam::123456789012:role/Dev-?",
            "arn:aws:iam::123456789012:role/*Dev-",
            "arn:aws:iam::123456789012:role/*jane",
            "arn:aws:iam::999999999999:role/*",
            "arn:aws-cn:iam::123456789012:role/*",
        ] {
            assert!(!matches(pattern, JANE), "{pattern}");
        }
        for other in [
            "arn:aws:iam::123456789012:user/Dev-Blue",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:federated-user/Dev-Blue",
        ] {
            assert!(!matches("arn:aws:iam::123456789012:role/*", other), "{other}");
        }
    }

    #[test]
    fn a_near_miss_is_an_error() {
        use RolePatternError as E;
        for (text, error) in [
            ("*", E::NotOfRoles),
            ("role/*", E::NotOfRoles),
            ("arn:aws:iam::123456789012:*", E::NotOfRoles),
            ("arn:aws:iam::123456789012:role*", E::NotOfRoles),
            ("arn:aws:iam::123456789012:r*/x", E::NotOfRoles),
            ("arn:aws:iam::123456789012:user/*", E::NotOfRoles),
            ("arn:aws:i*::123456789012:role/*", E::NotOfRoles),
            ("arn:aws:iam:*:123456789012:role/*", E::NotOfRoles),
            ("arn:aws:sts::123456789012:assumed-role/Dev*/*", E::NotOfRoles),
            ("arn:aws:iam::*:role/X", E::WildcardInAccount),
            ("arn:aws:iam::12345678901?:role/X", E::WildcardInAccount),
            ("arn:*:iam::123456789012:role/X", E::WildcardInAccount),
            ("arn:aws-mars:iam::123456789012:role/X", E::Partition(PartitionError)),
            ("arn:aws:iam::1234:role/X", E::Account(AccountIdError::LostZeros { digits: 4 })),
            ("arn:aws:iam::123456789012:role/", E::Pattern(PatternError::Empty)),
            ("arn:aws:iam::123456789012:role/a b*", E::Pattern(PatternError::Character)),
            ("arn:aws:iam::123456789012:role/a:*", E::Pattern(PatternError::Character)),
            ("arn:aws:iam::123456789012:role/teams/", E::Pattern(PatternError::Empty)),
            ("arn:aws:iam::123456789012:role/teams/*", E::PathAlone),
            ("arn:aws:iam::123456789012:role/teams/?*", E::PathAlone),
            ("arn:aws:iam::123456789012:role/*/Dev", E::WildcardInPath),
            ("arn:aws:iam::123456789012:role/te?ms/Dev*", E::WildcardInPath),
            ("arn:aws:iam::123456789012:role//Dev*", E::InvalidPath),
        ] {
            assert_eq!(RolePattern::parse(text), Err(error), "{text}");
        }
    }
}
