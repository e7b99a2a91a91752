//! Programs that nobody here wrote: the signers botocore and the AWS CLI, and Prometheus's client, installed from PyPI at the versions of
//! `tests/interop/requirements.txt`; and the AWS CLI's version 2, which is not to be had there, from Debian.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ec2::{Api, Ec2};
use super::process::clean_command;
use super::programs::Run;
use super::sts::Principal;
use super::{proxy, secrets};

/// Which of a region's hosts is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// The region's own.
    Regional,
    /// The legacy global one, whatever the region.
    Global,
    /// The region's FIPS 140 one.
    Fips,
    /// The region's one with IPv6 addresses.
    DualStack,
}

impl Endpoint {
    /// The environment in which every AWS SDK and CLI chooses this host.
    #[must_use]
    pub fn env(self) -> Vec<(String, String)> {
        let (name, value) = match self {
            Endpoint::Regional => ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
            Endpoint::Global => ("AWS_STS_REGIONAL_ENDPOINTS", "legacy"),
            Endpoint::Fips => ("AWS_USE_FIPS_ENDPOINT", "true"),
            Endpoint::DualStack => ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        };
        vec![(name.to_owned(), value.to_owned())]
    }

    fn name(self) -> &'static str {
        match self {
            Endpoint::Regional => "regional",
            Endpoint::Global => "global",
            Endpoint::Fips => "fips",
            Endpoint::DualStack => "dualstack",
        }
    }
}

/// A token that somebody wants.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Who signs.
    pub principal: &'a Principal,
    /// The cluster it is for.
    pub cluster: &'a str,
    /// The region.
    pub region: &'a str,
    /// The host in that region.
    pub endpoint: Endpoint,
    /// When it is signed; now, without.
    pub at: Option<Timestamp>,
}

/// One token an order, by botocore's presigner in one process.
///
/// # Panics
///
/// The signers are not installed, or fail.
#[must_use]
pub fn botocore(orders: &[Order<'_>]) -> Vec<String> {
    let requests: Value = orders
        .iter()
        .map(|order| {
            json!({
                "access_key_id": order.principal.access_key_id,
                "secret_access_key": order.principal.secret_access_key,
                "session_token": order.principal.session.as_ref().map(|session| &session.token),
                "cluster": order.cluster,
                "region": order.region,
                "endpoint": order.endpoint.name(),
                "at": order.at.map(|at| at.strftime("%Y%m%dT%H%M%SZ").to_string()),
            })
        })
        .collect();
    let tokens = script(&python(), "presign.py", &requests.to_string());
    let tokens: Vec<String> = serde_json::from_str(&tokens).expect("it prints a list of tokens");
    tokens.iter().for_each(|token| secrets::remember_token(token));
    tokens
}

/// The token of an order, by `aws eks get-token`, which signs for now only.
///
/// # Panics
///
/// As [`botocore`].
#[must_use]
pub fn aws_eks_get_token(order: Order<'_>) -> String {
    let mut env = order.principal.env();
    env.extend(order.endpoint.env());
    let output = aws(&["eks", "get-token", "--cluster-name", order.cluster, "--region", order.region], &env);
    let credential: Value =
        serde_json::from_str(&succeeded("aws eks get-token", output)).expect("it prints an ExecCredential");
    let token = credential["status"]["token"].as_str().expect("it has a token").to_owned();
    secrets::remember_token(&token);
    token
}

/// Runs the AWS CLI with these variables and none of ours but `PATH`.
///
/// # Panics
///
/// It is not installed.
#[must_use]
pub fn aws(arguments: &[&str], env: &[(String, String)]) -> Output {
    let home = TempDir::new().expect("a folder can be made");
    clean_command(&AwsCli::V1.program(), home.path())
        .args(arguments)
        .envs(env.iter().map(|(name, value)| (name, value)))
        // Nobody asks a metadata service of a machine that is none.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .expect("the AWS CLI can be run")
}

/// A version of the AWS CLI.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AwsCli {
    /// Version 1, from PyPI.
    V1,
    /// Version 2, from Debian.
    V2,
}

impl AwsCli {
    /// Its program.
    ///
    /// # Panics
    ///
    /// The variable that says where it is, is not set.
    #[must_use]
    pub fn program(self) -> PathBuf {
        self.python().with_file_name("aws")
    }

    /// The Python that can import it.
    fn python(self) -> PathBuf {
        match self {
            AwsCli::V1 => python(),
            AwsCli::V2 => {
                let python = std::env::var_os("AWS_CLI_V2_PYTHON").unwrap_or_else(|| {
                    panic!(
                        "AWS_CLI_V2_PYTHON must name a Python that has version 2.9 of the AWS CLI, with its program `aws` beside \
                         it: `make test` unpacks Debian's, or\n  tests/interop/aws-cli-v2.sh DIR && export \
                         AWS_CLI_V2_PYTHON=DIR/python"
                    )
                });
                python.into()
            }
        }
    }

