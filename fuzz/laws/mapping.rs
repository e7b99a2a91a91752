//! The laws of what people write to say who becomes whom.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use mapping::format::aws_auth::AwsAuth;
use mapping::format::config_file::ConfigFile;
use mapping::format::custom_resource::{self, CustomResource, Object};
use mapping::format::dynamic_file::{DynamicFile, UserIds};
use mapping::format::yaml::Document;
use mapping::{
    Chain, Decision, Diagnostic, DiagnosticCode, Identity, Principal, RuleSet, Severity, Source, SourceName,
};
use serde::de::IgnoredAny;

/// An ARN is kept as it was written; its canonical form is its own, and is the same in capital letters.
pub fn arn(data: &[u8]) -> bool {
    let Some(principal) = parse(data) else { return false };
    let text = std::str::from_utf8(data).expect("it was parsed");
    assert_eq!(principal.as_str(), text);
    let canonical = principal.canonical();
    let again: Principal = canonical.as_str().parse().expect("a canonical ARN is an ARN");
    assert_eq!(again.canonical().as_str(), canonical.as_str());
    let shouted: Principal = text.to_ascii_uppercase().parse().expect("case is not looked at");
    assert_eq!(shouted.canonical(), canonical);
    assert_eq!(shouted.canonical().key(), canonical.key());
    assert_eq!(principal.account().as_ref().len(), 12);
    true
}

/// A text of `mapRoles` in `aws-auth` is used, or the rules of before stay in force.
///
/// Says whether nothing is wrong in it.
pub fn aws_auth(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let object = |roles: &str| BTreeMap::from([("mapRoles".to_owned(), roles.to_owned())]);
    let before = AwsAuth::update(None, &object(GOOD)).next;
    let update = AwsAuth::update(None, &object(text));
    let after = AwsAuth::update(Some(&before), &object(text)).next;
    // An entry that is closed takes away whom it named, though nobody can tell whom it names now.
    let is_closed = update.diagnostics.iter().any(|diagnostic| diagnostic.code() == DiagnosticCode::EntryClosed);
    if !update.next.is_synced() && !is_closed {
        assert!(grants_good(&after.rules()), "an unusable text took rules away");
    }
    is_sound(SourceName::EksConfigMap, &update.next.rules(), text);
    all_good(&update.diagnostics) && update.next.is_synced()
}

/// The `server` section of a config file is read or refused, and what is read gives nobody more than it says.
pub fn config_file(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Ok(document) = Document::parse(text) else { return false };
    let Ok(section) = document.into_root().into_map() else { return false };
    match ConfigFile::load(section) {
        Ok(loaded) => {
            let good = all_good(&loaded.diagnostics);
            is_sound(SourceName::MountedFile, &loaded.next.rules(), text);
            good
        }
        Err(error) => {
            assert!(!all_good(error.diagnostics()), "it is refused without a reason");
            false
        }
    }
}

/// The spec of a custom resource is used, or what its object said before stays in force, or nobody is let in by it.
pub fn custom_resource(data: &[u8]) -> bool {
    let Ok(spec) = std::str::from_utf8(data) else { return false };
    let object = |spec| Object { name: "x", uid: "1", created: SystemTime::UNIX_EPOCH, spec };
    let before = CustomResource::update(None, &object(GOOD_SPEC)).next;
    let update = CustomResource::update(None, &object(spec));
    let after = CustomResource::update(Some(&before), &object(spec)).next;
    let good = all_good(&update.diagnostics);
    assert_eq!(update.next.is_usable(), good, "{:?}", update.diagnostics);
    if !good {
        let rules = custom_resource::rules([&after]).rules;
        let is_closed = rules.rule_count() == 0 && rules.closed_count() > 0;
        assert!(is_closed || (grants_good(&rules) && rules.kept_count() == 1), "an unusable spec took a rule away");
    }
    is_sound(SourceName::Crd, &custom_resource::rules([&update.next]).rules, spec);
    good
}

