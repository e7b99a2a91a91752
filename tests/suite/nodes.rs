//! Worker nodes join a real API server through aws-auth, with what an instance has: credentials of its profile's role, whose session
//! is named after the instance.

use std::time::Duration;

use authenticator_tests::support::control_plane::{ControlPlane, Outcome, ReviewVersion, Site, Webhook};
use authenticator_tests::support::ec2::{Api, Ec2, Machine};
use authenticator_tests::support::herd::Herd;
use authenticator_tests::support::instance::Instance;
use authenticator_tests::support::kubelet::{Ami, Kubelet};
use authenticator_tests::support::patience::eventually_within;
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::{ACCOUNT, CLUSTER};

#[test]
fn a_node_joins_keeps_its_lease_and_writes_of_itself_alone() {
    let mut scene = Scene::rise();
    let machine = scene.launch(1, "nodes");
    let session = Principal::role_session(ACCOUNT, ROLE, &machine.id);
    // The token ends with the credentials that signed it, and so does STS's belief in them.
    let end = Timestamp::now() + SignedDuration::from_secs(90);
    scene.sts.know(session.clone().session_ends(end));
    let instance = Instance::start(session.clone(), end, REGION);
    let kubelet = scene.kubelet(&machine, Ami::AwsIamAuthenticator, &instance);
    scene.until_ready(&machine);
    println!("{}", scene.administer(&["get", "nodes", "--output=wide"]));
    let user = scene.as_node(&kubelet, &["auth", "whoami", "--output=json"]).expect_success().unwrap();
    let user: Value = serde_json::from_str(&user).unwrap();
    assert_eq!(user["status"]["userInfo"]["username"], format!("system:node:{}", machine.private_dns_name));
    let groups = json!(["system:bootstrappers", "system:nodes", "system:authenticated"]);
    assert_eq!(user["status"]["userInfo"]["groups"], groups);

    // Of itself, and of nobody else.
    let other = Machine::new(ACCOUNT, REGION, 200).private_dns_name;
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": other}});
    scene.control_plane.apply(&node.to_string()).unwrap();
    for (name, refusal) in [(&machine.private_dns_name, None), (&other, Some("is not allowed to modify node"))] {
        let node = scene.administer(&["get", "node", name, "--output=json"]);
        let mut node: Value = serde_json::from_str(&node).unwrap();
        // Whatever was written meanwhile.
        node["metadata"]["resourceVersion"].take();
        node["metadata"]["labels"]["suite.example.com/label"] = json!("of-the-suite");
        for place in ["", "/status"] {
            let place = format!("/api/v1/nodes/{name}{place}");
            let command = ["replace", "--raw", &place, "--filename=-"];
            let kubectl = scene.control_plane.kubectl();
            let written = kubectl.run_with(kubelet.kubeconfig(), &command, &node.to_string()).unwrap();
            match refusal {
                None => assert!(written.success, "{written:?}"),
                Some(words) => assert!(!written.success && written.stderr.contains(words), "{written:?}"),
            }
        }
    }
    let written = scene.as_node(&kubelet, &["get", "secrets", "--all-namespaces"]);
    assert!(!written.success, "{written:?}");

    // A webhook that has ended and started anew.
    let renewed_at = scene.until_renewed_after(&machine, None);
    scene.restart_webhook();
    let renewed_at = scene.until_renewed_after(&machine, Some(Timestamp::now().max(renewed_at)));

    // Its token's end, and with it the end of the session that signed it.
    let next = session.renewed();
    scene.sts.know(next.clone());
    instance.renew(&next, Timestamp::now() + SignedDuration::from_hours(6));
    let before = kubelets_calls(&scene.sts, &next);
    assert_eq!(before, 0);
    scene.until_renewed_after(&machine, Some(end.max(renewed_at)));
    assert!(kubelets_calls(&scene.sts, &next) > 0, "a token of the next credentials was shown");
    scene.until_ready(&machine);
    println!("{}", scene.administer(&["get", "nodes"]));
    // Instance ids were asked about once or so, and only the node's.
    assert!(scene.ec2.calls(Api::Ec2).iter().all(|call| call.names == [machine.id.as_str()]));
}

#[test]
fn a_session_named_after_somebody_elses_instance_does_not_join() {
    let scene = Scene::rise();
    // One of the role's own, and one whose profile holds another role: all that differs is the id in the session's name.
    let (own, foreign) = (scene.launch(1, "nodes"), scene.launch(2, "databases"));
    let kubelets = [&own, &foreign].map(|machine| {
        let session = Principal::role_session(ACCOUNT, ROLE, &machine.id);
        scene.sts.know(session.clone());
        let instance = Instance::start(session, Timestamp::now() + SignedDuration::from_hours(6), REGION);
        let kubelet = scene.kubelet(machine, Ami::Aws, &instance);
        (kubelet, instance)
    });
    scene.until_ready(&own);
    let [(_, _), (foreign_kubelet, _)] = &kubelets;
    let refused = scene.as_node(foreign_kubelet, &["get", "nodes"]);
    assert!(!refused.success && refused.stderr.contains("Unauthorized"), "{refused:?}");
    let log = scene.webhook.log();
    let reasons: Vec<_> = log.iter().filter(|line| line.to_string().contains("mapping.foreign_instance")).collect();
    assert!(!reasons.is_empty(), "{log:?}");
    // It tries again and again, and is no node however often.
    eventually_within(PATIENCE, "the foreign kubelet was refused", || {
        foreign_kubelet.log().contains("Unauthorized") || foreign_kubelet.log().contains("provide credentials")
    });
    let nodes = scene.administer(&["get", "nodes", "--output=name"]);
    assert_eq!(nodes.trim(), format!("node/{}", own.private_dns_name));
}

