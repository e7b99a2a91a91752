//! Those who are asked, on loopback or as a process.

use std::{fs, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::{
    loopback::{Loopback, answer, assumed, refused},
    *,
};
use crate::prompt::Wording;

pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(super) fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// What comes of asking, as a run does that has this many milliseconds.
pub(super) fn obtain(cache: &Cache, limit: u64, variables: &[(&str, &str)], config: &str) -> Result<Obtained, String> {
    let variables = [&[("AWS_PROFILE", "a"), ("AWS_REGION", "us-west-2")], variables].concat();
    let world = World { clock: now, ..world(&variables, config, "") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let plan = Plan::make(Asked::default(), &world).await.map_err(|error| error.to_string())?;
        let prompt = Prompt::new(Wording::AwsCli, &world.env);
        let means = Means { cache, started: Instant::now(), limit: Duration::from_millis(limit), prompt: &prompt };
        if let Some(obtained) = plan.at_hand(cache).await {
            return Ok(obtained);
        }
        plan.obtain(&means).await.map_err(|error| {
            assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
            told(&error)
        })
    })
}

fn role(url: &str) -> (String, [(&'static str, String); 1]) {
    let config = format!(
        "[profile a]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = a\nexternal_id = e\nduration_seconds = 900\n\
         aws_access_key_id = AKIAME\naws_secret_access_key = {SECRET}\n"
    );
    (config, [("AWS_ENDPOINT_URL_STS", url.to_owned())])
}

fn ask_for_role(cache: &Cache, url: &str) -> Result<Obtained, String> {
    let (config, variables) = role(url);
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    obtain(cache, 30_000, &variables, &config)
}

#[test]
fn a_role_is_asked_for_with_the_keys_of_its_source_and_all_that_the_profile_says() {
    let sts = Loopback::answering([assumed("AssumeRole", "ASIAROLE")]);
    let obtained = ask_for_role(&Cache::off(), &sts.url).unwrap();
    assert_eq!(obtained.credentials.access_key_id(), "ASIAROLE");
    assert_eq!(obtained.credentials.session_token(), Some("token"));
    let end: Timestamp = "2026-01-02T04:04:05Z".parse().unwrap();
    assert_eq!(obtained.credentials.expiry(), Some(end.into()));
    assert_eq!(
        obtained.trail,
        ["the keys of profile a in /home/me/.aws/config", "role arn:aws:iam::111122223333:role/r (profile a)"]
    );
    let [request] = <[_; 1]>::try_from(sts.requests()).ok().unwrap();
    for part in
        ["Action=AssumeRole&", "RoleSessionName=botocore-session-1767323045", "ExternalId=e", "DurationSeconds=900"]
    {
        assert!(request.body.contains(part), "{}", request.body);
    }
    let authorization = request.headers.iter().find(|line| line.starts_with("authorization: ")).unwrap();
    assert!(authorization.contains("credential=akiame/20260102/us-west-2/sts/aws4_request"), "{authorization}");
}

#[test]
fn of_two_runs_the_second_asks_nobody() {
    let home = TempDir::new().unwrap();
    let env = Env::from_slice(&[("KUBECACHEDIR", home.path().to_str().unwrap())]);
    let cache = Cache::new(&env, Duration::from_secs(5));
    let sts = Loopback::answering([assumed("AssumeRole", "ASIAROLE")]);
    let url = sts.url.clone();
    assert_eq!(ask_for_role(&cache, &url).unwrap().trail.len(), 2);
    assert_eq!(sts.requests().len(), 1);
    let kept = ask_for_role(&cache, &url).unwrap();
    assert_eq!(kept.credentials.access_key_id(), "ASIAROLE");
    assert_eq!(kept.trail, ["role arn:aws:iam::111122223333:role/r (profile a), kept from an earlier run"]);
    // Whoever is asked elsewhere is somebody else.
    assert!(ask_for_role(&cache, "http://127.0.0.1:1").is_err());
}

#[test]
fn what_sts_says_is_kept_and_who_asked_is_named() {
    let sts =
        Loopback::answering([refused("Fri, 02 Jan 2026 03:04:05 GMT", "AccessDenied", "User: me is not authorized")]);
    let url = sts.url.clone();
    assert_eq!(
        ask_for_role(&Cache::off(), &url).unwrap_err(),
        format!(
            "cannot assume role arn:aws:iam::111122223333:role/r, which profile a asks for: STS at {url}: User: me is not \
             authorized (AccessDenied)"
        )
    );
    assert_eq!(
        ask_for_role(&Cache::off(), "http://127.0.0.1:1").unwrap_err(),
        "cannot assume role arn:aws:iam::111122223333:role/r, which profile a asks for: STS at http://127.0.0.1:1: Connection \
         refused (os error 111)"
    );
}

#[test]
fn a_clock_that_is_wrong_is_named_as_the_reason_and_one_that_is_nearly_right_is_not() {
    for (date, code, part) in [
        (
            "Fri, 02 Jan 2026 03:24:05 GMT",
            "SignatureDoesNotMatch",
            Some("this computer's clock is 20m behind that of STS"),
        ),
        (
            "Fri, 02 Jan 2026 02:54:05 GMT",
            "SignatureDoesNotMatch",
            Some("this computer's clock is 10m ahead of that of STS"),
        ),
        ("Fri, 02 Jan 2026 03:08:05 GMT", "SignatureDoesNotMatch", None),
        ("Fri, 02 Jan 2026 03:24:05 GMT", "AccessDenied", None),
    ] {
        let sts = Loopback::answering([refused(date, code, "its own words")]);
        let error = ask_for_role(&Cache::off(), &sts.url).unwrap_err();
        assert!(error.contains("its own words"), "{error}");
        match part {
            Some(part) => assert!(error.contains(part), "{error}"),
            None => assert!(!error.contains("clock"), "{error}"),
        }
    }
}

#[test]
fn a_wrong_clock_is_remarked_on_where_sts_does_not_mind() {
    let late =
        assumed("AssumeRole", "ASIAROLE").replace("connection:", "date: Fri, 02 Jan 2026 03:24:05 GMT\r\nconnection:");
    let sts = Loopback::answering([late]);
    let remarks = ask_for_role(&Cache::off(), &sts.url).unwrap().remarks;
    assert_eq!(
        remarks,
        ["this computer's clock is 20m behind that of STS: the token may be refused until it is set right"]
    );
}

#[test]
fn a_web_identity_is_exchanged_without_a_signature() {
    let sts = Loopback::answering([assumed("AssumeRoleWithWebIdentity", "ASIAWEB")]);
    let home = TempDir::new().unwrap();
    let file = home.path().join("token");
    let variables =
        [("AWS_ENDPOINT_URL_STS", sts.url.as_str()), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AWS_ROLE_ARN", "r")];
    fs::write(&file, "a.b.c").unwrap();
    let mut world = world(&variables, "", "");
    world.fs = Fs::from_slice(&[("/token", "a.b.c")]);
    world.clock = now;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let obtained = runtime.block_on(async {
        let plan =
            Plan::make(Asked { region: Some("us-west-2".to_owned()), ..Asked::default() }, &world).await.unwrap();
        let prompt = Prompt::new(Wording::AwsCli, &world.env);
        let cache = Cache::off();
        let means = Means { cache: &cache, started: Instant::now(), limit: Duration::from_secs(30), prompt: &prompt };
        plan.obtain(&means).await.unwrap()
    });
    assert_eq!(obtained.credentials.access_key_id(), "ASIAWEB");
    let [request] = <[_; 1]>::try_from(sts.requests()).ok().unwrap();
    assert!(request.body.contains("WebIdentityToken=a.b.c"), "{}", request.body);
    assert!(!request.headers.iter().any(|line| line.starts_with("authorization")));
}

#[test]
fn the_instance_is_asked_in_its_second_version() {
    let credentials = format!(
        "{{\"Code\":\"Success\",\"AccessKeyId\":\"ASIANODE\",\"SecretAccessKey\":\"{SECRET}\",\"Token\":\"t\",\
         \"Expiration\":\"2026-01-02T09:04:05Z\"}}"
    );
    let instance = Loopback::answering([
        answer("200 OK", "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", "session"),
        answer("200 OK", "", "node-role"),
        answer("200 OK", "", &credentials),
    ]);
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.as_str())];
    let obtained = obtain(&Cache::off(), 30_000, &variables, "[profile a]\n").unwrap();
    assert_eq!(obtained.credentials.access_key_id(), "ASIANODE");
    let requests = instance.requests();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "PUT /latest/api/token HTTP/1.1",
            "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1",
            "GET /latest/meta-data/iam/security-credentials/node-role HTTP/1.1"
        ]
    );
    assert!(requests.iter().skip(1).all(|r| r.headers.contains(&"x-aws-ec2-metadata-token: session".to_owned())));
}

