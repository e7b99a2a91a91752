//! Nodes' tokens at a real webhook that asks EC2 and IAM: who is which node, and what is said while neither can be heard.

use std::fs;
use std::time::Instant;

use authenticator_tests::support::container::{self, Container};
use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::ec2::{Api, Behaviour, Ec2, Hostname, Machine, State};
use authenticator_tests::support::instance::Instance;
use authenticator_tests::support::patience::LIMIT;
use authenticator_tests::support::plugin;
use authenticator_tests::support::review::{Answer, Reviewer, User};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Principal, Role, Sts};
use futures::future::join_all;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use crate::people::{ACCOUNT, CLUSTER};

#[tokio::test]
async fn a_node_is_called_what_ec2_calls_its_instance_and_an_instance_that_is_not_there_is_no_node() {
    let cloud = Cloud::new([
        machine(1),
        machine(2).named("ip-10-0-0-2.ec2.internal"),
        Machine {
            hostname: Hostname::ResourceName,
            ..machine(3).named(&format!("{}.{REGION}.compute.internal", id(3)))
        },
        machine(4).named(""),
    ]);
    let server = cloud.server(NAMED, &[]);
    for (number, name) in [
        (1, "ip-10-0-0-1.us-west-2.compute.internal".to_owned()),
        (2, "ip-10-0-0-2.ec2.internal".to_owned()),
        (3, format!("{}.{REGION}.compute.internal", id(3))),
    ] {
        let user = cloud.ask(&server, &id(number)).await.user();
        assert_eq!((user.username, user.groups), (format!("system:node:{name}"), groups()));
    }
    for (number, reason) in [(4, "mapping.no_private_dns_name"), (5, "mapping.no_such_instance")] {
        let answer = cloud.ask(&server, &id(number)).await.reason();
        assert!(answer.starts_with(reason), "{answer}");
    }
}

#[tokio::test]
async fn ec2_is_asked_about_nobody_whose_mapping_does_not_need_it_or_whose_session_is_no_instances() {
    let cloud = Cloud::new([machine(1)]);
    let server = cloud.server(NAMED, &[]);
    for session in ["jane", "i-0000", "i-0000000000000000g", "I-00000000000000001"] {
        let reason = cloud.ask(&server, session).await.reason();
        assert!(reason.starts_with("mapping.not_an_instance"), "{session}: {reason}");
    }
    let stranger = Principal::role_session(ACCOUNT, "Other", &id(1));
    assert!(cloud.ask_as(&server, &stranger).await.reason().starts_with("identity.not_mapped"));
    assert_eq!(cloud.ec2.calls(Api::Ec2).len(), 0);

    let by_id = NAMED.replace("EC2PrivateDNSName", "EC2InstanceID");
    let server = cloud.server(&by_id, &[]);
    assert_eq!(cloud.ask(&server, &id(1)).await.user().username, format!("system:node:{}", id(1)));
    assert_eq!(cloud.ec2.calls(Api::Ec2).len(), 0);
    assert_eq!(cloud.ec2.calls(Api::Iam).len(), 0);
}

#[tokio::test]
async fn with_belonging_an_instance_is_nobodys_but_its_own_roles_while_it_lives() {
    let own = || machine(1).with_profile("nodes").tagged("kubernetes.io/cluster/blue", "owned");
    let cloud = Cloud::new([own()]);
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("path/Node"));
    cloud.ec2.know_profile(ACCOUNT, "others", Some("Other"));
    cloud.ec2.know_profile(ACCOUNT, "nobodys", None);
    let rule = format!("{NAMED}, ec2Instance: {{clusterTag: blue, vpcID: {VPC}}}");
    // Nothing is kept, so that each question is one to EC2.
    let server = cloud.server(&rule, &["--ec2-instance-ttl=0s"]);
    let unknown_profile = Machine { profile: None, ..own() };
    for (number, (what, other)) in [
        ("itself", None),
        ("another role's", Some(Machine { profile: Some("others".to_owned()), ..own() })),
        ("of a profile without a role", Some(Machine { profile: Some("nobodys".to_owned()), ..own() })),
        ("without a profile", Some(unknown_profile)),
        ("terminated", Some(own().in_state(State::Terminated))),
        ("stopped", Some(own().in_state(State::Stopped))),
        ("of another network", Some(Machine { vpc: "vpc-00000000".to_owned(), ..own() })),
        (
            "of another cluster",
            Some(Machine { tags: Vec::new(), ..own() }.tagged("kubernetes.io/cluster/green", "owned")),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).unwrap() + 100;
        let wanted = other.is_none();
        cloud.ec2.launch(Machine { id: id(number), ..other.unwrap_or_else(own) });
        match cloud.ask(&server, &id(number)).await {
            Answer::Allowed(user) => assert!(wanted && user.username.starts_with("system:node:"), "{what}: {user:?}"),
            answer => {
                let reason = answer.reason();
                assert!(!wanted && reason.starts_with("mapping.foreign_instance"), "{what}: {reason}");
            }
        }
    }
}

