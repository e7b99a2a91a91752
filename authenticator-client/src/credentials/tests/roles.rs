//! Roles of profiles: which are assumed, and with whose credentials.

use super::*;

fn chain(config: &str) -> Result<Vec<String>, String> {
    steps(false, &[("AWS_ACCESS_KEY_ID", ""), ("AWS_EC2_METADATA_DISABLED", "true")], config, "")
}

const ME: &str = "[profile me]\naws_access_key_id = AKIAME\naws_secret_access_key = secret\n";

#[test]
fn roles_are_assumed_one_after_the_other_from_the_source_on() {
    let config = format!(
        "[profile a]\nrole_arn = last\nsource_profile = b\n[profile b]\nrole_arn = middle\nsource_profile = c\n\
         [profile c]\nrole_arn = first\nsource_profile = me\n{ME}"
    );
    assert_eq!(
        chain(&config).unwrap(),
        [
            "the keys of profile me in /home/me/.aws/config",
            "role first (profile c)",
            "role middle (profile b)",
            "role last (profile a)"
        ]
    );
}

#[test]
fn a_profile_with_keys_is_its_own_source_and_its_role_is_not_assumed_for_another() {
    let own = format!("[profile a]\nrole_arn = r\nsource_profile = a\n{KEYS}");
    assert_eq!(chain(&own).unwrap(), ["the keys of profile a in /home/me/.aws/config", "role r (profile a)"]);
    let other =
        format!("[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = q\nsource_profile = x\n{KEYS}");
    assert_eq!(chain(&other).unwrap(), ["the keys of profile b in /home/me/.aws/config", "role r (profile a)"]);
}

#[test]
fn what_a_role_is_told_is_what_its_profile_says() {
    let config = format!(
        "[profile a]\nrole_arn = r\nsource_profile = me\nexternal_id = e\nrole_session_name = s\nduration_seconds = 900\n\
         mfa_serial = m\n{ME}"
    );
    let role = Role {
        arn: "r".to_owned(),
        external_id: Some("e".to_owned()),
        session_name: SessionName::Given("s".to_owned()),
        duration: Some(900),
        mfa_serial: Some("m".to_owned()),
        asked_by: "profile a".to_owned(),
    };
    assert_eq!(plan(false, &[], &config, "").unwrap().source.roles, [role]);
}

#[test]
fn a_role_that_cannot_be_followed_is_an_error_that_says_why() {
    for (config, message) in [
        ("source_profile = b\n[profile b]\nrole_arn = q\nsource_profile = a\n", "leads in a circle: a -> b -> a"),
        ("source_profile = a\n", "leads in a circle: a -> a"),
        ("source_profile = b\n[profile b]\nrole_arn = q\nsource_profile = b\n", "leads in a circle: a -> b -> b"),
        ("source_profile = nope\n", "profile nope, the source_profile of profile a, is in neither"),
        (
            "source_profile = b\n[profile b]\nregion = x\n",
            "profile b, the source_profile of profile a, has no credentials",
        ),
        ("", "profile a has role_arn but says nothing of whose credentials ask for it"),
        ("source_profile = b\ncredential_source = Environment\n", "both source_profile and credential_source"),
        ("credential_source = environment\n", "credential_source of profile a is \"environment\": write Environment,"),
        (
            "credential_source = Environment\n",
            "credential_source of profile a is Environment, but AWS_ACCESS_KEY_ID is not set",
        ),
        ("credential_source = EcsContainer\n", "is EcsContainer, but neither AWS_CONTAINER_CREDENTIALS_FULL_URI nor"),
        (
            "credential_source = Ec2InstanceMetadata\n",
            "is Ec2InstanceMetadata, but AWS_EC2_METADATA_DISABLED turns it off",
        ),
        (
            "source_profile = me\nduration_seconds = 1h\n",
            "duration_seconds of profile a is \"1h\": write a number of seconds",
        ),
        ("source_profile = me\nexternal_id =\n", "external_id of profile a is empty"),
    ] {
        // Keys of its own elsewhere are nobody's business.
        let config = format!("{ME}[profile a]\nrole_arn = r\n{config}");
        let error = chain(&config).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_source_profile_does_not_hear_the_environment() {
    let config = "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nregion = x\n";
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "q")];
    assert!(steps(false, &token, config, "").unwrap_err().contains("has no credentials"));
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let config = "[profile a]\nrole_arn = r\ncredential_source = Environment\n";
    assert_eq!(
        steps(true, &keys, config, "").unwrap().first().unwrap(),
        "the keys of the environment (AWS_ACCESS_KEY_ID)"
    );
}

#[test]
fn the_name_of_a_session_is_given_or_forwarded_or_dated() {
    let at = |name: SessionName, callers| name.at(Timestamp::from_second(7).unwrap(), callers);
    assert_eq!(at(SessionName::Given("me".to_owned()), Some("you")), "me");
    assert_eq!(at(SessionName::Forwarded, Some("you")), "you");
    assert_eq!(at(SessionName::Forwarded, None), "botocore-session-7");
    assert_eq!(at(SessionName::Dated, Some("you")), "botocore-session-7");
    let caller =
        |user_id: &str| CallerIdentity { account: String::new(), arn: String::new(), user_id: user_id.to_owned() };
    assert_eq!(caller("AROAEXAMPLE:you").session_name(), Some("you"));
    // A user has none, and of what is not known nothing is taken.
    for user_id in ["AIDAEXAMPLE", "AROAEXAMPLE:a:b"] {
        assert_eq!(caller(user_id).session_name(), None, "{user_id}");
    }
}
