//! Client libraries of Kubernetes in other languages log in with the plugin.
//!
//! They run exec plugins with code of their own, and half of them know but one version of the contract. What each takes is a table
//! of the README, which this test holds to be true.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use authenticator_tests::support::clients::{CLIENTS, Client, Listing};
use authenticator_tests::support::cluster::{CLUSTER_ID, Cluster, Dawn, EKS_NAME, ExecVersion, REGION};
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::eks::Eks;
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::plugin;
use authenticator_tests::support::programs;
use authenticator_tests::support::review::Answer;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::people::{alice, mallory};

#[test]
fn each_client_library_logs_in_with_the_versions_that_the_readme_says_and_with_no_strangers_keys() {
    let scene = Scene::new();
    let mut seen = Vec::new();
    for client in CLIENTS {
        let [beta, v1] =
            [ExecVersion::V1Beta1, ExecVersion::V1].map(|version| in_words(&scene.list(client, "alice", version)));
        assert_eq!(beta, WORKS, "{}", client.name);
        match scene.list(client, "mallory", ExecVersion::V1Beta1) {
            Listing::Failed { status: Some(401), .. } => {}
            listing => panic!("{}: {listing:?}", client.name),
        }
        seen.push((client.name, beta, v1));
    }

    let table = table();
    let told: Vec<_> = table.iter().map(|row| (row.name, row.beta, row.v1)).collect();
    assert_eq!(seen, told);
    for (client, row) in CLIENTS.iter().zip(&table) {
        assert!(client.is_pinned_at(row.version), "{} was not tried at {}", row.name, row.version);
    }
}

/// A cluster that knows alice and not mallory, and a home with a profile of each.
struct Scene {
    _cluster: Cluster,
    home: TempDir,
}

impl Scene {
    fn new() -> Self {
        let dawn = Dawn::new(MAPPINGS).expect("the webhook comes up");
        let cluster = dawn.rise(ReviewVersion::V1).expect("the cluster comes up");
        let eks = cluster.eks().expect("it starts");
        let home = TempDir::new().expect("a folder can be made");
        let people = [("alice", alice()), ("mallory", mallory())];
        fs::create_dir(home.path().join(".aws")).expect("a folder can be made");
        let credentials: String = people.iter().map(|(name, principal)| principal.profile(name)).collect();
        fs::write(home.path().join(".aws/credentials"), credentials).expect("a file can be written");
        for (name, principal) in people {
            principal.remember();
            cluster.sts().know(principal);
            for version in [ExecVersion::V1Beta1, ExecVersion::V1] {
                update_kubeconfig(&eks, home.path(), name, version);
            }
        }
        await_aws_auth(&cluster);
        Self { _cluster: cluster, home }
    }

    fn list(&self, client: Client, profile: &str, version: ExecVersion) -> Listing {
        client.list_namespaces(&kubeconfig(self.home.path(), profile, version), self.home.path())
    }
}

fn update_kubeconfig(eks: &Eks, home: &Path, profile: &str, version: ExecVersion) {
    let api_version = version.api_version().rsplit('/').next().expect("a version");
    let path = kubeconfig(home, profile, version);
    let arguments = ["--name", EKS_NAME, "--profile", profile, "--exec-api-version", api_version, "--kubeconfig"];
    let arguments =
        [OsStr::new("update-kubeconfig")].into_iter().chain(arguments.map(OsStr::new)).chain([path.as_os_str()]);
    let variables = [("AWS_ENDPOINT_URL", eks.url()), ("AWS_REGION", REGION.to_owned())];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let run = programs::run(programs::client(), home, arguments, &variables);
    assert_eq!(run.code, Some(0), "{run:?}");
    let written = fs::read_to_string(&path).expect("it was written");
    assert!(written.contains(&format!("apiVersion: {}\n", version.api_version())), "{written}");
}

fn kubeconfig(home: &Path, profile: &str, version: ExecVersion) -> PathBuf {
    home.join(format!("{profile}-{version:?}.kubeconfig"))
}

/// Until the webhook knows that there is none it cannot say that mallory is a stranger; her 401 would have another reason.
fn await_aws_auth(cluster: &Cluster) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let reviewer = cluster.webhook().reviewer();
    let token = plugin::token(&mallory(), CLUSTER_ID, REGION);
    eventually("aws-auth is known to be absent", || {
        let answer = runtime.block_on(reviewer.review(ReviewVersion::V1, &token));
        matches!(answer, Answer::Refused(reason) if reason.contains("identity.not_mapped"))
    });
}

/// A line of the README's table of client libraries.
struct Row {
    name: &'static str,
    version: &'static str,
    beta: &'static str,
    v1: &'static str,
}

fn table() -> Vec<Row> {
    let (_, section) = README.split_once("\n### Client libraries\n").expect("the README has the section");
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    // After the heads of the columns and the line below them.
    lines.skip(2).map(row).collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [client, _, version, beta, v1] = cells[..] else { panic!("five cells: {line}") };
    let name = client.split('`').nth(1).expect("a name in backticks");
    Row { name, version, beta, v1 }
}

/// As the table says it.
fn in_words(listing: &Listing) -> &'static str {
    match listing {
        Listing::Namespaces { namespaces } if namespaces.iter().any(|name| name == "default") => WORKS,
        Listing::Failed { status: None, error } if error.contains(ExecVersion::V1.api_version()) => "refused",
        Listing::Failed { status: Some(403), error } if error.contains("system:anonymous") => "anonymous",
        listing => panic!("the table has no word for {listing:?}"),
    }
}

const WORKS: &str = "works";
const README: &str = include_str!("../../README.md");

const MAPPINGS: &str = "
  mapUsers:
  - userARN: arn:aws:iam::111122223333:user/alice
    username: alice
    groups: [system:masters]
";