#[tokio::test]
async fn nodes_that_ask_together_share_calls_and_one_bad_id_harms_no_other() {
    let cloud = Cloud::new((0..300).map(machine));
    let server = cloud.server(NAMED, &[]);
    let reviewer = server.reviewer();
    let tokens = (0..300_u32).map(|number| {
        // One in thirty is of an instance that is not there.
        let number = if number % 30 == 7 { number + 1000 } else { number };
        (number, cloud.token(&cloud.node(&id(number))))
    });
    let tokens: Vec<_> = tokens.collect();
    let answers = join_all(tokens.iter().map(|(_, token)| ask(&reviewer, token))).await;
    for ((number, _), answer) in tokens.iter().zip(answers) {
        match answer {
            Answer::Allowed(user) => {
                assert_eq!(user.username, format!("system:node:{}", machine(*number).private_dns_name))
            }
            answer => assert!(
                *number >= 1000 && answer.clone().reason().starts_with("mapping.no_such"),
                "{number}: {answer:?}"
            ),
        }
    }
    let calls = cloud.ec2.calls(Api::Ec2);
    assert!(calls.len() <= 60, "{} calls about 300 nodes", calls.len());
    assert!(calls.iter().all(|call| call.refused.is_none() && call.names.len() <= 200));
    let before = calls.len();
    assert!(matches!(ask(&reviewer, &tokens[0].1).await, Answer::Allowed(_)));
    assert_eq!(cloud.ec2.calls(Api::Ec2).len(), before, "what EC2 said is kept");
}

