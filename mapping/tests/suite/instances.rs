//! Nodes: names that EC2 knows, and rules that are for instances alone.

use std::sync::Arc;

use mapping::{Decision, Identity, Instance, InstanceFacts, InstanceId, InstanceRole, PrivateDnsName, RefusalReason};

use crate::support::{aws_auth, chain, granted, lines, reason, session, user};

const ID: &str = "i-0123456789abcdef0";
const NAME: &str = "ip-10-0-0-1.us-west-2.compute.internal";

fn instance() -> Instance {
    Instance {
        account: "123456789012".parse().expect("an account"),
        is_live: true,
        private_dns_name: Some(NAME.parse().expect("a name")),
        role: role("arn:aws:iam::123456789012:role/path/Node"),
        vpc_id: Some("vpc-0123456789abcdef0".into()),
        clusters: ["blue".into()].into(),
    }
}

fn role(arn: &str) -> InstanceRole {
    InstanceRole::Role(arn.parse::<mapping::Principal>().expect("an ARN").canonical())
}

fn on(instance: Instance) -> Identity {
    session("Node", ID).on(InstanceFacts::Found(Arc::new(instance)))
}

fn entry(rest: &str) -> String {
    format!("- {{rolearn: 'arn:aws:iam::123456789012:role/Node', {rest}}}")
}

const NAMED: &str = "username: 'system:node:{{EC2PrivateDNSName}}', groups: [system:nodes]";

#[test]
fn a_node_is_called_what_ec2_calls_its_instance() {
    for (username, expected) in [
        ("system:node:{{EC2PrivateDNSName}}", "system:node:ip-10-0-0-1.us-west-2.compute.internal"),
        ("system:node:{{Ec2PrivateDNSName}}", "system:node:ip-10-0-0-1.us-west-2.compute.internal"),
        ("system:node:{{EC2PrivateDNSHost}}.corp.example", "system:node:ip-10-0-0-1.corp.example"),
        ("system:node:{{EC2InstanceID}}", "system:node:i-0123456789abcdef0"),
    ] {
        let chain = chain(&[("mapRoles", &entry(&format!("username: '{username}', groups: [g]")))]);
        assert_eq!(granted(chain.decide(&on(instance()))).username(), expected);
    }
}

#[test]
fn names_of_ipv6_networks_and_of_resources_are_names_too() {
    for name in ["i-0123456789abcdef0.us-west-2.compute.internal", "i-0123456789abcdef0.ec2.internal", "host"] {
        let instance = Instance { private_dns_name: Some(name.parse().unwrap()), ..instance() };
        let grant = granted(chain(&[("mapRoles", &entry(NAMED))]).decide(&on(instance)));
        assert_eq!(grant.username(), format!("system:node:{name}"));
    }
}

#[test]
fn ec2_need_not_be_asked_about_an_instance_that_is_called_by_its_id() {
    let chain = chain(&[("mapRoles", &entry("username: 'system:node:{{EC2InstanceID}}', groups: [g]"))]);
    assert_eq!(granted(chain.decide(&session("Node", ID))).username(), "system:node:i-0123456789abcdef0");
    assert_eq!(reason(chain.decide(&session("Node", "jane"))), RefusalReason::NotAnInstance);
}

#[test]
fn what_a_rule_needs_to_know_is_asked_before_it_decides() {
    let pending = |rest: &str, caller: &Identity| match chain(&[("mapRoles", &entry(rest))]).decide(caller) {
        Decision::NeedsInstance(pending) => pending.needs_role(),
        decision => panic!("{decision:?}"),
    };
    let belonging = format!("{NAMED}, ec2Instance: {{}}");
    assert!(!pending(NAMED, &session("Node", ID)));
    assert!(pending(&belonging, &session("Node", ID)));
    assert!(pending(&belonging, &on(Instance { role: InstanceRole::NotAsked, ..instance() })));
}

#[test]
fn a_session_that_names_no_instance_is_refused_without_a_question() {
    let rules = [NAMED.to_owned(), format!("{NAMED}, ec2Instance: {{}}")];
    for name in ["jane", "i-0123456789abcdef", "i-0123456789ABCDEF0", "i-________________0", "i-0123456789abcdef00"] {
        for rest in &rules {
            let chain = chain(&[("mapRoles", &entry(rest)), ("mapAccounts", "['123456789012']")]);
            assert_eq!(reason(chain.decide(&session("Node", name))), RefusalReason::NotAnInstance, "{name} {rest}");
        }
    }
}

#[test]
fn an_instance_that_is_not_there_or_has_no_name_is_no_node() {
    let chain = chain(&[("mapRoles", &entry(NAMED))]);
    let absent = session("Node", ID).on(InstanceFacts::Absent);
    assert_eq!(reason(chain.decide(&absent)), RefusalReason::NoSuchInstance);
    let unnamed = on(Instance { private_dns_name: None, ..instance() });
    assert_eq!(reason(chain.decide(&unnamed)), RefusalReason::NoPrivateDnsName);
}