/// `make herd` tells of thousands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_join_together_share_calls_and_an_unknown_one_harms_no_other() {
    let herd = Herd::gather(100, 25, Duration::from_millis(10)).unwrap();
    let webhook = herd.webhook(true, &[]).unwrap();
    let tally = herd.run(&webhook.reviewer(), Duration::from_secs(1), PATIENCE).await.unwrap();
    assert_eq!((tally.let_in, tally.denied_rightly), (96, 4), "{tally:?}");
    assert_eq!((tally.denied_wrongly, tally.mistaken, tally.given_up), (0, 0, 0), "{tally:?}");
    assert!(tally.ec2_calls < 50, "{tally:?}");
}

/// How often STS was shown a token of these credentials.
fn kubelets_calls(sts: &Sts, session: &Principal) -> usize {
    sts.seen().iter().filter(|seen| seen.query().contains(&session.access_key_id)).count()
}

/// A cluster whose nodes are instances, and the services of AWS that tell about them.
// Fields are dropped in this order.
struct Scene {
    webhook: Server,
    control_plane: ControlPlane,
    ec2: Ec2,
    sts: Sts,
    state: TempDir,
}

impl Scene {
    fn rise() -> Scene {
        let sts = Sts::start([itself()]);
        let ec2 = Ec2::beside(&sts, []);
        ec2.know_profile(ACCOUNT, "nodes", Some(ROLE));
        ec2.know_profile(ACCOUNT, "databases", Some("Database"));
        let (site, state) = (Site::prepare().unwrap(), TempDir::new().unwrap());
        let webhook = webhook(&site, &state, &sts, &ec2, "0");
        let kubeconfig = webhook.kubeconfig();
        let control_plane =
            site.start(Some(Webhook { kubeconfig: &kubeconfig, version: ReviewVersion::V1 })).expect("it comes up");
        let scene = Scene { webhook, control_plane, ec2, sts, state };
        scene.control_plane.apply(&aws_auth().to_string()).unwrap();
        scene
    }

    /// An instance of the scene's region, with this profile.
    fn launch(&self, number: u32, profile: &str) -> Machine {
        let machine = Machine::new(ACCOUNT, REGION, number).with_profile(profile);
        self.ec2.launch(machine.clone());
        machine
    }

    fn kubelet(&self, machine: &Machine, ami: Ami, instance: &Instance) -> Kubelet {
        let site = self.control_plane.site();
        Kubelet::start(site, &machine.private_dns_name, ami, (CLUSTER, REGION), instance).expect("it starts")
    }

    fn restart_webhook(&mut self) {
        let port = self.webhook.address().rsplit(':').next().unwrap().to_owned();
        self.webhook.signal("TERM");
        assert!(self.webhook.ended_within(PATIENCE).expect("it ends").success());
        self.webhook = webhook(self.control_plane.site(), &self.state, &self.sts, &self.ec2, &port);
    }

    fn administer(&self, arguments: &[&str]) -> String {
        self.control_plane.administer(arguments).unwrap()
    }

    fn as_node(&self, kubelet: &Kubelet, arguments: &[&str]) -> Outcome {
        self.control_plane.kubectl().run(kubelet.kubeconfig(), arguments).unwrap()
    }

    fn until_ready(&self, machine: &Machine) {
        let ready = [
            "get",
            "node",
            &machine.private_dns_name,
            "--ignore-not-found",
            r#"--output=jsonpath={.status.conditions[?(@.type=="Ready")].status}"#,
        ];
        eventually_within(PATIENCE, "the node is ready", || self.administer(&ready) == "True");
    }

    /// When the node's lease was renewed last; a node is ready before it has one.
    fn lease(&self, machine: &Machine) -> Option<Timestamp> {
        let namespace = "--namespace=kube-node-lease";
        let output = "--output=jsonpath={.spec.renewTime}";
        let time =
            self.administer(&["get", "lease", namespace, &machine.private_dns_name, "--ignore-not-found", output]);
        (!time.is_empty()).then(|| time.parse().unwrap_or_else(|_| panic!("a time: {time:?}")))
    }

    fn until_renewed_after(&self, machine: &Machine, time: Option<Timestamp>) -> Timestamp {
        eventually_within(PATIENCE, "the lease is renewed", || self.lease(machine) > time);
        self.lease(machine).expect("it was there a moment ago")
    }
}

fn webhook(site: &Site, state: &TempDir, sts: &Sts, ec2: &Ec2, port: &str) -> Server {
    Setup::new(&format!("clusterID: {CLUSTER}\nserver:\n  backendMode: [EKSConfigMap]\n"))
        .sts(sts)
        .ec2(ec2, REGION, &itself())
        .argument(format!("--kubeconfig={}", site.administrator().path().display()))
        .argument(format!("--state-dir={}", state.path().display()))
        .argument(format!("--port={port}"))
        .start()
        .expect("the webhook comes up")
}

fn aws_auth() -> Value {
    let roles = format!(
        "- rolearn: arn:aws:iam::{ACCOUNT}:role/{ROLE}
  username: system:node:{{{{EC2PrivateDNSName}}}}
  groups: [system:bootstrappers, system:nodes]
  ec2Instance: {{}}
"
    );
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "kube-system", "name": "aws-auth"},
        "data": {"mapRoles": roles},
    })
}

/// As whom the webhook asks EC2 and IAM.
fn itself() -> Principal {
    Principal::role_session(ACCOUNT, "control-plane", "webhook")
}

const REGION: &str = "eu-west-1";
const ROLE: &str = "Node";
/// A token ends within it, and a lease is renewed every ten seconds.
const PATIENCE: Duration = Duration::from_secs(180);
