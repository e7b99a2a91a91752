//! Client libraries of Kubernetes in other languages: each lists the namespaces as its users do, with a program of `tests/clients`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use super::process::clean_command;

/// A client library, by its name in the registry that has it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The name.
    pub name: &'static str,
    language: Language,
}

/// What came of the question for the namespaces.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Listing {
    /// Their names.
    Namespaces {
        /// In the API server's order.
        namespaces: Vec<String>,
    },
    /// The library says no.
    Failed {
        /// That of the API server's answer; `None` if the library did not ask it.
        status: Option<u16>,
        /// What the library says.
        error: String,
    },
}

#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    Node,
    Java,
}

impl Client {
    /// Whether this is the version of the library that the suite installs.
    #[must_use]
    pub fn is_pinned_at(self, version: &str) -> bool {
        let name = self.name;
        match self.language {
            Language::Python => REQUIREMENTS.lines().any(|line| line == format!("{name}=={version}")),
            Language::Node => PACKAGE.contains(&format!(r#""{name}": "{version}""#)),
            Language::Java => {
                let artifact = format!("<artifactId>{name}</artifactId>");
                let pinned = format!("<version>{version}</version>");
                POM.split_once(&artifact).is_some_and(|(_, rest)| rest.trim_start().starts_with(&pinned))
            }
        }
    }

    /// Lists the namespaces of the cluster that a kubeconfig names, in a folder that is its user's home.
    ///
    /// # Panics
    ///
    /// The library is not installed, or its program breaks.
    #[must_use]
    pub fn list_namespaces(self, kubeconfig: &Path, home: &Path) -> Listing {
        let output = clean_command(&self.program(), home)
            .args(self.arguments())
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{} cannot be run: {error}", self.name));
        let listing = serde_json::from_slice(&output.stdout);
        let listing: Listing = listing.unwrap_or_else(|error| panic!("{}: {error}: {output:?}", self.name));
        let succeeded = matches!(listing, Listing::Namespaces { .. });
        assert_eq!(output.status.code(), Some(i32::from(!succeeded)), "{}: {output:?}", self.name);
        listing
    }

    fn program(self) -> PathBuf {
        match self.language {
            Language::Python => self.language.folder().join("bin/python"),
            Language::Node => "node".into(),
            Language::Java => "java".into(),
        }
    }

    fn arguments(self) -> Vec<OsString> {
        let source = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(path).into_os_string();
        match self.language {
            Language::Python => vec![source("python/namespaces.py"), self.name.into()],
            Language::Node => vec![source("node/namespaces.mjs"), self.language.folder().into()],
            Language::Java => {
                let folder = self.language.folder();
                let class_path = [folder.join("lib/*"), folder.join("classes")];
                let class_path = class_path.map(PathBuf::into_os_string).join(OsStr::new(":"));
                // It ends before more than the quickest of compilers would pay.
                let quick = "-XX:TieredStopAtLevel=1".into();
                vec![quick, "-cp".into(), class_path, "Namespaces".into(), self.name.into()]
            }
        }
    }
}

impl Language {
    /// Where `tests/clients/install.sh` put its libraries.
    fn folder(self) -> PathBuf {
        let (variable, kind) = match self {
            Self::Python => ("CLIENTS_PYTHON", "python"),
            Self::Node => ("CLIENTS_NODE", "node"),
            Self::Java => ("CLIENTS_JAVA", "java"),
        };
        let folder = std::env::var_os(variable).unwrap_or_else(|| {
            panic!(
                "{variable} must name a folder with client libraries: `make test` makes one, or\n  \
                 tests/clients/install.sh {kind} DIR; export {variable}=DIR"
            )
        });
        folder.into()
    }
}

/// All that the suite logs in with.
pub const CLIENTS: [Client; 8] = [
    Client { name: "kubernetes", language: Language::Python },
    Client { name: "kubernetes_asyncio", language: Language::Python },
    Client { name: "pykube-ng", language: Language::Python },
    Client { name: "lightkube", language: Language::Python },
    Client { name: "kr8s", language: Language::Python },
    Client { name: "@kubernetes/client-node", language: Language::Node },
    Client { name: "client-java", language: Language::Java },
    Client { name: "kubernetes-client", language: Language::Java },
];

const REQUIREMENTS: &str = include_str!("../../clients/python/requirements.txt");
const PACKAGE: &str = include_str!("../../clients/node/package.json");
const POM: &str = include_str!("../../clients/java/pom.xml");
