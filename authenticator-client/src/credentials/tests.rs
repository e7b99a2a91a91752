use super::*;
use crate::profile::{
    SharedFiles,
    tests::{CONFIG, CREDENTIALS, load},
};

const KEYS: &str = "aws_access_key_id = AKIAPROFILEEXAMPLE\naws_secret_access_key = secret\n";

fn environment_keys(variables: &[(&str, &str)]) -> Result<Option<Credentials>, CredentialsError> {
    from_environment(&Env::from_slice(variables))
}

/// The access key id that the profile `a` gives when its two files say this.
fn profile_keys(
    choice: ProfileChoice,
    variables: &[(&str, &str)],
    config: &str,
    credentials: &str,
) -> Result<String, CredentialsError> {
    let profile = load(choice, SharedFiles::Both, variables, &[(CONFIG, config), (CREDENTIALS, credentials)]).unwrap();
    from_profile(&profile, &Env::from_slice(variables)).map(|credentials| credentials.access_key_id().to_owned())
}

fn chosen() -> ProfileChoice {
    ProfileChoice::Variable { variable: "AWS_PROFILE", name: "a".to_owned() }
}

fn flag() -> ProfileChoice {
    ProfileChoice::Flag("a".to_owned())
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
    assert_eq!(profile_keys(chosen(), &[], &config, ""), Ok("AKIAPROFILEEXAMPLE".to_owned()));
    assert_eq!(profile_keys(chosen(), &[], "", credentials), Ok("AKIACREDENTIALSFILE".to_owned()));
    assert_eq!(profile_keys(chosen(), &[], &config, credentials), Ok("AKIACREDENTIALSFILE".to_owned()));
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
        assert_eq!(
            profile_keys(chosen(), &[], config, credentials).map_err(|e| e.to_string()),
            Err(message),
            "{credentials}"
        );
    }
}

#[test]
fn a_session_token_of_a_profile_belongs_to_its_own_keys() {
    let token = |text: &str| {
        let profile = load(chosen(), SharedFiles::Both, &[], &[(CREDENTIALS, text)]).unwrap();
        from_profile(&profile, &Env::from_slice(&[("AWS_SESSION_TOKEN", "other")]))
            .unwrap()
            .session_token()
            .map(str::to_owned)
    };
    assert_eq!(token(&format!("[a]\n{KEYS}aws_session_token = newer\n")), Some("newer".to_owned()));
    assert_eq!(
        token(&format!("[a]\n{KEYS}aws_session_token = newer\naws_security_token = older\n")),
        Some("older".to_owned())
    );
    assert_eq!(token(&format!("[a]\n{KEYS}aws_session_token =\n")), None);
    assert_eq!(token(&format!("[a]\n{KEYS}")), None);
}

#[test]
fn a_source_that_is_not_built_yet_is_named_and_nobody_elses_keys_are_taken() {
    let all = format!("[default]\n{KEYS}[b]\n{KEYS}");
    let own = format!("[profile a]\n{KEYS}");
    for (config, feature) in [
        ("role_arn = r\nsource_profile = b\n", "an assumed role (role_arn, source_profile)"),
        (
            "role_arn = r\nsource_profile = b\nmfa_serial = m\n",
            "an assumed role (role_arn, source_profile, mfa_serial)",
        ),
        ("role_arn = r\ncredential_source = Environment\n", "an assumed role (role_arn, credential_source)"),
        ("role_arn = r\nweb_identity_token_file = f\n", "web identity credentials (web_identity_token_file)"),
        ("sso_account_id = 1\nsso_role_name = r\n", "SSO credentials (sso_account_id, sso_role_name)"),
        ("sso_session = s\nsso_role_name = r\n", "SSO credentials (sso_account_id, sso_role_name)"),
        ("login_session = arn\n", "credentials of `aws login` (login_session)"),
        ("credential_process = p\n", "the credentials of a process (credential_process)"),
    ] {
        // With keys of its own beside it and without: either way the profile means the other source.
        for head in [own.as_str(), "[profile a]\n"] {
            let error = profile_keys(chosen(), &[], &format!("{head}{config}"), &all).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("profile a asks for {feature}, which is not supported yet"),
                "{head}"
            );
        }
    }
}

#[test]
fn keys_of_the_credentials_file_come_before_a_login_session_or_a_process() {
    let credentials = format!("[a]\n{KEYS}");
    for config in ["login_session = arn", "credential_process = p"] {
        let config = format!("[profile a]\n{config}\n");
        assert_eq!(profile_keys(chosen(), &[], &config, &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()), "{config}");
    }
}

#[test]
fn what_means_something_beside_a_role_alone_does_not_stand_in_the_way_of_keys() {
    let credentials = format!("[a]\n{KEYS}source_profile = b\nmfa_serial = m\nsso_session = s\n");
    assert_eq!(profile_keys(chosen(), &[], "", &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()));
}

#[test]
fn web_identity_of_the_environment_comes_before_the_keys_of_a_profile_that_no_flag_chose() {
    let credentials = format!("[a]\n{KEYS}");
    let variables = &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")];
    assert_eq!(
        profile_keys(chosen(), variables, "", &credentials).unwrap_err().to_string(),
        "AWS_WEB_IDENTITY_TOKEN_FILE asks for web identity credentials, which is not supported yet"
    );
    assert_eq!(profile_keys(flag(), variables, "", &credentials), Ok("AKIAPROFILEEXAMPLE".to_owned()));
}

#[test]
fn container_credentials_come_after_the_keys_of_a_profile_and_are_named_when_their_turn_comes() {
    for variable in CONTAINER_VARIABLES {
        let variables = &[(variable, "http://127.0.0.1/")];
        assert!(profile_keys(chosen(), variables, "", &format!("[a]\n{KEYS}")).is_ok());
        assert_eq!(
            profile_keys(chosen(), variables, "", "[a]\n").unwrap_err().to_string(),
            format!("{variable} asks for container credentials, which is not supported yet")
        );
    }
}

#[test]
fn where_there_is_nothing_the_error_says_what_was_looked_at() {
    let message = |choice| profile_keys(choice, &[], "", "[a]\n").unwrap_err().to_string();
    assert!(
        message(chosen()).contains(&format!("looked at AWS_ACCESS_KEY_ID and profile a in {CREDENTIALS} and {CONFIG}"))
    );
    assert!(message(flag()).contains(&format!("looked at profile a in {CREDENTIALS} and {CONFIG}")));
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
            profile_keys(chosen(), &[], "", &format!("[a]\n{credentials}")).unwrap_err(),
            CredentialsError::SeveralLines { key, place: format!(" of profile a in {CREDENTIALS}") },
            "{credentials}"
        );
    }
}
