//! What is written in the API server, beside the main job: IAMIdentityMappings, and the Events about them and about aws-auth.
//!
//! The webhook has the rights that `deploy/` gives it and no others, and comes to the API server by a gate that can be closed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use authenticator_tests::support::control_plane::{ControlPlane, Kubeconfig, Outcome, ReviewVersion, Site};
use authenticator_tests::support::gate::Gate;
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use mapping::format::custom_resource::{CustomResource, Object};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::people::{CLUSTER, alice, bob, mallory};

/// In turn, on one API server: it takes seconds to start.
#[test]
fn custom_resources_are_followed_and_what_is_wrong_is_told_where_it_is() {
    let control_plane = Site::prepare().and_then(|site| site.start(None)).expect("the control plane comes up");
    let mut scene = Scene::new(control_plane);
    for (fact, holds) in FACTS {
        let start = Instant::now();
        holds(&mut scene);
        println!("custom resources: {fact} ({:.1?})", start.elapsed());
    }
}

/// What it says, and what proves it.
type Fact = (&'static str, fn(&mut Scene));

const FACTS: [Fact; 10] = [
    ("before there is such a kind nobody else is refused", before_there_is_such_a_kind_nobody_else_is_refused),
    ("objects of the Go program's definition are mappings", objects_of_the_go_programs_definition_are_mappings),
    ("garbage is told in an Event and takes nobody else away", garbage_is_told_in_an_event_and_takes_nobody_else_away),
    ("a status says nothing", a_status_says_nothing),
    ("our definition takes the place of the Go program's", our_definition_takes_the_place_of_the_go_programs),
    ("the definition refuses what the reader refuses", the_definition_refuses_what_the_reader_refuses),
    ("of two objects about one ARN the older is used", of_two_objects_about_one_arn_the_older_is_used),
    ("a broken aws-auth is told in an Event", a_broken_aws_auth_is_told_in_an_event),
    ("an aws-auth as full as one can be is followed", an_aws_auth_as_full_as_one_can_be_is_followed),
    ("what was deleted while nobody watched is gone", what_was_deleted_while_nobody_watched_is_gone),
];

/// Whom the config file names is in; whom an object might name is not told no.
fn before_there_is_such_a_kind_nobody_else_is_refused(scene: &mut Scene) {
    scene.until("it was looked for", || {
        scene.server.log().iter().any(|line| line["error"].as_str().is_some_and(|error| error.contains("apply the")))
    });
    assert!(scene.lets_in(&alice()));
    assert!(matches!(scene.answer(&mallory()), Answer::Failed { status, .. } if status.as_u16() == 503));
}

fn objects_of_the_go_programs_definition_are_mappings(scene: &mut Scene) {
    scene.apply(&go_programs_definition());
    scene.until("there are none", || matches!(scene.answer(&bob()), Answer::Refused(_)));
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "bob", "groups": ["developers"]})));
    scene.until("bob is in", || scene.lets_in(&bob()));
    let user = scene.answer(&bob()).user();
    assert_eq!((user.username.as_str(), user.groups.as_slice()), ("bob", &["developers".to_owned()][..]));
    assert!(!scene.lets_in(&mallory()));

    scene.apply(&object("bob", &json!({"arn": BOB, "username": "robert"})));
    scene.until("bob has another name", || scene.answer(&bob()).user().username == "robert");
    scene.administer(&["delete", "iamidentitymapping", "bob"]);
    scene.until("bob is out", || !scene.lets_in(&bob()));
}

