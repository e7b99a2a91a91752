//! `sso`: the roles of a permission set.

use mapping::{Decision, Partition, RefusalReason};

use crate::support::{
    aws_auth, caller, chain, chains_of_roles, granted, lines, session, session_with_id, skipped, used,
};

fn role(set: &str) -> String {
    format!("AWSReservedSSO_{set}_0123456789abcdef")
}

#[test]
fn each_role_of_a_permission_set_is_of_that_set_alone() {
    let sets = ["Admin", "Admin_RO", "Admin_RO_X", "Adm"];
    let entries: String = sets
        .iter()
        .map(|set| {
            format!("- {{sso: {{permissionSetName: {set}, accountID: '123456789012'}}, username: 'of-{set}'}}\n")
        })
        .collect();
    for chain in chains_of_roles(&entries) {
        for set in sets {
            let username = format!("of-{set}");
            for role in [role(set), role(set).to_lowercase(), format!("AWSReservedSSO_{set}_fedcba9876543210")] {
                assert_eq!(granted(chain.decide(&session(&role, "jane"))).username(), username, "{role}");
            }
        }
        for role in [
            role("Admi"),
            role("Admin_"),
            role("Admin_R"),
            format!("{}0", role("Admin")),
            "AWSReservedSSO_Admin_0123456789abcde".to_owned(),
            "AWSReservedSSO_Admin_0123456789abcdeg".to_owned(),
            "AWSReservedSSO_Admin".to_owned(),
            format!("x{}", role("Admin")),
        ] {
            assert_eq!(chain.decide(&session(&role, "jane")), Decision::NotMapped, "{role}");
        }
    }
}

#[test]
fn a_permission_set_is_of_one_account_and_one_partition() {
    for partition in Partition::ALL {
        let written = [Some(format!("partition: {partition}")), (partition == Partition::Aws).then(String::new)];
        for written in written.into_iter().flatten() {
            let entry = format!(
                "- {{sso: {{permissionSetName: Admin, accountID: '012345678901', {written}}}, username: admin}}\n"
            );
            for chain in chains_of_roles(&entry) {
                for other in Partition::ALL {
                    let arn = format!("arn:{other}:sts::012345678901:assumed-role/{}/jane", role("Admin"));
                    let is_granted = matches!(chain.decide(&caller(&arn, "AROAX:jane")), Decision::Granted(_));
                    assert_eq!(is_granted, other == partition, "{arn} {entry}");
                }
                let other_account = format!("arn:{partition}:sts::123456789012:assumed-role/{}/jane", role("Admin"));
                assert_eq!(chain.decide(&caller(&other_account, "AROAX:jane")), Decision::NotMapped);
            }
        }
    }
}

#[test]
fn its_keys_are_read_in_any_case_and_the_rule_is_named() {
    for chain in chains_of_roles(
        "- SSO: {PermissionSetName: Admin, accountid: 123456789012, PARTITION: AWS}\n  username: '{{SessionName}}'\n",
    ) {
        let grant = granted(chain.decide(&session(&role("Admin"), "jane@example.com")));
        assert_eq!(grant.username(), "jane-example.com");
        assert_eq!(grant.rule(), "mapRoles[0] sso admin of arn:aws:iam::123456789012");
    }
}

#[test]
fn a_permission_set_goes_after_the_exact_role() {
    let exact = format!("- {{rolearn: 'arn:aws:iam::123456789012:role/{}', username: exact}}\n", role("Admin"));
    let sso = "- {sso: {permissionSetName: Admin, accountID: '123456789012'}, username: sso}\n".to_owned();
    for entries in [format!("{exact}{sso}"), format!("{sso}{exact}")] {
        for chain in chains_of_roles(&entries) {
            assert_eq!(granted(chain.decide(&session(&role("Admin"), "jane"))).username(), "exact");
            let other = "AWSReservedSSO_Admin_fedcba9876543210";
            assert_eq!(granted(chain.decide(&session(other, "jane"))).username(), "sso");
        }
    }
}

#[test]
fn a_userid_guards_a_permission_set_as_it_guards_an_arn() {
    let sso = "sso: {permissionSetName: Admin, accountID: '123456789012'}";
    let pinned = format!("- {{{sso}, userid: AROAONE, username: pinned}}\n");
    let id = |id| session_with_id(&role("Admin"), "jane", id);
    for chain in chains_of_roles(&pinned) {
        assert_eq!(granted(chain.decide(&id("AROAONE"))).username(), "pinned");
        let Decision::Refused(refusal) = chain.decide(&id("AROATWO")) else { panic!("let in") };
        assert_eq!(refusal.reason(), RefusalReason::UserIdMismatch);
    }
    for chain in chains_of_roles(&format!("- {{{sso}, username: any}}\n{pinned}")) {
        assert_eq!(granted(chain.decide(&id("AROAONE"))).username(), "pinned");
        assert_eq!(granted(chain.decide(&id("AROATWO"))).username(), "any");
    }
    // Whoever has a deleted role's name does not fall through to what is meant for many.
    let exact = format!("rolearn: 'arn:aws:iam::123456789012:role/{}'", role("Admin"));
    for chain in
        chains_of_roles(&format!("- {{{exact}, userid: AROAONE, username: exact}}\n- {{{sso}, username: any}}"))
    {
        assert_eq!(granted(chain.decide(&id("AROAONE"))).username(), "exact");
        assert!(matches!(chain.decide(&id("AROATWO")), Decision::Refused(_)));
    }
}

