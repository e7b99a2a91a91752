//! A cluster whose API server asks our webhook: real etcd, kube-apiserver and kubectl, the two programs as built, and
//! an emulated STS.
//!
//! It comes up as a kubeadm cluster does. The webhook is there before the API server, since that reads the webhook's
//! kubeconfig once at its start; and the webhook's mappings in `kube-system/aws-auth` come with the API server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::control_plane::{ControlPlane, Kubeconfig, Kubectl, ReviewVersion, Site, Webhook};
use super::process::Process;
use super::programs;
use super::sts::{Principal, Sts};

/// A webhook that waits for the API server whose kubeconfig it has.
// Fields are dropped in this order, so each part ends before what it leans on.
#[derive(Debug)]
pub struct Dawn {
    webhook: RunningWebhook,
    site: Site,
    sts: Sts,
}

/// All parts together.
#[derive(Debug)]
pub struct Cluster {
    webhook: RunningWebhook,
    control_plane: ControlPlane,
    sts: Sts,
}

/// `authenticator-server server`, as a process.
#[derive(Debug)]
pub struct RunningWebhook {
    process: Process,
    kubeconfig: PathBuf,
}

/// The version of the ExecCredential that a kubeconfig asks its plugin for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExecVersion {
    /// `client.authentication.k8s.io/v1`.
    V1,
    /// `client.authentication.k8s.io/v1beta1`.
    V1Beta1,
}
