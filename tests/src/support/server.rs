//! The webhook as a process of its own: the built program, in a folder of its own, on a free port of loopback.

use std::ffi::{OsStr, OsString};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::ec2::{Api, Ec2};
use super::patience;
use super::process::{Process, log_file};
use super::programs::{self, Run};
use super::review::{self, Reviewer};
use super::secrets;
use super::sts::{Principal, Sts};
use super::wire::Entrance;

/// A running webhook.
#[derive(Debug)]
pub struct Server {
    process: Process,
    address: String,
    folder: TempDir,
}

impl Server {
    /// Starts one on a config file, with STS where the emulator is.
    ///
    /// # Panics
    ///
    /// It does not come up.
    #[must_use]
    pub fn start(config: &str, sts: &Sts) -> Server {
        Setup::new(config).sts(sts).start().expect("the webhook comes up")
    }

    /// Where it listens, as it says itself.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it listens, and what its certificate is believed by, for whoever speaks to it by hand.
    ///
    /// # Panics
    ///
    /// Its kubeconfig is none that an API server could use.
    #[must_use]
    pub fn entrance(&self) -> Entrance {
        let roots = review::trusted(&self.kubeconfig()).expect("the webhook's kubeconfig can be used");
        Entrance { address: self.address.clone(), roots }
    }

    /// Where it answers health checks on loopback, as it says itself.
    ///
    /// # Panics
    ///
    /// It does not.
    #[must_use]
    pub fn health(&self) -> SocketAddr {
        let log = self.log();
        let line = log.iter().find(|line| line["msg"] == "answering health checks").expect("it answers health checks");
        let address: SocketAddr = line["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// How it ended; `None` while it runs on.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.process.ended_within(limit)
    }

    /// Waits until it has logged a line with this message.
    pub fn says(&self, message: &str) {
        patience::eventually(message, || self.log().iter().any(|line| line["msg"] == message));
    }

    /// The folder in which it runs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The kubeconfig that it wrote for the API server.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join(KUBECONFIG)
    }

    /// Where its certificate and key are.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join(STATE)
    }

    /// Somebody who asks it what the API server would ask.
    ///
    /// # Panics
    ///
    /// Its kubeconfig is none that an API server could use.
    #[must_use]
    pub fn reviewer(&self) -> Reviewer {
        Reviewer::new(&self.kubeconfig()).expect("the webhook's kubeconfig can be used")
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The descriptors of the files that it has open.
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn open_files(&self) -> impl Iterator<Item = u32> {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).expect("it runs");
        files.filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok())
    }

    /// What the kernel says of its process (proc(5), `status`).
    ///
    /// # Panics
    ///
    /// It has ended.
    #[must_use]
    pub fn status(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs")
    }

    /// The most memory that it has used so far, in KiB, as the kernel counts it.
    ///
    /// # Panics
    ///
    /// It has ended.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        let status = self.status();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        peak.and_then(|peak| peak.parse().ok()).expect("the kernel says how much memory it used")
    }

    /// Asks it to read its files again (`SIGHUP`).
    ///
    /// # Panics
    ///
    /// It has ended.
    pub fn hang_up(&self) {
        self.process.signal("HUP");
    }

    /// The lines that it has logged so far, each a JSON object.
    ///
    /// # Panics
    ///
    /// A line is something else.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let log = self.process.log();
        // The last one may still be on its way.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not a log line: {line}")))
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            secrets::assert_none_in("the webhook", &self.process.log());
        }
    }
}

/// Runs another command of the webhook's program to its end in a folder.
///
/// # Panics
///
/// It cannot be run.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Run {
    programs::run(programs::server(), folder, arguments, &[])
}

/// How a webhook is to be started.
#[derive(Debug)]
pub struct Setup {
    config: String,
    arguments: Vec<OsString>,
    authorities: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    wrapper: Vec<OsString>,
    program: Option<PathBuf>,
}

impl Setup {
    /// With the text of its config file.
    #[must_use]
    pub fn new(config: &str) -> Setup {
        Setup {
            config: config.to_owned(),
            arguments: Vec::new(),
            authorities: Vec::new(),
            environment: Vec::new(),
            wrapper: Vec::new(),
            program: None,
        }
    }

