//! EKS as moto emulates it, and the AWS CLI that asks it: both from PyPI, both strangers to this project.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::clean_command;
use super::programs::Run;
use super::signers;

mod strict;

pub use strict::{ENDPOINT, REGION, StrictEks};

/// moto's EKS, until it is dropped.
#[derive(Debug)]
pub struct Eks {
    script: Script,
    port: u16,
}

/// The AWS CLI, loaded once and run often.
#[derive(Debug)]
pub struct AwsCli(Mutex<Script>);

impl Eks {
    /// Starts it with these clusters, each as `tests/interop/eks.py` describes it.
    ///
    /// # Panics
    ///
    /// It is not installed.
    #[must_use]
    pub fn start(clusters: &Value) -> Self {
        let mut script = Script::start("eks.py");
        let port = script.ask(clusters);
        let port = port.as_u64().and_then(|port| port.try_into().ok()).expect("it prints its port");
        Self { script, port }
    }

    /// Where it and its STS are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether it still runs.
    pub fn is_up(&mut self) -> bool {
        matches!(self.script.child.try_wait(), Ok(None))
    }
}

impl AwsCli {
    /// Loads it.
    ///
    /// # Panics
    ///
    /// It is not installed.
    #[must_use]
    pub fn load() -> Self {
        Self(Mutex::new(Script::start("aws_cli_by_line.py")))
    }

    /// Runs it in a folder, with these variables and none of ours.
    ///
    /// # Panics
    ///
    /// It cannot be run.
    #[must_use]
    pub fn run(&self, arguments: &[String], env: &[(String, String)], folder: &Path) -> Run {
        let env: serde_json::Map<_, _> = env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let answer = self.ask(&json!({"args": arguments, "env": env, "folder": folder}));
        let text = |key: &str| answer[key].as_str().expect("it answers with a text").to_owned();
        let code = answer["code"].as_i64().and_then(|code| code.try_into().ok());
        Run { stdout: text("stdout"), stderr: text("stderr"), code }
    }

    /// What a YAML text means to PyYAML, with which the AWS CLI reads kubeconfigs.
    ///
    /// # Panics
    ///
    /// It is no YAML.
    #[must_use]
    pub fn meaning(&self, text: &str) -> Value {
        self.ask(&json!({"yaml": text}))["meaning"].take()
    }

    fn ask(&self, request: &Value) -> Value {
        self.0.lock().expect("nobody has panicked while asking").ask(request)
    }
}

/// A program of `tests/interop` that answers a line with a line, and ends when it is dropped.
#[derive(Debug)]
struct Script {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    _home: TempDir,
}

impl Script {
    fn start(name: &str) -> Self {
        let home = TempDir::new().expect("a folder can be made");
        let mut child = clean_command(&signers::python(), home.path())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(name))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("INTEROP_PYTHON can be run");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        Self { child, stdin, stdout, _home: home }
    }

    fn ask(&mut self, request: &Value) -> Value {
        let stdin = self.stdin.as_mut().expect("it is dropped at the end alone");
        writeln!(stdin, "{request}").expect("it reads");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("it answers in JSON, not {line:?}: {error}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // The end of its input is its own.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
