use authenticator_tests::support::plugin;
use authenticator_tests::support::programs::Run;
use authenticator_tests::support::server::{self, Setup};
use authenticator_tests::support::sts::Sts;
use tempfile::TempDir;

use crate::people::{self, CLUSTER, alice};

#[test]
fn a_command_line_that_is_wrong_is_told_what_is_right() {
    let rows: &[(&[&str], &str)] = &[
        (
            &["server"],
            "no cluster id: give --cluster-id (-i), set KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID, or write clusterID",
        ),
        (&["init"], "no cluster id"),
        (&["server", "-i", "a  b"], "--cluster-id"),
        (&["server", "-i", ""], "--cluster-id"),
        (&["servr"], "'server'"),
        (&["server", "--prot", "1"], "'--port'"),
        (&["server", "--port", "65536"], "65536"),
        (&["server", "--deny-status", "404"], "404"),
        (&["server", "--partition", "aws-mars"], "aws-mars"),
        (&["server", "-i", "a", "--sts-endpoint", "http://sts:80"], "AWS is only asked over https"),
        (&["server", "-i", "a", "--backend-mode", "MountdFile"], "MountedFile"),
        (&["server", "-c", "nowhere.yaml"], "nowhere.yaml"),
        (&["server", "-l", "xml"], "text"),
        (&["server", "-v", "loud"], "trace"),
    ];
    let folder = TempDir::new().unwrap();
    for (arguments, hint) in rows {
        // A line that is taken for a good one, after all, must not start a server: nobody would end it.
        let arguments = arguments.iter().chain(&["--state-dir", "/nowhere"]);
        assert_fails(&server::run(folder.path(), arguments), hint);
    }
}

#[test]
fn a_config_file_that_is_wrong_is_told_where() {
    let rows = [
        ("clusterID: [a]", "config.yaml:1:12: clusterID"),
        ("clusterID: a\nserver: 1", "config.yaml:2:9: server"),
        ("clusterID: a\nserver:\n  port: many", "config.yaml:3:9: server.port"),
        ("clusterID: a\nserver:\n  port: 70000", "config.yaml:3:9: server.port"),
        ("clusterID: a\nserver:\n\tport: 1", "config.yaml:3:1"),
        ("clusterID: a\nclusterID: b", "config.yaml:2:1"),
        ("clusterID: a\nserver:\n  mapUsers: alice", "line 3 column 13"),
        ("clusterID: a\nserver:\n  backendMode: [MountedFile, Moon]", "config.yaml:3:16: server.backendMode"),
        (
            "clusterID: a\nserver:\n  reservedPrefixConfig: {MountedFile: {usernamePrefix: system}}",
            "config.yaml:3:25: server.reservedPrefixConfig",
        ),
        ("clusterID: a\nserver:\n  dynamicfileUserIDStrict: maybe", "config.yaml:3:28: server.dynamicfileUserIDStrict"),
        (
            "clusterID: a\nserver:\n  backendMode: DynamicFile",
            "config.yaml:3:16: server.backendMode: DynamicFile needs",
        ),
        ("server: {}", "no cluster id"),
        ("", "no cluster id"),
    ];
    for (config, hint) in rows {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("config.yaml"), config).unwrap();
        assert_fails(&server::run(folder.path(), ["server", "-c", "config.yaml", "--state-dir", "/nowhere"]), hint);
    }
}

#[test]
fn a_key_that_nobody_knows_is_a_warning_with_its_line_and_the_nearest_right_one() {
    let config = people::config("aws").replace("mapRoles", "mapRole");
    let server = Setup::new(&config).sts(&Sts::start([])).start().unwrap();
    let log = server.log();
    let warning = log.iter().find(|line| line["level"] == "warning").unwrap();
    let text = warning["msg"].as_str().unwrap();
    assert!(text.contains("config.yaml:7:3") && text.contains("mapRole") && text.contains("mapRoles"), "{text}");
}

#[test]
fn keys_are_known_in_any_case() {
    let config = people::config("aws").replace("clusterID", "CLUSTERid").replace("mapUsers", "MAPUSERS");
    let server = Setup::new(&config).sts(&Sts::start([])).start().unwrap();
    let log = server.log();
    let read = log.iter().find(|line| line["msg"] == "mappings read").unwrap();
    assert_eq!(read["rules"], 2);
}

#[test]
fn the_plugin_says_what_it_misses_and_prints_nothing() {
    let alice = alice().env();
    type Row<'a> = (&'a [&'a str], &'a [(String, String)], &'a str);
    let rows: &[Row<'_>] = &[
        (&["token"], &alice, "no cluster id"),
        (&["token", "-i", "a  b"], &alice, "--cluster-id"),
        (&["token", "-i", CLUSTER], &[], "no AWS credentials: looked at AWS_ACCESS_KEY_ID"),
        (&["token", "-i", CLUSTER], &alice[..1], "half a key pair"),
        (&["token", "-i", CLUSTER], &alice[1..], "half a key pair"),
        (&["token", "-i", CLUSTER, "--regio", "us-west-2"], &alice, "'--region'"),
        (&["token", "-i", CLUSTER, "--region", "us west"], &alice, "us west"),
        (&["tken"], &alice, "'token'"),
    ];
    for (arguments, environment, hint) in rows {
        assert_fails(&plugin::run(*arguments, *environment), hint);
    }
}

#[test]
fn a_plugin_without_a_region_says_which_it_takes() {
    let run = plugin::run(["token", "-i", CLUSTER], &alice().env());
    assert!(run.credential(plugin::BETA).is_ok());
    assert!(run.stderr.contains("using us-east-1"), "{}", run.stderr);
    let told = plugin::run(["token", "-i", CLUSTER, "--region", "us-east-1"], &alice().env());
    assert!(told.credential(plugin::BETA).is_ok());
    assert_eq!(told.stderr, "");
}

/// Exit code 1, a reason for a person, and nothing that another program could take for an answer.
fn assert_fails(run: &Run, hint: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{hint}: {run:?}");
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert!(run.stderr.contains(hint), "{hint:?} is not in {:?}", run.stderr);
}
