//! The parser's events, and its errors in our words and places.

use granit_parser::{ErrorKind, Marker, Parser, ScanError, StrInput, options};

use super::{Location, YamlError, build::too_deep};

/// The events of a text.
pub(super) fn of(text: &str) -> Parser<'_, StrInput<'_>> {
    let options = options! {
        emit_comments: false,
        emit_anchor_events: true,
        // YAML 1.2.2, `b-chomped-last`; Go's readers and PyYAML have it so too.
        block_scalar_eof_without_line_feed: true,
    };
    Parser::new_from_str_with_options(text, options)
}

/// Lets through what YAML calls `c-printable`, but for the characters that end a line in YAML 1.1, which Go's readers and
/// PyYAML follow here, and not in YAML 1.2. Without this check the parser would take a NUL for the end of the text.
pub(super) fn refuse_characters(text: &str) -> Result<(), YamlError> {
    let fault = |c: char| match c {
        '\t' | '\n' | '\r' => None,
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Some("ends a line for some readers of YAML only: write it as an escape in double quotes")
        }
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => Some("must not stand in YAML"),
        c => c.is_control().then_some("must not stand in YAML"),
    };
    for (line, number) in text.split('\n').zip(1..) {
        if let Some((fault, c, column)) = line.chars().zip(1..).find_map(|(c, column)| Some((fault(c)?, c, column))) {
            let message = format!("the character U+{:04X} {fault}", u32::from(c));
            return Err(YamlError::new(Location::new(number, column), message));
        }
    }
    Ok(())
}

impl From<Marker> for Location {
    fn from(marker: Marker) -> Self {
        Self::new(marker.line(), marker.col().saturating_add(1))
    }
}

/// The parser's error, at the place a person looks for it.
pub(super) fn place(error: &ScanError, text: &str) -> YamlError {
    let at = Location::from(*error.marker());
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(at);
    }
    if is_about_tabs(error.kind()) {
        // The parser names the value before the tab.
        let indented = |line: &str| {
            line.find(|c| c != ' ').and_then(|spaces| line.get(spaces..)?.starts_with('\t').then_some(spaces))
        };
        let from_there = text.lines().zip(1..).skip(at.line().saturating_sub(1));
        if let Some((spaces, line)) = from_there.filter_map(|(line, number)| Some((indented(line)?, number))).next() {
            return YamlError::new(
                Location::new(line, spaces.saturating_add(1)),
                "a tab in the indentation; YAML takes spaces only",
            );
        }
    }
    // The parser counts one line more at the end of the text than a person does.
    let (last, lines) = text.lines().zip(1..).last().unwrap_or(("", 1));
    let at = if at.line() > lines { Location::new(lines, last.chars().count().saturating_add(1)) } else { at };
    // Its words may quote the text.
    YamlError::new(at, error.info().chars().filter(|c| !c.is_control()).collect::<String>())
}

fn is_about_tabs(error: &ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
    )
}