#[tokio::test]
async fn an_answer_of_many_pages_is_read_to_its_end() {
    let cloud = Cloud::new((0..20).map(machine));
    cloud.ec2.page_size(5);
    let server = cloud.server(NAMED, &[]);
    let reviewer = server.reviewer();
    let tokens: Vec<_> = (0..20).map(|number| cloud.token(&cloud.node(&id(number)))).collect();
    for answer in join_all(tokens.iter().map(|token| ask(&reviewer, token))).await {
        assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn an_instance_that_appears_late_is_let_in_soon_after() {
    let cloud = Cloud::new([]);
    let server = cloud.server(NAMED, &[]);
    let token = cloud.token(&cloud.node(&id(1)));
    let reviewer = server.reviewer();
    assert!(ask(&reviewer, &token).await.reason().starts_with("mapping.no_such_instance"));
    cloud.ec2.launch(machine(1));
    let user = within(async || match ask(&reviewer, &token).await {
        Answer::Allowed(user) => Some(user),
        _ => None,
    });
    assert_eq!(user.await.username, format!("system:node:{}", machine(1).private_dns_name));
}

#[tokio::test]
async fn an_ec2_that_cannot_be_heard_denies_nobody_and_known_nodes_stay_in() {
    let cloud = Cloud::new([machine(1), machine(2)]);
    let server = cloud.server(NAMED, &["--ec2-deadline=2s", "--ec2-instance-ttl=0s"]);
    let (known, new) = (id(1), id(2));
    assert!(matches!(cloud.ask(&server, &known).await, Answer::Allowed(_)));
    let refuse = Behaviour::Refuse("UnauthorizedOperation", StatusCode::FORBIDDEN);
    let garbage = Behaviour::Say { code: StatusCode::OK, body: "<html/>".into() };
    let huge = Behaviour::Say { code: StatusCode::OK, body: "x".repeat(20 << 20).into() };
    for (behaviour, code) in [
        (Behaviour::Hang, "ec2.timed_out"),
        (Behaviour::Cut, "ec2.unreachable"),
        (Behaviour::ThrottleNext(1000), "ec2.throttled"),
        (refuse, "ec2.refused"),
        (garbage, "ec2.answer"),
        (huge, "ec2.answer"),
    ] {
        cloud.ec2.behave(Api::Ec2, behaviour);
        let answer = cloud.ask(&server, &new).await;
        assert!(is_unavailable(&answer, code), "{code}: {answer:?}");
        assert!(matches!(cloud.ask(&server, &known).await, Answer::Allowed(_)), "{code}");
    }
    cloud.ec2.go_away(Api::Ec2);
    let answer = cloud.ask(&server, &new).await;
    assert!(is_unavailable(&answer, "ec2.unreachable"), "{answer:?}");
    cloud.ec2.come_back(Api::Ec2);
    cloud.ec2.behave(Api::Ec2, Behaviour::Normal);
    let answer = within(async || match cloud.ask(&server, &new).await {
        Answer::Allowed(user) => Some(user),
        _ => None,
    });
    answer.await;
}

#[tokio::test]
async fn the_audit_log_says_whether_a_nodes_instance_was_asked_about_or_its_last_answer_used() {
    let cloud = Cloud::new([machine(1).with_profile("nodes")]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let audit = format!("--audit-log={}", path.display());
    let server = cloud.server(NAMED, &[&audit, "--ec2-instance-ttl=0s"]);
    let says = |origin: &str| fs::read_to_string(&path).unwrap().contains(&format!(r#""instance":"{origin}""#));
    assert!(matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)));
    until(async || says("asked")).await;
    cloud.ec2.go_away(Api::Ec2);
    until(async || matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)) && says("stale")).await;
}

#[tokio::test]
async fn throttling_is_waited_out_within_the_requests_time() {
    let cloud = Cloud::new([machine(1).with_profile("nodes")]);
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    let server = cloud.server(&format!("{NAMED}, ec2Instance: {{}}"), &[]);
    cloud.ec2.behave(Api::Ec2, Behaviour::ThrottleNext(2));
    cloud.ec2.behave(Api::Iam, Behaviour::ThrottleNext(2));
    assert!(matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)));
    assert_eq!((cloud.ec2.calls(Api::Ec2).len(), cloud.ec2.calls(Api::Iam).len()), (3, 3));
}

#[tokio::test]
async fn an_iam_that_cannot_be_heard_denies_nobody() {
    let cloud = Cloud::new([machine(1).with_profile("nodes")]);
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    let server = cloud.server(&format!("{NAMED}, ec2Instance: {{}}"), &["--ec2-deadline=1s"]);
    for (behaviour, code) in
        [(Behaviour::Hang, "ec2.timed_out"), (Behaviour::Refuse("AccessDenied", StatusCode::FORBIDDEN), "ec2.refused")]
    {
        cloud.ec2.behave(Api::Iam, behaviour);
        let answer = cloud.ask(&server, &id(1)).await;
        assert!(is_unavailable(&answer, code), "{code}: {answer:?}");
    }
    cloud.ec2.behave(Api::Iam, Behaviour::Normal);
    assert!(matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)));
}

#[tokio::test]
async fn what_was_known_of_an_instance_refuses_nobody() {
    let untagged = || machine(1).with_profile("nodes");
    let cloud = Cloud::new([untagged()]);
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("Other"));
    let server = cloud.server(&format!("{NAMED}, ec2Instance: {{clusterTag: blue}}"), &[]);
    let ask_again = async || cloud.ask(&server, &id(1)).await;
    let reason = ask_again().await.reason();
    assert!(reason.starts_with("mapping.foreign_instance"), "{reason}");
    cloud.ec2.go_away(Api::Ec2);
    until(async || is_unavailable(&ask_again().await, "ec2.unreachable")).await;
    cloud.ec2.come_back(Api::Ec2);
    // The tag and the role come late, and what is kept of both is still fresh.
    cloud.ec2.launch(untagged().tagged("kubernetes.io/cluster/blue", "owned"));
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    until(async || matches!(ask_again().await, Answer::Allowed(_))).await;
}

