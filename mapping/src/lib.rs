//! Which Kubernetes user an AWS principal becomes.
//!
//! ```text
//!  config file, aws-auth ──format──▶ RuleSet + Diagnostics        one per source, immutable, shared
//!                                       │
//!                     Source, Source, … ▼  in their order of trust
//!  ARN, user id, key id ──▶ Identity ──▶ Chain::decide ──▶ Decision
//!     (from STS, proven elsewhere)                         Granted(Grant): username, groups, which rule
//!                                                          NotMapped, Refused: no
//!                                                          Undecided, NeedsInstance: cannot tell yet
//! ```
//!
//! The crate is pure: no I/O, no clock, no async; the same chain gives the same caller the same answer. Whatever text
//! it is given, it answers with a value and never panics, in bounded time and memory. An unreadable text never empties
//! a source ([`format::aws_auth`]), a bad entry is reported, and one that restricts is never half understood: it is closed.
//!
//! Start with [`Chain::decide`] for the order in which rules apply, [`Principal`] for what counts as the same caller,
//! [`Template`] for user and group names, [`ReservedPrefixes`] for the names a source must not give, and
//! [`mod@format`] for what may be written and which entry of a source is used.
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use mapping::{Chain, Decision, Identity, Source, SourceName, format::aws_auth::AwsAuth};
//!
//! let aws_auth = BTreeMap::from([("mapRoles".to_owned(), r#"
//! - rolearn: arn:aws:iam::123456789012:role/teams/Admin
//!   username: "admin:{{SessionName}}"
//!   groups: [system:masters]
//! "#.to_owned())]);
//! let update = AwsAuth::update(None, &aws_auth);
//! assert!(update.diagnostics.is_empty());
//! let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
//!
//! let arn = "arn:aws:sts::123456789012:assumed-role/Admin/jane@example.com".parse()?;
//! let jane = Identity::new(arn, "AROAEXAMPLE:jane@example.com", "ASIAIOSFODNN7EXAMPLE".to_owned())?;
//! let Decision::Granted(grant) = chain.decide(&jane) else { panic!("jane is mapped") };
//! assert_eq!(grant.username(), "admin:jane-example.com");
//! assert_eq!(grant.groups(), ["system:masters"]);
//! assert_eq!(grant.rule(), "mapRoles[0] arn:aws:iam::123456789012:role/teams/Admin");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arn;
mod chain;
mod diagnostic;
pub mod format;
mod identity;
mod instance;
mod pattern;
mod principal;
mod reserved;
mod role_pattern;
mod ruleset;
mod source;
mod sso;
mod template;

pub use arn::{AccountId, AccountIdError, Partition, PartitionError};
pub use chain::{Chain, Decision, Grant, InstancePending, Refusal, RefusalReason, Source};
pub use diagnostic::{Diagnostic, DiagnosticCode, Quoted, Severity};
pub use identity::{Identity, IdentityError};
pub use instance::{
    Instance, InstanceFacts, InstanceId, InstanceIdError, InstanceRole, PrivateDnsName, PrivateDnsNameError,
};
pub use principal::{CanonicalArn, Principal, PrincipalError, PrincipalKind};
pub use reserved::ReservedPrefixes;
pub use ruleset::RuleSet;
pub use source::{SourceName, SourceNameError};
pub use sso::PermissionSetNameError;
pub use template::{RenderError, Template, TemplateError};
