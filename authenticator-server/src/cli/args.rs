//! The command line as it was given: nothing is looked up, and no default is filled in.
//!
//! Names and short forms are the Go program's. What is absent here may still come from the environment or the config
//! file; [`super::config`] decides.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand};
use mapping::Partition;
use rustls::pki_types::ServerName;

use super::add::AddArgs;
use super::bounds::Bounds;
use super::token_rules::TokenRules;
use super::values::{FeatureGates, parse_bool, parse_deny_status, parse_host};
use crate::audit::AuditTarget;
use crate::aws::Endpoint;
use crate::cluster_id::ClusterId;
use crate::http::DenyStatus;
use crate::logs::{LogFormat, Verbosity};
use crate::tls::AllowedName;
use crate::token::Token;

/// Log in to Kubernetes with AWS IAM: the webhook that kube-apiserver asks.
#[derive(Debug, Parser)]
#[command(
    name = "authenticator-server",
    version,
    args_override_self = true,
    styles = Styles::plain()
)]
pub(super) struct CommandLine {
    /// Flags that stand before or after the subcommand.
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags of every subcommand.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Load configuration from this YAML file.
    #[arg(short = 'c', long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// The cluster's identifier, which every token must have been signed for.
    ///
    /// Unique to the cluster, so that a token for another cluster is worth nothing here.
    /// [env: KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID; config: clusterID]
    #[arg(short = 'i', long, global = true, value_name = "ID")]
    pub(super) cluster_id: Option<ClusterId>,

    /// How log lines on standard error are written: text or json.
    #[arg(short = 'l', long, global = true, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,

    /// How much is logged: panic, fatal, error, warning, info, debug or trace.
    ///
    /// [env: AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY; config: log-verbosity; default: info]
    #[arg(short = 'v', long, global = true, value_name = "LEVEL")]
    pub(super) log_verbosity: Option<Verbosity>,

    /// Feature gates of the Go program, as NAME=true|false, comma-separated.
    ///
    /// ConfiguredInitDirectories lets init write where server reads; SSORoleMatch and IAMIdentityMappingCRD are known and
    /// change nothing: what they stand for needs no gate here.
    #[arg(long, global = true, value_name = "GATES")]
    pub(super) feature_gates: Option<FeatureGates>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve the webhook that kube-apiserver asks who a token belongs to.
    Server(Box<ServerArgs>),
    /// Make certificate, key and webhook kubeconfig before the server runs for the first time.
    Init(InitArgs),
    /// Ask STS who signed a token, as the webhook would, and say it.
    Verify(Box<VerifyArgs>),
    /// Add a user or role to the aws-auth ConfigMap of a cluster, and change nothing else in it.
    ///
    /// Neither --config nor --cluster-id is looked at: the kubeconfig says which cluster it is.
    Add(Box<AddArgs>),
    /// Print the version.
    Version(VersionArgs),
}