#[test]
fn the_instance_is_asked_for_a_region_that_nobody_else_says() {
    let keys = format!("[profile a]\naws_access_key_id = AKIAME\naws_secret_access_key = {SECRET}\n");
    let region = |url: &str| {
        let variables = [("AWS_REGION", ""), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)];
        let obtained = obtain(&Cache::off(), 30_000, &variables, &keys).unwrap();
        assert_eq!(obtained.credentials.access_key_id(), "AKIAME");
        (obtained.region.region.to_string(), obtained.region.remark.is_some())
    };
    let session = answer("200 OK", "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", "session");
    let instance = Loopback::answering([session, answer("200 OK", "", "eu-north-1")]);
    assert_eq!(region(&instance.url), ("eu-north-1".to_owned(), false));
    assert_eq!(instance.requests().len(), 2);
    assert_eq!(region("http://127.0.0.1:1"), ("us-east-1".to_owned(), true));
}

#[test]
fn where_there_is_no_instance_the_error_says_what_was_looked_at_before() {
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")];
    let error = obtain(&Cache::off(), 30_000, &variables, "[profile a]\n").unwrap_err();
    assert!(error.starts_with("no AWS credentials: looked at AWS_ACCESS_KEY_ID, "), "{error}");
    assert!(error.contains("the EC2 instance metadata service (Connection refused"), "{error}");
}

