//! Everything `server` needs to know.

use std::collections::HashSet;
use std::path::PathBuf;

use mapping::format::Update;
use mapping::format::config_file;
use mapping::format::dynamic_file::UserIds;
use mapping::{AccountId, Partition, ReservedPrefixes, SourceName};

use super::{Common, ConfigError, DEFAULT_KUBECONFIG, DEFAULT_PORT, DEFAULT_STATE_DIR, Environment, Logs, names};
use crate::audit::AuditTarget;
use crate::aws::Endpoint;
use crate::cli::args::{GlobalArgs, ServerArgs};
use crate::cli::bounds::Bounds;
use crate::cli::config_file::{DynamicKeys, Remark, Reservation};
use crate::cli::settings::{Ec2Settings, Settings};
use crate::cluster_id::ClusterId;
use crate::http::DenyStatus;
use crate::listen::Port;
use crate::sources::{ApiServer, DynamicFile, MountedFile, OrderFile, SourceOrderError, parse_source_order};
use crate::tls::{AllowedNames, Names, StateDir};
use crate::token::{HostTable, Limits};

/// Everything `server` needs to know.
#[derive(Debug)]
pub(in crate::cli) struct ServerConfig {
    /// The API server whose mappings are read.
    pub(in crate::cli) api_server: ApiServer,
    /// Where decisions are recorded, if anywhere.
    pub(in crate::cli) audit_log: Option<AuditTarget>,
    /// How much there may be of everything.
    pub(in crate::cli) bounds: Bounds,
    /// The authorities of client certificates, if only their holders may ask.
    pub(in crate::cli) client_ca_file: Option<PathBuf>,
    /// The names of which a client certificate must have one.
    pub(in crate::cli) client_allowed_names: Option<AllowedNames>,
    /// The cluster that tokens must be signed for.
    pub(in crate::cli) cluster_id: ClusterId,
    /// The status of a refusal.
    pub(in crate::cli) deny_status: DenyStatus,
    /// How EC2 is asked about nodes.
    pub(in crate::cli) ec2: Ec2Settings,
    /// The endpoints of STS that are asked.
    pub(in crate::cli) hosts: HostTable,
    /// How far a token may go.
    pub(in crate::cli) limits: Limits,
    /// The port of the health endpoint; 0 for any.
    pub(in crate::cli) health_port: u16,
    /// How to log.
    pub(in crate::cli) logs: Logs,
    /// The mappings of the config file.
    pub(in crate::cli) mappings: Update<config_file::ConfigFile>,
    /// The config file, whose mappings may change.
    pub(in crate::cli) mounted_file: Option<MountedFile>,
    /// The names that the certificate must have.
    pub(in crate::cli) names: Names,
    /// The partition whose STS is believed.
    pub(in crate::cli) partition: Partition,
    /// Whether ports are shared with another process.
    pub(in crate::cli) port_use: Port,
    /// The port to listen on; 0 for any.
    pub(in crate::cli) port: u16,
    /// What sources must not give.
    pub(in crate::cli) reserved: Vec<(SourceName, ReservedPrefixes)>,
    /// The accounts whose callers are not described.
    pub(in crate::cli) scrubbed: HashSet<AccountId>,
    /// The file of mappings beside the config file.
    pub(in crate::cli) dynamic_file: Option<DynamicFile>,
    /// The file that says the order of sources while the server runs.
    pub(in crate::cli) order_file: Option<OrderFile>,
    /// Where mappings come from, most trusted first.
    pub(in crate::cli) sources: Vec<SourceName>,
    /// Where certificate and key are.
    pub(in crate::cli) state_dir: StateDir,
    /// Whom to trust for STS, if not whom the environment and the system do.
    pub(in crate::cli) sts_ca_file: Option<PathBuf>,
    /// The certificate to show on the way to STS, if one is asked for.
    pub(in crate::cli) sts_client_cert_file: Option<PathBuf>,
    /// Where connections to STS go, if not where DNS says.
    pub(in crate::cli) sts_endpoint: Option<Endpoint>,
    /// What is probably not meant as the config file says it.
    pub(in crate::cli) warnings: Vec<Remark>,
    /// The webhook kubeconfig.
    pub(in crate::cli) webhook_kubeconfig: WebhookKubeconfigFile,
}

/// The webhook kubeconfig's file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) enum WebhookKubeconfigFile {
    /// The server writes it.
    Generate(PathBuf),
    /// `init` wrote it, and it stays as it is.
    Pregenerated(PathBuf),
}

