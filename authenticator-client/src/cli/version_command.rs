//! `authenticator-client version`.

use std::io::{self, Write};

use super::flags::{VersionFlags, VersionForm};

/// Prints the version in the Go program's forms: a JSON object, YAML, or with `--short` the number alone.
pub(super) fn run(flags: &VersionFlags, out: &mut dyn Write) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    match flags {
        VersionFlags { short: true, .. } => writeln!(out, "{version}")?,
        VersionFlags { output: VersionForm::Json, .. } => writeln!(out, r#"{{"Version":"{version}"}}"#)?,
        VersionFlags { output: VersionForm::Yaml, .. } => writeln!(out, "version: {version}")?,
    }
    out.flush()
}
