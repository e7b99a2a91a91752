use std::collections::BTreeMap;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::draft::Draft;
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Sts};
use jiff::{SignedDuration, Timestamp};

use self::recipe::Purpose;
use crate::people::{self, ACCOUNT, CLUSTER, alice, bob, mallory};

mod recipe;

/// Every line of `corpus/tokens.txt`, against the program as built: its code, how often STS is asked, and a twin that differs in
/// one thing and is let in.
#[tokio::test]
async fn a_hostile_token_is_refused_for_its_reason_and_its_twin_is_let_in() {
    let text = std::fs::read_to_string(LINES).expect("the corpus can be read");
    let mut sites = BTreeMap::new();
    let (mut lines, mut asked) = (0, 0);
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Line::parse) {
        let site = sites.entry(line.site.to_owned()).or_insert_with(|| Site::start(line.site));
        let (answer, calls) = site.review(line.made).await;
        let reason = match &answer {
            Answer::Allowed(_) => "allowed",
            Answer::Refused(reason) => reason.split(": ").next().unwrap_or_default(),
            Answer::Failed { .. } => "failed",
        };
        if (reason, calls) != (line.outcome, line.calls) {
            wrong.push(format!("{}: {calls} calls of STS, {answer:?}", line.name));
        }
        if line.outcome != "allowed" {
            let (answer, _) = site.review(line.twin).await;
            if !matches!(answer, Answer::Allowed(_)) {
                wrong.push(format!("the twin of {}: {answer:?}", line.name));
            }
        }
        lines += 1;
        asked += calls;
    }
    assert!(wrong.is_empty(), "{} of {lines}:\n{}", wrong.len(), wrong.join("\n"));
    println!("corpus: {lines} tokens, each refused for its reason or let in; {asked} of them reached STS");
    assert!(lines >= 500);
}

/// The other side of the table of hosts: whatever it lists is asked, once for each token.
#[tokio::test]
async fn every_endpoint_of_the_table_is_asked_about_its_own_tokens() {
    for name in ["aws", "cn"] {
        let site = Site::start(name);
        let partition = if name == "cn" { "aws-cn" } else { "aws" };
        let hosts = HOSTS.lines().filter_map(|line| line.strip_prefix(partition)?.strip_prefix(' '));
        let mut count = 0;
        for host in hosts {
            let [region, _, host] = host.split(' ').collect::<Vec<_>>()[..] else { panic!("{host}") };
            let (answer, calls) = site.review(&format!("host:{host} region:{region}")).await;
            assert!(matches!(answer, Answer::Allowed(_)), "{host}: {answer:?}");
            assert_eq!(calls, 1, "{host}");
            assert_eq!(site.sts.seen().last().expect("it was asked").server_name, host);
            count += 1;
        }
        println!("endpoints of {partition}: {count}");
        assert!(count >= 8);
    }
}

/// Nothing about a parameter that stands twice may depend on chance.
#[tokio::test]
async fn a_doubled_parameter_is_refused_each_of_a_thousand_times() {
    let site = Site::start("aws");
    for count in 0..1000 {
        let place = if count % 2 == 0 { '+' } else { '^' };
        let made = format!("{place}x-amz-credential=AKIAVICTIM{count:010}%2F{{DAY}}%2Fus-west-2%2Fsts%2Faws4_request");
        let (answer, calls) = site.review(&made).await;
        assert!(answer.reason().starts_with("token.parameter_unknown: "), "{made}");
        assert_eq!(calls, 0);
    }
    let (answer, _) = site.review("").await;
    assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
}

/// One line: `NAME | SITE | HOW IT IS MADE | OUTCOME | CALLS OF STS | HOW ITS TWIN IS MADE`.
struct Line<'a> {
    name: &'a str,
    site: &'a str,
    made: &'a str,
    outcome: &'a str,
    calls: usize,
    twin: &'a str,
}

