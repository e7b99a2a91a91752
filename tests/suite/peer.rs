//! Beside the program that this project takes the place of: the same config file, the same token, the same answer, but for the
//! differences that are wanted, all of which are here.
//!
//! Each config file is tried with everybody. An answer that differs and is not in [`WANTED`] fails the test, and so does a
//! row of [`WANTED`] that no longer differs, or differs otherwise.
//!
//! Where the Go program picks one of several entries at random, nothing is compared.

use std::collections::{BTreeMap, BTreeSet};

use authenticator_tests::support::control_plane::Site;
use authenticator_tests::support::patience::eventually;
use authenticator_tests::support::peer::{Peer, Verdict};
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Reviewer, User};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use http::StatusCode;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::custom_resources::go_programs_definition;
use crate::people::{ACCOUNT, CLUSTER};

#[test]
fn the_go_program_and_ours_differ_where_it_is_wanted_and_nowhere_else() {
    let mut bench = Bench::new();
    for (name, section) in CONFIGS {
        let config = format!("clusterID: {CLUSTER}\nserver:\n{section}");
        let ours = bench.ours(&config);
        let theirs = Peer::start(&config, &ours, &bench.sts);
        bench.compare(name, &ours, theirs.as_ref().ok());
    }
    bench.done();
}

/// The same for `aws-auth` of a real API server, edited while both run.
#[test]
fn the_go_program_and_ours_differ_about_aws_auth_where_it_is_wanted_and_nowhere_else() {
    let mut bench = Bench::new();
    let control_plane = Site::prepare().and_then(|site| site.start(None)).expect("a control plane comes up");
    let kubeconfig = control_plane.site().administrator().path().display().to_string();
    let config = format!("clusterID: {CLUSTER}\nserver:\n  backendMode: [EKSConfigMap]\n  kubeconfig: {kubeconfig}\n");
    let ours = bench.ours(&config);
    let theirs = Peer::start(&config, &ours, &bench.sts).expect("the Go program comes up");
    for (name, roles, marker) in
        [("aws-auth", AWS_AUTH_ROLES, "first"), ("aws-auth that breaks", "- rolearn: [", "second")]
    {
        let users = AWS_AUTH_USERS.replace("MARKER", marker);
        let data = json!({"mapRoles": roles, "mapUsers": users, "mapAccounts": "- '444455556666'\n"});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": "aws-auth", "namespace": "kube-system"}});
        control_plane.apply(&object.to_string()).expect("aws-auth is taken");
        for reviewer in [&ours.reviewer(), theirs.reviewer()] {
            eventually("the edit is in force", || bench.says(reviewer, "marker").is_named(marker));
        }
        bench.compare(name, &ours, Some(&theirs));
    }
    bench.done();
}

/// The same for the dynamic file, in each case with both programs started on it.
#[test]
fn the_go_program_and_ours_differ_about_the_dynamic_file_where_it_is_wanted_and_nowhere_else() {
    let mut bench = Bench::new();
    let folder = TempDir::new().expect("a folder can be made");
    let path = folder.path().join("dynamic.json");
    for (name, is_strict, file) in dynamic_files() {
        std::fs::write(&path, file).expect("the file can be written");
        let config = format!(
            "clusterID: {CLUSTER}\nserver:\n  backendMode: [DynamicFile]\n  dynamicfilepath: {}\n  \
             dynamicfileUserIDStrict: {is_strict}\n",
            path.display()
        );
        let ours = bench.ours(&config);
        let theirs = Peer::start(&config, &ours, &bench.sts).expect("the Go program comes up");
        eventually("ours has read it", || bench.says(&ours.reviewer(), "marker").is_named("marker"));
        eventually("the Go program has read it", || {
            bench.says(theirs.reviewer(), "marker").is_named("marker") || theirs.log().contains("ParseMap: ")
        });
        bench.compare(name, &ours, Some(&theirs));
    }
    bench.done();
}

