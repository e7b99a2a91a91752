use aws_types::os_shim_internal::{Env, Fs};
use jiff::Timestamp;

use super::*;
use crate::profile::tests::{CONFIG, CREDENTIALS};

mod asking;
mod local;
mod loopback;
mod older;
mod roles;
mod settings;
mod unreadable;

const KEYS: &str = "aws_access_key_id = AKIAPROFILEEXAMPLE\naws_secret_access_key = secret\n";

fn environment_keys(variables: &[(&str, &str)]) -> Result<Option<Credentials>, KeysError> {
    keys::from_environment(&Env::from_slice(variables), Timestamp::UNIX_EPOCH)
}

/// The error and its causes, as the user reads them.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn world(variables: &[(&str, &str)], config: &str, credentials: &str) -> World {
    let mut variables = variables.to_vec();
    variables.push(("HOME", "/home/me"));
    let files = [(CONFIG, config), (CREDENTIALS, credentials)];
    World { env: Env::from_slice(&variables), fs: Fs::from_slice(&files), clock: || Timestamp::UNIX_EPOCH }
}

/// What is planned for the profile `a`, chosen by the flag or by `AWS_PROFILE`, when its two files say this.
fn plan(flag: bool, variables: &[(&str, &str)], config: &str, credentials: &str) -> Result<Plan, PlanError> {
    let mut variables = variables.to_vec();
    variables.push(("AWS_PROFILE", "a"));
    let asked =
        Asked { profile: flag.then(|| "a".to_owned()), region: Some("us-west-2".to_owned()), ..Asked::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(Plan::make(asked, &world(&variables, config, credentials)))
}

/// The steps of the plan, in words, but for the files that they stand in.
fn steps(flag: bool, variables: &[(&str, &str)], config: &str, credentials: &str) -> Result<Vec<String>, String> {
    let Source { root, roles } = plan(flag, variables, config, credentials).map_err(|e| e.to_string())?.source;
    Ok([root.to_string()].into_iter().chain(roles.iter().map(ToString::to_string)).collect())
}

/// The credentials of profile `a` that are written down.
fn keys_at_hand(
    flag: bool,
    variables: &[(&str, &str)],
    config: &str,
    credentials: &str,
) -> Result<Credentials, String> {
    let plan = plan(flag, variables, config, credentials).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let obtained = runtime.block_on(plan.at_hand(&Cache::off())).ok_or_else(|| plan.source.root.to_string())?;
    Ok(obtained.credentials)
}

fn key_id(flag: bool, variables: &[(&str, &str)], config: &str, credentials: &str) -> Result<String, String> {
    keys_at_hand(flag, variables, config, credentials).map(|credentials| credentials.access_key_id().to_owned())
}

#[test]
fn a_key_pair_of_the_environment_comes_with_its_token_and_end() {
    let credentials = environment_keys(&[
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_CREDENTIAL_EXPIRATION", "2026-01-02T05:04:05+02:00"),
    ])
    .unwrap()
    .unwrap();
    assert_eq!(credentials.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
    assert_eq!(credentials.secret_access_key(), "secret");
    assert_eq!(credentials.session_token(), Some("token"));
    let end: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    assert_eq!(credentials.expiry(), Some(end.into()));
}

#[test]
fn the_older_name_of_the_session_token_comes_first_and_an_empty_one_is_none() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    for (tokens, expected) in [
        ([("AWS_SECURITY_TOKEN", "older"), ("AWS_SESSION_TOKEN", "newer")], Some("older")),
        ([("AWS_SECURITY_TOKEN", ""), ("AWS_SESSION_TOKEN", "newer")], Some("newer")),
        ([("AWS_SECURITY_TOKEN", ""), ("AWS_SESSION_TOKEN", "")], None),
    ] {
        let credentials = environment_keys(&[&keys[..], &tokens[..]].concat()).unwrap().unwrap();
        assert_eq!(credentials.session_token(), expected, "{tokens:?}");
    }
}

#[test]
fn keys_of_the_environment_that_have_ended_are_refused() {
    let message = environment_keys(&[
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CREDENTIAL_EXPIRATION", "1970-01-01T00:00:00Z"),
    ]);
    assert_eq!(message.unwrap_err(), KeysError::Expired(Timestamp::UNIX_EPOCH));
}

#[test]
fn an_environment_without_keys_is_none_also_with_a_lone_token() {
    for variables in
        [&[][..], &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")], &[("AWS_SESSION_TOKEN", "token")]]
    {
        assert_eq!(environment_keys(variables).map(|keys| keys.is_none()), Ok(true), "{variables:?}");
    }
}

#[test]
fn half_a_key_pair_of_the_environment_is_an_error_that_names_the_missing_half() {
    for (variable, message) in [
        ("AWS_ACCESS_KEY_ID", "half a key pair: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"),
        ("AWS_SECRET_ACCESS_KEY", "half a key pair: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"),
    ] {
        assert_eq!(environment_keys(&[(variable, "half")]).unwrap_err().to_string(), message);
    }
}

#[test]
fn what_cannot_be_a_key_or_a_time_is_an_error_that_does_not_show_it() {
    let keys = |id, end| {
        let message = environment_keys(&[
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_CREDENTIAL_EXPIRATION", end),
        ]);
        message.unwrap_err().to_string()
    };
    for id in ["wJalrXUtnFEMI/K7MDENG", "AKIA EXAMPLE", "AKIAEXAMPLE\n"] {
        assert_eq!(
            keys(id, ""),
            "AWS_ACCESS_KEY_ID is not an access key id: it holds characters other than letters, digits and _"
        );
    }
    for end in ["soon", "2026-01-02T03:04:05"] {
        assert_eq!(
            keys("AKIAIOSFODNN7EXAMPLE", end),
            "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-02T03:04:05Z"
        );
    }
}

#[test]
fn keys_of_a_profile_are_found_in_either_file_and_the_credentials_file_comes_first() {
    let config = format!("[profile a]\n{KEYS}");
    let credentials = "[a]\naws_access_key_id = AKIACREDENTIALSFILE\naws_secret_access_key = secret\n";
    assert_eq!(key_id(false, &[], &config, ""), Ok("AKIAPROFILEEXAMPLE".to_owned()));
    assert_eq!(key_id(false, &[], "", credentials), Ok("AKIACREDENTIALSFILE".to_owned()));
    assert_eq!(key_id(false, &[], &config, credentials), Ok("AKIACREDENTIALSFILE".to_owned()));
}

#[test]
fn half_a_key_pair_of_a_profile_is_an_error_even_when_the_other_file_has_a_whole_one_or_the_other_half() {
    let config = format!("[profile a]\n{KEYS}");
    let half = |present, missing, path: &str| {
        format!("half a key pair: {present} of profile a in {path} is set, but {missing} is not")
    };
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    for (config, credentials, message) in [
        (config.as_str(), "[a]\naws_access_key_id = AKIAHALF\n", half(id, secret, CREDENTIALS)),
        (config.as_str(), "[a]\naws_secret_access_key = secret\n", half(secret, id, CREDENTIALS)),
        ("[profile a]\naws_access_key_id = AKIAHALF\n", "", half(id, secret, CONFIG)),
        (
            "[profile a]\naws_secret_access_key = secret\n",
            "[a]\naws_access_key_id = AKIAHALF\n",
            half(id, secret, CREDENTIALS),
        ),
        (
            config.as_str(),
            "[a]\naws_access_key_id =\naws_secret_access_key =\n",
            format!("aws_access_key_id of profile a in {CREDENTIALS} is empty"),
        ),
    ] {
        assert_eq!(key_id(false, &[], config, credentials), Err(message), "{credentials}");
    }
}

#[test]
fn a_session_token_of_a_profile_belongs_to_its_own_keys() {
    let token = |text: &str| {
        let keys = keys_at_hand(false, &[("AWS_SESSION_TOKEN", "other")], "", text).unwrap();
        keys.session_token().map(str::to_owned)
    };
    assert_eq!(token(&format!("[a]\n{KEYS}aws_session_token = newer\n")), Some("newer".to_owned()));
    assert_eq!(
        token(&format!("[a]\n{KEYS}aws_session_token = newer\naws_security_token = older\n")),
        Some("older".to_owned())
    );
    assert_eq!(token(&format!("[a]\n{KEYS}aws_session_token =\n")), None);
    assert_eq!(token(&format!("[a]\n{KEYS}")), None);
}

/// aws-cli fails at the first, and signs with a key that nobody has at the others.
#[test]
fn a_key_of_several_lines_is_refused_by_name() {
    for (credentials, key) in [
        ("aws_access_key_id = AKIA\naws_secret_access_key =\n  a = b\n", "aws_secret_access_key"),
        ("aws_access_key_id = AKIA\naws_secret_access_key = a\n  aws_session_token = b\n", "aws_secret_access_key"),
        ("aws_access_key_id = AKIA\n  aws_secret_access_key = a\n", "aws_access_key_id"),
        ("aws_access_key_id = AKIA\naws_secret_access_key = a\naws_session_token = b\n  c\n", "aws_session_token"),
    ] {
        assert_eq!(
            key_id(false, &[], "", &format!("[a]\n{credentials}")),
            Err(format!(
                "{key} of profile a in {CREDENTIALS} has several lines: is a line under it indented that should not be?"
            )),
            "{credentials}"
        );
    }
}

const SSO: &str = "sso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 111122223333\n\
                   sso_role_name = r\n";

#[test]
fn the_sources_are_looked_at_in_the_order_of_aws_cli() {
    let container = &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c")][..];
    let credentials = format!("[a]\n{KEYS}");
    // Each row lacks the source of the row before.
    for (variables, config, credentials, expected) in [
        (
            container,
            format!("role_arn = q\nsource_profile = a\n{SSO}login_session = l\ncredential_process = p\n{KEYS}"),
            credentials.as_str(),
            "role q (profile a)",
        ),
        (
            container,
            format!(
                "role_arn = r\nweb_identity_token_file = /t\n{SSO}login_session = l\ncredential_process = p\n{KEYS}"
            ),
            &credentials,
            "role r with the web identity token that web_identity_token_file of profile a names",
        ),
        (
            container,
            format!("{SSO}login_session = l\ncredential_process = p\n{KEYS}"),
            &credentials,
            "SSO: role r in account 111122223333 (profile a)",
        ),
        (
            container,
            format!("login_session = l\ncredential_process = p\n{KEYS}"),
            &credentials,
            "the keys of profile a in /home/me/.aws/credentials",
        ),
        (
            container,
            format!("login_session = l\ncredential_process = p\n{KEYS}"),
            "",
            "the login session l (profile a)",
        ),
        (container, format!("credential_process = p\n{KEYS}"), "", "p, the credential_process of profile a"),
        (container, KEYS.to_owned(), "", "the keys of profile a in /home/me/.aws/config"),
        (
            container,
            String::new(),
            "",
            "the container endpoint http://127.0.0.1/c (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
        ),
        (&[], String::new(), "", "the role of the EC2 instance (http://169.254.169.254)"),
    ] {
        let config = format!("[profile a]\n{config}");
        for flag in [true, false] {
            let steps = steps(flag, variables, &config, credentials).unwrap();
            assert_eq!(steps.last().map(String::as_str), Some(expected), "{config}");
        }
    }
}

#[test]
fn the_environments_identities_come_before_a_profile_unless_a_flag_chose_it() {
    let credentials = format!("[a]\n{KEYS}");
    let keys = [("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    assert_eq!(key_id(false, &keys, "", &credentials), Ok("AKIAENVIRONMENT".to_owned()));
    assert_eq!(key_id(true, &keys, "", &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()));

    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "r")];
    assert_eq!(
        steps(false, &token, "", &credentials),
        Ok(vec!["role r with the web identity token that AWS_WEB_IDENTITY_TOKEN_FILE names".to_owned()])
    );
    assert_eq!(key_id(true, &token, "", &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()));
    // But a role with a source of its own comes before both, as with aws-cli.
    let config = format!("[profile a]\nrole_arn = q\nsource_profile = a\n{KEYS}");
    assert_eq!(steps(false, &token, &config, "").unwrap().last().unwrap(), "role q (profile a)");
}

#[test]
fn what_means_something_beside_a_role_alone_does_not_stand_in_the_way_of_keys() {
    let credentials = format!("[a]\n{KEYS}source_profile = b\nmfa_serial = m\nsso_session = s\n");
    let config = "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n";
    assert_eq!(key_id(false, &[], config, &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()));
}

#[test]
fn where_there_is_nothing_the_error_says_what_was_looked_at() {
    let off = &[("AWS_EC2_METADATA_DISABLED", "True")];
    let message = |flag| plan(flag, off, "", "[a]\n").unwrap_err().to_string();
    for flag in [true, false] {
        let message = message(flag);
        assert!(message.contains(&format!("profile a in {CREDENTIALS} and {CONFIG}")), "{message}");
        assert!(message.contains("AWS_EC2_METADATA_DISABLED turns the EC2 instance metadata service off"), "{message}");
        assert_eq!(message.contains("AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, profile"), !flag, "{message}");
    }
}
