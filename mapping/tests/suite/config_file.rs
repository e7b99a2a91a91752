//! The mappings in the server's config file.

use mapping::{Chain, Decision, Source, SourceName};

use crate::support::{config_file, granted, lines, session, user};

#[test]
fn a_file_without_mappings_has_no_rules() {
    for text in ["port: 21362", "mapRoles: \nmapUsers: []\nmapAccounts: null"] {
        let loaded = config_file(text).unwrap();
        assert_eq!((loaded.rules.rule_count(), loaded.rules.account_count()), (0, 0));
        assert!(loaded.diagnostics.is_empty());
    }
}

#[test]
fn keys_are_read_in_any_case_and_places_are_those_of_the_file() {
    let loaded = config_file(
        "port: 21362\nMAPROLES:\n- rolearn: arn:aws:iam::123456789012:role/X\n  username: x\n\
         mapusers:\n- userarn: arn:aws:iam::123456789012:user/u\n  username: u\n  group: [g]\n\
         mapAccounts: [123456789012]\n",
    )
    .unwrap();
    assert_eq!(
        lines(&loaded.diagnostics),
        [
            "MountedFile mapUsers[0] line 8 column 3: warning unknown_key: unknown key \"group\"; did you mean \"groups\"?"
        ]
    );
    let chain = Chain::new(vec![Source::new(SourceName::MountedFile, Some(loaded.rules))]);
    assert_eq!(granted(chain.decide(&session("X", "s"))).username(), "x");
    assert_eq!(granted(chain.decide(&user("u"))).username(), "u");
    assert_eq!(granted(chain.decide(&user("v"))).username(), "arn:aws:iam::123456789012:user/v");
}

#[test]
fn anchors_and_merge_keys_are_understood() {
    let loaded = config_file(
        "mapRoles:\n- &x\n  rolearn: arn:aws:iam::123456789012:role/X\n  username: x\n  groups: &g [g]\n\
         - <<: *x\n  rolearn: arn:aws:iam::123456789012:role/Y\n  groups: *g\n",
    )
    .unwrap();
    assert_eq!(lines(&loaded.diagnostics), [""; 0]);
    let chain = Chain::new(vec![Source::new(SourceName::MountedFile, Some(loaded.rules))]);
    let grant = granted(chain.decide(&session("Y", "s")));
    assert_eq!((grant.username(), grant.groups()), ("x", ["g".to_owned()].as_slice()));
}

#[test]
fn a_bad_entry_is_skipped_and_an_unusable_list_is_an_error() {
    let loaded = config_file(
        "mapRoles:\n- {rolearn: x, username: x}\n- {rolearn: 'arn:aws:iam::123456789012:role/X', username: x}",
    )
    .unwrap();
    assert_eq!((loaded.rules.rule_count(), loaded.diagnostics.len()), (1, 1));

    let error = config_file("mapUsers: []\nmapRoles: Admin").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the mappings of the config file are unusable: MountedFile mapRoles line 2 column 11: error not_a_list: \
         expected a list, found \"Admin\"; each entry of the list begins with a dash"
    );
    let error = config_file("mapRoles:\n- {rolearn: x, username: x}").unwrap_err();
    assert_eq!(error.diagnostics().len(), 2);
    assert_eq!(
        error.diagnostics()[1].to_string(),
        "MountedFile mapRoles line 2 column 3: error no_usable_entry: not one entry of the list is usable"
    );
}

fn chain_of(text: &str) -> (Chain, Vec<String>) {
    let loaded = config_file(text).expect("usable");
    (Chain::new(vec![Source::new(SourceName::MountedFile, Some(loaded.rules))]), lines(&loaded.diagnostics))
}

const ENTRY: &str = "rolearn: 'arn:aws:iam::123456789012:role/X', username: x";

#[test]
fn a_text_of_groups_is_split_at_its_commas() {
    for (groups, expected) in [
        ("dev", vec!["dev"]),
        ("'dev,ops'", vec!["dev", "ops"]),
        ("'of-{{SessionName}},ops'", vec!["of-s", "ops"]),
        ("''", vec![]),
        ("[dev, 'a,b']", vec!["dev", "a,b"]),
    ] {
        let (chain, said) = chain_of(&format!("mapRoles: [{{{ENTRY}, groups: {groups}}}]"));
        assert_eq!(granted(chain.decide(&session("X", "s"))).groups(), expected, "{groups}");
        assert_eq!(said, [""; 0]);
    }
    // White space is part of the name, as in aws-iam-authenticator: this is not `system:masters`.
    let (chain, said) = chain_of(&format!("mapRoles: [{{{ENTRY}, groups: 'dev, system:masters'}}]"));
    assert_eq!(granted(chain.decide(&session("X", "s"))).groups(), ["dev", " system:masters"]);
    let warning = "MountedFile mapRoles[0] line 1 column 79: warning suspicious_group: \
                   the group \" system:masters\" has white space around its name";
    assert_eq!(said, [warning]);

    for (groups, code) in [("'dev,,ops'", "empty_group"), ("{a: b}", "wrong_type")] {
        let loaded = config_file(&format!("mapRoles: [{{{ENTRY}, groups: {groups}}}]")).unwrap();
        assert_eq!((loaded.rules.rule_count(), loaded.diagnostics[0].code().as_str()), (0, code));
    }
}

#[test]
fn a_text_of_accounts_is_split_at_its_commas() {
    let other = crate::support::caller("arn:aws:iam::444455556666:user/u", "AIDAEXAMPLE");
    for (accounts, both) in [("'123456789012,444455556666'", true), ("123456789012", false)] {
        let (chain, said) = chain_of(&format!("mapAccounts: {accounts}"));
        assert!(matches!(chain.decide(&user("u")), Decision::Granted(_)), "{accounts}");
        assert_eq!(matches!(chain.decide(&other), Decision::Granted(_)), both, "{accounts}");
        assert_eq!(said, [""; 0]);
    }
    let (chain, said) = chain_of("mapAccounts: '123456789012, 444455556666'");
    assert_eq!((chain.decide(&other), said.len()), (Decision::NotMapped, 1), "{said:?}");
    assert!(config_file("mapAccounts: {a: b}").is_err() && config_file("mapAccounts: Admin").is_err());
}

#[test]
fn a_single_mapping_is_the_list_of_it() {
    let users = "mapUsers:\n  userarn: arn:aws:iam::123456789012:user/u\n  username: u";
    let (chain, said) = chain_of(&format!("mapRoles: {{{ENTRY}}}\n{users}"));
    assert_eq!(granted(chain.decide(&session("X", "s"))).rule(), "mapRoles[0] arn:aws:iam::123456789012:role/X");
    assert_eq!(granted(chain.decide(&user("u"))).username(), "u");
    assert_eq!(said, [""; 0]);
    assert_eq!(config_file("mapRoles: {}").unwrap().rules.rule_count(), 0);
    assert!(config_file("mapRoles: {username: x}").is_err());
}
