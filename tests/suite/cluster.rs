//! The main job on a real cluster: kubectl, our plugin, a real API server, our webhook, and RBAC decides.
//!
//! One API server for each version of the TokenReview that it can send, and both versions of the ExecCredential on each. What
//! is proven on one API server is proven in turn, since there is but one aws-auth to edit.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use authenticator_tests::support::cluster::{CLUSTER_ID, Cluster, Dawn, EKS_NAME, ExecVersion, REGION};
use authenticator_tests::support::control_plane::{Kubeconfig, Outcome, ReviewVersion};
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::plugin;
use authenticator_tests::support::programs;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::sts::{Behaviour, Principal};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[test]
fn people_log_in_where_the_api_server_sends_v1() {
    prove(ReviewVersion::V1);
}

#[test]
fn people_log_in_where_the_api_server_sends_v1beta1() {
    prove(ReviewVersion::V1Beta1);
}

fn prove(version: ReviewVersion) {
    let dawn = Dawn::new(MAPPINGS).expect("the webhook comes up");
    before_there_is_an_api_server(&dawn, version);
    let scene = Scene::new(dawn.rise(version).expect("the cluster comes up"), version);
    for (fact, holds) in FACTS {
        let start = Instant::now();
        holds(&scene);
        println!("TokenReview {}: {fact} ({:.1?})", version.name(), start.elapsed());
    }
}