/// The same for custom resources of a real API server.
#[test]
fn the_go_program_and_ours_differ_about_custom_resources_where_it_is_wanted_and_nowhere_else() {
    let mut bench = Bench::new();
    let control_plane = Site::prepare().and_then(|site| site.start(None)).expect("a control plane comes up");
    control_plane.apply(&go_programs_definition()).expect("the definition is taken");
    let kubeconfig = control_plane.site().administrator().path().display().to_string();
    let config = format!("clusterID: {CLUSTER}\nserver:\n  backendMode: [CRD]\n  kubeconfig: {kubeconfig}\n");
    for (name, user, arn, groups) in CUSTOM_RESOURCES {
        let object = json!({"apiVersion": "iamauthenticator.k8s.aws/v1alpha1", "kind": "IAMIdentityMapping",
            "metadata": {"name": name}, "spec": {"arn": arn, "username": user, "groups": groups}});
        eventually("the kind is served", || control_plane.apply(&object.to_string()).is_ok());
    }
    let ours = bench.ours(&config);
    let theirs = Peer::start(&config, &ours, &bench.sts).expect("the Go program comes up");
    eventually("ours has read them", || bench.says(&ours.reviewer(), "marker").is_named("marker"));
    // It looks at one object after another.
    for (_, who, name) in ALIKE.iter().filter(|(config, ..)| *config == "custom resources") {
        eventually("the Go program has read them", || bench.says(theirs.reviewer(), who).is_named(name));
    }
    bench.compare("custom resources", &ours, Some(&theirs));
    bench.done();
}

/// Everybody with their tokens, an STS that knows them, and what was found so far.
struct Bench {
    sts: Sts,
    tokens: BTreeMap<&'static str, String>,
    runtime: Runtime,
    wrong: Vec<String>,
}