/// Flags of `server`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ServerArgs {
    /// Flags that `init` has too.
    #[command(flatten)]
    pub(super) webhook: WebhookArgs,

    /// Flags that say which tokens are worth a question to STS.
    #[command(flatten)]
    pub(super) tokens: TokenRules,

    /// Flags that say how STS is reached.
    #[command(flatten)]
    pub(super) sts: StsArgs,

    /// The webhook kubeconfig was made by init: do not write it again.
    ///
    /// [config: server.kubeconfigPregenerated]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = parse_bool
    )]
    pub(super) kubeconfig_pregenerated: Option<bool>,

    /// Kubeconfig for the API server that holds mappings; without it, the pod's service account.
    ///
    /// [config: server.kubeconfig]
    #[arg(long, value_name = "FILE", value_parser = parse_path)]
    pub(super) kubeconfig: Option<PathBuf>,

    /// URL of that API server, in place of the kubeconfig's.
    ///
    /// [config: server.master]
    #[arg(long, value_name = "URL")]
    pub(super) master: Option<String>,

    /// Sources of mappings, most trusted first, comma-separated: MountedFile, EKSConfigMap, CRD, DynamicFile.
    ///
    /// [config: server.backendMode; default: MountedFile]
    #[arg(long, value_name = "MODES", action = clap::ArgAction::Append)]
    pub(super) backend_mode: Option<Vec<String>>,

    /// Port of the health endpoint, plain HTTP on all interfaces; 0 takes any free port.
    ///
    /// [config: server.healthPort; default: 21363]
    #[arg(long, value_name = "PORT")]
    pub(super) health_port: Option<u16>,

    /// Answer those alone who show a certificate of these authorities; anybody may ask for the probe path /healthz.
    ///
    /// The API server then needs client-certificate and client-key in the webhook kubeconfig. The file is followed.
    /// [config: server.clientCAFile]
    #[arg(long, value_name = "FILE", value_parser = parse_path)]
    pub(super) client_ca_file: Option<PathBuf>,

    /// Of those certificates take such alone as have one of these names, comma-separated.
    ///
    /// A name is the common name, or a DNS name, URI or email address among the subject alternative names, exactly as written.
    /// Needed where the authority is the cluster's own: every kubelet and user has a certificate of it.
    /// [config: server.clientAllowedNames; default: every certificate is taken]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub(super) client_allowed_names: Option<Vec<AllowedName>>,

    /// HTTP status of a refusal: 200 with the reason in status.error, or 403 as the Go program answers.
    ///
    /// [config: server.denyStatus; default: 200]
    #[arg(long, value_name = "STATUS", value_parser = parse_deny_status)]
    pub(super) deny_status: Option<DenyStatus>,

    /// Add a line of JSON for each decision to the end of this file, or - for standard output.
    ///
    /// It is opened anew on SIGHUP. What cannot be written is counted, and keeps nobody out.
    /// [config: server.auditLog; default: none]
    #[arg(long, value_name = "FILE")]
    pub(super) audit_log: Option<AuditTarget>,

    /// Share the port with another process that says so too (SO_REUSEPORT).
    ///
    /// So that an upgrade has no gap: start the new one, then end the old one. The port of the health endpoint is shared too.
    /// [config: server.reusePort; default: false]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = parse_bool
    )]
    pub(super) reuse_port: Option<bool>,

    /// How much there may be of everything.
    #[command(flatten)]
    pub(super) bounds: Bounds,

    /// Limit of calls to ec2:DescribeInstances a second.
    ///
    /// [config: server.ec2DescribeInstancesQps; default: 15]
    #[arg(long = "ec2-describeInstances-qps", value_name = "NUMBER")]
    pub(super) ec2_describe_instances_qps: Option<NonZeroU32>,

    /// Burst of that limit.
    ///
    /// [config: server.ec2DescribeInstancesBurst; default: 5]
    #[arg(long = "ec2-describeInstances-burst", value_name = "NUMBER")]
    pub(super) ec2_describe_instances_burst: Option<NonZeroU32>,

    /// Connect to EC2 here, as HOST:PORT, in place of the address of its endpoint in this server's region.
    ///
    /// For VPC endpoints, proxies and emulators. Host header and TLS server name stay those of EC2; the trusted authorities are
    /// those for STS. [config: server.ec2Endpoint]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) ec2_endpoint: Option<Endpoint>,

    /// Likewise for IAM, which is asked for the roles of instance profiles where a mapping has ec2Instance.
    ///
    /// [config: server.iamEndpoint]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) iam_endpoint: Option<Endpoint>,
}

/// Flags of `verify`.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// Flags that `server` has too.
    #[command(flatten)]
    pub(super) tokens: TokenRules,

    /// Likewise.
    #[command(flatten)]
    pub(super) sts: StsArgs,

    /// The token, or - to read it from standard input, where no list of processes shows it.
    #[arg(short, long, value_name = "TOKEN")]
    pub(super) token: Token,

    /// json, or text if it is left out.
    #[arg(short, long, value_name = "FORMAT", default_value = "", value_parser = ["", "json"], hide_default_value = true)]
    pub(super) output: String,
}

