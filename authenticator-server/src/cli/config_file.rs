//! The config file: every key of the Go program's, in any case, each read as what it is.
//!
//! A key that neither the Go program nor this one knows is warned about.

mod remark;
mod reserved;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use mapping::AccountId;
use mapping::format::Update;
use mapping::format::config_file::{self, LoadError};
use mapping::format::yaml::{Document, Map, Node, YamlError};

use super::bounds::Bounds;
use super::settings::Settings;
use super::token_rules::{parse_clock_skew, parse_token_size};
use super::values::{FeatureGates, parse_deny_status, parse_host};
use crate::cluster_id::ClusterId;
use crate::logs::Verbosity;
use crate::sources::MountedFile;
use crate::tls::AllowedNames;
use crate::token::StsRegion;

use remark::Reader;

pub(super) use remark::Remark;
pub(super) use reserved::Reservation;

/// What a config file says, key by key. What it does not say is absent; the empty config is a file that says nothing.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    /// `clusterID`
    pub(super) cluster_id: Option<ClusterId>,
    /// `log-verbosity`
    pub(super) log_verbosity: Option<Verbosity>,
    /// `feature-gates`
    pub(super) feature_gates: Option<FeatureGates>,
    /// `server`, but for the mappings
    pub(super) server: Settings,
    /// `server.mapRoles`, `server.mapUsers` and `server.mapAccounts`
    pub(super) mappings: Update<config_file::ConfigFile>,
    /// The file itself, whose mappings may change.
    pub(super) mounted: Option<MountedFile>,
    /// `server.dynamicfilepath`, `server.dynamicfileUserIDStrict` and `server.dynamicBackendModePath`
    pub(super) dynamic: DynamicKeys,
    /// `server.reservedPrefixConfig`
    pub(super) reserved: Vec<Reservation>,
    /// `server.scrubbedAccounts`
    pub(super) scrubbed: HashSet<AccountId>,
    /// What is probably not meant as it is written.
    pub(super) warnings: Vec<Remark>,
}

/// The files beside the config file, which change while the server runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct DynamicKeys {
    /// Mappings; an empty path is none.
    pub(super) file: Option<PathBuf>,
    /// Whether each of them must have a `userid`.
    pub(super) user_ids_required: bool,
    /// The order of sources; an empty path is none.
    pub(super) order: Option<PathBuf>,
}

/// A config file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigFileError {
    /// Its mappings cannot be used.
    #[error("{file}", file = .file.display())]
    Mappings {
        /// The file.
        file: PathBuf,
        /// Which of them, and where.
        source: LoadError,
    },
    /// It cannot be read.
    #[error("cannot read config file {file}", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not YAML, or a value in it is not what its key takes.
    #[error("{0}")]
    Wrong(Remark),
}

impl ConfigFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is not YAML, or has a value that its key does not take. The error says where.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigFileError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigFileError::Read { file: path.to_owned(), source })?;
        Self::parse(path, text)
    }

    /// Reads `text`, which is the file at `path`, and lets go of it before it makes rules of what it says.
    ///
    /// # Errors
    /// As [`ConfigFile::read`].
    pub(super) fn parse(path: &Path, text: String) -> Result<Self, ConfigFileError> {
        let mut config = Self::default();
        let mut reader = Reader::new(path);
        let document = Document::parse(&text).map_err(|error| reader.wrong(None, error))?;
        config.mounted = Some(MountedFile::new(path, &text, &document));
        drop(text);
        if !document.root().is_null() {
            let mut root = document.into_root().into_map().map_err(|error| reader.wrong(None, error))?;
            config.read_root(&root, &mut reader)?;
            if let Some(section) = root.take_ignore_case(SERVER).filter(|section| !section.is_null()) {
                let section = section.into_map().map_err(|error| reader.wrong(Some(SERVER), error))?;
                config.mappings = config_file::ConfigFile::load(section)
                    .map_err(|source| ConfigFileError::Mappings { file: reader.file().to_owned(), source })?;
            }
        }
        config.warnings = reader.into_warnings();
        Ok(config)
    }

    fn read_root(&mut self, root: &Map, reader: &mut Reader<'_>) -> Result<(), ConfigFileError> {
        for entry in root.entries().iter().filter(|entry| !entry.value().is_null()) {
            let (key, value) = (entry.key(), entry.value());
            let read = match key.to_ascii_lowercase().as_str() {
                "clusterid" => set(&mut self.cluster_id, value.as_parsed()),
                "log-verbosity" => set(&mut self.log_verbosity, value.as_parsed()),
                "feature-gates" => set(&mut self.feature_gates, feature_gates(value)),
                SERVER => {
                    let section = value.as_map().map_err(|error| reader.wrong(Some(key), error))?;
                    (self.server, self.reserved, self.scrubbed, self.dynamic) = read_server(section, reader)?;
                    Ok(())
                }
                // One file may serve the Go program's client too; these are its flags, and nothing here reads them.
                known if CLIENT_KEYS.iter().any(|key| key.eq_ignore_ascii_case(known)) => Ok(()),
                _ => {
                    reader.unknown(entry, "", ROOT_KEYS.iter().chain(CLIENT_KEYS).copied());
                    Ok(())
                }
            };
            read.map_err(|error| reader.wrong(Some(key), error))?;
        }
        Ok(())
    }
}

