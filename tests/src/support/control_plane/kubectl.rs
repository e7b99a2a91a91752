//! kubectl as different people, each with a kubeconfig and a home of the run's own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::binaries::Binaries;
use crate::support::process::clean_command;

/// A file that tells kubectl where the API server is and who asks.
#[derive(Clone, Debug)]
pub struct Kubeconfig(PathBuf);

/// What a kubectl command left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it ended with 0.
    pub success: bool,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// kubectl, the one that was built with the API server.
#[derive(Debug)]
pub struct Kubectl {
    program: PathBuf,
    home: PathBuf,
}

impl Kubeconfig {
    /// Writes the kubeconfig of `user`, which is the `user` object of the file's format: JSON, as YAML allows.
    pub(super) fn write(folder: &Path, name: &str, server: &str, authority: &Path, user: &Value) -> Result<Self> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "real", "cluster": {"server": server, "certificate-authority": authority}}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "real", "user": name}}],
            "current-context": name,
        });
        let path = folder.join(format!("{name}.kubeconfig"));
        fs::write(&path, format!("{config:#}\n")).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Kubectl {
    pub(super) fn new(program: PathBuf, home: PathBuf) -> Self {
        Self { program, home }
    }

    /// The same program for a person with this home.
    #[must_use]
    pub fn at_home(&self, home: PathBuf) -> Self {
        Self { program: self.program.clone(), home }
    }

    /// The program for a person with this home, and no cluster.
    ///
    /// # Errors
    ///
    /// When it was not built.
    pub fn alone(home: PathBuf) -> Result<Self> {
        Ok(Self { program: Binaries::from_environment()?.kubectl, home })
    }

    /// Where the program is.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs a command as `who`.
    ///
    /// # Errors
    ///
    /// When kubectl cannot be run at all.
    pub fn run(&self, who: &Kubeconfig, arguments: &[&str]) -> Result<Outcome> {
        self.run_with(who, arguments, "")
    }

    /// Runs a command as `who`, which finds `input` on its standard input.
    ///
    /// # Errors
    ///
    /// When kubectl cannot be run at all.
    pub fn run_with(&self, who: &Kubeconfig, arguments: &[&str], input: &str) -> Result<Outcome> {
        self.finish(self.command().arg("--kubeconfig").arg(who.path()).args(arguments), input)
    }

    /// Runs a command with the kubeconfig of its home, and gives what it printed.
    ///
    /// # Errors
    ///
    /// When kubectl cannot be run, or fails.
    pub fn run_at_home(&self, arguments: &[&str]) -> Result<String> {
        self.finish(self.command().args(arguments), "")?.expect_success()
    }

    fn command(&self) -> Command {
        let mut command = clean_command(&self.program, &self.home);
        // A hung API server fails a test, it does not hang it.
        command.arg("--request-timeout=60s");
        command
    }

    fn finish(&self, command: &mut Command, input: &str) -> Result<Outcome> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl reads its input before it says anything: the pipes cannot block each other. One that does not
            // read at all has its own say through its exit code.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().context("waiting for kubectl")?;
        Ok(Outcome {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Outcome {
    /// What it printed.
    ///
    /// # Errors
    ///
    /// With what it complained of, when it failed.
    pub fn expect_success(self) -> Result<String> {
        ensure!(self.success, "kubectl failed: {}{}", self.stdout, self.stderr);
        Ok(self.stdout)
    }
}
