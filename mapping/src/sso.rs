//! The roles that IAM Identity Center makes for a permission set.
//!
//! Assigned to an account, a permission set becomes a role there, `AWSReservedSSO_NAME_SUFFIX`
//! (<https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>). The suffix is sixteen
//! hexadecimal digits, and another one whenever the set is assigned anew: a rule names the set, and takes any suffix.
//!
//! The suffix is taken to the digit. `NAME_*` would give the role of the set `Admin_ReadOnly` what is written for `Admin`.

use std::fmt;

use thiserror::Error;

use crate::{
    arn::{AccountId, Partition},
    principal::{Principal, PrincipalKind, is_name},
};

/// A permission set in one account; its name in lower case, because case is not looked at.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct PermissionSet {
    partition: Partition,
    account: AccountId,
    name: Box<str>,
}

/// The text is no name of a permission set.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a permission set's name is 1 to {MAX_NAME_BYTES} letters, digits and _+=,.@-")]
pub struct PermissionSetNameError;

impl PermissionSet {
    pub(crate) fn new(partition: Partition, account: AccountId, name: &str) -> Result<Self, PermissionSetNameError> {
        if name.len() > MAX_NAME_BYTES || !is_name(name) {
            return Err(PermissionSetNameError);
        }
        Ok(Self { partition, account, name: name.to_ascii_lowercase().into() })
    }

    pub(crate) const fn partition(&self) -> Partition {
        self.partition
    }

    pub(crate) const fn account(&self) -> &AccountId {
        &self.account
    }

    /// The permission set whose role the caller has assumed, if its role is one of a permission set.
    pub(crate) fn of(caller: &Principal) -> Option<Self> {
        let PrincipalKind::AssumedRole { role, .. } = caller.kind() else { return None };
        let (prefix, rest) = role.split_at_checked(ROLE_PREFIX.len())?;
        let (name, suffix) = rest.rsplit_once('_')?;
        let is_suffix = suffix.len() == SUFFIX_DIGITS && suffix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !prefix.eq_ignore_ascii_case(ROLE_PREFIX) || !is_suffix {
            return None;
        }
        Self::new(caller.partition(), caller.account().clone(), name).ok()
    }
}

/// `sso Admin of arn:aws:iam::123456789012`
impl fmt::Display for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sso {} of arn:{}:iam::{}", self.name, self.partition, self.account)
    }
}

pub(crate) const ROLE_PREFIX: &str = "AWSReservedSSO_";

const SUFFIX_DIGITS: usize = 16;

/// <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionSet.html>. With prefix and suffix it makes
/// 64 characters, which is the longest name of a role.
const MAX_NAME_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str) -> Option<PermissionSet> {
        PermissionSet::new(Partition::Aws, "123456789012".parse().unwrap(), name).ok()
    }

    fn of_role(role: &str) -> Option<PermissionSet> {
        PermissionSet::of(&format!("arn:aws:sts::123456789012:assumed-role/{role}/jane").parse().unwrap())
    }

    #[test]
    fn a_role_is_of_one_permission_set() {
        for (role, name) in [
            ("AWSReservedSSO_Admin_0123456789abcdef", "Admin"),
            ("awsreservedsso_ADMIN_0123456789ABCDEF", "admin"),
            ("AWSReservedSSO_Admin_ReadOnly_0123456789abcdef", "Admin_ReadOnly"),
            ("AWSReservedSSO_Admin_0123456789abcdef_0123456789abcdef", "Admin_0123456789abcdef"),
            ("AWSReservedSSO___0123456789abcdef", "_"),
            ("AWSReservedSSO_a+=,.@-b_0123456789abcdef", "a+=,.@-b"),
        ] {
            assert_eq!(of_role(role), set(name), "{role}");
            assert!(of_role(role).is_some(), "{role}");
        }
    }

    #[test]
    fn any_other_role_is_of_none() {
        for role in [
            "Admin",
            "AWSReservedSSO_",
            "AWSReservedSSO_Admin",
            "AWSReservedSSO_Admin_",
            "AWSReservedSSO__0123456789abcdef",
            "AWSReservedSSO_0123456789abcdef",
            "AWSReservedSSO_Admin_0123456789abcde",
            "AWSReservedSSO_Admin_0123456789abcdef0",
            "AWSReservedSSO_Admin_0123456789abcdeg",
            "AWSReservedSSO_Admin-0123456789abcdef",
            "AWSReservedSSO_Admin_0123456789abcdef_",
            "AWSReservedSSO_Admin_0123456789abcdef-x",
            "AWSReservedSSO-Admin_0123456789abcdef",
            "xAWSReservedSSO_Admin_0123456789abcdef",
        ] {
            assert_eq!(of_role(role), None, "{role}");
        }
        let user = "arn:aws:iam::123456789012:user/AWSReservedSSO_Admin_0123456789abcdef".parse().unwrap();
        assert_eq!(PermissionSet::of(&user), None);
    }

    #[test]
    fn a_name_has_one_to_thirty_two_characters_of_iam() {
        assert!(set(&"a".repeat(32)).is_some() && set("a_+=,.@-9").is_some());
        for name in ["", &"a".repeat(33), "a b", "a*", "a?", "a/b", "a:b", "é", "a\n"] {
            assert!(set(name).is_none(), "{name:?}");
        }
    }
}
