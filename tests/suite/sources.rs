//! Files that hold mappings change under a running webhook, in every way that people and programs change files.
//!
//! Somebody whom each version of the file names asks all the time, and is let in every time.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::patience::LIMIT;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::people::{ACCOUNT, CLUSTER, alice, bob, mallory};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_file_is_followed_however_it_changes_and_is_never_empty_meanwhile() {
    for (way, change) in WAYS {
        let folder = TempDir::new().unwrap();
        change(folder.path(), "config.yaml", &config(&[alice()]));
        let path = folder.path().join("config.yaml");
        let scene = Scene::start(Setup::new("").argument(flag("config", &path)));
        scene.prove(way, |who| change(folder.path(), "config.yaml", &config(who))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dynamic_file_is_followed_however_it_changes_and_is_never_empty_meanwhile() {
    for (way, change) in WAYS {
        let folder = TempDir::new().unwrap();
        change(folder.path(), "dynamic.json", &dynamic(&[alice()]));
        let scene = Scene::start(Setup::new(&with_dynamic_files(folder.path(), "DynamicFile")));
        scene.until(&alice(), true).await;
        scene.prove(way, |who| change(folder.path(), "dynamic.json", &dynamic(who))).await;
    }
}

#[tokio::test]
async fn a_dynamic_file_that_is_not_there_names_nobody_and_one_that_cannot_be_read_refuses_nobody() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dynamic.json");
    let setup = || Setup::new(&with_dynamic_files(folder.path(), "DynamicFile"));
    let scene = Scene::start(setup());
    let unmapped = |answer: Answer| matches!(answer, Answer::Refused(reason) if reason.contains("identity.not_mapped"));
    scene.until_answer(&alice(), unmapped).await;
    fs::write(&path, dynamic(&[alice()])).unwrap();
    scene.until(&alice(), true).await;
    fs::remove_file(&path).unwrap();
    scene.until(&alice(), false).await;

    fs::write(&path, dynamic(&[alice()]).trim_end_matches('}')).unwrap();
    scene.says("not_yaml").await;
    assert!(!scene.lets_in(&alice()).await);
    // Nobody knows what it held, since nobody saw it whole.
    let scene = Scene::start(setup());
    scene.says("not_yaml").await;
    let unknown = |answer| matches!(answer, Answer::Failed { status, .. } if status.as_u16() == 503);
    assert!(unknown(scene.answer(&alice()).await));
}

/// Who is where: Alice in the config file, Bob in the dynamic file.
#[tokio::test]
async fn the_order_of_sources_follows_its_file() {
    let folder = TempDir::new().unwrap();
    let order = folder.path().join("modes.json");
    let say = |order: &str| format!("{{\"Version\": \"1\", \"backendMode\": \"{order}\"}}");
    fs::write(folder.path().join("dynamic.json"), dynamic(&[bob()])).unwrap();
    fs::write(&order, say("DynamicFile")).unwrap();
    let config = with_dynamic_files(folder.path(), "MountedFile") + &mappings(&[alice()]);
    let scene = Scene::start(Setup::new(&config));
    scene.until(&bob(), true).await;
    assert!(!scene.lets_in(&alice()).await, "the file says the order from the start");

    fs::write(&order, say("DynamicFile MountedFile")).unwrap();
    scene.until(&alice(), true).await;
    assert!(scene.lets_in(&bob()).await && !scene.lets_in(&mallory()).await);
    fs::write(&order, say("Dynamic")).unwrap();
    scene.says("modes.json:1:33: backendMode: \"Dynamic\" is none of").await;
    assert!(scene.lets_in(&bob()).await && scene.lets_in(&alice()).await);
    fs::remove_file(&order).unwrap();
    scene.until(&bob(), false).await;
    assert!(scene.lets_in(&alice()).await);
}

#[tokio::test]
async fn a_config_file_that_breaks_leaves_the_mappings_and_says_where() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config.yaml");
    let good = config(&[alice()]);
    fs::write(&path, &good).unwrap();
    let scene = Scene::start(Setup::new("").argument(flag("config", &path)));
    for (broken, told) in [
        (good.replace('}', ""), "config.yaml: line 4 column 5: unclosed bracket '{'"),
        (format!("clusterID: {CLUSTER}\nserver:\n  mapUsers: alice\n"), "mapUsers line 3 column 13"),
        (String::new(), "the file is empty"),
    ] {
        fs::write(&path, &broken).unwrap();
        scene.says(told).await;
        assert!(scene.lets_in(&alice()).await, "{told}");
    }
    fs::remove_file(&path).unwrap();
    scene.says("the file is gone").await;
    assert!(scene.lets_in(&alice()).await);

    // What the file does say takes her mapping away.
    fs::write(&path, format!("clusterID: {CLUSTER}\nserver: {{port: 1}}\n")).unwrap();
    scene.until(&alice(), false).await;
    scene.says("server.port: changed since the start").await;
}

