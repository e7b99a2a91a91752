//! The `aws-auth` ConfigMap over time.

use mapping::{
    Chain, Decision, Diagnostic, Identity, Source, SourceName,
    format::{Update, aws_auth::AwsAuth},
};

use crate::support::{aws_auth, data, granted, lines, session, user};

const ROLES: &str = "- {rolearn: 'arn:aws:iam::123456789012:role/X', username: x}";
const USERS: &str = "- {userarn: 'arn:aws:iam::123456789012:user/u', username: u}";
const ACCOUNTS: &str = "['999999999999']";

/// Texts from which no rule can be taken: garbage, another type, and lists of which nobody can tell whom they are about.
const UNUSABLE: [&str; 13] = [
    "{",
    "- rolearn: [",
    "- a\n b: c",
    "\tx",
    "a\u{0}b",
    "--- []\n--- []",
    "hello",
    "rolearn: arn:aws:iam::123456789012:role/",
    "mapRoles:\n- {rolearn: 'arn:aws:iam::123456789012:role/Y', username: y}",
    "- username: x\n  username: y",
    "- {}",
    "- *unknown",
    "- {rolearn: 'arn:aws:iam::12345678901:role/X', username: x}",
];

fn maps(auth: &AwsAuth, caller: &Identity) -> bool {
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(auth.rules()))]);
    matches!(chain.decide(caller), Decision::Granted(_))
}

fn good() -> AwsAuth {
    let Update { next, diagnostics } = aws_auth(&[("mapRoles", ROLES), ("mapUsers", USERS), ("mapAccounts", ACCOUNTS)]);
    assert!(diagnostics.is_empty());
    next
}

#[test]
fn an_object_without_data_is_synced_and_empty() {
    let Update { next, diagnostics } = aws_auth(&[]);
    assert!(diagnostics.is_empty());
    assert_eq!(next.rules().rule_count(), 0);
}

#[test]
fn a_text_that_says_nothing_holds_no_entries() {
    // The last four are `isSkippable` of aws-iam-authenticator or come to the same there.
    for text in ["", " \n", "[]", "# nobody\n", "---\n", "null", "~", "\"\"", "''", "``", " `` \n"] {
        for key in ["mapRoles", "mapUsers", "mapAccounts"] {
            let Update { next, diagnostics } = AwsAuth::update(Some(&good()), &data(&[(key, text)]));
            assert!(diagnostics.iter().all(|diagnostic| diagnostic.code().as_str() == "emptied"), "{text:?}");
            assert_eq!(next.rules().rule_count(), 0, "{text:?}");
        }
    }
}

#[test]
fn a_text_that_cannot_be_used_keeps_what_its_key_held() {
    for text in UNUSABLE {
        let update = AwsAuth::update(Some(&good()), &data(&[("mapRoles", text), ("mapUsers", USERS)]));
        assert!(maps(&update.next, &session("X", "s")), "{text:?}");
        let is_about_roles = |diagnostic: &&Diagnostic| diagnostic.key() == "mapRoles";
        let last = update.diagnostics.iter().rfind(is_about_roles).unwrap();
        assert!(last.location().is_some() && last.key() == "mapRoles", "{last}");
        assert!(last.message().ends_with("; what the key held before stays in force"), "{last}");

        // And again: what is in force does not wear out.
        let update = AwsAuth::update(Some(&update.next), &data(&[("mapRoles", text)]));
        assert!(maps(&update.next, &session("X", "s")), "{text:?}");
        assert!(!maps(&update.next, &user("u")), "the key is gone");
    }
}

#[test]
fn the_other_keys_go_their_own_way() {
    let users = "- {userarn: 'arn:aws:iam::123456789012:user/other', username: other}";
    let Update { next, .. } = AwsAuth::update(Some(&good()), &data(&[("mapRoles", "{"), ("mapUsers", users)]));
    assert!(maps(&next, &session("X", "s")) && maps(&next, &user("other")));
    assert!(!maps(&next, &user("u")));
    assert_eq!(next.rules().account_count(), 0);
}

#[test]
fn an_entry_goes_when_it_is_removed_from_a_good_text() {
    let roles = "- {rolearn: 'arn:aws:iam::123456789012:role/Y', username: y}";
    let Update { next, .. } = AwsAuth::update(Some(&good()), &data(&[("mapRoles", roles)]));
    assert!(maps(&next, &session("Y", "s")) && !maps(&next, &session("X", "s")));
}

