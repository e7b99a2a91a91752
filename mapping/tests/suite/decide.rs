//! Which rule decides.

use std::sync::Arc;

use mapping::{Chain, Decision, RefusalReason, RuleSet, Source, SourceName};

use crate::support::{ROLE_ID, aws_auth, caller, chain, granted, reason, rules, session, session_with_id, user};

const ADMIN: &str = "- {rolearn: 'arn:aws:iam::123456789012:role/Admin', username: admin, groups: [system:masters]}";
const ACCOUNT: &str = "['123456789012']";

fn sources(sources: impl IntoIterator<Item = Option<Arc<RuleSet>>>) -> Chain {
    let named = SourceName::ALL.into_iter().zip(sources).map(|(name, rules)| Source::new(name, rules));
    Chain::new(named.collect())
}

#[test]
fn a_chain_without_a_rule_maps_nobody() {
    assert_eq!(chain(&[]).decide(&session("Admin", "jane")), Decision::NotMapped);
    assert_eq!(Chain::default().decide(&session("Admin", "jane")), Decision::NotMapped);
}

#[test]
fn the_placeholders_read_the_caller() {
    let chain = chain(&[(
        "mapRoles",
        "- rolearn: arn:aws:iam::123456789012:role/Admin\n  \
           username: '{{AccountID}}/{{SessionName}}/{{SessionNameRaw}}/{{AccessKeyID}}'\n  \
           groups: ['of-{{SessionName}}', all]",
    )]);
    let grant = granted(chain.decide(&session("Admin", "jane@example.com")));
    assert_eq!(grant.username(), "123456789012/jane-example.com/jane@example.com/ASIAIOSFODNN7EXAMPLE");
    assert_eq!(grant.groups(), ["of-jane-example.com", "all"]);
}

#[test]
fn of_two_sources_the_first_one_decides() {
    let other = "- {rolearn: 'arn:aws:iam::123456789012:role/Admin', username: other}";
    let (first, second) = (rules(&[("mapRoles", ADMIN)]), rules(&[("mapRoles", other)]));
    let jane = session("Admin", "jane");
    assert_eq!(granted(sources([first.clone(), second.clone()]).decide(&jane)).username(), "admin");
    let grant = granted(sources([second, first]).decide(&jane));
    assert_eq!((grant.username(), grant.source()), ("other", SourceName::MountedFile));
}

#[test]
fn of_two_entries_about_the_same_the_last_one_decides() {
    for (first, second) in
        [("role/Admin", "role/Admin"), ("role/Admin", "role/admin"), ("role/a/Admin", "role/b/Admin")]
    {
        let chain = chain(&[(
            "mapRoles",
            &format!(
                "- {{rolearn: 'arn:aws:iam::123456789012:{first}', username: first, groups: [system:masters]}}\n\
                 - {{rolearn: 'arn:aws:iam::123456789012:{second}', username: second}}"
            ),
        )]);
        let grant = granted(chain.decide(&session("Admin", "jane")));
        assert_eq!((grant.username(), grant.groups().len()), ("second", 0), "{first} {second}");
    }
}

#[test]
fn a_principal_in_both_lists_is_found_among_the_roles() {
    let chain = chain(&[
        ("mapRoles", "- {rolearn: 'arn:aws:iam::123456789012:user/jane', username: of-roles}"),
        ("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/jane', username: of-users}"),
    ]);
    assert_eq!(granted(chain.decide(&user("jane"))).username(), "of-roles");
}

#[test]
fn an_entry_with_a_userid_goes_before_one_without() {
    let arn = "rolearn: 'arn:aws:iam::123456789012:role/Admin'";
    for entries in [
        format!("- {{{arn}, userid: {ROLE_ID}, username: pinned}}\n- {{{arn}, username: any}}"),
        format!("- {{{arn}, username: any}}\n- {{{arn}, userid: {ROLE_ID}, username: pinned}}"),
    ] {
        let chain = chain(&[("mapRoles", &entries)]);
        assert_eq!(granted(chain.decide(&session("Admin", "jane"))).username(), "pinned");
        assert_eq!(granted(chain.decide(&session_with_id("Admin", "jane", "AROAOTHER"))).username(), "any");
    }
}

