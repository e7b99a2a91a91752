//! What holds for every text, every caller and every order.

use std::sync::Arc;

use mapping::{
    Chain, Decision, Principal, Source, SourceName, Template,
    format::{
        aws_auth::AwsAuth,
        config_file::ConfigFile,
        yaml::{Document, YamlError},
    },
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{data, session_with_id};

/// Texts that are nearly YAML, and often nearly a mapping.
fn yamlish() -> impl Strategy<Value = String> {
    let token = select(vec![
        "- ",
        "- ",
        "\n",
        "\n",
        "  ",
        "    ",
        ": ",
        ":",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "|",
        ">",
        "|2-",
        "#",
        " #",
        "&a ",
        "*a",
        "&b ",
        "*b",
        "<<: ",
        "? ",
        "! ",
        "!!str ",
        "!x ",
        "%YAML 1.2",
        "---",
        "...",
        "\t",
        "\r",
        "~",
        "null",
        "\u{feff}",
        "\0",
        "é",
        "\u{2028}",
        "\\",
        "\\u12",
        "{{",
        "}}",
        "rolearn: ",
        "userarn: ",
        "username: ",
        "groups: ",
        "userid: ",
        "sso: ",
        "sso: {permissionSetName: A, accountID: '123456789012'}",
        "rolearnLike: ",
        "sessionNames: ",
        "allowPrivilegedWildcard: true",
        "*",
        "?",
        "arn:aws:iam::123456789012:role/X",
        "arn:aws:sts::123456789012:assumed-role/X/s",
        "{{SessionName}}",
        "012345678901",
        "x",
        "mapRoles: ",
        "`",
    ]);
    vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_+=,.@-]{1,12}"
}

fn arn() -> impl Strategy<Value = String> {
    let partition = select(vec!["aws", "aws-cn", "aws-us-gov", "aws-iso-b", "AWS"]);
    let path = prop_oneof![Just("/".to_owned()), "/[!-~]{1,8}/"];
    let resource = prop_oneof![
        Just("iam::root".to_owned()),
        (path.clone(), name()).prop_map(|(path, name)| format!("iam::user{path}{name}")),
        (path, name()).prop_map(|(path, name)| format!("iam::role{path}{name}")),
        (name(), name()).prop_map(|(role, session)| format!("sts::assumed-role/{role}/{session}")),
        name().prop_map(|name| format!("sts::federated-user/{name}")),
    ];
    (partition, "[0-9]{12}", resource).prop_map(|(partition, account, resource)| {
        let (service, resource) = resource.split_once("::").expect("written above");
        format!("arn:{partition}:{service}::{account}:{resource}")
    })
}

fn template() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[a-zA-Z:/@ é-]{0,6}",
        select(vec![
            "{{AccountID}}",
            "{{SessionName}}",
            "{{SessionNameRaw}}",
            "{{AccessKeyID}}",
            "{{EC2PrivateDNSName}}",
            "{{Ec2PrivateDNSName}}",
        ])
        .prop_map(str::to_owned),
    ];
    vec(segment, 0..6).prop_map(|segments| segments.concat())
}

/// Entries about few principals, so that they meet; no two about the same one and the same unique id.
fn entries() -> impl Strategy<Value = Vec<String>> {
    let entry = (0..4_u8, 0..3_u8, "[a-z]{1,4}", any::<bool>());
    vec(entry, 0..12).prop_map(|entries| {
        let mut seen = std::collections::HashSet::new();
        entries
            .into_iter()
            .filter(|(role, id, ..)| seen.insert((*role, *id)))
            .map(|(role, id, username, path)| {
                let path = if path { "p/" } else { "" };
                let userid = if id == 0 { String::new() } else { format!(", userid: AROA{id}") };
                format!("- {{rolearn: 'arn:aws:iam::123456789012:role/{path}R{role}', username: {username}{userid}}}\n")
            })
            .collect()
    })
}

fn decisions(entries: &[String]) -> Vec<Option<(String, Option<&'static str>)>> {
    let update = AwsAuth::update(None, &data(&[("mapRoles", &entries.concat())]));
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
    let callers = (0..4).flat_map(|role| (0..4).map(move |id| (role, id)));
    callers
        .map(|(role, id)| match chain.decide(&session_with_id(&format!("R{role}"), "s", &format!("AROA{id}"))) {
            Decision::Granted(grant) => Some((grant.username().to_owned(), None)),
            Decision::Refused(refusal) => Some((String::new(), Some(refusal.code()))),
            Decision::NotMapped => None,
            other => panic!("all sources are synced and no name needs a node: {other:?}"),
        })
        .collect()
}

