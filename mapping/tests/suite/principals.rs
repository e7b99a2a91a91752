//! Every way to write a principal, in every text source and in three partitions.

use mapping::{Chain, Decision, Principal, PrincipalError, PrincipalKind, Source, SourceName};

use crate::support::{aws_auth, caller, config_file, granted};

/// The callers, as STS writes them.
const ADMIN: (&str, &str) = ("arn:P:sts::012345678901:assumed-role/Admin/jane", "AROAEXAMPLE:jane");
const SSO: (&str, &str) = (
    "arn:P:sts::012345678901:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/jane@example.com",
    "AROAEXAMPLE:jane@example.com",
);
const JANE: (&str, &str) = ("arn:P:iam::012345678901:user/Jane", "AIDAEXAMPLE");
const DIV_JANE: (&str, &str) = ("arn:P:iam::012345678901:user/div/Jane", "AIDAEXAMPLE");
const FEDERATED: (&str, &str) = ("arn:P:sts::012345678901:federated-user/Bob", "012345678901:Bob");
const ROOT: (&str, &str) = ("arn:P:iam::012345678901:root", "012345678901");

/// Key, ARN as an operator writes it, and who is meant.
const WRITTEN: [(&str, &str, (&str, &str)); 20] = [
    ("mapRoles", "arn:P:iam::012345678901:role/Admin", ADMIN),
    ("mapRoles", "arn:P:iam::012345678901:role/admin", ADMIN),
    ("mapRoles", "ARN:P:IAM::012345678901:Role/ADMIN", ADMIN),
    ("mapRoles", "arn:P:iam::012345678901:role/team/Admin", ADMIN),
    ("mapRoles", "arn:P:iam::012345678901:role/a/b/c/Admin", ADMIN),
    ("mapRoles", "arn:P:sts::012345678901:assumed-role/Admin/jane", ADMIN),
    ("mapRoles", "arn:P:sts::012345678901:assumed-role/team/Admin/jane", ADMIN),
    (
        "mapRoles",
        "arn:P:iam::012345678901:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
        SSO,
    ),
    (
        "mapRoles",
        "arn:P:iam::012345678901:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
        SSO,
    ),
    ("mapRoles", "arn:P:iam::012345678901:role/AWSReservedSSO_Admin_0123456789abcdef", SSO),
    ("mapRoles", "arn:P:iam::012345678901:user/Jane", JANE),
    ("mapUsers", "arn:P:iam::012345678901:user/Jane", JANE),
    ("mapUsers", "arn:P:iam::012345678901:user/JANE", JANE),
    ("mapUsers", "arn:P:iam::012345678901:user/div/Jane", DIV_JANE),
    ("mapUsers", "arn:P:iam::012345678901:User/DIV/jane", DIV_JANE),
    ("mapUsers", "arn:P:sts::012345678901:federated-user/Bob", FEDERATED),
    ("mapUsers", "arn:P:sts::012345678901:federated-user/bob", FEDERATED),
    ("mapUsers", "arn:P:iam::012345678901:root", ROOT),
    ("mapUsers", "arn:P:iam::012345678901:role/Admin", ADMIN),
    ("mapUsers", "arn:P:sts::012345678901:assumed-role/Admin/jane", ADMIN),
];

const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// The caller's ARN with one thing changed each time: none of these is meant by the entry.
fn twins(arn: &str, partition: &str) -> Vec<String> {
    let other_partition = if partition == "aws" { "aws-cn" } else { "aws" };
    vec![
        arn.replacen(&format!("arn:{partition}:"), &format!("arn:{other_partition}:"), 1),
        arn.replace("012345678901", "112345678901"),
        arn.replace("Admin", "Admin2").replace("Jane", "Jane2").replace("Bob", "Bob2"),
        arn.replace("user/div/", "user/vid/").replace("user/J", "user/div2/J"),
    ]
}

