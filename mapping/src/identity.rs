//! The facts about a caller that a rule may read, and nothing else about it.

use std::fmt;

use thiserror::Error;

use crate::{
    arn::AccountId,
    instance::InstanceFacts,
    principal::{CanonicalArn, Principal, PrincipalKind},
};

/// Who AWS says the caller is.
///
/// Made of what STS answered to `GetCallerIdentity` and of the access key id that signed the request. That these belong
/// together, and that STS really said so, is for the caller of [`Identity::new`] to prove: it is not a proof by itself.
#[derive(Clone, Eq, PartialEq)]
pub struct Identity {
    principal: Principal,
    canonical: CanonicalArn,
    user_id: Box<str>,
    access_key_id: Box<str>,
    instance: Option<InstanceFacts>,
}

/// Why the facts do not fit together.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IdentityError {
    /// Not `[A-Za-z0-9_]{1,128}`, the characters of an access key id.
    #[error("the access key id is not 1 to 128 letters, digits and underscores")]
    AccessKeyId,
    /// The ARN is of a role: only sessions of a role can call.
    #[error("a role itself never calls, only a session of it")]
    NotACaller,
    /// The ARN and the user id name different accounts or sessions.
    #[error("the ARN and the user id do not name the same session")]
    SessionMismatch,
    /// The user id has not the form that goes with the ARN.
    #[error("the user id has not the form that belongs to the ARN")]
    UserId,
}

impl Identity {
    /// Puts the facts together.
    ///
    /// `user_id` is the text STS calls `UserId`
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>):
    ///
    /// | caller | `UserId` | [`user_id`](Self::user_id) | [`session_name`](Self::session_name) |
    /// | --- | --- | --- | --- |
    /// | session of a role | `AROA...:SESSION` | `AROA...` | `SESSION` |
    /// | IAM user | `AIDA...` | the same | none |
    /// | root | the account id | the same | none |
    /// | federated user | `ACCOUNT:NAME` | the same | none |
    ///
    /// # Errors
    ///
    /// When the `UserId` has another form, or names another session than the ARN.
    pub fn new(arn: Principal, user_id: &str, access_key_id: String) -> Result<Self, IdentityError> {
        let user_id = match arn.kind() {
            PrincipalKind::AssumedRole { session, .. } => {
                let (id, of_session) = user_id.split_once(':').ok_or(IdentityError::UserId)?;
                if of_session != &**session {
                    return Err(IdentityError::SessionMismatch);
                }
                unique_id(id)?
            }
            PrincipalKind::FederatedUser { name } => {
                let (account, of_name) = user_id.split_once(':').ok_or(IdentityError::UserId)?;
                if account != arn.account().as_ref() || of_name != &**name {
                    return Err(IdentityError::SessionMismatch);
                }
                user_id
            }
            PrincipalKind::Role { .. } => return Err(IdentityError::NotACaller),
            PrincipalKind::Root | PrincipalKind::User { .. } => unique_id(user_id)?,
        };
        if access_key_id.is_empty() || access_key_id.len() > MAX_ACCESS_KEY_ID_BYTES || !is_word(&access_key_id) {
            return Err(IdentityError::AccessKeyId);
        }
        Ok(Self {
            canonical: arn.canonical(),
            user_id: user_id.into(),
            access_key_id: access_key_id.into(),
            instance: None,
            principal: arn,
        })
    }

    /// The same caller, with what is known of the instance that its session is named after.
    #[must_use]
    pub fn on(self, instance: InstanceFacts) -> Self {
        Self { instance: Some(instance), ..self }
    }

    pub(crate) const fn instance_facts(&self) -> Option<&InstanceFacts> {
        self.instance.as_ref()
    }

    /// The ARN as STS wrote it.
    #[must_use]
    pub fn arn(&self) -> &str {
        self.principal.as_str()
    }

    /// The ARN that rules are compared with.
    #[must_use]
    pub const fn canonical_arn(&self) -> &CanonicalArn {
        &self.canonical
    }

    /// The caller's account.
    #[must_use]
    pub const fn account(&self) -> &AccountId {
        self.principal.account()
    }

    /// The unique id, which a principal made anew under an old name does not share.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The name of the role's session; empty for everything that is not a session of a role.
    #[must_use]
    pub fn session_name(&self) -> &str {
        match self.principal.kind() {
            PrincipalKind::AssumedRole { session, .. } => session,
            PrincipalKind::FederatedUser { .. }
            | PrincipalKind::Role { .. }
            | PrincipalKind::Root
            | PrincipalKind::User { .. } => "",
        }
    }

    /// The id of the access key that signed the request. It is no secret.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The ARN, taken apart.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("arn", &self.arn()).field("user_id", &self.user_id()).finish_non_exhaustive()
    }
}

