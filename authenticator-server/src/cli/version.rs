//! `version`, in the shapes that the Go program prints.

use std::io::{self, Write};
use std::str::FromStr;

use super::args::VersionArgs;

/// How the version is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OutputFormat {
    /// One JSON object.
    Json,
    /// One YAML mapping.
    Yaml,
}

/// A text that names no output format.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected json or yaml")]
pub(super) struct OutputFormatError;

impl FromStr for OutputFormat {
    type Err = OutputFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "yaml" => Ok(Self::Yaml),
            _ => Err(OutputFormatError),
        }
    }
}

/// Prints the version.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn run(args: &VersionArgs) -> io::Result<()> {
    let VersionArgs { short, output } = args;
    let version = env!("CARGO_PKG_VERSION");
    let mut stdout = io::stdout();
    match (short, output) {
        (true, _) => writeln!(stdout, "{version}"),
        (false, OutputFormat::Json) => writeln!(stdout, "{{\"Version\":\"{version}\"}}"),
        (false, OutputFormat::Yaml) => writeln!(stdout, "version: {version}"),
    }
}
