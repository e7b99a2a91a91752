//! What a test gives the programs, in place of a process's own surroundings.

use std::collections::HashMap;

use clap::Parser as _;

use super::{InitConfig, ServerConfig};
use crate::cli::args::{Command, CommandLine, GlobalArgs};

/// A command line, an environment, and a config file whose path takes the place of `FILE`.
pub(super) struct Given {
    dir: tempfile::TempDir,
    variables: HashMap<&'static str, &'static str>,
}

impl Given {
    pub(super) fn file(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.yaml"), text).unwrap();
        Self { dir, variables: HashMap::new() }
    }

    pub(super) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.insert(name, value);
        self
    }

    fn read(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn parse(&self, arguments: &str) -> (GlobalArgs, Command) {
        let file = self.dir.path().join("config.yaml");
        let arguments = arguments.split_whitespace().map(|argument| match argument {
            "FILE" => file.to_str().unwrap(),
            other => other,
        });
        let CommandLine { global, command } =
            CommandLine::try_parse_from(std::iter::once("authenticator-server").chain(arguments)).unwrap();
        (global, command)
    }

    pub(super) fn server(&self, arguments: &str) -> Result<ServerConfig, String> {
        match self.parse(arguments) {
            (global, Command::Server(args)) => {
                ServerConfig::load(global, *args, &|name| self.read(name)).map_err(|error| error.to_string())
            }
            (_, other) => panic!("not server: {other:?}"),
        }
    }

    pub(super) fn init(&self, arguments: &str) -> Result<InitConfig, String> {
        match self.parse(arguments) {
            (global, Command::Init(args)) => {
                InitConfig::load(global, args, &|name| self.read(name)).map_err(|error| error.to_string())
            }
            (_, other) => panic!("not init: {other:?}"),
        }
    }
}
