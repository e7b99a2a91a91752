//! What the programs run with: flags over environment over config file over defaults, checked and typed.
//!
//! This is the Go program's order (viper's): a flag that was given, else the variable, else the file's key, else the
//! default. A variable that is empty is not there.

use std::path::{Path, PathBuf};

use mapping::format::config_file::Loaded;
use mapping::{Partition, SourceName};
use rustls::pki_types::ServerName;

use super::args::{GlobalArgs, InitArgs, ServerArgs};
use super::config_file::{ConfigFile, ConfigFileError, Remark};
use super::settings::Settings;
use super::values::{SourceOrderError, parse_source_order};
use crate::cluster_id::{ClusterId, ClusterIdError};
use crate::http::DenyStatus;
use crate::logs::{LogFormat, UnknownChoice, Verbosity};
use crate::sources::ApiServer;
use crate::sts::Endpoint;
use crate::tls::{Names, StateDir};

/// Everything `server` needs to know.
#[derive(Debug)]
pub(super) struct ServerConfig {
    /// The API server whose mappings are read.
    pub(super) api_server: ApiServer,
    /// The cluster that tokens must be signed for.
    pub(super) cluster_id: ClusterId,
    /// The status of a refusal.
    pub(super) deny_status: DenyStatus,
    /// The port of the health endpoint; 0 for any.
    pub(super) health_port: u16,
    /// How to log.
    pub(super) logs: Logs,
    /// The mappings of the config file.
    pub(super) mappings: Loaded,
    /// The names that the certificate must have.
    pub(super) names: Names,
    /// The partition whose STS is believed.
    pub(super) partition: Partition,
    /// The port to listen on; 0 for any.
    pub(super) port: u16,
    /// Where mappings come from, most trusted first.
    pub(super) sources: Vec<SourceName>,
    /// Where certificate and key are.
    pub(super) state_dir: StateDir,
    /// Whom to trust for STS, if not whom the environment and the system do.
    pub(super) sts_ca_file: Option<PathBuf>,
    /// Where connections to STS go, if not where DNS says.
    pub(super) sts_endpoint: Option<Endpoint>,
    /// What is probably not meant as the config file says it.
    pub(super) warnings: Vec<Remark>,
    /// The webhook kubeconfig.
    pub(super) webhook_kubeconfig: WebhookKubeconfigFile,
}

/// Everything `init` needs to know.
#[derive(Debug)]
pub(super) struct InitConfig {
    /// How to log.
    pub(super) logs: Logs,
    /// The names that the certificate must have.
    pub(super) names: Names,
    /// The port that the API server is told.
    pub(super) port: u16,
    /// Where the server will look for what is written.
    pub(super) server: InitFiles,
    /// What is probably not meant as the config file says it.
    pub(super) warnings: Vec<Remark>,
    /// What is written.
    pub(super) written: InitFiles,
}

/// The files that `init` makes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InitFiles {
    /// Of certificate and key.
    pub(super) state_dir: PathBuf,
    /// The webhook kubeconfig.
    pub(super) webhook_kubeconfig: PathBuf,
}

/// How to log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Logs {
    /// Text or JSON.
    pub(super) format: LogFormat,
    /// How much.
    pub(super) verbosity: Verbosity,
}

/// The webhook kubeconfig's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum WebhookKubeconfigFile {
    /// The server writes it.
    Generate(PathBuf),
    /// `init` wrote it, and it stays as it is.
    Pregenerated(PathBuf),
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

