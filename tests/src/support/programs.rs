//! The two programs as built from the sources of this very moment: Cargo is asked, so nothing stale is ever run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

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
        // With this package, so that features are resolved as for the test itself and no dependency is built a second time.
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
