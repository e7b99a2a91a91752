//! Callers, sources and the lines that diagnostics come to.

use std::{collections::BTreeMap, sync::Arc};

use mapping::{
    Chain, Decision, Diagnostic, Grant, Identity, RefusalReason, RuleSet, Source, SourceName,
    format::{
        Loaded, Update,
        aws_auth::AwsAuth,
        config_file::{ConfigFile, LoadError},
        yaml::{Document, Map},
    },
};

pub(crate) const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
pub(crate) const ROLE_ID: &str = "AROAEXAMPLE";
pub(crate) const USER_ID: &str = "AIDAEXAMPLE";

/// A session of a role in the account 123456789012.
pub(crate) fn session(role: &str, session: &str) -> Identity {
    session_with_id(role, session, ROLE_ID)
}

pub(crate) fn session_with_id(role: &str, session: &str, id: &str) -> Identity {
    caller(&format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}"), &format!("{id}:{session}"))
}

pub(crate) fn user(name: &str) -> Identity {
    caller(&format!("arn:aws:iam::123456789012:user/{name}"), USER_ID)
}

pub(crate) fn caller(arn: &str, user_id: &str) -> Identity {
    Identity::new(arn.parse().expect("an ARN"), user_id, ACCESS_KEY_ID.to_owned()).expect("facts that fit together")
}

pub(crate) fn data(keys: &[(&str, &str)]) -> BTreeMap<String, String> {
    keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

/// `aws-auth` as it is read at the first start.
pub(crate) fn aws_auth(keys: &[(&str, &str)]) -> Update<AwsAuth> {
    AwsAuth::update(None, &data(keys))
}

/// A chain of `aws-auth` alone, all of it good.
pub(crate) fn chain(keys: &[(&str, &str)]) -> Chain {
    Chain::new(vec![Source::new(SourceName::EksConfigMap, rules(keys))])
}

pub(crate) fn rules(keys: &[(&str, &str)]) -> Option<Arc<RuleSet>> {
    let update = aws_auth(keys);
    assert!(update.next.is_synced(), "{:?}", lines(&update.diagnostics));
    Some(update.next.rules())
}

/// The `server` section of a config file.
pub(crate) fn config_file(text: &str) -> Result<Loaded, LoadError> {
    let Update { next, diagnostics } = ConfigFile::load(section(text))?;
    Ok(Loaded { rules: next.rules(), diagnostics })
}

pub(crate) fn section(text: &str) -> Map {
    Document::parse(text).expect("YAML").into_root().into_map().expect("a mapping")
}

/// Chains of the two text sources, each with these entries of `mapRoles`, all of them good.
pub(crate) fn chains_of_roles(entries: &str) -> [Chain; 2] {
    let loaded = config_file(&format!("mapRoles:\n{entries}")).expect("usable");
    assert_eq!(lines(&loaded.diagnostics), [""; 0]);
    [chain(&[("mapRoles", entries)]), Chain::new(vec![Source::new(SourceName::MountedFile, Some(loaded.rules))])]
}

/// What is said about one entry of `mapRoles`, beside a good one that must stay in force; and whether it is used.
pub(crate) fn entry_of_roles(entry: &str) -> (Vec<String>, bool) {
    const GOOD: &str = "- {rolearn: 'arn:aws:iam::123456789012:role/Good', username: good}";
    let update = aws_auth(&[("mapRoles", &format!("{GOOD}\n{entry}"))]);
    let rules = update.next.rules();
    let lines = lines(&update.diagnostics);
    // That it refuses whom it is about goes without saying.
    let lines = lines
        .into_iter()
        .filter(|line| !line.contains(": error entry_closed: "))
        .map(|line| line.strip_prefix("EKSConfigMap mapRoles[1] line ").expect("about the second entry").to_owned());
    (lines.collect(), rules.rule_count() == 2)
}

/// The entry is not used, and this is what is said about it.
#[track_caller]
pub(crate) fn skipped(text: &str, said: &[&str]) {
    assert_eq!(entry_of_roles(text), (said.iter().map(|line| (*line).to_owned()).collect(), false));
}

/// The entry is used, and this is what is said about it.
#[track_caller]
pub(crate) fn used(text: &str, said: &[&str]) {
    assert_eq!(entry_of_roles(text), (said.iter().map(|line| (*line).to_owned()).collect(), true));
}

pub(crate) fn granted(decision: Decision) -> Grant {
    match decision {
        Decision::Granted(grant) => grant,
        other => panic!("not granted: {other:?}"),
    }
}

pub(crate) fn reason(decision: Decision) -> RefusalReason {
    match decision {
        Decision::Refused(refusal) => refusal.reason(),
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}
