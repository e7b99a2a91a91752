//! The endpoint by which ECS and EKS Pod Identity give a container its credentials. Which URLs are taken, and how they are written,
//! follows botocore's `ContainerProvider` and `ContainerMetadataFetcher`, as in the plugin: none by which a token could be led away.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future::ProvideCredentials as CredentialsFuture};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Empty;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::local::{self, Local, NoAnswer};
use super::{Environment, Network};

/// The endpoint, if the environment names one that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Container(Result<Arc<Endpoint>, NoEndpoint>);

#[derive(Clone, Debug)]
enum NoEndpoint {
    /// The environment names none.
    Unnamed,
    /// What it names must not be asked, and nobody else instead.
    Unfit(String),
}

#[derive(Debug)]
struct Endpoint {
    local: Local,
    uri: Uri,
    variable: &'static str,
    token: Token,
}

/// What tells the endpoint who asks.
enum Token {
    None,
    Given(String),
    InFile(String),
}

impl Container {
    /// The endpoint that the environment names.
    pub(super) fn new(environment: &Environment, network: &Network) -> Self {
        Self(Endpoint::new(environment, network).map(Arc::new))
    }

    async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        match &self.0 {
            Ok(endpoint) => endpoint.credentials().await.map_err(|reason| {
                let Endpoint { uri, variable, .. } = &**endpoint;
                CredentialsError::provider_error(format!(
                    "the container endpoint {uri} that {variable} names: {reason}"
                ))
            }),
            Err(NoEndpoint::Unnamed) => {
                Err(CredentialsError::not_loaded(format!("neither {RELATIVE} nor {FULL} is set")))
            }
            Err(NoEndpoint::Unfit(reason)) => Err(CredentialsError::invalid_configuration(reason.clone())),
        }
    }
}

impl ProvideCredentials for Container {
    fn provide_credentials<'a>(&'a self) -> CredentialsFuture<'a>
    where
        Self: 'a,
    {
        CredentialsFuture::new(self.credentials())
    }
}

impl Endpoint {
    fn new(environment: &Environment, network: &Network) -> Result<Self, NoEndpoint> {
        let (variable, uri) = uri(environment)?;
        let token = match (environment.get(TOKEN_FILE), environment.get(TOKEN)) {
            (Some(path), _) => Token::InFile(path.to_owned()),
            (None, Some(token)) => Token::Given(token.to_owned()),
            (None, None) => Token::None,
        };
        Ok(Self { local: Local::new(network, CONNECT_TIMEOUT, TIMEOUT), uri, variable, token })
    }

    async fn credentials(&self) -> Result<Credentials, String> {
        let authorization = self.token.header()?;
        let mut waits = WAITS.iter();
        loop {
            let mut request = Request::new(Empty::new());
            *request.uri_mut() = self.uri.clone();
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
            request.headers_mut().extend(authorization.clone().map(|value| (AUTHORIZATION, value)));
            let answer = self.local.ask(request).await;
            let passes = match &answer {
                Ok((status, _)) => *status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error(),
                Err(error) => matches!(error, NoAnswer::Other(_)),
            };
            match (passes.then(|| waits.next()).flatten(), answer) {
                (Some(wait), _) => tokio::time::sleep(*wait).await,
                (None, Ok((StatusCode::OK, body))) => return local::read(&body, "container"),
                (None, Ok((status, _))) => return Err(format!("HTTP status {}", status.as_u16())),
                (None, Err(error)) => return Err(error.reason()),
            }
        }
    }
}