impl Line<'_> {
    fn parse(line: &str) -> Line<'_> {
        let [name, site, made, outcome, calls, twin] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("not six columns: {line}");
        };
        let calls = calls.parse().unwrap_or_else(|_| panic!("a number of calls: {line}"));
        Line { name, site, made, outcome, calls, twin }
    }
}

/// A webhook with certain settings, and its STS.
struct Site {
    sts: Sts,
    _server: Server,
    reviewer: Reviewer,
    purpose: Purpose<'static>,
}

impl Site {
    fn start(name: &str) -> Site {
        let (partition, arguments): (_, &[&str]) = match name {
            "aws" => ("aws", &[]),
            "cn" => ("aws-cn", &["--partition=aws-cn"]),
            "pinned" => ("aws", &["--allowed-sts-regions=us-west-2,eu-west-1"]),
            "fips" => ("aws", &["--sts-fips-only"]),
            "extra" => ("aws", &["--extra-sts-regions=us-new-1"]),
            "small" => ("aws", &["--max-token-size=4096"]),
            "skewed" => ("aws", &["--max-clock-skew=0s"]),
            "lenient" => ("aws", &["--max-clock-skew=15m"]),
            other => panic!("no site is called {other}"),
        };
        let sts = Sts::start(PEOPLE.map(|name| person(name, partition)));
        let more = |text: &str| text.replace("PARTITION", partition);
        let config = people::config(partition).replace("  mapRoles:\n", &more(MORE_USERS)) + &more(MORE_ROLES);
        let setup = arguments.iter().fold(Setup::new(&config).sts(&sts), |setup, argument| setup.argument(*argument));
        let server = setup.start().expect("the webhook comes up");
        let purpose = match name {
            "cn" => Purpose { cluster: CLUSTER, host: "sts.cn-north-1.amazonaws.com.cn", region: "cn-north-1" },
            "fips" => Purpose { cluster: CLUSTER, host: "sts-fips.us-west-2.amazonaws.com", region: "us-west-2" },
            _ => Purpose { cluster: CLUSTER, host: HOST, region: "us-west-2" },
        };
        Site { reviewer: server.reviewer(), sts, _server: server, purpose }
    }

    /// What becomes of a token, and how often STS was asked.
    async fn review(&self, made: &str) -> (Answer, usize) {
        let partition = if self.purpose.region == "cn-north-1" { "aws-cn" } else { "aws" };
        let token = recipe::token(made, self.purpose, |name| person(name, partition));
        let before = self.sts.seen().len();
        let answer = self.reviewer.review(ReviewVersion::V1, &token).await;
        (answer, self.sts.seen().len() - before)
    }
}