impl Bench {
    fn new() -> Bench {
        let people = people();
        let sts = Sts::start(people.values().cloned());
        let token = |(name, principal): (&&'static str, _)| (*name, plugin::token(principal, CLUSTER, "us-west-2"));
        let tokens = people.iter().map(token).collect();
        Bench { sts, tokens, runtime: Runtime::new().expect("a runtime can be made"), wrong: Vec::new() }
    }

    /// Our webhook, whose refusals have the status that the Go program's have.
    fn ours(&self, config: &str) -> Server {
        let setup = Setup::new(config).sts(&self.sts).argument("--deny-status=403");
        setup.start().expect("our webhook comes up")
    }

    fn says(&self, reviewer: &Reviewer, who: &str) -> Said {
        Said::of(&self.runtime.block_on(Verdict::of(reviewer, &self.tokens[who])))
    }

    /// Asks both about everybody.
    fn compare(&mut self, config: &str, ours: &Server, theirs: Option<&Peer>) {
        let reviewer = ours.reviewer();
        for who in self.tokens.keys() {
            let wanted = WANTED.iter().find(|row| (row.config, row.who) == (config, *who));
            let theirs = theirs.map_or(Said::NotStarted, |theirs| self.says(theirs.reviewer(), who));
            let ours = self.says(&reviewer, who);
            let name = ALIKE.iter().find(|(of, alike, _)| (*of, *alike) == (config, *who)).map(|(.., name)| *name);
            let as_wanted = name.is_none_or(|name| ours.is_named(name))
                && match wanted {
                    // Whoever does not start lets nobody in.
                    None => theirs == ours || (theirs == Said::NotStarted && Wanted::Refused.is(&ours)),
                    Some(row) => row.go.is(&theirs) && row.ours.is(&ours),
                };
            if !as_wanted {
                let line =
                    format!("{config}, {who}: the Go program says {theirs:?}, ours {ours:?}; wanted: {wanted:?}");
                self.wrong.push(line);
            }
        }
    }

    fn done(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

/// The config files about which the programs differ.
pub(crate) fn configs_that_differ() -> BTreeSet<&'static str> {
    WANTED.iter().map(|row| row.config).collect()
}

/// What a program said, as it is compared.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Said {
    Allowed(Box<User>),
    Denied(StatusCode),
    /// It does not start with such a config file.
    NotStarted,
}

impl Said {
    fn of(verdict: &Verdict) -> Said {
        match verdict {
            Verdict::Allowed(user) => Said::Allowed(Box::new(user.clone())),
            Verdict::Denied(status) => Said::Denied(*status),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        matches!(self, Said::Allowed(user) if user.username == name)
    }
}

/// What a program is to say.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Let in under this name.
    Named(&'static str),
    /// Not let in.
    Refused,
    /// It does not start.
    NotStarted,
}

impl Wanted {
    fn is(self, said: &Said) -> bool {
        match (self, said) {
            (Wanted::Named(name), said) => said.is_named(name),
            (Wanted::Refused, Said::Denied(status)) => *status == StatusCode::FORBIDDEN,
            (Wanted::NotStarted, Said::NotStarted) => true,
            _ => false,
        }
    }
}

/// A difference that is wanted.
#[derive(Debug)]
#[expect(dead_code, reason = "the reason is for people, who read it when the row fails")]
struct Row {
    config: &'static str,
    who: &'static str,
    go: Wanted,
    ours: Wanted,
    why: &'static str,
}

const fn row(config: &'static str, who: &'static str, go: Wanted, ours: Wanted, why: &'static str) -> Row {
    Row { config, who, go, ours, why }
}

/// Whom both let in, of config files and under which name: were all denied, nothing would be compared.
const ALIKE: &[(&str, &str, &str)] = &[
    ("all sorts of mappings", "alice", "alice"),
    ("all sorts of mappings", "ada", "ada"),
    ("all sorts of mappings", "dev", "dev"),
    ("all sorts of mappings", "root", "root"),
    ("all sorts of mappings", "federated", "bob"),
    ("all sorts of mappings", "other account", "arn:aws:iam::444455556666:user/eve"),
    ("all sorts of mappings", "other account's role", "theirs"),
    ("all sorts of mappings", "account with a zero", "arn:aws:iam::012345678901:user/zoe"),
    ("brackets over lines, tabs and a separator", "dev", "dev"),
    ("brackets over lines, tabs and a separator", "admin", "admin"),
    ("a block of text that ends with the file", "alice", "alice"),
    ("forms that viper takes", "dev", "dev"),
    ("forms that viper takes", "other account's role", "arn:aws:iam::444455556666:role/Admin"),
    ("the same twice", "admin", "last"),
    ("the same twice", "alice", "last"),
    ("aws-auth", "ada", "ada"),
    ("dynamic file", "admin", "admin:jane-example.com"),
    ("dynamic file", "alice", "alice"),
    ("dynamic file", "ada", "last"),
    ("dynamic file", "other account", "arn:aws:iam::444455556666:user/eve"),
    ("strict dynamic file", "admin", "admin"),
    ("strict dynamic file", "alice", "alice"),
    ("strict dynamic file", "mallory", "arn:aws:iam::111122223333:user/mallory"),
    ("custom resources", "admin", "admin:jane-example.com"),
    ("custom resources", "alice", "alice"),
    ("custom resources", "ada", "ada"),
    ("custom resources", "root", "root"),
    ("aws-auth", "other account", "arn:aws:iam::444455556666:user/eve"),
];

/// Everybody who asks.
fn people() -> BTreeMap<&'static str, Principal> {
    let user = |name| Principal::user(ACCOUNT, name);
    let session = |role| Principal::role_session(ACCOUNT, role, "jane@example.com");
    let root = Principal { arn: format!("arn:aws:iam::{ACCOUNT}:root"), user_id: ACCOUNT.to_owned(), ..user("root") };
    let federated = Principal {
        arn: format!("arn:aws:sts::{ACCOUNT}:federated-user/Bob"),
        user_id: format!("{ACCOUNT}:Bob"),
        ..user("Bob")
    };
    BTreeMap::from([
        ("admin", session("Admin")),
        ("dev", Principal::role_session(ACCOUNT, "dev", "joe")),
        ("team-a", session("team-a")),
        ("sso-admin", session("AWSReservedSSO_Admin_0123456789abcdef")),
        ("sso-admin-readonly", session("AWSReservedSSO_Admin_ReadOnly_0123456789abcdef")),
        ("sso-admin-lookalike", session("AWSReservedSSO_Admin_0123")),
        ("alice", user("alice")),
        ("ada", user("division/ada")),
        ("root", root),
        ("federated", federated.with_session()),
        ("other account", Principal::user("444455556666", "eve")),
        ("other account's role", Principal::role_session("444455556666", "Admin", "eve")),
        ("account with a zero", Principal::user("012345678901", "zoe")),
        ("mallory", user("mallory")),
        ("marker", user("marker")),
    ])
}

/// Config files, by what is tried with them: their lines of the section `server`.
const CONFIGS: &[(&str, &str)] = &[
    ("all sorts of mappings", ALL_SORTS),
    (
        "forms that viper takes",
        "  mapRoles: {rolearn: 'arn:aws:iam::111122223333:role/dev', username: dev, groups: 'a,b'}\n  mapAccounts: '444455556666,999999999999'\n",
    ),
    ("the same twice", THE_SAME_TWICE),
    ("a role's path", "  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/team/Admin', username: admin}\n"),
    (
        "a session of a role",
        "  mapRoles:\n  - {rolearn: 'arn:aws:sts::111122223333:assumed-role/Admin/joe', username: joe}\n",
    ),
    ("sso", "  mapRoles:\n  - sso: {permissionSetName: Admin, accountID: '111122223333'}\n    username: sso\n"),
    (
        "sso with its partition",
        "  mapRoles:\n  - sso: {permissionSetName: Admin, accountID: '111122223333', partition: aws}\n    username: sso\n",
    ),
    (
        "userid of somebody else",
        "  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', userid: AROAGONE, username: admin}\n  mapAccounts: ['111122223333']\n",
    ),
    (
        "no username",
        "  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', groups: ['system:masters']}\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: dev}\n",
    ),
    (
        "unknown placeholder",
        "  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', username: 'a:{{Session}}'}\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: dev}\n",
    ),
    (
        "placeholder that is empty",
        "  mapUsers:\n  - {userarn: 'arn:aws:iam::111122223333:user/alice', username: 'u:{{SessionName}}'}\n",
    ),
    (
        "a bad entry",
        "  mapRoles:\n  - {rolearn: 'Admin', username: admin}\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: dev}\n",
    ),
    ("a pattern", "  mapRoles:\n  - {rolearnLike: 'arn:aws:iam::111122223333:role/team-*', username: team}\n"),
    (
        "sessionNames",
        "  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', sessionNames: ['joe*'], username: admin}\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', sessionNames: ['joe*'], username: dev}\n",
    ),
    (
        "reserved group",
        "  reservedPrefixConfig: [{backendMode: MountedFile, usernamePrefixReserveList: ['system:'], groupPrefixReserveList: ['system:']}]\n  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: 'system:dev'}\n",
    ),
    ("an account as a number", "  mapAccounts: [012345678901]\n"),
    (
        "names that look like numbers",
        "  mapUsers:\n  - {userarn: 'arn:aws:iam::111122223333:user/alice', username: 012}\n  mapRoles:\n  - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: true}\n",
    ),
    (
        "brackets over lines, tabs and a separator",
        "  mapRoles:\n  - rolearn:\tarn:aws:iam::111122223333:role/dev\n    username:\t'dev'\t# c\n    groups: [\n\"g1\",\n  g2\n]\n  - {\nrolearn: 'arn:aws:iam::111122223333:role/Admin',\n  username: admin,\ngroups: [\n]\n}\n---\n# nothing\n",
    ),
    (
        "a block of text that ends with the file",
        "  mapUsers:\n  - userarn: arn:aws:iam::111122223333:user/alice\n    username: |\n      alice",
    ),
    (
        "a key twice",
        "  mapUsers:\n  - {userarn: 'arn:aws:iam::111122223333:user/alice', username: first, username: last}\n  - {userarn: 'arn:aws:iam::111122223333:user/division/ada', username: ada}\n",
    ),
];

const ALL_SORTS: &str = "
  scrubbedAccounts: ['444455556666']
  mapRoles:
  - rolearn: arn:aws:iam::111122223333:role/ADMIN
    username: 'admin:{{SessionName}}:{{SessionNameRaw}}:{{AccountID}}:{{AccessKeyID}}'
    groups: ['system:masters', 'g:{{SessionName}}']
  - {rolearn: 'arn:aws:sts::111122223333:assumed-role/dev/joe', username: dev, groups: []}
  - {rolearn: 'arn:aws:iam::444455556666:role/Admin', username: theirs, groups: [theirs]}
  mapUsers:
  - {userarn: 'arn:aws:iam::111122223333:user/alice', username: alice, groups: [a, b, a]}
  - {userarn: 'arn:aws:iam::111122223333:user/Division/ADA', username: ada}
  - {userarn: 'arn:aws:iam::111122223333:root', username: root}
  - {userarn: 'arn:aws:sts::111122223333:federated-user/Bob', username: bob}
  mapAccounts: ['444455556666', '012345678901']
";

const THE_SAME_TWICE: &str = "
  mapRoles:
  - {rolearn: 'arn:aws:iam::111122223333:role/Admin', username: first}
  - {rolearn: 'arn:aws:iam::111122223333:role/admin', username: last}
  mapUsers:
  - {userarn: 'arn:aws:iam::111122223333:user/alice', username: first}
  - {userarn: 'arn:aws:iam::111122223333:user/ALICE', username: last}
";

const AWS_AUTH_ROLES: &str = "
- rolearn: arn:aws:iam::111122223333:role/Admin
  username: admin:{{SessionName}}
  groups: [system:masters]
- {rolearn: arn:aws:iam::111122223333:role/team/dev, username: dev}
- {rolearn: arn:aws:sts::111122223333:assumed-role/team-a/jane@example.com, username: team}
- {sso: {permissionSetName: Admin, accountID: '111122223333'}, username: sso}
";

const AWS_AUTH_USERS: &str = "
- {userarn: arn:aws:iam::111122223333:user/marker, username: MARKER}
- {userarn: arn:aws:iam::111122223333:user/ALICE, username: alice, groups: [a]}
- {userarn: arn:aws:iam::111122223333:user/division/ada, username: ada, groups: []}
";

/// Dynamic files: what is tried with them, whether each entry must have a `userid`, and their text.
fn dynamic_files() -> [(&'static str, bool, String); 6] {
    let iam = |resource: &str| format!("arn:aws:iam::{ACCOUNT}:{resource}");
    let people = people();
    let id = |who: &str| people[who].user_id.split(':').next().unwrap_or_default().to_owned();
    let marker = json!({"userarn": iam("user/marker"), "userid": id("marker"), "username": "marker"});
    [
        (
            "dynamic file",
            false,
            json!({"LastUpdatedDateTime": "1669926462", "Version": "1",
                "mapRoles": [
                    {"rolearn": iam("role/ADMIN"), "username": "admin:{{SessionName}}", "groups": ["system:masters"]},
                    {"rolearn": iam("role/team/dev"), "username": "dev", "groups": []},
                    {"rolearn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/team-a/s"), "username": "team"},
                ],
                "mapUsers": [
                    {"userarn": iam("user/ALICE"), "username": "alice", "groups": ["a"]},
                    {"userarn": iam("user/division/ada"), "username": "first"},
                    {"userarn": iam("user/Division/Ada"), "username": "last"},
                    marker,
                ],
                "mapAccounts": ["444455556666", "012345678901"]}),
        ),
        (
            "strict dynamic file",
            true,
            json!({
                "mapRoles": [
                    {"rolearn": iam("role/team/Admin"), "userid": id("admin"), "username": "admin"},
                    {"rolearn": iam("role/dev-of-old"), "userid": id("dev"), "username": "dev"},
                ],
                "mapUsers": [{"userid": id("alice"), "username": "alice"}, marker],
                "mapAccounts": [ACCOUNT]}),
        ),
        (
            "dynamic file with a bad entry",
            false,
            json!({"mapUsers": [{"username": "nobody"}, {"userarn": iam("user/alice"), "username": "alice"}, marker]}),
        ),
        (
            "dynamic file with a userid of somebody else",
            false,
            json!({"mapUsers": [{"userarn": iam("user/alice"), "userid": "AIDAGONE", "username": "alice"}, marker]}),
        ),
        (
            "dynamic file with a number for a name",
            false,
            json!({"mapUsers": [{"userarn": iam("user/alice"), "username": 7}, marker]}),
        ),
        (
            "dynamic file with a key twice",
            false,
            json!({"mapUsers": [{"userarn": iam("user/alice"), "twice": "first", "username": "last"}, marker]}),
        ),
    ]
    .map(|(name, is_strict, file)| (name, is_strict, file.to_string().replace("twice", "username")))
}

/// Custom resources: name, user name, ARN, groups.
const CUSTOM_RESOURCES: &[(&str, &str, &str, &[&str])] = &[
    ("admin", "admin:{{SessionName}}", "arn:aws:iam::111122223333:role/ADMIN", &["system:masters"]),
    ("dev", "dev", "arn:aws:iam::111122223333:role/team/dev", &[]),
    ("team", "team", "arn:aws:sts::111122223333:assumed-role/team-a/s", &["t"]),
    ("alice", "alice", "arn:aws:iam::111122223333:user/Alice", &["a", "b"]),
    ("ada", "ada", "arn:aws:iam::111122223333:user/division/ada", &[]),
    ("root", "root", "arn:aws:iam::111122223333:root", &[]),
    ("garbage", "mallory", "mallory", &[]),
    ("marker", "marker", "arn:aws:iam::111122223333:user/marker", &[]),
];

use Wanted::{Named, NotStarted, Refused};

const WANTED: &[Row] = &[
    row("a role's path", "admin", Refused, Named("admin"), "STS never says a role's path, so that no caller has one"),
    row("a session of a role", "admin", Named("joe"), Refused, "another session is written"),
    row("dynamic file", "team-a", Named("team"), Refused, "another session is written"),
    row("custom resources", "team-a", Named("team"), Refused, "another session is written"),
    row("sso", "sso-admin-readonly", Named("sso"), Refused, "it is another permission set"),
    row("sso", "sso-admin-lookalike", Named("sso"), Refused, "no permission set has such a suffix"),
    row("sso with its partition", "sso-admin", Refused, Named("sso"), "the partition is that of the caller"),
    row("userid of somebody else", "admin", Named("admin"), Refused, "the name was given to somebody else since"),
    row("no username", "admin", Named(""), Refused, "a user without a name is nobody in particular"),
    row("unknown placeholder", "admin", Named("a:{{Session}}"), Refused, "nobody means a name with braces"),
    row("placeholder that is empty", "alice", Named("u:"), Refused, "it would be one name for many callers"),
    row("a bad entry", "dev", NotStarted, Named("dev"), "a typo locks out nobody else"),
    row("a pattern", "team-a", NotStarted, Named("team"), "patterns are ours"),
    row("sessionNames", "admin", Named("admin"), Refused, "conditions are ours"),
    row("reserved group", "admin", Named("admin"), Refused, "a group gives more than a name does"),
    row("dynamic file", "dev", Refused, Named("dev"), "STS never says a role's path"),
    row(
        "strict dynamic file",
        "dev",
        Named("arn:aws:iam::111122223333:role/dev"),
        Refused,
        "what is said of the one is not said of the other",
    ),
    row("dynamic file with a bad entry", "alice", Refused, Named("alice"), "a typo locks out nobody else"),
    row("dynamic file with a bad entry", "marker", Refused, Named("marker"), "a typo locks out nobody else"),
    row(
        "dynamic file with a userid of somebody else",
        "alice",
        Named("alice"),
        Refused,
        "the name was given to somebody else since",
    ),
    row("dynamic file with a number for a name", "alice", Refused, Named("7"), "it is its text, as in every source"),
    row("dynamic file with a number for a name", "marker", Refused, Named("marker"), "a typo locks out nobody else"),
    row("dynamic file with a key twice", "alice", Named("last"), Refused, "nobody can tell which of them is meant"),
    row("a key twice", "ada", NotStarted, Named("ada"), "a typo locks out nobody else"),
    row("custom resources", "dev", Refused, Named("dev"), "STS never says a role's path"),
    row("aws-auth", "dev", Refused, Named("dev"), "STS never says a role's path"),
    row("aws-auth", "team-a", Refused, Named("team"), "the same text means the same in every source"),
    row("aws-auth", "sso-admin-readonly", Named("sso"), Refused, "it is another permission set"),
    row("aws-auth", "sso-admin-lookalike", Named("sso"), Refused, "no permission set has such a suffix"),
    row("aws-auth that breaks", "admin", Refused, Named("admin:jane-example.com"), "a typo locks nobody out"),
    row("aws-auth that breaks", "dev", Refused, Named("dev"), "a typo locks nobody out"),
    row("aws-auth that breaks", "team-a", Refused, Named("team"), "a typo locks nobody out"),
    row("aws-auth that breaks", "sso-admin", Refused, Named("sso"), "a typo locks nobody out"),
    row(
        "an account as a number",
        "account with a zero",
        Refused,
        Named("arn:aws:iam::012345678901:user/zoe"),
        "an account id is text",
    ),
    row("names that look like numbers", "alice", Named("10"), Named("012"), "a name is the text that was written"),
    row("names that look like numbers", "dev", Named("1"), Named("true"), "a name is the text that was written"),
];