impl Token {
    /// It is read each time: the file of EKS Pod Identity is replaced while this server runs.
    fn header(&self) -> Result<Option<HeaderValue>, String> {
        let (variable, token) = match self {
            Self::None => return Ok(None),
            Self::Given(token) => (TOKEN, token.clone()),
            Self::InFile(path) => {
                let token = std::fs::read_to_string(path);
                (TOKEN_FILE, token.map_err(|error| format!("{TOKEN_FILE}: cannot read {path}: {error}"))?)
            }
        };
        let mut value =
            HeaderValue::from_str(&token).map_err(|_| format!("{variable}: it holds what no HTTP header can"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(** redacted **)")
    }
}

/// The variable, and the URL to be asked. A variable that is set to nothing decides too: a container whose endpoint got lost must not
/// act as the machine that it runs on.
fn uri(environment: &Environment) -> Result<(&'static str, Uri), NoEndpoint> {
    let named = [RELATIVE, FULL].into_iter().find_map(|variable| Some((variable, environment.raw(variable)?)));
    let (variable, text) = match named {
        None => return Err(NoEndpoint::Unnamed),
        Some((variable, "")) => {
            let reason = format!("{variable} is empty: unset it where there is no container endpoint");
            return Err(NoEndpoint::Unfit(reason));
        }
        Some(named) => named,
    };
    let url = if variable == RELATIVE { format!("http://{ECS}{text}") } else { text.to_owned() };
    let no_url =
        || NoEndpoint::Unfit(format!("invalid {variable}: expected the http:// or https:// URL of an endpoint"));
    // As urllib3 sends it.
    let uri: Uri = utf8_percent_encode(url.trim(), NOT_IN_URLS).to_string().parse().map_err(|_| no_url())?;
    let (Some(scheme), Some(authority), Some(host)) = (uri.scheme_str(), uri.authority(), uri.host()) else {
        return Err(no_url());
    };
    // Neither a user's name nor half a port.
    let is_whole = authority.as_str() == uri.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    match scheme {
        "http" | "https" if !is_whole => Err(no_url()),
        "https" => Ok((variable, uri)),
        "http" if is_at_home(host) => Ok((variable, uri)),
        "http" => Err(NoEndpoint::Unfit(format!(
            "invalid {variable} {text:?}: expected, without TLS, a loopback address, localhost, {}",
            HOSTS.join(", ")
        ))),
        _ => Err(no_url()),
    }
}

/// Whether what is said to this host stays on this machine, or goes to the addresses of ECS and EKS.
fn is_at_home(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || HOSTS.contains(&host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// ECS.
const ECS: &str = "169.254.170.2";

/// ECS, and EKS Pod Identity.
const HOSTS: [&str; 3] = [ECS, "169.254.170.23", "fd00:ec2::23"];

/// What `http::Uri` does not take and urllib3 encodes.
const NOT_IN_URLS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The endpoint is on the same machine. Three answers and the waits between must come within the time that this server waits.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(1);

/// Before it is asked again, when it was asked too often or is not well. botocore waits a second each time.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(500)];

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)]) -> Result<String, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match uri(&Environment::from_vars(variables)) {
            Ok((_, uri)) => Ok(uri.to_string()),
            Err(NoEndpoint::Unnamed) => Err("unnamed".to_owned()),
            Err(NoEndpoint::Unfit(reason)) => Err(reason),
        }
    }

    #[test]
    fn an_endpoint_without_tls_is_of_this_machine_of_ecs_or_of_eks() {
        for (url, uri) in [
            ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"),
            ("http://[::1]/a?b=c", "http://[::1]/a?b=c"),
            ("http://localhost/a task", "http://localhost/a%20task"),
            ("http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"),
            ("http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"),
            ("https://credentials.example:8443/a", "https://credentials.example:8443/a"),
        ] {
            assert_eq!(chosen(&[(FULL, url)]), Ok(uri.to_owned()));
        }
        for url in ["http://credentials.example/a", "http://10.0.0.1/a", "http://169.254.170.3/a"] {
            assert!(chosen(&[(FULL, url)]).unwrap_err().contains("expected, without TLS,"), "{url}");
        }
        for url in ["ftp://127.0.0.1/a", "http://me:hunter2@127.0.0.1/a", "http://127.0.0.1:/a", "/a", "http://"] {
            let error = chosen(&[(FULL, url)]).unwrap_err();
            assert!(error.contains("URL of an endpoint") && !error.contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn a_path_goes_before_a_url_and_a_variable_that_is_empty_leads_to_nobody() {
        let full = (FULL, "http://127.0.0.1/full");
        assert_eq!(chosen(&[(RELATIVE, "/path"), full]), Ok("http://169.254.170.2/path".to_owned()));
        assert_eq!(
            chosen(&[(RELATIVE, ""), full]).unwrap_err(),
            format!("{RELATIVE} is empty: unset it where there is no container endpoint")
        );
        assert!(chosen(&[(FULL, "")]).unwrap_err().starts_with(FULL));
        assert!(chosen(&[(RELATIVE, "@evil.example/a")]).unwrap_err().contains("URL of an endpoint"));
        assert!(chosen(&[(RELATIVE, ".evil.example/a")]).unwrap_err().contains("expected, without TLS,"));
        assert_eq!(chosen(&[]), Err("unnamed".to_owned()));
    }

    #[test]
    fn a_token_is_one_line_and_is_not_shown() {
        assert_eq!(Token::Given("hunter2".to_owned()).header().unwrap().unwrap(), "hunter2");
        let error = Token::Given("hunter2\n".to_owned()).header().unwrap_err();
        assert!(error.starts_with(TOKEN) && !error.contains("hunter2"), "{error}");
        let token = Token::InFile("/nowhere/token".to_owned());
        assert!(token.header().unwrap_err().contains("cannot read /nowhere/token"));
        assert!(!format!("{:?}", Token::Given("hunter2".to_owned())).contains("hunter2"));
    }
}
