//! What an operator applies (`deploy/`) is what a real API server takes, and what our webhook runs on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use authenticator_tests::support::control_plane::{Binaries, ControlPlane, Kubeconfig, Outcome, ReviewVersion, Site};
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// In turn, on one API server: it takes seconds to start, and there is but one aws-auth.
#[test]
fn what_is_deployed_is_taken_and_works() {
    let cluster = Site::prepare().and_then(|site| site.start(None)).expect("the control plane comes up");
    for (fact, holds) in FACTS {
        let start = Instant::now();
        holds(&cluster);
        println!("deploy: {fact} ({:.1?})", start.elapsed());
    }
}

#[test]
fn a_webhook_without_a_cluster_id_does_not_start() {
    let sts = Sts::start([]);
    let config = fs::read_to_string(deploy().join("base/config.yaml")).expect("the base has a config file");
    let error = Setup::new(&config).sts(&sts).argument("--backend-mode=MountedFile").start().expect_err("it must not");
    assert!(error.to_string().contains("clusterID"), "{error}");

    let named = Setup::new(&config).sts(&sts).argument("--backend-mode=MountedFile").argument("--cluster-id=a-cluster");
    named.start().expect("nothing else was missing");
}

#[test]
fn the_flags_for_kubeadm_are_flags_of_the_api_server() {
    let sample = fs::read_to_string(deploy().join("example/kubeadm.yaml")).expect("there is a sample");
    let (arguments, volumes) = sample.split_once("extraVolumes:").expect("a section for each");
    let binaries = Binaries::from_environment().expect("there is an API server");
    let help = Command::new(binaries.kube_apiserver()).arg("--help").output().expect("it can be run");
    let help = String::from_utf8_lossy(&help.stdout);
    let flags: Vec<&str> = arguments.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).collect();
    assert_eq!(flags.len(), 3, "{flags:?}");
    for flag in flags {
        assert!(help.contains(&format!("--{flag} ")), "{flag}");
    }
    assert!(!help.contains("--authentication-token-webhook-config "), "a misspelt flag would be noticed");

    // What the webhook writes is what the API server reads, and its folder is mounted.
    let config = fs::read_to_string(deploy().join("base/config.yaml")).expect("the base has a config file");
    assert!(config.contains(&format!("generateKubeconfig: {WEBHOOK_KUBECONFIG}/kubeconfig.yaml\n")), "{config}");
    assert!(arguments.contains(&format!("value: {WEBHOOK_KUBECONFIG}/kubeconfig.yaml\n")), "{arguments}");
    assert!(volumes.contains(&format!("mountPath: {WEBHOOK_KUBECONFIG}\n")), "{volumes}");
}

/// What it says, and what proves it.
type Fact = (&'static str, fn(&ControlPlane));

const FACTS: [Fact; 5] = [
    ("base and example are taken without a warning", base_and_example_are_taken_without_a_warning),
    ("a misspelt field is noticed", a_misspelt_field_is_noticed),
    ("the pod has no more rights than it needs", the_pod_has_no_more_rights_than_it_needs),
    ("the account may follow aws-auth and nothing else", the_account_may_follow_aws_auth_and_nothing_else),
    ("the webhook works with that account, and not without", the_webhook_works_with_that_account_and_not_without),
];

fn base_and_example_are_taken_without_a_warning(cluster: &ControlPlane) {
    for folder in ["base", "example"] {
        let outcome = dry_run(cluster, &rendered(cluster, folder), "--output=name");
        assert!(outcome.success, "{folder}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{folder}");
        let mut kinds: Vec<&str> =
            outcome.stdout.lines().map(|line| line.split_once("/authenticator-server").expect("our name").0).collect();
        kinds.sort_unstable();
        let expected = [
            "configmap",
            "daemonset.apps",
            "role.rbac.authorization.k8s.io",
            "rolebinding.rbac.authorization.k8s.io",
            "serviceaccount",
        ];
        assert_eq!(kinds, expected, "{folder}");
    }
    let aws_auth = fs::read_to_string(deploy().join("example/aws-auth.yaml")).expect("there is a sample");
    let outcome = dry_run(cluster, &aws_auth, "--output=name");
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("configmap/aws-auth\n", ""));
}