/// Whether Bob stands beside her or not.
#[tokio::test]
async fn an_edit_that_restricts_and_is_not_understood_lets_nobody_in_and_is_told() {
    for others in [&[][..], &[bob()]] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("config.yaml");
        let good = config(&[&[alice()], others].concat());
        fs::write(&path, &good).unwrap();
        let scene = Scene::start(Setup::new("").argument(flag("config", &path)));
        assert!(scene.lets_in(&alice()).await);
        let edit = |to: &str| fs::write(&path, good.replacen("username: somebody", to, 1)).unwrap();

        edit("username: '{{Somebody}}'");
        scene.says("entry_kept: what the entry gave before stays in force: \"arn:aws:iam::111122223333:user/alice\" is \"somebody\" with no groups").await;
        assert!(scene.lets_in(&alice()).await);
        edit("username: somebody, user_id: AIDAEXAMPLE");
        let is_closed = |answer| matches!(answer, Answer::Refused(reason) if reason.contains("mapping.closed_entry"));
        scene.until_answer(&alice(), is_closed).await;
        scene.says("entry_closed: a restriction of the entry is not understood").await;
        assert_eq!(scene.lets_in(&bob()).await, !others.is_empty());

        // The first line is that of the start: what was not all taken up is not said to be.
        let is_read = |line: &&serde_json::Value| line["msg"] == "mappings read";
        assert_eq!(scene.server.log().iter().filter(is_read).count(), 1);
        fs::write(&path, format!("clusterID: {CLUSTER}\nserver:\n  mapUser: []\n")).unwrap();
        if !others.is_empty() {
            scene.says("no mapping of the source is left").await;
        }
        fs::write(&path, &good).unwrap();
        scene.until(&alice(), true).await;
    }
}

/// In a folder that a link leads to no watch sees a change: the operator says it.
#[tokio::test]
async fn a_hangup_has_the_config_file_read_again() {
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (path, real) = (folder.path().join("config.yaml"), elsewhere.path().join("config.yaml"));
    fs::write(&real, config(&[alice()])).unwrap();
    symlink(&real, &path).unwrap();
    let scene = Scene::start(Setup::new("").argument(flag("config", &path)));
    assert!(!scene.lets_in(&bob()).await);
    fs::write(&real, config(&[alice(), bob()])).unwrap();
    scene.server.hang_up();
    scene.until(&bob(), true).await;
    assert!(!scene.lets_in(&mallory()).await);
}

#[tokio::test]
async fn a_config_file_that_others_may_write_is_warned_of_at_the_start() {
    for (mode, warned) in [(0o644, false), (0o666, true)] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("config.yaml");
        fs::write(&path, config(&[alice()])).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let scene = Scene::start(Setup::new("").argument(flag("config", &path)));
        assert!(scene.lets_in(&alice()).await);
        let warns = |line: &serde_json::Value| line["msg"].to_string().contains("others may write this file");
        assert_eq!(scene.server.log().iter().any(warns), warned, "{mode:o}");
    }
}

/// A way to change a file of this name in a folder.
type Way = fn(&Path, &str, &str);

const WAYS: [(&str, Way); 4] = [
    ("the link of a mounted ConfigMap is swapped", swap_link),
    ("another file takes its place", |folder, name, text| {
        fs::write(folder.join("draft"), text).unwrap();
        fs::rename(folder.join("draft"), folder.join(name)).unwrap();
    }),
    ("it is truncated and written", |folder, name, text| {
        fs::write(folder.join(name), "").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(folder.join(name), text).unwrap();
    }),
    ("it is deleted and written anew", |folder, name, text| {
        // The first time there is none.
        let _ = fs::remove_file(folder.join(name));
        // Far less than the two seconds after which it counts as deleted.
        std::thread::sleep(Duration::from_millis(100));
        fs::write(folder.join(name), text).unwrap();
    }),
];

/// As kubelet does it (`pkg/volume/util/atomic_writer.go`): the file is a link through `..data`, which is renamed.
fn swap_link(folder: &Path, name: &str, text: &str) {
    let old = fs::read_link(folder.join("..data")).ok();
    let new = (1..).map(|version| format!("..{version}")).find(|name| !folder.join(name).exists()).unwrap();
    fs::create_dir(folder.join(&new)).unwrap();
    fs::write(folder.join(&new).join(name), text).unwrap();
    symlink(&new, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(folder.join(old)).unwrap();
    } else {
        symlink(format!("..data/{name}"), folder.join(name)).unwrap();
    }
}

