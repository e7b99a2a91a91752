//! `sessionNames`: entries for some sessions of a role only.

use mapping::{Decision, RefusalReason};

use crate::support::{aws_auth, chain, chains_of_roles, granted, lines, session, session_with_id, skipped, used};

const ARN: &str = "rolearn: 'arn:aws:iam::123456789012:role/X'";

#[test]
fn a_session_that_is_not_listed_falls_through_to_the_next_rule() {
    let role = "AWSReservedSSO_Dev_0123456789abcdef";
    let exact =
        format!("- {{rolearn: 'arn:aws:iam::123456789012:role/{role}', sessionNames: ['a*'], username: exact}}\n");
    let sso = "- {sso: {permissionSetName: Dev, accountID: '123456789012'}, sessionNames: ['?b*'], username: sso}\n";
    let like = "- {rolearnLike: 'arn:aws:iam::123456789012:role/*', sessionNames: [abc, xyz], username: like}\n";
    for entries in [format!("{exact}{sso}{like}"), format!("{like}{sso}{exact}")] {
        for chain in chains_of_roles(&entries) {
            for (name, username) in [
                ("abc", Some("exact")),
                ("a", Some("exact")),
                ("xbc", Some("sso")),
                ("xyz", Some("like")),
                ("xy", None),
            ] {
                match (chain.decide(&session(role, name)), username) {
                    (Decision::NotMapped, None) => {}
                    (decision, username) => assert_eq!(Some(granted(decision).username()), username, "{name}"),
                }
            }
        }
    }
    let account = chain(&[("mapRoles", &exact), ("mapAccounts", "['123456789012']")]);
    let grant = granted(account.decide(&session(role, "joe")));
    assert_eq!(grant.rule(), "mapAccounts 123456789012");
}

#[test]
fn names_are_compared_whole_and_in_their_case() {
    for chain in chains_of_roles(&format!("- {{{ARN}, SESSIONnames: ['*@example.com', Bob], username: x}}\n")) {
        for name in ["jane@example.com", "@example.com", "Bob"] {
            assert_eq!(granted(chain.decide(&session("X", name))).username(), "x", "{name}");
        }
        for name in ["jane@example.com.evil", "jane@Example.com", "jane-example.com", "bob", "Bobby", "xBob"] {
            assert_eq!(chain.decide(&session("X", name)), Decision::NotMapped, "{name}");
        }
    }
}

#[test]
fn an_entry_for_some_sessions_goes_before_one_for_all() {
    let some = format!("- {{{ARN}, sessionNames: [jane], username: some}}\n");
    let other = format!("- {{{ARN}, sessionNames: [joe], username: other}}\n");
    let all = format!("- {{{ARN}, username: all}}\n");
    for entries in [format!("{some}{other}{all}"), format!("{all}{other}{some}"), format!("{other}{all}{some}")] {
        for chain in chains_of_roles(&entries) {
            for (name, username) in [("jane", "some"), ("joe", "other"), ("jim", "all")] {
                assert_eq!(granted(chain.decide(&session("X", name))).username(), username);
            }
        }
    }
    // Where two lists overlap, it is as with duplicates.
    for chain in chains_of_roles(&format!(
        "- {{{ARN}, sessionNames: ['j*'], username: first}}\n- {{{ARN}, sessionNames: ['*e'], username: last}}\n"
    )) {
        assert_eq!(granted(chain.decide(&session("X", "jane"))).username(), "last");
        assert_eq!(granted(chain.decide(&session("X", "jim"))).username(), "first");
    }
    let entries = format!("{some}{some}");
    assert!(lines(&aws_auth(&[("mapRoles", &entries)]).diagnostics)[0].contains("duplicate_entry"));
}

