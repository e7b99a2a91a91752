//! How sources and services are described: SSO, web identities, the instance, URLs.

use super::*;
use crate::credentials::services::Service;

const SESSION: &str = "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n";

#[test]
fn sso_takes_what_the_session_says_and_refuses_what_contradicts_it() {
    let sso =
        |config: &str| steps(false, &[], &format!("[profile a]\n{config}{SESSION}"), "").map(|steps| steps.concat());
    let role = "sso_account_id = 111122223333\nsso_role_name = r\n";
    assert_eq!(sso(&format!("sso_session = s\n{role}")).unwrap(), "SSO: role r in account 111122223333 (profile a)");
    for (config, message) in [
        ("sso_session = s\nsso_role_name = r\n", "profile a asks for SSO credentials but lacks sso_account_id"),
        ("sso_account_id = 1\n", "lacks sso_role_name, sso_start_url, sso_region"),
        (
            &format!("sso_session = t\n{role}"),
            "sso_session of profile a is \"t\", and there is no [sso-session t] in /home/me/.aws/config",
        ),
        (
            &format!("sso_session = s\nsso_region = us-east-1\n{role}"),
            "sso_region of profile a is not that of sso-session s: remove one of them",
        ),
    ] {
        let error = sso(config).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_sso_session_that_leads_nowhere_is_refused_whatever_else_there_is() {
    let refused = |flag, variables: &[(&str, &str)], config: &str, credentials: &str| {
        steps(
            flag,
            variables,
            &format!("{config}[sso-session u]\nsso_start_url = https://x\nsso_region =\n"),
            credentials,
        )
        .unwrap_err()
    };
    let keys = &[("AWS_ACCESS_KEY_ID", "AKIAME"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let nowhere = "sso_session of profile a is \"t\", and there is no [sso-session t] in /home/me/.aws/config";
    let half = "[sso-session u] in /home/me/.aws/config, which sso_session of profile a names, lacks sso_region";
    for (session, message) in [("t", nowhere), ("u", half)] {
        let of_config = format!("[profile a]\nsso_session = {session}\n");
        for flag in [true, false] {
            assert_eq!(refused(flag, &[], &of_config, ""), message);
            assert_eq!(refused(flag, keys, &of_config, ""), message);
            assert_eq!(refused(flag, &[], &of_config, &format!("[a]\n{KEYS}")), message);
            assert_eq!(refused(flag, &[], "", &format!("[a]\n{KEYS}sso_session = {session}\n")), message);
        }
    }
    // Of somebody else's profile it is no concern.
    let others = format!("[profile a]\n{KEYS}[profile b]\nsso_session = t\n");
    assert_eq!(key_id(false, &[], &others, ""), Ok("AKIAPROFILEEXAMPLE".to_owned()));
}

#[test]
fn a_part_of_a_source_is_told_of_where_somebody_else_is_asked() {
    let endpoint = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x")];
    let remarks = |variables: &[(&str, &str)], config: &str, credentials: &str| {
        plan(false, variables, &format!("[profile a]\n{config}{SESSION}"), credentials).unwrap().remarks
    };
    let container = "the container endpoint http://127.0.0.1/x (AWS_CONTAINER_CREDENTIALS_FULL_URI)";
    for (config, part) in [
        ("source_profile = b\n", "source_profile of profile a has no say without role_arn"),
        ("credential_source = Environment\n", "credential_source of profile a has no say without role_arn"),
        ("sso_session = s\n", "sso_session of profile a has no say without sso_account_id and sso_role_name"),
        ("sso_start_url = x\n", "sso_start_url of profile a has no say without sso_account_id and sso_role_name"),
    ] {
        assert_eq!(remarks(&endpoint, config, ""), [format!("{part}: the credentials are those of {container}")]);
        assert!(remarks(&endpoint, config, &format!("[a]\n{KEYS}")).is_empty(), "{config}");
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAME"), ("AWS_SECRET_ACCESS_KEY", "s")];
        assert!(remarks(&keys, config, "").is_empty(), "{config}");
    }
    assert!(remarks(&endpoint, "region = x\nsso_region = y\n", "").is_empty());
}

#[test]
fn a_container_whose_endpoint_is_set_to_nothing_is_not_the_machine_that_it_runs_on() {
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let full = (FULL, "http://127.0.0.1/x");
    for (variables, empty) in [
        (&[(RELATIVE, "")][..], RELATIVE),
        (&[(FULL, "")], FULL),
        (&[(RELATIVE, ""), (FULL, "")], RELATIVE),
        (&[(RELATIVE, ""), full], RELATIVE),
    ] {
        let message = format!("{empty} is empty: unset it where there is no container endpoint");
        assert_eq!(steps(false, variables, "[profile a]\n", "").unwrap_err(), message);
        assert_eq!(key_id(false, variables, "", &format!("[a]\n{KEYS}")), Ok("AKIAPROFILEEXAMPLE".to_owned()));
    }
    assert!(steps(false, &[(RELATIVE, "/x"), (FULL, "")], "[profile a]\n", "").unwrap().concat().contains(RELATIVE));
    assert!(steps(false, &[full], "[profile a]\n", "").unwrap().concat().contains(FULL));
}

#[test]
fn a_web_identity_whose_file_has_no_name_is_refused() {
    let config = "[profile a]\nrole_arn = p\nweb_identity_token_file =\n";
    assert_eq!(steps(false, &[], config, "").unwrap_err(), "web_identity_token_file of profile a is empty");
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")];
    assert!(steps(false, &token, config, "").is_ok());
}

#[test]
fn a_web_identity_takes_each_value_from_the_environment_first() {
    let config = "[profile a]\nrole_arn = p\nweb_identity_token_file = /profile\n";
    let step = |flag, variables: &[(&str, &str)]| steps(flag, variables, config, "").unwrap().concat();
    let role = [("AWS_ROLE_ARN", "e")];
    assert_eq!(step(false, &[]), "role p with the web identity token that web_identity_token_file of profile a names");
    assert_eq!(
        step(false, &role),
        "role e with the web identity token that web_identity_token_file of profile a names"
    );
    assert_eq!(step(true, &role), "role p with the web identity token that web_identity_token_file of profile a names");
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")];
    assert_eq!(step(false, &token), "role p with the web identity token that AWS_WEB_IDENTITY_TOKEN_FILE names");
    let error = steps(false, &token, "[profile a]\n", "").unwrap_err();
    assert!(error.contains("but neither AWS_ROLE_ARN nor role_arn says for which role"), "{error}");
}

#[test]
fn the_settings_of_the_instance_are_the_environments_then_the_profiles() {
    let instance = |variables: &[(&str, &str)], config: &str| -> Result<String, String> {
        let plan =
            plan(false, variables, &format!("[profile a]\nregion = x\n{config}"), "").map_err(|e| e.to_string())?;
        match plan.source.root {
            Root::Instance(instance) => Ok(format!("{instance:?}")),
            root => panic!("{root}"),
        }
    };
    for (variables, config, part) in [
        (
            &[][..],
            "",
            "endpoint: \"http://169.254.169.254\", read_timeout: 1s, attempts: 1, second_version_alone: None",
        ),
        (&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")], "", "endpoint: \"http://[fd00:ec2::254]\""),
        (&[], "ec2_metadata_service_endpoint_mode = ipv6\n", "endpoint: \"http://[fd00:ec2::254]\""),
        (&[("AWS_IMDS_USE_IPV6", "true")], "", "endpoint: \"http://[fd00:ec2::254]\""),
        (&[], "imds_use_ipv6 = True\n", "endpoint: \"http://[fd00:ec2::254]\""),
        (&[("AWS_IMDS_USE_IPV6", "1")], "", "endpoint: \"http://169.254.169.254\""),
        (
            &[("AWS_IMDS_USE_IPV6", "true"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4")],
            "",
            "endpoint: \"http://169.254.169.254\"",
        ),
        (
            &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")],
            "ec2_metadata_service_endpoint = http://127.0.0.1:2\n",
            "endpoint: \"http://127.0.0.1:1\"",
        ),
        (
            &[("AWS_METADATA_SERVICE_TIMEOUT", "5")],
            "metadata_service_num_attempts = 3\n",
            "read_timeout: 5s, attempts: 3",
        ),
    ] {
        let found = instance(variables, config).unwrap();
        assert!(found.contains(part), "{found}");
    }
    for (variables, message) in [
        (("AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1"), "AWS_EC2_METADATA_SERVICE_ENDPOINT is \"127.0.0.1\""),
        (("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://a b"), "AWS_EC2_METADATA_SERVICE_ENDPOINT is \"http://a b\""),
        (
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "v6"),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \"v6\": write IPv4",
        ),
        (("AWS_METADATA_SERVICE_TIMEOUT", "0"), "AWS_METADATA_SERVICE_TIMEOUT is \"0\": write a whole number"),
        (
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "x"),
            "AWS_METADATA_SERVICE_NUM_ATTEMPTS is \"x\": write a whole number",
        ),
    ] {
        let error = instance(&[variables], "").unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

/// The order is botocore's: both variables before the profile.
#[test]
fn a_service_is_asked_where_it_is_configured_unless_that_is_to_be_ignored() {
    let url = |variables: &[(&str, &str)], config: &str| {
        let world = world(variables, &format!("[default]\n{config}"), "");
        Service::Sts
            .configured_url(&Profile::dummy(&format!("[default]\n{config}"), ""), &world.env)
            .map_err(|e| e.to_string())
    };
    let services = "services = mine\nendpoint_url = https://profile\n[services mine]\nsso =\n  endpoint_url = https://sso\n\
                    sts =\n  endpoint_url = https://services\n  other = x\n";
    let (sts, all) = (("AWS_ENDPOINT_URL_STS", "https://sts"), ("AWS_ENDPOINT_URL", "https://all"));
    for (variables, config, expected) in [
        (&[sts, all][..], services, Some("https://sts")),
        (&[all], services, Some("https://all")),
        (&[("AWS_ENDPOINT_URL_SSO", "https://sso")], services, Some("https://services")),
        (&[], "endpoint_url = https://profile\n", Some("https://profile")),
        (&[], "services = mine\n[services mine]\nsso =\n  endpoint_url = https://sso\n", None),
        (&[], "", None),
        (&[sts, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")], services, None),
        (
            &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")],
            "ignore_configured_endpoint_urls = true\nendpoint_url = https://p\n",
            Some("https://p"),
        ),
        (&[], "ignore_configured_endpoint_urls = true\nendpoint_url = https://profile\n", None),
    ] {
        assert_eq!(url(variables, config), Ok(expected.map(str::to_owned)), "{variables:?} {config}");
    }
    for (variables, config, message) in [
        (&[][..], "services = nope\n", "there is no [services nope], which profile default refers to, in"),
        (&[("AWS_ENDPOINT_URL_STS", "sts.example")], "", "AWS_ENDPOINT_URL_STS is \"sts.example\": write a URL"),
        (&[("AWS_ENDPOINT_URL", "https://me:hunter2@x/y")], "", "AWS_ENDPOINT_URL holds a user name before @"),
        (&[], "endpoint_url = http://hunter2@x?y", "endpoint_url of profile default holds a user name before @"),
        (
            &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1")],
            "",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is \"1\": write true or false",
        ),
    ] {
        let error = url(variables, config).unwrap_err();
        assert!(error.contains(message) && !error.contains("hunter2"), "{error}");
    }
    let path = "https://x/me@here";
    assert_eq!(url(&[("AWS_ENDPOINT_URL", path)], ""), Ok(Some(path.to_owned())));
}