#[test]
fn every_way_to_write_a_principal_means_the_same_in_every_source_and_partition() {
    for partition in PARTITIONS {
        for (key, written, (arn, user_id)) in WRITTEN {
            let written = written.replace(":P:", &format!(":{partition}:"));
            let arn = arn.replace(":P:", &format!(":{partition}:"));
            let arn_key = if key == "mapRoles" { "rolearn" } else { "userarn" };
            let entry = format!("- {{{arn_key}: \"{written}\", username: somebody, groups: [some]}}");

            let from_aws_auth = aws_auth(&[(key, &entry)]).next.rules();
            let from_file = config_file(&format!("{key}:\n{entry}")).unwrap().rules;
            for source in [
                Source::new(SourceName::EksConfigMap, Some(from_aws_auth)),
                Source::new(SourceName::MountedFile, Some(from_file)),
            ] {
                let name = source.name();
                let chain = Chain::new(vec![source]);
                let grant = granted(chain.decide(&caller(&arn, user_id)));
                assert_eq!((grant.username(), grant.source()), ("somebody", name));
                assert_eq!(grant.rule(), format!("{key}[0] {written}"));
                for twin in twins(&arn, partition) {
                    if twin == arn {
                        continue;
                    }
                    let account = if twin.contains("112345678901") { "112345678901" } else { "012345678901" };
                    let user_id = user_id.replace("012345678901", account).replace(":Bob", ":Bob2");
                    let user_id = if twin.contains("Bob2") { user_id } else { user_id.replace("Bob2", "Bob") };
                    assert_eq!(chain.decide(&caller(&twin, &user_id)), Decision::NotMapped, "{written} and {twin}");
                }
            }
        }
    }
}

#[test]
fn a_path_belongs_to_a_users_name_and_not_to_a_roles() {
    let canonical = |arn: &str| arn.parse::<Principal>().unwrap().canonical();
    assert_ne!(canonical("arn:aws:iam::123456789012:user/a/X"), canonical("arn:aws:iam::123456789012:user/X"));
    assert_eq!(canonical("arn:aws:iam::123456789012:role/a/X"), canonical("arn:aws:iam::123456789012:role/X"));
    assert_eq!(canonical("arn:aws:iam::123456789012:user/a/X").as_str(), "arn:aws:iam::123456789012:user/a/X");
}

#[test]
fn a_principal_is_taken_apart_and_keeps_what_was_written() {
    let principal: Principal = "arn:aws-cn:iam::012345678901:user/a:b//c/Jane".parse().unwrap();
    assert_eq!(principal.as_str(), "arn:aws-cn:iam::012345678901:user/a:b//c/Jane");
    assert_eq!(principal.partition().as_str(), "aws-cn");
    assert_eq!(principal.account().as_ref(), "012345678901");
    assert_eq!(*principal.kind(), PrincipalKind::User { path: "/a:b//c/".into(), name: "Jane".into() });
    let principal: Principal = "arn:aws:sts::012345678901:assumed-role/p/X/s".parse().unwrap();
    assert_eq!(*principal.kind(), PrincipalKind::AssumedRole { role: "X".into(), session: "s".into() });
}

