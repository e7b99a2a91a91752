//! Every shape of wrong text, in every source: it is told, and takes away nothing whose meaning is certain.

use std::{fmt::Write as _, sync::Arc, time::SystemTime};

use mapping::{
    Chain, Decision, Diagnostic, DiagnosticCode, RuleSet, Severity, Source, SourceName,
    format::{
        custom_resource::{self, CustomResource, Object},
        dynamic_file::{DynamicFile, UserIds},
        yaml::{Document, Limits},
    },
};

use crate::support::{aws_auth, config_file, session};

const GOOD: &str = r#"{"ARN": "arn:aws:iam::123456789012:role/Good", "username": "good"}"#;

/// What a source says of these entries of its roles, and the rules that come of them.
fn read(source: SourceName, entries: &[&str]) -> (Arc<RuleSet>, Vec<Diagnostic>) {
    let arn = if source == SourceName::Crd { "\"arn\"" } else { "\"rolearn\"" };
    let entries: Vec<_> = entries.iter().map(|entry| entry.replace("\"ARN\"", arn)).collect();
    let list = format!("[{}]", entries.join(",\n"));
    let object = format!("{{\"mapRoles\": {list}}}");
    match source {
        SourceName::MountedFile => {
            let loaded = config_file(&object).expect("an entry is good");
            (loaded.rules, loaded.diagnostics)
        }
        SourceName::EksConfigMap => {
            let update = aws_auth(&[("mapRoles", &list)]);
            (update.next.rules(), update.diagnostics)
        }
        SourceName::DynamicFile => {
            let update = DynamicFile::update(None, Some(object), UserIds::Optional);
            (update.next.rules(), update.diagnostics)
        }
        SourceName::Crd => {
            let object = |(name, spec): (&&str, &String)| {
                let object = Object { name, uid: name, created: SystemTime::UNIX_EPOCH, spec };
                CustomResource::update(None, &object)
            };
            let updates: Vec<_> = ["a", "b"].iter().zip(&entries).map(object).collect();
            let rules = custom_resource::rules(updates.iter().map(|update| &update.next)).rules;
            (rules, updates.into_iter().flat_map(|update| update.diagnostics).collect())
        }
    }
}

fn lets_in(source: SourceName, rules: &Arc<RuleSet>, role: &str) -> bool {
    let chain = Chain::new(vec![Source::new(source, Some(Arc::clone(rules)))]);
    matches!(chain.decide(&session(role, "s")), Decision::Granted(_))
}

