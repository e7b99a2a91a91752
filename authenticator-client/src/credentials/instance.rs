//! The metadata service of an EC2 instance: the role of the instance, and its region. It is asked in its second version, and in its
//! first where it has no second.
//!
//! Off EC2 there is nobody at its address who would even refuse: so it gets little time to take a connection, and the usual time
//! once it has. What it answers, and what it is then asked, follow botocore's `IMDSFetcher` (`botocore/utils.py`).

use std::{fmt, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{http::SharedHttpClient, orchestrator::HttpRequest},
};
use aws_types::os_shim_internal::Env;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::{
    document,
    local::{Answer, Local, NoAnswer},
};
use crate::{
    environment::{self, NotUnicode},
    profile::ProfileView,
    time,
};

/// Where the service is, and how it is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Instance {
    endpoint: String,
    read_timeout: Duration,
    attempts: u32,
    /// The variable or key that forbids to ask in the first version.
    second_version_alone: Option<String>,
    /// What was looked at before, where it is asked because nothing else is configured.
    last_after: Option<String>,
}

/// The service, as this run asks it.
#[derive(Debug)]
pub(super) struct Metadata {
    instance: Instance,
    service: Local,
    session: OnceCell<Session>,
}

/// What goes with each request.
#[derive(Debug)]
enum Session {
    /// Of the second version.
    Begun(SessionToken),
    /// The first version has none.
    None {
        /// Why it is not the second.
        reason: String,
    },
}

/// `Debug` shows nothing of it.
struct SessionToken(Zeroizing<String>);

