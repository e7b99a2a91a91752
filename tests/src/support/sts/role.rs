//! The roles that the emulator knows, and whom their trust lets take them on.
//!
//! What is asked of a request, and in which words it is refused, is that of `AssumeRole` and `AssumeRoleWithWebIdentity`:
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

use jiff::{SignedDuration, Timestamp};

use super::sigv4::Pairs;
use super::{Code, Fault, Principal};

/// A role, and all that its trust demands. What it does not demand it does not look at.
#[derive(Clone, Debug)]
pub struct Role {
    /// The role's ARN. It may carry a path, which the ARN of its sessions does not.
    pub arn: String,
    /// Who may take it on.
    pub trusts: Trust,
    /// The `sts:ExternalId` that the request must carry.
    pub external_id: Option<String>,
    /// The device that the caller must have, and what it shows.
    pub mfa: Option<Mfa>,
    /// The `sts:RoleSessionName` that the request must carry.
    pub session_name: Option<String>,
    /// The length of the session that the request must ask for. The service demands none; a test does, to see it asked for.
    pub duration: Option<SignedDuration>,
}

/// Who may take on a role.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The users and roles with these ARNs.
    Arns(Vec<String>),
    /// Whoever brings this token of a web identity.
    WebIdentity(String),
}

/// A device for a second factor.
#[derive(Clone, Debug)]
pub struct Mfa {
    /// Its ARN.
    pub serial: String,
    /// What it shows, always: tests run within its thirty seconds.
    pub code: String,
}

/// A session that was given out.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// Who its holder is from now on.
    pub principal: Principal,
    /// When it ends.
    pub ends: Timestamp,
}

impl Role {
    /// A role that these users and roles may take on, and which demands nothing else.
    #[must_use]
    pub fn trusting<'a>(account: &str, name: &str, arns: impl IntoIterator<Item = &'a str>) -> Role {
        Role::new(account, name, Trust::Arns(arns.into_iter().map(ToOwned::to_owned).collect()))
    }

    /// A role for whoever brings this token of a web identity.
    #[must_use]
    pub fn for_web_identity(account: &str, name: &str, token: &str) -> Role {
        Role::new(account, name, Trust::WebIdentity(token.to_owned()))
    }

    fn new(account: &str, name: &str, trusts: Trust) -> Role {
        let arn = format!("arn:aws:iam::{account}:role/{name}");
        Role { arn, trusts, external_id: None, mfa: None, session_name: None, duration: None }
    }

    /// A session of this name. Its keys are of no session that was handed out: each of those has keys of its own.
    ///
    /// # Panics
    ///
    /// Its ARN is none.
    #[must_use]
    pub fn session(&self, session_name: &str) -> Principal {
        let (partition, account, name) = self.parts();
        Principal::role_session(account, name, session_name).in_partition(partition)
    }

    /// Partition, account, and the name without its path.
    fn parts(&self) -> (&str, &str, &str) {
        let parts: Vec<&str> = self.arn.split(':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else { panic!("{} is no role", self.arn) };
        let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        (partition, account, name.unwrap_or_else(|| panic!("{} is no role", self.arn)))
    }
}