#[tokio::test]
async fn an_instance_profile_that_is_gone_is_nobodys_and_its_last_role_does_not_speak_for_it() {
    let cloud = Cloud::new([machine(1).with_profile("nodes")]);
    cloud.ec2.know_profile(ACCOUNT, "nodes", Some("Node"));
    let server = cloud.server(&format!("{NAMED}, ec2Instance: {{}}"), &["--ec2-instance-ttl=0s"]);
    let ask_again = async || cloud.ask(&server, &id(1)).await;
    assert!(matches!(ask_again().await, Answer::Allowed(_)));
    cloud.ec2.behave(Api::Iam, Behaviour::Refuse("NoSuchEntity", StatusCode::NOT_FOUND));
    let is_foreign =
        |answer| matches!(answer, Answer::Refused(reason) if reason.starts_with("mapping.foreign_instance"));
    until(async || is_foreign(ask_again().await)).await;
    // And is asked about again soon, for IAM hears of new ones late.
    cloud.ec2.behave(Api::Iam, Behaviour::Normal);
    until(async || matches!(ask_again().await, Answer::Allowed(_))).await;
}

#[tokio::test]
async fn ec2_is_asked_as_the_role_that_is_named_for_it_on_behalf_of_the_source() {
    let cloud = Cloud::new([machine(1)]);
    cloud.sts.know_role(Role::trusting(ACCOUNT, "Describe", [itself().arn.as_str()]));
    let keys = format!(
        "  ec2DescribeInstancesRoleARN: arn:aws:iam::{ACCOUNT}:role/Describe\n  sourceARN: arn:aws:eks:{REGION}:{ACCOUNT}:cluster/blue\n"
    );
    let server = cloud.server_with(&keys, NAMED, &[]);
    assert!(matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)));
    let callers: Vec<_> = cloud.ec2.calls(Api::Ec2).into_iter().map(|call| call.caller).collect();
    assert_eq!(callers, [Some(format!("arn:aws:sts::{ACCOUNT}:assumed-role/Describe/authenticator-server"))]);
    let seen = cloud.sts.seen();
    let assumed = seen.iter().find(|seen| seen.parameter("Action").as_deref() == Some("AssumeRole")).unwrap();
    let header = |name: &str| assumed.headers().into_iter().find(|(header, _)| header == name).map(|(_, value)| value);
    assert_eq!(header("x-amz-source-account").as_deref(), Some(ACCOUNT));
    assert_eq!(header("x-amz-source-arn").as_deref(), Some("arn:aws:eks:us-west-2:111122223333:cluster/blue"));

    let other = keys.replace("role/Describe", "role/Nobodys");
    let server = cloud.server_with(&other, NAMED, &[]);
    let answer = cloud.ask(&server, &id(1)).await;
    assert!(is_unavailable(&answer, "ec2.no_credentials"), "{answer:?}");
}

/// As on a control-plane node: nothing is configured, and the instance's metadata say where and who it is.
#[tokio::test]
async fn a_webhook_on_an_instance_asks_in_its_region_and_as_its_role() {
    let cloud = Cloud::new([machine(1)]);
    let itself = Principal::role_session(ACCOUNT, "control-plane", "i-0123456789abcdef0");
    cloud.sts.know(itself.clone());
    let instance = Instance::start(itself.clone(), Timestamp::now() + SignedDuration::from_hours(6), REGION);
    let config = cloud.config("", NAMED);
    let setup = Setup::new(&config).sts(&cloud.sts).reaching_ec2(&cloud.ec2);
    let server = setup.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url()).start().unwrap();
    assert!(matches!(cloud.ask(&server, &id(1)).await, Answer::Allowed(_)));
    let callers: Vec<_> = cloud.ec2.calls(Api::Ec2).into_iter().map(|call| call.caller).collect();
    assert_eq!(callers, [Some(itself.arn)]);
}