/// The service gives nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// An address that is none.
    #[error("{place} is {text:?}, which is no URL")]
    Endpoint {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// Neither this protocol nor that.
    #[error("{place} is {text:?}: write IPv4 or IPv6")]
    Mode {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// The service gives no credentials.
    #[error("no credentials from the EC2 instance metadata service {endpoint}: {reason}")]
    NoCredentials {
        /// Where the service is.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Nothing is configured, and this is no instance with a role.
    #[error(
        "no AWS credentials: looked at {looked_at}, and at the EC2 instance metadata service ({reason}); set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or choose a profile that has credentials with --profile or AWS_PROFILE"
    )]
    Nothing {
        /// The sources that were looked at before.
        looked_at: String,
        /// Why the service gives none.
        reason: String,
    },
    /// Not a number of seconds or attempts.
    #[error("{place} is {text:?}: write a whole number from 1 to 3600")]
    Number {
        /// The variable or key.
        place: String,
        /// What stands there.
        text: String,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Instance {
    /// The service, unless `AWS_EC2_METADATA_DISABLED` turns it off. Each setting is looked for in the environment, then in the
    /// profile.
    pub(super) fn choose(profile: ProfileView<'_>, env: &Env) -> Result<Option<Self>, InstanceError> {
        if environment::variable(env, "AWS_EC2_METADATA_DISABLED")?.is_some_and(|off| off.eq_ignore_ascii_case("true"))
        {
            return Ok(None);
        }
        let setting = |variable, key| match environment::variable(env, variable)? {
            Some(text) => Ok::<_, NotUnicode>(Some((text, variable.to_owned()))),
            None => {
                let text = profile.setting(key).filter(|text| !text.is_empty());
                Ok(text.map(|text| (text.to_owned(), format!("{key} of {profile}"))))
            }
        };
        // botocore's `ensure_boolean`: anything else is no.
        let switch = |variable, key| {
            Ok::<_, NotUnicode>(setting(variable, key)?.filter(|(text, _)| text.eq_ignore_ascii_case("true")))
        };
        let endpoint = match setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")? {
            Some((text, place)) => match is_endpoint(&text) {
                true => text,
                false => return Err(InstanceError::Endpoint { place, text }),
            },
            None => match setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode")? {
                None if switch("AWS_IMDS_USE_IPV6", "imds_use_ipv6")?.is_some() => IPV6.to_owned(),
                None => IPV4.to_owned(),
                Some((text, _)) if text.eq_ignore_ascii_case("ipv4") => IPV4.to_owned(),
                Some((text, _)) if text.eq_ignore_ascii_case("ipv6") => IPV6.to_owned(),
                Some((text, place)) => return Err(InstanceError::Mode { place, text }),
            },
        };
        let seconds = number(setting("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?)?;
        let attempts = number(setting("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")?)?;
        let second_version_alone = switch("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled")?;
        Ok(Some(Self {
            endpoint,
            read_timeout: Duration::from_secs(seconds.unwrap_or(1).into()),
            attempts: attempts.unwrap_or(1),
            second_version_alone: second_version_alone.map(|(_, place)| place),
            last_after: None,
        }))
    }

    /// The service as the last resort, after these sources.
    pub(super) fn after(self, looked_at: String) -> Self {
        Self { last_after: Some(looked_at), ..self }
    }

    /// The service as `client` asks it, which has neither certificates nor proxies.
    pub(super) fn asked_by(&self, client: SharedHttpClient) -> Metadata {
        let service = Local::new(client, self.endpoint.clone(), CONNECT_TIMEOUT, self.read_timeout);
        Metadata { instance: self.clone(), service, session: OnceCell::new() }
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("source", Some("instance".to_owned())), ("endpoint", Some(self.endpoint.clone()))]
    }

    fn gives_nothing(&self, reason: String) -> InstanceError {
        match &self.last_after {
            Some(looked_at) => InstanceError::Nothing { looked_at: looked_at.clone(), reason },
            None => InstanceError::NoCredentials { endpoint: self.endpoint.clone(), reason },
        }
    }
}

impl Metadata {
    /// Asks for the credentials of the instance's role.
    pub(super) async fn credentials(&self, now: Timestamp) -> Result<Credentials, InstanceError> {
        self.credentials_of_role(now).await.map_err(|reason| self.instance.gives_nothing(reason))
    }

    /// Asks for the region that the instance is in, or its zone where the service is older than the region's path: botocore asks for
    /// the zone alone. `None` where the service has neither.
    ///
    /// A service that cannot be asked has no credentials either: waiting for it once is enough.
    pub(super) async fn region(&self) -> Result<Option<String>, InstanceError> {
        if let Some(region) = self.place("region").await? {
            return Ok(Some(region));
        }
        let zone = self.place("availability-zone").await?;
        Ok(zone.map(|zone| zone.strip_suffix(|last: char| last.is_ascii_lowercase()).unwrap_or(&zone).to_owned()))
    }

    async fn place(&self, what: &str) -> Result<Option<String>, InstanceError> {
        let answer = self.get(&format!("/latest/meta-data/placement/{what}")).await;
        let answer = answer.map_err(|reason| self.instance.gives_nothing(reason))?;
        let text = (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).trim().to_owned());
        Ok(text.filter(|text| !text.is_empty()))
    }

    async fn credentials_of_role(&self, now: Timestamp) -> Result<Credentials, String> {
        let role = self.text(ROLES.to_owned()).await?;
        let role = role_name(&role)?;
        let document = self.text(format!("{ROLES}{role}")).await?;
        let mut credentials = document::parse(&document, "instance").map_err(|fault| fault.to_string())?;
        // AWS takes them beyond their end while the service cannot renew them; as botocore's `_evaluate_expiration` has it.
        if credentials.expiry().is_some_and(|end| time::timestamp(end) <= now) {
            *credentials.expiry_mut() = now.checked_add(EXTENSION).ok().map(Into::into);
        }
        Ok(credentials)
    }

    /// What is there.
    async fn text(&self, path: String) -> Result<Zeroizing<Vec<u8>>, String> {
        let answer = self.get(&path).await?;
        match (answer.status, self.session.get()) {
            (200, _) => Ok(answer.body),
            (status, Some(Session::None { reason })) => {
                Err(format!("HTTP status {status} without a session, of which it gives none: {reason}"))
            }
            (status, _) => Err(format!("HTTP status {status}")),
        }
    }

    /// The last answer, or why there is none.
    async fn get(&self, path: &str) -> Result<Answer, String> {
        let session = self.session.get_or_try_init(|| self.begin()).await?;
        let mut last = Err("it was not asked".to_owned());
        for _ in 0..self.instance.attempts {
            let request = session.request(path).map_err(|error| error.to_string())?;
            last = self.service.ask(request).await.map_err(|error| error.to_string());
            if last.as_ref().is_ok_and(|answer| answer.status == 200) {
                break;
            }
        }
        last
    }

    /// Begins a session of the second version. A service that does not know it, or a container that its answer does not reach, is
    /// asked in the first; a service that cannot be reached is not asked again.
    async fn begin(&self) -> Result<Session, String> {
        let mut reason = Err("it was not asked".to_owned());
        for _ in 0..self.instance.attempts {
            let request = beginning().map_err(|error| error.to_string())?;
            reason = match self.service.ask(request).await {
                Ok(Answer { status: 200, body }) => match SessionToken::new(&body) {
                    Some(token) => return Ok(Session::Begun(token)),
                    None => Ok("what it gives is none".to_owned()),
                },
                Ok(Answer { status: 400, .. }) => return Err("HTTP status 400".to_owned()),
                Ok(Answer { status, .. }) => Ok(format!("HTTP status {status}")),
                Err(NoAnswer::NotReached(reason)) => Err(reason),
                Err(error @ NoAnswer::Broken(_)) => Ok(error.to_string()),
                Err(error @ NoAnswer::TimedOut) => {
                    reason = Ok(format!("{error}, as in a container for which its hop limit is too low"));
                    break;
                }
            };
        }
        let reason = reason?;
        match &self.instance.second_version_alone {
            Some(place) => Err(format!("it gives no session ({reason}), and {place} forbids to ask without one")),
            None => Ok(Session::None { reason }),
        }
    }
}

