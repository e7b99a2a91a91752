//! Shared files that are there and may not be read. Whoever runs this may be root, who may read anything: so they are links that
//! lead to themselves.

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAME"), ("AWS_SECRET_ACCESS_KEY", "s")];
const WEB_IDENTITY: [(&str, &str); 2] = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "r")];

/// The first step of the plan and its remarks, where one of the files leads nowhere and the other says this.
fn planned(
    unreadable: &str,
    other: &str,
    profile: Option<&str>,
    variables: &[(&str, &str)],
) -> Result<(String, Vec<String>), String> {
    let home = TempDir::new().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    for name in ["config", "credentials"] {
        let path = home.path().join(".aws").join(name);
        match name == unreadable {
            true => symlink(&path, &path).unwrap(),
            false => std::fs::write(&path, other).unwrap(),
        }
    }
    let variables = [variables, &[("HOME", home.path().to_str().unwrap())]].concat();
    let world = World { env: Env::from_slice(&variables), fs: Fs::real(), clock: || Timestamp::UNIX_EPOCH };
    let asked = Asked { profile: profile.map(str::to_owned), ..Asked::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let made = runtime.block_on(Plan::make(asked, &world));
    let in_home = |text: String| text.replace(home.path().to_str().unwrap(), "~");
    let plan = made.map_err(|error| in_home(told(&error)))?;
    Ok((plan.source.root.to_string(), plan.remarks.into_iter().map(in_home).collect()))
}

#[test]
fn what_the_environment_says_is_used_though_a_file_may_not_be_read() {
    let keys = "the keys of the environment (AWS_ACCESS_KEY_ID)";
    let web_identity = "role r with the web identity token that AWS_WEB_IDENTITY_TOKEN_FILE names";
    for file in ["config", "credentials"] {
        for (variables, root) in [(KEYS, keys), (WEB_IDENTITY, web_identity)] {
            let region = [("AWS_REGION", "us-west-2")];
            for variables in [variables.to_vec(), [&variables[..], &region[..]].concat()] {
                assert_eq!(planned(file, "", None, &variables), Ok((root.to_owned(), vec![])), "{file}");
            }
            let asked = [&variables[..], &[("AWS_PROFILE", "a")]].concat();
            let (used, remarks) = planned(file, "", None, &asked).unwrap();
            let [remark] = <[String; 1]>::try_from(remarks).unwrap();
            assert_eq!(used, root);
            assert!(remark.starts_with(&format!("cannot read ~/.aws/{file}: ")), "{remark}");
            assert!(remark.ends_with("without what profile a says there"), "{remark}");
        }
    }
}

#[test]
fn what_can_be_read_beside_it_counts() {
    let asked = [&KEYS[..], &[("AWS_PROFILE", "a")]].concat();
    let refused = planned("credentials", "[profile a]\nregion = US\n", None, &asked).unwrap_err();
    assert!(refused.starts_with("region of profile a is \"US\""), "{refused}");
}

#[test]
fn a_file_that_may_not_be_read_is_an_error_where_the_identity_may_stand_in_it() {
    for file in ["config", "credentials"] {
        let message = format!("cannot read ~/.aws/{file}: ");
        let container = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x")];
        for (profile, variables) in
            [(None, &[][..]), (None, &container), (Some("a"), &KEYS), (None, &KEYS[..0]), (Some("a"), &WEB_IDENTITY)]
        {
            let refused = planned(file, "", profile, variables).unwrap_err();
            assert!(refused.starts_with(&message), "{refused}");
        }
    }
    // A profile that is in neither of two files that can be read is missing all the same.
    let asked = [&KEYS[..], &[("AWS_PROFILE", "a")]].concat();
    assert!(
        planned("none", "", None, &asked)
            .unwrap_err()
            .starts_with("profile a, asked for by AWS_PROFILE, is in neither")
    );
}
