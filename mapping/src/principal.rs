//! The grammar of the ARNs that name an AWS caller, and the one form under which two of them are compared.
//!
//! | written | canonical |
//! | --- | --- |
//! | `arn:P:iam::A:root` | the same |
//! | `arn:P:iam::A:user/PATH/NAME` | the same: STS returns a user's path |
//! | `arn:P:iam::A:role/PATH/NAME` | `arn:P:iam::A:role/NAME`: STS never returns a role's path |
//! | `arn:P:sts::A:assumed-role/NAME/SESSION` | `arn:P:iam::A:role/NAME` |
//! | `arn:P:sts::A:federated-user/NAME` | the same |

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use thiserror::Error;

use crate::arn::{AccountId, AccountIdError, Partition, PartitionError};

/// An AWS principal, read from its ARN.
///
/// `arn`, partition, service and resource type are read in any case; what was written is kept. `*` and `?` stand for
/// themselves: a user's path may have them, and no name has.
///
/// ```
/// use mapping::Principal;
///
/// let caller: Principal = "arn:aws:sts::123456789012:assumed-role/Admin/jane".parse()?;
/// assert_eq!(caller.canonical().as_str(), "arn:aws:iam::123456789012:role/Admin");
/// # Ok::<(), mapping::PrincipalError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    text: Box<str>,
    partition: Partition,
    account: AccountId,
    kind: PrincipalKind,
}

/// What sort of principal it is, with the parts of its name.
///
/// Names keep the case they were written in. They hold ASCII letters, digits and `_+=,.@-` only, so that they can stand
/// in a user name as they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrincipalKind {
    /// A session of a role: what STS answers for a role.
    AssumedRole {
        /// The role's name, without its path.
        role: Box<str>,
        /// The session's name: whoever assumed the role chose it.
        session: Box<str>,
    },
    /// A session made with `GetFederationToken`.
    FederatedUser {
        /// The name its maker chose.
        name: Box<str>,
    },
    /// A role as IAM writes it. No caller is one: it calls as a session of it.
    Role {
        /// The role's name, without its path.
        name: Box<str>,
    },
    /// The account's root user.
    Root,
    /// An IAM user.
    User {
        /// The path, `/` at least, with a slash at both ends.
        path: Box<str>,
        /// The user's name.
        name: Box<str>,
    },
}

/// The form of an ARN under which mappings are kept and looked up.
///
/// It keeps its case for people to read. Equality and hash do not look at ASCII case: IAM holds names unique without
/// regard to case.
#[derive(Clone, Debug)]
pub struct CanonicalArn(Arc<str>);

/// Why a text names no AWS principal.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PrincipalError {
    /// The account is not twelve digits.
    #[error(transparent)]
    Account(#[from] AccountIdError),
    /// A role or user without a name, or a name with a character IAM does not allow.
    #[error("the {0} name is empty or has a character other than letters, digits and _+=,.@-")]
    InvalidName(&'static str),
    /// A path that IAM does not allow.
    #[error("the path does not fit /printable-ascii/")]
    InvalidPath,
    /// `assumed-role/NAME` without a session.
    #[error(
        "an assumed-role ARN ends in /ROLE/SESSION; to name the role itself write arn:PARTITION:iam::ACCOUNT:role/ROLE"
    )]
    MissingSession,
    /// Not the six parts of an ARN.
    #[error("it is not an ARN (arn:PARTITION:SERVICE::ACCOUNT:RESOURCE)")]
    NotAnArn,
    /// The partition is not known.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// A region is given, and IAM and STS ARNs have none.
    #[error("an ARN of iam or sts has no region")]
    Region,
    /// Longer than any ARN.
    #[error("it is longer than {MAX_ARN_BYTES} bytes")]
    TooLong,
    /// A resource that cannot call Kubernetes.
    #[error(
        "the resource is none of iam root, user/NAME, role/NAME, or sts assumed-role/ROLE/SESSION, federated-user/NAME"
    )]
    UnknownResource,
}