fn a_misspelt_field_is_noticed(cluster: &ControlPlane) {
    let manifest = rendered(cluster, "base");
    for field in ["hostNetwork", "readOnlyRootFilesystem", "resourceNames", "maxUnavailable"] {
        let misspelt = manifest.replace(&format!("{field}:"), &format!("{field}s:"));
        assert_ne!(misspelt, manifest, "{field}");
        let outcome = dry_run(cluster, &misspelt, "--output=name");
        assert!(!outcome.success && outcome.stderr.contains(&format!("{field}s")), "{field}: {outcome:?}");
    }
}

fn the_pod_has_no_more_rights_than_it_needs(cluster: &ControlPlane) {
    let outcome = dry_run(cluster, &rendered(cluster, "base"), "--output=json");
    let objects: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    let daemon_set =
        objects["items"].as_array().and_then(|items| items.iter().find(|item| item["kind"] == "DaemonSet"));
    let pod = &daemon_set.expect("there is a DaemonSet")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1));
    for (value, expected) in [
        (&pod["hostNetwork"], json!(true)),
        (&pod["hostPID"], Value::Null),
        (&pod["priorityClassName"], json!("system-node-critical")),
        (&pod["nodeSelector"], json!({"node-role.kubernetes.io/control-plane": ""})),
        (&pod["securityContext"]["runAsNonRoot"], json!(true)),
        (&pod["securityContext"]["seccompProfile"], json!({"type": "RuntimeDefault"})),
        (
            &container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            }),
        ),
        (&container["args"], json!(["server", "--config=/etc/aws-iam-authenticator/config.yaml"])),
        (&container["livenessProbe"]["httpGet"]["path"], json!("/livez")),
        (&container["readinessProbe"]["httpGet"]["path"], json!("/readyz")),
    ] {
        assert_eq!(*value, expected, "{pod:#}");
    }
}