fn garbage_is_told_in_an_event_and_takes_nobody_else_away(scene: &mut Scene) {
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "bob"})));
    scene.apply(&object("garbage", &json!({"arn": "mallory", "username": "mallory"})));
    scene.until("it is told", || !scene.events("garbage").is_empty());
    assert!(scene.lets_in(&bob()));
    let events = scene.events("garbage");
    assert_eq!(events.len(), 1, "{events:#?}");
    let event = &events[0];
    assert_eq!((&event["reason"], &event["type"]), (&json!("InvalidArn"), &json!("Warning")));
    assert_eq!(event["involvedObject"]["kind"], "IAMIdentityMapping");
    assert!(event["message"].as_str().is_some_and(|text| text.contains("arn \"mallory\"")), "{event:#}");
    let described = scene.administer(&["describe", "iamidentitymapping", "garbage"]);
    assert!(described.contains("InvalidArn"), "{described}");

    // Whom an object named when it was good, it names until it is deleted.
    scene.apply(&object("bob", &json!({"arn": "bob", "username": "bob"})));
    scene.until("it is told", || scene.events("bob").iter().any(|event| event["reason"] == "NoUsableEntry"));
    assert!(scene.lets_in(&bob()));
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "bob"})));
}

/// Whoever may write an object's status could name themselves with it, if anybody looked at it.
fn a_status_says_nothing(scene: &mut Scene) {
    let status = json!({"status": {"canonicalARN": mallory().arn, "userID": mallory().user_id}}).to_string();
    let patch = ["patch", "iamidentitymapping", "bob", "--subresource=status", "--type=merge", "--patch", &status];
    scene.administer(&patch);
    // What is written after it and seen shows that it was seen.
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "rob"})));
    scene.until("the edit is seen", || scene.answer(&bob()).user().username == "rob");
    assert!(!scene.lets_in(&mallory()));
}

fn our_definition_takes_the_place_of_the_go_programs(scene: &mut Scene) {
    scene.administer(&["apply", "--server-side", "--force-conflicts", "-k", &deploy("crd")]);
    scene.administer(&["delete", "iamidentitymapping", "garbage"]);
    scene.until("it refuses garbage", || {
        let garbage = object("garbage", &json!({"arn": "mallory", "username": "mallory"}));
        scene.dry_run(&garbage).is_err_and(|error| error.contains("not an ARN of a role"))
    });
    assert!(scene.lets_in(&bob()));
    let listed = scene.administer(&["get", "iamidentitymappings"]);
    let columns: Vec<_> = listed.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "ARN", "USERNAME", "GROUPS", "AGE"], "{listed}");
    assert!(listed.contains(BOB), "{listed}");
}

/// Each row is a spec, and the two must agree on it; what each says of it is its own affair.
fn the_definition_refuses_what_the_reader_refuses(scene: &mut Scene) {
    let mut taken = 0;
    for spec in specs() {
        let text = spec.to_string();
        let read = Object { name: "it", uid: "it", created: SystemTime::UNIX_EPOCH, spec: &text };
        let is_usable = CustomResource::update(None, &read).next.is_usable();
        let outcome = scene.dry_run(&object("it", &spec));
        assert_eq!(outcome.is_ok(), is_usable, "{text}: {outcome:?}");
        taken += usize::from(is_usable);
    }
    println!("{taken} of {} specs are taken, by both", specs().len());
    assert!(taken > 10 && taken + 10 < specs().len());
}

fn of_two_objects_about_one_arn_the_older_is_used(scene: &mut Scene) {
    // Creation is told to the second.
    let made = |scene: &Scene, name: &str| {
        let made =
            scene.administer(&["get", "iamidentitymapping", name, "--output=jsonpath={.metadata.creationTimestamp}"]);
        made.trim().to_owned()
    };
    let same = "arn:aws:iam::111122223333:role/path/VIEWER";
    scene.apply(&object("a", &json!({"arn": same, "username": "usurper"})));
    assert!(made(scene, "bob") < made(scene, "a"));
    scene.until("it is told", || scene.events("a").iter().any(|event| event["reason"] == "DuplicateEntry"));
    assert_eq!(scene.answer(&bob()).user().username, "rob");
    scene.administer(&["delete", "iamidentitymapping", "bob"]);
    scene.until("the other is used", || scene.answer(&bob()).user().username == "usurper");
    scene.administer(&["delete", "iamidentitymapping", "a"]);
    scene.until("none is used", || !scene.lets_in(&bob()));
}

