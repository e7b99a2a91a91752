//! The program as kubectl runs it: arguments, environment and files in; standard output, standard error and exit code out.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop where a test would")]

use std::{
    fs,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY")];
const REGION: (&str, &str) = ("AWS_REGION", "us-west-2");

/// One run of the program with nothing around it but a home directory.
struct Run {
    home: TempDir,
    command: Command,
}

struct Outcome {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn new(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_authenticator-client"));
        command.args(arguments).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        Self { home, command }
    }

    fn env(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.home.path().join(".aws").join(name), text).unwrap();
        self
    }

    fn go(mut self) -> Outcome {
        let output = self.command.output().unwrap();
        Outcome {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            // The temporary directory's name differs from run to run.
            err: String::from_utf8(output.stderr).unwrap().replace(self.home.path().to_str().unwrap(), "HOME"),
        }
    }
}

impl Outcome {
    /// The one document of a success.
    fn document(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        let line = self.out.strip_suffix('\n').unwrap();
        assert!(!line.contains('\n'));
        serde_json::from_str(line).unwrap()
    }

    /// The URL in the token of a success.
    fn url(&self) -> String {
        decode(self.document().pointer("/status/token").unwrap().as_str().unwrap())
    }

    /// The one line that a failure writes.
    #[track_caller]
    fn assert_refused(&self, message: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{}", self.err);
        assert_eq!(self.err, format!("error: {message}\n"));
    }
}