/// As in a pod that is a hop too far from the instance, or beside what stands in for the service.
#[tokio::test]
async fn a_webhook_asks_an_odd_instance_too() {
    for manner in ["status-401", "status-403", "status-500", "cuts", "hangs", "lasting", "line-of-two", "zone"] {
        let cloud = Cloud::new([machine(1)]);
        let itself = Principal::role_session(ACCOUNT, "control-plane", "i-0123456789abcdef0");
        cloud.sts.know(itself.clone());
        let instance = Instance::start(itself.clone(), Timestamp::now() + SignedDuration::from_hours(6), REGION);
        let config = cloud.config("", NAMED);
        let setup = Setup::new(&config).sts(&cloud.sts).reaching_ec2(&cloud.ec2);
        let url = format!("{}/{manner}", instance.url());
        let server = setup.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", url).start().unwrap();
        let answer = cloud.ask(&server, &id(1)).await;
        assert!(matches!(answer, Answer::Allowed(_)), "{manner}: {answer:?}");
        let callers: Vec<_> = cloud.ec2.calls(Api::Ec2).into_iter().map(|call| call.caller).collect();
        assert_eq!(callers, [Some(itself.arn)], "{manner}");
    }
}

#[tokio::test]
async fn a_webhook_asks_the_endpoint_of_its_container_as_aws_cli_does() {
    let role = || Principal::role_session(ACCOUNT, "control-plane", "a-pod");
    let lasting = || Principal::user(ACCOUNT, "without-a-session");
    let missing = "ec2.no_credentials";
    for (itself, variable, path, token, refusal) in [
        (role(), FULL_URI, container::SECRET_PATH, None, None),
        (role(), FULL_URI, container::OFFSET_PATH, None, None),
        (role(), FULL_URI, "/v2/credentials/a task", None, None),
        (role(), FULL_URI, "/busy/429", None, None),
        (role(), FULL_URI, "/busy/503", None, None),
        (role(), FULL_URI, container::GUARDED_PATH, Some(container::TOKEN), None),
        // Its token is null.
        (lasting(), FULL_URI, container::SECRET_PATH, None, None),
        (role(), FULL_URI, "/busy/403", None, Some(missing)),
        (role(), FULL_URI, "/v2/credentials/another", None, Some(missing)),
        (role(), FULL_URI, container::GUARDED_PATH, Some("a token\n"), Some(missing)),
        (role(), RELATIVE_URI, "", None, Some(missing)),
    ] {
        let cloud = Cloud::new([machine(1)]);
        cloud.sts.know(itself.clone());
        let ends = Timestamp::now() + SignedDuration::from_hours(6);
        let endpoint = Container::start(&itself, ends);
        let instance = Instance::start(role(), ends, REGION);
        let config = cloud.config("", NAMED);
        let url = if variable == FULL_URI { format!("{}{path}", endpoint.url()) } else { path.to_owned() };
        let setup = Setup::new(&config).sts(&cloud.sts).reaching_ec2(&cloud.ec2).variable("AWS_REGION", REGION);
        let setup = setup.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url()).variable(variable, url);
        let setup =
            token.iter().fold(setup, |setup, token| setup.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", *token));
        let server = setup.start().unwrap();
        let answer = cloud.ask(&server, &id(1)).await;
        match refusal {
            Some(code) => assert!(is_unavailable(&answer, code), "{path}: {answer:?}"),
            None => {
                assert!(matches!(answer, Answer::Allowed(_)), "{path}: {answer:?}");
                let callers: Vec<_> = cloud.ec2.calls(Api::Ec2).into_iter().map(|call| call.caller).collect();
                assert_eq!(callers, [Some(itself.arn)], "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_that_is_shown_a_page_where_its_role_should_be_says_so_and_goes_on() {
    let cloud = Cloud::new([machine(1)]);
    let itself = Principal::role_session(ACCOUNT, "control-plane", "i-0123456789abcdef0");
    let instance = Instance::start(itself, Timestamp::now() + SignedDuration::from_hours(6), REGION);
    let config = cloud.config("", NAMED);
    for (variables, code) in [
        (&[("AWS_REGION", REGION)][..], "ec2.no_credentials"),
        (&[("AWS_REGION", REGION), ("AWS_EC2_METADATA_V1_DISABLED", "true")], "ec2.no_credentials"),
        (&[], "ec2.no_region"),
    ] {
        let setup = Setup::new(&config).sts(&cloud.sts).reaching_ec2(&cloud.ec2);
        let setup = setup.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("{}/page", instance.url()));
        let setup = variables.iter().fold(setup, |setup, (name, value)| setup.variable(name, *value));
        let server = setup.start().unwrap();
        for _ in 0..2 {
            let answer = cloud.ask(&server, &id(1)).await;
            assert!(is_unavailable(&answer, code), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_credentials_or_region_of_its_own_denies_nobody() {
    let cloud = Cloud::new([machine(1)]);
    let config = cloud.config("", NAMED);
    let setup = || {
        Setup::new(&config)
            .sts(&cloud.sts)
            .argument(format!("--ec2-endpoint={}", cloud.ec2.address(Api::Ec2)))
            .variable("AWS_EC2_METADATA_DISABLED", "true")
    };
    let server = setup().start().unwrap();
    let answer = cloud.ask(&server, &id(1)).await;
    assert!(is_unavailable(&answer, "ec2.no_region"), "{answer:?}");
    let server = setup().variable("AWS_REGION", REGION).start().unwrap();
    let answer = cloud.ask(&server, &id(1)).await;
    assert!(is_unavailable(&answer, "ec2.no_credentials"), "{answer:?}");
    let forged = itself().forger();
    let server = Setup::new(&config).sts(&cloud.sts).ec2(&cloud.ec2, REGION, &forged).start().unwrap();
    let answer = cloud.ask(&server, &id(1)).await;
    assert!(is_unavailable(&answer, "ec2.refused"), "{answer:?}");
}

/// STS, EC2 and IAM of one account.
struct Cloud {
    sts: Sts,
    ec2: Ec2,
}

impl Cloud {
    fn new(machines: impl IntoIterator<Item = Machine>) -> Cloud {
        let sts = Sts::start([itself()]);
        let ec2 = Ec2::beside(&sts, machines);
        Cloud { sts, ec2 }
    }

    fn config(&self, keys: &str, rule: &str) -> String {
        format!(
            "clusterID: {CLUSTER}\nserver:\n{keys}  mapRoles:\n  - {{rolearn: arn:aws:iam::{ACCOUNT}:role/Node, {rule}}}\n"
        )
    }

    fn server(&self, rule: &str, arguments: &[&str]) -> Server {
        self.server_with("", rule, arguments)
    }

    fn server_with(&self, keys: &str, rule: &str, arguments: &[&str]) -> Server {
        let setup = Setup::new(&self.config(keys, rule)).sts(&self.sts).ec2(&self.ec2, REGION, &itself());
        arguments.iter().fold(setup, |setup, argument| setup.argument(*argument)).start().unwrap()
    }

    fn node(&self, session: &str) -> Principal {
        Principal::role_session(ACCOUNT, "Node", session)
    }

    fn token(&self, principal: &Principal) -> String {
        self.sts.know(principal.clone());
        plugin::token(principal, CLUSTER, REGION)
    }

    async fn ask(&self, server: &Server, session: &str) -> Answer {
        self.ask_as(server, &self.node(session)).await
    }

    async fn ask_as(&self, server: &Server, principal: &Principal) -> Answer {
        ask(&server.reviewer(), &self.token(principal)).await
    }
}

async fn ask(reviewer: &Reviewer, token: &str) -> Answer {
    reviewer.review(ReviewVersion::V1, token).await
}

/// What the question comes to at last.
async fn within(question: impl AsyncFn() -> Option<User>) -> User {
    let begun = Instant::now();
    loop {
        if let Some(user) = question().await {
            return user;
        }
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}");
    }
}

/// Waits for what comes true at last.
async fn until(question: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !question().await {
        assert!(begun.elapsed() < LIMIT, "never");
    }
}

fn is_unavailable(answer: &Answer, code: &str) -> bool {
    matches!(answer, Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } if text.starts_with(&format!("{code}: ")))
}

fn machine(number: u32) -> Machine {
    Machine::new(ACCOUNT, REGION, number)
}

fn id(number: u32) -> String {
    machine(number).id
}

/// Who the webhook is at AWS.
fn itself() -> Principal {
    Principal::user(ACCOUNT, "webhook")
}

fn groups() -> Vec<String> {
    ["system:bootstrappers", "system:nodes"].map(str::to_owned).to_vec()
}

const FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const REGION: &str = "us-west-2";
const VPC: &str = "vpc-0a1b2c3d4e5f60718";
const NAMED: &str = "username: 'system:node:{{EC2PrivateDNSName}}', groups: ['system:bootstrappers', 'system:nodes']";