fn a_broken_aws_auth_is_told_in_an_event(scene: &mut Scene) {
    let aws_auth = |roles: &str| {
        let metadata = json!({"namespace": "kube-system", "name": "aws-auth"});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapRoles": roles}}).to_string()
    };
    scene.apply(&aws_auth(&format!("- {{rolearn: '{BOB}', username: bob}}")));
    scene.until("bob is in", || scene.lets_in(&bob()));
    scene.apply(&aws_auth(&format!("- rolearn: {BOB}\n  username: [")));
    scene.until("it is told", || !scene.events("aws-auth").is_empty());
    let events = scene.events("aws-auth");
    assert_eq!((events.len(), &events[0]["reason"]), (1, &json!("NotYaml")), "{events:#?}");
    let message = events[0]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("mapRoles") && message.contains("line 2") && message.contains("stays in force"),
        "{message}"
    );
    assert!(scene.lets_in(&bob()));
    scene.administer(&["delete", "configmap", "aws-auth", "--namespace=kube-system"]);
    scene.until("bob is out", || !scene.lets_in(&bob()));
}

fn an_aws_auth_as_full_as_one_can_be_is_followed(scene: &mut Scene) {
    let entry = |n| {
        format!(
            "- rolearn: arn:aws:iam::{n:012}:role/team-{n}\n  username: 'team-{n}:{{{{SessionName}}}}'\n  groups: [developers, team-{n}]\n"
        )
    };
    let roles: String = (0..8000).map(entry).collect();
    let token = plugin::token(&bob(), CLUSTER, "us-west-2");
    for username in ["robert", "rob"] {
        let metadata = json!({"namespace": "kube-system", "name": "aws-auth"});
        let roles = format!("{roles}- {{rolearn: '{BOB}', username: {username}}}\n");
        let bytes = roles.len();
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapRoles": roles}});
        // An ordinary `apply` keeps the whole object in an annotation, which takes a quarter of that.
        let arguments = ["apply", "--server-side", "--filename=-"];
        let who = scene.control_plane.site().administrator();
        let outcome = scene.control_plane.kubectl().run_with(who, &arguments, &object.to_string());
        outcome.and_then(Outcome::expect_success).expect("it is taken");
        let took = eventually("the edit is in force", || {
            let answer = scene.runtime.block_on(scene.reviewer.review(ReviewVersion::V1, &token));
            matches!(answer, Answer::Allowed(user) if user.username == username)
        });
        println!("an aws-auth of {bytes} bytes was in force {took:.1?} after kubectl had returned");
    }
    scene.administer(&["delete", "configmap", "aws-auth", "--namespace=kube-system"]);
    scene.until("bob is out", || !scene.lets_in(&bob()));
}

/// The API server goes and comes again, and what happens then happens before the webhook comes to it.
fn what_was_deleted_while_nobody_watched_is_gone(scene: &mut Scene) {
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "bob"})));
    scene.until("bob is in", || scene.lets_in(&bob()));
    scene.gate.close();
    scene.control_plane.restart_api_server().expect("the API server comes up again");
    assert!(scene.lets_in(&bob()), "what was known stays in force");
    scene.administer(&["delete", "iamidentitymapping", "bob"]);
    scene.apply(&object("alice", &json!({"arn": alice().arn, "username": "alice-of-an-object"})));
    assert!(scene.lets_in(&bob()), "nobody can have told");
    scene.gate.open();
    scene.until("bob is out", || !scene.lets_in(&bob()));
    assert!(scene.server.log().iter().any(|line| line["msg"] == "IAMIdentityMappings can be read"));
    // And edits are told again.
    scene.apply(&object("bob", &json!({"arn": BOB, "username": "bob"})));
    scene.until("bob is in", || scene.lets_in(&bob()));
    assert_eq!(scene.events("garbage").len(), 1, "one Event for a problem, however often its object was read");
}

/// A webhook with the rights of the DaemonSet's account, and whoever asks it.
struct Scene {
    control_plane: ControlPlane,
    gate: Gate,
    reviewer: Reviewer,
    runtime: Runtime,
    server: Server,
    _sts: Sts,
}

