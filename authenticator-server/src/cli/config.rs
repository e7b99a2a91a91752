//! What the programs run with: flags over environment over config file over defaults, checked and typed.
//!
//! This is the Go program's order (viper's): a flag that was given, else the variable, else the file's key, else the
//! default. A variable that is empty is not there.

#[cfg(test)]
mod given;
mod init;
mod server;
mod verify;

use rustls::pki_types::ServerName;

use super::args::GlobalArgs;
use super::config_file::{ConfigFile, ConfigFileError};
use crate::cluster_id::{ClusterId, ClusterIdError};
use crate::logs::{LogFormat, UnknownChoice, Verbosity};
use crate::sources::SourceOrderError;
use crate::tls::Names;
use crate::token::HostRulesError;

pub(super) use init::{InitConfig, InitFiles};
pub(super) use server::{ServerConfig, WebhookKubeconfigFile};
pub(super) use verify::VerifyConfig;

/// How to log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Logs {
    /// Text or JSON.
    pub(super) format: LogFormat,
    /// How much.
    pub(super) verbosity: Verbosity,
}

impl Logs {
    /// As flags and environment say, for a command that reads no config file.
    ///
    /// # Errors
    /// When the variable is no log level.
    pub(super) fn without_file(global: &GlobalArgs, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let verbosity = verbosity(global.log_verbosity, environment)?.unwrap_or_default();
        Ok(Self { format: global.log_format.unwrap_or_default(), verbosity })
    }
}

/// Reads an environment variable: the process's, or a test's.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why there is nothing to run with.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    /// `init` with port 0.
    #[error("--port 0 is another port at every start: init needs the one that the API server will use")]
    AnyPort,
    /// No cluster id anywhere.
    #[error(
        "no cluster id: give --cluster-id (-i), set {CLUSTER_ID_VARIABLE}, or write clusterID in a config file (--config)"
    )]
    ClusterIdMissing,
    /// A variable that is no cluster id.
    #[error("{CLUSTER_ID_VARIABLE}: {0}")]
    ClusterIdVariable(ClusterIdError),
    /// The config file.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// The endpoints of STS that are asked.
    #[error("--allowed-sts-regions and --extra-sts-regions (server.allowedSTSRegions, server.extraSTSRegions): {0}")]
    Hosts(#[from] HostRulesError),
    /// Names that nobody is asked for.
    #[error(
        "--client-allowed-names (server.clientAllowedNames) needs --client-ca-file (server.clientCAFile): without it no client \
         certificate is asked for"
    )]
    NamesWithoutAuthorities,
    /// The order of sources.
    #[error("{origin}: {error}")]
    Sources {
        /// The flag, or the place in the config file.
        origin: String,
        /// What is wrong with it.
        error: SourceOrderError,
    },
    /// A variable that is no log level.
    #[error("{VERBOSITY_VARIABLE}: {0}")]
    VerbosityVariable(UnknownChoice),
}

/// What every subcommand needs.
struct Common {
    cluster_id: ClusterId,
    configured_init_directories: bool,
    file: ConfigFile,
    logs: Logs,
}

impl Common {
    fn load(global: GlobalArgs, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let GlobalArgs { config, cluster_id, log_format, log_verbosity, feature_gates } = global;
        let mut file = config.as_deref().map_or_else(|| Ok(ConfigFile::default()), ConfigFile::read)?;
        let variable = |name| environment(name).filter(|value| !value.is_empty());
        let cluster_id = match (cluster_id, variable(CLUSTER_ID_VARIABLE)) {
            (Some(flag), _) => flag,
            (None, Some(text)) => text.parse().map_err(ConfigError::ClusterIdVariable)?,
            (None, None) => file.cluster_id.take().ok_or(ConfigError::ClusterIdMissing)?,
        };
        let verbosity = verbosity(log_verbosity, environment)?.or(file.log_verbosity).unwrap_or_default();
        let gates = feature_gates.or(file.feature_gates).unwrap_or_default();
        Ok(Self {
            cluster_id,
            configured_init_directories: gates.configured_init_directories,
            file,
            logs: Logs { format: log_format.unwrap_or_default(), verbosity },
        })
    }
}

fn verbosity(flag: Option<Verbosity>, environment: Environment<'_>) -> Result<Option<Verbosity>, ConfigError> {
    match (flag, environment(VERBOSITY_VARIABLE).filter(|value| !value.is_empty())) {
        (Some(flag), _) => Ok(Some(flag)),
        (None, Some(text)) => text.parse().map(Some).map_err(ConfigError::VerbosityVariable),
        (None, None) => Ok(None),
    }
}

fn names(hostname: Option<ServerName<'static>>, address: Option<ServerName<'static>>) -> Names {
    let defaults = Names::default();
    Names { hostname: hostname.unwrap_or(defaults.hostname), address: address.unwrap_or(defaults.address) }
}

const CLUSTER_ID_VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
const VERBOSITY_VARIABLE: &str = "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY";

// The Go program's defaults, where `server` and `init` share them.
const DEFAULT_KUBECONFIG: &str = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml";
const DEFAULT_PORT: u16 = 21362;
const DEFAULT_STATE_DIR: &str = "/var/aws-iam-authenticator";
