//! A kubelet that joins a cluster with our plugin: kubemark, which is the real one with containers that are none.
//!
//! It registers a real Node, renews a real lease and reports a real status. It listens on two ports of all addresses, as every kubelet
//! does, and has no pods that could be reached there.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::control_plane::{Kubeconfig, Site, kubemark};
use super::instance::Instance;
use super::process::Process;
use super::{programs, secrets};

/// A running kubelet, of one instance.
#[derive(Debug)]
pub struct Kubelet {
    process: Process,
    kubeconfig: Kubeconfig,
    _folder: TempDir,
}

/// How the kubeconfig of an AMI runs the plugin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ami {
    /// `aws-iam-authenticator token -i CLUSTER --region REGION`: the command stays, and is a link to our plugin.
    AwsIamAuthenticator,
    /// `aws eks get-token --cluster-name CLUSTER --region REGION`: the command becomes our plugin, and nothing else changes.
    Aws,
}

impl Ami {
    /// The user's `exec` entry, as the AMI writes it but for the place of the command.
    fn entry(self, cluster: &str, region: &str, folder: &Path) -> Result<Value> {
        let (command, arguments) = match self {
            Ami::AwsIamAuthenticator => {
                let link = folder.join("aws-iam-authenticator");
                symlink(programs::client(), &link).context("linking the plugin")?;
                (link, vec!["token", "-i", cluster, "--region", region])
            }
            Ami::Aws => {
                let arguments = vec!["eks", "get-token", "--cluster-name", cluster, "--region", region];
                (programs::client().to_owned(), arguments)
            }
        };
        Ok(json!({
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": command,
            "args": arguments,
        }))
    }
}

impl Kubelet {
    /// Starts the kubelet of `instance` under a node's name, against this control plane.
    ///
    /// # Errors
    ///
    /// When it cannot be started. Whether it joins is to be seen at the API server.
    pub fn start(
        site: &Site,
        node: &str,
        ami: Ami,
        (cluster, region): (&str, &str),
        instance: &Instance,
    ) -> Result<Self> {
        // Short, since sockets are made in it.
        let folder = tempfile::Builder::new().prefix("kubelet-").tempdir().context("making a folder")?;
        let entry = ami.entry(cluster, region, folder.path())?;
        let own = site.kubeconfig(&format!("{node}-kubelet"), &json!({ "exec": entry }))?;
        let of_kubectl = {
            let mut entry = entry;
            entry["interactiveMode"] = json!("Never");
            entry["env"] = json!([{"name": METADATA, "value": instance.url()}]);
            site.kubeconfig(&format!("{node}-kubectl"), &json!({ "exec": entry }))?
        };
        let temporary: PathBuf = folder.path().join("t");
        std::fs::create_dir(&temporary).context("making a folder")?;
        let arguments = [
            "--morph=kubelet".to_owned(),
            format!("--name={node}"),
            format!("--kubeconfig={}", own.path().display()),
            format!("--kubelet-port={}", free_port()?),
            "--kubelet-read-only-port=0".to_owned(),
            // Its containers are none, and so are its images: no container runtime is needed.
            "--use-host-image-service=false".to_owned(),
        ];
        let environment = [(METADATA, instance.url()), ("TMPDIR", temporary.to_string_lossy().into_owned())];
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let process = Process::start("kubelet", &kubemark()?, arguments, &environment, folder.path())?;
        Ok(Self { process, kubeconfig: of_kubectl, _folder: folder })
    }

    /// With which kubectl does what this kubelet may do: the plugin's entry is the same, and so are its credentials.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.kubeconfig
    }

    /// All that it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            secrets::assert_none_in("the kubelet", &self.process.log());
        }
    }
}

/// It takes 0 for its default port, so that one has to be found for it.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?.local_addr()?.port())
}

const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