#[test]
fn a_userid_of_an_entry_for_other_sessions_refuses_nobody() {
    for chain in chains_of_roles(&format!("- {{{ARN}, userid: AROAONE, sessionNames: [jane], username: x}}\n")) {
        assert_eq!(granted(chain.decide(&session_with_id("X", "jane", "AROAONE"))).username(), "x");
        assert_eq!(chain.decide(&session_with_id("X", "joe", "AROATWO")), Decision::NotMapped);
        let Decision::Refused(refusal) = chain.decide(&session_with_id("X", "jane", "AROATWO")) else {
            panic!("let in")
        };
        assert_eq!(refusal.reason(), RefusalReason::UserIdMismatch);
    }
}

#[test]
fn a_condition_that_is_not_understood_is_an_error_of_the_entry() {
    used(&format!("- {{{ARN}, username: x, sessionNames: ['*']}}"), &[]);
    for (names, said) in [
        ("", "74: error wrong_type: sessionNames: expected a list, found nothing"),
        ("jane", "76: error wrong_type: sessionNames: expected a list, found \"jane\""),
        (
            "[]",
            "76: error empty_session_names: sessionNames is empty, so that the entry would be for nobody; \
             remove the key, or write the names",
        ),
        ("[jane, [joe]]", "83: error wrong_type: sessionNames: expected text, found a list"),
        ("['']", "77: error invalid_pattern: sessionNames \"\": the pattern is empty"),
        (
            "['^j.*$']",
            "77: error invalid_pattern: sessionNames \"^j.*$\": the pattern has a character other than letters, digits, \
             _+=,.@-, * and ?, and no name has one",
        ),
    ] {
        let (lines, is_used) =
            crate::support::entry_of_roles(&format!("- {{{ARN}, username: x, sessionNames: {names}}}"));
        assert!(!is_used);
        assert_eq!(lines, [format!("2 column {said}")], "{names}");
    }
}

#[test]
fn an_arn_of_a_session_is_about_that_session_alone() {
    let arn = "rolearn: 'arn:aws:sts::123456789012:assumed-role/team/X/jane@example.com'";
    for more in ["", ", sessionNames: ['*@example.com', joe]"] {
        for chain in chains_of_roles(&format!("- {{{arn}, username: x{more}}}\n")) {
            let grant = granted(chain.decide(&session("X", "jane@example.com")));
            assert_eq!(grant.rule(), "mapRoles[0] arn:aws:sts::123456789012:assumed-role/team/X/jane@example.com");
            for name in ["joe", "Jane@example.com", "jane@example.comm", "joe@example.com"] {
                assert_eq!(chain.decide(&session("X", name)), Decision::NotMapped, "{name}");
            }
        }
    }
    let all = "- {rolearn: 'arn:aws:iam::123456789012:role/X', username: all}";
    for chain in chains_of_roles(&format!("- {{{arn}, username: x}}\n{all}\n")) {
        assert_eq!(granted(chain.decide(&session("X", "jane@example.com"))).username(), "x");
        assert_eq!(granted(chain.decide(&session("X", "joe"))).username(), "all");
    }
    // The two leave nobody.
    skipped(
        &format!("- {{{arn}, username: x, sessionNames: [joe]}}"),
        &["2 column 3: error conflicting_keys: sessionNames leaves out \"jane@example.com\", the session of the ARN; \
           write the session in one of them only"],
    );
}

#[test]
fn only_roles_have_sessions() {
    skipped(
        "- {rolearn: 'arn:aws:iam::123456789012:user/u', username: x, sessionNames: [jane]}",
        &["2 column 76: error misplaced_key: sessionNames is of roles only: no user has a session"],
    );
    let update = aws_auth(&[(
        "mapUsers",
        "- {userarn: 'arn:aws:iam::123456789012:user/u', username: u}\n\
         - {userarn: 'arn:aws:iam::123456789012:user/v', username: v, sessionNames: [jane]}",
    )]);
    assert_eq!(
        lines(&update.diagnostics)[0],
        "EKSConfigMap mapUsers[1] line 2 column 62: error misplaced_key: sessionNames is of roles only, \
         so the entry is not used; move the entry to mapRoles"
    );
    assert_eq!(update.next.rules().rule_count(), 1);
}