/// What it says, and what proves it.
type Fact = (&'static str, fn(&Scene));

/// What holds of a running cluster, in this order.
const FACTS: [Fact; 11] = [
    ("the API server is a real one", the_api_server_is_a_real_one),
    ("a mapping that was not there yet is no denial for ever", a_webhook_that_started_first_finds_its_mappings),
    ("RBAC decides what a user may do", rbac_decides_what_a_user_may_do),
    ("what aws-cli and the Go program are run by works with our command", what_runs_other_plugins_runs_ours),
    ("a secret that is not the user's lets nobody in", somebody_without_the_secret_is_unauthorized),
    ("update-kubeconfig is all that it takes", update_kubeconfig_is_all_that_it_takes),
    ("an edit of aws-auth lets somebody in, and out again", an_edit_of_aws_auth_lets_somebody_in_and_out_again),
    ("a broken aws-auth locks nobody out", a_broken_aws_auth_locks_nobody_out),
    ("a user looks as the Go program's users do", a_user_looks_as_the_go_programs_users_do),
    ("a refusal is an answer", a_refusal_is_an_answer),
    ("an STS that is away is no denial", an_sts_that_is_away_is_no_denial),
];

/// A webhook that cannot read aws-auth yet lets in whom its config file names, and denies nobody whom aws-auth may name.
fn before_there_is_an_api_server(dawn: &Dawn, version: ReviewVersion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let reviewer = dawn.webhook().reviewer();
    for principal in [alice(), bob()] {
        dawn.sts().know(principal);
    }
    let answer = |principal| runtime.block_on(reviewer.review(version, &token(&principal)));
    assert_eq!(answer(alice()).user().username, "alice");
    match answer(bob()) {
        Answer::Failed { status, text } => {
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
            assert!(text.contains("mapping.not_synced"), "{text}");
        }
        verdict => panic!("nobody can know yet: {verdict:?}"),
    }
}

fn the_api_server_is_a_real_one(scene: &Scene) {
    let version = scene.administer(&["version"]);
    assert!(version.contains("Server Version: v1."), "{version}");
    println!("{version}");
}

/// There is no aws-auth yet: an absent one says no, and does not keep the webhook from saying so.
fn a_webhook_that_started_first_finds_its_mappings(scene: &Scene) {
    scene.cluster.sts().know(bob());
    let token = token(&bob());
    let refused = || matches!(scene.review(&token), Answer::Refused(reason) if reason.contains("identity.not_mapped"));
    eventually("aws-auth is known to be absent", refused);
}

fn rbac_decides_what_a_user_may_do(scene: &Scene) {
    scene.administer(&["create", "namespace", "team"]);
    scene.administer(&["create", "role", "reader", "--namespace=team", "--verb=list", "--resource=pods"]);
    scene.administer(&["create", "rolebinding", "readers", "--namespace=team", "--role=reader", "--group=developers"]);
    for exec in EXEC_VERSIONS {
        let alice = scene.join("alice", &alice(), exec);
        let pods = scene.kubectl(&alice, &["get", "pods", "--namespace=team"]);
        assert!(pods.success, "{pods:?}");
        assert_eq!(pods.stderr, "No resources found in team namespace.\n");
        for forbidden in [["get", "secrets", "--namespace=team"], ["get", "pods", "--namespace=default"]] {
            let refused = scene.kubectl(&alice, &forbidden);
            assert!(!refused.success, "{refused:?}");
            let complaint = "Error from server (Forbidden): ";
            assert!(refused.stderr.starts_with(complaint), "{refused:?}");
            assert!(refused.stderr.contains(r#"User "alice" cannot list resource"#), "{refused:?}");
        }
    }
}

/// The entries are what `aws eks update-kubeconfig` writes and what the Go program's README shows.
fn what_runs_other_plugins_runs_ours(scene: &Scene) {
    let of_aws_cli = json!({
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "args": ["--region", REGION, "eks", "get-token", "--cluster-name", CLUSTER_ID, "--output", "json"],
    });
    let of_go_program = json!({
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "args": ["token", "-i", CLUSTER_ID],
    });
    scene.cluster.sts().know(alice());
    for (name, entry) in [("of-aws-cli", of_aws_cli), ("of-the-go-program", of_go_program)] {
        let kubeconfig = |principal| {
            scene.cluster.kubeconfig_of(name, &principal, entry.clone()).expect("a kubeconfig can be written")
        };
        let known =
            scene.kubectl(&kubeconfig(alice()), &["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
        assert_eq!((known.success, known.stdout.as_str()), (true, "alice"), "{known:?}");
        assert_unauthorized(&scene.kubectl(&kubeconfig(alice().forger()), &["auth", "whoami"]));
    }
}

fn somebody_without_the_secret_is_unauthorized(scene: &Scene) {
    scene.cluster.sts().know(alice());
    for exec in EXEC_VERSIONS {
        let forger = scene.cluster.kubeconfig("forger", &alice().forger(), exec).expect("a kubeconfig can be written");
        assert_unauthorized(&scene.kubectl(&forger, &["auth", "whoami"]));
    }
}

fn update_kubeconfig_is_all_that_it_takes(scene: &Scene) {
    scene.administer(&["create", "clusterrole", "surveyor", "--verb=list", "--resource=namespaces"]);
    scene.administer(&["create", "clusterrolebinding", "surveyors", "--clusterrole=surveyor", "--group=developers"]);
    scene.cluster.sts().know(alice());
    let eks = scene.cluster.eks().expect("it starts");
    let home = TempDir::new().expect("a folder can be made");
    let variables = [("AWS_ENDPOINT_URL", eks.url()), ("AWS_REGION", REGION.to_owned())];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    fs::create_dir(home.path().join(".aws")).expect("a folder can be made");
    fs::write(home.path().join(".aws/credentials"), alice().profile("alice")).expect("a file can be written");

    let arguments = ["update-kubeconfig", "--name", EKS_NAME, "--profile", "alice"];
    for more in [&[][..], &["--provide-cluster-info"], &["--exec-api-version", "v1beta1"]] {
        let run = programs::run(programs::client(), home.path(), arguments.iter().chain(more), &variables);
        assert_eq!(run.code, Some(0), "{run:?}");
        let kubectl = scene.cluster.control_plane().kubectl().at_home(home.path().to_owned());
        let namespaces = kubectl.run_at_home(&["get", "namespaces"]).expect("alice may list namespaces");
        assert!(namespaces.contains("kube-system"), "{namespaces}");
        assert!(kubectl.run_at_home(&["get", "secrets"]).is_err(), "and nothing else");
    }
}

fn an_edit_of_aws_auth_lets_somebody_in_and_out_again(scene: &Scene) {
    for exec in EXEC_VERSIONS {
        scene.aws_auth(&[("mapUsers", "[]")]);
        let kubeconfig = scene.join("bob", &bob(), exec);
        assert_unauthorized(&scene.kubectl(&kubeconfig, &["auth", "whoami"]));

        scene.aws_auth(&[("mapUsers", BOB)]);
        eventually("bob is in", || scene.kubectl(&kubeconfig, &["auth", "whoami"]).success);
        scene.aws_auth(&[("mapUsers", "[]")]);
        eventually("bob is out", || !scene.kubectl(&kubeconfig, &["auth", "whoami"]).success);
        assert_unauthorized(&scene.kubectl(&kubeconfig, &["auth", "whoami"]));
    }
    let token = token(&bob());
    scene.aws_auth(&[("mapUsers", BOB)]);
    let took = eventually("the edit works", || matches!(scene.review(&token), Answer::Allowed(_)));
    println!("an edit of aws-auth works {took:.1?} after kubectl returned");
}

/// A role with a path is mapped by the text that is broken later, and another key of the same edit shows that it was read.
fn a_broken_aws_auth_locks_nobody_out(scene: &Scene) {
    scene.aws_auth(&[("mapRoles", DEPLOYERS)]);
    let deployer = scene.join("deployer", &deployer(), ExecVersion::V1);
    let bob = scene.join("bob", &bob(), ExecVersion::V1);
    eventually("the role is mapped", || scene.kubectl(&deployer, &["auth", "whoami"]).success);

    let broken = DEPLOYERS.replace(']', "");
    scene.aws_auth(&[("mapRoles", &broken), ("mapUsers", BOB)]);
    eventually("the edit is read", || scene.kubectl(&bob, &["auth", "whoami"]).success);
    let still = scene.kubectl(&deployer, &["auth", "whoami"]);
    assert!(still.success, "{still:?}");
    let told = scene.cluster.webhook().log().iter().any(|line| {
        let message = line["msg"].as_str().unwrap_or_default();
        line["source"] == "EKSConfigMap" && message.contains("mapRoles") && message.contains("line")
    });
    assert!(told, "{:#?}", scene.cluster.webhook().log());

    scene.aws_auth(&[("mapRoles", "[]"), ("mapUsers", "[]")]);
    eventually("what is removed is gone", || !scene.kubectl(&deployer, &["auth", "whoami"]).success);
}

/// The form of uid and extra is that of kubernetes-sigs/aws-iam-authenticator, `pkg/server/server.go`: audit logs and
/// admission policies depend on it.
fn a_user_looks_as_the_go_programs_users_do(scene: &Scene) {
    scene.aws_auth(&[("mapRoles", DEPLOYERS)]);
    let deployer = deployer();
    // STS tells both in one text, `AROA...:dora@example.com`.
    let (role_id, session_name) = deployer.user_id.split_once(':').expect("a session of a role");
    let kubeconfig = scene.join("deployer", &deployer, ExecVersion::V1);
    eventually("the role is mapped", || scene.kubectl(&kubeconfig, &["auth", "whoami"]).success);
    assert_eq!(
        scene.whoami(&kubeconfig),
        json!({
            "username": "deployer:dora-example.com",
            "uid": format!("aws-iam-authenticator:{ACCOUNT}:{}", role_id),
            "groups": ["deployers", "system:authenticated"],
            "extra": {
                "accessKeyId": [deployer.access_key_id],
                "arn": [format!("arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/dora@example.com")],
                "canonicalArn": [format!("arn:aws:iam::{ACCOUNT}:role/Deployer")],
                "principalId": [role_id],
                "sessionName": [session_name],
                "sigs.k8s.io/aws-iam-authenticator/principalId": [role_id],
            },
        })
    );

    let alice = alice();
    let kubeconfig = scene.join("alice", &alice, ExecVersion::V1Beta1);
    assert_eq!(
        scene.whoami(&kubeconfig),
        json!({
            "username": "alice",
            "uid": format!("aws-iam-authenticator:{ACCOUNT}:{}", alice.user_id),
            "groups": ["developers", "system:authenticated"],
            "extra": {
                "accessKeyId": [alice.access_key_id],
                "arn": [format!("arn:aws:iam::{ACCOUNT}:user/alice")],
                "canonicalArn": [format!("arn:aws:iam::{ACCOUNT}:user/alice")],
                "principalId": [alice.user_id],
                "sessionName": [""],
                "sigs.k8s.io/aws-iam-authenticator/principalId": [alice.user_id],
            },
        })
    );
}

/// The API server sees a refusal as an answer of the webhook, not as its failure, and logs the reason.
fn a_refusal_is_an_answer(scene: &Scene) {
    let stranger = Principal::user(ACCOUNT, "stranger");
    let kubeconfig = scene.join("stranger", &stranger, ExecVersion::V1);
    let before = scene.statuses();
    assert_unauthorized(&scene.kubectl(&kubeconfig, &["auth", "whoami"]));
    let after = scene.statuses();
    assert!(after.get("200") > before.get("200"), "{before:?} {after:?}");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["200"], "nothing but answers so far");
    let log = scene.cluster.control_plane().api_server_log();
    assert!(log.contains(&format!("identity.not_mapped: {} is not mapped", stranger.arn)), "{log}");
}

fn an_sts_that_is_away_is_no_denial(scene: &Scene) {
    let erin = scene.join("erin", &Principal::user(ACCOUNT, "erin"), ExecVersion::V1);
    scene.cluster.sts().behave(Behaviour::Status {
        code: StatusCode::SERVICE_UNAVAILABLE,
        content_type: "text/plain".to_owned(),
        body: "try later".into(),
    });
    let before = scene.statuses();
    assert_unauthorized(&scene.kubectl(&erin, &["auth", "whoami"]));
    let after = scene.statuses();
    assert_eq!(after.get("200"), before.get("200"), "that was no refusal");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["200", "503"], "nor a status that is tried again");

    scene.cluster.sts().behave(Behaviour::Normal);
    eventually("erin is in", || scene.kubectl(&erin, &["auth", "whoami"]).success);
}

/// A running cluster, and what is asked of it again and again.
struct Scene {
    cluster: Cluster,
    reviewer: Reviewer,
    runtime: Runtime,
    version: ReviewVersion,
}

impl Scene {
    fn new(cluster: Cluster, version: ReviewVersion) -> Self {
        let reviewer = cluster.webhook().reviewer();
        Self { cluster, reviewer, runtime: Runtime::new().expect("a runtime can be made"), version }
    }

    fn join(&self, name: &str, principal: &Principal, exec: ExecVersion) -> Kubeconfig {
        self.cluster.join(name, principal, exec).expect("a kubeconfig can be written")
    }

    fn kubectl(&self, who: &Kubeconfig, arguments: &[&str]) -> Outcome {
        self.cluster.control_plane().kubectl().run(who, arguments).expect("kubectl can be run")
    }

    fn administer(&self, arguments: &[&str]) -> String {
        self.cluster.control_plane().administer(arguments).expect("the administrator may do anything")
    }

    fn aws_auth(&self, data: &[(&str, &str)]) {
        self.cluster.set_aws_auth(data).expect("the administrator may edit aws-auth");
    }

    /// Asks the webhook itself.
    fn review(&self, token: &str) -> Answer {
        self.runtime.block_on(self.reviewer.review(self.version, token))
    }

    /// Who the API server says that somebody is.
    fn whoami(&self, who: &Kubeconfig) -> Value {
        let review = self.kubectl(who, &["auth", "whoami", "--output=json"]);
        let review: Value = serde_json::from_str(&review.stdout).unwrap_or_else(|_| panic!("{review:?}"));
        review["status"]["userInfo"].clone()
    }

    /// How many answers with which status the API server has had from the webhook, as it counts them itself: among its requests
    /// to all others, by host. (It has no metric of this webhook's own: only API servers that delegate have.)
    fn statuses(&self) -> BTreeMap<String, u64> {
        let url: Uri = self.reviewer.url().parse().expect("the webhook has a URL");
        let host = format!("host=\"{}\"", url.authority().expect("and a host"));
        let metrics = self.administer(&["get", "--raw", "/metrics"]);
        metrics
            .lines()
            .filter_map(|line| line.strip_prefix("rest_client_requests_total{code=\"")?.split_once("} "))
            .filter(|(labels, _)| labels.contains(&host))
            .filter_map(|(labels, count)| Some((labels.split_once('"')?.0.to_owned(), count.parse().ok()?)))
            .collect()
    }
}

/// All that kubectl's user learns, whatever the reason.
fn assert_unauthorized(outcome: &Outcome) {
    assert!(!outcome.success, "{outcome:?}");
    assert!(outcome.stderr.contains("Unauthorized"), "{outcome:?}");
}

fn token(principal: &Principal) -> String {
    plugin::token(principal, CLUSTER_ID, REGION)
}

/// Mapped by the webhook's config file.
fn alice() -> Principal {
    Principal::user(ACCOUNT, "alice")
}

/// Mapped by aws-auth, if at all.
fn bob() -> Principal {
    Principal::user(ACCOUNT, "bob")
}

fn deployer() -> Principal {
    Principal::role_session(ACCOUNT, "Deployer", "dora@example.com")
}

const ACCOUNT: &str = "111122223333";

const MAPPINGS: &str = "
  mapUsers:
  - userARN: arn:aws:iam::111122223333:user/alice
    username: alice
    groups: [developers]
  - userARN: arn:aws:iam::111122223333:user/erin
    username: erin
";

const BOB: &str = "
- userarn: arn:aws:iam::111122223333:user/bob
  username: bob
  groups: [developers]
";

/// The role's path is its real one; STS does not tell it.
const DEPLOYERS: &str = "
- rolearn: arn:aws:iam::111122223333:role/teams/platform/Deployer
  username: deployer:{{SessionName}}
  groups: [deployers]
";

const EXEC_VERSIONS: [ExecVersion; 2] = [ExecVersion::V1, ExecVersion::V1Beta1];