/// The settings that flags may give too, and what only the file can.
type Section = (Settings, Vec<Reservation>, HashSet<AccountId>, DynamicKeys);

fn read_server(section: &Map, reader: &mut Reader<'_>) -> Result<Section, ConfigFileError> {
    let (mut settings, mut reserved, mut scrubbed, mut dynamic) = Section::default();
    for entry in section.entries().iter().filter(|entry| !entry.value().is_null()) {
        let (key, value) = (entry.key(), entry.value());
        let full_key = format!("server.{key}");
        let read = match key.to_ascii_lowercase().as_str() {
            "address" => set(&mut settings.address, parsed_by(parse_host, value)),
            "allowedstsregions" => set(&mut settings.tokens.allowed_regions, regions(value)),
            "auditlog" => set(&mut settings.audit_log, value.as_parsed()),
            "backendmode" => {
                let origin = reader.remark(None, value.location(), full_key.as_str()).to_string();
                set(&mut settings.backend_mode, source_names(value).map(|names| (names, origin)))
            }
            "clientallowednames" => set(&mut settings.client_allowed_names, client_names(value)),
            "clientcafile" => set(&mut settings.client_ca_file, guard(value)),
            "denystatus" => set(&mut settings.deny_status, parsed_by(parse_deny_status, value)),
            "extrastsregions" => set(&mut settings.tokens.extra_regions, regions(value)),
            "generatekubeconfig" => set(&mut settings.generate_kubeconfig, path(value)),
            "healthport" => set(&mut settings.health_port, value.as_port()),
            "hostname" => set(&mut settings.hostname, parsed_by(parse_host, value)),
            "kubeconfig" => set(&mut settings.kubeconfig, path(value)),
            "kubeconfigpregenerated" => set(&mut settings.kubeconfig_pregenerated, value.as_bool()),
            "master" => set(&mut settings.master, value.as_text().map(str::to_owned)),
            "maxclockskew" => set(&mut settings.tokens.max_ahead, parsed_by(parse_clock_skew, value)),
            "maxtokensize" => set(&mut settings.tokens.max_token_bytes, parsed_by(parse_token_size, value)),
            "partition" => set(&mut settings.partition, value.as_parsed()),
            "port" => set(&mut settings.port, value.as_port()),
            "reuseport" => set(&mut settings.reuse_port, value.as_bool()),
            "statedir" => set(&mut settings.state_dir, path(value)),
            "stscafile" => set(&mut settings.sts_ca_file, path(value)),
            "stsclientcertfile" => set(&mut settings.sts_client_cert_file, path(value)),
            "stsendpoint" => set(&mut settings.sts_endpoint, value.as_parsed()),
            "stsfipsonly" => set(&mut settings.tokens.fips_only, value.as_bool()),
            // Read by the mapping crate, which knows their grammar.
            "maproles" | "mapusers" | "mapaccounts" => Ok(()),
            "ec2describeinstancesqps" => set(&mut settings.ec2.per_second, value.as_parsed()),
            "ec2describeinstancesburst" => set(&mut settings.ec2.burst, value.as_parsed()),
            "ec2describeinstancesrolearn" => some_parsed(value).map(|role| settings.ec2.role = role),
            "ec2endpoint" => set(&mut settings.ec2.endpoint, value.as_parsed()),
            "iamendpoint" => set(&mut settings.ec2.iam_endpoint, value.as_parsed()),
            "sourcearn" => some_parsed(value).map(|source| settings.ec2.source = source),
            "reservedprefixconfig" => reserved::read(value, &full_key, reader).map(|list| reserved = list),
            "scrubbedaccounts" => accounts(value).map(|list| scrubbed = list),
            "dynamicbackendmodepath" => some_path(value).map(|path| dynamic.order = path),
            "dynamicfilepath" => some_path(value).map(|path| dynamic.file = path),
            "dynamicfileuseridstrict" => value.as_bool().map(|strict| dynamic.user_ids_required = strict),
            _ => settings.bounds.read(key, value).map(|is_bound| {
                if !is_bound {
                    reader.unknown(entry, "server.", SERVER_KEYS.iter().copied().chain(Bounds::keys()));
                }
            }),
        };
        read.map_err(|error| reader.wrong(Some(&full_key), error))?;
    }
    Ok((settings, reserved, scrubbed, dynamic))
}