fn unique_id(text: &str) -> Result<&str, IdentityError> {
    if text.is_empty() || text.len() > MAX_USER_ID_BYTES || !is_word(text) {
        return Err(IdentityError::UserId);
    }
    Ok(text)
}

/// Whether a principal of this kind can have this user id, as [`Identity::user_id`] gives it.
pub(crate) fn is_user_id_of(kind: &PrincipalKind, text: &str) -> bool {
    match kind {
        PrincipalKind::FederatedUser { name } => {
            text.split_once(':').is_some_and(|(account, of)| account.parse::<AccountId>().is_ok() && of == &**name)
        }
        PrincipalKind::AssumedRole { .. }
        | PrincipalKind::Role { .. }
        | PrincipalKind::Root
        | PrincipalKind::User { .. } => is_user_id_of_role(text),
    }
}

/// Whether a role, or anything else that IAM gives a unique id, can have this one.
pub(crate) fn is_user_id_of_role(text: &str) -> bool {
    unique_id(text).is_ok()
}

/// AWS's `[\w]*`, in ASCII.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `accessKeyIdType`: 16 to 128 characters of `[\w]+`. The lower bound is AWS's to hold.
const MAX_ACCESS_KEY_ID_BYTES: usize = 128;

/// `idType`: 16 to 128 characters of `[\w]+`.
const MAX_USER_ID_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(arn: &str, user_id: &str) -> Result<Identity, IdentityError> {
        Identity::new(arn.parse().unwrap(), user_id, "AKIAIOSFODNN7EXAMPLE".to_owned())
    }

    const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/Admin/jane@example.com";
    const USER: &str = "arn:aws:iam::123456789012:user/a/Jane";
    const ROOT: &str = "arn:aws:iam::123456789012:root";
    const FEDERATED: &str = "arn:aws:sts::123456789012:federated-user/Bob";

    #[test]
    fn the_user_id_is_read_as_the_go_program_reads_it() {
        for (arn, sts_user_id, user_id, session, canonical) in [
            (
                SESSION,
                "AROAEXAMPLE:jane@example.com",
                "AROAEXAMPLE",
                "jane@example.com",
                "arn:aws:iam::123456789012:role/Admin",
            ),
            (USER, "AIDAEXAMPLE", "AIDAEXAMPLE", "", USER),
            (ROOT, "123456789012", "123456789012", "", ROOT),
            (FEDERATED, "123456789012:Bob", "123456789012:Bob", "", FEDERATED),
        ] {
            let identity = identity(arn, sts_user_id).unwrap();
            assert_eq!((identity.user_id(), identity.session_name()), (user_id, session));
            assert_eq!((identity.arn(), identity.canonical_arn().as_str()), (arn, canonical));
            assert_eq!(identity.account().as_ref(), "123456789012");
            assert_eq!(identity.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
        }
    }

    #[test]
    fn facts_that_do_not_belong_together_are_refused() {
        use IdentityError as E;
        for (arn, user_id, error) in [
            (SESSION, "AROAEXAMPLE", E::UserId),
            (SESSION, ":jane@example.com", E::UserId),
            (SESSION, "AROA EXAMPLE:jane@example.com", E::UserId),
            (SESSION, "AROAEXAMPLE:joe@example.com", E::SessionMismatch),
            (SESSION, "AROAEXAMPLE:Jane@example.com", E::SessionMismatch),
            (SESSION, "AROAEXAMPLE:jane@example.com:", E::SessionMismatch),
            (SESSION, "AROAEXAMPLE:x:jane@example.com", E::SessionMismatch),
            (USER, "", E::UserId),
            (USER, "AIDAEXAMPLE:Jane", E::UserId),
            (ROOT, "123456789012:root", E::UserId),
            (FEDERATED, "123456789012", E::UserId),
            (FEDERATED, "123456789012:Rob", E::SessionMismatch),
            (FEDERATED, "999999999999:Bob", E::SessionMismatch),
            ("arn:aws:iam::123456789012:role/Admin", "AROAEXAMPLE:x", E::NotACaller),
        ] {
            assert_eq!(identity(arn, user_id), Err(error), "{arn} {user_id}");
        }
        for key in ["", "AKIA{{x}}", "AKIA EXAMPLE", &"A".repeat(129)] {
            let identity = Identity::new(USER.parse().unwrap(), "AIDAEXAMPLE", key.to_owned());
            assert_eq!(identity, Err(E::AccessKeyId), "{key}");
        }
    }
}