#[test]
fn each_of_several_userids_is_tried() {
    let arn = "rolearn: 'arn:aws:iam::123456789012:role/Admin'";
    let chain = chain(&[(
        "mapRoles",
        &format!("- {{{arn}, userid: AROAONE, username: one}}\n- {{{arn}, userid: AROATWO, username: two}}"),
    )]);
    for (id, username) in [("AROAONE", "one"), ("AROATWO", "two")] {
        assert_eq!(granted(chain.decide(&session_with_id("Admin", "jane", id))).username(), username);
    }
    for id in ["AROATHREE", "aroaone"] {
        let decision = chain.decide(&session_with_id("Admin", "jane", id));
        assert_eq!(reason(decision), RefusalReason::UserIdMismatch, "{id}");
    }
}

#[test]
fn a_userid_that_does_not_fit_is_a_no_that_nothing_later_overrides() {
    let pinned = "- {rolearn: 'arn:aws:iam::123456789012:role/Admin', userid: AROAGONE, username: admin}";
    let first = rules(&[("mapRoles", pinned), ("mapAccounts", ACCOUNT)]);
    let later = rules(&[("mapRoles", ADMIN), ("mapAccounts", ACCOUNT)]);
    let jane = session("Admin", "jane");

    for chain in [sources([first.clone()]), sources([first.clone(), later.clone()]), sources([first.clone(), None])] {
        let Decision::Refused(refusal) = chain.decide(&jane) else { panic!("let in") };
        assert_eq!(refusal.code(), "userid_mismatch");
        assert_eq!(
            refusal.to_string(),
            "userid_mismatch by mapRoles[0] arn:aws:iam::123456789012:role/Admin of MountedFile"
        );
    }
    // What an earlier source says is not changed by it.
    assert_eq!(granted(sources([later, first.clone()]).decide(&jane)).username(), "admin");
    assert_eq!(sources([None, first.clone()]).decide(&jane), Decision::Undecided(SourceName::MountedFile));
    // And the id that does fit gets in.
    assert_eq!(granted(sources([first]).decide(&session_with_id("Admin", "jane", "AROAGONE"))).username(), "admin");
}

#[test]
fn a_userid_pins_users_and_federated_users_too() {
    let chain = chain(&[(
        "mapUsers",
        "- {userarn: 'arn:aws:iam::123456789012:user/jane', userid: AIDAEXAMPLE, username: jane}\n\
         - {userarn: 'arn:aws:sts::123456789012:federated-user/Bob', userid: '123456789012:Bob', username: bob}",
    )]);
    assert_eq!(granted(chain.decide(&user("jane"))).username(), "jane");
    let again = caller("arn:aws:iam::123456789012:user/jane", "AIDAANOTHER");
    assert_eq!(reason(chain.decide(&again)), RefusalReason::UserIdMismatch);
    let bob = caller("arn:aws:sts::123456789012:federated-user/Bob", "123456789012:Bob");
    assert_eq!(granted(chain.decide(&bob)).username(), "bob");
}

#[test]
fn a_userid_alone_is_whoever_has_it_under_whatever_arn() {
    let entries =
        "- {userid: AROAX, username: alone}\n- {rolearn: 'arn:aws:iam::123456789012:role/Admin', username: named}";
    for entries in [entries, &entries.lines().rev().collect::<Vec<_>>().join("\n")] {
        let chain = chain(&[("mapRoles", entries)]);
        for (role, id, username) in [
            ("Admin", "AROAX", "alone"),
            ("Other", "AROAX", "alone"),
            ("Admin", "AROAY", "named"),
            ("Admin", "aroax", "named"),
        ] {
            assert_eq!(granted(chain.decide(&session_with_id(role, "s", id))).username(), username, "{role} {id}");
        }
        assert_eq!(chain.decide(&session_with_id("Other", "s", "AROAY")), Decision::NotMapped);
    }
    let users = chain(&[("mapUsers", "- {userid: AIDAEXAMPLE, username: jane}")]);
    let grant = granted(users.decide(&user("path/jane")));
    assert_eq!((grant.username(), grant.rule()), ("jane", "mapUsers[0] userid AIDAEXAMPLE"));
}

