//! Prefixes of names that a source must not give.

use std::sync::Arc;

use mapping::{Chain, Decision, RefusalReason, ReservedPrefixes, RuleSet, Source, SourceName};

use crate::support::{granted, rules, session};

const ACCOUNT: &str = "['123456789012']";

fn entry(username: &str, groups: &str) -> Option<Arc<RuleSet>> {
    let entry =
        format!("- {{rolearn: 'arn:aws:iam::123456789012:role/X', username: '{username}', groups: [{groups}]}}");
    rules(&[("mapRoles", &entry)])
}

fn reserving(usernames: &[&str], groups: &[&str]) -> Arc<ReservedPrefixes> {
    Arc::new(ReservedPrefixes::new(usernames.iter().copied(), groups.iter().copied()))
}

fn mounted(rules: Option<Arc<RuleSet>>) -> Source {
    Source::new(SourceName::MountedFile, rules)
}

fn reason(decision: Decision) -> (RefusalReason, String) {
    match decision {
        Decision::Refused(refusal) => (refusal.reason(), refusal.to_string()),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_reserved_username_is_not_given() {
    let reserved = reserving(&["system:", "arn:aws:iam::123456789012:root"], &["dev"]);
    for (username, is_reserved) in [
        ("system:admin", true),
        ("system:", true),
        ("{{SessionName}}:admin", true),
        ("System:admin", false),
        ("xsystem:admin", false),
        ("system", false),
        ("dev", false),
    ] {
        let chain = Chain::new(vec![mounted(entry(username, "")).reserving(Arc::clone(&reserved))]);
        let decision = chain.decide(&session("X", "system"));
        if is_reserved {
            let (reason, text) = reason(decision);
            assert_eq!(reason, RefusalReason::ReservedUsernamePrefix, "{username}");
            assert_eq!(text, "reserved_username_prefix by mapRoles[0] arn:aws:iam::123456789012:role/X of MountedFile");
        } else {
            let _ = granted(decision);
        }
    }
}

#[test]
fn a_reserved_group_is_not_given() {
    let reserved = reserving(&["dev"], &["system:"]);
    for (groups, is_reserved) in [
        ("dev, system:masters", true),
        ("system:masters", true),
        ("'{{SessionName}}:nodes'", true),
        ("dev", false),
        ("'x:system:'", false),
        ("", false),
    ] {
        let chain = Chain::new(vec![mounted(entry("x", groups)).reserving(Arc::clone(&reserved))]);
        let decision = chain.decide(&session("X", "system"));
        if is_reserved {
            assert_eq!(reason(decision).0, RefusalReason::ReservedGroupPrefix, "{groups}");
        } else {
            let _ = granted(decision);
        }
    }
}

#[test]
fn an_empty_prefix_reserves_nothing() {
    assert_eq!(ReservedPrefixes::new([""], ["", ""]), ReservedPrefixes::default());
    let chain = Chain::new(vec![mounted(entry("x", "g")).reserving(reserving(&[""], &[""]))]);
    assert_eq!(granted(chain.decide(&session("X", "jane"))).username(), "x");
}

#[test]
fn prefixes_are_those_of_one_source_and_later_ones_may_still_speak() {
    let reserved = reserving(&[], &["system:"]);
    let first = mounted(entry("first", "system:masters")).reserving(reserved);
    let jane = session("X", "jane");

    let second = Source::new(SourceName::EksConfigMap, entry("second", "system:masters"));
    let grant = granted(Chain::new(vec![first.clone(), second]).decide(&jane));
    assert_eq!((grant.username(), grant.source()), ("second", SourceName::EksConfigMap));

    // A later account may not: there is a rule about the caller, and it gives no user.
    let account = Source::new(SourceName::EksConfigMap, rules(&[("mapAccounts", ACCOUNT)]));
    let refused = Chain::new(vec![first.clone(), account]).decide(&jane);
    assert_eq!(reason(refused).0, RefusalReason::ReservedGroupPrefix);
    // Nor is it a no while a later source may say yes.
    let unread = Source::new(SourceName::EksConfigMap, None);
    assert_eq!(Chain::new(vec![first, unread]).decide(&jane), Decision::Undecided(SourceName::EksConfigMap));
}

#[test]
fn an_account_does_not_give_a_reserved_username_either() {
    let accounts = || rules(&[("mapAccounts", ACCOUNT)]);
    let jane = session("X", "jane");
    let reserved = mounted(accounts()).reserving(reserving(&["arn:aws:iam::123456789012:role/"], &[]));
    let (reason, text) = reason(Chain::new(vec![reserved.clone()]).decide(&jane));
    assert_eq!(reason, RefusalReason::ReservedUsernamePrefix);
    assert_eq!(text, "reserved_username_prefix by mapAccounts 123456789012 of MountedFile");

    let free = Source::new(SourceName::EksConfigMap, accounts());
    let grant = granted(Chain::new(vec![reserved, free]).decide(&jane));
    assert_eq!(grant.source(), SourceName::EksConfigMap);
    let other_prefix = mounted(accounts()).reserving(reserving(&["arn:aws:iam::999999999999:"], &["arn:"]));
    let _ = granted(Chain::new(vec![other_prefix]).decide(&jane));
}
