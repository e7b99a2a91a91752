//! Who signed a request, or why STS would refuse it.

use http::Method;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq;

use super::sigv4::{Claim, DATE_FORMAT, Pairs};
use super::{Code, Fault, Principal};

/// What is asked of STS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Who the caller is.
    GetCallerIdentity,
    /// A session of a role, for the caller.
    AssumeRole,
    /// A session of a role, for whoever brings the token of a web identity.
    AssumeRoleWithWebIdentity,
}

/// A service of AWS, as far as it decides for whom a signature is good.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name in the scope of a signature.
    pub name: &'static str,
    /// The region that one of its hosts belongs to; `None` for a host that is none of its own.
    pub region_of: fn(&str) -> Option<&str>,
}

/// STS, at its public hosts and at an endpoint in somebody's own network.
pub const STS: Service =
    Service { name: "sts", region_of: |host| region_of(host).or_else(|| region_of_vpc_endpoint(host)) };

/// Decides who signed one request of a service: `server_name` is the name that its TLS handshake asked for, `now` the service's
/// time.
///
/// # Errors
///
/// The refusal, in STS's words.
pub fn judge<'a>(
    service: Service,
    principals: &'a [Principal],
    now: Timestamp,
    server_name: &str,
    parts: &Parts,
    body: &[u8],
) -> Result<&'a Principal, Fault> {
    let claim = Claim::read(parts, body)?;
    scope(service, &claim, server_name, parts)?;
    let principal = principals
        .iter()
        .find(|principal| principal.access_key_id == claim.access_key_id)
        .filter(|principal| carries_its_session(principal, &claim))
        .ok_or_else(|| {
            Fault::new(Code::InvalidClientTokenId, "The security token included in the request is invalid.")
        })?;
    timely(claim.signed_at, now)?;
    if !claim.is_signed_with(&principal.secret_access_key) {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
             and signing method. Consult the service documentation for details.",
        ));
    }
    if principal.session.as_ref().and_then(|session| session.ends).is_some_and(|end| end <= now) {
        return Err(Fault::new(Code::ExpiredToken, "The security token included in the request is expired"));
    }
    Ok(principal)
}

/// The action that is asked for, and its parameters: of a query or of a form.
///
/// # Errors
///
/// An action that this STS does not know. A session is asked for with a form.
pub fn action(parts: &Parts, body: &[u8]) -> Result<(Action, Pairs), Fault> {
    let stated = match parts.method {
        Method::GET => parts.uri.query().unwrap_or_default(),
        Method::POST => std::str::from_utf8(body).unwrap_or_default(),
        _ => "",
    };
    let stated = Pairs::parse(stated)?;
    let action = match stated.optional("Action")?.as_deref() {
        Some("GetCallerIdentity") => Some(Action::GetCallerIdentity),
        Some("AssumeRole") if parts.method == Method::POST => Some(Action::AssumeRole),
        Some("AssumeRoleWithWebIdentity") if parts.method == Method::POST => Some(Action::AssumeRoleWithWebIdentity),
        _ => None,
    };
    let is_known = stated.optional("Version")?.as_deref() == Some("2011-06-15") && parts.uri.path() == "/";
    match action.filter(|_| is_known) {
        Some(action) => Ok((action, stated)),
        None => Err(Fault::new(Code::InvalidAction, "Could not find operation for version 2011-06-15")),
    }
}

/// The region that a host of STS belongs to: its second label, but for the legacy global one. `None` for other hosts.
///
/// Written from the hosts' form and not from a table, so that the server's table can be checked against it.
#[must_use]
pub fn region_of(host: &str) -> Option<&str> {
    if host == "sts.amazonaws.com" {
        return Some("us-east-1");
    }
    region_in(host, &["sts", "sts-fips"])
}

/// The region in a host that begins with one of these labels: `SERVICE.REGION.amazonaws.com`. `None` for other hosts.
#[must_use]
pub fn region_in<'a>(host: &'a str, services: &[&str]) -> Option<&'a str> {
    let (service, rest) = host.split_once('.')?;
    let (region, suffix) = rest.split_once('.')?;
    (services.contains(&service) && is_region(region) && DNS_SUFFIXES.contains(&suffix)).then_some(region)
}

/// The region of an endpoint that somebody made in a network of their own: `vpce-ID.sts.REGION.vpce.amazonaws.com`.
///
/// Apart from the others, for no such host may stand in a token.
fn region_of_vpc_endpoint(host: &str) -> Option<&str> {
    let (_id, region) = host.strip_suffix(".vpce.amazonaws.com")?.split_once(".sts.")?;
    (host.starts_with("vpce-") && is_region(region)).then_some(region)
}

/// At least two words and a number: `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let mut parts = label.rsplit('-');
    let number = parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let words: Vec<&str> = parts.collect();
    let are_words = words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    number && are_words && words.len() >= 2
}

fn scope(service: Service, claim: &Claim, server_name: &str, parts: &Parts) -> Result<(), Fault> {
    let host = parts.headers.get(http::header::HOST).map(|value| value.to_str().unwrap_or_default());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    if host != server_name {
        return Err(mismatch("The Host is not the name that the connection was made for."));
    }
    if claim.service != service.name {
        return Err(mismatch(&format!("Credential should be scoped to correct service: '{}'.", service.name)));
    }
    if (service.region_of)(host) != Some(claim.region.as_str()) {
        return Err(mismatch("Credential should be scoped to a valid region."));
    }
    Ok(())
}

fn carries_its_session(principal: &Principal, claim: &Claim) -> bool {
    match (&principal.session, &claim.security_token) {
        (None, None) => true,
        (Some(session), Some(token)) => session.token.as_bytes().ct_eq(token.as_bytes()).into(),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// `X-Amz-Expires` has no say here: STS does not use it.
fn timely(signed_at: Timestamp, now: Timestamp) -> Result<(), Fault> {
    let oldest = now - PAST;
    let newest = now + AHEAD;
    let at = |time: Timestamp| time.strftime(DATE_FORMAT).to_string();
    if signed_at < oldest {
        let (signed_at, oldest, now) = (at(signed_at), at(oldest), at(now));
        return Err(mismatch(&format!(
            "Signature expired: {signed_at} is now earlier than {oldest} ({now} - 15 min.)"
        )));
    }
    if signed_at > newest {
        let (signed_at, newest, now) = (at(signed_at), at(newest), at(now));
        return Err(mismatch(&format!(
            "Signature not yet current: {signed_at} is still later than {newest} ({now} + 5 min.)"
        )));
    }
    Ok(())
}

fn mismatch(message: &str) -> Fault {
    Fault::new(Code::SignatureDoesNotMatch, message)
}

/// How long a signature is good, and how far the signer's clock may be ahead.
const PAST: SignedDuration = SignedDuration::from_mins(15);
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What follows the region in the names of each partition's endpoints, dual-stack ones included.
const DNS_SUFFIXES: [&str; 14] = [
    "amazonaws.com",
    "api.aws",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "api.aws.ic.gov",
    "sc2s.sgov.gov",
    "api.aws.scloud",
    "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws.hci.ic.gov",
];

#[cfg(test)]
mod tests;