impl ServerConfig {
    /// Puts together what `server` was given.
    ///
    /// # Errors
    /// When something is missing, or not what it should be. The error names the flag, variable or key.
    pub(super) fn load(
        global: GlobalArgs,
        args: ServerArgs,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let file = read_file(global.config.as_deref())?;
        let common = Common::new(global, environment, &file)?;
        let settings = Settings::from(args).over(file.server);
        let Settings {
            address,
            backend_mode,
            deny_status,
            generate_kubeconfig,
            health_port,
            hostname,
            kubeconfig,
            kubeconfig_pregenerated,
            master,
            partition,
            port,
            state_dir,
            sts_ca_file,
            sts_endpoint,
        } = settings;
        let webhook_kubeconfig = generate_kubeconfig.unwrap_or_else(|| DEFAULT_KUBECONFIG.into());
        Ok(Self {
            api_server: ApiServer {
                kubeconfig: kubeconfig.filter(|path| !path.as_os_str().is_empty()),
                master: master.filter(|url| !url.is_empty()),
            },
            cluster_id: common.cluster_id,
            deny_status: deny_status.unwrap_or_default(),
            health_port: health_port.unwrap_or(DEFAULT_HEALTH_PORT),
            logs: common.logs,
            mappings: file.mappings,
            names: names(hostname, address),
            partition: partition.unwrap_or(Partition::Aws),
            port: port.unwrap_or(DEFAULT_PORT),
            sources: sources(backend_mode)?,
            state_dir: StateDir::new(state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into())),
            sts_ca_file,
            sts_endpoint,
            warnings: file.warnings,
            webhook_kubeconfig: if kubeconfig_pregenerated.unwrap_or(false) {
                WebhookKubeconfigFile::Pregenerated(webhook_kubeconfig)
            } else {
                WebhookKubeconfigFile::Generate(webhook_kubeconfig)
            },
        })
    }
}

impl InitConfig {
    /// Puts together what `init` was given.
    ///
    /// Without `--state-dir` or `--generate-kubeconfig` everything is written into the current folder, to be copied, as the
    /// Go program does; the gate ConfiguredInitDirectories has it written where the server reads it.
    ///
    /// # Errors
    /// When something is missing, or not what it should be. The error names the flag, variable or key.
    pub(super) fn load(global: GlobalArgs, args: InitArgs, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let file = read_file(global.config.as_deref())?;
        let common = Common::new(global, environment, &file)?;
        let flags = Settings::from(args.webhook);
        let (flag_state_dir, flag_kubeconfig) = (flags.state_dir.clone(), flags.generate_kubeconfig.clone());
        let settings = flags.over(file.server);
        let server = InitFiles {
            state_dir: settings.state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
            webhook_kubeconfig: settings.generate_kubeconfig.unwrap_or_else(|| DEFAULT_KUBECONFIG.into()),
        };
        let written = if common.configured_init_directories {
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
            logs: common.logs,
            names: names(settings.hostname, settings.address),
            port,
            server,
            warnings: file.warnings,
            written,
        })
    }
}

/// What every subcommand needs.
struct Common {
    cluster_id: ClusterId,
    configured_init_directories: bool,
    logs: Logs,
}

impl Common {
    fn new(global: GlobalArgs, environment: Environment<'_>, file: &ConfigFile) -> Result<Self, ConfigError> {
        let GlobalArgs { config: _, cluster_id, log_format, log_verbosity, feature_gates } = global;
        let variable = |name| environment(name).filter(|value| !value.is_empty());
        let cluster_id = match (cluster_id, variable(CLUSTER_ID_VARIABLE)) {
            (Some(flag), _) => flag,
            (None, Some(text)) => text.parse().map_err(ConfigError::ClusterIdVariable)?,
            (None, None) => file.cluster_id.clone().ok_or(ConfigError::ClusterIdMissing)?,
        };
        let verbosity = match (log_verbosity, variable(VERBOSITY_VARIABLE)) {
            (Some(flag), _) => flag,
            (None, Some(text)) => text.parse().map_err(ConfigError::VerbosityVariable)?,
            (None, None) => file.log_verbosity.unwrap_or_default(),
        };
        let gates = feature_gates.or(file.feature_gates).unwrap_or_default();
        Ok(Self {
            cluster_id,
            configured_init_directories: gates.configured_init_directories,
            logs: Logs { format: log_format.unwrap_or_default(), verbosity },
        })
    }
}

fn read_file(path: Option<&Path>) -> Result<ConfigFile, ConfigFileError> {
    path.map_or_else(|| Ok(ConfigFile::default()), ConfigFile::read)
}

