//! Scalars that are written.

/// A text as a double-quoted scalar of YAML, on one line; what cannot be seen in it is escaped.
///
/// ```
/// use mapping::format::yaml::{Document, quoted};
///
/// assert_eq!(quoted("a \"b\"\n\u{202e}"), r#""a \"b\"\n\U0000202E""#);
/// assert_eq!(Document::parse(&quoted("a\u{7}"))?.root().as_text()?, "a\u{7}");
/// # Ok::<(), mapping::format::yaml::YamlError>(())
/// ```
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(c),
            _ if c.is_alphanumeric() => quoted.push(c),
            _ => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}
