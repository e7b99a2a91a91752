//! The dynamic file: one JSON object that another program writes.

use mapping::{
    Chain, Decision, RefusalReason, Source, SourceName,
    format::{
        Update,
        dynamic_file::{DynamicFile, UserIds},
    },
};

use crate::support::{granted, lines, reason, session, session_with_id, user};

fn first(text: &str) -> Update<DynamicFile> {
    DynamicFile::update(None, Some(text.as_bytes()), UserIds::Optional)
}

fn strict(text: &str) -> Update<DynamicFile> {
    DynamicFile::update(None, Some(text.as_bytes()), UserIds::Required)
}

fn chain(update: &Update<DynamicFile>) -> Chain {
    Chain::new(vec![Source::new(SourceName::DynamicFile, Some(update.next.rules()))])
}

/// As the Go program's README has it, tabs and all.
const GOOD: &str = "{\n\t\"LastUpdatedDateTime\": \"1669926462\",\n\t\"Version\": \"1\",\n\t\"mapRoles\": [\n\t\t{\n\
    \t\t\t\"rolearn\": \"arn:aws:iam::123456789012:role\\/Admin\",\n\t\t\t\"username\": \"admin\",\n\
    \t\t\t\"groups\": [\"g\"]\n\t\t}\n\t],\n\t\"mapUsers\": [\n\t\t{\"userarn\": \"arn:aws:iam::123456789012:user/jane\", \
    \"username\": \"jane\", \"groups\": null}\n\t],\n\t\"mapAccounts\": [\"012345678901\"]\n}\n";

#[test]
fn a_file_of_the_go_program_is_read() {
    let update = first(GOOD);
    assert_eq!(lines(&update.diagnostics), [""; 0]);
    assert!(update.next.is_synced());
    assert_eq!(update.next.rules().account_count(), 1);
    assert_eq!(granted(chain(&update).decide(&session("Admin", "s"))).groups(), ["g"]);
    assert_eq!(granted(chain(&update).decide(&user("jane"))).username(), "jane");
}

/// What the file is while it is being written, at every byte.
#[test]
fn no_beginning_of_a_file_is_taken_for_a_file() {
    let good = first(GOOD).next;
    for end in 0..GOOD.trim_end().len() {
        let update = DynamicFile::update(Some(&good), GOOD.as_bytes().get(..end), UserIds::Optional);
        assert_eq!(update.next.rules().rule_count(), 2, "{end}");
        let line = lines(&update.diagnostics).concat();
        assert!(line.contains("error not_yaml") && line.ends_with("; what it held before stays in force"), "{line}");
    }
}

#[test]
fn what_is_no_json_object_keeps_everything_that_was_there() {
    for (bytes, said) in [
        (&b""[..], "line 1 column 1: error not_yaml: it is not a JSON object"),
        (b"null", "line 1 column 1: error not_yaml: it is not a JSON object"),
        (b"[]", "line 1 column 1: error not_yaml: it is not a JSON object"),
        (b"mapRoles: []", "line 1 column 1: error not_yaml: it is not a JSON object"),
        (b"{}{}", "line 1 column 3: error not_yaml: something follows after the end of the JSON value"),
        (b"{} # x", "line 1 column 4: error not_yaml: something follows after the end of the JSON value"),
        (b"{mapRoles: []}", "line 1 column 2: error not_yaml: a key in double quotes is expected"),
        (b"{\"mapRoles\": [],}", "line 1 column 17: error not_yaml: a key in double quotes is expected"),
        (b"{\"mapRoles\": [],\n \"v\xe4\": 1}", "line 2 column 4: error not_yaml: it is not UTF-8 from here on"),
        (b"{\0}", "line 1 column 2: error not_yaml: a key in double quotes is expected"),
    ] {
        let before = DynamicFile::update(None, Some(GOOD.as_bytes()), UserIds::Optional).next;
        let update = DynamicFile::update(Some(&before), Some(bytes), UserIds::Optional);
        assert_eq!(
            lines(&update.diagnostics),
            [format!("DynamicFile file {said}; what it held before stays in force")]
        );
        assert_eq!((update.next.rules().rule_count(), update.next.is_synced()), (2, true));

        let update = DynamicFile::update(None, Some(bytes), UserIds::Optional);
        assert_eq!(lines(&update.diagnostics), [format!("DynamicFile file {said}; nothing is known of what it holds")]);
        assert!(!update.next.is_synced());
        assert_eq!(chain(&update).decide(&session("Admin", "s")), Decision::Undecided(SourceName::DynamicFile));
    }
}

