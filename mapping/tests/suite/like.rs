//! `rolearnLike`: the roles whose name fits a pattern.

use mapping::{Decision, RefusalReason};

use crate::support::{
    aws_auth, caller, chain, chains_of_roles, granted, lines, session, session_with_id, skipped, used,
};

const LIKE: &str = "rolearnLike: 'arn:aws:iam::123456789012:role/Dev-*'";

#[test]
fn roles_that_fit_the_pattern_are_mapped() {
    for chain in chains_of_roles(
        "- {rolearnLike: 'arn:aws:iam::123456789012:role/Dev-?-*', username: 'dev:{{SessionName}}', groups: [dev]}\n",
    ) {
        for role in ["Dev-a-", "Dev-a-x", "dev-A-X.Y"] {
            let grant = granted(chain.decide(&session(role, "jane")));
            assert_eq!((grant.username(), grant.groups()), ("dev:jane", ["dev".to_owned()].as_slice()), "{role}");
            assert_eq!(grant.rule(), "mapRoles[0] arn:aws:iam::123456789012:role/Dev-?-*");
        }
        for role in ["Dev-a", "Dev--x", "Dev-ab-x", "xDev-a-x"] {
            assert_eq!(chain.decide(&session(role, "jane")), Decision::NotMapped, "{role}");
        }
        for arn in [
            "arn:aws:sts::999999999999:assumed-role/Dev-a-x/jane",
            "arn:aws-cn:sts::123456789012:assumed-role/Dev-a-x/jane",
        ] {
            assert_eq!(chain.decide(&caller(arn, "AROAX:jane")), Decision::NotMapped, "{arn}");
        }
        let user = caller("arn:aws:iam::123456789012:user/Dev-a-x", "AIDAX");
        assert_eq!(chain.decide(&user), Decision::NotMapped);
    }
}

#[test]
fn exact_goes_before_sso_and_sso_before_like_in_any_order_of_the_text() {
    const ROLE: &str = "AWSReservedSSO_Dev_0123456789abcdef";
    let exact = format!("- {{rolearn: 'arn:aws:iam::123456789012:role/{ROLE}', username: exact}}\n");
    let pinned = format!("- {{rolearn: 'arn:aws:iam::123456789012:role/{ROLE}', userid: AROAX, username: pinned}}\n");
    let sso = "- {sso: {permissionSetName: Dev, accountID: '123456789012'}, username: sso}\n".to_owned();
    let like = "- {rolearnLike: 'arn:aws:iam::123456789012:role/*', username: like}\n".to_owned();
    for (first, second) in [(&exact, &sso), (&sso, &like), (&exact, &like), (&pinned, &exact), (&pinned, &like)] {
        for entries in [format!("{first}{second}"), format!("{second}{first}")] {
            let [wins, _] =
                [first, second].map(|entry| entry.rsplit("username: ").next().unwrap().trim_end_matches("}\n"));
            for chain in chains_of_roles(&entries) {
                let grant = granted(chain.decide(&session_with_id(ROLE, "jane", "AROAX")));
                assert_eq!(grant.username(), wins, "{entries}");
            }
        }
    }
}

#[test]
fn of_two_patterns_the_first_in_the_text_decides() {
    let [narrow, wide] = ["Dev-*", "*"]
        .map(|name| format!("- {{rolearnLike: 'arn:aws:iam::123456789012:role/{name}', username: 'u{name}'}}\n"));
    for (entries, username) in [(format!("{narrow}{wide}"), "uDev-*"), (format!("{wide}{narrow}"), "u*")] {
        for chain in chains_of_roles(&entries) {
            assert_eq!(granted(chain.decide(&session("Dev-x", "jane"))).username(), username);
            assert_eq!(granted(chain.decide(&session("Ops", "jane"))).username(), "u*");
        }
    }
    let entries = format!("- {{{LIKE}, username: one}}\n- {{{LIKE}, username: two}}");
    assert_eq!(
        lines(&aws_auth(&[("mapRoles", &entries)]).diagnostics),
        [
            "EKSConfigMap mapRoles[1] line 2 column 3: warning duplicate_entry: mapRoles[1] (line 2) and mapRoles[0] (line 1) \
         are both about \"arn:aws:iam::123456789012:role/Dev-*\"; mapRoles[0] is used; remove one of them"
        ]
    );
    assert_eq!(granted(chain(&[("mapRoles", &entries)]).decide(&session("Dev-x", "jane"))).username(), "one");
}

#[test]
fn a_userid_guards_a_pattern_too() {
    for chain in chains_of_roles(&format!("- {{{LIKE}, userid: AROAONE, username: one}}\n")) {
        assert_eq!(granted(chain.decide(&session_with_id("Dev-x", "jane", "AROAONE"))).username(), "one");
        let Decision::Refused(refusal) = chain.decide(&session_with_id("Dev-x", "jane", "AROATWO")) else {
            panic!("let in")
        };
        assert_eq!(refusal.reason(), RefusalReason::UserIdMismatch);
        assert_eq!(chain.decide(&session_with_id("Ops", "jane", "AROATWO")), Decision::NotMapped);
    }
    let wide = "- {rolearnLike: 'arn:aws:iam::123456789012:role/*', username: any}\n";
    for chain in chains_of_roles(&format!("- {{{LIKE}, userid: AROAONE, username: one}}\n{wide}")) {
        assert_eq!(granted(chain.decide(&session_with_id("Dev-x", "jane", "AROATWO"))).username(), "any");
    }
    // A role that is pinned by name does not fall through to a pattern.
    let pinned = "- {rolearn: 'arn:aws:iam::123456789012:role/Dev-x', userid: AROAONE, username: one}\n";
    for chain in chains_of_roles(&format!("{wide}{pinned}")) {
        assert!(matches!(chain.decide(&session_with_id("Dev-x", "jane", "AROATWO")), Decision::Refused(_)));
        assert_eq!(granted(chain.decide(&session_with_id("Dev-y", "jane", "AROATWO"))).username(), "any");
    }
}

