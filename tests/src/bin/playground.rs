//! A real cluster to log in to with AWS credentials, until Ctrl-C: `make playground`.

use anyhow::{Context, Result};
use authenticator_tests::support::cluster::{Cluster, Dawn, ExecVersion};
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::process::log_file;
use authenticator_tests::support::sts::Principal;
use tokio::signal::unix::{SignalKind, signal};

/// The signals are taken before anything runs: Ctrl-C at any moment ends everything in order.
#[tokio::main]
async fn main() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    println!("starting etcd, kube-apiserver, the webhook and an STS");
    let playground = tokio::task::spawn_blocking(|| {
        let cluster = Dawn::new(MAPPINGS)?.rise(ReviewVersion::V1)?;
        let words = set_up(&cluster)?;
        println!("{words}");
        anyhow::Ok(cluster)
    });
    // What is starting cannot be stopped half-way; it takes seconds.
    let cluster = playground.await.context("starting")??;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("ending");
    drop(cluster);
    Ok(())
}

/// Makes a namespace, rights in it and three people, and says how to be each of them.
fn set_up(cluster: &Cluster) -> Result<String> {
    let control_plane = cluster.control_plane();
    control_plane.apply(OBJECTS)?;
    cluster.set_aws_auth(&[("mapUsers", ALICE)])?;
    let ada =
        cluster.join("ada", &Principal::role_session(ACCOUNT, "Administrator", "ada@example.com"), ExecVersion::V1)?;
    let alice = cluster.join("alice", &Principal::user(ACCOUNT, "alice"), ExecVersion::V1)?;
    let bob = cluster.join("bob", &Principal::user(ACCOUNT, "bob"), ExecVersion::V1Beta1)?;
    let version = control_plane.administer(&["version"])?;
    let version = version.lines().find_map(|line| line.strip_prefix("Server Version: ")).unwrap_or("of no version");

    Ok(format!(
        "
A real API server, Kubernetes {version}, that asks our webhook who people are. Paste into another shell:

    alias kubectl={kubectl}

ada has taken on the role Administrator, which the webhook's config file maps to system:masters.

    export KUBECONFIG={ada}
    kubectl auth whoami
    kubectl get pods --all-namespaces

alice is an IAM user whom aws-auth puts into the group developers; RBAC lets that read pods in the namespace team,
and no secrets.

    export KUBECONFIG={alice}
    kubectl auth whoami
    kubectl get pods --namespace team
    kubectl get secrets --namespace team

bob is an IAM user whom nobody has mapped, so he is Unauthorized until ada adds him to aws-auth.

    export KUBECONFIG={bob}
    kubectl auth whoami
    kubectl --kubeconfig {ada} --namespace kube-system patch configmap aws-auth --patch '{patch}'
    kubectl auth whoami

Break aws-auth as you like: the last good rules stay in force. The client certificate in {admin} always gets you in.

    kubectl --kubeconfig {admin} --namespace kube-system edit configmap aws-auth

Why each was let in or not, as the webhook logs it, and what the API server makes of it:

    tail -f {webhook_log} {api_server_log}

Ctrl-C ends all of it.",
        kubectl = control_plane.kubectl().program().display(),
        ada = ada.path().display(),
        alice = alice.path().display(),
        bob = bob.path().display(),
        admin = control_plane.site().administrator().path().display(),
        patch = serde_json::json!({"data": {"mapUsers": format!("{ALICE}{BOB}")}}),
        webhook_log = log_file(cluster.webhook().folder(), "webhook").display(),
        api_server_log = log_file(control_plane.site().folder(), "kube-apiserver").display(),
    ))
}

const ACCOUNT: &str = "111122223333";

const MAPPINGS: &str = "
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Administrator
    username: administrator:{{SessionNameRaw}}
    groups: [system:masters]
";

const ALICE: &str = "- {userarn: arn:aws:iam::111122223333:user/alice, username: alice, groups: [developers]}\n";
const BOB: &str = "- {userarn: arn:aws:iam::111122223333:user/bob, username: bob, groups: [developers]}\n";

const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: team
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  namespace: team
  name: reader
rules:
- apiGroups: ['']
  resources: [pods]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  namespace: team
  name: readers
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: reader
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: Group
  name: developers
";