fn sources(given: Option<(Vec<String>, String)>) -> Result<Vec<SourceName>, ConfigError> {
    let Some((names, origin)) = given else { return Ok(vec![SourceName::MountedFile]) };
    parse_source_order(&names).map_err(|error| ConfigError::Sources { origin, error })
}

fn names(hostname: Option<ServerName<'static>>, address: Option<ServerName<'static>>) -> Names {
    let defaults = Names::default();
    Names { hostname: hostname.unwrap_or(defaults.hostname), address: address.unwrap_or(defaults.address) }
}

const CLUSTER_ID_VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
const VERBOSITY_VARIABLE: &str = "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY";

// The Go program's defaults.
const DEFAULT_HEALTH_PORT: u16 = 21363;
const DEFAULT_KUBECONFIG: &str = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml";
const DEFAULT_PORT: u16 = 21362;
const DEFAULT_STATE_DIR: &str = "/var/aws-iam-authenticator";
const INIT_KUBECONFIG: &str = "aws-iam-authenticator.kubeconfig";

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::Parser as _;

    use super::super::args::{Command, CommandLine};
    use super::*;

    /// A command line, an environment, and a config file whose path takes the place of `FILE`.
    struct Given {
        dir: tempfile::TempDir,
        variables: HashMap<&'static str, &'static str>,
    }

    impl Given {
        fn file(text: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("config.yaml"), text).unwrap();
            Self { dir, variables: HashMap::new() }
        }

        fn variable(mut self, name: &'static str, value: &'static str) -> Self {
            self.variables.insert(name, value);
            self
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

        fn server(&self, arguments: &str) -> Result<ServerConfig, String> {
            let environment = |name: &str| self.variables.get(name).map(|value| (*value).to_owned());
            match self.parse(arguments) {
                (global, Command::Server(args)) => {
                    ServerConfig::load(global, args, &environment).map_err(|error| error.to_string())
                }
                (_, other) => panic!("not server: {other:?}"),
            }
        }

        fn init(&self, arguments: &str) -> Result<InitConfig, String> {
            let environment = |name: &str| self.variables.get(name).map(|value| (*value).to_owned());
            match self.parse(arguments) {
                (global, Command::Init(args)) => {
                    InitConfig::load(global, args, &environment).map_err(|error| error.to_string())
                }
                (_, other) => panic!("not init: {other:?}"),
            }
        }
    }

    #[test]
    fn defaults_are_the_go_programs() {
        let config = Given::file("").server("server -i prod").unwrap();
        assert_eq!(config.cluster_id.as_str(), "prod");
        assert_eq!((config.port, config.health_port), (21362, 21363));
        assert_eq!(config.names.hostname.to_str(), "localhost");
        assert_eq!(config.names.address.to_str(), "127.0.0.1");
        assert_eq!(config.state_dir, StateDir::new("/var/aws-iam-authenticator".into()));
        let kubeconfig = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml".into();
        assert_eq!(config.webhook_kubeconfig, WebhookKubeconfigFile::Generate(kubeconfig));
        assert_eq!(config.sources, [SourceName::MountedFile]);
        assert_eq!(config.partition, Partition::Aws);
        assert_eq!(config.api_server, ApiServer::default());
        assert_eq!(config.logs, Logs::default());
        assert_eq!(config.deny_status, DenyStatus::Ok);
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file() {
        let given = |variable| {
            Given::file("clusterID: file\nlog-verbosity: error")
                .variable(CLUSTER_ID_VARIABLE, variable)
                .variable(VERBOSITY_VARIABLE, if variable.is_empty() { "" } else { "debug" })
        };
        for (variable, arguments, cluster_id, verbosity) in [
            ("variable", "server -c FILE -i flag -v trace", "flag", Verbosity::Trace),
            ("variable", "server -c FILE", "variable", Verbosity::Debug),
            ("", "server -c FILE", "file", Verbosity::Error),
        ] {
            let config = given(variable).server(arguments).unwrap();
            assert_eq!((config.cluster_id.as_str(), config.logs.verbosity), (cluster_id, verbosity), "{arguments}");
        }
    }

    #[test]
    fn each_flag_beats_its_key() {
        let given = Given::file(
            "clusterID: a
server:
  address: 10.0.0.1
  backendMode: CRD
  denyStatus: 200
  generateKubeconfig: /file
  healthPort: 1
  hostname: file.example
  kubeconfig: /file
  kubeconfigPregenerated: true
  master: https://file
  partition: aws-cn
  port: 1
  stateDir: /file
  stsCAFile: /file
  stsEndpoint: file:1
",
        );
        let config = given
            .server(
                "server -c FILE --address 10.0.0.2 --backend-mode EKSConfigMap,MountedFile --deny-status 403 \
                 --generate-kubeconfig /flag --health-port 2 --hostname flag.example --kubeconfig /flag \
                 --kubeconfig-pregenerated=false --master= --partition aws-us-gov --port 2 --state-dir /flag \
                 --sts-ca-file /flag --sts-endpoint flag:2",
            )
            .unwrap();
        assert_eq!(config.names.address.to_str(), "10.0.0.2");
        assert_eq!(config.names.hostname.to_str(), "flag.example");
        assert_eq!(config.sources, [SourceName::EksConfigMap, SourceName::MountedFile]);
        assert_eq!(config.deny_status, DenyStatus::Forbidden);
        assert_eq!((config.port, config.health_port), (2, 2));
        assert_eq!(config.webhook_kubeconfig, WebhookKubeconfigFile::Generate("/flag".into()));
        assert_eq!(config.api_server, ApiServer { kubeconfig: Some("/flag".into()), master: None });
        assert_eq!(config.partition, Partition::AwsUsGov);
        assert_eq!(config.state_dir, StateDir::new("/flag".into()));
        assert_eq!(config.sts_ca_file, Some("/flag".into()));
        assert_eq!(config.sts_endpoint, Some("flag:2".parse().unwrap()));
    }

    #[test]
    fn without_flags_the_file_decides() {
        let config = Given::file(
            "clusterid: a\nSERVER: {port: 7, kubeconfigPregenerated: true, generateKubeconfig: /k, backendmode: ConfigMap}",
        )
        .server("-c FILE server")
        .unwrap();
        assert_eq!(config.port, 7);
        assert_eq!(config.webhook_kubeconfig, WebhookKubeconfigFile::Pregenerated("/k".into()));
        assert_eq!(config.sources, [SourceName::EksConfigMap]);
    }

    #[test]
    fn a_source_that_is_not_built_is_named_where_it_was_asked_for() {
        let error = Given::file("").server("server -i a --backend-mode DynamicFile").unwrap_err();
        assert!(error.starts_with("--backend-mode: DynamicFile is not supported yet"), "{error}");
        let error = Given::file("").server("server -i a --backend-mode Mounted").unwrap_err();
        assert!(error.starts_with("--backend-mode: ") && error.contains("MountedFile"), "{error}");
        let error = Given::file("clusterID: a\nserver:\n  backendMode: [CRD]").server("server -c FILE").unwrap_err();
        assert!(error.contains("config.yaml:3:16: server.backendMode: CRD is not supported yet"), "{error}");
    }

    #[test]
    fn a_missing_cluster_id_is_an_error_that_says_where_it_was_looked_for() {
        for given in [Given::file("server: {}"), Given::file("").variable(CLUSTER_ID_VARIABLE, "")] {
            let error = given.server("server -c FILE").unwrap_err();
            for place in ["--cluster-id", CLUSTER_ID_VARIABLE, "clusterID"] {
                assert!(error.contains(place), "{error}");
            }
        }
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named() {
        let error = Given::file("").variable(CLUSTER_ID_VARIABLE, " a").server("server").unwrap_err();
        assert!(error.starts_with(CLUSTER_ID_VARIABLE), "{error}");
        let error = Given::file("").variable(VERBOSITY_VARIABLE, "loud").server("server -i a").unwrap_err();
        assert!(error.starts_with(VERBOSITY_VARIABLE), "{error}");
    }

    #[test]
    fn a_config_file_that_cannot_be_read_is_named() {
        let error = Given::file("").server("server -c /absent/config.yaml").unwrap_err();
        assert_eq!(error, "cannot read config file /absent/config.yaml");
    }

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
