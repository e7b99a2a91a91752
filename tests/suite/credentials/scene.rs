//! The emulators that all rows share, and what the rows call the people, roles and places of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use authenticator_tests::support::container::{self, Container};
use authenticator_tests::support::instance::Instance;
use authenticator_tests::support::signin::{self, Signin};
use authenticator_tests::support::sso::{self, Sso};
use authenticator_tests::support::sts::{Mfa, Principal, Role, Sts};
use authenticator_tests::support::{proxy, secrets};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use super::row::{Row, UNSET};
use crate::people::ACCOUNT;

/// What stands around every row.
pub(super) struct Scene {
    // All held for as long as they may be asked.
    emulators: (Sts, Sso, Signin, Instance, Container),
    words: BTreeMap<String, String>,
    people: Vec<(&'static str, Principal)>,
    proxy: String,
    ca: PathBuf,
    _home: TempDir,
}

impl Scene {
    pub(super) fn new() -> Scene {
        let ends = Timestamp::now() + SignedDuration::from_hours(6);
        let people = people();
        let whose = |wanted: &str| person(&people, wanted);

        let sts = Sts::start(people.iter().map(|(_, principal)| principal.clone()));
        roles(&people).into_iter().for_each(|(_, role)| sts.know_role(role));
        let sso = Sso::start([whose("viewer").clone()], ends);
        let signin = Signin::start(whose("carol").clone());
        let instance = Instance::start(whose("node").clone(), ends, "ap-southeast-2");
        let container = Container::start(whose("task"), ends);

        let home = TempDir::new().expect("a folder can be made");
        let ca = home.path().join("all.pem");
        let all = [sts.ca_file(), sso.ca_file(), signin.ca_file()];
        let all = all.map(|file| fs::read_to_string(file).expect("a CA has a file"));
        fs::write(&ca, all.concat()).expect("a new folder can be written to");
        let (to_sts, to_sso, to_signin) = (sts.address(), sso.address(), signin.address());
        let proxy = proxy::by_name(move |name| match name {
            sso::PORTAL_HOST | sso::OIDC_HOST => Some(to_sso),
            name if name.ends_with(".signin.aws.amazon.com") => Some(to_signin),
            name if name.starts_with("sts") || STS_IN_A_VPC.ends_with(name) => Some(to_sts),
            _ => None,
        });

        secrets::remember(WEB_IDENTITY);
        let mut words = words(&people);
        let mut word = |name: &str, value: String| words.insert(name.to_owned(), value);
        // aws-cli 2.9 wants the slash, and nobody minds it.
        word("imds", format!("{}/", instance.url()));
        word("container", container.url());
        word("container by name", container.url().replace("127.0.0.1", "localhost"));
        word("sts", STS_IN_A_VPC.to_owned());
        word("proxy", proxy.clone());
        word("socks", format!("me:p%40ss@{}", proxy::socks(to_sts)));
        word("refusing proxy", proxy::refusing("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
        word("ca", ca.to_string_lossy().into_owned());
        word("ca text", all.concat());
        word("ca text of old", all.concat().replace(" CERTIFICATE-----", " X509 CERTIFICATE-----"));
        word("ca text with trust", all.concat().replace(" CERTIFICATE-----", " TRUSTED CERTIFICATE-----"));
        Scene { emulators: (sts, sso, signin, instance, container), words, people, proxy, ca, _home: home }
    }

    /// Puts what is known now in the place of `<words>`.
    ///
    /// # Panics
    ///
    /// A word is not known.
    pub(super) fn fill(&self, text: &str, home: &Path) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            let (word, after) = after.split_once('>').unwrap_or_else(|| panic!("a word has no end in {text}"));
            filled.push_str(before);
            match word {
                "home" => filled.push_str(&home.to_string_lossy()),
                word => filled.push_str(self.words.get(word).unwrap_or_else(|| panic!("<{word}> is not known"))),
            }
            rest = after;
        }
        filled + rest
    }