#[test]
fn an_answer_of_the_instance_that_is_an_error_is_not_shown() {
    let instance = Loopback::answering([
        answer("200 OK", "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n", "session"),
        answer("200 OK", "", "node-role"),
        answer("400 Bad Request", "", SECRET),
    ]);
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.as_str())];
    let error = obtain(&Cache::off(), 30_000, &variables, "[profile a]\n").unwrap_err();
    assert!(error.contains("HTTP status 400") && !error.contains(SECRET), "{error}");
}

/// A program that does this, and the profile that names it.
fn process(script: &str) -> (TempDir, String) {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a program");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let config = format!("[profile a]\ncredential_process = '{}' 'two words' $HOME\n", path.display());
    (home, config)
}

#[test]
fn a_process_gets_its_words_as_they_are_and_nothing_to_read_where_nobody_may_be_asked() {
    let (_home, config) = process(
        r#"[ "$#:$1:$2" = '2:two words:$HOME' ] || exit 9
        [ -z "$(cat)" ] || exit 8
        echo '{"Version":1,"AccessKeyId":"ASIAPROC","SecretAccessKey":"s","SessionToken":"t","Expiration":"2026-01-02T04:04:05+00:00"}'"#,
    );
    // Whatever the input of this very test is.
    let nobody = [("KUBERNETES_EXEC_INFO", r#"{"spec":{"interactive":false}}"#)];
    let obtained = obtain(&Cache::off(), 30_000, &nobody, &config).unwrap();
    assert_eq!((obtained.credentials.access_key_id(), obtained.credentials.session_token()), ("ASIAPROC", Some("t")));
}

#[test]
fn a_process_that_gives_no_credentials_is_named_and_nothing_that_it_printed_is_shown() {
    let output = |text: &str| format!("echo '{text}'");
    let keys = format!("\"AccessKeyId\":\"ASIAPROC\",\"SecretAccessKey\":\"{SECRET}\"");
    for (script, fault) in [
        ("exit 3".to_owned(), "ended with exit status: 3"),
        (output(SECRET), "it is not one JSON object"),
        (output(&format!("{{\"Version\":1,{keys}}} {{}}")), "it is not one JSON object"),
        (output(&format!("{{\"Version\":\"1\",{keys}}}")), "it is not one JSON object"),
        (output(&format!("{{\"Version\":2,{keys}}}")), "its Version is not 1"),
        (output(&format!("{{{keys}}}")), "it is not one JSON object"),
        (output(&format!("{{\"Version\":1,\"SecretAccessKey\":\"{SECRET}\"}}")), "AccessKeyId is missing or empty"),
        (output("{\"Version\":1,\"AccessKeyId\":\"A\"}"), "SecretAccessKey is missing or empty"),
        (
            output(&format!("{{\"Version\":1,\"AccessKeyId\":\"{SECRET}\",\"SecretAccessKey\":\"s\"}}")),
            "AccessKeyId is no",
        ),
        (output(&format!("{{\"Version\":1,{keys},\"Expiration\":\"soon\"}}")), "Expiration is not a time"),
        (
            output(&format!("{{\"Version\":1,{keys},\"Expiration\":\"2026-01-02T03:04:05Z\"}}")),
            "they expired at 2026-01-02T03:04:05Z",
        ),
        (format!("while :; do echo '{SECRET}'; done"), "it is longer than 65536 bytes"),
    ] {
        let (_home, config) = process(&script);
        let error = obtain(&Cache::off(), 30_000, &[], &config).unwrap_err();
        assert!(error.contains("a program, the credential_process of profile a"), "{error}");
        assert!(error.contains(fault) && !error.contains(SECRET), "{fault}: {error}");
    }
    let error = obtain(&Cache::off(), 30_000, &[], "[profile a]\ncredential_process = /no/such/program\n").unwrap_err();
    assert!(
        error.starts_with("cannot run /no/such/program, the credential_process of profile a: No such file"),
        "{error}"
    );
    for (text, fault) in [("'a", "a quote is not closed"), ("''", "is empty"), ("", "is empty")] {
        let error = plan(false, &[], &format!("[profile a]\ncredential_process = {text}\n"), "").unwrap_err();
        let error = told(&error);
        assert!(error.contains("credential_process of profile a") && error.contains(fault), "{error}");
    }
}

#[test]
fn a_process_that_hangs_is_given_up() {
    let (_home, config) = process("exec sleep 600");
    let error = obtain(&Cache::off(), 200, &[], &config).unwrap_err();
    assert!(
        error.starts_with("gave up after 200ms of waiting for ") && error.contains("credential_process"),
        "{error}"
    );
}

/// Under which key the credentials of `[profile a]`'s source, and its role if it has one, are kept where these files are.
fn kept_under(variables: &[(&str, &str)], config: &str, file: (&str, &str)) -> String {
    let mut world = world(&[&[("AWS_PROFILE", "a"), ("AWS_REGION", "us-west-2")], variables].concat(), "", "");
    world.fs = Fs::from_slice(&[(CONFIG, config), file]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let plan = Plan::make(Asked::default(), &world).await.unwrap();
        let address = StsAddress::new(&plan.region.clone().without_instance(), &plan.profile, &world).unwrap();
        plan.key(&plan.source.roles, &address).await.unwrap().to_string()
    })
}

/// Of EKS Pod Identity every pod has the same URL.
#[test]
fn a_role_that_one_container_was_given_is_not_anothers() {
    let config = "[profile a]\nrole_arn = r\ncredential_source = EcsContainer\n";
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    let token = |token| kept_under(&[uri, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)], config, ("/none", ""));
    assert_eq!(token("one"), token("one"));
    assert_ne!(token("one"), token("other"));
    let variables = [uri, ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token")];
    let in_file = |text| kept_under(&variables, config, ("/token", text));
    assert_eq!(in_file("one"), in_file("one"));
    assert_ne!(in_file("one"), in_file("other"));
}

/// The names are what `printf %s NAME | sha1sum` says.
#[test]
fn what_somebody_was_given_by_sso_is_not_found_once_they_are_logged_out_or_somebody_else_is_logged_in() {
    let role = "sso_account_id = 111122223333\nsso_role_name = r\n";
    let place = "sso_start_url = https://example.awsapps.com/start\nsso_region = us-west-2\n";
    for (config, file) in [
        (
            format!("[profile a]\nsso_session = s\n{role}[sso-session s]\n{place}"),
            "/home/me/.aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
        ),
        (
            format!("[profile a]\n{role}{place}"),
            "/home/me/.aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json",
        ),
    ] {
        let key = |file, token| kept_under(&[], &config, (file, token));
        assert_eq!(key(file, "one"), key(file, "one"));
        assert_ne!(key(file, "one"), key(file, "other"));
        assert_ne!(key(file, "one"), key("/none", ""));
    }
}