/// Flags that say whose STS is asked, and how it is reached.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct StsArgs {
    /// AWS partition whose tokens are taken.
    ///
    /// One of aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc.
    /// [config: server.partition; default: aws]
    #[arg(long, value_name = "PARTITION")]
    pub(super) partition: Option<Partition>,

    /// Connect to STS here, as HOST:PORT, in place of the address of the host that a token names.
    ///
    /// For VPC endpoints, proxies and emulators. Host header and TLS server name stay those of STS.
    /// [config: server.stsEndpoint]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) sts_endpoint: Option<Endpoint>,

    /// Trust these certificate authorities, and no others, for connections to STS.
    ///
    /// [config: server.stsCAFile]
    #[arg(long, value_name = "FILE")]
    pub(super) sts_ca_file: Option<PathBuf>,

    /// Show this certificate to whoever asks for one on the way to STS: a PEM file of certificate, chain and key.
    ///
    /// STS asks for none; a proxy may. Read once, at start. [config: server.stsClientCertFile]
    #[arg(long, value_name = "FILE")]
    pub(super) sts_client_cert_file: Option<PathBuf>,
}

/// Flags of `init`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InitArgs {
    /// Flags that `server` has too.
    #[command(flatten)]
    pub(super) webhook: WebhookArgs,
}

/// Flags that say what the webhook is called and where its files are.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct WebhookArgs {
    /// Folder of certificate and key. In a container, a mount from the host.
    ///
    /// [config: server.stateDir; default: /var/aws-iam-authenticator, and for init the current folder]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) state_dir: Option<PathBuf>,

    /// Where the webhook kubeconfig is written, which kube-apiserver reads.
    ///
    /// [config: server.generateKubeconfig; default: /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml, and for init
    /// aws-iam-authenticator.kubeconfig beside the certificate]
    #[arg(long, value_name = "FILE")]
    pub(super) generate_kubeconfig: Option<PathBuf>,

    /// Name or address by which kube-apiserver reaches the webhook.
    ///
    /// [config: server.hostname; default: localhost]
    #[arg(long, value_name = "HOST", value_parser = parse_host)]
    pub(super) hostname: Option<ServerName<'static>>,

    /// Name or address that the webhook listens on.
    ///
    /// [config: server.address; default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = parse_host)]
    pub(super) address: Option<ServerName<'static>>,

    /// Port that the webhook listens on; 0 takes any free port.
    ///
    /// [config: server.port; default: 21362]
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<u16>,
}

/// Flags of `version`.
#[derive(Args, Clone, Debug)]
pub(super) struct VersionArgs {
    /// Print the number alone.
    #[arg(short, long)]
    pub(super) short: bool,

    /// json or yaml.
    #[arg(short, long, value_name = "FORMAT", default_value = "json")]
    pub(super) output: super::version::OutputFormat,
}