    /// Makes the files of a row in a home directory.
    pub(super) fn furnish(&self, row: &Row, home: &Path) {
        let shared = [(".aws/config", row.config), (".aws/credentials", row.credentials)];
        let shared = shared.into_iter().filter(|(_, text)| !text.is_empty());
        for (place, text) in shared.chain(row.files.iter().copied()) {
            let path = home.join(place);
            fs::create_dir_all(path.parent().expect("it is under the home directory")).expect("a folder can be made");
            if let Some(target) = text.strip_prefix("-> ") {
                std::os::unix::fs::symlink(target, &path).expect("a link can be made");
                continue;
            }
            fs::write(&path, self.fill(text, home)).expect("a file can be written");
            let mode = if text.starts_with("#!") { 0o700 } else { 0o600 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its owner may say who reads it");
        }
    }

    /// The variables of a row.
    pub(super) fn environment(&self, row: &Row, home: &Path) -> Vec<(String, String)> {
        let everywhere = [
            // Whatever goes out goes to an emulator; nothing of it is a metadata service, unless a row says so.
            ("HTTPS_PROXY", self.proxy.clone()),
            ("AWS_CA_BUNDLE", self.ca.to_string_lossy().into_owned()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", NOWHERE.to_owned()),
            // One attempt: nobody waits for a service that is not there.
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1".to_owned()),
            // The one variable for the region that both versions of aws-cli read.
            ("AWS_DEFAULT_REGION", "us-west-2".to_owned()),
        ];
        let mut variables: BTreeMap<String, String> =
            everywhere.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !row.keys.is_empty() {
            variables.extend(person(&self.people, row.keys).env());
        }
        for (name, value) in row.env {
            if *value == UNSET {
                variables.remove(*name);
            } else {
                variables.insert((*name).to_owned(), self.fill(value, home));
            }
        }
        variables.into_iter().collect()
    }

    /// What the rows call the holder of this access key id: of a role's session, whatever its name is, the role.
    pub(super) fn name_of(&self, access_key_id: &str) -> Option<&'static str> {
        let (sts, ..) = &self.emulators;
        let holder = sts.holder(access_key_id)?;
        let is_known = |known: &Principal| known.access_key_id == access_key_id;
        let takes_on =
            |known: &Principal| known.arn.contains(":assumed-role/") && role_of(&known.arn) == role_of(&holder);
        let person = self.people.iter().find(|(_, known)| is_known(known));
        person.or_else(|| self.people.iter().find(|(_, known)| takes_on(known))).map(|(name, _)| *name)
    }

    /// Whoever the rows call so.
    pub(super) fn person(&self, name: &str) -> &Principal {
        person(&self.people, name)
    }
}

/// Everybody, with those who take on a role.
fn people() -> Vec<(&'static str, Principal)> {
    let mut people = vec![
        ("alice", Principal::user(ACCOUNT, "alice")),
        ("bob", Principal::user(ACCOUNT, "bob")),
        ("carol", Principal::role_session(ACCOUNT, "carols", "carol")),
        ("node", Principal::role_session(ACCOUNT, "node", "i-0123456789abcdef0")),
        ("task", Principal::role_session(ACCOUNT, "task", "task")),
        ("viewer", Principal::role_session(ACCOUNT, "Viewer", "me@example.com")),
    ];
    let sessions: Vec<_> = roles(&people).into_iter().map(|(name, role)| (name, role.session("any"))).collect();
    people.extend(sessions);
    people
}

/// Every role, and what its sessions are called.
fn roles(people: &[(&'static str, Principal)]) -> Vec<(&'static str, Role)> {
    let alice = person(people, "alice").arn.clone();
    let role_arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    let for_alice = |name: &str| Role::trusting(ACCOUNT, name, [alice.as_str()]);
    let mfa = Mfa { serial: format!("arn:aws:iam::{ACCOUNT}:mfa/alice"), code: "123456".to_owned() };
    vec![
        ("deployer", for_alice("deployer")),
        ("chained", Role::trusting(ACCOUNT, "chained", [role_arn("deployer").as_str()])),
        ("last", Role::trusting(ACCOUNT, "last", [role_arn("chained").as_str()])),
        ("external", Role { external_id: Some("an-external-id".to_owned()), ..for_alice("external") }),
        ("named", Role { session_name: Some("a-session-of-mine".to_owned()), ..for_alice("named") }),
        ("long", Role { duration: Some(SignedDuration::from_hours(2)), ..for_alice("long") }),
        ("guarded", Role { mfa: Some(mfa), ..for_alice("guarded") }),
        ("of-bob", Role::trusting(ACCOUNT, "of-bob", [person(people, "bob").arn.as_str()])),
        ("of-carol", Role::trusting(ACCOUNT, "of-carol", [role_arn("carols").as_str()])),
        ("of-node", Role::trusting(ACCOUNT, "of-node", [role_arn("node").as_str()])),
        ("of-task", Role::trusting(ACCOUNT, "of-task", [role_arn("task").as_str()])),
        ("of-viewer", Role::trusting(ACCOUNT, "of-viewer", [role_arn("Viewer").as_str()])),
        ("of-pod", Role::trusting(ACCOUNT, "of-pod", [role_arn("pod").as_str()])),
        ("pod", Role::for_web_identity(ACCOUNT, "pod", WEB_IDENTITY)),
    ]
}

/// The ARN of a session without the session's name.
fn role_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(role, _)| role)
}

fn person<'a>(people: &'a [(&'static str, Principal)], wanted: &str) -> &'a Principal {
    let found = people.iter().find(|(name, _)| *name == wanted);
    &found.unwrap_or_else(|| panic!("nobody is called {wanted}")).1
}

/// What stands for itself in the rows, but for the places of the emulators.
fn words(people: &[(&'static str, Principal)]) -> BTreeMap<String, String> {
    let now = Timestamp::now();
    let at = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (past, future) = (at(now - SignedDuration::from_hours(1)), at(now + SignedDuration::from_hours(6)));
    let mut words = BTreeMap::from([
        ("past".to_owned(), past.clone()),
        ("future".to_owned(), future.clone()),
        ("nowhere".to_owned(), NOWHERE.to_owned()),
        ("web identity".to_owned(), WEB_IDENTITY.to_owned()),
        ("container path".to_owned(), container::SECRET_PATH.to_owned()),
        ("guarded path".to_owned(), container::GUARDED_PATH.to_owned()),
        ("container token".to_owned(), container::TOKEN.to_owned()),
        ("sso region".to_owned(), sso::REGION.to_owned()),
        ("sign-in region".to_owned(), signin::REGION.to_owned()),
        ("account".to_owned(), ACCOUNT.to_owned()),
    ]);
    for (name, ends, refresh) in [
        ("sso token", &future, false),
        ("sso token with refresh", &future, true),
        ("expired sso token", &past, false),
        ("expired sso token with refresh", &past, true),
    ] {
        // The portal knows no token that has ended.
        let token = if *ends == past { "aoaEnded" } else { sso::ACCESS_TOKEN };
        words.insert(name.to_owned(), sso_token(token, ends, &future, refresh.then_some(sso::REFRESH_TOKEN)));
    }
    let of_utc = future.replace('Z', "UTC");
    words.insert("sso token of UTC".to_owned(), sso_token(sso::ACCESS_TOKEN, &of_utc, &future, None));
    let with_offset = |time: &str| time.replace('Z', "+00:00");
    let token_of = |expires: &str| sso_token(sso::ACCESS_TOKEN, expires, &future, None);
    words.insert("sso token with offset".to_owned(), token_of(&with_offset(&future)));
    words.insert("expired sso token with offset".to_owned(), token_of(&with_offset(&past)));
    for (zone, of_zone) in [("offset", "+00:00"), ("UTC", "UTC")] {
        let [past, future] = [&past, &future].map(|time| time.replace('Z', of_zone));
        let token = sso_token("aoaEnded", &past, &future, Some(sso::REFRESH_TOKEN));
        words.insert(format!("expired sso token of {zone} with refresh"), token);
    }
    words.insert("sso token of never".to_owned(), token_of("9999-12-31T23:59:59Z"));
    words.insert("revoked sso token".to_owned(), sso_token("aoaRevoked", &future, &future, None));
    words.insert("sso token with bad refresh".to_owned(), sso_token("aoaOld", &past, &future, Some("aorNobodyKnows")));
    for (name, principal) in people {
        let Principal { access_key_id: id, secret_access_key: secret, session, arn, .. } = principal;
        let token = session.as_ref().map(|session| session.token.as_str());
        let section = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        let section = section + &token.map(|token| format!("aws_session_token = {token}\n")).unwrap_or_default();
        let process = |expiration: Option<&str>| {
            let mut document = json!({"Version": 1, "AccessKeyId": id, "SecretAccessKey": secret});
            document.as_object_mut().expect("it is one").extend(
                [("SessionToken", token), ("Expiration", expiration)]
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))),
            );
            document.to_string()
        };
        let mut login = json!({
            "accessToken": {
                "accessKeyId": id, "secretAccessKey": secret, "sessionToken": token,
                "accountId": ACCOUNT, "expiresAt": future,
            },
            "tokenType": "aws_sigv4",
            "clientId": signin::CLIENT_ID,
            "refreshToken": signin::REFRESH_TOKEN,
            "idToken": "eyJhbGciOiJFWEFNUExFIn0.e30.c2ln",
            "dpopKey": signin::KEY,
        });
        words.extend([
            (format!("{name}.id"), id.clone()),
            (format!("{name}.secret"), secret.clone()),
            (format!("{name}.token"), token.unwrap_or_default().to_owned()),
            (format!("{name}.arn"), arn.clone()),
            (format!("keys {name}"), section),
            (format!("process {name}"), process(None)),
            (format!("process {name} until future"), process(Some(&future))),
            (format!("process {name} until past"), process(Some(&past))),
            (format!("role {name}"), format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
            (format!("login {name}"), login.to_string()),
            (format!("ended login {name}"), login.to_string().replace(&future, &past)),
            (
                format!("unrenewable login {name}"),
                login.to_string().replace(&future, &past).replace(signin::REFRESH_TOKEN, "nobody-knows-it"),
            ),
        ]);
        login["signInRegion"] = signin::REGION.into();
        words.insert(format!("ended login {name} from elsewhere"), login.to_string().replace(&future, &past));
    }
    words
}

/// A file of `~/.aws/sso/cache`.
fn sso_token(token: &str, expires: &str, registration_expires: &str, refresh_token: Option<&str>) -> String {
    let mut document = json!({
        "startUrl": "https://corp.awsapps.com/start",
        "region": sso::REGION,
        "accessToken": token,
        "expiresAt": expires,
    });
    if let Some(refresh_token) = refresh_token {
        document["clientId"] = sso::CLIENT_ID.into();
        document["clientSecret"] = sso::CLIENT_SECRET.into();
        document["registrationExpiresAt"] = registration_expires.into();
        document["refreshToken"] = refresh_token.into();
    }
    document.to_string()
}

/// STS as some have it in a network of their own.
const STS_IN_A_VPC: &str = "https://vpce-0123456789abcdef0-example1.sts.us-west-2.vpce.amazonaws.com";
/// Nobody listens there: the port of RFC 863, which nothing has used for decades.
const NOWHERE: &str = "http://127.0.0.1:9";
/// What the pod's service account has.
const WEB_IDENTITY: &str = "eyJhbGciOiJFWEFNUExFIn0.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c3VpdGU6cG9kIn0.bm9ib2R5cw";