/// A key that was never good: what the good keys and a later source make of each caller.
#[test]
fn what_is_good_at_the_first_reading_is_in_force_and_is_not_all() {
    let pinned =
        format!("{USERS}\n- {{userarn: 'arn:aws:iam::123456789012:user/old', userid: AIDAOLD, username: old}}");
    let nameless =
        format!("{pinned}\n- {{userarn: 'arn:aws:iam::123456789012:user/n', username: '{{{{SessionName}}}}'}}");
    let good = [("mapUsers", nameless.as_str()), ("mapAccounts", "['123456789012']")];
    let everybody = [("mapRoles", ROLES), ("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/v', username: v}")];
    let later = || Source::new(SourceName::MountedFile, Some(aws_auth(&everybody).next.rules()));
    let chain = |auth: &AwsAuth| Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(auth.rules())), later()]);
    let undecided = Decision::Undecided(SourceName::EksConfigMap);

    for text in UNUSABLE {
        let Update { next: part, diagnostics } = aws_auth(&[good[0], good[1], ("mapRoles", text)]);
        assert!(!part.is_synced() && !part.rules().is_complete(), "{text:?}");
        let told = diagnostics.iter().any(|said| said.message().contains("the key was never usable"));
        assert!(told, "{:?}", lines(&diagnostics));

        let decide = |caller: &Identity| chain(&part).decide(caller);
        assert_eq!(granted(decide(&user("u"))).source(), SourceName::EksConfigMap);
        assert!(matches!(decide(&user("old")), Decision::Refused(_)), "the unique id is another one");
        for caller in [session("X", "s"), user("v"), user("w"), user("n")] {
            assert_eq!(decide(&caller), undecided, "{text:?} {caller:?}");
        }

        // Once every key has been good, all of it is known, and stays so whatever is written later.
        let Update { next: all, .. } = AwsAuth::update(Some(&part), &data(&[good[0], good[1], ("mapRoles", "[]")]));
        let broken = [("mapUsers", text), ("mapRoles", text), ("mapAccounts", text)];
        let Update { next: kept, .. } = AwsAuth::update(Some(&all), &data(&broken));
        for auth in [all, kept] {
            assert!(auth.is_synced() && auth.rules().is_complete());
            let decide = |caller: &Identity| chain(&auth).decide(caller);
            assert_eq!(granted(decide(&user("u"))).source(), SourceName::EksConfigMap);
            assert_eq!(granted(decide(&session("X", "s"))).source(), SourceName::MountedFile);
            assert_eq!(granted(decide(&user("w"))).rule(), "mapAccounts 123456789012");
            assert!(matches!(decide(&user("n")), Decision::Refused(_)), "no name");
        }
    }
}

#[test]
fn a_key_that_was_good_once_counts_while_another_one_never_was() {
    let first = aws_auth(&[("mapRoles", "{"), ("mapUsers", USERS)]).next;
    let second = AwsAuth::update(Some(&first), &data(&[("mapRoles", "{"), ("mapUsers", "{")])).next;
    assert!(!second.is_synced() && maps(&second, &user("u")), "the users stay");
    let third = AwsAuth::update(Some(&second), &data(&[("mapRoles", ROLES), ("mapUsers", "{")])).next;
    assert!(third.is_synced() && maps(&third, &user("u")) && maps(&third, &session("X", "s")));
}

#[test]
fn an_object_of_which_nothing_was_ever_good_has_no_answer() {
    let Update { next, .. } = aws_auth(&[("mapRoles", "{"), ("mapUsers", "{"), ("mapAccounts", "{")]);
    let source = Source::new(SourceName::EksConfigMap, Some(next.rules()));
    assert!(!source.is_synced());
    assert_eq!(Chain::new(vec![source]).decide(&user("u")), Decision::Undecided(SourceName::EksConfigMap));
}

#[test]
fn the_place_of_an_error_is_counted_in_the_text_of_its_key() {
    let text = "- rolearn: arn:aws:iam::123456789012:role/X\n  username: x\n  groups: [a\n- b";
    let others = [("mapUsers", USERS), ("mapAccounts", ACCOUNTS)];
    let Update { diagnostics, .. } = AwsAuth::update(Some(&good()), &data(&[("mapRoles", text), others[0], others[1]]));
    let [diagnostic] = diagnostics.as_slice() else { panic!("one problem") };
    assert_eq!(diagnostic.code().as_str(), "not_yaml");
    assert_eq!(diagnostic.location().unwrap().line(), 3);
    assert_eq!(
        lines(&aws_auth(&[("mapUsers", "jane")]).diagnostics),
        ["EKSConfigMap mapUsers line 1 column 1: error not_a_list: expected a list, found \"jane\"; \
          the key was never usable, so that aws-auth has no answer for those whom its other keys do not name; each entry of the list begins with a dash"]
    );
}

#[test]
fn an_unknown_key_of_the_object_is_reported_and_keys_have_a_case() {
    let Update { next, diagnostics } = aws_auth(&[("maproles", ROLES), ("mapRole", ROLES), ("notes", "hello")]);
    assert_eq!(next.rules().rule_count(), 0);
    assert_eq!(
        lines(&diagnostics),
        [
            "EKSConfigMap data: warning unknown_key: unknown key \"mapRole\"; did you mean \"mapRoles\"?",
            "EKSConfigMap data: warning unknown_key: unknown key \"maproles\"; did you mean \"mapRoles\"?",
            "EKSConfigMap data: warning unknown_key: unknown key \"notes\"",
        ]
    );
}

#[test]
fn the_aws_auth_that_eks_writes_is_good() {
    let Update { next, diagnostics } = aws_auth(&[(
        "mapRoles",
        "- groups:\n  - system:bootstrappers\n  - system:nodes\n  \
           rolearn: arn:aws:iam::111122223333:role/eksctl-NodeInstanceRole-74RF4UBDUKL6\n  \
           username: system:node:{{EC2PrivateDNSName}}\n\
         - rolearn: arn:aws:iam::111122223333:role/fargate\n  username: system:node:{{SessionName}}\n  \
           groups:\n  - system:bootstrappers\n  - system:nodes\n  - system:node-proxier\n",
    )]);
    assert_eq!(lines(&diagnostics), [""; 0]);
    assert_eq!(next.rules().rule_count(), 2);
}

#[test]
fn an_entry_with_a_key_twice_is_skipped_and_the_others_are_used() {
    let roles = format!("{ROLES}\n- {{rolearn: 'arn:aws:iam::123456789012:role/X', username: x, UserName: y}}");
    let Update { next, diagnostics } = aws_auth(&[("mapRoles", &roles)]);
    assert!(next.is_synced());
    let said = lines(&diagnostics).concat();
    assert!(said.contains("error wrong_type: the entry: the key \"UserName\" stands twice in one mapping"), "{said}");
    assert_eq!(next.rules().rule_count(), 1);
}
