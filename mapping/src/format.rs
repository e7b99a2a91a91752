//! The written forms of mappings, and what is wrong with them.
//!
//! ```text
//! text ──yaml──▶ nodes with line and column ──entries──▶ rules + diagnostics ──▶ RuleSet
//! ```
//!
//! | source | a text is | what cannot be read |
//! | --- | --- | --- |
//! | [`config_file`] | the keys `mapRoles`, `mapUsers`, `mapAccounts` of the section `server` | is an error: the program does not start, or keeps what it had |
//! | [`aws_auth`] | one of these keys | keeps what the key held |
//! | [`dynamic_file`] | these keys, as JSON | keeps what the key held, or all keys |
//! | [`custom_resource`] | one entry, as JSON | keeps what the object said |
//!
//! In a text that can be read each entry goes its own way, whatever else is in its list. One with a restriction that is not
//! understood is closed: whoever it is about is refused, by a rule that goes before any wider one. A restriction is any key
//! that narrows whom the entry is for, and any that nobody knows, since it may be one. An entry whose `username` or `groups` are
//! not understood gives what it gave before, and never to anybody to whom it did not; if it gave nothing, it is closed.
//!
//! # What an entry of `mapRoles` may say
//!
//! Keys are read in any case, but for those of a custom resource, which have theirs. One of the first three says whom the entry is about; more than one is an error of the
//! entry, which is then not used. Without any of them it is about whoever has its `userid`.
//!
//! | key | meaning |
//! | --- | --- |
//! | `rolearn` | this role, with or without its path; or this session of it alone, `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION` |
//! | `sso` | the roles `AWSReservedSSO_NAME_SUFFIX` of a permission set: `{permissionSetName, accountID, partition}`, the partition `aws` if none is given, the suffix exactly sixteen hexadecimal digits |
//! | `rolearnLike` | the roles of one account whose name fits `arn:PARTITION:iam::ACCOUNT:role/PATTERN` |
//! | `userid` | and the role must have this unique id; if no entry of the same kind fits, nothing else lets the caller in |
//! | `sessionNames` | and the name of its session must fit one of these patterns, else the entry is as if it were not written; that of an ARN too |
//! | `allowPrivilegedWildcard` | with `rolearnLike`: `true` lets it give `system:masters` |
//! | `username`, `groups` | the user the caller becomes: [`Template`](crate::Template)s |
//!
//! A group with a placeholder that renders to `system:masters` is refused whatever the entry: the group is given only where
//! it is written out.
//!
//! An entry of `mapUsers` has `userarn`, `userid`, `username` and `groups`. The spec of a custom resource has the keys of
//! an entry of `mapRoles`, but `arn` in place of `rolearn`, and its `arn` may be anybody's.
//!
//! Everything that is compared with an ARN is compared without regard to case. A pattern fits a whole name; `*` is any
//! run of characters, an empty one too, and `?` exactly one, as for IAM's `ArnLike`; partition and account take no
//! wildcard. STS never says a role's path: one that is written out before a pattern is dropped and reported, one with
//! wildcards is an error, and so is one before a pattern without a letter, which would be left to mean every role.
//!
//! `sessionNames` are compared in their case, as they were chosen: by whoever assumed the role, if its trust policy does
//! not hold `sts:RoleSessionName` down. Such a condition is worth what that policy is worth.
//!
//! A text may have `a,b` where `groups` or `mapAccounts` takes a list, and one entry where `mapRoles` or `mapUsers` takes a list
//! of them, as the config file of aws-iam-authenticator. `sessionNames` is always a list: a name may have a comma. A custom
//! resource has lists alone, as its schema says.
//!
//! # Which entry of a source is used
//!
//! An ARN with `userid` goes before a `userid` alone, and that before an ARN alone, then `sso`, then `rolearnLike`. Among
//! entries about the same role or permission set one with `userid` goes before one without, then one with `sessionNames`
//! before one without, and then the last one wins, as in aws-iam-authenticator. Of patterns the first in the text that
//! fits is used. Among custom resources the oldest wins and is tried first, and of those made in the same second the
//! first by name.
//!
//! ```
//! use std::collections::BTreeMap;
//! use mapping::{Chain, Decision, Identity, Source, SourceName, format::aws_auth::AwsAuth};
//!
//! let aws_auth = BTreeMap::from([("mapRoles".to_owned(), r#"
//! - sso: {permissionSetName: Admin, accountID: "123456789012"}
//!   sessionNames: ["*@example.com"]
//!   username: "admin:{{SessionName}}"
//!   groups: [system:masters]
//! - rolearnLike: arn:aws:iam::123456789012:role/AWSReservedSSO_*
//!   username: "reader:{{SessionName}}"
//! "#.to_owned())]);
//! let update = AwsAuth::update(None, &aws_auth);
//! assert!(update.diagnostics.is_empty());
//! let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
//!
//! for (role, session, username) in [
//!     ("AWSReservedSSO_Admin_0123456789abcdef", "jane@example.com", "admin:jane-example.com"),
//!     ("AWSReservedSSO_Admin_0123456789abcdef", "jane@example.org", "reader:jane-example.org"),
//!     ("AWSReservedSSO_Admin_Audit_0123456789abcdef", "jane@example.com", "reader:jane-example.com"),
//! ] {
//!     let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}").parse()?;
//!     let caller = Identity::new(arn, &format!("AROAEXAMPLE:{session}"), "ASIAIOSFODNN7EXAMPLE".to_owned())?;
//!     let Decision::Granted(grant) = chain.decide(&caller) else { panic!("{role} is mapped") };
//!     assert_eq!(grant.username(), username);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aws_auth;
pub mod config_file;
pub mod custom_resource;
pub mod dynamic_file;
mod entries;
mod last_good;
mod report;
pub mod yaml;

use std::sync::Arc;

use crate::{diagnostic::Diagnostic, ruleset::RuleSet};

/// Rules, and what is wrong where they were written.
#[derive(Debug, Default)]
#[must_use]
pub struct Loaded {
    /// Of the entries that are good.
    pub rules: Arc<RuleSet>,
    /// What is wrong with the others, and what is used but probably not meant so.
    pub diagnostics: Vec<Diagnostic>,
}

/// What reading a source anew came to.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Update<T> {
    /// What is in force from now on.
    pub next: T,
    /// What is wrong in the text.
    pub diagnostics: Vec<Diagnostic>,
}