fn set<T>(field: &mut Option<T>, value: Result<T, YamlError>) -> Result<(), YamlError> {
    *field = Some(value?);
    Ok(())
}

fn parsed_by<T, E: fmt::Display>(parse: impl FnOnce(&str) -> Result<T, E>, value: &Node) -> Result<T, YamlError> {
    let text = value.as_text()?;
    parse(text).map_err(|error| value.error(format!("{}: {error}", mapping::Quoted(text))))
}

fn path(value: &Node) -> Result<PathBuf, YamlError> {
    value.as_text().map(PathBuf::from)
}

/// A path, or nothing where the text is empty, as for the Go program.
fn some_path(value: &Node) -> Result<Option<PathBuf>, YamlError> {
    let text = value.as_text()?.trim();
    Ok((!text.is_empty()).then(|| text.into()))
}

/// A value, or nothing where the text is empty, as for the Go program.
fn some_parsed<T: std::str::FromStr<Err: fmt::Display>>(value: &Node) -> Result<Option<T>, YamlError> {
    if value.as_text()?.is_empty() { Ok(None) } else { value.as_parsed().map(Some) }
}

/// The path of a file that keeps people out: a text that was left empty, by a template for instance, lets nobody in by itself.
fn guard(value: &Node) -> Result<PathBuf, YamlError> {
    some_path(value)?.ok_or_else(|| value.error("expected the path of a file; remove the key if there is none"))
}

/// A list of names, or one text of them.
fn source_names(value: &Node) -> Result<Vec<String>, YamlError> {
    match value.as_text() {
        Ok(text) => Ok(vec![text.to_owned()]),
        Err(_) => value.as_seq()?.iter().map(|name| name.as_text().map(str::to_owned)).collect(),
    }
}

/// The names of which a client certificate must have one: a list, or one text as the flag takes it.
fn client_names(value: &Node) -> Result<AllowedNames, YamlError> {
    let texts = match value.as_text() {
        Ok(text) => text.split(',').map(str::to_owned).collect(),
        Err(_) => source_names(value)?,
    };
    let names: Result<Vec<_>, _> = texts.iter().map(|text| text.parse()).collect();
    let names = names.and_then(AllowedNames::new);
    names.map_err(|error| value.error(format!("{error}; remove the key to take every certificate")))
}

/// A list of account ids, or one text of them, apart by white space, as the Go program splits it, or by commas, as it splits
/// `mapAccounts`.
fn accounts(value: &Node) -> Result<HashSet<AccountId>, YamlError> {
    match value.as_text() {
        Ok(text) => {
            let ids = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|id| !id.is_empty());
            ids.map(|id| id.parse().map_err(|error| value.error(format!("{error}")))).collect()
        }
        Err(_) => value.as_seq()?.iter().map(Node::as_parsed).collect(),
    }
}

/// A list of regions, or one text of them, apart by commas or white space.
fn regions(value: &Node) -> Result<Vec<StsRegion>, YamlError> {
    let texts = source_names(value)?;
    let names = texts.iter().flat_map(|text| text.split(|c: char| c == ',' || c.is_whitespace()));
    let regions = names
        .filter(|name| !name.is_empty())
        .map(|name| name.parse().map_err(|error| value.error(format!("{}: {error}", mapping::Quoted(name)))));
    regions.collect()
}

