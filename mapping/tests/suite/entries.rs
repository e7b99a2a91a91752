//! Entries of `mapRoles` and `mapUsers`: what is taken, what is skipped, and what is said about it.

use mapping::Decision;

use crate::support::{aws_auth, chain, entry_of_roles as entry, granted, lines, session, skipped, used, user};

const GOOD: &str = "- {rolearn: 'arn:aws:iam::123456789012:role/Good', username: good}";

const ARN: &str = "rolearn: 'arn:aws:iam::123456789012:role/X'";

#[test]
fn keys_are_read_in_any_case() {
    let chain = chain(&[
        ("mapRoles", "- RoLeArN: arn:aws:iam::123456789012:role/X\n  UsErNaMe: x\n  gRoUpS:\n  - g"),
        ("mapUsers", "- userARN: arn:aws:iam::123456789012:user/u\n  USERNAME: u\n  Groups: [g]"),
    ]);
    assert_eq!(granted(chain.decide(&session("X", "s"))).groups(), ["g"]);
    assert_eq!(granted(chain.decide(&user("u"))).groups(), ["g"]);
}

#[test]
fn groups_may_be_left_out() {
    for groups in ["", ", groups: []", ", groups: null", ", groups: ~", ", groups: "] {
        used(&format!("- {{{ARN}, username: x{groups}}}"), &[]);
    }
}

#[test]
fn scalars_are_the_text_that_was_written() {
    let chain = chain(&[("mapRoles", &format!("- {{{ARN}, username: 007, groups: [1_000, 0x1F, true, 'null']}}"))]);
    let grant = granted(chain.decide(&session("X", "s")));
    assert_eq!(grant.username(), "007");
    assert_eq!(grant.groups(), ["1_000", "0x1F", "true", "null"]);
}

#[test]
fn a_misspelt_key_that_restricts_nothing_is_reported_with_the_right_one_and_does_no_harm() {
    used(
        &format!("- {{{ARN}, username: x, group: [g]}}"),
        &["2 column 62: warning unknown_key: unknown key \"group\"; did you mean \"groups\"?"],
    );
    skipped(
        "- {role_arn: x, username: x}",
        &[
            "2 column 4: warning unknown_key: unknown key \"role_arn\"; did you mean \"rolearn\"?",
            "2 column 3: error missing_arn: the entry has no rolearn",
        ],
    );
}

#[test]
fn an_entry_with_a_restriction_that_is_not_understood_is_not_used() {
    for (key, meant) in [
        ("user_id", "userid"),
        ("useriid", "userid"),
        ("session-names", "sessionNames"),
        ("rolearn_like", "rolearnLike"),
        ("ss", "sso"),
    ] {
        skipped(
            &format!("- {{{ARN}, username: x, {key}: AROAX}}"),
            &[&format!(
                "2 column 62: error unknown_key: unknown key \"{key}\"; {meant} restricts an entry, \
             so the entry is not used; write {meant}, or remove the key"
            )],
        );
    }
}

/// It may be one that is to restrict the entry.
#[test]
fn an_entry_with_a_key_that_nobody_knows_is_not_used() {
    skipped(
        &format!("- {{{ARN}, username: x, comment: hello}}"),
        &[
            "2 column 62: error unknown_key: unknown key \"comment\"; it may restrict the entry, so the entry is not used; \
           remove the key",
        ],
    );
    skipped(
        &format!("- {{{ARN}, username: x, userarn: y}}"),
        &["2 column 62: error unknown_key: unknown key \"userarn\"; an entry with userarn belongs under mapUsers"],
    );
    used(
        &format!("- {{{ARN}, username: x, userarn: ''}}"),
        &["2 column 62: warning unknown_key: unknown key \"userarn\"; an entry with userarn belongs under mapUsers"],
    );
}