#[test]
fn an_arn_with_its_userid_goes_before_the_userid_alone_and_that_before_everything_else() {
    let arn = "rolearn: 'arn:aws:iam::123456789012:role/Admin'";
    let like = "- {rolearnLike: 'arn:aws:iam::123456789012:role/Adm*', userid: AROAX, username: like}";
    let chain = chain(&[(
        "mapRoles",
        &format!(
            "- {{{arn}, userid: AROAX, username: both}}\n- {{userid: AROAX, username: alone}}\n\
             - {{userid: AROAY, username: y}}\n{like}"
        ),
    )]);
    assert_eq!(granted(chain.decide(&session_with_id("Admin", "s", "AROAX"))).username(), "both");
    assert_eq!(granted(chain.decide(&session_with_id("Admins", "s", "AROAX"))).username(), "alone");
    // Its own entry counts, though another for its ARN asks for another unique id.
    assert_eq!(granted(chain.decide(&session_with_id("Admin", "s", "AROAY"))).username(), "y");
    assert_eq!(reason(chain.decide(&session_with_id("Admin", "s", "AROAZ"))), RefusalReason::UserIdMismatch);
}

/// IAM users can be renamed, and keep their unique id.
#[test]
fn a_userid_under_another_arn_is_a_no_that_nothing_later_overrides() {
    let entry = "- {userarn: 'arn:aws:iam::123456789012:user/old', userid: AIDAEXAMPLE, username: jane}";
    let jane = "- {userarn: 'arn:aws:iam::123456789012:user/new', username: new}";
    let first = rules(&[("mapUsers", entry), ("mapAccounts", ACCOUNT)]);
    let later = rules(&[("mapUsers", jane), ("mapAccounts", ACCOUNT)]);
    for chain in [sources([first.clone()]), sources([first.clone(), later.clone()])] {
        assert_eq!(reason(chain.decide(&user("new"))), RefusalReason::ArnMismatch);
        assert_eq!(granted(chain.decide(&user("old"))).username(), "jane");
    }
    // What an earlier source says is not changed by it, nor what the same source says about the name.
    assert_eq!(granted(sources([later, first]).decide(&user("new"))).username(), "new");
    let both = rules(&[("mapUsers", &format!("{entry}\n{jane}"))]);
    assert_eq!(granted(sources([both]).decide(&user("new"))).username(), "new");
    // Where not all can be read, what cannot be may be about the caller.
    let part = aws_auth(&[("mapUsers", entry), ("mapRoles", "{")]).next.rules();
    assert_eq!(sources([Some(part)]).decide(&user("new")), Decision::Undecided(SourceName::MountedFile));
}

#[test]
fn accounts_speak_after_every_explicit_rule() {
    let first = rules(&[("mapAccounts", ACCOUNT)]);
    let second = rules(&[("mapRoles", ADMIN)]);
    let chain = sources([first, second]);
    assert_eq!(granted(chain.decide(&session("Admin", "jane"))).username(), "admin");
    let grant = granted(chain.decide(&session("Other", "jane")));
    assert_eq!(grant.username(), "arn:aws:iam::123456789012:role/Other");
    assert_eq!((grant.groups().len(), grant.source()), (0, SourceName::MountedFile));
    assert_eq!(grant.rule(), "mapAccounts 123456789012");
}

#[test]
fn an_account_gives_the_canonical_arn_in_its_own_case() {
    let chain = chain(&[("mapAccounts", ACCOUNT)]);
    for (arn, id, username) in [
        ("arn:aws:iam::123456789012:user/Div/Jane", "AIDAEXAMPLE", "arn:aws:iam::123456789012:user/Div/Jane"),
        ("arn:aws:sts::123456789012:assumed-role/MyRole/s", "AROAEXAMPLE:s", "arn:aws:iam::123456789012:role/MyRole"),
        ("arn:aws:iam::123456789012:root", "123456789012", "arn:aws:iam::123456789012:root"),
    ] {
        assert_eq!(granted(chain.decide(&caller(arn, id))).username(), username);
    }
    let other = caller("arn:aws:iam::999999999999:user/Jane", "AIDAEXAMPLE");
    assert_eq!(chain.decide(&other), Decision::NotMapped);
}