fn check_error(error: &YamlError) {
    assert!(error.line() >= 1 && error.column() >= 1);
    assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
}

/// Entries of every kind about few roles, so that they meet. No two are about the same subject, and of patterns there is
/// one, since the order of patterns counts.
fn entries_of_every_kind() -> impl Strategy<Value = Vec<String>> {
    let whom = select(vec![
        "rolearn: 'arn:aws:iam::123456789012:role/p/AWSReservedSSO_A_0123456789abcdef'",
        "rolearn: 'arn:aws:iam::123456789012:role/AWSReservedSSO_A_B_0123456789abcdef'",
        "sso: {permissionSetName: A, accountID: '123456789012'}",
        "sso: {permissionSetName: A_B, accountID: '123456789012'}",
    ]);
    let conditions = select(vec!["", ", userid: AROAONE", ", userid: AROATWO", ", sessionNames: ['j*']"]);
    let like = select(vec!["*", "AWSReservedSSO_A_*", "*_B_????????????????"]);
    (vec((whom, conditions), 0..12), like).prop_map(|(entries, like)| {
        let mut seen = std::collections::HashSet::new();
        let entries = entries.into_iter().filter(|entry| seen.insert(*entry));
        let entries = entries.map(|(whom, conditions)| format!("{whom}{conditions}"));
        let like = format!("rolearnLike: 'arn:aws:iam::123456789012:role/{like}'");
        let numbered = entries.chain([like]).enumerate();
        numbered.map(|(n, entry)| format!("- {{{entry}, username: u{n}}}\n")).collect()
    })
}

fn decisions_about_sso_roles(entries: &[String]) -> Vec<Result<String, &'static str>> {
    let update = AwsAuth::update(None, &data(&[("mapRoles", &entries.concat())]));
    assert_eq!(update.diagnostics, []);
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
    let mut decisions = Vec::new();
    for set in ["A", "A_B", "B"] {
        for (session, id) in [("jane", "AROAONE"), ("jane", "AROATWO"), ("jane", "AROATHREE"), ("max", "AROATHREE")] {
            let role = format!("AWSReservedSSO_{set}_0123456789abcdef");
            decisions.push(match chain.decide(&session_with_id(&role, session, id)) {
                Decision::Granted(grant) => Ok(grant.username().to_owned()),
                Decision::Refused(refusal) => Err(refusal.code()),
                Decision::NotMapped => Err("not_mapped"),
                other => panic!("all sources are synced and no name needs a node: {other:?}"),
            });
        }
    }
    decisions
}

/// What is added to an entry and restricts it, or might, and is not understood.
fn not_understood() -> impl Strategy<Value = String> {
    let known = select(vec![
        ", sessionName: ['jane']",
        ", sessionNames: jane",
        ", sessionNames: ['[j]*']",
        ", sessionNames: []",
        ", user_id: AROAONE",
        ", userid: ''",
        ", ec2Instance: {vpc: x}",
        ", ec2Instance: yes",
        ", sso: {permissionSetName: Z}",
        ", rolearnLike: '*'",
    ]);
    // Far from any key that is known.
    let unknown = "x{3}[a-z]{0,8}Q{3}".prop_map(|key| format!(", {key}: x"));
    prop_oneof![known.prop_map(str::to_owned), unknown]
}

/// Entries about few roles, each of which may have conditions, and of which one is edited.
fn list_with_an_edit() -> impl Strategy<Value = (Vec<String>, usize, String)> {
    let whom = select(vec![
        "rolearn: 'arn:aws:iam::123456789012:role/AWSReservedSSO_A_0123456789abcdef'",
        "rolearn: 'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_A_0123456789abcdef/jane'",
        "rolearn: 'arn:aws:iam::123456789012:role/AWSReservedSSO_B_0123456789abcdef'",
        "sso: {permissionSetName: A, accountID: '123456789012'}",
        "rolearnLike: 'arn:aws:iam::123456789012:role/*_A_*'",
        "rolearnLike: 'arn:aws:iam::123456789012:role/*'",
        "userid: AROAONE",
    ]);
    let conditions = select(vec!["", "", "{userid}", "{sessions}"]);
    (vec((whom, conditions), 1..6), any::<prop::sample::Index>(), not_understood()).prop_map(
        |(entries, at, addition)| {
            let entry = |(n, (whom, conditions)): (usize, (&str, &str))| {
                // Beside what is added, no key stands twice.
                let conditions = match conditions {
                    "{userid}" if !whom.starts_with("userid") && !addition.contains("userid:") => ", userid: AROAONE",
                    "{sessions}" if !addition.contains("sessionNames:") => ", sessionNames: ['j*']",
                    _ => "",
                };
                let addition =
                    if whom.starts_with(addition.trim_matches([',', ' ']).split(':').next().unwrap_or_default()) {
                        ", xxxQQQ: x"
                    } else {
                        addition.as_str()
                    };
                (
                    format!("- {{{whom}{conditions}, username: u{n}}}\n"),
                    format!("- {{{whom}{conditions}, username: u{n}{addition}}}\n"),
                )
            };
            let at = at.index(entries.len());
            let entries: Vec<_> = entries.into_iter().enumerate().map(entry).collect();
            let edited = entries.get(at).expect("an index of it").1.clone();
            (entries.into_iter().map(|(entry, _)| entry).collect(), at, edited)
        },
    )
}

