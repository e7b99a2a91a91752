//! The two programs as built from the sources of this very moment: Cargo is asked, so nothing stale is ever run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::process::clean_command;
use super::secrets;

/// What a program that has ended left behind.
#[derive(Clone, Debug)]
pub struct Run {
    /// All that it printed for other programs.
    pub stdout: String,
    /// All that it printed for a person.
    pub stderr: String,
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
}

/// The webhook's program.
///
/// # Panics
///
/// It does not build.
pub fn server() -> &'static Path {
    &programs().server
}

/// The exec plugin.
///
/// # Panics
///
/// It does not build.
pub fn client() -> &'static Path {
    &programs().client
}

/// Runs a program to its end in a folder that is its home too, with these variables and none of ours but `PATH`.
///
/// # Panics
///
/// It cannot be run, or shows a person a secret.
pub fn run<'a, A, E>(program: &Path, folder: &Path, arguments: A, environment: E) -> Run
where
    A: IntoIterator<Item: AsRef<OsStr>>,
    E: IntoIterator<Item = &'a (String, String)>,
{
    let output = clean_command(program, folder)
        .args(arguments)
        .envs(environment.into_iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", program.display()));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    secrets::assert_none_in(&program.display().to_string(), &stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Run { stdout, stderr, code: output.status.code() }
}

struct Programs {
    client: PathBuf,
    server: PathBuf,
}

/// Built once a process: the first test to ask waits for Cargo, and the others are not told the same errors again.
fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Option<Programs>> = OnceLock::new();
    PROGRAMS.get_or_init(build).as_ref().expect("the programs build")
}

fn build() -> Option<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        // With this package, so that features are resolved as for the caller and no dependency is built a second time.
        .args(["--package", env!("CARGO_PKG_NAME"), "--package", CLIENT, "--package", SERVER])
        .args(["--bin", CLIENT, "--bin", SERVER])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    if !output.status.success() {
        return None;
    }
    let messages = String::from_utf8(output.stdout).expect("Cargo writes UTF-8");
    let executable = |name: &str| {
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .unwrap_or_else(|| panic!("Cargo built no program called {name}"))
    };
    Some(Programs { client: executable(CLIENT), server: executable(SERVER) })
}

const CLIENT: &str = "authenticator-client";
const SERVER: &str = "authenticator-server";
