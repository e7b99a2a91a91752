//! Everything `init` needs to know.

use std::path::PathBuf;

use super::{Common, ConfigError, DEFAULT_KUBECONFIG, DEFAULT_PORT, DEFAULT_STATE_DIR, Environment, Logs, names};
use crate::cli::args::{GlobalArgs, InitArgs};
use crate::cli::config_file::Remark;
use crate::cli::settings::Settings;
use crate::tls::Names;

/// Everything `init` needs to know.
#[derive(Debug)]
pub(in crate::cli) struct InitConfig {
    /// How to log.
    pub(in crate::cli) logs: Logs,
    /// The names that the certificate must have.
    pub(in crate::cli) names: Names,
    /// The port that the API server is told.
    pub(in crate::cli) port: u16,
    /// Where the server will look for what is written.
    pub(in crate::cli) server: InitFiles,
    /// What is probably not meant as the config file says it.
    pub(in crate::cli) warnings: Vec<Remark>,
    /// What is written.
    pub(in crate::cli) written: InitFiles,
}

/// The files that `init` makes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct InitFiles {
    /// Of certificate and key.
    pub(in crate::cli) state_dir: PathBuf,
    /// The webhook kubeconfig.
    pub(in crate::cli) webhook_kubeconfig: PathBuf,
}

impl InitConfig {
    /// Puts together what `init` was given.
    ///
    /// Without `--state-dir` or `--generate-kubeconfig` everything is written into the current folder, to be copied, as the
    /// Go program does; the gate ConfiguredInitDirectories has it written where the server reads it.
    ///
    /// # Errors
    /// When something is missing, or not what it should be. The error names the flag, variable or key.
    pub(in crate::cli) fn load(
        global: GlobalArgs,
        args: InitArgs,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let Common { cluster_id: _, configured_init_directories, file, logs } = Common::load(global, environment)?;
        let flags = Settings::from(args.webhook);
        let (flag_state_dir, flag_kubeconfig) = (flags.state_dir.clone(), flags.generate_kubeconfig.clone());
        let settings = flags.over(file.server);
        let server = InitFiles {
            state_dir: settings.state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
            webhook_kubeconfig: settings.generate_kubeconfig.unwrap_or_else(|| DEFAULT_KUBECONFIG.into()),
        };
        let written = if configured_init_directories {
            server.clone()
        } else {
            let state_dir = flag_state_dir.unwrap_or_else(|| ".".into());
            let webhook_kubeconfig = flag_kubeconfig.unwrap_or_else(|| state_dir.join(INIT_KUBECONFIG));
            InitFiles { state_dir, webhook_kubeconfig }
        };
        let port = settings.port.unwrap_or(DEFAULT_PORT);
        if port == 0 {
            return Err(ConfigError::AnyPort);
        }
        Ok(Self {
            logs,
            names: names(settings.hostname, settings.address),
            port,
            server,
            warnings: file.warnings,
            written,
        })
    }
}

/// The Go program's name for the webhook kubeconfig that is to be copied.
const INIT_KUBECONFIG: &str = "aws-iam-authenticator.kubeconfig";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::given::Given;
    use super::*;

    #[test]
    fn init_writes_into_the_current_folder_to_be_copied() {
        let config = Given::file("").init("init -i a").unwrap();
        let written =
            InitFiles { state_dir: ".".into(), webhook_kubeconfig: "./aws-iam-authenticator.kubeconfig".into() };
        assert_eq!(config.written, written);
        assert_eq!(config.server.state_dir, Path::new(DEFAULT_STATE_DIR));
        assert_eq!(config.server.webhook_kubeconfig, Path::new(DEFAULT_KUBECONFIG));
    }

    #[test]
    fn init_writes_where_it_is_told() {
        let config = Given::file("").init("init -i a --state-dir /s").unwrap();
        assert_eq!(config.written.state_dir, Path::new("/s"));
        assert_eq!(config.written.webhook_kubeconfig, Path::new("/s/aws-iam-authenticator.kubeconfig"));
        assert_eq!(config.server.state_dir, Path::new("/s"));
        let config = Given::file("").init("init -i a --state-dir /s --generate-kubeconfig /k").unwrap();
        assert_eq!(config.written.webhook_kubeconfig, Path::new("/k"));
        let gate = "init -i a -c FILE --feature-gates ConfiguredInitDirectories=true";
        let config = Given::file("server: {stateDir: /s, generateKubeconfig: /k}").init(gate).unwrap();
        assert_eq!(config.written, config.server);
        assert_eq!(config.written.state_dir, Path::new("/s"));
    }

    #[test]
    fn init_needs_a_port_that_stays() {
        let error = Given::file("").init("init -i a --port 0").unwrap_err();
        assert!(error.contains("port 0"), "{error}");
        assert_eq!(Given::file("").init("init -i a --port 1 --address 10.0.0.1").unwrap().port, 1);
    }
}
