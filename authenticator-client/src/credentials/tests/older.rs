//! Key files of older tools.

use super::*;

/// What is planned for `[profile a]`, which says this, where these files are.
fn planned(variables: &[(&str, &str)], config: &str, files: &[(&str, &str)]) -> Result<String, String> {
    let variables = [&[("AWS_PROFILE", "a"), ("AWS_EC2_METADATA_DISABLED", "true")], variables].concat();
    let config = format!("[profile a]\n{config}");
    let world =
        World { fs: Fs::from_slice(&[&[(CONFIG, config.as_str())], files].concat()), ..world(&variables, "", "") };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let plan = runtime.block_on(Plan::make(Asked::default(), &world)).map_err(|error| told(&error))?;
    match plan.source.root {
        Root::Keys { credentials, place } => {
            let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
            assert_eq!(credentials.session_token(), None);
            Ok(format!("{id}:{secret}, {place}"))
        }
        root => Ok(root.to_string()),
    }
}

fn boto(id: &str) -> String {
    format!(
        "[Boto]\ndebug = 0\n[Credentials]\naws_access_key_id = {id}\naws_secret_access_key = s\naws_session_token = t\n"
    )
}

const EC2: &str = "# mine\nAWSAccessKeyId=FIRST\nAWSSecretKey = a=b\nAWSAccessKeyId = EC2\n";

#[test]
fn they_are_read_after_the_profile_in_aws_clis_order_and_before_the_machine_is_asked() {
    let (etc, home, named) = (boto("ETC"), boto("HOME"), boto("NAMED"));
    let files =
        [("/etc/boto.cfg", etc.as_str()), ("/home/me/.boto", &home), ("/home/me/b", &named), ("/home/me/e", EC2)];
    let ec2 = ("AWS_CREDENTIAL_FILE", "~/e");
    let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x");
    for (variables, config, files, expected) in [
        (
            &[ec2, ("BOTO_CONFIG", "~/b"), container][..],
            "",
            &files[..],
            "EC2:a=b, the keys in /home/me/e (AWS_CREDENTIAL_FILE)",
        ),
        (&[("BOTO_CONFIG", "~/b"), container], "", &files, "NAMED:s, the keys in [Credentials] of /home/me/b"),
        (&[("BOTO_CONFIG", "$HOME/b")], "", &files, "NAMED:s, the keys in [Credentials] of /home/me/b"),
        (&[container], "", &files, "ETC:s, the keys in [Credentials] of /etc/boto.cfg"),
        (&[], "", &files[1..], "HOME:s, the keys in [Credentials] of /home/me/.boto"),
        (&[ec2], "credential_process = x", &files, "x, the credential_process of profile a"),
        // Where one is named, the others are not looked at.
        (
            &[("BOTO_CONFIG", "/none"), container],
            "",
            &files,
            "the container endpoint http://127.0.0.1/x (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
        ),
        // Nothing of AWS's stands in them.
        (
            &[("BOTO_CONFIG", "~/e"), ec2],
            "",
            &[("/home/me/e", "[Credentials]\ngs_x = y\n"), ("/etc/boto.cfg", etc.as_str())],
            "",
        ),
        (
            &[],
            "",
            &[("/etc/boto.cfg", "[Credentials]\ngs_x = y\n"), ("/home/me/.boto", home.as_str())],
            "HOME:s, the keys in [Credentials] of /home/me/.boto",
        ),
    ] {
        match planned(variables, config, files) {
            Ok(planned) => assert_eq!(planned, expected, "{variables:?}"),
            Err(error) => {
                assert!(expected.is_empty() && error.starts_with("no AWS credentials: "), "{variables:?}: {error}")
            }
        }
    }
}

#[test]
fn one_that_has_half_a_pair_or_cannot_be_read_is_an_error() {
    let ec2 = [("AWS_CREDENTIAL_FILE", "/e")];
    for (variables, file, message) in [
        (&ec2[..], ("/none", ""), "AWS_CREDENTIAL_FILE names /e, which is no file"),
        (&ec2, ("/e", "AWSAccessKeyId=A\n"), "half a key pair: AWSAccessKeyId in /e is set, but AWSSecretKey is not"),
        (&ec2, ("/e", "AWSAccessKeyId=\nAWSSecretKey=s\n"), "AWSAccessKeyId in /e is empty"),
        (
            &[],
            ("/home/me/.boto", "[Credentials]\naws_access_key_id = A\n"),
            "half a key pair: aws_access_key_id in [Credentials] of /home/me/.boto is set, but aws_secret_access_key is not",
        ),
        (&[], ("/etc/boto.cfg", "nonsense\n"), "cannot read /etc/boto.cfg, line 1: expected a section"),
    ] {
        let error = planned(variables, "", &[file]).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}
