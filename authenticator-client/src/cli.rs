//! The command line: flags as given, and which command they mean.
//!
//! Flags and variables are spelled as the Go program and aws-cli spell them. A flag that cannot be followed is refused by name: an
//! unknown or ignored one would make a token for somebody else.

use std::{ffi::OsString, io::Write, path::Path};

use clap::Parser;

use crate::{Exit, World, nearest::nearest};

mod cache_command;
mod completion_command;
mod config_file;
mod convert_kubeconfig_command;
mod failure;
mod flags;
mod login;
mod own_program;
mod request;
mod token_command;
mod update_kubeconfig_command;
mod values;
mod version_command;
mod whoami_command;

use failure::{Failure, remark_lines};
use flags::{Arguments, Command, EksCommand, EksFlags};
use request::{TokenRequest, WhoamiRequest};

pub(crate) fn run(
    arguments: impl IntoIterator<Item = OsString>,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let done = match Arguments::try_parse_from(&arguments) {
        Ok(parsed) => dispatch(parsed, own_name(&arguments), world, out, err),
        Err(error) => return usage(&error, out, err),
    };
    match done {
        Ok(()) => Exit::Success,
        Err(failure) => failure.tell(err),
    }
}

fn dispatch(
    arguments: Arguments,
    name: &str,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let Arguments { global, aws, command } = arguments;
    match command {
        Command::Eks(flags) => {
            let EksFlags { aws: within, command } = *flags;
            match command {
                EksCommand::GetToken(flags) => {
                    let request = TokenRequest::of_get_token(global, aws.then(within), flags, &world.env)?;
                    token_command::run(request, world, out, err)
                }
                EksCommand::UpdateKubeconfig(flags) => {
                    update_kubeconfig_command::run(&global, aws.then(within), flags, world, out, err)
                }
            }
        }
        Command::Token(flags) => {
            token_command::run(TokenRequest::of_token(global, aws, flags, &world.env)?, world, out, err)
        }
        Command::UpdateKubeconfig(flags) => update_kubeconfig_command::run(&global, aws, *flags, world, out, err),
        Command::Whoami(flags) => {
            whoami_command::run(WhoamiRequest::new(global, aws, flags, &world.env)?, world, out, err)
        }
        Command::CleanCache => {
            aws.without_form()?;
            cache_command::clean(world, out)
        }
        Command::ConvertKubeconfig(flags) => {
            aws.without_form()?;
            convert_kubeconfig_command::run(flags, world, out, err)
        }
        Command::Completion(flags) => {
            aws.without_form()?;
            Ok(completion_command::run(&flags, name, out)?)
        }
        Command::Version(flags) => {
            aws.without_form()?;
            Ok(version_command::run(&flags, out)?)
        }
    }
}

/// The name by which the program was called: a symbolic link may give it the Go program's.
fn own_name(arguments: &[OsString]) -> &str {
    arguments
        .first()
        .and_then(|path| Path::new(path).file_name())
        .and_then(|name| name.to_str())
        .unwrap_or("authenticator-client")
}

/// What clap has to say: help that was asked for, or a mistake.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        remark_lines(err, text.to_string().trim_end());
        return Exit::Failure;
    }
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Exit::Success,
        Err(_) => Exit::Failure,
    }
}
