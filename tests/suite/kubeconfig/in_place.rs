//! Kubeconfigs that cannot be replaced by a rename, and entries that must not get another address.

use std::fs;
use std::path::Path;

use authenticator_tests::support::programs::{self, Run};
use authenticator_tests::support::proxy;
use authenticator_tests::support::sts::Sts;

use super::UPDATE;
use super::home::{AWS, Home};
use crate::people::alice;

const OLD: &str = "# mine\napiVersion: v1\nkind: Config\n";

/// Runs the plugin from a shell script, in a mount namespace of its own. `$1` is the folder of the kubeconfig.
fn in_script(home: &Home, kubeconfig: &str, script: &str) -> Run {
    let script = format!("{script}\nshift\nexec \"$@\"");
    let folder = home.path(kubeconfig).parent().unwrap().to_owned();
    let arguments = ["--mount", "sh", "-ec", &script, "sh", folder.to_str().unwrap()];
    let arguments = arguments.into_iter().chain([programs::client().to_str().unwrap()]).chain(UPDATE.iter().copied());
    programs::run(Path::new("unshare"), home.folder(), arguments, &home.env(kubeconfig))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_mounted_kubeconfig_is_written_where_it_stands_and_no_copy_stays() {
    let mount = "mount --bind \"$1/config\" \"$1/config\"";
    let read_only =
        "mount --bind \"$1\" \"$1\"\nmount --bind \"$1/config\" \"$1/config\"\nmount -o remount,bind,ro \"$1\"";
    for (label, script) in [("a file that is mounted", mount), ("and its folder may not be written", read_only)] {
        let home = Home::new(None);
        fs::create_dir(home.path("kube")).unwrap();
        home.write("kube/config", OLD);
        let run = in_script(&home, "kube/config", script);
        assert_eq!(run.code, Some(0), "{label}: {}", run.stderr);
        let new = home.read("kube/config");
        assert!(new.starts_with(OLD) && new.contains("cluster/demo"), "{label}: {new}");
        assert_eq!(names(&home.path("kube")), ["config"], "{label}");
        let spare = home.path(".kube/cache/authenticator-client");
        assert!(!spare.exists() || names(&spare).is_empty(), "{label}: a copy is left in {}", spare.display());
    }
}

#[test]
fn a_write_that_does_not_come_to_its_end_says_where_the_copy_is() {
    let home = Home::new(None);
    fs::create_dir(home.path("kube")).unwrap();
    home.write("kube/config", OLD);
    // It is written in place because of its second name, and no file may get larger than a block.
    fs::hard_link(home.path("kube/config"), home.path("kube/other")).unwrap();
    let run = in_script(&home, "kube/config", "trap '' XFSZ\nulimit -f 1");
    assert_eq!(run.code, Some(1), "{run:?}");
    let copy = names(&home.path("kube")).into_iter().find(|name| name.starts_with("config.backup-")).unwrap();
    let copy = home.path("kube").join(copy);
    assert!(run.stderr.contains(&format!("what it held is in {}", copy.display())), "{}", run.stderr);
    assert_eq!(fs::read_to_string(copy).unwrap(), OLD);
}

#[test]
fn a_file_that_is_not_there_and_one_without_anything_to_convert_are_told() {
    let home = Home::new(None);
    let absent = home.ours("absent", &["convert-kubeconfig"]);
    assert_eq!((absent.code, absent.stdout.as_str()), (Some(1), ""));
    assert!(absent.stderr.contains(&format!("no such file: {}", home.path("absent").display())), "{}", absent.stderr);

    home.write(
        "config",
        "users:\n- name: a\n  user: {exec: {command: aws-vault, args: [exec, p, --, aws, eks, get-token]}}\n",
    );
    let wrapped = home.ours("config", &["convert-kubeconfig"]);
    assert_eq!((wrapped.code, wrapped.stderr.as_str()), (Some(0), ""));
    assert!(
        wrapped.stdout.contains("Left user a") && wrapped.stdout.contains("it runs aws-vault"),
        "{}",
        wrapped.stdout
    );
    home.write("config", "users: []\n");
    let nothing = home.ours("config", &["convert-kubeconfig"]);
    assert!(nothing.code == Some(0) && nothing.stdout.starts_with("Nothing to convert in "), "{nothing:?}");
}

/// A proxy or another server in EKS's place could lead the users of any cluster to an API server of its own.
#[test]
fn an_entry_gets_another_address_only_from_the_account_that_was_asked() {
    let arn = "arn:aws:eks:us-west-2:123456789012:cluster/demo";
    let entry = |server: &str| format!("clusters:\n- name: {arn}\n  cluster: {{server: '{server}'}}\n");
    let sts = Sts::start([alice()]);
    // moto's EKS is of account 123456789012, and Alice is not.
    let of_alice = |home: &Home, proxy: &str| {
        let mut environment = home.env("config");
        environment.extend(alice().env());
        environment.extend(
            [
                ("AWS_ENDPOINT_URL", ""),
                ("AWS_ENDPOINT_URL_EKS", &AWS.0.url()),
                ("AWS_CA_BUNDLE", sts.ca_file().to_str().unwrap()),
                ("HTTPS_PROXY", proxy),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        programs::run(programs::client(), home.folder(), UPDATE, &environment)
    };
    let home = Home::new(Some(&entry("https://another.example")));
    for (proxy, words) in [
        (proxy::to(sts.address()), "these credentials are of account 111122223333"),
        ("http://127.0.0.1:9".to_owned(), "cannot ask STS whether"),
    ] {
        let run = of_alice(&home, &proxy);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{words}");
        assert!(run.stderr.contains(words) && run.stderr.contains(arn), "{}", run.stderr);
        assert_eq!(home.read("config"), entry("https://another.example"));
    }
    // moto's own STS says that these keys are of its account.
    assert_eq!(home.ours("config", UPDATE).code, Some(0));
    assert!(home.read("config").contains("https://demo.us-west-2.example"));
}