#[test]
fn a_pattern_gives_no_masters_unless_the_entry_says_so() {
    skipped(
        &format!("- {{{LIKE}, username: x, groups: [dev, system:masters]}}"),
        &["2 column 78: error privileged_wildcard: every role that fits the pattern would be in system:masters; \
         name the role with rolearn or sso, or write allowPrivilegedWildcard: true"],
    );
    skipped(
        &format!("- {{{LIKE}, username: x, groups: [system:masters], allowPrivilegedWildcard: false}}"),
        &["2 column 78: error privileged_wildcard: every role that fits the pattern would be in system:masters; \
         name the role with rolearn or sso, or write allowPrivilegedWildcard: true"],
    );
    skipped(
        &format!("- {{{LIKE}, username: x, allowPrivilegedWildcard: 'yes'}}"),
        &["2 column 95: error wrong_type: allowPrivilegedWildcard: expected true or false, found \"yes\""],
    );
    for chain in chains_of_roles(&format!(
        "- {{{LIKE}, username: x, groups: [system:masters], ALLOWprivilegedWILDCARD: true}}\n"
    )) {
        assert_eq!(granted(chain.decide(&session("Dev-x", "jane"))).groups(), ["system:masters"]);
    }
    // The others name whom they mean.
    for named in
        ["rolearn: 'arn:aws:iam::123456789012:role/X'", "sso: {permissionSetName: X, accountID: '123456789012'}"]
    {
        used(&format!("- {{{named}, username: x, groups: [system:masters]}}"), &[]);
    }
    used(
        "- {rolearn: 'arn:aws:iam::123456789012:role/X', username: x, allowPrivilegedWildcard: true}",
        &["2 column 62: warning misplaced_key: allowPrivilegedWildcard means nothing without rolearnLike"],
    );
}

#[test]
fn a_group_that_renders_to_masters_is_refused_whatever_the_entry() {
    let named = "rolearn: 'arn:aws:iam::123456789012:role/Dev-x'";
    let allowed = format!("{LIKE}, allowPrivilegedWildcard: true");
    for whom in [LIKE, named, &allowed] {
        for group in ["system:{{SessionName}}", "system:{{SessionNameRaw}}"] {
            let entry = format!("- {{{whom}, username: x, groups: [dev, '{group}']}}\n");
            for chain in chains_of_roles(&entry) {
                let Decision::Refused(refusal) = chain.decide(&session("Dev-x", "masters")) else { panic!("let in") };
                assert_eq!(
                    (refusal.reason(), refusal.code()),
                    (RefusalReason::PrivilegedTemplate, "privileged_template")
                );
                // RBAC tells upper from lower case.
                for other in ["nodes", "Masters", "masters2"] {
                    assert_eq!(granted(chain.decide(&session("Dev-x", other))).groups().len(), 2);
                }
            }
        }
    }
}

#[test]
fn a_path_is_dropped_and_said_to_be() {
    used(
        "- {username: x, rolearnLike: 'arn:aws:iam::123456789012:role/Teams/Dev-*'}",
        &["2 column 30: warning path_ignored: rolearnLike \"arn:aws:iam::123456789012:role/Teams/Dev-*\": \
         STS never says a role's path, so it is dropped; write arn:aws:iam::123456789012:role/dev-*"],
    );
    used("- {username: x, rolearnLike: 'ARN:aws:iam::123456789012:role/Dev-*'}", &[]);
    for (pattern, said) in [
        (
            "role/*/Dev-*",
            "the path has a wildcard, and STS never says a role's path; \
             write a pattern of the role's name without a path",
        ),
        (
            "role/teams/*",
            "STS never says a role's path, so that every role of the account would fit; \
             write a pattern of the role's name without a path",
        ),
        ("user/*", "it is not arn:PARTITION:iam::ACCOUNT:role/PATTERN"),
    ] {
        skipped(
            &format!("- {{username: x, rolearnLike: 'arn:aws:iam::123456789012:{pattern}'}}"),
            &[&format!(
                "2 column 30: error invalid_pattern: rolearnLike \"arn:aws:iam::123456789012:{pattern}\": {said}"
            )],
        );
    }
    skipped(
        "- {username: x, rolearnLike: 'arn:aws:iam::*:role/Dev-*'}",
        &["2 column 30: error invalid_pattern: rolearnLike \"arn:aws:iam::*:role/Dev-*\": \
         partition and account must be written out, and have a wildcard"],
    );
    skipped(
        &format!("- {{username: x, {LIKE}, sso: {{}}}}"),
        &["2 column 3: error conflicting_keys: sso and rolearnLike both say whom the entry is about, \
         so it is not used; make an entry of each"],
    );
}

#[test]
fn ten_thousand_answers_are_the_same() {
    let entries: String = (0..40)
        .map(|n| format!("- {{rolearnLike: 'arn:aws:iam::123456789012:role/*{}*', username: 'u{n}'}}\n", n % 7))
        .chain(["- {sso: {permissionSetName: Dev, accountID: '123456789012'}, username: sso}\n".to_owned()])
        .collect();
    let jane = session("Role-654", "jane");
    for _ in 0..20 {
        let chain = chain(&[("mapRoles", &entries)]);
        for _ in 0..500 {
            assert_eq!(granted(chain.decide(&jane)).username(), "u4");
        }
    }
}