#[test]
fn what_is_near_an_arn_is_refused_with_its_own_reason() {
    use PrincipalError as E;
    let long = format!("arn:aws:iam::123456789012:user/{}/x", "p".repeat(2048));
    for (text, error) in [
        ("", E::NotAnArn),
        ("Admin", E::NotAnArn),
        ("role/Admin", E::NotAnArn),
        ("arn:aws:iam:123456789012:role/X", E::NotAnArn),
        (" arn:aws:iam::123456789012:role/X", E::NotAnArn),
        ("xarn:aws:iam::123456789012:role/X", E::NotAnArn),
        ("arn:aws:iam::123456789012:role/X ", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/X\n", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/a/", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/ä", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/{{SessionName}}", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role//X", E::InvalidPath),
        ("arn:aws:iam::123456789012:user/a b/X", E::InvalidPath),
        ("arn:aws:iam::123456789012:user/\u{7f}/X", E::InvalidPath),
        ("arn:aws:iam::123456789012:user", E::UnknownResource),
        ("arn:aws:iam::123456789012:role", E::UnknownResource),
        ("arn:aws:iam::123456789012:root/", E::UnknownResource),
        ("arn:aws:iam::123456789012:root/X", E::UnknownResource),
        ("arn:aws:iam::123456789012:group/X", E::UnknownResource),
        ("arn:aws:iam::123456789012:assumed-role/X/s", E::UnknownResource),
        ("arn:aws:sts::123456789012:role/X", E::UnknownResource),
        ("arn:aws:sts::123456789012:root", E::UnknownResource),
        ("arn:aws:s3::123456789012:role/X", E::UnknownResource),
        ("arn:aws:sts::123456789012:assumed-role/X", E::MissingSession),
        ("arn:aws:sts::123456789012:assumed-role/X/", E::InvalidName("session")),
        ("arn:aws:sts::123456789012:assumed-role//s", E::InvalidName("role")),
        ("arn:aws:sts::123456789012:federated-user/a/b", E::InvalidName("federated user")),
        ("arn:aws:iam:eu-west-1:123456789012:role/X", E::Region),
        ("arn:aws:iam::123456789012:role/*", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:role/Adm?n", E::InvalidName("role")),
        ("arn:aws:iam::123456789012:user/a/J*", E::InvalidName("user")),
        ("arn:aws:sts::123456789012:assumed-role/X/?", E::InvalidName("session")),
        (&long, E::TooLong),
    ] {
        assert_eq!(text.parse::<Principal>(), Err(error), "{text:?}");
    }
    for (text, error) in [
        ("arn:aws-mars:iam::123456789012:role/X", "the partition is none of"),
        ("arn::iam::123456789012:role/X", "the partition is none of"),
        ("arn:aws:iam::12345678901:role/X", "the account id has 11 digits, not 12: leading zeros were lost"),
        ("arn:aws:iam::*:role/X", "the account id is not exactly 12 digits"),
        ("arn:aws:iam::aws:role/X", "the account id is not exactly 12 digits"),
        ("arn:aws:iam:::role/X", "the account id is not exactly 12 digits"),
    ] {
        let found = text.parse::<Principal>().unwrap_err().to_string();
        assert!(found.starts_with(error), "{text:?}: {found}");
    }
}

#[test]
fn a_users_path_may_have_what_is_a_wildcard_in_a_rule() {
    let stars = caller("arn:aws:iam::123456789012:user/a*/b?/Jane", "AIDAEXAMPLE");
    assert_eq!(stars.canonical_arn().as_str(), "arn:aws:iam::123456789012:user/a*/b?/Jane");
    let update = aws_auth(&[
        ("mapUsers", "- {userarn: 'arn:aws:iam::123456789012:user/ab/bc/Jane', username: jane}"),
        ("mapAccounts", "['123456789012']"),
    ]);
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
    assert_eq!(granted(chain.decide(&stars)).rule(), "mapAccounts 123456789012");
    let plain = caller("arn:aws:iam::123456789012:user/ab/bc/Jane", "AIDAEXAMPLE");
    assert_eq!(granted(chain.decide(&plain)).username(), "jane");
}

#[test]
fn an_exact_arn_of_a_rule_with_a_wildcard_is_an_error_of_the_entry() {
    const SAID: &str = "it has a wildcard, and an exact ARN is compared character by character";
    const FIX: &str = "; write rolearnLike for roles whose name fits a pattern";
    for (key, arn_key, resource, fix) in [
        ("mapRoles", "rolearn", "123456789012:role/*", FIX),
        ("mapRoles", "rolearn", "123456789012:role/X:*", FIX),
        ("mapRoles", "rolearn", "123456789012:role/Adm?n", FIX),
        ("mapRoles", "rolearn", "123456789012:role/a*/Admin", FIX),
        ("mapRoles", "rolearn", "*:role/Admin", FIX),
        ("mapUsers", "userarn", "123456789012:user/*", ""),
        ("mapUsers", "userarn", "123456789012:user/a*/Jane", ""),
    ] {
        let arn = format!("arn:aws:iam::{resource}");
        let update = aws_auth(&[(key, &format!("- {{{arn_key}: '{arn}', username: x}}"))]);
        assert_eq!(
            update.diagnostics[0].to_string(),
            format!("EKSConfigMap {key}[0] line 1 column 13: error invalid_arn: {arn_key} \"{arn}\": {SAID}{fix}")
        );
        assert_eq!(update.next.rules().rule_count(), 0);
    }
}
