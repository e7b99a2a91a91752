//! The flags as given. What they mean together is [`super::request`]'s to say.
//!
//! They are spelled as the Go program and aws-cli spell them, each in its own command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use clap_complete::Shell;

use super::values::{SessionDuration, TimeLimit, Verbosity};
use crate::{
    exec_credential::{AwsForm, AwsPart},
    exec_info::ApiVersion,
    kubeconfig::InteractiveMode,
};

/// Authenticates to Kubernetes with AWS credentials: an exec credential plugin for kubectl.
#[derive(Debug, Parser)]
#[command(name = "authenticator-client", version, args_override_self = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalFlags,
    #[command(flatten)]
    pub(super) aws: AwsFlags,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Remove all credentials that are cached
    CleanCache,
    /// Make the entries of a kubeconfig that run aws-cli or aws-iam-authenticator run this program
    ConvertKubeconfig(ConvertKubeconfigFlags),
    /// Print what makes a shell complete this program's command line
    Completion(CompletionFlags),
    /// Print a token in the place of aws-cli
    // The largest by far.
    Eks(Box<EksFlags>),
    /// Print a token for the cluster, as an ExecCredential
    Token(TokenFlags),
    /// Write a kubeconfig entry that logs in to a cluster of EKS with this program
    UpdateKubeconfig(Box<UpdateKubeconfigFlags>),
    /// Print this program's version
    Version(VersionFlags),
    /// Print whose credentials a token would be made with, and where they come from
    Whoami(WhoamiFlags),
}

/// The flags of every command; they may stand before or after it.
#[derive(Args, Debug)]
pub(super) struct GlobalFlags {
    /// The cluster that the token is for, as its authenticator is told [env: KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID]
    /// [default: the cluster-id that the kubeconfig gives]
    #[arg(short = 'i', long, global = true, value_name = "ID")]
    pub(super) cluster_id: Option<String>,
    /// A config file of the authenticator, whose clusterID counts where no other is given
    #[arg(short = 'c', long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Give up after this time, such as 90s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "60s")]
    pub(super) timeout: TimeLimit,
    /// Keep no credentials for the next run, and take none that were kept
    #[arg(long, global = true)]
    pub(super) no_cache: bool,
    /// Keep for the next run what a credential_process prints, too; without this it runs each time, as with aws-cli
    // The Go program keeps nothing unless it is told to; this one keeps the rest unless it is told not to.
    #[arg(long, global = true, value_name = "BOOL", hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub(super) cache: Option<bool>,
    /// Say on standard error where the credentials come from and what the token is for; of the Go program's levels, which may be
    /// given, debug and trace do so [env: AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY]
    #[arg(short = 'v', long, global = true, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "debug")]
    pub(super) log_verbosity: Option<Verbosity>,
    // The Go program's flags for its log and for features of its server. This program has no log.
    #[arg(short = 'l', long, global = true, value_name = "FORMAT", hide = true)]
    pub(super) log_format: Option<String>,
    #[arg(long, global = true, value_name = "GATES", hide = true)]
    pub(super) feature_gates: Option<String>,
}

/// The flags that aws-cli takes before, within and after its `eks get-token`; the last one counts.
#[derive(Args, Debug, Default)]
pub(super) struct AwsFlags {
    /// The region whose STS endpoint the token is for [env: AWS_REGION, AWS_DEFAULT_REGION] [default: the profile's, or us-east-1]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The profile of the shared AWS files; given here, it comes before keys in the environment [env: AWS_PROFILE,
    /// AWS_DEFAULT_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// The form in which `eks get-token` prints [default: json, whatever the profile says, as kubectl wants it]
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true)]
    pub(super) output: Option<AwsForm>,
    /// What of it `eks get-token` prints: status.token or status.expirationTimestamp
    #[arg(long, value_enum, value_name = "PATH", hide_possible_values = true)]
    pub(super) query: Option<AwsPart>,
    // aws-cli's name for --log-verbosity=debug.
    #[arg(long, hide = true)]
    pub(super) debug: bool,
    // It would make the token nobody's.
    #[arg(long, hide = true)]
    pub(super) no_sign_request: bool,
    #[command(flatten)]
    pub(super) idle: IdleAwsFlags,
}

