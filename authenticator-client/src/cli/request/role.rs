//! The role that a command line asks for.

use aws_types::os_shim_internal::Env;

use super::super::flags::RoleFlags;
use crate::{
    credentials::{Role, SessionName},
    environment::{self, NotUnicode},
};

/// Whose command line it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// `aws eks get-token`, which names its sessions itself.
    AwsCli,
    /// The Go program, for which an empty role is none, and `DEFAULT_ROLE` one.
    Go,
}

/// The role is not clear.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum RoleFlagError {
    #[error("{place} is {text:?}: write the ARN of a role, as in arn:aws:iam::111122223333:role/NAME")]
    Arn { place: &'static str, text: String },
    #[error("--session-name (-s) and --forward-session-name both name the session: give one of them")]
    TwoNames,
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// The role, `None` where none is asked for; then the other flags have nothing to say, as in the Go program.
pub(super) fn of(flags: RoleFlags, dialect: Dialect, env: &Env) -> Result<Option<Role>, RoleFlagError> {
    let RoleFlags { role, external_id, session_name, forward_session_name, duration } = flags;
    // Given and empty is not given, as generated command lines have it.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let session_name = match (given(session_name), forward_session_name, dialect) {
        (Some(_), true, _) => return Err(RoleFlagError::TwoNames),
        (Some(name), false, _) => SessionName::Given(name),
        (None, true, _) => SessionName::Forwarded,
        (None, false, Dialect::AwsCli) => SessionName::Given(AWS_CLI_SESSION_NAME.to_owned()),
        (None, false, Dialect::Go) => SessionName::Dated,
    };
    let (arn, place) = match (role, dialect) {
        (Some(arn), Dialect::AwsCli) => (arn, "--role-arn (--role)"),
        // An empty flag beats the variable, as in the Go program.
        (Some(arn), Dialect::Go) if arn.is_empty() => return Ok(None),
        (Some(arn), Dialect::Go) => (arn, "--role (-r)"),
        (None, Dialect::AwsCli) => return Ok(None),
        (None, Dialect::Go) => match environment::variable(env, VARIABLE)? {
            Some(arn) => (arn, VARIABLE),
            None => return Ok(None),
        },
    };
    if !is_role_arn(&arn) {
        return Err(RoleFlagError::Arn { place, text: arn });
    }
    Ok(Some(Role {
        arn,
        external_id: given(external_id),
        session_name,
        duration: duration.map(super::super::values::SessionDuration::seconds),
        mfa_serial: None,
        asked_by: place.to_owned(),
    }))
}

/// The role that `eks update-kubeconfig` asks EKS with.
pub(super) fn to_describe(arn: String) -> Result<Role, RoleFlagError> {
    checked(&arn, "--assume-role-arn")?;
    Ok(Role {
        arn,
        external_id: None,
        session_name: SessionName::Given(DESCRIBER_SESSION_NAME.to_owned()),
        duration: None,
        mfa_serial: None,
        asked_by: "--assume-role-arn".to_owned(),
    })
}

/// Lets through the ARN of a role.
pub(in super::super) fn checked(arn: &str, place: &'static str) -> Result<(), RoleFlagError> {
    if is_role_arn(arn) { Ok(()) } else { Err(RoleFlagError::Arn { place, text: arn.to_owned() }) }
}

/// Whether STS could know a role of this ARN: `arn:PARTITION:iam::ACCOUNT:role/…`.
fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            !partition.is_empty()
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    }
}

const VARIABLE: &str = "DEFAULT_ROLE";

/// `awscli/customizations/eks/update_kubeconfig.py`
const DESCRIBER_SESSION_NAME: &str = "EKSDescribeClusterSession";

/// `awscli/customizations/eks/get_token.py`
const AWS_CLI_SESSION_NAME: &str = "EKSGetTokenAuth";

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:iam::111122223333:role/x";

    fn flags(role: Option<&str>, session_name: Option<&str>, forward_session_name: bool) -> RoleFlags {
        RoleFlags {
            role: role.map(str::to_owned),
            external_id: Some(String::new()),
            session_name: session_name.map(str::to_owned),
            forward_session_name,
            duration: Some("15m".parse().unwrap()),
        }
    }

    #[test]
    fn a_role_is_the_flags_or_for_the_go_program_the_variables() {
        let with_default = Env::from_slice(&[("DEFAULT_ROLE", "arn:aws:iam::111122223333:role/default")]);
        for (role, dialect, arn) in [
            (Some(ARN), Dialect::Go, Some(ARN)),
            (Some(ARN), Dialect::AwsCli, Some(ARN)),
            (None, Dialect::Go, Some("arn:aws:iam::111122223333:role/default")),
            (None, Dialect::AwsCli, None),
            (Some(""), Dialect::Go, None),
        ] {
            let found = of(flags(role, None, false), dialect, &with_default).unwrap();
            assert_eq!(found.as_ref().map(|role| role.arn.as_str()), arn, "{role:?} {dialect:?}");
            assert!(found.is_none_or(|role| role.external_id.is_none() && role.duration == Some(900)));
        }
        assert_eq!(of(flags(None, None, false), Dialect::Go, &Env::from_slice(&[])).unwrap(), None);
    }

    #[test]
    fn the_session_is_named_as_each_command_line_names_it() {
        let name = |session_name, forward, dialect| {
            of(flags(Some(ARN), session_name, forward), dialect, &Env::from_slice(&[]))
                .map(|role| role.unwrap().session_name)
        };
        let given = |name: &str| SessionName::Given(name.to_owned());
        assert_eq!(name(None, false, Dialect::Go).unwrap(), SessionName::Dated);
        assert_eq!(name(None, false, Dialect::AwsCli).unwrap(), given("EKSGetTokenAuth"));
        for dialect in [Dialect::Go, Dialect::AwsCli] {
            assert_eq!(name(Some("me"), false, dialect).unwrap(), given("me"));
            assert_eq!(name(Some(""), true, dialect).unwrap(), SessionName::Forwarded);
            assert!(matches!(name(Some("me"), true, dialect), Err(RoleFlagError::TwoNames)));
        }
    }

    #[test]
    fn what_is_no_arn_of_a_role_is_refused_before_anybody_is_asked() {
        for text in [
            "x",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::1111:role/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:assumed-role/x/y",
        ] {
            let refused = of(flags(Some(text), None, false), Dialect::Go, &Env::from_slice(&[]));
            assert!(matches!(refused, Err(RoleFlagError::Arn { place: "--role (-r)", .. })), "{text}");
        }
        assert!(of(flags(Some(""), None, false), Dialect::AwsCli, &Env::from_slice(&[])).is_err());
        let path = "arn:aws-us-gov:iam::111122223333:role/a/b:c";
        assert!(of(flags(Some(path), None, false), Dialect::Go, &Env::from_slice(&[])).is_ok());
    }
}
