//! The command line: what was asked for, with which settings, and the start and end of it.

mod add;
mod args;
mod bounds;
mod cautions;
mod config;
mod config_file;
mod gauges;
mod health;
mod init;
mod server;
mod settings;
mod token_rules;
mod values;
mod verify;
mod version;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser as _;

use args::{Command, CommandLine};
use config::{InitConfig, Logs, ServerConfig, VerifyConfig};

use crate::json;

/// Runs what the command line says. What goes wrong is told on standard error, and the exit code is 1.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and version come this way too; clap knows which stream is theirs.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(command_line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A list in it has a line for each item; what others wrote has none, and may have worse.
            let text: Vec<_> = format!("{error:#}").split('\n').map(json::visible_text).collect();
            let _ = writeln!(io::stderr(), "error: {}", text.join("\n"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command_line: CommandLine) -> anyhow::Result<()> {
    let CommandLine { global, command } = command_line;
    let environment = |name: &str| std::env::var(name).ok();
    match command {
        Command::Server(args) => server::run(ServerConfig::load(global, *args, &environment)?),
        Command::Init(args) => init::run(InitConfig::load(global, args, &environment)?),
        Command::Verify(args) => verify::run(VerifyConfig::load(global, *args, &environment)?),
        Command::Add(args) => add::run(Logs::without_file(&global, &environment)?, *args),
        Command::Version(args) => Ok(version::run(&args)?),
    }
}