#[test]
fn an_entry_without_a_good_arn_is_skipped() {
    skipped("- {username: x}", &["2 column 3: error missing_arn: the entry has no rolearn"]);
    skipped("- {rolearn: , username: x}", &["2 column 3: error missing_arn: the entry has no rolearn"]);
    skipped("- {rolearn: [a], username: x}", &["2 column 13: error wrong_type: rolearn: expected text, found a list"]);
    skipped(
        "- {rolearn: Admin, username: x}",
        &[
            "2 column 13: error invalid_arn: rolearn \"Admin\": it is not an ARN (arn:PARTITION:SERVICE::ACCOUNT:RESOURCE)",
        ],
    );
    skipped(
        "- {rolearn: ' arn:aws:iam::123456789012:role/X', username: x}",
        &["2 column 13: error invalid_arn: rolearn \" arn:aws:iam::123456789012:role/X\": \
         it is not an ARN (arn:PARTITION:SERVICE::ACCOUNT:RESOURCE); remove the white space around it"],
    );
    skipped(
        "- {rolearn: 'arn:aws:iam::1234:role/X', username: x}",
        &[
            "2 column 13: error invalid_arn: rolearn \"arn:aws:iam::1234:role/X\": the account id has 4 digits, not 12: \
         leading zeros were lost; write the account id with all its 12 digits",
        ],
    );
}

#[test]
fn an_entry_with_the_arn_key_of_the_other_list_is_skipped_and_said_to_have_it() {
    skipped(
        "- {userARN: 'arn:aws:iam::123456789012:user/u', username: x}",
        &[
            "2 column 4: warning unknown_key: unknown key \"userARN\"; an entry with userarn belongs under mapUsers",
            "2 column 3: error missing_arn: the entry has userarn where mapRoles takes rolearn; \
             write rolearn, or move the entry to mapUsers",
        ],
    );
    let users = "- {rolearn: 'arn:aws:iam::123456789012:role/X', username: x}\n\
                 - {userarn: 'arn:aws:iam::123456789012:user/u', username: u}";
    let update = aws_auth(&[("mapUsers", users)]);
    assert_eq!(
        lines(&update.diagnostics)[1],
        "EKSConfigMap mapUsers[0] line 1 column 3: error missing_arn: the entry has rolearn where mapUsers takes userarn; \
         write userarn, or move the entry to mapRoles"
    );
    assert_eq!((update.diagnostics.len(), update.next.rules().rule_count()), (2, 1));
}

#[test]
fn an_entry_without_a_good_username_is_skipped() {
    skipped(&format!("- {{{ARN}}}"), &["2 column 3: error missing_username: the entry has no username"]);
    skipped(&format!("- {{{ARN}, username: }}"), &["2 column 3: error missing_username: the entry has no username"]);
    skipped(&format!("- {{{ARN}, username: ''}}"), &["2 column 59: error empty_username: username is empty"]);
    skipped(&format!("- {{{ARN}, username: '  '}}"), &["2 column 59: error empty_username: username is empty"]);
    skipped(
        &format!("- {{{ARN}, username: {{a: b}}}}"),
        &["2 column 59: error wrong_type: username: expected text, found a mapping"],
    );
    skipped(
        &format!("- {{{ARN}, username: 'a:{{{{SesionName}}}}'}}"),
        &[
            "2 column 59: error invalid_template: username \"a:{{SesionName}}\": the placeholder \"SesionName\" is unknown; \
         did you mean {{SessionName}}?",
        ],
    );
    skipped(
        &format!("- {{{ARN}, username: \"a\\nb\"}}"),
        &["2 column 59: error invalid_template: username \"a\\nb\": it has a control character"],
    );
}

#[test]
fn an_entry_with_a_bad_group_is_skipped() {
    skipped(
        &format!("- {{{ARN}, username: x, groups: {{system:masters: true}}}}"),
        &["2 column 70: error wrong_type: groups: expected a list, found a mapping"],
    );
    skipped(
        &format!("- {{{ARN}, username: x, groups: ['', [a], '{{{{x}}}}', ok]}}"),
        &[
            "2 column 71: error empty_group: a group is empty",
            "2 column 75: error wrong_type: group: expected text, found a list",
            "2 column 80: error invalid_template: group \"{{x}}\": the placeholder \"x\" is unknown",
        ],
    );
}

#[test]
fn a_group_that_swallowed_the_next_one_is_reported() {
    let (lines, is_used) =
        entry(&format!("- {ARN}\n  username: x\n  groups:\n  - system:bootstrappers\n    - system:nodes"));
    assert!(is_used);
    assert_eq!(
        lines,
        ["5 column 5: warning suspicious_group: the group \"system:bootstrappers - system:nodes\" looks like two; \
         give all dashes of the list the same indentation",]
    );
}