fn the_account_may_follow_aws_auth_and_nothing_else(cluster: &ControlPlane) {
    cluster.apply(&rendered(cluster, "example")).expect("the example is applied");
    let aws_auth = fs::read_to_string(deploy().join("example/aws-auth.yaml")).expect("there is a sample");
    cluster.apply(&aws_auth).expect("the sample is applied");
    cluster.administer(&["create", "configmap", "another", "--namespace=kube-system"]).expect("another ConfigMap");
    cluster.administer(&["create", "configmap", "aws-auth", "--namespace=default"]).expect("one of the same name");

    let account = account(cluster, "account");
    let may = |arguments: &[&str]| cluster.kubectl().run(&account, arguments).expect("kubectl can be run");
    let follow = ["get", "configmaps", "--field-selector=metadata.name=aws-auth"];
    assert!(may(&["auth", "can-i", "create", "events", "--namespace=kube-system"]).success);
    for refused in [&["create", "events", "--namespace=default"][..], &["get", "events", "--namespace=kube-system"]] {
        assert!(!may(&[&["auth", "can-i"], refused].concat()).success, "{refused:?}");
    }
    let allowed = may(&[&follow[..], &["--namespace=kube-system"]].concat());
    assert!(allowed.success && allowed.stdout.contains("aws-auth"), "{allowed:?}");
    for refused in [
        &[&follow[..], &["--namespace=default"]].concat()[..],
        &["get", "configmaps", "--namespace=kube-system"],
        &["get", "configmaps", "--namespace=kube-system", "--field-selector=metadata.name=another"],
        &["get", "configmap", "another", "--namespace=kube-system"],
        &["get", "secrets", "--namespace=kube-system"],
        &["patch", "configmap", "aws-auth", "--namespace=kube-system", r#"--patch={"data":{"mapUsers":""}}"#],
        &["delete", "configmap", "aws-auth", "--namespace=kube-system"],
        &["get", "nodes"],
    ] {
        let outcome = may(refused);
        assert!(!outcome.success && outcome.stderr.contains("(Forbidden)"), "{refused:?}: {outcome:?}");
    }
}

fn the_webhook_works_with_that_account_and_not_without(cluster: &ControlPlane) {
    let config = cluster
        .administer(&[
            "get",
            "configmaps",
            "--namespace=kube-system",
            "--selector=app.kubernetes.io/name=authenticator-server",
            "--output=json",
        ])
        .expect("the example was applied");
    let config: Value = serde_json::from_str(&config).expect("kubectl writes JSON");
    let config = config["items"][0]["data"]["config.yaml"].as_str().expect("the webhook's configuration");
    let sts = Sts::start([administrator(), developer(), alice(), mallory()]);

    let asked = Asked::new(webhook(config, &account(cluster, "with"), &sts));
    // Whom the config file names is in at once, whoever else is not known yet.
    assert_eq!(asked.answer(&administrator()).user().groups, ["system:masters"]);
    eventually("aws-auth is read", || matches!(asked.answer(&alice()), Answer::Allowed(_)));
    assert_eq!(asked.answer(&alice()).user().groups, ["developers", "auditors"]);
    assert_eq!(asked.answer(&developer()).user().username, "developer:dora@example.com");
    assert!(asked.answer(&mallory()).reason().starts_with("identity.not_mapped"));

    cluster
        .administer(&["delete", "rolebinding", "authenticator-server", "--namespace=kube-system"])
        .expect("the administrator may do anything");
    let asked = Asked::new(webhook(config, &account(cluster, "without"), &sts));
    eventually("the API server refuses", || {
        asked
            .server
            .log()
            .iter()
            .any(|line| line["error"].as_str().is_some_and(|error| error.contains("403 Forbidden")))
    });
    assert_eq!(asked.answer(&administrator()).user().groups, ["system:masters"]);
    assert!(matches!(asked.answer(&alice()), Answer::Failed { status, .. } if status.as_u16() == 503));
}

/// A running webhook and its one caller.
struct Asked {
    server: Server,
    reviewer: Reviewer,
    runtime: Runtime,
}

impl Asked {
    fn new(server: Server) -> Self {
        let reviewer = server.reviewer();
        Self { server, reviewer, runtime: Runtime::new().expect("a runtime can be made") }
    }

    fn answer(&self, principal: &Principal) -> Answer {
        let token = plugin::token(principal, CLUSTER_ID, "us-east-2");
        self.runtime.block_on(self.reviewer.review(ReviewVersion::V1, &token))
    }
}

fn webhook(config: &str, account: &Kubeconfig, sts: &Sts) -> Server {
    let access = format!("--kubeconfig={}", account.path().display());
    Setup::new(config).sts(sts).argument(access).start().expect("the webhook comes up")
}

/// The service account of the DaemonSet, by a token of its own.
fn account(cluster: &ControlPlane, name: &str) -> Kubeconfig {
    let token = cluster
        .administer(&["create", "token", "authenticator-server", "--namespace=kube-system"])
        .expect("there is such an account");
    cluster.site().kubeconfig(name, &json!({"token": token.trim()})).expect("a kubeconfig can be written")
}

fn rendered(cluster: &ControlPlane, folder: &str) -> String {
    let folder = deploy().join(folder);
    cluster.kubectl().run_at_home(&["kustomize", &folder.to_string_lossy()]).expect("it can be rendered")
}

fn dry_run(cluster: &ControlPlane, manifest: &str, output: &str) -> Outcome {
    let arguments = ["apply", "--server-side", "--dry-run=server", "--validate=strict", output, "--filename=-"];
    cluster.kubectl().run_with(cluster.site().administrator(), &arguments, manifest).expect("kubectl can be run")
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// The people of the example.
fn administrator() -> Principal {
    Principal::role_session(ACCOUNT, "ExampleAdministrator", "ada@example.com")
}

fn developer() -> Principal {
    Principal::role_session(ACCOUNT, "Developer", "dora@example.com")
}

fn alice() -> Principal {
    Principal::user(ACCOUNT, "alice")
}

fn mallory() -> Principal {
    Principal::user(ACCOUNT, "mallory")
}

const ACCOUNT: &str = "111122223333";
const CLUSTER_ID: &str = "production.example.com";
/// The folder on a control-plane node that webhook and API server share.
const WEBHOOK_KUBECONFIG: &str = "/etc/kubernetes/aws-iam-authenticator";
