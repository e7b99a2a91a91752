use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs::{self, Run};

use super::{Scene, admin, left_behind};
use crate::people::CLUSTER;

/// Runs the plugin where the passwd entry of root, as whom it runs there, says this of its home, and without `HOME`.
fn without_home(scene: &Scene, home: &Path, arguments: &[&str], home_variable: Option<&str>) -> Run {
    let passwd = scene.home.path().join("passwd");
    fs::write(&passwd, format!("root:x:0:0:root:{}:/bin/sh\n", home.display())).unwrap();
    let mut command: Command = clean_command("unshare".as_ref(), scene.home.path());
    command
        .args(["--map-root-user", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/passwd && exec \"$@\""])
        .args([passwd.as_path(), programs::client()])
        .args(arguments)
        .env_remove("HOME")
        .envs(home_variable.map(|value| ("HOME", value)))
        .envs(scene.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    left_behind(command.spawn().expect("there is unshare"))
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.sts.know_role(admin());
    let folder = scene.home.path().join("home/.aws");
    fs::create_dir_all(&folder).unwrap();
    let role = admin().arn;
    fs::write(folder.join("config"), format!("[profile admin]\nrole_arn = {role}\ncredential_source = Environment\n"))
        .unwrap();
    scene
}

#[test]
fn a_home_that_no_variable_names_is_that_of_the_passwd_entry() {
    let scene = scene();
    let home = scene.home.path().join("home");
    let token = ["token", "-i", CLUSTER, "--profile", "admin"];
    for variable in [None, Some("")] {
        let run = without_home(&scene, &home, &token, variable);
        assert_eq!(run.stderr, "");
        assert!(scene.owner(&run).contains(":assumed-role/admin/"));
    }
    assert_eq!(scene.asked(), 1, "and the cache is there too");
    assert!(home.join(".kube/cache/authenticator-client").is_dir());

    fs::write(
        home.join(".kube/config"),
        "users:\n- name: me\n  user:\n    exec: {command: aws, args: [eks, get-token, --cluster-name, a]}\n",
    )
    .unwrap();
    let run = without_home(&scene, &home, &["convert-kubeconfig"], None);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("Converted user me"), "{}", run.stdout);
}

#[test]
fn a_home_that_a_variable_names_goes_before_that_of_the_passwd_entry() {
    let scene = scene();
    let home = scene.home.path().join("home");
    let empty = scene.home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let token = ["token", "-i", CLUSTER, "--profile", "admin"];
    for (of_passwd, variable) in [(&home, Some(&empty)), (&empty, None)] {
        let run = without_home(&scene, of_passwd, &token, variable.map(|path| path.to_str().unwrap()));
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
        assert!(run.stderr.contains("profile admin, asked for by --profile, is in neither"), "{}", run.stderr);
    }
}