/// Takes on the role that the form names: for `caller`, or for whoever brings the token of a web identity.
pub(super) fn assume(
    roles: &[Role],
    caller: Option<&Principal>,
    form: &Pairs,
    now: Timestamp,
) -> Result<Assumed, Fault> {
    let arn = required(form, "RoleArn")?;
    let session_name = required(form, "RoleSessionName")?;
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if !(2..=64).contains(&session_name.len()) || !is_name(&session_name) {
        return Err(Fault::new(
            Code::ValidationError,
            format!(
                "1 validation error detected: Value '{session_name}' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            ),
        ));
    }
    let length = duration(form)?;

    let role = roles.iter().find(|role| role.arn == arn);
    // A role that is not there is refused in the words of one that does not trust the caller.
    let role = match (caller, role) {
        (Some(caller), Some(role)) if is_met(role, caller, form, &session_name, length)? => role,
        (None, Some(role)) if brings_its_token(role, form)? => role,
        (Some(caller), _) => return Err(denied(caller, &arn)),
        (None, _) => {
            return Err(Fault::new(Code::AccessDenied, "Not authorized to perform sts:AssumeRoleWithWebIdentity"));
        }
    };
    let is_chained = caller.is_some_and(|caller| caller.arn.contains(":assumed-role/"));
    if is_chained && length.is_some_and(|length| length > DEFAULT_LENGTH) {
        return Err(Fault::new(
            Code::ValidationError,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }

    let ends = now + length.unwrap_or(DEFAULT_LENGTH);
    // Whole seconds are what the answer says.
    let ends = Timestamp::from_second(ends.as_second()).expect("a time without its fraction is a time");
    let principal = role.session(&session_name).handed_out().session_ends(ends);
    principal.remember();
    Ok(Assumed { principal, ends })
}

/// Whether the role's trust lets this caller in with this request.
fn is_met(
    role: &Role,
    caller: &Principal,
    form: &Pairs,
    session_name: &str,
    length: Option<SignedDuration>,
) -> Result<bool, Fault> {
    let Trust::Arns(arns) = &role.trusts else { return Ok(false) };
    let stated = |name| form.optional(name);
    let (serial, code) = (stated("SerialNumber")?, stated("TokenCode")?);
    let has_factor = match (&role.mfa, &serial, &code) {
        (None, None, None) => true,
        (Some(mfa), Some(serial), Some(code)) => {
            if mfa.serial != *serial || mfa.code != *code {
                let message = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
                return Err(Fault::new(Code::AccessDenied, message));
            }
            true
        }
        (Some(_), _, _) => false,
        // A device that nobody has.
        (None, _, _) => return Err(Fault::new(Code::AccessDenied, "MultiFactorAuthentication failed")),
    };
    let as_demanded = |demanded: &Option<String>, stated: Option<&str>| {
        demanded.as_deref().is_none_or(|demanded| Some(demanded) == stated)
    };
    Ok(has_factor
        && arns.contains(&iam_arn(&caller.arn))
        && as_demanded(&role.external_id, stated("ExternalId")?.as_deref())
        && as_demanded(&role.session_name, Some(session_name))
        && role.duration.is_none_or(|demanded| length == Some(demanded)))
}

fn brings_its_token(role: &Role, form: &Pairs) -> Result<bool, Fault> {
    let token = required(form, "WebIdentityToken")?;
    if token.split('.').count() != 3 {
        return Err(Fault::new(
            Code::InvalidIdentityToken,
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ));
    }
    Ok(matches!(&role.trusts, Trust::WebIdentity(trusted) if *trusted == token))
}

/// `DurationSeconds`, where the form has one.
fn duration(form: &Pairs) -> Result<Option<SignedDuration>, Fault> {
    let Some(text) = form.optional("DurationSeconds")? else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(seconds @ 900..=43_200) => Ok(Some(SignedDuration::from_secs(seconds))),
        _ => Err(Fault::new(
            Code::ValidationError,
            format!(
                "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must \
                 have value greater than or equal to 900"
            ),
        )),
    }
}

fn required(form: &Pairs, name: &str) -> Result<String, Fault> {
    form.optional(name)?.ok_or_else(|| {
        let member = format!("{}{}", name[..1].to_lowercase(), &name[1..]);
        Fault::new(
            Code::ValidationError,
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ),
        )
    })
}

fn denied(caller: &Principal, role: &str) -> Fault {
    Fault::new(
        Code::AccessDenied,
        format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", caller.arn),
    )
}

/// The ARN by which a trust policy names a caller: a session's is its role's. (Roles with a path trust nobody here.)
fn iam_arn(arn: &str) -> String {
    match arn.split_once(":assumed-role/") {
        None => arn.to_owned(),
        Some((account, session)) => {
            let role = session.split('/').next().unwrap_or_default();
            format!("{}:role/{role}", account.replacen(":sts:", ":iam:", 1))
        }
    }
}

/// What a session lasts of which nobody said how long, and the longest that a role's session can give out.
const DEFAULT_LENGTH: SignedDuration = SignedDuration::from_hours(1);

#[cfg(test)]
mod tests;