impl ServerConfig {
    /// Puts together what `server` was given.
    ///
    /// # Errors
    /// When something is missing, or not what it should be. The error names the flag, variable or key.
    pub(in crate::cli) fn load(
        global: GlobalArgs,
        args: ServerArgs,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let Common { cluster_id, configured_init_directories: _, file, logs } = Common::load(global, environment)?;
        let settings = Settings::from(args).over(file.server);
        let Settings {
            address,
            audit_log,
            backend_mode,
            bounds,
            client_allowed_names,
            client_ca_file,
            deny_status,
            ec2,
            generate_kubeconfig,
            health_port,
            hostname,
            kubeconfig,
            kubeconfig_pregenerated,
            master,
            partition,
            port,
            reuse_port,
            state_dir,
            sts_ca_file,
            sts_client_cert_file,
            sts_endpoint,
            tokens,
        } = settings;
        if client_allowed_names.is_some() && client_ca_file.is_none() {
            return Err(ConfigError::NamesWithoutAuthorities);
        }
        let partition = partition.unwrap_or(Partition::Aws);
        let (hosts, limits) = tokens.resolve(partition)?;
        let webhook_kubeconfig = generate_kubeconfig.unwrap_or_else(|| DEFAULT_KUBECONFIG.into());
        let dynamic_file = dynamic_file(&file.dynamic);
        let order_file = file.dynamic.order.map(|path| OrderFile { path, dynamic_file: dynamic_file.is_some() });
        let sources = sources(backend_mode, dynamic_file.is_some())?;
        let (reserved, unused) = reserved(file.reserved, &sources, order_file.is_some());
        Ok(Self {
            api_server: ApiServer {
                kubeconfig: kubeconfig.filter(|path| !path.as_os_str().is_empty()),
                master: master.filter(|url| !url.is_empty()),
                context: None,
            },
            audit_log,
            bounds,
            client_allowed_names,
            client_ca_file,
            cluster_id,
            deny_status: deny_status.unwrap_or_default(),
            ec2,
            health_port: health_port.unwrap_or(DEFAULT_HEALTH_PORT),
            hosts,
            limits,
            logs,
            mappings: file.mappings,
            mounted_file: file.mounted,
            names: names(hostname, address),
            partition,
            port_use: if reuse_port.unwrap_or(false) { Port::Shared } else { Port::Alone },
            port: port.unwrap_or(DEFAULT_PORT),
            reserved,
            scrubbed: file.scrubbed,
            dynamic_file,
            order_file,
            sources,
            state_dir: StateDir::new(state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into())),
            sts_ca_file,
            sts_client_cert_file,
            sts_endpoint,
            warnings: [file.warnings, unused].concat(),
            webhook_kubeconfig: if kubeconfig_pregenerated.unwrap_or(false) {
                WebhookKubeconfigFile::Pregenerated(webhook_kubeconfig)
            } else {
                WebhookKubeconfigFile::Generate(webhook_kubeconfig)
            },
        })
    }
}

fn sources(given: Option<(Vec<String>, String)>, has_dynamic_file: bool) -> Result<Vec<SourceName>, ConfigError> {
    let Some((names, origin)) = given else { return Ok(vec![SourceName::MountedFile]) };
    let order = parse_source_order(&names).and_then(|order| {
        let lacks_file = order.contains(&SourceName::DynamicFile) && !has_dynamic_file;
        if lacks_file { Err(SourceOrderError::NoDynamicFile) } else { Ok(order) }
    });
    order.map_err(|error| ConfigError::Sources { origin, error })
}

fn dynamic_file(keys: &DynamicKeys) -> Option<DynamicFile> {
    let user_ids = if keys.user_ids_required { UserIds::Required } else { UserIds::Optional };
    keys.file.clone().map(|path| DynamicFile { path, user_ids })
}

/// What is kept from these sources, and a remark on what is kept from others; `may_change` says that others may join them.
fn reserved(
    reservations: Vec<Reservation>,
    sources: &[SourceName],
    may_change: bool,
) -> (Vec<(SourceName, ReservedPrefixes)>, Vec<Remark>) {
    let (used, unused): (Vec<_>, Vec<_>) =
        reservations.into_iter().partition(|reservation| may_change || sources.contains(&reservation.source));
    (
        used.into_iter().map(|reservation| (reservation.source, reservation.prefixes)).collect(),
        unused.into_iter().map(|reservation| reservation.unused).collect(),
    )
}

/// The Go program's default.
const DEFAULT_HEALTH_PORT: u16 = 21363;