#[test]
fn an_instance_belongs_to_whoever_has_its_account_and_role_while_it_lives() {
    let chain = chain(&[("mapRoles", &entry(&format!("{NAMED}, ec2Instance: {{}}")))]);
    granted(chain.decide(&on(instance())));
    for other in [
        Instance { account: "999999999999".parse().unwrap(), ..instance() },
        Instance { is_live: false, ..instance() },
        Instance { role: InstanceRole::None, ..instance() },
        Instance { role: role("arn:aws:iam::123456789012:role/Other"), ..instance() },
        Instance { role: role("arn:aws:iam::999999999999:role/Node"), ..instance() },
        Instance { role: role("arn:aws-cn:iam::123456789012:role/Node"), ..instance() },
    ] {
        assert_eq!(reason(chain.decide(&on(other.clone()))), RefusalReason::ForeignInstance, "{other:?}");
    }
}

#[test]
fn an_instance_is_where_the_rule_wants_it() {
    for (condition, fits) in [
        ("vpcID: vpc-0123456789abcdef0", true),
        ("vpcID: vpc-0123456789abcdef1", false),
        ("clusterTag: blue", true),
        ("clusterTag: Blue", false),
        ("clusterTag: blue, vpcID: vpc-0123456789abcdef0", true),
        ("clusterTag: blue, vpcID: vpc-01234567", false),
        ("clusterTag: green, vpcID: vpc-0123456789abcdef0", false),
    ] {
        let chain = chain(&[("mapRoles", &entry(&format!("{NAMED}, ec2Instance: {{{condition}}}")))]);
        match chain.decide(&on(instance())) {
            Decision::Granted(_) => assert!(fits, "{condition}"),
            decision => {
                assert_eq!(reason(decision), RefusalReason::ForeignInstance, "{condition}");
                assert!(!fits, "{condition}");
            }
        }
    }
}

#[test]
fn neither_accounts_nor_a_later_source_overrule_that_an_instance_is_foreign() {
    use crate::support::rules;
    use mapping::{Chain, Source, SourceName};
    let strict = entry(&format!("{NAMED}, ec2Instance: {{}}"));
    let first = Source::new(SourceName::MountedFile, rules(&[("mapRoles", &strict)]));
    let later = rules(&[("mapRoles", &entry("username: anybody")), ("mapAccounts", "['123456789012']")]);
    let chain = Chain::new(vec![first, Source::new(SourceName::EksConfigMap, later)]);
    let foreign = on(Instance { role: role("arn:aws:iam::123456789012:role/Other"), ..instance() });
    assert_eq!(reason(chain.decide(&foreign)), RefusalReason::ForeignInstance);
    granted(chain.decide(&on(instance())));
}

#[test]
fn a_condition_that_is_not_understood_is_never_passed_over() {
    for (condition, message) in [
        ("ec2Instance: true", "wrong_type"),
        ("ec2Instance: ", "wrong_type"),
        ("ec2Instance: {vpc: vpc-01234567}", "unknown_key"),
        ("ec2Instance: {vpcID: 01234567}", "invalid_ec2_instance"),
        ("ec2Instance: {vpcID: }", "invalid_ec2_instance"),
        ("ec2Instance: {clusterTag: ' '}", "invalid_ec2_instance"),
        ("ec2Instances: {}", "unknown_key"),
        ("ec2instance: []", "wrong_type"),
    ] {
        let update = aws_auth(&[("mapRoles", &entry(&format!("{NAMED}, {condition}")))]);
        let told = lines(&update.diagnostics).join("\n");
        assert!(told.contains(&format!("error {message}")), "{condition}: {told}");
        assert_eq!(update.next.rules().rule_count(), 0, "{condition}");
    }
    let user = "- {userarn: 'arn:aws:iam::123456789012:user/jane', username: jane, ec2Instance: {}}";
    let told = lines(&aws_auth(&[("mapUsers", user)]).diagnostics).join("\n");
    assert!(told.contains("error misplaced_key: ec2Instance is of roles only"), "{told}");
    let (lower, id) = (entry(&format!("{NAMED}, EC2INSTANCE: {{VPCid: vpc-01234567}}")), session("Node", ID));
    assert!(matches!(chain(&[("mapRoles", &lower)]).decide(&id), Decision::NeedsInstance(_)));
}

#[test]
fn nobody_but_a_role_is_an_instance() {
    assert_eq!(session("Node", ID).instance_id().map(|id| id.to_string()).as_deref(), Some(ID));
    assert_eq!(user(ID).instance_id(), None);
    assert_eq!(session("Node", "i-01234567").instance_id(), "i-01234567".parse::<InstanceId>().ok());
}

#[test]
fn a_private_dns_name_is_one_that_a_node_can_have() {
    for name in ["a", "ip-10-0-0-1.ec2.internal", "0.a"] {
        assert_eq!(name.parse::<PrivateDnsName>().unwrap().as_str(), name);
    }
    let long = format!("{}.a", "a".repeat(64));
    for name in ["", " ", "A.internal", "a..b", ".a", "a.", "-a", "a-", "a_b", "a b", "a/b", "é", "{{a}}", &long] {
        assert!(name.parse::<PrivateDnsName>().is_err(), "{name:?}");
    }
    assert!(format!("{}a", "a.".repeat(127)).parse::<PrivateDnsName>().is_err());
}