/// Flags that aws-cli takes for each of its commands, and that change nothing in what its `eks get-token` prints. Its
/// `eks update-kubeconfig` heeds those that are read here.
#[derive(Args, Debug, Default)]
pub(super) struct IdleAwsFlags {
    #[arg(long, value_name = "FILE", hide = true)]
    pub(super) ca_bundle: Option<String>,
    #[arg(long, value_name = "FORMAT", hide = true)]
    cli_binary_format: Option<String>,
    #[arg(long, value_name = "SECONDS", hide = true)]
    cli_connect_timeout: Option<String>,
    #[arg(long, value_name = "FORMAT", hide = true)]
    cli_error_format: Option<String>,
    #[arg(long, value_name = "SECONDS", hide = true)]
    cli_read_timeout: Option<String>,
    #[arg(long, value_name = "WHEN", hide = true)]
    color: Option<String>,
    #[arg(long, value_name = "URL", hide = true)]
    pub(super) endpoint_url: Option<String>,
    #[arg(long, hide = true)]
    no_cli_auto_prompt: bool,
    #[arg(long, hide = true)]
    no_cli_pager: bool,
    #[arg(long, hide = true)]
    no_paginate: bool,
    #[arg(long, hide = true)]
    pub(super) no_verify_ssl: bool,
}

impl IdleAwsFlags {
    /// These flags, unless those that stand further on in the command line say something else.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            ca_bundle: later.ca_bundle.or(self.ca_bundle),
            endpoint_url: later.endpoint_url.or(self.endpoint_url),
            no_verify_ssl: later.no_verify_ssl || self.no_verify_ssl,
            ..later
        }
    }
}

/// As with the Go program, a switch may also be written `--switch=true` or `--switch=false`.
#[derive(Args, Debug)]
pub(super) struct TokenFlags {
    /// The region whose STS endpoint the token is for [env: AWS_REGION, AWS_DEFAULT_REGION] [default: the profile's, or us-east-1]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The profile of the shared AWS files; given here, it comes before keys in the environment [env: AWS_PROFILE,
    /// AWS_DEFAULT_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Print the bare token
    #[arg(long, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub(super) token_only: bool,
    /// The contract's version to answer in: v1 or v1beta1 [default: the one that KUBERNETES_EXEC_INFO asks for]
    #[arg(long, value_name = "VERSION")]
    pub(super) api_version: Option<ApiVersion>,
    #[command(flatten)]
    pub(super) role: RoleFlags,
}

/// The role that is assumed after all that the profile asks for.
#[derive(Args, Debug)]
pub(super) struct RoleFlags {
    /// A role to assume; its ARN [env, but for eks get-token: DEFAULT_ROLE]
    #[arg(short = 'r', long, visible_alias = "role-arn", value_name = "ARN")]
    pub(super) role: Option<String>,
    /// The external id that the role's trust policy demands
    #[arg(short = 'e', long, value_name = "ID")]
    pub(super) external_id: Option<String>,
    /// The name of the role's session, which mappings may use
    #[arg(short = 's', long, value_name = "NAME")]
    pub(super) session_name: Option<String>,
    /// Name the role's session as the session that asks for it is named
    #[arg(long, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub(super) forward_session_name: bool,
    /// How long the role's session lasts, such as 900s, 15m or 12h [default: the hour that STS gives]
    #[arg(long, value_name = "TIME")]
    pub(super) duration: Option<SessionDuration>,
}

