//! The endpoint by which ECS and EKS Pod Identity give a container its credentials. Which URLs are taken, and how they are written,
//! follows botocore's `ContainerProvider` and `ContainerMetadataFetcher`: none by which a token could be led away.

use std::{fmt, net::IpAddr, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{http::SharedHttpClient, orchestrator::HttpRequest};
use aws_types::os_shim_internal::{Env, Fs};
use http::{Uri, header::AUTHORIZATION};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{
    document,
    local::{Answer, Local, NoAnswer},
    services::{self, ServiceError},
};
use crate::environment::{self, NotUnicode};

/// The endpoint, and the variable that names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Container {
    variable: &'static str,
    /// As it is written.
    text: String,
    /// Scheme, host and port.
    origin: String,
    path: String,
}

/// The endpoint gives no credentials.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// It cannot be asked, or says no.
    #[error("no credentials from the container endpoint {uri:?} that {variable} names: {reason}")]
    Endpoint {
        /// The endpoint.
        uri: String,
        /// The variable.
        variable: &'static str,
        /// Why not.
        reason: String,
    },
    /// A URL by which the authorization token would go to a stranger.
    #[error(
        "{variable} is {text:?}: without TLS credentials are asked for at a loopback address, localhost, {} alone",
        HOSTS.join(", ")
    )]
    Host {
        /// The variable.
        variable: &'static str,
        /// What stands there.
        text: String,
    },
    /// A token that no request can carry, or that cannot be read. It is not shown.
    #[error("{variable}: {reason}")]
    Token {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// What is no URL.
    #[error(transparent)]
    Url(#[from] ServiceError),
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Container {
    /// The endpoint that the environment names.
    pub(super) fn choose(env: &Env) -> Result<Option<Self>, ContainerError> {
        if let Some(path) = environment::variable(env, RELATIVE)? {
            return Self::at(RELATIVE, &format!("http://{ECS}{path}"), path).map(Some);
        }
        match environment::variable(env, FULL)? {
            Some(url) => Self::at(FULL, &url.clone(), url).map(Some),
            None => Ok(None),
        }
    }

    fn at(variable: &'static str, url: &str, text: String) -> Result<Self, ContainerError> {
        let no_url = |text: &str| ServiceError::Url { place: variable.to_owned(), text: text.to_owned() };
        // As urllib3 sends it.
        let url = utf8_percent_encode(url.trim(), NOT_IN_URLS).to_string();
        let uri: Uri = services::url(url, || variable.to_owned())?.parse().map_err(|_| no_url(&text))?;
        let (Some(scheme), Some(authority), Some(host)) = (uri.scheme_str(), uri.authority(), uri.host()) else {
            return Err(no_url(&text).into());
        };
        if authority.as_str() != host && uri.port_u16().is_none() {
            return Err(no_url(&text).into());
        }
        if scheme != "https" && !is_at_home(host) {
            return Err(ContainerError::Host { variable, text });
        }
        let origin = format!("{scheme}://{authority}");
        let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        Ok(Self { variable, text, origin, path })
    }

    /// Whether certificates are needed to ask it.
    pub(super) fn is_encrypted(&self) -> bool {
        self.origin.starts_with("https:")
    }

    /// Asks the endpoint.
    pub(super) async fn obtain(
        &self,
        client: SharedHttpClient,
        env: &Env,
        fs: &Fs,
    ) -> Result<Credentials, ContainerError> {
        let endpoint = Local::new(client, self.origin.clone(), CONNECT_TIMEOUT, READ_TIMEOUT);
        let token = token(env, fs).await?;
        let fails = |reason| ContainerError::Endpoint { uri: self.text.clone(), variable: self.variable, reason };
        let mut waits = WAITS.iter();
        loop {
            let request = self.request(token.as_ref())?;
            let answer = endpoint.ask(request).await;
            let passes = match &answer {
                Ok(Answer { status, .. }) => *status == 429 || *status >= 500,
                Err(error) => matches!(error, NoAnswer::Broken(_)),
            };
            match (passes.then(|| waits.next()).flatten(), answer) {
                (Some(wait), _) => tokio::time::sleep(*wait).await,
                (None, Ok(Answer { status: 200, body })) => {
                    return document::parse(&body, "container").map_err(|fault| fails(fault.to_string()));
                }
                (None, Ok(Answer { status, .. })) => return Err(fails(format!("HTTP status {status}"))),
                (None, Err(error)) => return Err(fails(error.to_string())),
            }
        }
    }

    fn request(&self, token: Option<&(&'static str, Zeroizing<String>)>) -> Result<HttpRequest, ContainerError> {
        let mut request = HttpRequest::get(&self.path)
            .map_err(|_| ServiceError::Url { place: self.variable.to_owned(), text: self.text.clone() })?;
        request.headers_mut().insert("accept", "application/json");
        if let Some((variable, token)) = token {
            let fails = |_| ContainerError::Token { variable, reason: "it holds what no HTTP header can".to_owned() };
            request.headers_mut().try_insert(AUTHORIZATION.as_str(), token.to_string()).map_err(fails)?;
        }
        Ok(request)
    }

    /// The authorization token is among them: EKS Pod Identity has one URL for all pods, and tells them apart by it.
    pub(super) async fn values(&self, env: &Env, fs: &Fs) -> Vec<(&'static str, Option<String>)> {
        let token = token(env, fs).await.ok().flatten();
        vec![
            ("source", Some("container".to_owned())),
            (self.variable, Some(self.text.clone())),
            ("authorization token", token.map(|(_, token)| token.to_string())),
        ]
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the container endpoint {} ({})", self.text, self.variable)
    }
}

/// What tells the endpoint who asks, and the variable that says so.
async fn token(env: &Env, fs: &Fs) -> Result<Option<(&'static str, Zeroizing<String>)>, ContainerError> {
    if let Some(path) = environment::variable(env, TOKEN_FILE)? {
        let fails = |reason| ContainerError::Token { variable: TOKEN_FILE, reason };
        let bytes = fs.read_to_end(&path).await.map_err(|error| fails(format!("cannot read {path}: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| fails(format!("{path} is no text")))?;
        return Ok(Some((TOKEN_FILE, Zeroizing::new(text))));
    }
    Ok(environment::variable(env, TOKEN)?.map(|token| (TOKEN, Zeroizing::new(token))))
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

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Before it is asked again, when it was asked too often or is not well. botocore waits a second each time.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];