impl Scene {
    fn new(control_plane: ControlPlane) -> Self {
        let rights = control_plane.kubectl().run_at_home(&["kustomize", &deploy("base")]).expect("it can be rendered");
        control_plane.apply(&rights).expect("the base is applied");
        let rights = fs::read_to_string(Path::new(&deploy("crd")).join("rbac.yaml")).expect("there are rights");
        control_plane.apply(&rights).expect("the rights are applied");

        let gate = Gate::to(control_plane.address());
        let sts = Sts::start([alice(), bob(), mallory()]);
        let config = format!(
            "clusterID: {CLUSTER}
server:
  backendMode: [MountedFile, CRD, EKSConfigMap]
  mapUsers: [{{userARN: '{}', username: alice}}]
",
            alice().arn
        );
        let access = format!("--kubeconfig={}", kubeconfig(&control_plane, &gate).display());
        let server = Setup::new(&config).sts(&sts).argument(access).start().expect("the webhook comes up");
        let runtime = Runtime::new().expect("a runtime can be made");
        Self { control_plane, gate, reviewer: server.reviewer(), runtime, server, _sts: sts }
    }

    fn administer(&self, arguments: &[&str]) -> String {
        self.control_plane.administer(arguments).expect("the administrator may do anything")
    }

    fn apply(&self, manifest: &str) {
        // A kind that was just defined is not served at once.
        eventually("the object is taken", || self.control_plane.apply(manifest).is_ok());
    }

    /// Whether the API server would take an object.
    fn dry_run(&self, manifest: &str) -> Result<(), String> {
        let arguments = ["create", "--dry-run=server", "--filename=-"];
        let who = self.control_plane.site().administrator();
        let outcome = self.control_plane.kubectl().run_with(who, &arguments, manifest).expect("kubectl can be run");
        if outcome.success { Ok(()) } else { Err(outcome.stderr) }
    }

    fn answer(&self, who: &Principal) -> Answer {
        let token = plugin::token(who, CLUSTER, "us-west-2");
        self.runtime.block_on(self.reviewer.review(ReviewVersion::V1, &token))
    }

    fn lets_in(&self, who: &Principal) -> bool {
        matches!(self.answer(who), Answer::Allowed(_))
    }

    fn until(&self, what: &str, happened: impl Fn() -> bool) {
        eventually(what, happened);
    }

    /// The Events about an object.
    fn events(&self, name: &str) -> Vec<Value> {
        let selector = format!("--field-selector=involvedObject.name={name}");
        let events = self.administer(&["get", "events", "--all-namespaces", &selector, "--output=json"]);
        let events: Value = serde_json::from_str(&events).expect("kubectl writes JSON");
        events["items"].as_array().cloned().unwrap_or_default()
    }
}

/// The access of the DaemonSet's service account, by the gate.
fn kubeconfig(control_plane: &ControlPlane, gate: &Gate) -> PathBuf {
    let create = ["create", "token", "authenticator-server", "--namespace=kube-system"];
    let token = control_plane.administer(&create).expect("there is such an account");
    let direct: Kubeconfig =
        control_plane.site().kubeconfig("webhook", &json!({"token": token.trim()})).expect("it can be written");
    let text = fs::read_to_string(direct.path()).expect("it was written");
    let gated = text.replace(&control_plane.address().to_string(), &gate.address().to_string());
    assert_ne!(gated, text);
    fs::write(direct.path(), gated).expect("it can be written");
    direct.path().to_owned()
}

fn object(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": {"name": name},
        "spec": spec,
    })
    .to_string()
}

/// What a cluster of the Go program has: three fields, of which two must be there, and nothing about what they hold.
pub(crate) fn go_programs_definition() -> String {
    let text = json!({"type": "string"});
    let spec = json!({
        "type": "object",
        "required": ["arn", "username"],
        "properties": {"arn": text, "username": text, "groups": {"type": "array", "items": text}},
    });
    let status = json!({"type": "object", "properties": {"canonicalARN": text, "userID": text}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "iamidentitymappings.iamauthenticator.k8s.aws"},
        "spec": {
            "group": "iamauthenticator.k8s.aws",
            "scope": "Cluster",
            "names": {"plural": "iamidentitymappings", "singular": "iamidentitymapping", "kind": "IAMIdentityMapping"},
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}},
            }],
        },
    })
    .to_string()
}