/// A running webhook, and those who ask it.
struct Scene {
    reviewer: Reviewer,
    server: Server,
    _sts: Sts,
}

/// Somebody who asks again and again, and is let in each time.
struct Hammer {
    answers: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Scene {
    fn start(setup: Setup) -> Self {
        let sts = Sts::start([alice(), bob(), mallory()]);
        let server = setup.sts(&sts).start().expect("the webhook comes up");
        Self { reviewer: server.reviewer(), server, _sts: sts }
    }

    /// Bob comes and goes with the file, and Alice, who is always in it, never notices.
    async fn prove(&self, way: &str, write: impl Fn(&[Principal])) {
        let hammer = Hammer::of(&alice(), self.reviewer.clone());
        for _ in 0..2 {
            assert!(!self.lets_in(&bob()).await, "{way}");
            write(&[alice(), bob()]);
            self.until(&bob(), true).await;
            write(&[alice()]);
            self.until(&bob(), false).await;
        }
        let answers = hammer.stop().await;
        println!("{way}: {answers} answers, all of them yes");
    }

    async fn answer(&self, who: &Principal) -> Answer {
        self.reviewer.review(ReviewVersion::V1, &token(who)).await
    }

    async fn lets_in(&self, who: &Principal) -> bool {
        matches!(self.answer(who).await, Answer::Allowed(_))
    }

    async fn until_answer(&self, who: &Principal, is_it: impl Fn(Answer) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !is_it(self.answer(who).await) {
            assert!(Instant::now() < deadline, "{}\n{:#?}", who.arn, self.server.log());
            tokio::time::sleep(POLL).await;
        }
    }

    async fn until(&self, who: &Principal, let_in: bool) {
        self.until_answer(who, |answer| matches!(answer, Answer::Allowed(_)) == let_in).await;
    }

    async fn says(&self, text: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.server.log().iter().any(|line| line["msg"].as_str().is_some_and(|line| line.contains(text))) {
            assert!(Instant::now() < deadline, "never said: {text}\n{:#?}", self.server.log());
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Hammer {
    fn of(who: &Principal, reviewer: Reviewer) -> Self {
        let (answers, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped, token) = (Arc::clone(&answers), Arc::clone(&stop), token(who));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let answer = reviewer.review(ReviewVersion::V1, &token).await;
                assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
                counted.fetch_add(1, Ordering::Relaxed);
                // It is about every moment, not about load.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        Self { answers, stop, task }
    }

    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("each answer was yes");
        self.answers.load(Ordering::Relaxed)
    }
}

fn config(who: &[Principal]) -> String {
    format!("clusterID: {CLUSTER}\nserver:\n{}", mappings(who))
}

/// A dynamic file that names these.
fn dynamic(who: &[Principal]) -> String {
    let is_role = |principal: &&Principal| principal.user_id.contains(':');
    let users: Vec<_> = who.iter().filter(|principal| !is_role(principal)).collect();
    let users: Vec<_> = users.iter().map(|user| json!({"userarn": user.arn, "username": "somebody"})).collect();
    let role = json!({"rolearn": format!("arn:aws:iam::{ACCOUNT}:role/viewer"), "username": "somebody"});
    let roles: Vec<_> = who.iter().filter(is_role).map(|_| role.clone()).collect();
    json!({"mapUsers": users, "mapRoles": roles}).to_string()
}

/// A config file that names a dynamic file and an order file, and has this order besides.
fn with_dynamic_files(folder: &Path, order: &str) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "clusterID: {CLUSTER}\nserver:\n  backendMode: {order}\n  dynamicfilepath: {}\n  dynamicBackendModePath: {}\n",
        path("dynamic.json"),
        path("modes.json")
    )
}

/// `mapUsers` and `mapRoles` of a `server` section that name these.
fn mappings(who: &[Principal]) -> String {
    let entry = |principal: &Principal| match principal.user_id.contains(':') {
        false => format!("  - {{userARN: '{}', username: somebody}}\n", principal.arn),
        true => format!("  - {{roleARN: 'arn:aws:iam::{ACCOUNT}:role/viewer', username: somebody}}\n"),
    };
    let list = |roles: bool| -> String {
        who.iter().filter(|principal| principal.user_id.contains(':') == roles).map(entry).collect()
    };
    let (users, roles) = (list(false), list(true));
    let section = |key: &str, list: String| if list.is_empty() { String::new() } else { format!("  {key}:\n{list}") };
    section("mapUsers", users) + &section("mapRoles", roles)
}

fn token(principal: &Principal) -> String {
    plugin::token(principal, CLUSTER, "us-west-2")
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

const POLL: Duration = Duration::from_millis(10);