/// Takes an empty path too: `--kubeconfig=` says that there is none, whatever the config file says.
pub(super) fn parse_path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from([&["authenticator-server"], arguments].concat())
    }

    fn server(arguments: &[&str]) -> ServerArgs {
        match parse(&[&["server"], arguments].concat()).unwrap().command {
            Command::Server(args) => *args,
            other => panic!("not server: {other:?}"),
        }
    }

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_subcommand_in_every_spelling() {
        for arguments in [
            &["-i", "a", "-l", "json", "-v", "debug", "-c", "f", "server"][..],
            &["server", "-ia", "-ljson", "-vdebug", "-cf"],
            &["server", "-i=a", "-l=json", "-v=debug", "-c=f"],
            &["--cluster-id", "a", "server", "--log-format", "json", "--log-verbosity", "debug", "--config", "f"],
            &["server", "--cluster-id=a", "--log-format=json", "--log-verbosity=debug", "--config=f"],
        ] {
            let global = parse(arguments).unwrap().global;
            assert_eq!(global.cluster_id.unwrap().as_str(), "a", "{arguments:?}");
            assert_eq!(global.log_format, Some(LogFormat::Json));
            assert_eq!(global.log_verbosity, Some(Verbosity::Debug));
            assert_eq!(global.config, Some(PathBuf::from("f")));
        }
    }

    #[test]
    fn a_truth_value_is_given_with_an_equals_sign_or_by_the_flag_alone() {
        for (arguments, expected) in [
            (&[][..], None),
            (&["--kubeconfig-pregenerated"], Some(true)),
            (&["--kubeconfig-pregenerated=true"], Some(true)),
            (&["--kubeconfig-pregenerated=false"], Some(false)),
            (&["--kubeconfig-pregenerated=0"], Some(false)),
        ] {
            assert_eq!(server(arguments).kubeconfig_pregenerated, expected, "{arguments:?}");
        }
        assert!(parse(&["server", "--kubeconfig-pregenerated=yes"]).is_err());
    }

    #[test]
    fn every_flag_of_the_go_programs_server_is_taken() {
        let args = server(&[
            "--address=127.0.0.1",
            "--backend-mode=MountedFile,EKSConfigMap",
            "--ec2-describeInstances-burst=5",
            "--ec2-describeInstances-qps=15",
            "--generate-kubeconfig=/k",
            "--kubeconfig=/k",
            "--kubeconfig-pregenerated=true",
            "--master=https://10.0.0.1",
            "--partition=aws",
            "--port=21362",
            "--state-dir=/s",
            "--feature-gates=SSORoleMatch=true",
        ]);
        assert_eq!(args.ec2_describe_instances_qps, NonZeroU32::new(15));
        assert_eq!(args.webhook.port, Some(21362));
    }

    #[test]
    fn the_last_of_two_equal_flags_counts_but_a_list_grows() {
        assert_eq!(server(&["--port", "1", "--port", "2"]).webhook.port, Some(2));
        let backend_mode = server(&["--backend-mode", "MountedFile", "--backend-mode", "EKSConfigMap"]).backend_mode;
        assert_eq!(backend_mode.unwrap(), ["MountedFile", "EKSConfigMap"]);
    }

    #[test]
    fn an_unknown_flag_is_named_with_the_nearest_right_one() {
        let error = parse(&["server", "--statedir", "/s"]).unwrap_err().to_string();
        assert!(error.contains("'--statedir'") && error.contains("'--state-dir'"), "{error}");
        let error = parse(&["server", "--portt", "1"]).unwrap_err().to_string();
        assert!(error.contains("'--portt'") && error.contains("'--port'"), "{error}");
    }

    #[test]
    fn a_value_that_its_flag_does_not_take_is_named_with_the_flag() {
        for (arguments, flag) in [
            (&["--port", "65536"][..], "--port"),
            (&["--cluster-id", ""], "--cluster-id"),
            (&["--address", "a b"], "--address"),
            (&["--partition", "aws-mars"], "--partition"),
            (&["--sts-endpoint", "sts"], "--sts-endpoint"),
            (&["--ec2-endpoint", "http://ec2:80"], "--ec2-endpoint"),
            (&["--iam-endpoint", "iam"], "--iam-endpoint"),
            (&["--ec2-describeInstances-qps", "0"], "--ec2-describeInstances-qps"),
            (&["--deny-status", "401"], "--deny-status"),
            (&["--max-token-size", "100"], "--max-token-size"),
            (&["--max-clock-skew", "1h"], "--max-clock-skew"),
            (&["--extra-sts-regions", "s3"], "--extra-sts-regions"),
            (&["--allowed-sts-regions", "us-west-2,"], "--allowed-sts-regions"),
            (&["--feature-gates", "Unknown=true"], "--feature-gates"),
            (&["--log-format", "xml"], "--log-format"),
        ] {
            let error = parse(&[&["server"], arguments].concat()).unwrap_err().to_string();
            assert!(error.contains(flag), "{error}");
        }
    }

    #[test]
    fn a_path_may_be_emptied() {
        assert_eq!(server(&["--kubeconfig="]).kubeconfig, Some(PathBuf::new()));
    }
}