    /// Runs it many times, each in a home of its own: what it would do as so many processes, with its imports paid for once.
    ///
    /// # Panics
    ///
    /// It is not installed, or not all of it comes to an end.
    #[must_use]
    pub fn run_all(self, orders: &[AwsCliOrder]) -> Vec<Run> {
        let orders: Value = orders
            .iter()
            .map(|AwsCliOrder { arguments, environment, home }| {
                let environment: BTreeMap<_, _> = environment.iter().cloned().collect();
                json!({"arguments": arguments, "environment": environment, "home": home})
            })
            .collect();
        let results: Vec<Value> =
            serde_json::from_str(&script(&self.python(), "aws_cli.py", &orders.to_string())).expect("it prints a list");
        let text = |result: &Value, name: &str| result[name].as_str().unwrap_or_default().to_owned();
        results
            .iter()
            .map(|result| Run {
                stdout: text(result, "stdout"),
                stderr: text(result, "stderr"),
                code: result["code"].as_i64().and_then(|code| i32::try_from(code).ok()),
            })
            .collect()
    }
}

/// One run of the AWS CLI.
#[derive(Clone, Debug)]
pub struct AwsCliOrder {
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its variables but `HOME`.
    pub environment: Vec<(String, String)>,
    /// Its home and working directory.
    pub home: PathBuf,
}

/// The table of STS hosts as botocore's endpoint rules have it today, in the form of `sts_hosts.txt`.
///
/// # Panics
///
/// As [`botocore`].
#[must_use]
pub fn endpoint_table() -> String {
    script(&python(), "endpoint_table.py", "")
}

/// A family of metrics as Prometheus's own client for Python reads it.
#[derive(Debug, Deserialize)]
pub struct Family {
    /// `counter`, `gauge`, `histogram`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Each `name{label="value"}` and its number.
    pub samples: BTreeMap<String, f64>,
}

/// What that client reads in a text of metrics, by name; of a counter without `_total`.
///
/// # Panics
///
/// As [`botocore`], or the client does not understand the text.
#[must_use]
pub fn exposition(text: &str) -> BTreeMap<String, Family> {
    serde_json::from_str(&script(&python(), "exposition.py", text)).expect("it prints families")
}

/// What botocore makes of these calls of EC2 and IAM, each an operation and its parameters, as `tests/interop/ec2.py` describes them.
///
/// # Panics
///
/// As [`botocore`].
#[must_use]
pub fn botocore_calls(of: &Asks<'_>, calls: &Value) -> Vec<Value> {
    let (who, moto, env) = match of {
        Asks::Ec2 { ec2, caller } => {
            let ca = ec2.ca_file().to_string_lossy().into_owned();
            let proxy = proxy::to(ec2.address(Api::Ec2));
            (*caller, Value::Null, vec![("HTTPS_PROXY", proxy), ("AWS_CA_BUNDLE", ca)])
        }
        Asks::Moto { caller, names } => (*caller, (*names).clone(), Vec::new()),
    };
    let order = json!({
        "region": "us-west-2",
        "access_key_id": who.access_key_id,
        "secret_access_key": who.secret_access_key,
        "session_token": who.session.as_ref().map(|session| &session.token),
        "moto": moto,
        "calls": calls,
    });
    let results = script_with(&python(), "ec2.py", &order.to_string(), &env);
    serde_json::from_str(&results).expect("it prints a list of results")
}

/// Whom botocore asks, in us-west-2.
#[derive(Debug)]
pub enum Asks<'a> {
    /// The emulator.
    Ec2 {
        /// Which.
        ec2: &'a Ec2,
        /// Who signs.
        caller: &'a Principal,
    },
    /// moto, within its own process.
    Moto {
        /// Who signs, which moto does not look at.
        caller: &'a Principal,
        /// `profile`, `role` and `tags` of the one instance that it has.
        names: &'a Value,
    },
}

/// The Python that has them.
pub(super) fn python() -> PathBuf {
    let python = std::env::var_os("INTEROP_PYTHON").unwrap_or_else(|| {
        panic!(
            "INTEROP_PYTHON must name the Python of a virtual environment with tests/interop/requirements.txt: \
             `make test` makes one, or\n  python3 -m venv DIR && DIR/bin/pip install -r tests/interop/requirements.txt\n  \
             export INTEROP_PYTHON=DIR/bin/python"
        )
    });
    python.into()
}

/// Feeds a program of `tests/interop` and gives what it prints.
pub(super) fn script(python: &Path, name: &str, input: &str) -> String {
    script_with(python, name, input, &[])
}

/// The same, with these variables.
fn script_with(python: &Path, name: &str, input: &str, env: &[(&str, String)]) -> String {
    let home = TempDir::new().expect("a folder can be made");
    let mut child = clean_command(python, home.path())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name))
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", python.display()));
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    // It reads all before it prints anything, so nobody waits for anybody. One that reads nothing may be gone by now.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    succeeded(name, child.wait_with_output().expect("it ends"))
}

fn succeeded(name: &str, output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed:\n{stderr}");
    String::from_utf8(output.stdout).unwrap_or_else(|_| panic!("{name} does not print UTF-8"))
}
