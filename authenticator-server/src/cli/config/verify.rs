//! Everything `verify` needs to know.

use std::path::PathBuf;

use mapping::Partition;

use super::{Common, ConfigError, Environment, Logs};
use crate::aws::Endpoint;
use crate::cli::args::{GlobalArgs, VerifyArgs};
use crate::cli::settings::Settings;
use crate::cluster_id::ClusterId;
use crate::token::{HostTable, Limits, Token};

/// Everything `verify` needs to know.
#[derive(Debug)]
pub(in crate::cli) struct VerifyConfig {
    /// The cluster that the token must be signed for.
    pub(in crate::cli) cluster_id: ClusterId,
    /// The endpoints of STS that are asked.
    pub(in crate::cli) hosts: HostTable,
    /// Whether the answer is JSON.
    pub(in crate::cli) json: bool,
    /// How far a token may go.
    pub(in crate::cli) limits: Limits,
    /// How to log.
    pub(in crate::cli) logs: Logs,
    /// Whom to trust for STS, if not whom the environment and the system do.
    pub(in crate::cli) sts_ca_file: Option<PathBuf>,
    /// The certificate to show on the way to STS, if one is asked for.
    pub(in crate::cli) sts_client_cert_file: Option<PathBuf>,
    /// Where connections to STS go, if not where DNS says.
    pub(in crate::cli) sts_endpoint: Option<Endpoint>,
    /// The token, or a hyphen.
    pub(in crate::cli) token: Token,
}

impl VerifyConfig {
    /// Puts together what `verify` was given: flags, and of the config file what `server` takes for the same.
    ///
    /// # Errors
    /// When something is missing, or not what it should be. The error names the flag, variable or key.
    pub(in crate::cli) fn load(
        global: GlobalArgs,
        args: VerifyArgs,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let Common { cluster_id, configured_init_directories: _, file, logs } = Common::load(global, environment)?;
        let VerifyArgs { tokens, sts, token, output } = args;
        let settings = Settings { tokens, ..sts.into() }.over(file.server);
        let Settings { partition, sts_ca_file, sts_client_cert_file, sts_endpoint, tokens, .. } = settings;
        let (hosts, limits) = tokens.resolve(partition.unwrap_or(Partition::Aws))?;
        let json = output == "json";
        Ok(Self { cluster_id, hosts, json, limits, logs, sts_ca_file, sts_client_cert_file, sts_endpoint, token })
    }
}
