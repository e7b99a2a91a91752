//! A cluster whose API server asks our webhook: real etcd, kube-apiserver and kubectl, the two programs as built, and an STS.
//!
//! ```text
//! Dawn::new()     the webhook runs, and waits for an API server that is not there yet
//!     ▼
//! Dawn::rise()    etcd and the API server, which reads the webhook's kubeconfig once
//!     ▼
//! Cluster         people with AWS credentials run kubectl
//! ```
//!
//! That is the order of a kubeadm cluster, and no other is possible: the API server needs the webhook's kubeconfig to start,
//! and the webhook finds `kube-system/aws-auth` in the API server.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::control_plane::{ControlPlane, Kubeconfig, ReviewVersion, Site, Webhook};
use super::eks::Eks;
use super::server::{Server, Setup};
use super::sts::{Principal, Sts};
use super::{programs, secrets};

/// A webhook that waits for its API server.
// The fields of this and the next are dropped in their order: each part ends before those that it leans on.
pub struct Dawn {
    webhook: Server,
    site: Site,
    sts: Sts,
}

/// All parts together.
pub struct Cluster {
    webhook: Server,
    control_plane: ControlPlane,
    sts: Sts,
}

/// The version of the ExecCredential that a kubeconfig asks its plugin for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExecVersion {
    /// `client.authentication.k8s.io/v1`.
    V1,
    /// `client.authentication.k8s.io/v1beta1`.
    V1Beta1,
}

impl Dawn {
    /// Starts the STS and the webhook, which takes mappings from these lines of its config file's `server` section, then from
    /// aws-auth.
    ///
    /// # Errors
    ///
    /// When a part does not come up.
    pub fn new(mappings: &str) -> Result<Self> {
        let sts = Sts::start([]);
        let site = Site::prepare()?;
        let config =
            format!("clusterID: {CLUSTER_ID}\nserver:\n  backendMode: [MountedFile, EKSConfigMap]\n{mappings}");
        let webhook = Setup::new(&config)
            .sts(&sts)
            .argument(format!("--kubeconfig={}", site.administrator().path().display()))
            .start()?;
        Ok(Self { webhook, site, sts })
    }

    /// The webhook.
    #[must_use]
    pub fn webhook(&self) -> &Server {
        &self.webhook
    }

    /// The STS that it asks.
    #[must_use]
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// Starts the API server, which asks the webhook in this version.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn rise(self, version: ReviewVersion) -> Result<Cluster> {
        let Self { webhook, site, sts } = self;
        let kubeconfig = webhook.kubeconfig();
        let control_plane = site.start(Some(Webhook { kubeconfig: &kubeconfig, version }))?;
        Ok(Cluster { webhook, control_plane, sts })
    }
}

impl Cluster {
    /// kubectl, and the API server that it asks.
    #[must_use]
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The STS that the webhook asks.
    #[must_use]
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// The webhook.
    #[must_use]
    pub fn webhook(&self) -> &Server {
        &self.webhook
    }

    /// Starts an EKS, moto's, which says that its cluster [`EKS_NAME`] is this one: a local one on an Outpost, whose authenticator
    /// goes by an id.
    ///
    /// # Errors
    ///
    /// When the API server's authority cannot be read.
    pub fn eks(&self) -> Result<Eks> {
        let site = self.control_plane.site();
        Ok(Eks::start(&json!([{
            "region": REGION, "name": EKS_NAME, "id": CLUSTER_ID, "outpost": {"outpostArns": []},
            "endpoint": site.api_server_url(), "authority": site.api_server_authority()?,
        }])))
    }

    /// The kubeconfig of somebody with these credentials; the STS knows them from now on.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn join(&self, name: &str, principal: &Principal, version: ExecVersion) -> Result<Kubeconfig> {
        self.sts.know(principal.clone());
        self.kubeconfig(name, principal, version)
    }

    /// The kubeconfig of somebody with these credentials, whether or not the STS knows them.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn kubeconfig(&self, name: &str, principal: &Principal, version: ExecVersion) -> Result<Kubeconfig> {
        let entry = json!({
            "apiVersion": version.api_version(),
            "args": ["token", "-i", CLUSTER_ID, "--region", REGION],
            "interactiveMode": "Never",
        });
        self.kubeconfig_of(name, principal, entry)
    }

    /// The same, where another program wrote the user's `exec` entry: its `command` becomes our plugin, and the credentials are put
    /// into its `env`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn kubeconfig_of(&self, name: &str, principal: &Principal, mut entry: Value) -> Result<Kubeconfig> {
        secrets::remember(&principal.secret_access_key);
        principal.session.iter().for_each(|session| secrets::remember(&session.token));
        // Somebody may try this in a shell with a session of their own. What is empty is absent.
        let none = ["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"].map(|name| (name.to_owned(), String::new()));
        let environment: BTreeMap<_, _> = none.into_iter().chain(principal.env()).collect();
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        entry["command"] = json!(programs::client());
        entry["env"] = json!(environment);
        self.control_plane.site().kubeconfig(name, &json!({ "exec": entry }))
    }

    /// Replaces the data of aws-auth by these members, each a key and its YAML text.
    ///
    /// # Errors
    ///
    /// When the API server does not take it.
    pub fn set_aws_auth(&self, data: &[(&str, &str)]) -> Result<()> {
        let data: serde_json::Map<_, _> = data.iter().map(|(key, text)| ((*key).to_owned(), json!(text))).collect();
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "aws-auth"},
            "data": data,
        });
        self.control_plane.apply(&object.to_string()).map(drop).context("editing aws-auth")
    }
}

impl ExecVersion {
    /// As a kubeconfig names it.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => super::plugin::V1,
            Self::V1Beta1 => super::plugin::BETA,
        }
    }
}

/// The cluster that tokens are signed for.
pub const CLUSTER_ID: &str = "a-cluster.example.com";
/// Its name where EKS is asked for it.
pub const EKS_NAME: &str = "outpost";
/// Whose STS the tokens are for.
pub const REGION: &str = "eu-west-1";