/// `NAME: true`, or one text as the flag takes it.
fn feature_gates(value: &Node) -> Result<FeatureGates, YamlError> {
    let Ok(map) = value.as_map() else {
        return value.as_parsed();
    };
    let mut gates = FeatureGates::default();
    for entry in map.entries() {
        let on = entry.value().as_bool()?;
        gates.set(entry.key(), on).map_err(|error| entry.value().error(error.to_string()))?;
    }
    Ok(gates)
}

const SERVER: &str = "server";
const ROOT_KEYS: &[&str] = &["clusterID", "log-verbosity", "feature-gates", SERVER];

/// What the Go program's other commands take from the same file, and `defaultRole`, which it documents and never reads.
const CLIENT_KEYS: &[&str] = &[
    "cache",
    "defaultRole",
    "externalID",
    "forwardSessionName",
    "output",
    "partition",
    "region",
    "role",
    "sessionName",
    "token",
    "tokenOnly",
];

const SERVER_KEYS: &[&str] = &[
    "address",
    "allowedSTSRegions",
    "auditLog",
    "backendMode",
    "clientAllowedNames",
    "clientCAFile",
    "denyStatus",
    "dynamicBackendModePath",
    "dynamicfileUserIDStrict",
    "dynamicfilepath",
    "ec2DescribeInstancesBurst",
    "ec2DescribeInstancesQps",
    "ec2DescribeInstancesRoleARN",
    "ec2Endpoint",
    "extraSTSRegions",
    "generateKubeconfig",
    "healthPort",
    "hostname",
    "iamEndpoint",
    "kubeconfig",
    "kubeconfigPregenerated",
    "mapAccounts",
    "mapRoles",
    "mapUsers",
    "master",
    "maxClockSkew",
    "maxTokenSize",
    "partition",
    "port",
    "reservedPrefixConfig",
    "reusePort",
    "scrubbedAccounts",
    "sourceARN",
    "stateDir",
    "stsCAFile",
    "stsClientCertFile",
    "stsEndpoint",
    "stsFIPSOnly",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse(Path::new("config.yaml"), text.to_owned())
            .map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    #[test]
    fn a_file_of_client_authorities_that_is_not_named_is_an_error() {
        for text in ["''", "' '"] {
            let error = parse(&format!("server:\n  clientCAFile: {text}")).unwrap_err();
            assert!(error.contains("config.yaml:2:17: server.clientCAFile: expected the path of a file"), "{error}");
        }
        assert_eq!(parse("server:\n  clientCAFile: ca.pem").unwrap().server.client_ca_file, Some("ca.pem".into()));
    }

    #[test]
    fn names_of_client_certificates_are_a_list_or_one_text_and_are_never_none() {
        let read = |value: &str| parse(&format!("server:\n  clientAllowedNames: {value}"));
        let expected = AllowedNames::new(["a", "b c"].map(|name| name.parse().unwrap())).unwrap();
        for value in ["[a, b c]", "'a, b c'", "[' a', b c, a]"] {
            assert_eq!(read(value).unwrap().server.client_allowed_names, Some(expected.clone()), "{value}");
        }
        for value in ["''", "' '", "[]", "['']", "'a,,b'", "[a, ' ']"] {
            let error = read(value).unwrap_err();
            let expected = "server.clientAllowedNames: expected the name of a client certificate; remove the key";
            assert!(error.starts_with("config.yaml:2:23: ") && error.contains(expected), "{value}: {error}");
        }
    }

    fn warnings(text: &str) -> Vec<String> {
        parse(text).unwrap().warnings.iter().map(ToString::to_string).collect()
    }

    /// A good value of every key that is no mapping and is built.
    const SETTINGS: [(&str, &str); 35] = [
        ("dynamicBackendModePath", "/etc/modes.json"),
        ("dynamicfileUserIDStrict", "true"),
        ("dynamicfilepath", "/etc/mappings.json"),
        ("address", "0.0.0.0"),
        ("allowedSTSRegions", "[us-west-2]"),
        ("auditLog", "/var/log/audit.log"),
        ("backendMode", "[EKSConfigMap, MountedFile]"),
        ("clientAllowedNames", "[kube-apiserver]"),
        ("clientCAFile", "/etc/kubernetes/pki/front-ca.pem"),
        ("denyStatus", "403"),
        ("ec2DescribeInstancesBurst", "5"),
        ("ec2DescribeInstancesQps", "15"),
        ("ec2DescribeInstancesRoleARN", "arn:aws:iam::111122223333:role/Describe"),
        ("ec2Endpoint", "ec2.internal:443"),
        ("extraSTSRegions", "[us-new-1]"),
        ("generateKubeconfig", "/etc/kubernetes/webhook.yaml"),
        ("healthPort", "0"),
        ("hostname", "localhost"),
        ("iamEndpoint", "iam.internal:443"),
        ("kubeconfig", "/etc/kubernetes/admin.conf"),
        ("kubeconfigPregenerated", "true"),
        ("master", "https://10.0.0.1:6443"),
        ("maxClockSkew", "90s"),
        ("maxTokenSize", "8192"),
        ("partition", "aws-cn"),
        ("port", "21362"),
        ("reservedPrefixConfig", "[{backendMode: CRD, usernamePrefixReserveList: [aws]}]"),
        ("reusePort", "true"),
        ("scrubbedAccounts", "['111122223333']"),
        ("sourceARN", "arn:aws:eks:us-west-2:111122223333:cluster/prod"),
        ("stateDir", "/var/aws-iam-authenticator"),
        ("stsCAFile", "/etc/ssl/sts.pem"),
        ("stsClientCertFile", "/etc/ssl/webhook.pem"),
        ("stsEndpoint", "127.0.0.1:8443"),
        ("stsFIPSOnly", "true"),
    ];

    const MAPPINGS: [(&str, &str); 3] = [
        ("mapAccounts", "['111122223333']"),
        ("mapRoles", "[{rolearn: 'arn:aws:iam::111122223333:role/Dev', username: dev}]"),
        ("mapUsers", "[{userarn: 'arn:aws:iam::111122223333:user/ann', username: ann}]"),
    ];

    #[test]
    fn every_key_is_known_in_any_case() {
        let mut covered: Vec<_> = [&SETTINGS[..], &MAPPINGS[..]].concat();
        for (key, value) in &covered {
            for key in [key.to_string(), key.to_lowercase(), key.to_uppercase()] {
                assert_eq!(warnings(&format!("server:\n  {key}: {value}\n")), [""; 0], "{key}");
            }
        }
        covered.sort_unstable_by_key(|(key, _)| *key);
        let keys: Vec<_> = covered.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, SERVER_KEYS, "the keys offered for a misspelt one are those that are read");

        for key in ROOT_KEYS.iter().chain(CLIENT_KEYS) {
            let value = match *key {
                "server" => "{}",
                "feature-gates" => "{SSORoleMatch: true}",
                "log-verbosity" => "debug",
                _ => "text",
            };
            assert_eq!(warnings(&format!("{}: {value}", key.to_uppercase())), [""; 0], "{key}");
        }
    }

    #[test]
    fn every_key_but_a_text_refuses_another_type_and_says_where() {
        for (key, _) in SETTINGS {
            let error = parse(&format!("server:\n  {key}: {{a: b}}\n")).unwrap_err();
            let place = format!("config.yaml:2:{}: server.{key}: ", key.len() + 5);
            assert!(error.starts_with(&place), "{error}");
        }
        for (key, _) in MAPPINGS {
            let error = parse(&format!("server:\n  {key}: text\n")).unwrap_err();
            assert!(error.contains("config.yaml") && error.contains(key) && error.contains("line 2"), "{error}");
        }
        for key in ["clusterID", "log-verbosity", "server"] {
            let error = parse(&format!("{key}: [a]")).unwrap_err();
            assert!(error.starts_with(&format!("config.yaml:1:{}: {key}: ", key.len() + 3)), "{error}");
        }
    }

    #[test]
    fn a_value_that_its_key_does_not_take_is_refused_where_it_stands() {
        for (key, value, message) in [
            ("port", "65536", "a port number from 0 to 65535"),
            ("port", "21362.0", "a port number from 0 to 65535"),
            ("address", "a b", "expected a host name or an IP address"),
            ("kubeconfigPregenerated", "yes", "expected true or false"),
            ("backendMode", "[[MountedFile]]", "expected text, found a list"),
            ("denyStatus", "401", "expected 200 or 403"),
            ("partition", "aws-mars", "aws-mars"),
            ("allowedSTSRegions", "[s3]", "\"s3\": expected the name of a region"),
            ("maxClockSkew", "1h", "expected a duration from 0s to 15m"),
            ("maxTokenSize", "100", "expected a number of bytes from 4096 to 24576"),
            ("scrubbedAccounts", "[11112222333]", "digits"),
            ("stsEndpoint", "http://sts:80", "https"),
            ("ec2DescribeInstancesQps", "many", "many"),
        ] {
            let error = parse(&format!("server:\n  {key}: {value}\n")).unwrap_err();
            assert!(error.starts_with("config.yaml:2:") && error.contains(message), "{key}: {error}");
        }
        let error = parse("log-verbosity: loud").unwrap_err();
        assert!(error.starts_with("config.yaml:1:16: log-verbosity: \"loud\": expected one of panic, "), "{error}");
        let error = parse("clusterID: ' prod'").unwrap_err();
        assert!(error.starts_with("config.yaml:1:12: clusterID: "), "{error}");
    }

    #[test]
    fn scrubbed_accounts_are_a_list_or_a_text_of_them() {
        for value in ["['111122223333', 012345678901]", "'111122223333 012345678901'"] {
            let text = format!("server:\n  scrubbedAccounts: {value}\n");
            let mut scrubbed: Vec<_> = parse(&text).unwrap().scrubbed.iter().map(ToString::to_string).collect();
            scrubbed.sort();
            assert_eq!(scrubbed, ["012345678901", "111122223333"], "{value}");
        }
        assert!(parse("server: {scrubbedAccounts: []}").unwrap().scrubbed.is_empty());
    }

    #[test]
    fn dynamic_files_are_those_that_are_named() {
        let dynamic = |text: &str| parse(&format!("server:\n  {text}\n")).unwrap().dynamic;
        for text in ["", "dynamicfilepath: ''", "dynamicBackendModePath: ' '", "dynamicfileUserIDStrict: false"] {
            assert_eq!(dynamic(text), DynamicKeys::default(), "{text}");
        }
        assert_eq!(dynamic("DYNAMICFILEPATH: /a").file, Some("/a".into()));
        assert_eq!(dynamic("dynamicBackendModePath: /a").order, Some("/a".into()));
        assert!(dynamic("dynamicfileUserIDStrict: true").user_ids_required);
    }

    #[test]
    fn an_unknown_key_is_warned_about_with_its_line_and_the_nearest_right_one() {
        assert_eq!(
            warnings("clusterID: a\nserver:\n  stateDirectory: /x\n  portt: 1\nsurver: {}\n"),
            [
                "config.yaml:3:3: unknown key \"server.stateDirectory\" is ignored",
                "config.yaml:4:3: unknown key \"server.portt\" is ignored; did you mean server.port?",
                "config.yaml:5:1: unknown key \"surver\" is ignored; did you mean server?",
            ]
        );
    }

    #[test]
    fn a_key_without_a_value_says_nothing() {
        let file = parse("clusterID:\nserver:\n  port:\n  mapRoles:\n").unwrap();
        assert_eq!(file.cluster_id, None);
        assert_eq!(file.server.port, None);
        for text in ["", "server:", "# nothing\n"] {
            assert!(parse(text).unwrap().warnings.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn sources_are_a_list_or_a_text() {
        for (text, expected) in [("[EKSConfigMap, File]", &["EKSConfigMap", "File"][..]), ("a,b", &["a,b"])] {
            let file = parse(&format!("server:\n  backendMode: {text}\n")).unwrap();
            let (names, origin) = file.server.backend_mode.unwrap();
            assert_eq!(names, expected);
            assert_eq!(origin, "config.yaml:2:16: server.backendMode");
        }
    }

    #[test]
    fn mappings_are_read_and_a_bad_entry_is_told_and_skipped() {
        let file = parse(
            "server:\n  mapUsers:\n  - {userarn: 'arn:aws:iam::111122223333:user/ann', username: ann}\n  - {userarn: nobody}\n",
        )
        .unwrap();
        assert_eq!(file.mappings.next.rules().rule_count(), 1);
        assert!(!file.mappings.diagnostics.is_empty());
    }

    #[test]
    fn what_is_not_yaml_is_refused_where_it_stops() {
        let error = parse("server:\n  port: [\n").unwrap_err();
        assert!(error.starts_with("config.yaml:"), "{error}");
        assert!(parse("just text").unwrap_err().starts_with("config.yaml:1:1: "));
    }
}
