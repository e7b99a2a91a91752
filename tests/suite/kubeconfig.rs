//! What `update-kubeconfig` and `convert-kubeconfig` make of people's kubeconfigs, beside what the real AWS CLI makes of them with
//! moto's EKS.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use authenticator_tests::support::control_plane::Kubectl;
use authenticator_tests::support::process::clean_command;
use authenticator_tests::support::programs::{self, Run};
use serde_json::{Value, json};

use home::{AWS, Home};
use starts::STARTS;

mod asking;
mod home;
mod in_place;
mod starts;

/// `eks update-kubeconfig` of both, with the same words, in homes that look the same.
fn both(kubeconfig: Option<&str>, arguments: &[&str]) -> (Home, Home) {
    let (ours, theirs) = (Home::new(kubeconfig), Home::new(kubeconfig));
    let arguments = [&["eks", "update-kubeconfig"], arguments].concat();
    let (our_run, their_run) = (ours.ours("config", &arguments), theirs.aws_clis("config", &arguments));
    assert_eq!(their_run.code, Some(0), "aws-cli {arguments:?}: {}\n{kubeconfig:?}", their_run.stderr);
    assert_eq!(our_run.code, Some(0), "{arguments:?}: {}\n{kubeconfig:?}", our_run.stderr);
    let told = |run: &Run, home: &Home| {
        run.stdout.lines().next().unwrap_or_default().replace(&home.path("").display().to_string(), "")
    };
    if !arguments.contains(&"--dry-run") {
        assert_eq!(told(&our_run, &ours), told(&their_run, &theirs), "{arguments:?}");
    } else {
        assert_eq!(ours.read("config"), kubeconfig.unwrap_or_default(), "a dry run writes nothing");
        // For whoever compares them.
        ours.write("config", &our_run.stdout);
        theirs.write("config", &their_run.stdout);
    }
    (ours, theirs)
}