/// Whoever signs in the corpus.
fn person(name: &str, partition: &str) -> Principal {
    let with_session = |mut principal: Principal, token: String| {
        principal.access_key_id.replace_range(..8, "ASIALONG");
        principal.session.as_mut().expect("it has a session").token = token;
        principal
    };
    let principal = match name {
        "alice" => alice(),
        "bob" => bob(),
        // Known to STS, and mapped by nobody.
        "mallory" => mallory(),
        "root" => with_arn("AKIAROOTROOTROOTROOT", &format!("arn:aws:iam::{ACCOUNT}:root"), ACCOUNT),
        "federated" => {
            let arn = format!("arn:aws:sts::{ACCOUNT}:federated-user/fred");
            with_arn("AKIAFEDERATEDFEDERAT", &arn, &format!("{ACCOUNT}:fred"))
        }
        "mapped-federated" => {
            let arn = format!("arn:aws:sts::{ACCOUNT}:federated-user/frida");
            with_arn("AKIAFEDERATEDFRIDAFR", &arn, &format!("{ACCOUNT}:frida"))
        }
        "instance" => {
            let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/aws:ec2-instance/i-0123456789abcdef0");
            with_arn("AKIAINSTANCEINSTANCE", &arn, &format!("{ACCOUNT}:aws:ec2-instance:i-0123456789abcdef0"))
        }
        // The role `viewer`, of somebody else's account.
        "bob-elsewhere" => Principal::role_session("999999999999", "viewer", "bob@example.com"),
        "alice-elsewhere" => Principal::user("999999999999", "alice"),
        "other-role" => Principal::role_session(ACCOUNT, "viewers", "bob@example.com"),
        // A role that is pinned by its unique id, in an account whose callers are all let in; and one made anew under its name.
        "pinned" => Principal { user_id: format!("{PINNED}:eve"), ..Principal::role_session(LENDER, "pinned", "eve") },
        "pinned-anew" => {
            let mut anew = Principal::role_session(LENDER, "pinned", "eve");
            anew.access_key_id.replace_range(4..8, "ANEW");
            anew
        }
        "lent" => Principal::role_session(LENDER, "other", "eve"),
        // STS does not know them, or not like this.
        "stranger" => Principal::user(ACCOUNT, "stranger"),
        "alice-forged" => alice().forger(),
        "bob-forged" => bob().forger(),
        "bob-without-session" => Principal { session: None, ..bob() },
        "bob-with-anothers-session" => Principal { session: mallory().with_session().session, ..bob() },
        "alice-with-a-session" => Principal { session: bob().session, ..alice() },
        "ended" => {
            let ended = Timestamp::now() - SignedDuration::from_secs(60);
            Principal::role_session(ACCOUNT, "viewer", "late").session_ends(ended)
        }
        "long" => with_session(Principal::role_session(ACCOUNT, "viewer", "long"), "L".repeat(4096)),
        "longer" => with_session(Principal::role_session(ACCOUNT, "viewer", "longer"), "+".repeat(3000)),
        // Whose URL has as many bytes as a token of the default limit can hold, and one byte more.
        "largest" => sized("largest", 12_279),
        "too-large" => sized("too-large", 12_280),
        other => panic!("nobody is called {other}"),
    };
    principal.in_partition(partition)
}

fn with_arn(access_key_id: &str, arn: &str, user_id: &str) -> Principal {
    let user = Principal::user(ACCOUNT, arn);
    Principal { access_key_id: access_key_id.to_owned(), arn: arn.to_owned(), user_id: user_id.to_owned(), ..user }
}

/// Somebody whose URL has so many bytes.
fn sized(name: &str, url_bytes: usize) -> Principal {
    let mut principal = Principal::role_session(ACCOUNT, "viewer", name);
    let session = |principal: &mut Principal, bytes: usize| {
        principal.session.as_mut().expect("it has a session").token = "S".repeat(bytes);
    };
    session(&mut principal, 0);
    let mut draft = Draft::new(&principal, CLUSTER, HOST, "us-west-2", Timestamp::now());
    draft.sign();
    session(&mut principal, url_bytes - draft.url().len());
    principal
}

/// Whom the emulator knows.
const PEOPLE: [&str; 18] = [
    "alice",
    "bob",
    "mallory",
    "root",
    "federated",
    "mapped-federated",
    "instance",
    "bob-elsewhere",
    "alice-elsewhere",
    "other-role",
    "pinned",
    "pinned-anew",
    "lent",
    "ended",
    "long",
    "longer",
    "largest",
    "too-large",
];

/// What the config file maps beside alice and bob.
const MORE_USERS: &str = "    - userARN: arn:PARTITION:sts::111122223333:federated-user/frida
      username: frida
  mapRoles:
";
const MORE_ROLES: &str = "    - roleARN: arn:PARTITION:iam::444455556666:role/pinned
      userid: AROAPINNEDPINNEDPINNE
      username: pinned
  mapAccounts: ['444455556666']
";
const PINNED: &str = "AROAPINNEDPINNEDPINNE";
const LENDER: &str = "444455556666";
const HOST: &str = "sts.us-west-2.amazonaws.com";

const LINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/suite/corpus/tokens.txt");
const HOSTS: &str = include_str!("../../authenticator-server/src/token/sts_hosts.txt");
