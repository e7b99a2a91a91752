//! The metadata service of an EC2 instance: as which role this server may call, and in which region it is.
//!
//! It is asked in its second version, and in its first where it gives no session: to a container its answer may have a hop too far,
//! and what stands in for it often has no second version. The plugin asks likewise, with code of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::meta::region::{ProvideRegion, future::ProvideRegion as RegionFuture};
use aws_config::profile::ProfileSet;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future::ProvideCredentials as CredentialsFuture};
use aws_types::region::Region;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;

use super::local::{self, Local, NoAnswer};
use super::{Environment, Network};
use crate::clock::Clock;

/// The service, unless it is turned off.
#[derive(Clone, Debug)]
pub(super) struct Instance(Option<Arc<Service>>);

#[derive(Debug)]
struct Service {
    local: Local,
    /// Without a slash at its end.
    endpoint: String,
    /// Whether it may be asked in its first version.
    first_version: bool,
    /// Whether it gave something without a session, the last time.
    is_without_session: AtomicBool,
    clock: Clock,
}

/// What goes with each request: nothing in the first version, for a reason.
enum Session {
    Begun(HeaderValue),
    None { reason: String },
}

impl Instance {
    /// The service as variables or, after them, the profile describe it; botocore's `IMDSFetcher` is the model.
    pub(super) fn new(
        environment: &Environment,
        profile: Option<&ProfileSet>,
        network: &Network,
        clock: Clock,
    ) -> Self {
        let setting =
            |variable, key| environment.get(variable).or_else(|| profile?.get(key).filter(|text| !text.is_empty()));
        let is_on = |text: &str| text.eq_ignore_ascii_case("true");
        if environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(is_on) {
            return Self(None);
        }
        let mode = setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        let is_ipv6 = match mode {
            Some(mode) => mode.eq_ignore_ascii_case("ipv6"),
            None => setting("AWS_IMDS_USE_IPV6", "imds_use_ipv6").is_some_and(is_on),
        };
        let usual = if is_ipv6 { "http://[fd00:ec2::254]" } else { "http://169.254.169.254" };
        let endpoint = setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint").unwrap_or(usual);
        Self(Some(Arc::new(Service {
            local: Local::new(network, CONNECT_TIMEOUT, TIMEOUT),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            first_version: !setting("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled").is_some_and(is_on),
            is_without_session: AtomicBool::new(false),
            clock,
        })))
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let service =
            self.0.as_ref().ok_or_else(|| CredentialsError::not_loaded("AWS_EC2_METADATA_DISABLED is true"))?;
        service.credentials().await.map_err(|reason| {
            CredentialsError::provider_error(format!(
                "the EC2 instance metadata service {}: {reason}",
                service.endpoint
            ))
        })
    }

    async fn region(&self) -> Option<Region> {
        self.0.as_ref()?.region().await.ok()
    }
}

impl ProvideCredentials for Instance {
    fn provide_credentials<'a>(&'a self) -> CredentialsFuture<'a>
    where
        Self: 'a,
    {
        CredentialsFuture::new(self.credentials())
    }
}

impl ProvideRegion for Instance {
    fn region(&self) -> RegionFuture<'_> {
        RegionFuture::new(self.region())
    }
}

impl Service {
    async fn credentials(&self) -> Result<Credentials, String> {
        let session = self.session().await?;
        let role = role_name(&self.text(ROLES, &session).await?)?;
        let mut credentials = local::read(&self.text(&format!("{ROLES}{role}"), &session).await?, "instance")?;
        let now = std::time::SystemTime::from(self.clock.now());
        // AWS takes them beyond their end while the service cannot renew them.
        if credentials.expiry().is_some_and(|end| end <= now) {
            *credentials.expiry_mut() = Some(now + EXTENSION);
        }
        Ok(credentials)
    }

    /// The region, or that of the zone where the service is older than the region's path. botocore reads the zone alone.
    async fn region(&self) -> Result<Region, String> {
        let session = self.session().await?;
        if let Ok(region) = self.text("/latest/meta-data/placement/region", &session).await {
            return Ok(Region::new(String::from_utf8_lossy(&region).trim().to_owned()));
        }
        let zone = self.text("/latest/meta-data/placement/availability-zone", &session).await?;
        let zone = String::from_utf8_lossy(&zone);
        let zone = zone.trim();
        Ok(Region::new(zone.strip_suffix(|last: char| last.is_ascii_lowercase()).unwrap_or(zone).to_owned()))
    }