/// Both documents, without the `exec` of the user that was written, which ours says in its own words.
fn assert_same_meaning(label: &str, ours: &str, theirs: &str, kept: &[(&str, Value)]) {
    let [mut ours, mut theirs] = [ours, theirs].map(|text| AWS.1.meaning(text));
    let current = |config: &Value| config["current-context"].clone();
    let user = theirs["contexts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|context| context["name"] == current(&theirs))
        .unwrap()["context"]["user"]
        .clone();
    let exec = |config: &mut Value| {
        let users = config["users"].as_array_mut().unwrap();
        users.iter_mut().find(|entry| entry["name"] == user).unwrap()["user"]
            .as_object_mut()
            .unwrap()
            .remove("exec")
            .unwrap()
    };
    let (our_exec, their_exec) = (exec(&mut ours), exec(&mut theirs));
    for (pointer, value) in kept {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        theirs.pointer_mut(parent).unwrap()[key] = value.clone();
    }
    assert_eq!(ours, theirs, "{label}");
    assert_exec(label, &our_exec, &their_exec);
}

/// What aws-cli's entry runs, in the words of this program.
fn assert_exec(label: &str, ours: &Value, theirs: &Value) {
    let word = |flag: &str| {
        let args = theirs["args"].as_array().unwrap();
        let at = args.iter().position(|arg| arg == flag)?;
        Some(args[at + 1].as_str().unwrap())
    };
    let profile =
        theirs["env"].as_array().and_then(|env| env.iter().find(|variable| variable["name"] == "AWS_PROFILE"));
    let mut args = vec!["--region", word("--region").unwrap()];
    args.extend(profile.iter().flat_map(|profile| ["--profile", profile["value"].as_str().unwrap()]));
    args.extend(["eks", "get-token"]);
    for flag in ["--cluster-name", "--cluster-id"] {
        args.extend(word(flag).iter().flat_map(|id| [flag, id]));
    }
    args.extend(word("--role").iter().flat_map(|role| ["--role-arn", role]));
    assert_eq!(ours["args"], json!(args), "{label}");
    assert_eq!(ours["command"], json!(programs::client()), "{label}");
    assert!(["Never", "IfAvailable", "Always"].map(Value::from).contains(&ours["interactiveMode"]), "{label}: {ours}");
    assert!(ours["installHint"].as_str().is_some_and(|hint| !hint.is_empty()), "{label}: {ours}");
}

/// kubectl takes the file, and finds the current context's cluster and user in it.
fn assert_kubectl_reads(label: &str, home: &Home, name: &str) {
    let kubectl = Kubectl::alone(home.path("")).expect("CLUSTER_BIN has kubectl");
    let path = home.path(name).display().to_string();
    let view = kubectl.run_at_home(&["config", "view", "--minify", "--raw", "--output=json", "--kubeconfig", &path]);
    let view: Value = serde_json::from_str(&view.unwrap_or_else(|error| panic!("{label}: {error:#}"))).unwrap();
    assert!(view["users"][0]["user"]["exec"]["interactiveMode"].is_string(), "{label}: {view}");
    assert!(view["clusters"][0]["cluster"]["certificate-authority-data"].is_string(), "{label}: {view}");
}

#[test]
fn of_every_kubeconfig_ours_and_aws_cli_make_the_same() {
    for start in STARTS {
        let (ours, theirs) = both(start.text, &["--name", "demo"]);
        assert_same_meaning(start.label, &ours.read("config"), &theirs.read("config"), &(start.kept)());
        assert_kubectl_reads(start.label, &ours, "config");
        let once = ours.read("config");
        assert_eq!(ours.ours("config", &["update-kubeconfig", "--name", "demo"]).code, Some(0));
        assert_eq!(ours.read("config"), once, "{}: a second time changes nothing", start.label);
        // Line by line, nothing that was there is gone but what was replaced.
        let lost = start.text.unwrap_or_default().lines().filter(|line| !once.contains(line.trim_end())).count();
        assert!(lost <= start.replaced, "{}: {lost} lines are gone\n{once}", start.label);
    }
}

#[test]
fn with_every_flag_ours_and_aws_cli_make_the_same() {
    let role = "arn:aws:iam::123456789012:role/x";
    let rows: [&[&str]; 13] = [
        &["--name", "changing"],
        &["--name", "local"],
        &["--name", "demo", "--alias", "short"],
        &["--name", "demo", "--user-alias", "me"],
        &["--name", "demo", "--alias", "short", "--user-alias", "me"],
        &["--name", "demo", "--role-arn", role],
        &["--name", "demo", "--proxy-url", "http://proxy.example:3128"],
        &["--name", "demo", "--assume-role-arn", role],
        &["--name", "demo", "--region", "eu-west-1"],
        &["--name", "demo", "--region", "cn-north-1"],
        &["--name", "demo", "--profile", "p"],
        &["--name", "demo", "--verbose"],
        &["--name", "demo", "--dry-run"],
    ];
    for flags in rows {
        for start in STARTS {
            let (ours, theirs) = both(start.text, flags);
            let label = format!("{} {flags:?}", start.label);
            assert_same_meaning(&label, &ours.read("config"), &theirs.read("config"), &(start.kept)());
            assert_kubectl_reads(&label, &ours, "config");
            if flags.contains(&"local") {
                assert!(ours.read("config").contains("0e1d2c3b-local"));
            }
        }
    }
    let (ours, theirs) = (Home::new(None), Home::new(None));
    for (run, home) in [
        (ours.ours("config", &["update-kubeconfig", "--name", "demo", "--kubeconfig", "other/file"]), &ours),
        (
            theirs.aws_clis("config", &["eks", "update-kubeconfig", "--name", "demo", "--kubeconfig", "other/file"]),
            &theirs,
        ),
    ] {
        assert_eq!((run.code, home.path("config").exists()), (Some(0), false), "{}", run.stderr);
    }
    assert_same_meaning("--kubeconfig", &ours.read("other/file"), &theirs.read("other/file"), &[]);
    assert_kubectl_reads("--kubeconfig", &ours, "other/file");
    assert_eq!(fs::metadata(ours.path("other/file")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn of_several_kubeconfigs_ours_and_aws_cli_choose_the_same() {
    let own = STARTS.iter().find(|start| start.label == "an older entry of aws-cli").unwrap().text.unwrap();
    let other = "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n";
    for (list, files, chosen) in [
        ("a:b", &[("a", other), ("b", own)][..], "b"),
        ("a:b", &[("a", own), ("b", own)], "a"),
        ("a:b", &[("a", other), ("b", other)], "a"),
        ("a:b", &[("b", other)], "a"),
        (": :a::b", &[("a", other), ("b", own)], "b"),
        ("a:b:c", &[("a", other), ("b", "clusters: [\n"), ("c", own)], "c"),
        ("a:b", &[("a", "clusters: [\n"), ("b", own)], "b"),
    ] {
        let (ours, theirs) = (Home::new(None), Home::new(None));
        for (name, text) in files {
            ours.write(name, text);
            theirs.write(name, text);
        }
        let runs = [ours.ours(list, UPDATE), theirs.aws_clis(list, UPDATE)];
        assert!(runs.iter().all(|run| run.code == Some(0)), "{list} {files:?}: {runs:?}");
        assert_same_meaning(list, &ours.read(chosen), &theirs.read(chosen), &[]);
        for (name, text) in files.iter().filter(|(name, _)| *name != chosen) {
            assert_eq!((ours.read(name).as_str(), theirs.read(name).as_str()), (*text, *text), "{list}: {name}");
        }
    }
}

/// aws-cli leaves the other cluster in use there, and who types `kubectl delete` next finds out.
#[test]
fn the_new_context_is_the_current_one_whichever_file_comes_first() {
    let own = STARTS.iter().find(|start| start.label == "an older entry of aws-cli").unwrap().text.unwrap();
    let home = Home::new(None);
    home.write("a", "current-context: production # mine\n");
    home.write("b", own);
    assert_eq!(home.ours("a:b", UPDATE).code, Some(0));
    let context = "arn:aws:eks:us-west-2:123456789012:cluster/demo";
    assert_eq!(home.read("a"), format!("current-context: {context} # mine\n"));
}

#[test]
fn a_kubeconfig_with_an_error_is_named_with_its_place_and_not_touched() {
    for (text, place) in [
        ("clusters: [\n", "line 1 column 11: unclosed bracket"),
        ("a: b\n\tc: d\n", "line 2 column 1: a tab in the indentation"),
        ("clusters: {}\n", "line 1 column 11: expected a list"),
        ("clusters: []\nusers: abc\n", "line 2 column 8: expected a list"),
        ("contexts:\n- a\n", "line 2 column 3: expected a mapping"),
        ("- a\n", "line 1 column 1: expected a mapping"),
        ("clusters: &c []\nx: *c\n", "line 1 column 11: this has an anchor"),
    ] {
        let home = Home::new(Some(text));
        let run = home.ours("config", UPDATE);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{text}: {run:?}");
        let named = format!("{}: {place}", home.path("config").display());
        assert!(run.stderr.contains(&named), "{text}: {}", run.stderr);
        assert_eq!(home.read("config"), text);
        assert_eq!(fs::read_dir(home.path("")).unwrap().count(), 2, "nothing is left behind");
    }
}

#[test]
fn what_eks_does_not_give_is_told_with_region_credentials_and_the_nearest_name() {
    let home = Home::new(None);
    for (arguments, words) in [
        (
            &["--name", "demos"][..],
            &[
                "cluster demos in us-west-2 with the keys of the environment (AWS_ACCESS_KEY_ID);",
                "did you mean \"demo\"?",
                "No cluster found for name: demos. (ResourceNotFoundException)",
            ][..],
        ),
        (
            &["--name", "changing", "--region", "eu-west-1", "--profile", "p"],
            &["in eu-west-1 with the keys of profile p in ", "there are demo"],
        ),
        (&["--name", "demo", "--region", "us-east-1"], &["in us-east-1", "there are no clusters"]),
        (&["--name", "coming"], &["its status is CREATING: one can log in when it is ACTIVE or UPDATING"]),
        (&["--name", "../x"], &["--name \"../x\": a cluster's name is"]),
        (&["--name", "demo", "--no-verify-ssl"], &["--no-verify-ssl", "--ca-bundle"]),
        (&["--name", "demo", "--ca-bundle", "absent.pem"], &["--ca-bundle", "absent.pem"]),
        (&["--name", "demo", "--endpoint-url", "eks.example"], &["--endpoint-url is \"eks.example\""]),
        (&["--name", "demo", "--endpoint-url", "http://127.0.0.1:1"], &["http://127.0.0.1:1", "onnection refused"]),
        (&["--name", "demo", "--role-arn", "admin"], &["--role-arn is \"admin\""]),
        (&["--name", "demo", "--proxy-url", "proxy:3128"], &["--proxy-url is \"proxy:3128\""]),
    ] {
        let run = home.ours("config", &[&["update-kubeconfig"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{arguments:?}: {run:?}");
        for words in words {
            assert!(run.stderr.contains(words), "{arguments:?}: {words}: {}", run.stderr);
        }
        assert!(!home.path("config").exists());
    }
}

#[test]
fn two_at_once_both_end_up_in_the_file() {
    let home = Home::new(STARTS[1].text);
    thread::scope(|scope| {
        for alias in ["one", "two", "three", "four"] {
            let home = &home;
            scope.spawn(move || {
                let run = home.ours("config", &["update-kubeconfig", "--name", "demo", "--alias", alias]);
                assert_eq!(run.code, Some(0), "{run:?}");
            });
        }
    });
    let config = AWS.1.meaning(&home.read("config"));
    let names: Vec<_> =
        config["contexts"].as_array().unwrap().iter().map(|context| context["name"].as_str().unwrap()).collect();
    assert!(["one", "two", "three", "four"].iter().all(|alias| names.contains(alias)), "{names:?}");
}

/// Killed a little later each time, until it comes to its end first.
#[test]
fn who_is_killed_leaves_the_old_file_or_the_new_one_whole() {
    let many: String =
        (0..2000).map(|number| format!("- name: user-{number}\n  user: {{token: t-{number}}}\n")).collect();
    let old = format!("# mine\napiVersion: v1\nkind: Config\nusers:\n{many}");
    let home = Home::new(Some(&old));
    assert_eq!(home.ours("config", UPDATE).code, Some(0));
    let new = home.read("config");
    assert!(new.starts_with(&old) && new != old);
    for step in 0..200 {
        home.write("config", &old);
        let mut child = clean_command(programs::client(), home.folder())
            .args(UPDATE)
            .envs(home.env("config"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(step * 10));
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let found = home.read("config");
        assert!(found == old || found == new, "after {step}: {} bytes", found.len());
        // Left behind by who was killed: whoever comes next is told.
        let _ = fs::remove_file(home.path("config.lock"));
        if ended {
            assert_eq!(found, new);
            return;
        }
    }
    panic!("it never came to its end");
}

#[test]
fn a_lock_that_is_left_is_named() {
    let home = Home::new(Some("kind: Config\n"));
    home.write("config.lock", "");
    let run = home.ours("config", UPDATE);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains(&format!("{} is there", home.path("config.lock").display())), "{}", run.stderr);
    assert_eq!(home.read("config"), "kind: Config\n");
}

#[test]
fn what_aws_cli_wrote_is_converted_and_kubectl_reads_it() {
    let home = Home::new(None);
    let role = "arn:aws:iam::123456789012:role/x";
    let run =
        home.aws_clis("config", &["eks", "update-kubeconfig", "--name", "demo", "--role-arn", role, "--profile", "p"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let before = home.read("config");
    let dry = home.ours("config", &["convert-kubeconfig", "--dry-run"]);
    assert_eq!(home.read("config"), before);
    assert_eq!(home.ours("config", &["convert-kubeconfig"]).code, Some(0));
    let after = home.read("config");
    assert_eq!(after, dry.stdout);
    let client = programs::client().display().to_string();
    assert!(
        before.replace("command: aws\n", &format!("command: {client}\n")).lines().all(|line| after.contains(line)),
        "{after}"
    );
    assert_kubectl_reads("converted", &home, "config");
    assert_eq!(home.ours("config", &["convert-kubeconfig"]).code, Some(0));
    assert_eq!(home.read("config"), after);
    let unknown =
        home.ours("config", &["convert-kubeconfig", "--context", "arn:aws:eks:us-west-2:123456789012:cluster/demos"]);
    assert!(
        unknown.stderr.contains("did you mean \"arn:aws:eks:us-west-2:123456789012:cluster/demo\"?"),
        "{unknown:?}"
    );
}

#[test]
fn an_entry_that_names_the_program_alone_is_for_who_has_it_in_path() {
    let home = Home::new(None);
    let folder = programs::client().parent().unwrap();
    let mut env = home.env("config");
    env.push(("PATH".to_owned(), format!("relative:{}", folder.display())));
    let run = programs::run(programs::client(), home.folder(), UPDATE, &env);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(home.read("config").contains("command: authenticator-client\n"));
    let elsewhere = |path: &Path| path.join("authenticator-client");
    fs::create_dir(home.path("bin")).unwrap();
    fs::write(elsewhere(&home.path("bin")), "another program").unwrap();
    fs::set_permissions(elsewhere(&home.path("bin")), fs::Permissions::from_mode(0o755)).unwrap();
    env.push(("PATH".to_owned(), format!("{}:{}", home.path("bin").display(), folder.display())));
    assert_eq!(programs::run(programs::client(), home.folder(), UPDATE, &env).code, Some(0));
    assert!(home.read("config").contains(&format!("command: {}\n", programs::client().display())));
}

const UPDATE: &[&str] = &["eks", "update-kubeconfig", "--name", "demo"];