#[test]
fn a_bad_entry_of_whatever_shape_is_told_and_the_other_is_used_in_every_source() {
    const ARN: &str = r#""ARN": "arn:aws:iam::123456789012:role/Bad""#;
    let with = |members: &str| format!("{{{ARN}, {members}}}");
    let rows = [
        ("no mapping but nothing", "null".to_owned(), "wrong_type"),
        ("no mapping but a text", "\"x\"".to_owned(), "wrong_type"),
        ("no mapping but a number", "7".to_owned(), "wrong_type"),
        ("no mapping but a list", "[[]]".to_owned(), "wrong_type"),
        ("an ARN of another type", r#"{"ARN": ["x"], "username": "x"}"#.to_owned(), "wrong_type"),
        ("an ARN that is a mapping", r#"{"ARN": {"x": 1}, "username": "x"}"#.to_owned(), "wrong_type"),
        ("an ARN that is a number", r#"{"ARN": 123456789012, "username": "x"}"#.to_owned(), "invalid_arn"),
        (
            "an ARN with NUL",
            r#"{"ARN": "arn:aws:iam::123456789012:role/B\u0000", "username": "x"}"#.to_owned(),
            "invalid_arn",
        ),
        (
            "an ARN of half a million bytes",
            format!(r#"{{"ARN": "{}", "username": "x"}}"#, "a".repeat(500_000)),
            "invalid_arn",
        ),
        ("no username", format!("{{{ARN}}}"), "missing_username"),
        ("a username of another type", with(r#""username": ["x"]"#), "wrong_type"),
        ("a username with NUL", with(r#""username": "x\u0000""#), "invalid_template"),
        ("a username with a line break", with(r#""username": "x\ny""#), "invalid_template"),
        ("a username with a tab", with(r#""username": "x\ty""#), "invalid_template"),
        ("groups of another type", with(r#""username": "x", "groups": {"a": "b"}"#), "wrong_type"),
        ("groups with a mapping in them", with(r#""username": "x", "groups": ["a", {"b": "c"}]"#), "wrong_type"),
        ("groups with NUL in them", with(r#""username": "x", "groups": ["a\u0000"]"#), "invalid_template"),
        ("a key twice", with(r#""username": "x", "username": "y""#), "wrong_type"),
        ("a key twice in another case", with(r#""username": "x", "UserName": "y""#), "wrong_type"),
        ("its ARN twice", format!(r#"{{{ARN}, {ARN}, "username": "x"}}"#), "wrong_type"),
        ("a userid of another type", with(r#""username": "x", "userid": []"#), "wrong_type"),
        (
            "a deep userid",
            with(&format!(r#""username": "x", "userid": {}{}"#, "[".repeat(20), "]".repeat(20))),
            "wrong_type",
        ),
    ];
    for source in SourceName::ALL {
        for (name, bad, code) in &rows {
            let (rules, diagnostics) = read(source, &[bad, GOOD]);
            // That whom it is about is refused, if anybody can tell, is not what is wrong.
            let wrong = |diagnostic: &&Diagnostic| {
                diagnostic.severity() == Severity::Error && diagnostic.code() != DiagnosticCode::EntryClosed
            };
            let told: Vec<_> = diagnostics.iter().filter(wrong).map(|diagnostic| diagnostic.code().as_str()).collect();
            assert_eq!(told, [*code], "{source}: {name}: {diagnostics:?}");
            assert!(diagnostics.iter().all(|diagnostic| diagnostic.to_string().len() < 1000), "{source}: {name}");
            assert!(lets_in(source, &rules, "Good") && !lets_in(source, &rules, "Bad"), "{source}: {name}");
            assert_eq!(rules.rule_count(), 1, "{source}: {name}");
        }
        // Its twin, with nothing wrong in it.
        let (rules, diagnostics) = read(source, &[&with(r#""username": "x", "groups": ["a"]"#), GOOD]);
        assert!(
            lets_in(source, &rules, "Good") && lets_in(source, &rules, "Bad") && diagnostics.is_empty(),
            "{source}"
        );
    }
}

/// Texts of which nothing can be read: YAML and JSON alike, but for the first ones.
fn unreadable() -> Vec<(&'static str, String)> {
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..40 {
        writeln!(bomb, "a{level}: &a{level} [*a{0}, *a{0}]", level - 1).expect("a text can be written to");
    }
    vec![
        ("an anchor bomb", bomb),
        ("an alias within itself", "a: &a [*a]\n".to_owned()),
        ("a tab in the indentation", "a:\n\t- b\n".to_owned()),
        ("NUL", "{\"a\": \"\0\"}".to_owned()),
        ("an escape character", "{\"a\": \"\u{1b}[31m\"}".to_owned()),
        ("half of it", "{\"a\": [".to_owned()),
        ("two documents", "{}\n---\n{}\n".to_owned()),
        ("a hundred thousand brackets", "[".repeat(100_000)),
        ("a hundred thousand braces", "{\"a\":".repeat(100_000)),
        ("a key of ten million letters", format!("{}: [", "x".repeat(10_000_000))),
        ("ten million brackets", "[]".repeat(5_000_000)),
        ("ten million colons", format!("[{}", ": ".repeat(5_000_000))),
        ("ten million dashes", "- ".repeat(5_000_000)),
    ]
}

fn resource(spec: &str) -> Object<'_> {
    Object { name: "x", uid: "x", created: SystemTime::UNIX_EPOCH, spec }
}

#[test]
fn a_text_that_cannot_be_read_is_told_and_takes_nothing_away_in_every_source() {
    let object = format!("{{\"mapRoles\": [{}]}}", GOOD.replace("ARN\"", "rolearn\""));
    let before = DynamicFile::update(None, Some(&object), UserIds::Optional).next;
    let good = GOOD.replace("ARN\"", "arn\"");
    let resource_before = CustomResource::update(None, &resource(&good)).next;
    for (name, text) in unreadable() {
        let error = Document::parse(&text).map(drop).expect_err(name);
        assert!(error.line() > 0 && !error.message().is_empty() && error.message().len() < 300, "{name}: {error}");
        assert!(Document::parse_json(&text, Limits::FILE).is_err(), "{name}");

        let users = r#"[{"userarn": "arn:aws:iam::123456789012:user/jane", "username": "jane"}]"#;
        let update = aws_auth(&[("mapRoles", &text), ("mapUsers", users)]);
        assert_eq!(update.diagnostics.len(), 1, "{name}");
        assert_eq!((update.next.rules().rule_count(), update.next.is_synced()), (1, false), "{name}");

        let update = DynamicFile::update(Some(&before), Some(&text), UserIds::Optional);
        assert_eq!((update.diagnostics.len(), update.next.rules().rule_count()), (1, 1), "{name}");

        let update = CustomResource::update(Some(&resource_before), &resource(&text));
        assert!(update.next.is_usable() && !update.diagnostics.is_empty(), "{name}");
        assert!(!CustomResource::update(None, &resource(&text)).next.is_usable(), "{name}");
    }
}
