//! The program that this project takes the place of, beside ours, on the same config file and the same STS.
//!
//! It knows no flag that says where STS is: a proxy leads its connections to the emulator.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::control_plane::ReviewVersion;
use super::ec2::{Api, Ec2};
use super::instance::Instance;
use super::plugin;
use super::process::Process;
use super::programs::{self, Run};
use super::proxy;
use super::review::{self, Reviewer, User};
use super::secrets;
use super::server::Server;
use super::sts::{Principal, Sts};
use super::wire::Entrance;

/// A running webhook of the Go program.
#[derive(Debug)]
pub struct Peer {
    process: Process,
    reviewer: Reviewer,
    _folder: TempDir,
}

/// What either program made of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The caller is this user.
    Allowed(User),
    /// No user, and this status.
    Denied(StatusCode),
}

impl Peer {
    /// Starts it on a config file, with the certificate of our webhook, so that whoever trusts that trusts it too.
    ///
    /// # Errors
    ///
    /// With the end of its log, when it does not come up: it takes not every config file that ours takes.
    pub fn start(config: &str, ours: &Server, sts: &Sts) -> Result<Self> {
        let environment = [("AWS_EC2_METADATA_DISABLED", "true".to_owned()), ("AWS_REGION", "us-west-2".to_owned())];
        let (proxy, ca) = (proxy::to(sts.address()), fs::read_to_string(sts.ca_file())?);
        Self::start_in(config, ours, &environment, &proxy, &ca)
    }

    /// The same with an EC2, which it asks as `itself` and in the region of the instance that it stands on: it takes that from
    /// nowhere else.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_with_ec2(
        config: &str,
        ours: &Server,
        (sts, ec2): (&Sts, &Ec2),
        itself: &Principal,
        instance: &Instance,
    ) -> Result<Self> {
        let mut environment = vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url())];
        let keys = itself.env();
        environment.extend(keys.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let (sts_at, ec2_at) = (sts.address(), ec2.address(Api::Ec2));
        let proxy = proxy::by_name(move |name| Some(if name.starts_with("ec2.") { ec2_at } else { sts_at }));
        let ca = [sts.ca_file(), ec2.ca_file()].map(fs::read_to_string).into_iter().collect::<Result<Vec<_>, _>>()?;
        Self::start_in(config, ours, &environment, &proxy, &ca.concat())
    }

    fn start_in(config: &str, ours: &Server, environment: &[(&str, String)], proxy: &str, ca: &str) -> Result<Self> {
        let folder = TempDir::new().context("making a folder")?;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("config.yaml"), config).context("writing the config file")?;
        fs::create_dir(path("state")).context("making the state folder")?;
        for file in ["cert.pem", "key.pem"] {
            fs::copy(ours.state_dir().join(file), path("state").join(file)).context("copying the certificate")?;
        }
        let kubeconfig = fs::read_to_string(ours.kubeconfig())?;
        let port = free_port()?;
        let own_port = ours.address().rsplit(':').next().context("our webhook has a port")?;
        fs::write(path("webhook.kubeconfig"), kubeconfig.replace(&format!(":{own_port}/"), &format!(":{port}/")))?;

        let flag = |name: &str, path: &Path| format!("{name}={}", path.display());
        let arguments = [
            "server".to_owned(),
            flag("--config", &path("config.yaml")),
            flag("--state-dir", &path("state")),
            flag("--generate-kubeconfig", &path("its-own.kubeconfig")),
            format!("--port={port}"),
            // Permission sets are behind this gate there.
            "--feature-gates=SSORoleMatch=true".to_owned(),
        ];
        fs::write(path("ca.pem"), ca).context("writing the authorities")?;
        let ca = path("ca.pem").to_string_lossy().into_owned();
        let environment: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("HTTPS_PROXY", proxy), ("SSL_CERT_FILE", &ca)])
            .collect();
        let mut process = Process::start("peer", &program()?, arguments, &environment, folder.path())?;
        process.wait_until("listening", READY, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
        Ok(Self { process, reviewer: Reviewer::new(&path("webhook.kubeconfig"))?, _folder: folder })
    }

    /// Somebody who asks it what the API server would ask.
    #[must_use]
    pub fn reviewer(&self) -> &Reviewer {
        &self.reviewer
    }

    /// Where it listens, for whoever speaks to it by hand.
    #[must_use]
    pub fn entrance(&self, ours: &Server) -> Entrance {
        let address = self.reviewer.url().trim_start_matches("https://").trim_end_matches("/authenticate");
        let address = address.replace("localhost", "127.0.0.1");
        Entrance { address, ..ours.entrance() }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// All that it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// The first SIGTERM does not end it, and it has nothing to put in order.
impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell about an error.
        let _ = Command::new("kill").args(["-KILL", &self.process.id().to_string()]).status();
    }
}

impl Verdict {
    /// What a webhook says of a token. Its answer is read as loosely as the Go program writes it: without `apiVersion` and
    /// `kind`.
    ///
    /// # Panics
    ///
    /// There is no answer.
    pub async fn of(reviewer: &Reviewer, token: &str) -> Self {
        let question = review::body(ReviewVersion::V1Beta1, token);
        let answer = reviewer.send(reviewer.request(question.to_string())).await.expect("the webhook answers");
        let document: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if document["status"]["authenticated"] != json!(true) {
            return Self::Denied(answer.status());
        }
        let user = document["status"]["user"].clone();
        Self::Allowed(serde_json::from_value(user).expect("a user is one"))
    }
}

/// A token that the Go program made for somebody, with these variables beside their keys.
///
/// # Panics
///
/// It is not built, or makes none.
#[must_use]
pub fn token(principal: &Principal, cluster: &str, environment: &[(String, String)]) -> String {
    principal.remember();
    let home = TempDir::new().expect("a folder can be made");
    let program = program().unwrap_or_else(|error| panic!("{error:#}"));
    let environment: Vec<_> = principal.env().into_iter().chain(environment.iter().cloned()).collect();
    let run = programs::run(&program, home.path(), ["token", "-i", cluster], &environment);
    let credential = run.credential(plugin::BETA).unwrap_or_else(|error| panic!("{error:#}\n{}", run.stderr));
    secrets::remember_token(&credential.token);
    credential.token
}

/// Runs it to its end in a folder that is its home too.
///
/// # Panics
///
/// It is not built, or cannot be run.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Run {
    let program = program().unwrap_or_else(|error| panic!("{error:#}"));
    programs::run(&program, folder, arguments, &[])
}

fn program() -> Result<PathBuf> {
    let folder = env::var_os("PEER_BIN").filter(|folder| !folder.is_empty());
    let program = PathBuf::from(folder.unwrap_or_default()).join("aws-iam-authenticator");
    ensure!(program.is_file(), "no program at {}\n{HOW}", program.display());
    Ok(program)
}

/// It takes 0 for its default port, so that one has to be found for it.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

const HOW: &str = "\
the tests beside the Go program need it. One of these gets it:
  make test                                        builds it from its Go module, once
  tests/peer/build.sh DIR; export PEER_BIN=DIR     the same by hand (DIR outside the clone)";

const READY: Duration = super::patience::LIMIT;