#[test]
fn of_two_entries_about_one_permission_set_the_last_one_is_used() {
    let sso = |name| format!("sso: {{permissionSetName: {name}, accountID: '123456789012'}}");
    let entries = format!("- {{{}, username: one}}\n- {{{}, username: two}}", sso("Admin"), sso("admin"));
    let update = aws_auth(&[("mapRoles", &entries)]);
    assert_eq!(
        lines(&update.diagnostics),
        [
            "EKSConfigMap mapRoles[0] line 1 column 3: warning duplicate_entry: mapRoles[0] (line 1) and mapRoles[1] (line 2) \
         are both about \"sso admin of arn:aws:iam::123456789012\"; mapRoles[1] is used; remove one of them"
        ]
    );
    let chain = chain(&[("mapRoles", &entries)]);
    assert_eq!(granted(chain.decide(&session(&role("Admin"), "jane"))).username(), "two");
}

#[test]
fn an_sso_that_names_no_permission_set_is_an_error_with_its_fix() {
    const GOOD: &str = "permissionSetName: Admin, accountID: '123456789012'";
    used(&format!("- {{username: x, sso: {{{GOOD}}}}}"), &[]);
    used(&format!("- {{username: x, sso: {{{GOOD}, partition: ''}}}}"), &[]);
    for (sso, said) in [
        ("{}", "22: error invalid_sso: sso has no accountID"),
        ("{accountID: '123456789012'}", "22: error invalid_sso: sso has no permissionSetName"),
        ("{permissionSetName: Admin}", "22: error invalid_sso: sso has no accountID"),
        ("Admin", "22: error wrong_type: sso: expected a mapping, found \"Admin\""),
        (
            "{permissionSetName: 'Admin*', accountID: '123456789012'}",
            "42: error invalid_sso: permissionSetName \"Admin*\": \
             a permission set's name is 1 to 32 letters, digits and _+=,.@-",
        ),
        (
            "{permissionSetName: AWSReservedSSO_Admin_0123456789abcdef, accountID: '123456789012'}",
            "42: error invalid_sso: permissionSetName \"AWSReservedSSO_Admin_0123456789abcdef\": \
             a permission set's name is 1 to 32 letters, digits and _+=,.@-; \
             write the permission set's name, not that of its role",
        ),
        (
            "{permissionSetName: Admin, accountID: 12345678901}",
            "60: error invalid_account: accountID \"12345678901\": \
             the account id has 11 digits, not 12: leading zeros were lost; write \"012345678901\", in quotes",
        ),
        (
            "{permissionSetName: Admin, accountID: '*'}",
            "60: error invalid_account: accountID \"*\": \
             the account id is not exactly 12 digits; write the 12 digits of the account id, in quotes",
        ),
        (
            &format!("{{{GOOD}, partition: aws-gov}}"),
            "87: error invalid_sso: partition \"aws-gov\": the partition is none of aws, aws-cn, aws-eusc, aws-iso, \
             aws-iso-b, aws-iso-e, aws-iso-f, aws-us-gov; did you mean \"aws-us-gov\"?",
        ),
        (
            &format!("{{{GOOD}, partiton: aws-cn}}"),
            "76: error unknown_key: unknown key \"partiton\" in sso, so the entry is not used; \
             did you mean \"partition\"?",
        ),
    ] {
        let entry = format!("- {{username: x, sso: {sso}}}");
        if sso == "{}" {
            skipped(
                &entry,
                &[&format!("2 column {said}"), "2 column 22: error invalid_sso: sso has no permissionSetName"],
            );
        } else {
            skipped(&entry, &[&format!("2 column {said}")]);
        }
    }
}

#[test]
fn an_entry_is_about_an_arn_or_a_permission_set_and_not_both() {
    skipped(
        "- {username: x, rolearn: 'arn:aws:iam::123456789012:role/X', sso: {permissionSetName: A, accountID: '123456789012'}}",
        &["2 column 3: error conflicting_keys: rolearn and sso both say whom the entry is about, so it is not used; \
         make an entry of each"],
    );
    skipped("- {username: x, sso: }", &["2 column 3: error missing_arn: the entry has no rolearn"]);
    used("- {username: x, rolearn: 'arn:aws:iam::123456789012:role/X', sso: }", &[]);
    used("- {username: x, rolearn: , sso: {permissionSetName: A, accountID: '123456789012'}}", &[]);

    let update = aws_auth(&[(
        "mapUsers",
        "- {userarn: 'arn:aws:iam::123456789012:user/u', username: u}\n\
         - {userarn: 'arn:aws:iam::123456789012:user/v', username: v, sso: {}}",
    )]);
    assert_eq!(
        lines(&update.diagnostics)[0],
        "EKSConfigMap mapUsers[1] line 2 column 62: error misplaced_key: sso is of roles only, \
         so the entry is not used; move the entry to mapRoles"
    );
}
