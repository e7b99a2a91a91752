//! A person's home, and the two programs that are run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use authenticator_tests::support::eks::{AwsCli, Eks};
use authenticator_tests::support::programs::{self, Run};
use serde_json::json;
use tempfile::TempDir;

/// Both are started once, and end with the suite.
pub(super) static AWS: LazyLock<(Eks, AwsCli)> = LazyLock::new(|| {
    let cluster = |region: &str, name: &str, status: &str| {
        json!({
            "region": region, "name": name, "status": status, "endpoint": format!("https://{name}.{region}.example"),
            "authority": AUTHORITY,
        })
    };
    let mut local = cluster("us-west-2", "local", "ACTIVE");
    local["id"] = json!("0e1d2c3b-local");
    local["outpost"] = json!({"outpostArns": ["arn:aws:outposts:us-west-2:123456789012:outpost/op-1"]});
    let clusters = json!([
        cluster("us-west-2", "demo", "ACTIVE"),
        cluster("us-west-2", "changing", "UPDATING"),
        cluster("us-west-2", "coming", "CREATING"),
        cluster("eu-west-1", "demo", "ACTIVE"),
        cluster("cn-north-1", "demo", "ACTIVE"),
        local,
    ]);
    (Eks::start(&clusters), AwsCli::load())
});

/// A person's home, with kubeconfigs in it.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new(kubeconfig: Option<&str>) -> Self {
        let home = Self(TempDir::new().unwrap());
        fs::create_dir(home.path(".aws")).unwrap();
        fs::write(home.path(".aws/config"), CONFIG).unwrap();
        fs::write(home.path(".aws/credentials"), "[p]\naws_access_key_id = AKIAP\naws_secret_access_key = p-secret\n")
            .unwrap();
        if let Some(text) = kubeconfig {
            home.write("config", text);
        }
        home
    }

    /// The home itself.
    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The variables of both programs. `KUBECONFIG` is a list of names of this folder.
    pub(super) fn env(&self, kubeconfig: &str) -> Vec<(String, String)> {
        let list: Vec<String> = kubeconfig
            .split(':')
            .map(|name| if name.trim().is_empty() { name.to_owned() } else { self.path(name).display().to_string() })
            .collect();
        [
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret"),
            ("AWS_DEFAULT_REGION", "us-west-2"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL", &AWS.0.url()),
            ("HOME", &self.0.path().display().to_string()),
            ("KUBECONFIG", &list.join(":")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    pub(super) fn ours(&self, kubeconfig: &str, arguments: &[&str]) -> Run {
        programs::run(programs::client(), self.0.path(), arguments, &self.env(kubeconfig))
    }

    pub(super) fn aws_clis(&self, kubeconfig: &str, arguments: &[&str]) -> Run {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        AWS.1.run(&arguments, &self.env(kubeconfig), self.0.path())
    }
}

const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
/// aws-cli 1 would fetch what a flag's URL leads to.
const CONFIG: &str = "[default]\ncli_follow_urlparam = false\n[profile p]\nregion = us-west-2\n";
