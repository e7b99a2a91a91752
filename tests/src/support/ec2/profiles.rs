//! `GetInstanceProfile`: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html>.

use std::collections::BTreeMap;

use http::StatusCode;

use super::{Api, Refusal, stated};
use crate::support::sts::Principal;
use crate::support::sts::sigv4::Pairs;

/// An instance profile as it is told.
pub(super) struct Profile<'a> {
    pub(super) account: &'a str,
    pub(super) name: String,
    pub(super) role: Option<String>,
}

/// The profile of this name in the caller's account.
pub(super) fn get<'a>(
    form: &Pairs,
    caller: &'a Principal,
    known: &BTreeMap<(String, String), Option<String>>,
) -> Result<Profile<'a>, Refusal> {
    let stray = form.iter().find(|(name, _)| !matches!(*name, "Action" | "Version" | "InstanceProfileName"));
    if let Some((name, _)) = stray {
        return Err(invalid(format!("unexpected parameter {name}")));
    }
    let name = stated(Api::Iam, form, "InstanceProfileName")?;
    let is_name = (1..=128).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte));
    if !is_name {
        return Err(invalid(
            "The specified value for instanceProfileName is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
                .to_owned(),
        ));
    }
    match known.get(&(caller.account.clone(), name.clone())) {
        Some(role) => Ok(Profile { account: &caller.account, name, role: role.clone() }),
        None => Err(Refusal::new(
            "NoSuchEntity",
            StatusCode::NOT_FOUND,
            format!("Instance Profile {name} cannot be found."),
        )),
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new("ValidationError", StatusCode::BAD_REQUEST, message)
}