#[cfg(test)]
mod tests {
    use super::super::given::Given;
    use super::super::{CLUSTER_ID_VARIABLE, VERBOSITY_VARIABLE};
    use super::*;
    use crate::logs::Verbosity;

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
        assert_eq!(config.limits, Limits::default());
        assert!(config.hosts.get("sts.us-west-2.amazonaws.com").is_some());
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
  allowedSTSRegions: [cn-north-1]
  auditLog: /file
  maxConnections: 9
  reusePort: true
  stsTries: 1
  backendMode: CRD
  clientAllowedNames: [file]
  clientCAFile: /file
  denyStatus: 200
  ec2DescribeInstancesBurst: 1
  ec2DescribeInstancesQps: 1
  ec2DescribeInstancesRoleARN: arn:aws:iam::111122223333:role/Describe
  ec2Endpoint: file:1
  iamEndpoint: file:1
  sourceARN: ''
  extraSTSRegions: [cn-new-1]
  generateKubeconfig: /file
  healthPort: 1
  hostname: file.example
  kubeconfig: /file
  kubeconfigPregenerated: true
  master: https://file
  maxClockSkew: 1m
  maxTokenSize: 5000
  partition: aws-cn
  port: 1
  stateDir: /file
  stsCAFile: /file
  stsClientCertFile: /file
  stsEndpoint: file:1
  stsFIPSOnly: true
",
        );
        let config = given
            .server(
                "server -c FILE --address 10.0.0.2 --audit-log - --reuse-port=false --sts-tries 2 --backend-mode EKSConfigMap,MountedFile --deny-status 403 \
                 --generate-kubeconfig /flag --health-port 2 --hostname flag.example --kubeconfig /flag \
                 --kubeconfig-pregenerated=false --master= --partition aws-us-gov --port 2 --state-dir /flag \
                 --sts-ca-file /flag --sts-client-cert-file /flag --client-ca-file /flag --client-allowed-names flag,other --sts-endpoint flag:2 --ec2-endpoint flag:2 --ec2-describeInstances-qps 3 --sts-fips-only=false --max-clock-skew 2m --max-token-size 6000 \
                 --extra-sts-regions us-gov-new-1 --allowed-sts-regions us-gov-new-1,us-gov-west-1",
            )
            .unwrap();
        assert_eq!(config.audit_log, Some(AuditTarget::Stdout));
        assert_eq!((config.bounds.shield().tries, config.bounds.http().connections), (2, 9));
        assert_eq!(config.port_use, Port::Alone);
        assert_eq!(config.names.address.to_str(), "10.0.0.2");
        assert_eq!(config.names.hostname.to_str(), "flag.example");
        assert_eq!(config.sources, [SourceName::EksConfigMap, SourceName::MountedFile]);
        assert_eq!(config.deny_status, DenyStatus::Forbidden);
        assert_eq!((config.port, config.health_port), (2, 2));
        assert_eq!(config.webhook_kubeconfig, WebhookKubeconfigFile::Generate("/flag".into()));
        assert_eq!(config.api_server, ApiServer { kubeconfig: Some("/flag".into()), ..ApiServer::default() });
        assert_eq!(config.partition, Partition::AwsUsGov);
        assert_eq!(config.state_dir, StateDir::new("/flag".into()));
        assert_eq!(config.sts_ca_file, Some("/flag".into()));
        assert_eq!(config.sts_client_cert_file, Some("/flag".into()));
        assert_eq!(config.client_ca_file, Some("/flag".into()));
        let names = ["flag", "other"].map(|name| name.parse().unwrap());
        assert_eq!(config.client_allowed_names, Some(AllowedNames::new(names).unwrap()));
        assert_eq!(config.sts_endpoint, Some("flag:2".parse().unwrap()));
        assert_eq!(config.ec2.endpoint, Some("flag:2".parse().unwrap()));
        assert_eq!(config.ec2.iam_endpoint, Some("file:1".parse().unwrap()));
        assert_eq!(
            config.ec2.per_second.zip(config.ec2.burst).map(|(qps, burst)| (qps.get(), burst.get())),
            Some((3, 1))
        );
        assert_eq!((config.ec2.role.is_some(), config.ec2.source), (true, None));
        let limits = Limits { max_token_bytes: 6000, max_ahead: std::time::Duration::from_secs(120) };
        assert_eq!(config.limits, limits);
        for (host, asked) in [("us-gov-new-1", true), ("us-gov-west-1", true), ("us-gov-east-1", false)] {
            assert_eq!(config.hosts.get(&format!("sts.{host}.amazonaws.com")).is_some(), asked, "{host}");
        }
    }

    #[test]
    fn the_file_says_which_tokens_are_worth_a_question() {
        let rows = [
            ("stsFIPSOnly: true", "sts.us-west-2.amazonaws.com", false),
            ("stsFIPSOnly: true", "sts-fips.us-west-2.amazonaws.com", true),
            ("allowedSTSRegions: eu-west-1 us-west-2", "sts.us-west-2.amazonaws.com", true),
            ("allowedSTSRegions: [eu-west-1]", "sts.us-west-2.amazonaws.com", false),
            ("extraSTSRegions: us-new-1,us-new-2", "sts.us-new-2.amazonaws.com", true),
            ("extraSTSRegions: []", "sts.us-new-2.amazonaws.com", false),
        ];
        for (line, host, asked) in rows {
            let text = format!("clusterID: a\nserver:\n  {line}\n");
            let config = Given::file(&text).server("server -c FILE").unwrap();
            assert_eq!(config.hosts.get(host).is_some(), asked, "{line}: {host}");
        }
    }

    #[test]
    fn regions_that_leave_no_endpoint_are_an_error_that_names_flag_and_key() {
        for (line, arguments, message) in [
            ("", "server -c FILE --allowed-sts-regions us-west-9", "us-west-9 is not a known region of partition aws"),
            ("allowedSTSRegions: []", "server -c FILE", "no region is named"),
            ("extraSTSRegions: [cn-north-1]", "server -c FILE", "cn-north-1 is a region of partition aws-cn"),
        ] {
            let error = Given::file(&format!("clusterID: a\nserver:\n  {line}\n")).server(arguments).unwrap_err();
            assert!(error.starts_with("--allowed-sts-regions and --extra-sts-regions"), "{error}");
            assert!(error.contains("server.allowedSTSRegions") && error.contains(message), "{error}");
        }
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
    fn a_source_that_is_none_is_named_where_it_was_asked_for() {
        let error = Given::file("").server("server -i a --backend-mode Mounted").unwrap_err();
        assert!(error.starts_with("--backend-mode: ") && error.contains("MountedFile"), "{error}");
        let error = Given::file("clusterID: a\nserver:\n  backendMode: [CRDs]").server("server -c FILE").unwrap_err();
        assert!(error.contains("config.yaml:3:16: server.backendMode: \"CRDs\" is none of"), "{error}");
    }

    #[test]
    fn the_dynamic_file_is_a_source_where_it_is_named() {
        let error = Given::file("").server("server -i a --backend-mode DynamicFile").unwrap_err();
        assert!(error.starts_with("--backend-mode: DynamicFile needs a file: server.dynamicfilepath"), "{error}");
        for (key, user_ids) in [("", UserIds::Optional), ("\n  dynamicfileUserIDStrict: true", UserIds::Required)] {
            let file = Given::file(&format!("clusterID: a\nserver:\n  dynamicfilepath: /d.json{key}"));
            let config = file.server("server -c FILE --backend-mode CRD,DynamicFile").unwrap();
            assert_eq!(config.sources, [SourceName::Crd, SourceName::DynamicFile]);
            assert_eq!(config.dynamic_file, Some(DynamicFile { path: "/d.json".into(), user_ids }));
        }
    }

    #[test]
    fn prefixes_are_reserved_from_sources_that_may_join_later() {
        let text = |key: &str| {
            format!(
                "clusterID: a\nserver:\n  {key}\n  reservedPrefixConfig: [{{backendMode: CRD, usernamePrefixReserveList: [a]}}]"
            )
        };
        let config = Given::file(&text("dynamicBackendModePath: /m.json")).server("server -c FILE").unwrap();
        let order_file = OrderFile { path: "/m.json".into(), dynamic_file: false };
        assert_eq!((config.reserved.len(), config.order_file), (1, Some(order_file)));
        assert!(config.warnings.is_empty());
        let config = Given::file(&text("dynamicBackendModePath: ''")).server("server -c FILE").unwrap();
        assert_eq!((config.reserved.len(), config.order_file, config.warnings.len()), (0, None, 1));
    }

    #[test]
    fn prefixes_are_reserved_from_sources_that_are_asked_and_others_are_warned_about() {
        let given = Given::file(
            "clusterID: a
server:
  backendMode: [MountedFile]
  reservedPrefixConfig:
  - {backendMode: EKSConfigMap, usernamePrefixReserveList: ['system:']}
",
        );
        let config = given.server("server -c FILE --backend-mode MountedFile,EKSConfigMap").unwrap();
        assert_eq!(config.reserved, [(SourceName::EksConfigMap, ReservedPrefixes::new(["system:"], [""; 0]))]);
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);

        let config = given.server("server -c FILE").unwrap();
        assert_eq!(config.reserved, []);
        let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
        let warning = warning.to_string();
        let expected =
            "config.yaml:5:19: server.reservedPrefixConfig: reserves nothing: backendMode does not name EKSConfigMap";
        assert!(warning.ends_with(expected), "{warning}");
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
}
