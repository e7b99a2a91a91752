//! Texts that others wrote, fit for a terminal: services, files, the environment.

/// The text in one line, as it is read: what would end the line, speak to the terminal, change the order of what is seen or not be
/// seen at all is shown as it is written in source code.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_visible(c) { shown.push(c) } else { shown.extend(c.escape_debug()) }
    }
    shown
}

/// A JSON document without white space, in which all of that is written as JSON escapes it: it says the same.
pub(crate) fn visible_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        if is_visible(c) {
            shown.push(c);
        } else {
            shown.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    shown
}

/// Whether the character takes its own place in a line. What escapes it in source code knows Unicode's categories.
fn is_visible(c: char) -> bool {
    matches!(c, '\'' | '"' | '\\') || c.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_hides_is_shown_as_in_source_code() {
        for (text, shown) in [
            (
                "plain \"quoted\" it's C:\\x \u{e9}\u{4e2d}\u{1f600}",
                "plain \"quoted\" it's C:\\x \u{e9}\u{4e2d}\u{1f600}",
            ),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("\u{7f}\u{85}\u{9b}", "\\u{7f}\\u{85}\\u{9b}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            // Turns round what follows.
            ("\u{202e}nimda\u{202c}\u{2066}\u{2069}\u{200f}", "\\u{202e}nimda\\u{202c}\\u{2066}\\u{2069}\\u{200f}"),
            // Takes no place.
            ("ad\u{200b}min\u{feff}\u{ad}\u{2060}\u{e0041}", "ad\\u{200b}min\\u{feff}\\u{ad}\\u{2060}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_json_document_says_the_same() {
        let text = "\u{1b}[31m \u{202e} \u{7f} \u{e0041} \u{e9} \"\\ it's\r\n";
        let document = serde_json::to_string(text).unwrap();
        let shown = visible_json(&document);
        assert!(shown.contains("\\u202e") && shown.contains("\\udb40\\udc41") && shown.contains("\u{e9}"), "{shown}");
        assert!(shown.chars().all(is_visible), "{shown:?}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