fn decode(token: &str) -> String {
    let encoded = token.strip_prefix("k8s-aws-v1.").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

fn token(arguments: &[&str]) -> Run {
    Run::new(&[&["token", "-i", "demo"], arguments].concat()).env(&KEYS).env(&[REGION])
}

#[test]
fn keys_in_the_environment_make_a_credential_and_nothing_on_standard_error() {
    let before = Timestamp::now();
    let outcome = token(&[]).go();
    assert_eq!(outcome.err, "");
    let document = outcome.document();
    let keys: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["apiVersion", "kind", "spec", "status"], "no other key than these");
    assert_eq!(document["kind"], "ExecCredential");
    assert_eq!(document["apiVersion"], "client.authentication.k8s.io/v1beta1");
    let expiration: Timestamp = document["status"]["expirationTimestamp"].as_str().unwrap().parse().unwrap();
    let left = expiration.duration_since(before);
    assert!(left > SignedDuration::from_mins(13) && left < SignedDuration::from_mins(16), "{left}");
    let url = outcome.url();
    assert!(
        url.starts_with("https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&"),
        "{url}"
    );
    assert!(url.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"), "{url}");
}

#[test]
fn the_cluster_may_stand_before_or_after_the_command_or_in_the_environment() {
    for arguments in [
        &["-i", "demo", "token"][..],
        &["token", "-i", "demo"],
        &["--cluster-id=demo", "token"],
        &["token", "-idemo"],
        &["token", "-i", "other", "--cluster-id", "demo"],
    ] {
        assert_eq!(Run::new(arguments).env(&KEYS).env(&[REGION]).go().code, Some(0), "{arguments:?}");
    }
    let variable = [("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")];
    assert_eq!(Run::new(&["token"]).env(&KEYS).env(&[REGION]).env(&variable).go().code, Some(0));
}

#[test]
fn token_only_prints_the_bare_token() {
    for flag in ["--token-only", "--token-only=true"] {
        let outcome = token(&[flag]).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
        assert!(decode(outcome.out.strip_suffix('\n').unwrap()).starts_with("https://"));
    }
    assert!(token(&["--token-only=false"]).go().document().is_object());
}

#[test]
fn the_answer_is_in_the_version_that_the_client_asks_for() {
    let asked = |version: &str| {
        format!(r#"{{"apiVersion":"client.authentication.k8s.io/{version}","spec":{{"interactive":false}}}}"#)
    };
    for (info, arguments, version, remarked) in [
        (asked("v1"), &[][..], "v1", false),
        (asked("v1beta1"), &[], "v1beta1", false),
        (asked("v1alpha1"), &[], "v1alpha1", true),
        (asked("v2"), &[], "v1beta1", true),
        (String::new(), &[], "v1beta1", false),
        ("{".to_owned(), &[], "v1beta1", true),
        ("[]".to_owned(), &[], "v1beta1", true),
        (asked("v1beta1"), &["--api-version", "v1"], "v1", false),
    ] {
        let outcome = token(arguments).env(&[("KUBERNETES_EXEC_INFO", &info)]).go();
        let full = format!("client.authentication.k8s.io/{version}");
        assert_eq!(outcome.document()["apiVersion"], full.as_str(), "{info}");
        assert_eq!(outcome.err.lines().count(), usize::from(remarked), "{info}: {}", outcome.err);
    }
}

#[test]
fn the_expiry_is_the_credentials_own_end_when_that_is_sooner() {
    let end = Timestamp::now() + SignedDuration::from_mins(5);
    let outcome = token(&[]).env(&[("AWS_CREDENTIAL_EXPIRATION", &end.to_string())]).go();
    let expected = end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert_eq!(outcome.document()["status"]["expirationTimestamp"], expected.as_str());
}

#[test]
fn credentials_that_have_ended_make_no_token() {
    token(&[])
        .env(&[("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")])
        .go()
        .assert_refused("the credentials expired at 2020-01-01T00:00:00Z: renew them");
    let soon = (Timestamp::now() + SignedDuration::from_secs(45)).to_string();
    token(&[])
        .env(&[("AWS_CREDENTIAL_EXPIRATION", &soon)])
        .go()
        .assert_refused(&format!("the credentials expire at {soon}, in less than a minute: renew them"));
}

#[test]
fn without_a_region_it_is_us_east_1_and_standard_error_says_so() {
    let outcome = Run::new(&["token", "-i", "demo"]).env(&KEYS).go();
    assert!(outcome.url().starts_with("https://sts.us-east-1.amazonaws.com/"));
    assert_eq!(
        outcome.err,
        "no region in --region, AWS_REGION, AWS_DEFAULT_REGION or profile default: using us-east-1\n"
    );
}

const CONFIG: &str = "\
    [default]\n\
    region = eu-west-1\n\
    [profile a]\n\
    region = eu-west-2\n\
    [profile role]\n\
    role_arn = arn:aws:iam::123456789012:role/x\n\
    source_profile = a\n\
    mfa_serial = arn:aws:iam::123456789012:mfa/me\n";
const CREDENTIALS: &str = "\
    [default]\n\
    aws_access_key_id = AKIADEFAULTEXAMPLE\n\
    aws_secret_access_key = secret\n\
    [a]\n\
    aws_access_key_id = AKIAPROFILEEXAMPLE\n\
    aws_secret_access_key = secret\n\
    aws_session_token = token\n";

#[test]
fn the_identity_is_the_one_that_aws_cli_takes() {
    const ENVIRONMENT: &str = "AKIAIOSFODNN7EXAMPLE";
    let profile = [("AWS_PROFILE", "a")];
    for (arguments, variables, key, region) in [
        (&[][..], &[][..], "AKIADEFAULTEXAMPLE", "eu-west-1"),
        (&[], &profile, "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&[], &[("AWS_DEFAULT_PROFILE", "a")], "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&["--profile", "a"], &KEYS, "AKIAPROFILEEXAMPLE", "eu-west-2"),
        (&["--profile", ""], &KEYS, ENVIRONMENT, "eu-west-1"),
        (&[], &KEYS, ENVIRONMENT, "eu-west-1"),
        // The profile's keys are not needed, its region is.
        (&[], &[KEYS[0], KEYS[1], profile[0]], ENVIRONMENT, "eu-west-2"),
        (&["--region", "ap-south-1"], &profile, "AKIAPROFILEEXAMPLE", "ap-south-1"),
    ] {
        let outcome = Run::new(&[&["token", "-i", "demo"], arguments].concat())
            .env(variables)
            .file("config", CONFIG)
            .file("credentials", CREDENTIALS)
            .go();
        let url = outcome.url();
        assert!(url.contains(&format!("X-Amz-Credential={key}%2F")), "{arguments:?} {variables:?}: {url}");
        assert!(url.starts_with(&format!("https://sts.{region}.amazonaws.com/")), "{arguments:?} {variables:?}: {url}");
        assert_eq!(url.contains("X-Amz-Security-Token="), key == "AKIAPROFILEEXAMPLE");
        assert_eq!(outcome.err, "");
    }
}

#[test]
fn a_profile_that_cannot_be_used_is_an_error_and_nobody_elses_keys_are_taken() {
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        token(arguments).env(variables).file("config", CONFIG).file("credentials", CREDENTIALS).go()
    };
    run(&["--profile", "nope"], &[]).assert_refused(
        "profile nope, asked for by --profile, is in neither HOME/.aws/config nor HOME/.aws/credentials",
    );
    run(&[], &[("AWS_PROFILE", "nope")]).assert_refused(
        "profile nope, asked for by AWS_PROFILE, is in neither HOME/.aws/config nor HOME/.aws/credentials",
    );
    run(&["--profile", "role"], &[]).assert_refused(
        "profile role asks for an assumed role (role_arn, source_profile, mfa_serial), which is not supported yet",
    );
    run(&[], &[("AWS_SECRET_ACCESS_KEY", "")])
        .assert_refused("half a key pair: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
}

#[test]
fn a_shared_file_that_cannot_be_read_is_an_error_that_names_it() {
    let run = |name: &str, text: &[u8]| {
        Run::new(&["token", "-i", "demo"]).file("credentials", CREDENTIALS).file(name, text).go()
    };
    run("config", b"[default]\nregion\n").assert_refused("cannot read HOME/.aws/config, line 2: expected key = value");
    run("credentials", b"aws_access_key_id = AKIA\n")
        .assert_refused("cannot read HOME/.aws/credentials, line 1: expected a section such as [default] before this");
    run("config", b"[default]\n# caf\xe9\n").assert_refused("HOME/.aws/config is not UTF-8 text");
}

#[test]
fn the_shared_files_may_be_elsewhere() {
    let outcome = Run::new(&["token", "-i", "demo"])
        .file("my-config", CONFIG)
        .file("my-credentials", CREDENTIALS)
        .env(&[("AWS_CONFIG_FILE", "~/.aws/my-config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/my-credentials")])
        .go();
    let url = outcome.url();
    assert!(url.starts_with("https://sts.eu-west-1.") && url.contains("AKIADEFAULTEXAMPLE"), "{url}");
}

#[test]
fn a_variable_that_is_set_to_nothing_is_as_good_as_unset() {
    let empty = ["AWS_PROFILE", "AWS_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SESSION_TOKEN"];
    let outcome = Run::new(&["token", "-i", "demo", "--region", ""])
        .env(&empty.map(|name| (name, "")))
        .file("config", CONFIG)
        .file("credentials", CREDENTIALS)
        .go();
    let url = outcome.url();
    assert!(url.starts_with("https://sts.eu-west-1.") && url.contains("AKIADEFAULTEXAMPLE"), "{url}");
}

#[test]
fn without_a_home_directory_no_other_directory_is_taken_for_it() {
    let mut run = Run::new(&["token", "-i", "demo"]).env(&[REGION]);
    let impostor = run.home.path().join("~/.aws");
    fs::create_dir_all(&impostor).unwrap();
    fs::write(impostor.join("credentials"), CREDENTIALS).unwrap();
    run.command.env_remove("HOME").current_dir(run.home.path());
    let outcome = run.go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.starts_with("error: no AWS credentials: "), "{}", outcome.err);
}

#[test]
fn without_a_cluster_or_credentials_one_line_says_what_was_looked_at() {
    Run::new(&["token"]).env(&KEYS).go().assert_refused(
        "no cluster id: there is none in --cluster-id (-i) or KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID, nor as cluster-id in \
         spec.cluster.config of KUBERNETES_EXEC_INFO",
    );
    Run::new(&["token", "-i", ""]).env(&KEYS).go().assert_refused("--cluster-id is not a cluster id: it is empty");
    Run::new(&["token", "-i", "a\nb"])
        .env(&KEYS)
        .go()
        .assert_refused(r"--cluster-id is not a cluster id: '\n' cannot stand in an HTTP header");
    Run::new(&["token", "-i", "demo"]).go().assert_refused(
        "no AWS credentials: looked at AWS_ACCESS_KEY_ID and profile default in HOME/.aws/credentials and HOME/.aws/config \
         (roles of EC2 instances are not supported yet); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile \
         that has keys with --profile or AWS_PROFILE",
    );
}

#[test]
fn what_would_change_the_identity_and_is_not_built_yet_is_refused_by_name() {
    const ROLE: &str = "arn:aws:iam::123456789012:role/x";
    for (arguments, name) in [
        (&["--role", ROLE][..], "--role (-r)"),
        (&["-r", ROLE], "--role (-r)"),
        (&["-e", "x"], "--external-id (-e)"),
        (&["-s", "x"], "--session-name (-s)"),
        (&["--forward-session-name"], "--forward-session-name"),
        (&["-c", "config.yaml"], "--config (-c)"),
    ] {
        token(arguments).go().assert_refused(&format!("{name} is not supported yet"));
    }
    let default_role = [("DEFAULT_ROLE", ROLE)];
    token(&[])
        .env(&default_role)
        .go()
        .assert_refused("an assumed role, which DEFAULT_ROLE asks for, is not supported yet");
    // The Go program lets an empty flag beat the variable.
    assert_eq!(token(&["--role", ""]).env(&default_role).go().code, Some(0));
}

#[test]
fn flags_of_the_go_program_that_change_nothing_here_are_taken() {
    for arguments in
        [&["--cache"][..], &["--cache=false"], &["-l", "json", "-v", "debug", "--feature-gates", "SSORoleMatch=true"]]
    {
        let outcome = token(arguments).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn the_command_line_of_an_aws_cli_kubeconfig_makes_the_token_that_it_asks_for() {
    for (arguments, region, key) in [
        // What `aws eks update-kubeconfig` writes.
        (
            &["--region", "eu-west-3", "eks", "get-token", "--cluster-name", "demo", "--output", "json"][..],
            "eu-west-3",
            "AKIADEFAULTEXAMPLE",
        ),
        (&["eks", "get-token", "--cluster-id", "demo"], "eu-west-1", "AKIADEFAULTEXAMPLE"),
        (&["eks", "get-token", "--cluster-name", "demo", "--profile", "a"], "eu-west-2", "AKIAPROFILEEXAMPLE"),
        (&["--profile", "a", "eks", "get-token", "--cluster-name=demo"], "eu-west-2", "AKIAPROFILEEXAMPLE"),
        (
            &["--output", "text", "eks", "--output", "json", "--profile", "a", "get-token", "--cluster-name", "demo"],
            "eu-west-2",
            "AKIAPROFILEEXAMPLE",
        ),
        (
            &["--region=x", "eks", "--region=y", "get-token", "--region=eu-west-3", "--cluster-name", "demo"],
            "eu-west-3",
            "AKIADEFAULTEXAMPLE",
        ),
    ] {
        let outcome = Run::new(arguments)
            .env(&[("KUBERNETES_EXEC_INFO", r#"{"apiVersion":"client.authentication.k8s.io/v1"}"#)])
            // The Go program's variable.
            .env(&[("DEFAULT_ROLE", "arn:aws:iam::123456789012:role/x")])
            .file("config", CONFIG)
            .file("credentials", CREDENTIALS)
            .go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{arguments:?}");
        let document: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(document["apiVersion"], "client.authentication.k8s.io/v1");
        let url = decode(document.pointer("/status/token").unwrap().as_str().unwrap());
        assert!(url.starts_with(&format!("https://sts.{region}.amazonaws.com/")), "{arguments:?}: {url}");
        assert!(url.contains(&format!("X-Amz-Credential={key}%2F")), "{arguments:?}: {url}");
    }
}

fn get_token(arguments: &[&str]) -> Run {
    Run::new(&[&["eks", "get-token"], arguments].concat()).env(&KEYS).env(&[REGION])
}

#[test]
fn a_part_of_aws_clis_document_may_be_asked_for() {
    let outcome = get_token(&["--cluster-name", "demo", "--query", "status.token", "--output", "text"]).go();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(decode(outcome.out.strip_suffix('\n').unwrap()).starts_with("https://"));
    let outcome = get_token(&["--cluster-name", "demo", "--query", "status.expirationTimestamp"]).go();
    assert!(serde_json::from_str::<String>(&outcome.out).unwrap().parse::<Timestamp>().is_ok(), "{}", outcome.out);
}

#[test]
fn another_query_or_form_is_refused_with_those_that_there_are() {
    for (arguments, names) in [
        (["--query", "status"], ["'status'", "status.token, status.expirationTimestamp"]),
        (["--output", "table"], ["'table'", "json, text"]),
    ] {
        let outcome = get_token(&[&["--cluster-name", "demo"][..], &arguments].concat()).go();
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(names.iter().all(|name| outcome.err.contains(name)), "{}", outcome.err);
    }
    let token = |arguments: &[&str]| Run::new(&[arguments, &["token", "-i", "demo"]].concat()).env(&KEYS).go();
    token(&["--output", "text"]).assert_refused("--output before the command goes with eks get-token alone");
    token(&["--query", "status.token"]).assert_refused("--query before the command goes with eks get-token alone");
    assert_eq!(token(&["--region", "eu-west-1"]).code, Some(0));
}

#[test]
fn a_role_or_a_cluster_that_is_not_clear_is_refused_by_the_names_of_aws_cli() {
    for arguments in [["--role-arn", "r"], ["--role", "r"], ["--role-arn", ""]] {
        get_token(&[&["--cluster-name", "demo"][..], &arguments].concat())
            .go()
            .assert_refused("--role-arn (--role) is not supported yet");
    }
    get_token(&["--cluster-name", "a", "--cluster-id", "b"])
        .go()
        .assert_refused("--cluster-name and --cluster-id both name the cluster: give one of them");
    get_token(&["--cluster-name", ""]).go().assert_refused("--cluster-name is not a cluster id: it is empty");
    // The Go program's variable.
    get_token(&[]).env(&[("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")]).go().assert_refused(
        "no cluster id: there is none in --cluster-name or --cluster-id, nor as cluster-id in spec.cluster.config of \
             KUBERNETES_EXEC_INFO",
    );
}

/// Only a signature tells one cluster from another; an empty id tells whether it is the one that is taken.
#[test]
fn the_cluster_of_the_kubeconfigs_extension_is_taken_where_nobody_says_another() {
    const PLACE: &str = "cluster-id in spec.cluster.config of KUBERNETES_EXEC_INFO";
    let info =
        |config: &str| format!(r#"{{"apiVersion":"client.authentication.k8s.io/v1","spec":{{"cluster":{config}}}}}"#);
    let run = |arguments: &[&str], config: &str| {
        Run::new(arguments).env(&KEYS).env(&[REGION]).env(&[("KUBERNETES_EXEC_INFO", &info(config))])
    };
    for command in [&["token"][..], &["eks", "get-token"]] {
        let outcome = run(command, r#"{"config":{"cluster-id":"demo"}}"#).go();
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{command:?}");
        let bad = r#"{"config":{"cluster-id":""}}"#;
        run(command, bad).go().assert_refused(&format!("{PLACE} is not a cluster id: it is empty"));
        assert_eq!(run(&[command, &["--cluster-id", "demo"]].concat(), bad).go().code, Some(0), "{command:?}");
        run(command, r#"{"config":{"cluster-id":7}}"#).go().assert_refused(&format!("{PLACE} is not a string"));
    }
    let variable = [("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "demo")];
    assert_eq!(run(&["token"], r#"{"config":{"cluster-id":""}}"#).env(&variable).go().code, Some(0));
}

#[test]
fn an_unknown_flag_is_named_with_the_nearest_right_one() {
    let outcome = token(&["--regoin", "x"]).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.contains("'--regoin'") && outcome.err.contains("'--region'"), "{}", outcome.err);
}

#[test]
fn a_wrong_or_missing_command_is_an_error_and_help_is_not() {
    for arguments in [&[][..], &["tokne"]] {
        let outcome = Run::new(arguments).go();
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(outcome.err.contains("Usage: authenticator-client"), "{}", outcome.err);
    }
    let outcome = Run::new(&["token", "--help"]).go();
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    assert!(outcome.out.contains("--token-only"));
}

#[test]
fn version_is_the_go_programs_document_or_the_bare_number() {
    let version = env!("CARGO_PKG_VERSION");
    let outcome = Run::new(&["version"]).go();
    assert_eq!(outcome.document()["Version"], version);
    assert_eq!(Run::new(&["version", "-o", "yaml"]).go().out, format!("version: {version}\n"));
    assert_eq!(Run::new(&["version", "--short"]).go().out, format!("{version}\n"));
}

#[test]
fn a_token_too_long_for_older_servers_is_remarked_on() {
    let outcome = token(&[]).env(&[("AWS_SESSION_TOKEN", &"x".repeat(4000))]).go();
    assert!(outcome.url().contains("X-Amz-Security-Token=xxxx"));
    assert!(outcome.err.contains("refuse more than 4096") && outcome.err.lines().count() == 1, "{}", outcome.err);
}

#[test]
fn no_secret_is_in_any_error() {
    let secrets = [
        ("AWS_SECRET_ACCESS_KEY", "TOPSECRET1"),
        ("AWS_SESSION_TOKEN", "TOPSECRET2"),
        ("AWS_ACCESS_KEY_ID", "TOPSECRET/3"),
    ];
    let outcome = token(&[]).env(&secrets).go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(!outcome.err.contains("TOPSECRET"), "{}", outcome.err);
    let outcome = Run::new(&["token", "-i", "demo"])
        .file(
            "credentials",
            "[default]\naws_access_key_id = TOPSECRET/1\naws_secret_access_key = TOPSECRET2\nTOPSECRET3\n",
        )
        .go();
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(!outcome.err.contains("TOPSECRET"), "{}", outcome.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_no_panic() {
    let mut run = token(&[]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = run.command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("error: cannot write to standard output: "), "{err}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named_and_not_shown() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let mut run = token(&[]);
    run.command.env("AWS_SECRET_ACCESS_KEY", OsStr::from_bytes(b"TOPSECRET\xff"));
    run.go().assert_refused("the environment variable AWS_SECRET_ACCESS_KEY is not valid Unicode");
}