#[derive(Args, Debug)]
pub(super) struct EksFlags {
    #[command(flatten)]
    pub(super) aws: AwsFlags,
    #[command(subcommand)]
    pub(super) command: EksCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum EksCommand {
    /// Print a token for the cluster as `aws eks get-token` does
    GetToken(GetTokenFlags),
    /// Write a kubeconfig entry that logs in to a cluster of EKS with this program
    UpdateKubeconfig(UpdateKubeconfigFlags),
}

#[derive(Args, Debug)]
pub(super) struct GetTokenFlags {
    #[command(flatten)]
    pub(super) aws: AwsFlags,
    /// The cluster that the token is for
    #[arg(long, value_name = "NAME")]
    pub(super) cluster_name: Option<String>,
    #[command(flatten)]
    pub(super) role: RoleFlags,
}

#[derive(Args, Debug)]
pub(super) struct WhoamiFlags {
    /// The region whose STS endpoint tokens are for [env: AWS_REGION, AWS_DEFAULT_REGION] [default: the profile's, or us-east-1]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The profile of the shared AWS files; given here, it comes before keys in the environment [env: AWS_PROFILE,
    /// AWS_DEFAULT_PROFILE]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    #[command(flatten)]
    pub(super) role: RoleFlags,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t = WhoamiForm::Text)]
    pub(super) output: WhoamiForm,
}

/// All that the entries say is kept; entries that run other programs stay as they are.
#[derive(Args, Debug)]
pub(super) struct ConvertKubeconfigFlags {
    /// Convert the user of this context alone [default: every user]
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// The kubeconfig [env: KUBECONFIG] [default: ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// The cluster is described by EKS; aws-cli's --region, --profile, --endpoint-url and --ca-bundle say how it is asked. The file is
/// that of --kubeconfig, or of those in KUBECONFIG the first that has the cluster, else the first; ~/.kube/config without either.
#[derive(Args, Debug)]
pub(super) struct UpdateKubeconfigFlags {
    #[command(flatten)]
    pub(super) aws: AwsFlags,
    /// The cluster's name
    #[arg(long, value_name = "NAME")]
    pub(super) name: String,
    /// The kubeconfig [env: KUBECONFIG] [default: ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
    /// A role that is assumed to log in; its ARN
    #[arg(long, visible_alias = "role", value_name = "ARN")]
    pub(super) role_arn: Option<String>,
    /// The proxy that leads to the cluster
    #[arg(long, value_name = "URL")]
    pub(super) proxy_url: Option<String>,
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print the entries too
    #[arg(long)]
    pub(super) verbose: bool,
    /// The name of the context [default: the user's]
    #[arg(long, value_name = "NAME")]
    pub(super) alias: Option<String>,
    /// The name of the user [default: the cluster's ARN]
    #[arg(long, value_name = "NAME")]
    pub(super) user_alias: Option<String>,
    /// A role that is assumed to describe the cluster, and for nothing else; its ARN
    #[arg(long, value_name = "ARN")]
    pub(super) assume_role_arn: Option<String>,
    /// The contract's version that the entry asks for: v1 or v1beta1 [default: the entry's own, or v1beta1]
    #[arg(long, value_name = "VERSION")]
    pub(super) exec_api_version: Option<ApiVersion>,
    /// When the entry lets this program ask for an MFA code [default: the entry's own, or IfAvailable]
    #[arg(long, value_enum, value_name = "MODE", ignore_case = true)]
    pub(super) interactive_mode: Option<InteractiveMode>,
    /// Keep the cluster's id in the cluster's entry, which kubectl then tells this program, and not in the user's
    #[arg(long)]
    pub(super) provide_cluster_info: bool,
}

#[derive(Args, Debug)]
pub(super) struct CompletionFlags {
    /// The shell
    pub(super) shell: Shell,
}

#[derive(Args, Debug)]
pub(super) struct VersionFlags {
    /// Print the version number alone
    #[arg(short, long)]
    pub(super) short: bool,
    /// The form of the output
    #[arg(short, long, value_enum, default_value_t = VersionForm::Json)]
    pub(super) output: VersionForm,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum VersionForm {
    Json,
    Yaml,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum WhoamiForm {
    Text,
    Json,
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
