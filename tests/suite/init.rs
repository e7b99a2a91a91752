use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::Reviewer;
use authenticator_tests::support::server::{self, Setup};
use authenticator_tests::support::sts::Sts;
use tempfile::TempDir;

use crate::people::{self, CLUSTER, alice};

#[test]
fn certificate_key_and_kubeconfig_are_made_in_the_current_folder() {
    let folder = TempDir::new().unwrap();
    let run = server::run(folder.path(), ["init", "-i", CLUSTER]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let modes: BTreeMap<_, _> = files(folder.path()).into_iter().map(|(name, (mode, _))| (name, mode)).collect();
    let expected =
        [("aws-iam-authenticator.kubeconfig", 0o644), ("ca-key.pem", 0o600), ("cert.pem", 0o644), ("key.pem", 0o600)];
    assert_eq!(modes, expected.map(|(name, mode)| (name.to_owned(), mode)).into());
    let named = "--authentication-token-webhook-config-file=/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml";
    assert!(run.stdout.contains(named), "{}", run.stdout);
}

#[test]
fn a_second_run_changes_nothing() {
    let folder = TempDir::new().unwrap();
    for _ in 0..2 {
        assert_eq!(server::run(folder.path(), ["init", "-i", CLUSTER]).code, Some(0));
    }
    let before = files(folder.path());
    let run = server::run(folder.path(), ["init", "-i", CLUSTER]);
    assert_eq!((run.code, files(folder.path())), (Some(0), before));
}

#[test]
fn another_folder_is_made_and_used() {
    let folder = TempDir::new().unwrap();
    let run = server::run(folder.path(), ["init", "-i", CLUSTER, "--state-dir", "a/b"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(files(&folder.path().join("a/b")).len(), 4);
    assert_eq!(files(folder.path()).len(), 0, "and nothing beside it");
}

#[test]
fn half_a_pair_is_never_completed() {
    for missing in ["cert.pem", "key.pem"] {
        let folder = TempDir::new().unwrap();
        server::run(folder.path(), ["init", "-i", CLUSTER]);
        fs::remove_file(folder.path().join(missing)).unwrap();
        let before = files(folder.path());
        let run = server::run(folder.path(), ["init", "-i", CLUSTER]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
        assert!(run.stderr.contains(missing), "{}", run.stderr);
        assert_eq!(files(folder.path()), before, "the API server may trust what is there");
    }
}

#[tokio::test]
async fn the_server_serves_with_what_init_made() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let kubeconfig = folder.path().join("kubeconfig.yaml");
    // A port of init's choice: the server is given another, since this one may be anybody's.
    let arguments = ["init", "-i", CLUSTER, "--port", "1", "--state-dir", "state", "--generate-kubeconfig"];
    let run = server::run(folder.path(), arguments.into_iter().chain([kubeconfig.to_str().unwrap()]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let before = files(&state);

    let sts = Sts::start([alice()]);
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--kubeconfig-pregenerated");
    let setup = setup.argument(format!("--state-dir={}", state.display()));
    let server = setup.argument(format!("--generate-kubeconfig={}", kubeconfig.display())).start().unwrap();
    assert_eq!(files(&state), before);

    let (_, port) = server.address().rsplit_once(':').unwrap();
    let text = fs::read_to_string(&kubeconfig).unwrap();
    assert!(text.contains("https://localhost:1/authenticate"), "{text}");
    fs::write(&kubeconfig, text.replace("localhost:1/", &format!("localhost:{port}/"))).unwrap();
    let token = plugin::token(&alice(), CLUSTER, "us-west-2");
    let answer = Reviewer::new(&kubeconfig).unwrap().review(ReviewVersion::V1Beta1, &token).await;
    assert_eq!(answer.user().username, "alice");
}

#[tokio::test]
async fn another_webhooks_certificate_is_not_trusted() {
    let sts = Sts::start([alice()]);
    let server = Setup::new(&people::config("aws")).sts(&sts).start().unwrap();
    let folder = TempDir::new().unwrap();
    let (_, port) = server.address().rsplit_once(':').unwrap();
    server::run(folder.path(), ["init", "-i", CLUSTER, "--port", port]);
    let stranger = Reviewer::new(&folder.path().join("aws-iam-authenticator.kubeconfig")).unwrap();
    assert!(stranger.send(stranger.request("{}")).await.is_err());
    let reviewer = server.reviewer();
    assert!(reviewer.send(reviewer.request("{}")).await.is_ok());
}

/// Name, mode and content of the files in a folder.
fn files(folder: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|file| file.file_type().unwrap().is_file());
    files
        .map(|file| {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            (file.file_name().into_string().unwrap(), (mode, fs::read(file.path()).unwrap()))
        })
        .collect()
}