/// A dynamic file is used, or the rules of before stay in force; and no part of one is taken for a whole one.
pub fn dynamic_file(data: &[u8]) -> bool {
    let read = |before: Option<&DynamicFile>, data| DynamicFile::update(before, Some(data), UserIds::Optional);
    let before = read(None, GOOD_FILE.as_bytes()).next;
    let update = read(None, data);
    if !update.next.is_synced() {
        assert!(!all_good(&update.diagnostics), "it is refused without a reason");
    }
    let after = read(Some(&before), data).next;
    if update.next.rules().is_complete() {
        // An entry that says something else of a principal that was there may go on as before.
        let kept = after.rules().kept_count();
        assert_eq!(after.rules().rule_count() - kept, update.next.rules().rule_count());
        let cut = data.trim_ascii_end().len() / 2;
        let half = read(Some(&before), data.get(..cut).unwrap_or_default()).next;
        assert!(grants_good(&half.rules()), "half a file took rules away");
        serde_json::from_slice::<IgnoredAny>(data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data))
            .expect("it is JSON");
    }
    let text = String::from_utf8_lossy(data);
    is_sound(SourceName::DynamicFile, &update.next.rules(), &text);
    let strict = DynamicFile::update(None, Some(data), UserIds::Required).next;
    assert!(strict.rules().rule_count() <= update.next.rules().rule_count());
    all_good(&update.diagnostics) && update.next.is_synced()
}

/// Whether nothing is wrong; each line is one line that a log can hold.
fn all_good(diagnostics: &[Diagnostic]) -> bool {
    assert!(diagnostics.len() <= 1000, "{} diagnostics", diagnostics.len());
    for diagnostic in diagnostics {
        let line = diagnostic.to_string();
        assert!(!line.chars().any(char::is_control) && line.len() < 4000, "{line:?}");
    }
    diagnostics.iter().all(|diagnostic| diagnostic.severity() == Severity::Warning)
}

/// Whoever gets in has a name without braces and control characters; `system:masters` is given only where it is written;
/// and a second look says the same.
fn is_sound(source: SourceName, rules: &Arc<RuleSet>, text: &str) {
    let chain = Chain::new(vec![Source::new(source, Some(Arc::clone(rules)))]);
    for caller in callers() {
        let decision = chain.decide(&caller);
        assert_eq!(decision, chain.decide(&caller));
        let Decision::Granted(grant) = decision else { continue };
        let names = || std::iter::once(grant.username()).chain(grant.groups().iter().map(String::as_str));
        assert!(names().all(|name| !name.trim().is_empty()), "{grant:?}");
        assert!(!names().any(|name| name.contains(['{', '}']) || name.chars().any(char::is_control)), "{grant:?}");
        // A text may write it with escapes, but not without one of these.
        let may_be_written = text.contains("system:masters") || text.contains(['\\', '\n', '&']);
        assert!(may_be_written || !grant.groups().iter().any(|group| group == "system:masters"), "{grant:?}");
    }
}

fn grants_good(rules: &RuleSet) -> bool {
    rules.rule_count() == 1
}

fn callers() -> [Identity; 3] {
    let caller = |arn: &str, user_id: &str| {
        Identity::new(arn.parse().expect("an ARN"), user_id, "ASIAEXAMPLE".to_owned()).expect("facts that fit together")
    };
    [
        caller("arn:aws:sts::123456789012:assumed-role/X/jane@example.com", "AROAX:jane@example.com"),
        caller("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_A_0123456789abcdef/s", "AROAY:s"),
        caller("arn:aws:iam::123456789012:user/path/u", "AIDAX"),
    ]
}

fn parse(data: &[u8]) -> Option<Principal> {
    std::str::from_utf8(data).ok()?.parse().ok()
}

const GOOD: &str = "- {rolearn: 'arn:aws:iam::123456789012:role/Good', username: good}";
const GOOD_SPEC: &str = r#"{"arn": "arn:aws:iam::123456789012:role/Good", "username": "good"}"#;
const GOOD_FILE: &str = r#"{"mapRoles": [{"rolearn": "arn:aws:iam::123456789012:role/Good", "username": "good"}]}"#;