/// Who each caller is, by the entry that lets it in.
fn users(update: &AwsAuth) -> Vec<Option<String>> {
    let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.rules()))]);
    let callers = ["A", "B", "C"].into_iter().flat_map(|set| {
        ["jane", "max"].into_iter().flat_map(move |session| ["AROAONE", "AROATWO"].map(|id| (set, session, id)))
    });
    let user = |(set, session, id): (&str, &str, &str)| {
        let role = format!("AWSReservedSSO_{set}_0123456789abcdef");
        match chain.decide(&session_with_id(&role, session, id)) {
            Decision::Granted(grant) => Some(grant.username().to_owned()),
            _ => None,
        }
    };
    callers.map(user).collect()
}

proptest! {
    /// Whatever the list is, nobody gets in who did not, nobody as somebody else, and nobody by the entry; and so it is to a
    /// program that starts with it.
    #[test]
    fn a_restriction_that_is_not_understood_only_takes_away((entries, at, edited) in list_with_an_edit()) {
        let read = |before: Option<&AwsAuth>, entries: &[String]| {
            AwsAuth::update(before, &data(&[("mapRoles", &entries.concat())])).next
        };
        let first = read(None, &entries);
        let mut after = entries.clone();
        after[at] = edited;
        let now = read(Some(&first), &after);
        let (before, users_now) = (users(&first), users(&now));
        let name = format!("u{at}");
        for (before, now) in before.iter().zip(&users_now) {
            prop_assert!(now.is_none() || now == before, "{:?} became {:?} by\n{}", before, now, after.concat());
            prop_assert!(now.as_ref() != Some(&name), "let in by\n{}", after.concat());
        }
        prop_assert_eq!(&users_now, &users(&read(None, &after)));
        // Put right, all is as it was.
        prop_assert_eq!(before, users(&read(Some(&now), &entries)));
    }

    /// What is not understood beside the restrictions changes nothing for anybody.
    #[test]
    fn a_name_that_is_not_understood_leaves_everybody_what_they_are((entries, at, _) in list_with_an_edit()) {
        let read = |before: Option<&AwsAuth>, entries: &[String]| {
            AwsAuth::update(before, &data(&[("mapRoles", &entries.concat())])).next
        };
        let first = read(None, &entries);
        let subject = |entry: &String| entry.split(", username").next().map(str::to_owned);
        // Of two about the same callers the first one's name is not the last one's past.
        prop_assume!(entries.iter().filter(|entry| subject(entry) == subject(&entries[at])).count() == 1);
        let mut after = entries.clone();
        after[at] = after[at].replace(&format!("username: u{at}"), "username: '{{Nobody}}'");
        let now = read(Some(&first), &after);
        prop_assert_eq!(users(&first), users(&now), "{}", after.concat());
    }

    #[test]
    fn the_order_of_entries_of_different_kinds_does_not_matter(
        (entries, shuffled) in
            entries_of_every_kind().prop_flat_map(|entries| (Just(entries.clone()), Just(entries).prop_shuffle()))
    ) {
        prop_assert_eq!(decisions_about_sso_roles(&entries), decisions_about_sso_roles(&shuffled));
    }

    #[test]
    fn only_the_exact_suffix_makes_a_role_that_of_a_permission_set(
        set in "[A-Za-z0-9_+=,.@-]{1,12}", role in "[A-Za-z0-9_+=,.@-]{0,12}", suffix in "_?[0-9a-fA-Fg_]{15,17}"
    ) {
        let entry = format!("- {{sso: {{permissionSetName: '{set}', accountID: '123456789012'}}, username: x}}");
        let update = AwsAuth::update(None, &data(&[("mapRoles", &entry)]));
        let chain = Chain::new(vec![Source::new(SourceName::EksConfigMap, Some(update.next.rules()))]);
        let grants = |role: &str| matches!(chain.decide(&session_with_id(role, "s", "AROAX")), Decision::Granted(_));

        let good = format!("AWSReservedSSO_{set}_0123456789abcdef");
        prop_assert!(grants(&good));
        let is_suffix =
            suffix.strip_prefix('_').is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        prop_assert_eq!(grants(&format!("AWSReservedSSO_{set}{suffix}")), is_suffix);
        let is_set = role.eq_ignore_ascii_case(&set);
        prop_assert_eq!(grants(&format!("AWSReservedSSO_{role}_0123456789abcdef")), is_set);
    }

    #[test]
    fn no_text_is_too_strange_for_the_yaml_reader(text in prop_oneof![any::<String>(), yamlish()]) {
        if let Err(error) = Document::parse(&text) {
            check_error(&error);
        }
    }

    #[test]
    fn no_text_is_too_strange_for_aws_auth(
        first in prop_oneof![any::<String>(), yamlish()],
        second in prop_oneof![any::<String>(), yamlish()],
        key in select(vec!["mapRoles", "mapUsers", "mapAccounts"]),
    ) {
        let read = AwsAuth::update(None, &data(&[(key, &first)]));
        let again = AwsAuth::update(Some(&read.next), &data(&[(key, &second)]));
        // What was synced stays synced.
        prop_assert!(!read.next.is_synced() || again.next.is_synced());
        for diagnostic in read.diagnostics.iter().chain(&again.diagnostics) {
            let line = diagnostic.to_string();
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(line.len() < 2000, "{line}");
        }
    }

    #[test]
    fn no_text_is_too_strange_for_a_config_file(text in yamlish()) {
        if let Ok(document) = Document::parse(&text) && let Ok(map) = document.into_root().into_map() {
            let _ = ConfigFile::load(map);
        }
    }

    #[test]
    fn no_text_is_too_strange_for_arns_and_templates(text in any::<String>()) {
        let _ = text.parse::<Principal>();
        let _ = text.parse::<Template>();
        let _ = format!("arn:aws:iam::123456789012:{text}").parse::<Principal>();
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(arn in arn()) {
        let principal: Principal = arn.parse().unwrap();
        prop_assert_eq!(principal.as_str(), &arn);
        let canonical = principal.canonical();
        let again = canonical.as_str().parse::<Principal>().unwrap().canonical();
        prop_assert_eq!(again.as_str(), canonical.as_str());
        let shouted = arn.to_uppercase().parse::<Principal>().unwrap().canonical();
        prop_assert_eq!(&shouted, &canonical);
        prop_assert_eq!(shouted.key(), canonical.key());
    }

    #[test]
    fn two_canonical_arns_are_equal_exactly_when_their_keys_are(one in arn(), other in arn()) {
        let canonical = |arn: &str| arn.parse::<Principal>().unwrap().canonical();
        let (one, other) = (canonical(&one), canonical(&other));
        prop_assert_eq!(one == other, one.key() == other.key());
    }

    #[test]
    fn a_template_prints_what_parses_to_the_same(text in template()) {
        let parsed: Template = text.parse().unwrap();
        let printed = parsed.to_string();
        prop_assert_eq!(&printed, &text.replace("Ec2Private", "EC2Private"));
        prop_assert_eq!(printed.parse::<Template>().unwrap(), parsed);
    }

    #[test]
    fn the_order_of_entries_does_not_matter_when_no_two_are_about_the_same(
        (entries, shuffled) in entries().prop_flat_map(|entries| (Just(entries.clone()), Just(entries).prop_shuffle()))
    ) {
        let decided = decisions(&entries);
        prop_assert_eq!(&decided, &decisions(&shuffled));
        prop_assert_eq!(&decided, &decisions(&entries));
    }

    #[test]
    fn the_same_chain_gives_the_same_answer(entries in entries(), repeats in 2..20) {
        let update = AwsAuth::update(None, &data(&[("mapRoles", &entries.concat())]));
        let rules = update.next.rules();
        let jane = session_with_id("R1", "jane", "AROA1");
        let decide = || Chain::new(vec![Source::new(SourceName::Crd, Some(Arc::clone(&rules)))]).decide(&jane);
        let first = decide();
        for _ in 0..repeats {
            prop_assert_eq!(&decide(), &first);
        }
    }
}