#[test]
fn a_userid_that_guards_nothing_is_an_error() {
    for empty in ["", "''", "null"] {
        let (lines, is_used) = entry(&format!("- {{{ARN}, username: x, userid: {empty}}}"));
        assert!(!is_used && lines.len() == 1);
        assert!(lines[0].ends_with("error empty_userid: userid is empty; remove the key, or write the unique id"));
    }
    skipped(
        &format!("- {{{ARN}, username: x, userid: 'AROAX:jane'}}"),
        &["2 column 70: error invalid_userid: userid \"AROAX:jane\" is no unique id of such a principal; \
         write only the part before the colon"],
    );
    skipped(
        &format!("- {{{ARN}, username: x, userid: [AROAX]}}"),
        &["2 column 70: error wrong_type: userid: expected text, found a list"],
    );
}

#[test]
fn a_userid_alone_says_whom_an_entry_is_about_unless_it_was_meant_to_say_more() {
    used("- {userid: AROAX, username: x}", &[]);
    used("- {userid: AROAX, rolearn: '', username: x}", &[]);
    used("- {userid: AROAX, rolearn: , username: x}", &[]);
    for (key, meant) in
        [("role_arn", "did you mean \"rolearn\"?"), ("userARN", "an entry with userarn belongs under mapUsers")]
    {
        let (lines, is_used) = entry(&format!("- {{userid: AROAX, {key}: x, username: x}}"));
        assert!(!is_used && lines[0].ends_with(meant) && lines[1].contains("missing_arn"), "{lines:?}");
    }
    skipped(
        "- {userid: 'AROAX:jane', username: x}",
        &["2 column 12: error invalid_userid: userid \"AROAX:jane\" is no unique id of such a principal; \
         write only the part before the colon"],
    );
    skipped("- {userid: [a], username: x}", &["2 column 12: error wrong_type: userid: expected text, found a list"]);
    skipped(
        "- {userid: '', username: x}",
        &[
            "2 column 3: error missing_arn: the entry has no rolearn",
            "2 column 12: error empty_userid: userid is empty; remove the key, or write the unique id",
        ],
    );
}

#[test]
fn all_that_is_wrong_in_an_entry_is_said_at_once() {
    let (lines, is_used) = entry("- {rolearn: x, username: '{{', groups: {a: b}, userid: '', ssso: 1}");
    assert!(!is_used);
    let code = |line: &String| line.split("error ").nth(1).and_then(|rest| rest.split(':').next()).map(str::to_owned);
    assert_eq!(
        lines.iter().filter_map(code).collect::<Vec<_>>(),
        ["unknown_key", "invalid_arn", "empty_userid", "invalid_template", "wrong_type"]
    );
}

#[test]
fn an_entry_that_is_no_mapping_is_skipped() {
    skipped("- hello", &["2 column 3: error wrong_type: the entry: expected a mapping, found \"hello\""]);
    skipped("-", &["2 column 2: error wrong_type: the entry: expected a mapping, found nothing"]);
}

#[test]
fn a_principal_in_the_wrong_list_is_used_as_in_the_go_program_and_reported() {
    used(
        "- {rolearn: 'arn:aws:iam::123456789012:user/u', username: u}",
        &["2 column 3: warning wrong_list: \"arn:aws:iam::123456789012:user/u\" stands under mapRoles; \
         the entry is used all the same; move the entry to mapUsers"],
    );
    let update = aws_auth(&[("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:role/X', username: x}")]);
    assert_eq!(update.diagnostics[0].code().as_str(), "wrong_list");
}

#[test]
fn a_user_has_no_session_to_be_named_after() {
    let update =
        aws_auth(&[("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/u', username: 'u{{SessionName}}'}")]);
    assert_eq!(
        lines(&update.diagnostics),
        ["EKSConfigMap mapUsers[0] line 1 column 3: warning sessionless_template: \
         \"arn:aws:iam::123456789012:user/u\" has no sessions, so that it gets no name with the session's name in it",]
    );
}

