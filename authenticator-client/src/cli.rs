//! The command line: flags as given, and which command they mean.
//!
//! Flags and variables are spelled as the Go program spells them, and may stand before or after the command. Those of its flags
//! that choose another identity and are not built yet are known here to be refused by name: an unknown or ignored one would
//! make a token for somebody else.

use std::{error::Error, ffi::OsString, io::Write};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};

use crate::{
    Exit, World,
    exec_credential::{AwsForm, AwsPart},
    exec_info::ApiVersion,
};

mod request;
mod token_command;
mod version_command;

use request::Request;

/// Authenticates to Kubernetes with AWS credentials: an exec credential plugin for kubectl.
#[derive(Debug, Parser)]
#[command(name = "authenticator-client", version, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    global: GlobalFlags,
    #[command(flatten)]
    aws: AwsFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
struct GlobalFlags {
    /// The cluster that the token is for, as its authenticator is told [env: KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID]
    /// [default: the cluster-id that the kubeconfig gives]
    #[arg(short = 'i', long, global = true, value_name = "ID")]
    cluster_id: Option<String>,
    #[arg(short = 'c', long, global = true, value_name = "FILE", hide = true)]
    config: Option<String>,
    // The Go program's flags for its log and for features of its server. This program writes what matters to standard error
    // and has no log.
    #[arg(short = 'l', long, global = true, value_name = "FORMAT", hide = true)]
    log_format: Option<String>,
    #[arg(short = 'v', long, global = true, value_name = "LEVEL", hide = true)]
    log_verbosity: Option<String>,
    #[arg(long, global = true, value_name = "GATES", hide = true)]
    feature_gates: Option<String>,
}

/// The flags that aws-cli takes before, within and after its `eks get-token`; the last one counts.
#[derive(Args, Debug)]
struct AwsFlags {
    /// The region whose STS endpoint the token is for [env: AWS_REGION, AWS_DEFAULT_REGION] [default: the profile's, or us-east-1]
    #[arg(long)]
    region: Option<String>,
    /// The profile of the shared AWS files; given here, it comes before keys in the environment [env: AWS_PROFILE,
    /// AWS_DEFAULT_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The form in which `eks get-token` prints [default: json, whatever the profile says, as kubectl wants it]
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true)]
    output: Option<AwsForm>,
    /// What of it `eks get-token` prints: status.token or status.expirationTimestamp
    #[arg(long, value_enum, value_name = "PATH", hide_possible_values = true)]
    query: Option<AwsPart>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a token in the place of aws-cli
    Eks(EksFlags),
    /// Print a token for the cluster, as an ExecCredential
    Token(TokenFlags),
    /// Print this program's version
    Version(VersionFlags),
}

/// As with the Go program, a switch may also be written `--switch=true` or `--switch=false`.
#[derive(Args, Debug)]
struct TokenFlags {
    /// The region whose STS endpoint the token is for [env: AWS_REGION, AWS_DEFAULT_REGION] [default: the profile's, or us-east-1]
    #[arg(long)]
    region: Option<String>,
    /// The profile of the shared AWS files; given here, it comes before keys in the environment [env: AWS_PROFILE,
    /// AWS_DEFAULT_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Print the bare token
    #[arg(long, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    token_only: bool,
    /// The contract's version to answer in: v1 or v1beta1 [default: the one that KUBERNETES_EXEC_INFO asks for]
    #[arg(long, value_name = "VERSION")]
    api_version: Option<ApiVersion>,
    /// Accepted for compatibility: keys are never cached, and nothing else needs to be yet
    #[arg(long, hide = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    cache: bool,
    #[arg(short = 'r', long, value_name = "ARN", hide = true)]
    role: Option<String>,
    #[arg(short = 'e', long, value_name = "ID", hide = true)]
    external_id: Option<String>,
    #[arg(short = 's', long, value_name = "NAME", hide = true)]
    session_name: Option<String>,
    #[arg(long, hide = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    forward_session_name: bool,
}

#[derive(Args, Debug)]
struct EksFlags {
    #[command(flatten)]
    aws: AwsFlags,
    #[command(subcommand)]
    command: EksCommand,
}

#[derive(Debug, Subcommand)]
enum EksCommand {
    /// Print a token for the cluster as `aws eks get-token` does
    GetToken(GetTokenFlags),
}

#[derive(Args, Debug)]
struct GetTokenFlags {
    #[command(flatten)]
    aws: AwsFlags,
    /// The cluster that the token is for
    #[arg(long, value_name = "NAME")]
    cluster_name: Option<String>,
    // `aws eks update-kubeconfig` writes the short name.
    #[arg(long, alias = "role", value_name = "ARN", hide = true)]
    role_arn: Option<String>,
}

#[derive(Args, Debug)]
struct VersionFlags {
    /// Print the version number alone
    #[arg(short, long)]
    short: bool,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t = VersionForm::Json)]
    output: VersionForm,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VersionForm {
    Json,
    Yaml,
}

pub(crate) fn run(
    arguments: impl IntoIterator<Item = OsString>,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let Arguments { global, aws, command } = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, out, err),
    };
    let done = match command {
        Command::Eks(EksFlags { aws: within, command: EksCommand::GetToken(flags) }) => {
            Request::of_get_token(global, aws.then(within), flags, &world.env)
                .map_err(Into::into)
                .and_then(|request| token_command::run(request, world, out, err))
        }
        Command::Token(flags) => Request::of_token(global, aws, flags, &world.env)
            .map_err(Into::into)
            .and_then(|request| token_command::run(request, world, out, err)),
        Command::Version(flags) => {
            aws.without_form().map_err(Into::into).and_then(|_| Ok(version_command::run(&flags, out)?))
        }
    };
    match done {
        Ok(()) => Exit::Success,
        Err(error) => {
            remark(err, &format!("error: {}", with_causes(error.as_ref())));
            Exit::Failure
        }
    }
}

/// What clap has to say: help that was asked for, or a mistake.
fn usage(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        remark(err, text.to_string().trim_end());
        return Exit::Failure;
    }
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Exit::Success,
        Err(_) => Exit::Failure,
    }
}

/// Writes to standard error; there is nobody left to tell when that fails.
fn remark(err: &mut dyn Write, text: &str) {
    let _ = writeln!(err, "{text}");
}

/// The error and its causes in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Arguments::command().debug_assert();
    }
}