impl Session {
    fn request(&self, path: &str) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::get(path)?;
        if let Self::Begun(SessionToken(token)) = self {
            request.headers_mut().try_insert("x-aws-ec2-metadata-token", token.to_string())?;
        }
        Ok(request)
    }
}

impl SessionToken {
    /// The token, if it is one: text that can be sent back. How long it lasts is of no interest to a run as short as this one.
    fn new(body: &[u8]) -> Option<Self> {
        let token = body.trim_ascii();
        let is_token = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
        Some(Self(Zeroizing::new(String::from_utf8(token.to_vec()).ok().filter(|_| is_token)?)))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(** redacted **)")
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the role of the EC2 instance ({})", self.endpoint)
    }
}

fn beginning() -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::get("/latest/api/token")?;
    request.set_method("PUT")?;
    request.headers_mut().try_insert("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS)?;
    Ok(request)
}

/// The role that the service names: what can stand in a path as it is. kube2iam names some roles by their ARN.
fn role_name(body: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let name = text.trim_end();
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_of_path) {
        return Ok(name.to_owned());
    }
    // Whatever answers instead of the service may show credentials: its beginning tells enough.
    let beginning: String = name.chars().take(LONGEST_BEGINNING).collect();
    let rest = if beginning.len() < name.len() { "..." } else { "" };
    Err(format!("it answers {beginning:?}{rest} where the name of the instance's role should be"))
}

fn is_endpoint(text: &str) -> bool {
    let uri = text.parse::<http::Uri>();
    text.starts_with("http://") && uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

fn number(setting: Option<(String, String)>) -> Result<Option<u32>, InstanceError> {
    let Some((text, place)) = setting else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number @ 1..=3600) => Ok(Some(number)),
        _ => Err(InstanceError::Number { place, text }),
    }
}

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// On EC2 the service is on the same machine.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Six hours, the longest that the service gives.
const SESSION_SECONDS: &str = "21600";

/// botocore goes on for 12 to 20 minutes.
const EXTENSION: SignedDuration = SignedDuration::from_mins(15);

/// Shorter than what stands before the first secret of any document of credentials.
const LONGEST_BEGINNING: usize = 16;