#[test]
fn two_entries_about_the_same_are_both_named() {
    let update = aws_auth(&[
        (
            "mapRoles",
            "- {rolearn: 'arn:aws:iam::123456789012:role/a/X', username: one}\n\
             - {rolearn: 'arn:aws:iam::123456789012:role/Y', username: y}\n\
             - {rolearn: 'arn:aws:iam::123456789012:role/b/X', username: two}\n\
             - {rolearn: 'arn:aws:iam::123456789012:role/Y', username: y}\n\
             - {rolearn: 'arn:aws:iam::123456789012:role/Y', username: y, userid: AROAY}",
        ),
        ("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:role/X', username: three}"),
    ]);
    let duplicates: Vec<_> =
        lines(&update.diagnostics).into_iter().filter(|line| line.contains("duplicate_entry")).collect();
    assert_eq!(
        duplicates,
        [
            "EKSConfigMap mapUsers[0] line 1 column 3: warning duplicate_entry: mapUsers[0] (line 1) and mapRoles[2] (line 3) \
         are about \"arn:aws:iam::123456789012:role/X\" and \"arn:aws:iam::123456789012:role/b/X\", which are the same \
         principal: role paths and case are not looked at; mapRoles[2] is used; remove one of them",
            "EKSConfigMap mapRoles[0] line 1 column 3: warning duplicate_entry: mapRoles[0] (line 1) and mapRoles[2] (line 3) \
         are about \"arn:aws:iam::123456789012:role/a/X\" and \"arn:aws:iam::123456789012:role/b/X\", which are the same \
         principal: role paths and case are not looked at; mapRoles[2] is used; remove one of them",
            "EKSConfigMap mapRoles[1] line 2 column 3: warning duplicate_entry: mapRoles[1] (line 2) and mapRoles[3] (line 4) \
         are both about \"arn:aws:iam::123456789012:role/Y\"; mapRoles[3] is used; remove one of them",
        ]
    );
}

#[test]
fn problems_are_listed_up_to_a_number_and_then_counted() {
    let bad = "- {username: x}\n".repeat(250);
    let update = aws_auth(&[("mapRoles", &format!("{GOOD}\n{bad}"))]);
    assert_eq!(update.diagnostics.len(), 101);
    assert_eq!(
        update.diagnostics[100].to_string(),
        "EKSConfigMap mapRoles: warning too_many_problems: 150 more problems are not listed"
    );
    assert!(update.next.is_synced());
}

#[test]
fn a_restriction_that_is_not_understood_is_found_behind_any_number_of_unknown_keys() {
    let unknown: String = (0..100).map(|n| format!("group{n}: x, username{n}: x, ")).collect();
    for (last, is_used) in [("user_i: AROAX", false), ("comment: x", false), ("grroups: x", true)] {
        let update = aws_auth(&[("mapRoles", &format!("{GOOD}\n- {{{ARN}, username: x, {unknown}{last}}}"))]);
        assert_eq!(update.diagnostics.len(), 101);
        assert_eq!(update.next.rules().rule_count(), 1 + usize::from(is_used), "{last}");
    }
}

#[test]
fn a_diagnostic_is_one_harmless_line_whatever_the_text_is() {
    let update = aws_auth(&[(
        "mapRoles",
        &format!("{GOOD}\n- {{rolearn: \"a\\e[31m\\r\\nINFO granted\\u202e{}\", username: x}}", "x".repeat(500)),
    )]);
    let line = update.diagnostics[0].to_string();
    assert!(line.contains(r#""a\u{1b}[31m\r\nINFO granted\u{202e}xxx"#), "{line}");
    assert!(line.contains("xxx…\""), "{line}");
    assert!(!line.chars().any(char::is_control) && line.len() < 400, "{line}");
}

#[test]
fn json_is_yaml() {
    let chain = chain(&[(
        "mapRoles",
        r#"[{"rolearn":"arn:aws:iam::123456789012:role/X","username":"{{SessionName}}","groups":["a","b"]}]"#,
    )]);
    assert_eq!(granted(chain.decide(&session("X", "jane"))).groups(), ["a", "b"]);
    assert_eq!(chain.decide(&session("Y", "jane")), Decision::NotMapped);
}
