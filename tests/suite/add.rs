//! `authenticator-server add`: one entry more in the aws-auth of a real API server, and every other byte as it was.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use authenticator_tests::support::control_plane::{ControlPlane, ReviewVersion, Site};
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{self, Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use authenticator_tests::support::{peer, plugin};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::people::{CLUSTER, alice, bob, mallory};

/// In turn, on one API server: it takes seconds to start.
#[test]
fn an_added_user_or_role_is_let_in_at_once_and_no_other_byte_of_aws_auth_changes() {
    let scene = Scene::new();
    for (fact, holds) in FACTS {
        let start = Instant::now();
        holds(&scene);
        println!("add: {fact} ({:.1?})", start.elapsed());
    }
}

/// What it says, and what proves it.
type Fact = (&'static str, fn(&Scene));

const FACTS: [Fact; 7] = [
    ("an aws-auth that is not there is not made", an_aws_auth_that_is_not_there_is_not_made),
    ("whoever is added is in at once", whoever_is_added_is_in_at_once),
    ("whoever is there already is not added again", whoever_is_there_already_is_not_added_again),
    ("whoever is asked and does not say yes adds nothing", whoever_is_asked_and_does_not_say_yes_adds_nothing),
    ("what cannot be read or may not be written stays", what_cannot_be_read_or_may_not_be_written_stays),
    ("of many who add at once none is lost", of_many_who_add_at_once_none_is_lost),
    ("the Go program reads it, and drops what ours keeps", the_go_program_reads_it_and_drops_what_ours_keeps),
];

fn an_aws_auth_that_is_not_there_is_not_made(scene: &Scene) {
    assert_fails(&scene.add(&ALICE), "error: there is no ConfigMap aws-auth in kube-system");
    assert!(!scene.administer(&["get", "configmaps", "--namespace=kube-system", "--output=name"]).contains("aws-auth"));
}

fn whoever_is_added_is_in_at_once(scene: &Scene) {
    scene.set(&BTreeMap::from([("mapRoles", ROLES), ("mapUsers", "[]  # nobody yet\n"), ("notes", "ours: # x")]));
    scene.until("it was read", || matches!(scene.answer(&bob()), Answer::Refused(_)));
    assert!(!scene.lets_in(&alice()));

    let run = scene.add(&ALICE);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.starts_with("updated configmap:\n\ndata:\n  mapRoles: |\n    # The team's.\n"),
        "{}",
        run.stdout
    );
    scene.until("alice is in", || scene.lets_in(&alice()));
    let user = scene.answer(&alice()).user();
    assert_eq!((user.username.as_str(), user.groups.as_slice()), ("alice", &["a".to_owned(), "b".to_owned()][..]));

    // By name of its context, and with the role's path, which STS never says.
    let run = scene.add(&[&BOB[..], &["--kubeconfig-context=admin"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    scene.until("bob is in", || scene.lets_in(&bob()));
    assert_eq!(scene.answer(&bob()).user().username, "bob:bob-example.com");
    assert!(!scene.lets_in(&mallory()));

    let users = "- userarn: arn:aws:iam::111122223333:user/alice\n  username: alice\n  groups:\n  - a\n  - b\n";
    let role = "- rolearn: arn:aws:iam::111122223333:role/team/viewer\n  username: \"bob:{{SessionName}}\"\n  groups:\n  - a\n";
    let expected = json!({"mapRoles": format!("{ROLES}{role}"), "mapUsers": format!("{users}  # nobody yet\n"), "notes": "ours: # x"});
    assert_eq!(scene.object()["data"], expected);
}

fn whoever_is_there_already_is_not_added_again(scene: &Scene) {
    let before = scene.object();
    let same = ["role", "--rolearn=arn:aws:iam::111122223333:role/VIEWER", "--username=x", "--groups=system:masters"];
    assert_fails(
        &scene.add(&same),
        "error: mapRoles[1] arn:aws:iam::111122223333:role/team/viewer (line 6) is about the same",
    );
    assert_fails(
        &scene.add(&ALICE),
        "error: mapUsers[0] arn:aws:iam::111122223333:user/alice (line 1) is about the same",
    );
    for (wrong, hint) in [
        (&["user", "--userarn=mallory", "--username=x", "--groups=x"][..], "--userarn"),
        (&[&MALLORY[..3], &["--groups=x,"]].concat(), "error: --groups: a group is empty"),
        (&[&MALLORY[..], &["--kubeconfig-context=nobody"]].concat(), "nobody"),
        (&[&MALLORY[..], &["--master-url=ftp://x"]].concat(), "error: --master-url"),
        (&[&MALLORY[..], &["--kubeconfig="]].concat(), "error: no kubeconfig: say with --kubeconfig"),
    ] {
        assert_fails(&scene.add(wrong), hint);
    }
    assert_eq!(scene.object(), before);
}

fn whoever_is_asked_and_does_not_say_yes_adds_nothing(scene: &Scene) {
    let before = scene.object();
    let question = "Ready to add \"add userarn arn:aws:iam::111122223333:user/mallory, username mallory, groups [x]\", \
                    should we continue? [y/N]: ";
    let run = scene.asked(&MALLORY, "no\n");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(run.stdout.starts_with(&format!("{question}cancelled \"add userarn ")), "{}", run.stdout);
    let run = scene.asked(&MALLORY, "");
    assert!(run.code == Some(1) && run.stderr.contains("--prompt=false"), "{}", run.stderr);
    assert_eq!(scene.object(), before);
    assert!(!scene.lets_in(&mallory()));

    let run = scene.asked(&MALLORY, "yes\n");
    assert!(
        run.code == Some(0) && run.stdout.starts_with(&format!("{question}updated configmap:\n")),
        "{}",
        run.stderr
    );
    scene.until("mallory is in", || scene.lets_in(&mallory()));
}

fn what_cannot_be_read_or_may_not_be_written_stays(scene: &Scene) {
    for (key, text, hint) in [
        ("mapUsers", "# x\n- userarn: [", "\nEKSConfigMap mapUsers line 2 column "),
        ("mapRoles", "- {rolearn: nonsense, username: a}", "error no_usable_entry"),
        (
            "mapUsers",
            "[{userarn: 'arn:aws:iam::111122223333:user/eve', username: eve}]",
            "error: mapUsers line 1 column 1: the list is in flow style",
        ),
    ] {
        scene.set(&BTreeMap::from([(key, text), ("notes", "x")]));
        let before = scene.object();
        assert_fails(&scene.add(&MALLORY), hint);
        assert_eq!(scene.object(), before);
    }
    let run = scene.add(&MALLORY);
    assert!(
        run.stderr.ends_with(
            "\n\n- userarn: arn:aws:iam::111122223333:user/mallory\n  username: mallory\n  groups:\n  - x\n\n"
        ),
        "{}",
        run.stderr
    );

    scene.set(&BTreeMap::from([("mapUsers", "")]));
    let before = scene.object();
    scene.administer(&["create", "serviceaccount", "nobody", "--namespace=kube-system"]);
    let token = scene.administer(&["create", "token", "nobody", "--namespace=kube-system"]);
    let nobody =
        scene.control_plane.site().kubeconfig("nobody", &json!({"token": token.trim()})).expect("it can be written");
    let run = scene.run(nobody.path(), &MALLORY);
    assert_fails(&run, "error: cannot read aws-auth: 403 Forbidden");
    assert!(!run.stderr.contains(token.trim()), "a credential is shown to nobody");
    assert_eq!(scene.object(), before);
}

/// Each of the others may have written before one writes, and no more of them than one has tries.
fn of_many_who_add_at_once_none_is_lost(scene: &Scene) {
    scene.set(&BTreeMap::from([("mapUsers", "# many\n")]));
    let arns: Vec<_> = (0..5).map(|n| format!("--userarn=arn:aws:iam::111122223333:user/u{n}")).collect();
    thread::scope(|scope| {
        let added = |arn| move || scene.add(&["user", arn, "--username=u", "--groups=a"]);
        let runs: Vec<_> = arns.iter().map(|arn| scope.spawn(added(arn))).collect();
        for run in runs {
            let run = run.join().expect("it ends");
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        }
    });
    let object = scene.object();
    let text = object["data"]["mapUsers"].as_str().expect("a text");
    assert!(text.starts_with("# many\n"), "{text}");
    assert!((0..5).all(|n| text.matches(&format!("user/u{n}\n")).count() == 1), "{text}");
}

fn the_go_program_reads_it_and_drops_what_ours_keeps(scene: &Scene) {
    // An entry that cannot be used is in its way, and not in ours.
    let before = [
        ("mapRoles", ROLES),
        ("mapUsers", "- username: nobody\n- {userarn: 'arn:aws:iam::111122223333:user/e', username: e}"),
    ];
    scene.set(&BTreeMap::from(before));
    assert_eq!((scene.peer(&ALICE).code, scene.add(&ALICE).code), (Some(1), Some(0)));

    scene.set(&BTreeMap::from([("mapRoles", ROLES), ("notes", "ours")]));
    assert_eq!(scene.add(&ALICE).code, Some(0));
    // It dies of a null pointer here, before it looks for its kubeconfig.
    let sso = ["role", "--sso=permissionSetName=Admin,accountID=012345678901", "--username=x", "--groups=a"];
    assert_eq!((scene.peer(&sso).code, scene.add(&sso).code), (Some(2), Some(0)));
    let same = ["role", "--rolearn=arn:aws:iam::111122223333:role/path/Dev", "--username=x", "--groups=a"];
    assert_fails(
        &scene.add(&same),
        "error: mapRoles[0] arn:aws:iam::111122223333:role/Dev (line 2) is about the same principal",
    );
    let data = scene.object()["data"].clone();
    assert!(
        data["mapRoles"].as_str().is_some_and(|text| text.starts_with(ROLES)) && data["notes"] == "ours",
        "{data:#}"
    );

    let run = scene.peer(&same);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let data = scene.object()["data"].clone();
    let (users, roles) = (data["mapUsers"].as_str().unwrap_or_default(), data["mapRoles"].as_str().unwrap_or_default());
    let has = |text: &str, part: &str| assert!(text.contains(part), "{part}: {data:#}");
    has(users, "user/alice");
    ["role/Dev", "permissionSetName: Admin", "\"012345678901\"", "role/path/Dev"]
        .iter()
        .for_each(|part| has(roles, part));
    assert!(!roles.contains('#') && !roles.contains("comment") && data.get("notes").is_none(), "{data:#}");
}

/// A webhook that reads aws-auth, and whoever asks it.
struct Scene {
    control_plane: ControlPlane,
    reviewer: Reviewer,
    runtime: Runtime,
    _server: Server,
    _sts: Sts,
}

impl Scene {
    fn new() -> Self {
        let control_plane = Site::prepare().and_then(|site| site.start(None)).expect("the control plane comes up");
        let sts = Sts::start([alice(), bob(), mallory()]);
        let config = format!("clusterID: {CLUSTER}\nserver: {{backendMode: EKSConfigMap}}\n");
        let access = format!("--kubeconfig={}", control_plane.site().administrator().path().display());
        let server = Setup::new(&config).sts(&sts).argument(access).start().expect("the webhook comes up");
        let runtime = Runtime::new().expect("a runtime can be made");
        Self { control_plane, reviewer: server.reviewer(), runtime, _server: server, _sts: sts }
    }

    fn administer(&self, arguments: &[&str]) -> String {
        self.control_plane.administer(arguments).expect("the administrator may do anything")
    }

    /// Makes aws-auth hold this and nothing else.
    fn set(&self, data: &BTreeMap<&str, &str>) {
        let metadata = json!({"namespace": "kube-system", "name": "aws-auth"});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}).to_string();
        self.administer(&["delete", "configmap", "aws-auth", "--namespace=kube-system", "--ignore-not-found"]);
        self.control_plane.apply(&object).expect("it is taken");
    }

    fn object(&self) -> Value {
        let get = ["get", "configmap", "aws-auth", "--namespace=kube-system", "--output=json"];
        serde_json::from_str(&self.administer(&get)).expect("kubectl writes JSON")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.control_plane.site().administrator().path().to_owned()
    }

    fn add(&self, arguments: &[&str]) -> Run {
        self.run(&self.kubeconfig(), arguments)
    }

    fn run(&self, kubeconfig: &Path, arguments: &[&str]) -> Run {
        server::run(self.control_plane.site().folder(), line(kubeconfig, "--prompt=false", arguments))
    }

    fn peer(&self, arguments: &[&str]) -> Run {
        peer::run(self.control_plane.site().folder(), line(&self.kubeconfig(), "--prompt=false", arguments))
    }

    /// With somebody who answers.
    fn asked(&self, arguments: &[&str], answer: &str) -> Run {
        let mut child = Command::new(programs::server())
            .args(line(&self.kubeconfig(), "--prompt", arguments))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be run");
        child.stdin.take().expect("it is piped").write_all(answer.as_bytes()).expect("it listens");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
        Run { stdout: text(output.stdout), stderr: text(output.stderr), code: output.status.code() }
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
}

/// What is given last counts.
fn line(kubeconfig: &Path, prompt: &str, arguments: &[&str]) -> Vec<String> {
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let fixed = ["add".to_owned(), prompt.to_owned(), kubeconfig];
    fixed.into_iter().chain(arguments.iter().map(|argument| (*argument).to_owned())).collect()
}

fn assert_fails(run: &Run, hint: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{hint}");
    assert!(run.stderr.contains(hint), "{hint}: {}", run.stderr);
}

const ALICE: [&str; 4] = ["user", "--userarn=arn:aws:iam::111122223333:user/alice", "--username=alice", "--groups=a,b"];
const BOB: [&str; 4] =
    ["role", "--rolearn=arn:aws:iam::111122223333:role/team/viewer", "--username=bob:{{SessionName}}", "--groups=a"];
const MALLORY: [&str; 4] =
    ["user", "--userarn=arn:aws:iam::111122223333:user/mallory", "--username=mallory", "--groups=x"];

const ROLES: &str = "\
# The team's.
- rolearn: arn:aws:iam::111122223333:role/Dev  # since 2019
  username: dev
  comment: nobody knows this key
# end
";