#[test]
fn a_key_that_cannot_be_used_keeps_what_it_held() {
    let before = first(GOOD).next;
    let text = r#"{"mapRoles": "x", "mapUsers": [{"username": "x"}]}"#;
    let update = DynamicFile::update(Some(&before), Some(text.as_bytes()), UserIds::Optional);
    assert_eq!(
        lines(&update.diagnostics),
        [
            "DynamicFile mapRoles line 1 column 14: error not_a_list: expected a list, found \"x\"; \
             what the key held before stays in force; each entry of the list begins with a dash",
            "DynamicFile mapUsers[0] line 1 column 32: error missing_arn: the entry has no userarn",
            "DynamicFile mapUsers line 1 column 31: error no_usable_entry: not one entry of the list is usable; \
             what the key held before stays in force",
            "DynamicFile mapAccounts: warning emptied: the key is gone: it held 1 entry, and none is left"
        ]
    );
    assert_eq!((update.next.rules().rule_count(), update.next.rules().account_count()), (2, 0));

    let update = first(text);
    assert!(!update.next.is_synced());
    assert_eq!(
        lines(&update.diagnostics)[0],
        "DynamicFile mapRoles line 1 column 14: error not_a_list: expected a list, found \"x\"; the key was never usable, \
         so that the dynamic file has no answer for those whom its other keys do not name; \
         each entry of the list begins with a dash"
    );
}

#[test]
fn a_bad_entry_is_skipped_and_the_others_are_used() {
    let text = GOOD.replace("\"mapRoles\": [", "\"mapRoles\": [{\"rolearn\": \"x\", \"username\": \"y\"}, 7, ");
    let update = first(&text);
    let codes: Vec<_> = update.diagnostics.iter().map(|diagnostic| diagnostic.code().as_str()).collect();
    assert_eq!(codes, ["invalid_arn", "wrong_type"]);
    assert_eq!((update.next.rules().rule_count(), update.next.is_synced()), (2, true));
}

#[test]
fn a_deleted_file_and_a_deleted_key_empty_what_they_held() {
    let before = first(GOOD).next;
    for gone in [None, Some(&b"{}"[..]), Some(br#"{"mapRoles": [], "mapUsers": null}"#)] {
        let update = DynamicFile::update(Some(&before), gone, UserIds::Optional);
        assert!(update.diagnostics.iter().all(|diagnostic| diagnostic.code().as_str() == "emptied"));
        assert_eq!((update.next.rules().rule_count(), update.next.is_synced()), (0, true));
    }
    let never = DynamicFile::update(None, None::<&[u8]>, UserIds::Optional);
    assert!(never.next.is_synced() && never.diagnostics.is_empty());
}

#[test]
fn keys_are_read_in_any_case_and_unknown_ones_reported() {
    let update = first(r#"{"MAPROLES": [], "mapRole": [], "lastupdateddatetime": "", "note": 1}"#);
    assert_eq!(
        lines(&update.diagnostics),
        [
            "DynamicFile file line 1 column 18: warning unknown_key: unknown key \"mapRole\"; did you mean \"mapRoles\"?",
            "DynamicFile file line 1 column 60: warning unknown_key: unknown key \"note\""
        ]
    );
}

#[test]
fn where_unique_ids_are_required_an_entry_without_one_is_not_used() {
    let update = strict(
        r#"{"mapRoles": [{"userid": "AROAX", "username": "x"},
            {"rolearn": "arn:aws:iam::123456789012:role/Admin", "username": "admin"}],
            "mapUsers": [{"userarn": "", "userid": "AIDAX", "username": "y"}]}"#,
    );
    assert_eq!(
        lines(&update.diagnostics)[0],
        "DynamicFile mapRoles[1] line 2 column 13: error missing_userid: the entry has no userid, \
         and dynamicfileUserIDStrict asks for one in every entry"
    );
    assert_eq!(reason(chain(&update).decide(&session("Admin", "s"))), RefusalReason::ClosedEntry);
    assert_eq!(granted(chain(&update).decide(&session_with_id("Whatever", "s", "AROAX"))).username(), "x");
}

#[test]
fn the_time_at_which_a_file_says_it_was_written_is_read_and_outlives_a_text_that_is_none() {
    for (text, written) in [
        (r#"{"LastUpdatedDateTime": "1669926462"}"#, Some(1_669_926_462)),
        (r#"{"lastupdateddatetime": 1669926462}"#, Some(1_669_926_462)),
        (r#"{"LastUpdatedDateTime": "yesterday"}"#, None),
        (r#"{"LastUpdatedDateTime": {}}"#, None),
        (r#"{"LastUpdatedDateTime": ""}"#, None),
        ("{}", None),
    ] {
        let update = first(text);
        assert_eq!(update.next.last_updated(), written, "{text}");
        assert!(update.diagnostics.is_empty(), "{text}");
        let broken = DynamicFile::update(Some(&update.next), Some(b"{"), UserIds::Optional);
        assert_eq!(broken.next.last_updated(), written, "{text}");
    }
}