impl Principal {
    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition it belongs to.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The account it belongs to.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        &self.account
    }

    /// What sort of principal it is.
    #[must_use]
    pub const fn kind(&self) -> &PrincipalKind {
        &self.kind
    }

    /// The form under which it is compared with others.
    #[must_use]
    pub fn canonical(&self) -> CanonicalArn {
        let Self { partition, account, kind, .. } = self;
        let text = match kind {
            PrincipalKind::AssumedRole { role: name, .. } | PrincipalKind::Role { name } => {
                format!("arn:{partition}:iam::{account}:role/{name}")
            }
            PrincipalKind::FederatedUser { name } => format!("arn:{partition}:sts::{account}:federated-user/{name}"),
            PrincipalKind::Root => format!("arn:{partition}:iam::{account}:root"),
            PrincipalKind::User { path, name } => format!("arn:{partition}:iam::{account}:user{path}{name}"),
        };
        CanonicalArn(text.into())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_ARN_BYTES {
            return Err(PrincipalError::TooLong);
        }
        // At most six parts: a user's path may hold colons.
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or(PrincipalError::NotAnArn);
        let (arn, partition, service, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?, part()?);

        if !arn.eq_ignore_ascii_case("arn") {
            return Err(PrincipalError::NotAnArn);
        }
        if !region.is_empty() {
            return Err(PrincipalError::Region);
        }
        Ok(Self {
            partition: partition.parse()?,
            account: account.parse()?,
            kind: PrincipalKind::read(service, resource)?,
            text: text.into(),
        })
    }
}

impl PrincipalKind {
    fn read(service: &str, resource: &str) -> Result<Self, PrincipalError> {
        let (kind, rest) = resource.split_once('/').map_or((resource, None), |(kind, rest)| (kind, Some(rest)));
        match (service.to_ascii_lowercase().as_str(), kind.to_ascii_lowercase().as_str(), rest) {
            ("iam", "root", None) => Ok(Self::Root),
            ("iam", "role", Some(rest)) => {
                let (_, name) = path_and_name(rest, "role")?;
                Ok(Self::Role { name })
            }
            ("iam", "user", Some(rest)) => {
                let (path, name) = path_and_name(rest, "user")?;
                Ok(Self::User { path, name })
            }
            ("sts", "assumed-role", Some(rest)) => {
                let (role, session) = rest.rsplit_once('/').ok_or(PrincipalError::MissingSession)?;
                let (_, role) = path_and_name(role, "role")?;
                Ok(Self::AssumedRole { role, session: name(session, "session")? })
            }
            ("sts", "federated-user", Some(rest)) => Ok(Self::FederatedUser { name: name(rest, "federated user")? }),
            _ => Err(PrincipalError::UnknownResource),
        }
    }
}

impl CanonicalArn {
    /// The ARN, in the case it was written in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ARN in lower case: equal exactly where two canonical ARNs are.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for CanonicalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Eq for CanonicalArn {}

impl PartialEq for CanonicalArn {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Hash for CanonicalArn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Byte by byte a hasher would be several times slower.
        for chunk in self.0.as_bytes().chunks(64) {
            let mut folded = [0; 64];
            for (to, from) in folded.iter_mut().zip(chunk) {
                *to = from.to_ascii_lowercase();
            }
            state.write(&folded);
        }
        // No ARN holds this byte, so that no ARN's hash input is the beginning of another's.
        state.write_u8(0xff);
    }
}

/// Splits what follows `role/` or `user/` at its last slash.
///
/// The path is IAM's: "either a forward slash by itself or a string that must begin and end with forward slashes ...
/// any ASCII character from the ! (\u0021) through the DEL character"
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html>). DEL itself is refused: it is a control
/// character, and no path needs one.
fn path_and_name(rest: &str, what: &'static str) -> Result<(Box<str>, Box<str>), PrincipalError> {
    let Some((path, last)) = rest.rsplit_once('/') else {
        return Ok(("/".into(), name(rest, what)?));
    };
    if path.is_empty() || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(PrincipalError::InvalidPath);
    }
    Ok((format!("/{path}/").into(), name(last, what)?))
}

/// The characters of IAM's names, `[\w+=,.@-]+`: users, roles, sessions and federated users share them
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>). Their lengths are AWS's to bound.
fn name(text: &str, what: &'static str) -> Result<Box<str>, PrincipalError> {
    if !is_name(text) {
        return Err(PrincipalError::InvalidName(what));
    }
    Ok(text.into())
}

pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// AWS's own bound on an ARN (`arnType`: 20 to 2048 characters).
const MAX_ARN_BYTES: usize = 2048;
