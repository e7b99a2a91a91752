//! A ConfigMap as people read it.

use k8s_openapi::api::core::v1::ConfigMap;
use mapping::format::yaml::quoted;

/// The ConfigMap in YAML: what it is called, its version, and its data, each text as it is, unless there is something in it that
/// a terminal would not show.
pub(super) fn yaml(object: &ConfigMap) -> String {
    let mut text = "data:\n".to_owned();
    for (key, value) in object.data.iter().flatten() {
        let is_plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let key = if is_plain { key.clone() } else { quoted(key) };
        text.push_str(&format!("  {key}: {}\n", scalar(value)));
    }
    text.push_str("metadata:\n");
    let metadata = &object.metadata;
    for (key, value) in [
        ("name", &metadata.name),
        ("namespace", &metadata.namespace),
        ("resourceVersion", &metadata.resource_version),
        ("uid", &metadata.uid),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("  {key}: {}\n", quoted(value)));
        }
    }
    text
}

/// A text as a block, so that its comments and lines are there to be read; in quotes where no block can hold it.
fn scalar(text: &str) -> String {
    let is_seen = |c: char| matches!(c, '\n' | ' '..='~') || c.is_alphanumeric();
    // The indentation of a block is that of its first line with something in it.
    let is_indented = text.trim_start_matches('\n').starts_with(' ');
    if text.trim().is_empty() || is_indented || !text.chars().all(is_seen) {
        return quoted(text);
    }
    let (body, kept) = match text.strip_suffix('\n') {
        Some(body) if body.ends_with('\n') => (body, "+"),
        Some(body) => (body, ""),
        None => (text, "-"),
    };
    let lines = body.split('\n').map(|line| if line.is_empty() { "\n".to_owned() } else { format!("\n    {line}") });
    format!("|{kept}{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mapping::format::yaml::Document;

    use super::*;

    fn shown(texts: &[&str]) -> String {
        let data: BTreeMap<_, _> =
            texts.iter().zip('a'..).map(|(text, key)| (key.into(), (*text).to_owned())).collect();
        yaml(&ConfigMap { data: Some(data), ..ConfigMap::default() })
    }

    #[test]
    fn what_is_shown_is_what_is_there() {
        let texts = [
            "",
            "\n",
            "a",
            "a\n",
            "a\n\n\n",
            "\n\na: b\n\n- c\n",
            "  a\n b\n",
            "a\r\nb",
            "a\u{202e}b",
            "\t",
            "- a # b\n",
        ];
        let shown = shown(&texts);
        let document = Document::parse(&shown).unwrap();
        let data = document.root().as_map().unwrap().get_ignore_case("data").unwrap();
        let read: Vec<_> = data.as_map().unwrap().entries().iter().map(|e| e.value().as_text().unwrap()).collect();
        assert_eq!(read, texts, "{shown}");
    }

    #[test]
    fn lines_are_lines_and_nothing_is_sent_to_a_terminal_that_is_not_seen() {
        assert!(shown(&["# x\n- a\n"]).starts_with("data:\n  a: |\n    # x\n    - a\nmetadata:\n"));
        assert!(shown(&["\u{1b}[31m\u{9b}"]).contains(r#""\U0000001B[31m\U0000009B""#));
    }
}