    /// Sends its calls of STS to the emulator.
    #[must_use]
    pub fn sts(self, sts: &Sts) -> Setup {
        self.argument(format!("--sts-endpoint={}", sts.address())).trusting(sts.ca_file())
    }

    /// Sends its calls of EC2 and IAM to the emulator of both.
    #[must_use]
    pub fn reaching_ec2(self, ec2: &Ec2) -> Setup {
        self.argument(format!("--ec2-endpoint={}", ec2.address(Api::Ec2)))
            .argument(format!("--iam-endpoint={}", ec2.address(Api::Iam)))
            .trusting(ec2.ca_file())
    }

    /// The same, in a region and with credentials of its own.
    #[must_use]
    pub fn ec2(self, ec2: &Ec2, region: &str, itself: &Principal) -> Setup {
        let setup = self.reaching_ec2(ec2).variable("AWS_REGION", region).variable("AWS_EC2_METADATA_DISABLED", "true");
        itself.env().into_iter().fold(setup, |setup, (name, value)| setup.variable(&name, value))
    }

    fn trusting(mut self, authority: &Path) -> Setup {
        self.authorities.push(authority.to_owned());
        self
    }

    /// Adds one argument. What stands later wins.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Setup {
        self.arguments.push(argument.into());
        self
    }

    /// Adds one variable to an environment that has but `PATH` and `HOME`.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Setup {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it by another program, which gets these arguments and then the webhook's program and its arguments.
    #[must_use]
    pub fn wrapped_in<A: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Setup {
        self.wrapper = wrapper.into_iter().map(|part| part.as_ref().to_owned()).collect();
        self
    }

    /// Takes this program instead of the one that was built with the tests: another version of it, to compare with.
    #[must_use]
    pub fn program(mut self, program: Option<PathBuf>) -> Setup {
        self.program = program;
        self
    }

    /// Starts it, and returns when it listens.
    ///
    /// # Errors
    ///
    /// With the end of its log, when it does not come up.
    pub fn start(self) -> Result<Server> {
        let folder = TempDir::new().context("making a folder")?;
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, &self.config).context("writing the config file")?;
        std::fs::create_dir(folder.path().join(STATE)).context("making the state folder")?;

        let mut line = self.wrapper;
        line.push(self.program.unwrap_or_else(|| programs::server().to_owned()).into());
        line.extend(
            ["server", "--port=0", "--health-port=0", "--log-format=json", "--log-verbosity=trace"].map(Into::into),
        );
        line.extend(flag("--config", &config));
        line.extend(flag("--state-dir", &folder.path().join(STATE)));
        line.extend(flag("--generate-kubeconfig", &folder.path().join(KUBECONFIG)));
        if !self.authorities.is_empty() {
            let bundle = folder.path().join("aws-ca.pem");
            let authorities: Result<Vec<_>, _> = self.authorities.iter().map(std::fs::read_to_string).collect();
            std::fs::write(&bundle, authorities.context("reading the authorities")?.concat())?;
            line.push(["--sts-ca-file=", &bundle.to_string_lossy()].concat().into());
        }
        line.extend(self.arguments);
        let environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

        let (program, arguments) = line.split_first().context("there is a program")?;
        let mut process = Process::start("webhook", Path::new(program), arguments, &environment, folder.path())?;
        let mut address = None;
        // What is found stays found: the closure is not asked again.
        let log = log_file(folder.path(), "webhook");
        process.wait_until("listening", READY, || {
            address = listening(&std::fs::read_to_string(&log).unwrap_or_default());
            address.is_some()
        })?;
        let address = address.context("it listens somewhere")?;
        Ok(Server { process, address, folder })
    }
}

/// The address in the line that says that the webhook listens.
fn listening(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["msg"] == "listening")
        .and_then(|line| line["address"].as_str().map(ToOwned::to_owned))
}

fn flag(name: &str, path: &Path) -> [OsString; 2] {
    [name.into(), path.into()]
}

const KUBECONFIG: &str = "webhook.kubeconfig";
const STATE: &str = "state";
/// It takes a tenth of a second when nothing else runs.
const READY: Duration = patience::LIMIT;