#[test]
fn a_source_that_was_not_read_ends_the_question_unless_one_before_it_says_yes() {
    let mapped = rules(&[("mapRoles", ADMIN)]);
    let whole_account = rules(&[("mapAccounts", ACCOUNT)]);
    let jane = session("Admin", "jane");

    assert_eq!(granted(sources([mapped.clone(), None]).decide(&jane)).username(), "admin");
    assert_eq!(sources([None, mapped.clone()]).decide(&jane), Decision::Undecided(SourceName::MountedFile));
    assert_eq!(sources([mapped, None]).decide(&user("joe")), Decision::Undecided(SourceName::EksConfigMap));
    // An account is a yes only when every source has spoken.
    assert_eq!(sources([whole_account.clone(), None]).decide(&jane), Decision::Undecided(SourceName::EksConfigMap));
    assert!(matches!(sources([whole_account, rules(&[])]).decide(&jane), Decision::Granted(_)));
}

#[test]
fn a_name_that_renders_to_nothing_is_refused_and_keeps_the_account_from_speaking() {
    let nameless =
        "- {userarn: 'arn:aws:iam::123456789012:user/jane', username: '{{SessionName}}', groups: [system:masters]}";
    let first = rules(&[("mapUsers", nameless), ("mapAccounts", ACCOUNT)]);
    assert_eq!(reason(sources([first.clone()]).decide(&user("jane"))), RefusalReason::EmptyUsername);

    // A later explicit rule may still speak, and a later account may not.
    let explicit = rules(&[("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/jane', username: jane}")]);
    assert_eq!(granted(sources([first.clone(), explicit]).decide(&user("jane"))).username(), "jane");
    let account = rules(&[("mapAccounts", ACCOUNT)]);
    assert_eq!(reason(sources([first.clone(), account]).decide(&user("jane"))), RefusalReason::EmptyUsername);
    // Nor is it a no while a later source may say yes.
    let undecided = Decision::Undecided(SourceName::EksConfigMap);
    assert_eq!(sources([first, None]).decide(&user("jane")), undecided);
}

#[test]
fn a_name_with_a_placeholder_that_renders_to_nothing_is_refused() {
    for (username, group, expected) in [
        ("'{{SessionName}}'", "g", RefusalReason::EmptyUsername),
        ("'system:node:{{SessionName}}'", "g", RefusalReason::EmptyUsername),
        ("'{{SessionNameRaw}}{{AccountID}}'", "g", RefusalReason::EmptyUsername),
        ("u", "'{{SessionNameRaw}}'", RefusalReason::EmptyGroup),
        ("u", "'team:{{SessionName}}:{{AccountID}}'", RefusalReason::EmptyGroup),
    ] {
        let rest = format!("username: {username}, groups: [dev, {group}]");
        let chain = chain(&[
            ("mapUsers", &format!("- {{userarn: 'arn:aws:iam::123456789012:user/jane', {rest}}}")),
            ("mapRoles", &format!("- {{rolearn: 'arn:aws:iam::123456789012:role/Admin', {rest}}}")),
        ]);
        assert_eq!(reason(chain.decide(&user("jane"))), expected, "{rest}");
        assert_eq!(granted(chain.decide(&session("Admin", "jane"))).groups().len(), 2, "{rest}");
    }
}

#[test]
fn a_rule_that_needs_the_node_is_neither_yes_nor_no() {
    for (username, groups) in [
        ("'system:node:{{EC2PrivateDNSName}}'", "[system:nodes]"),
        ("'system:node:{{Ec2PrivateDNSName}}'", "[system:nodes]"),
        ("node", "['of-{{EC2PrivateDNSName}}']"),
    ] {
        let entry =
            format!("- {{rolearn: 'arn:aws:iam::123456789012:role/Node', username: {username}, groups: {groups}}}");
        let chain = chain(&[("mapRoles", &entry), ("mapAccounts", ACCOUNT)]);
        let Decision::NeedsInstance(pending) = chain.decide(&session("Node", "i-0123456789abcdef0")) else {
            panic!("decided without the node's name")
        };
        assert_eq!(pending.source(), SourceName::EksConfigMap);
        assert_eq!(pending.rule(), "mapRoles[0] arn:aws:iam::123456789012:role/Node");
    }
}