/// Good ones, and each wrong in one thing.
fn specs() -> Vec<Value> {
    let arn = |arn: &str| json!({"arn": arn, "username": "u"});
    let like = |pattern: &str| json!({"rolearnLike": pattern, "username": "u"});
    let named = |username: Value| json!({"arn": BOB, "username": username});
    let grouped = |groups: Value| json!({"arn": BOB, "username": "u", "groups": groups});
    let with = |key: &str, value: Value| json!({"arn": BOB, "username": "u", key: value});
    let sso = |sso: Value| json!({"sso": sso, "username": "u"});
    let set = |key: &str, value: &str| {
        let mut set = json!({"permissionSetName": "Admin", "accountID": "012345678901"});
        set[key] = json!(value);
        json!({"sso": set, "username": "u"})
    };
    let federated = "arn:aws:sts::111122223333:federated-user/fred";
    let alice = "arn:aws:iam::111122223333:user/alice";
    vec![
        arn(BOB),
        arn("ARN:AWS:IAM::111122223333:ROLE/x"),
        arn("arn:aws-cn:iam::012345678901:role/a/b/x"),
        arn("arn:aws:iam::111122223333:role//x"),
        arn("arn:aws:iam::111122223333:role///x"),
        arn("arn:aws:iam::111122223333:role/"),
        arn("arn:aws:iam::111122223333:role/x*"),
        arn("arn:aws:iam::111122223333:role/p?th/x"),
        arn("arn:aws:iam::111122223333:role/a b"),
        arn("arn:aws:iam::111122223333:role/p:th/x"),
        arn("arn:aws:iam::111122223333:root"),
        arn("arn:aws:iam::111122223333:root/x"),
        arn(alice),
        arn("arn:aws:iam::111122223333:user/path/alice"),
        arn("arn:aws:iam::111122223333:group/x"),
        arn("arn:aws:iam::11112222333:role/x"),
        arn("arn:aws:iam::1111222233334:role/x"),
        arn("arn:aws:iam:us-west-2:111122223333:role/x"),
        arn("arn:aws-mars:iam::111122223333:role/x"),
        arn("arn:aws:sts::111122223333:assumed-role/x/s"),
        arn("arn:aws:sts::111122223333:assumed-role/path/x/s"),
        arn("arn:aws:sts::111122223333:assumed-role/x"),
        arn("arn:aws:sts::111122223333:role/x"),
        arn(federated),
        arn("arn:aws:sts::111122223333:federated-user/a/b"),
        arn(" arn:aws:iam::111122223333:role/x"),
        arn("arn:aws:iam::111122223333:role/x\n"),
        arn(""),
        json!({"username": "u"}),
        json!({"arn": BOB}),
        json!({"arn": 1, "username": "u"}),
        named(json!("{{SessionName}}:{{AccountID}}:{{SessionNameRaw}}:{{AccessKeyID}}")),
        named(json!("system:node:{{EC2PrivateDNSName}}{{Ec2PrivateDNSName}}")),
        named(json!("")),
        named(json!("  ")),
        named(json!("\u{2003}")),
        named(json!("{{SessionNam}}")),
        named(json!("{{ SessionName }}")),
        named(json!("{x}")),
        named(json!("{{SessionName}")),
        named(json!("}}")),
        named(json!("{{{SessionName}}}")),
        named(json!("a\tb")),
        named(json!("a\u{85}b")),
        named(json!("a\u{a0}b")),
        named(json!("jürgen@例え")),
        named(json!("a\nb")),
        grouped(json!([])),
        grouped(json!(["a", "system:masters", "{{AccountID}}"])),
        grouped(json!(["a", ""])),
        grouped(json!(["a", " "])),
        grouped(json!(["{{Nobody}}"])),
        grouped(json!("a")),
        grouped(json!([["a"]])),
        with("userid", json!("AROAEXAMPLE")),
        with("userid", json!("AROAEXAMPLE:session")),
        with("userid", json!("")),
        json!({"userid": "AROAEXAMPLE", "username": "u"}),
        json!({"arn": "", "userid": "AROAEXAMPLE", "username": "u"}),
        json!({"arn": federated, "userid": "111122223333:fred", "username": "u"}),
        json!({"arn": federated, "userid": "111122223333:Fred", "username": "u"}),
        json!({"arn": federated, "userid": "AROAEXAMPLE", "username": "u"}),
        with("sessionNames", json!(["*@example.com", "jane"])),
        with("sessionNames", json!([])),
        with("sessionNames", json!([""])),
        with("sessionNames", json!(["a b"])),
        json!({"arn": alice, "sessionNames": ["jane"], "username": "u"}),
        json!({"arn": federated, "sessionNames": ["jane"], "username": "u"}),
        named(json!("system:node:{{EC2PrivateDNSHost}}.corp.example")),
        named(json!("system:node:{{EC2InstanceID}}")),
        named(json!("system:node:{{EC2InstanceId}}")),
        with("ec2Instance", json!({})),
        with("ec2Instance", json!({"vpcID": "vpc-0123456789abcdef0", "clusterTag": "blue"})),
        with("ec2Instance", json!({"vpcID": "vpc-0123456789abcdef"})),
        with("ec2Instance", json!({"vpcID": ""})),
        with("ec2Instance", json!({"clusterTag": " "})),
        with("ec2Instance", json!({"clusterTag": "a\tb"})),
        with("ec2Instance", json!({"clusterTag": "é".repeat(106)})),
        with("ec2Instance", json!({"clusterTag": "é".repeat(107)})),
        with("ec2Instance", json!(true)),
        json!({"arn": alice, "ec2Instance": {}, "username": "u"}),
        json!({"userid": "AROAEXAMPLE", "ec2Instance": {}, "username": "u"}),
        like("arn:aws:iam::111122223333:role/team-*"),
        like("ARN:aws:IAM::111122223333:Role/path/team-?"),
        like("arn:aws:iam::111122223333:role/*"),
        like("arn:aws:iam::111122223333:role/path/*"),
        like("arn:aws:iam::111122223333:role/path/?*a"),
        like("arn:aws:iam::111122223333:role/p*/a"),
        like("arn:aws:iam::111122223333:role/"),
        like("arn:aws:iam::*:role/a"),
        like("arn:*:iam::111122223333:role/a"),
        like("arn:aws:iam::111122223333:user/*"),
        like("arn:aws:sts::111122223333:assumed-role/a/*"),
        json!({"rolearnLike": "arn:aws:iam::111122223333:role/*", "username": "u", "groups": ["system:masters"]}),
        json!({
            "rolearnLike": "arn:aws:iam::111122223333:role/*", "username": "u", "groups": ["system:masters"],
            "allowPrivilegedWildcard": true,
        }),
        json!({
            "rolearnLike": "arn:aws:iam::111122223333:role/*", "username": "u", "groups": ["system:masters"],
            "allowPrivilegedWildcard": false,
        }),
        with("rolearnLike", json!("arn:aws:iam::111122223333:role/*")),
        with("sso", json!({"permissionSetName": "Admin", "accountID": "111122223333"})),
        set("partition", "aws-us-gov"),
        set("partition", ""),
        set("partition", "AWS-CN"),
        set("partition", "aws-mars"),
        set("accountID", "12345678901"),
        set("permissionSetName", ""),
        set("permissionSetName", "Admin*"),
        set("permissionSetName", &"a".repeat(33)),
        sso(json!({"permissionSetName": "Admin"})),
        sso(json!({"accountID": "111122223333"})),
        sso(json!("Admin")),
    ]
}

fn deploy(folder: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(folder).display().to_string()
}

/// The role of the people's Bob.
const BOB: &str = "arn:aws:iam::111122223333:role/viewer";