    /// A session of the second version, or why it is the first. That is remembered for as long as it turns out right.
    async fn session(&self) -> Result<Session, String> {
        if self.is_without_session.load(Ordering::Relaxed) {
            return Ok(Session::None { reason: "as the last time".to_owned() });
        }
        let lifetime = HeaderValue::from_static("21600");
        let reason = match self.ask(Method::PUT, "/latest/api/token", Some((LIFETIME, lifetime))).await {
            Ok((StatusCode::OK, token)) => match HeaderValue::from_bytes(token.trim_ascii()) {
                Ok(mut token) if !token.is_empty() => {
                    token.set_sensitive(true);
                    return Ok(Session::Begun(token));
                }
                _ => "what it gives is none".to_owned(),
            },
            Ok((StatusCode::BAD_REQUEST, _)) => return Err("HTTP status 400".to_owned()),
            Ok((status, _)) => format!("HTTP status {}", status.as_u16()),
            Err(NoAnswer::NotReached(reason)) => return Err(reason),
            Err(NoAnswer::Other(reason)) => reason,
        };
        if !self.first_version {
            return Err(format!(
                "it gives no session ({reason}), and AWS_EC2_METADATA_V1_DISABLED, or the profile, forbids to ask without one"
            ));
        }
        Ok(Session::None { reason })
    }

    /// What is there.
    async fn text(&self, path: &str, session: &Session) -> Result<Bytes, String> {
        let header = match session {
            Session::Begun(token) => Some((SESSION, token.clone())),
            Session::None { .. } => None,
        };
        let is_without = header.is_none();
        let text = match self.ask(Method::GET, path, header).await {
            Ok((StatusCode::OK, text)) => Ok(text),
            Ok((status, _)) => Err(format!("HTTP status {}", status.as_u16())),
            Err(error) => Err(error.reason()),
        };
        self.is_without_session.store(is_without && text.is_ok(), Ordering::Relaxed);
        text.map_err(|error| match session {
            Session::Begun(_) => error,
            Session::None { reason } => format!("{error} without a session, of which it gives none: {reason}"),
        })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<(StatusCode, Bytes), NoAnswer> {
        let uri: Uri = format!("{}{path}", self.endpoint)
            .parse()
            .map_err(|_| NoAnswer::NotReached("its address is no URL".to_owned()))?;
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().extend(header);
        self.local.ask(request).await
    }
}

/// The role that the service names: what can stand in a path as it is.
fn role_name(body: &[u8]) -> Result<String, String> {
    let is_of_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
    let name = String::from_utf8_lossy(body).trim_end().to_owned();
    if !name.is_empty() && name.bytes().all(is_of_path) {
        return Ok(name);
    }
    // Whatever answers instead of the service may show credentials: its beginning tells enough.
    let beginning: String = name.chars().take(LONGEST_BEGINNING).collect();
    Err(format!("it answers {beginning:?}... where the name of the instance's role should be"))
}

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const LIFETIME: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const SESSION: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// On EC2 the service is on the same machine. Three answers must come within the time that this server waits for credentials.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(1);

/// botocore goes on for 12 to 20 minutes.
const EXTENSION: Duration = Duration::from_secs(15 * 60);

/// Shorter than what stands before the first secret of any document of credentials.
const LONGEST_BEGINNING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_role_can_stand_in_a_url() {
        for text in ["node-role", "node-role\n", "node-role\r\n"] {
            assert_eq!(role_name(text.as_bytes()).as_deref(), Ok("node-role"), "{text:?}");
        }
        for text in ["", "\n", "node role", "a\nb", "<html>", "a%0a", "{\"SecretAccessKey\":\"hunter2\"}", "\u{1b}[31m"]
        {
            let error = role_name(text.as_bytes()).unwrap_err();
            assert!(error.starts_with("it answers \"") && !error.contains("hunter2"), "{error}");
            assert!(error.chars().all(|c| !c.is_control()), "{error}");
        }
    }

    #[test]
    fn each_setting_is_the_environments_then_the_profiles() {
        let network = Network::new(transport::Roots::none(), transport::Proxies::default(), None);
        let service = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let environment = Environment::from_vars(variables);
            let Instance(service) = Instance::new(&environment, None, &network, Clock::system());
            service.map(|service| (service.endpoint.clone(), service.first_version))
        };
        let (ipv4, ipv6) = ("http://169.254.169.254".to_owned(), "http://[fd00:ec2::254]".to_owned());
        assert_eq!(service(&[]), Some((ipv4.clone(), true)));
        assert_eq!(service(&[("AWS_EC2_METADATA_DISABLED", "True")]), None);
        assert_eq!(service(&[("AWS_EC2_METADATA_V1_DISABLED", "true")]), Some((ipv4.clone(), false)));
        assert_eq!(service(&[("AWS_IMDS_USE_IPV6", "true")]), Some((ipv6.clone(), true)));
        assert_eq!(service(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")]), Some((ipv6, true)));
        let both = [("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"), ("AWS_IMDS_USE_IPV6", "true")];
        assert_eq!(service(&both), Some((ipv4, true)));
        assert_eq!(
            service(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/")]),
            Some(("http://127.0.0.1:1".to_owned(), true))
        );
    }
}
