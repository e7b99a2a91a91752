//! A new entry in `aws-auth`: what is added, what stays, and what is refused.

use std::collections::BTreeMap;

use mapping::{
    Decision, Identity, Template,
    format::aws_auth::{AddError, AwsAuth, NewEntry},
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{data, session, user};

#[test]
fn an_entry_is_appended_and_every_other_byte_stays() {
    let bob = "- userarn: 'arn:aws:iam::123456789012:user/bob' # since 2019\n  username: bob\n";
    for before in [
        bob.to_owned(),
        format!("# Ours.\n\n{bob}\n# end\n"),
        format!("---\n{bob}# no end"),
        format!("{bob}  # other\n\n\n"),
        "- {userarn: \"arn:aws:iam::123456789012:user/bob\", username: bob}".to_owned(),
        bob.replace(" bob\n", " |-\n    bob\n"),
        format!("{bob}  groups: [\ndev,\n ops\n]\n"),
        bob.replace(": ", ":\t"),
        // Bad entries and unknown keys are what they were.
        format!("{bob}  comment: x\n- userarn: nonsense\n- &a\n- *a\n"),
    ] {
        let end = if before.ends_with('\n') { "" } else { "\n" };
        assert_eq!(with_jane(&before), format!("{before}{end}{JANE}"));
        assert_eq!(with_jane(&indented(&before)), format!("{}{}", indented(&before), indented(JANE)));
        let [before, end, jane] = [&before, end, JANE].map(|text| text.replace('\n', "\r\n"));
        if before.contains("\r\n") {
            assert_eq!(with_jane(&before), format!("{before}{end}{jane}"));
        }
    }
}

#[test]
fn a_list_that_says_nothing_becomes_one_with_an_entry_and_keeps_its_comments() {
    for before in ["", " \n", "``\n", "\"\"", "''\n", "~", "null\n", "[]", "[ ]\n", "[\n]"] {
        assert_eq!(with_jane(before), JANE, "{before:?}");
    }
    assert_eq!(with_jane("# nobody"), format!("# nobody\n{JANE}"));
    assert_eq!(with_jane("# nobody\n\n"), format!("# nobody\n\n{JANE}"));
    assert_eq!(with_jane("# nobody\n[] # yet\n# end"), format!("# nobody\n{JANE} # yet\n# end"));
    assert_eq!(with_jane("# nobody\n  []\n# end\n"), format!("# nobody\n{}# end\n", indented(JANE)));
    assert_eq!(jane().add_to(&BTreeMap::new()).unwrap(), data(&[("mapUsers", JANE)]));
}

#[test]
fn what_cannot_be_appended_to_safely_is_left_to_a_person_who_is_shown_the_entry() {
    for (before, hint) in [
        (
            "[{userarn: 'arn:aws:iam::123456789012:user/bob', username: bob}]",
            "line 1 column 1: the list is in flow style",
        ),
        (
            "# x\n[{userarn: 'arn:aws:iam::123456789012:user/bob', username: bob}]",
            "line 2 column 1: the list is in flow style",
        ),
        ("[ # nobody\n]", "flow style"),
        ("--- []", "flow style"),
        ("--- # nobody", "nothing can be added to"),
        ("!!seq\n- {userarn: 'arn:aws:iam::123456789012:user/bob', username: bob}", "add"),
        ("- {userarn: 'arn:aws:iam::123456789012:user/bob', username: bob}\n...\n", "cannot be added"),
        ("- {userarn: 'arn:aws:iam::123456789012:user/bob', username: bob}\n---\n", "mapUsers"),
    ] {
        match add_jane(&data(&[("mapUsers", before)])) {
            Err(error @ AddError::ByHand { .. }) => {
                let text = error.to_string();
                assert!(
                    text.contains(hint) && text.contains("\n\n- userarn: arn:aws:iam::123456789012:user/jane\n"),
                    "{text}"
                );
            }
            Err(error @ AddError::Unreadable(_)) => assert!(error.to_string().contains(hint), "{before:?}: {error}"),
            other => panic!("{before:?}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_not_added_to() {
    for (key, text, hint) in [
        ("mapUsers", "- userarn: [", "mapUsers line 1 column"),
        ("mapUsers", "jane", "mapUsers line 1 column 1: error not_a_list"),
        (
            "mapUsers",
            "mapUsers:\n- userarn: arn:aws:iam::123456789012:user/bob",
            "line 1 column 1: error no_usable_entry",
        ),
        ("mapUsers", "- userarn: nonsense", "error no_usable_entry"),
        // Nobody can tell whether it names jane.
        ("mapRoles", "- a: b\n  - c", "mapRoles line 2 column"),
        ("mapAccounts", "12", "mapAccounts line 1 column 1: error no_usable_entry"),
    ] {
        let error = add_jane(&data(&[(key, text)])).unwrap_err();
        assert!(matches!(error, AddError::Unreadable(_)), "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn a_principal_that_an_entry_is_about_already_is_not_added_again_however_it_is_written() {
    let roles = "# x\n- {rolearn: 'arn:aws:iam::123456789012:role/team/Dev', username: a, userid: AROAEXAMPLE}
- sso: {permissionSetName: Admin, accountID: '123456789012'}\n  username: b\n";
    let object =
        data(&[("mapRoles", roles), ("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/Jane', username: j}")]);
    for (entry, there) in [
        (role("arn:aws:iam::123456789012:role/dev"), "mapRoles[0] arn:aws:iam::123456789012:role/team/Dev (line 2) is"),
        (permission_set("ADMIN"), "mapRoles[1] sso admin of arn:aws:iam::123456789012 (line 3) is"),
        (jane(), "mapUsers[0] arn:aws:iam::123456789012:user/Jane (line 1) is"),
    ] {
        let error = entry.add_to(&object).unwrap_err();
        assert!(matches!(error, AddError::Duplicate { .. }) && error.to_string().starts_with(there), "{error}");
    }
    for entry in [role("arn:aws:iam::123456789013:role/Dev"), permission_set("Admin2")] {
        entry.add_to(&object).unwrap();
    }
}

#[test]
fn a_role_and_a_permission_set_are_let_in_as_they_were_written() {
    let object = data(&[("mapRoles", "- {rolearn: 'arn:aws:iam::123456789012:role/A', username: a}\n")]);
    let object = role("arn:aws:iam::123456789012:role/team/Dev").add_to(&object).unwrap();
    let object = permission_set("Admin").add_to(&object).unwrap();
    let (jane, admin) = (session("Dev", "jane"), session("AWSReservedSSO_Admin_0123456789abcdef", "jane"));
    assert_eq!(username(&object, &jane).as_deref(), Some("r:jane"));
    assert_eq!(username(&object, &admin).as_deref(), Some("p \"#\": jane"));
    assert_eq!(username(&object, &session("Dev2", "jane")), None);
    assert_eq!(username(&object, &session("AWSReservedSSO_Admin2_0123456789abcdef", "jane")), None);
    assert!(
        object["mapRoles"].contains("    accountID: \"123456789012\"\n  username: \"p \\\"#\\\": {{SessionName}}\"\n")
    );
}

#[test]
fn a_session_of_a_role_is_let_in_alone() {
    let object = role("arn:aws:sts::123456789012:assumed-role/Dev/jane").add_to(&BTreeMap::new()).unwrap();
    assert_eq!(username(&object, &session("Dev", "jane")).as_deref(), Some("r:jane"));
    assert_eq!(username(&object, &session("Dev", "joe")), None);
}

#[test]
fn an_entry_that_is_probably_not_meant_so_is_not_added() {
    let with = |groups: &[&str]| {
        let groups = groups.iter().map(|group| template(group)).collect();
        NewEntry::user("arn:aws:iam::123456789012:user/jane".parse().unwrap(), template("jane"), groups)
    };
    let named = |arn: &str, name: &str| NewEntry::user(arn.parse().unwrap(), template(name), Vec::new());
    for (entry, code) in [
        (with(&["a", ""]), "empty_group"),
        (with(&[" a"]), "suspicious_group"),
        (named("arn:aws:iam::123456789012:user/jane", " "), "empty_username"),
        (named("arn:aws:iam::123456789012:user/jane", "{{SessionName}}"), "sessionless_template"),
        (named("arn:aws:iam::123456789012:role/jane", "jane"), "wrong_list"),
        (role("arn:aws:iam::123456789012:user/jane"), "wrong_list"),
    ] {
        let codes: Vec<_> = entry.diagnostics().iter().map(|diagnostic| diagnostic.code().as_str()).collect();
        assert!(codes.contains(&code), "{code}: {codes:?}");
        assert!(matches!(entry.add_to(&BTreeMap::new()), Err(AddError::Entry(_))), "{code}");
    }
    assert!(with(&["a", "system:masters"]).diagnostics().is_empty());
    for name in ["", "a b", "Admin*"] {
        let account = "123456789012".parse().unwrap();
        assert!(NewEntry::permission_set(mapping::Partition::Aws, account, name, template("a"), Vec::new()).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_stays_whole_under_a_new_entry_or_is_not_touched(lines in vec(select(LINES.to_vec()), 0..8)) {
        let text = lines.concat();
        let object = data(&[("mapUsers", &text)]);
        if let Ok(changed) = add_jane(&object) {
            let (before, after) = (AwsAuth::update(None, &object), AwsAuth::update(None, &changed));
            prop_assert_eq!(&before.diagnostics, &after.diagnostics);
            prop_assert_eq!(before.next.rules().rule_count() + 1, after.next.rules().rule_count());
            let nothing = ["", "``", "null"].contains(&text.trim());
            // All but an empty list is still there.
            let lists = ["[]", "[ ]"].into_iter().flat_map(|list| text.match_indices(list));
            let around = lists.map(|(at, list)| (text.split_at(at).0, text.split_at(at + list.len()).1));
            let kept = around.chain([(text.as_str(), "")]).any(|(start, end)| {
                changed["mapUsers"].strip_prefix(start).is_some_and(|rest| rest.ends_with(end))
            });
            prop_assert!(nothing || kept, "{:?} became {:?}", text, changed["mapUsers"]);
        }
    }

    #[test]
    fn any_name_is_written_so_that_it_is_read_again(name in "\\PC{1,12}", group in "[a-z:{}\"'#&*!|>%@`\\[\\], \u{2028}é\u{feff}~-]{1,8}") {
        let (Ok(name), Ok(group)) = (name.parse::<Template>(), group.parse::<Template>()) else { return Ok(()) };
        let arn = "arn:aws:iam::123456789012:user/a#b: 'c/jane".replace(' ', "").parse().unwrap();
        let entry = NewEntry::user(arn, name, vec![group]);
        if entry.diagnostics().is_empty() {
            prop_assert!(entry.add_to(&BTreeMap::new()).is_ok());
        } else {
            let codes: Vec<_> = entry.diagnostics().iter().map(|diagnostic| diagnostic.code().as_str()).collect();
            let expected = ["empty_username", "empty_group", "suspicious_group", "sessionless_template", "entry_closed"];
            prop_assert!(codes.iter().all(|code| expected.contains(code)), "{:?}", codes);
        }
    }
}

const JANE: &str = "- userarn: arn:aws:iam::123456789012:user/jane\n  username: jane\n  groups:\n  - dev\n";

const LINES: [&str; 22] = [
    "- userarn: arn:aws:iam::123456789012:user/bob\n",
    "  username: bob\n",
    "  username: |\n    bob\n",
    "  groups: [a, b]\n",
    "  groups:\n  - |+\n    a\n\n",
    "- {userarn: 'arn:aws:iam::123456789012:user/eve', username: eve}\n",
    "  - {userarn: 'arn:aws:iam::123456789012:user/eve', username: eve}\n",
    "- {userarn: 'arn:aws:iam::123456789012:user/JANE', username: x}\n",
    "# a comment\n",
    "  # another\r\n",
    "# the last",
    "\n",
    "\r\n",
    "   ",
    "[]",
    " [ ]\n",
    "---\n",
    "...\n",
    "``",
    "null",
    "\t\n",
    "- &a\n- *a\n",
];

/// `mapUsers` with jane, who is let in then and nobody else is; and whatever else is in the object stays.
fn with_jane(before: &str) -> String {
    let roles = ("mapRoles", "- {rolearn: 'arn:aws:iam::123456789012:role/A', username: a} # a\n");
    let others = [roles, ("notes", "\u{7}")];
    let object = data(&[others[0], others[1], ("mapUsers", before)]);
    let mut changed = jane().add_to(&object).unwrap_or_else(|error| panic!("{before:?}: {error}"));
    assert_eq!(username(&object, &user("jane")), None);
    assert_eq!(username(&changed, &user("jane")).as_deref(), Some("jane"));
    assert_eq!(username(&changed, &user("mallory")), None);
    let text = changed.remove("mapUsers").expect("it is there");
    assert_eq!(changed, data(&others));
    text
}

fn add_jane(object: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, AddError> {
    jane().add_to(object)
}

fn jane() -> NewEntry {
    NewEntry::user(
        "arn:aws:iam::123456789012:user/jane".parse().expect("an ARN"),
        template("jane"),
        vec![template("dev")],
    )
}

fn role(arn: &str) -> NewEntry {
    NewEntry::role(arn.parse().expect("an ARN"), template("r:{{SessionName}}"), Vec::new())
}

fn permission_set(name: &str) -> NewEntry {
    let account = "123456789012".parse().expect("an account");
    let username = template("p \"#\": {{SessionName}}");
    NewEntry::permission_set(mapping::Partition::Aws, account, name, username, Vec::new()).expect("a name")
}

fn template(text: &str) -> Template {
    text.parse().expect("a template")
}

fn indented(text: &str) -> String {
    let indent = |line: &str| if matches!(line, "" | "---") { format!("{line}\n") } else { format!("  {line}\n") };
    text.lines().map(indent).collect()
}

fn username(object: &BTreeMap<String, String>, caller: &Identity) -> Option<String> {
    let rules = AwsAuth::update(None, object).next.rules();
    let chain = mapping::Chain::new(vec![mapping::Source::new(mapping::SourceName::EksConfigMap, Some(rules))]);
    match chain.decide(caller) {
        Decision::Granted(grant) => Some(grant.username().to_owned()),
        _ => None,
    }
}
