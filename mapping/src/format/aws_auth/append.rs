//! One more item at the end of a list of YAML, by adding text and changing none.

use crate::format::yaml::{Document, Limits, Location, Node};

/// Why text cannot be added to, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Obstacle {
    pub(super) location: Location,
    pub(super) reason: String,
}

/// The text with an item at the end of its list; `item` writes it with its dash in the column it is given, counted from zero.
///
/// The text is one that can be read, or says nothing. Whether the new one says what it should is for whoever asks to see: a
/// document's end, for instance, may stand before it.
pub(super) fn append(text: &str, item: impl Fn(usize) -> String) -> Result<String, Obstacle> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let item = |column| item(column).replace('\n', newline);
    if NOTHING.contains(&text.trim()) {
        return Ok(item(0));
    }
    if says_nothing(text) {
        return Ok(format!("{}{}", ended(text, newline), item(0)));
    }
    let obstacle = |location, reason: &str| Obstacle { location, reason: reason.to_owned() };
    let document = Document::parse_within(text, Limits::OBJECT);
    let document = document.map_err(|error| obstacle(error.location(), error.message()))?;
    let at = document.root().location();
    let Some((before, rest)) = offset(text, at).and_then(|at| text.split_at_checked(at)) else {
        return Err(obstacle(at, UNKNOWN));
    };
    // What stands before it in its line: nothing but indentation, or a place that nothing can be written to.
    let (above, indentation) = before.rsplit_once('\n').unwrap_or(("", before));
    let is_alone = indentation.bytes().all(|byte| byte == b' ');
    match document.root().as_seq().map(<[Node]>::is_empty) {
        Ok(false) if is_alone && rest.starts_with('-') => {
            Ok(format!("{}{}", ended(text, newline), item(indentation.len())))
        }
        Ok(true) if is_alone && says_nothing(above) && without_brackets(rest).is_some_and(says_nothing) => {
            let after = without_brackets(rest).unwrap_or_default();
            let item = item(indentation.len());
            let item = item.strip_prefix(indentation).unwrap_or(&item);
            let item = if after.starts_with(newline) { item.strip_suffix(newline).unwrap_or(item) } else { item };
            Ok(format!("{before}{item}{after}"))
        }
        Ok(_) if rest.starts_with('[') => Err(obstacle(at, "the list is in flow style, between brackets")),
        _ => Err(obstacle(at, UNKNOWN)),
    }
}

/// Whether there is nothing but comments.
fn says_nothing(text: &str) -> bool {
    text.lines().map(str::trim_start).all(|line| line.is_empty() || line.starts_with('#'))
}

/// What follows an empty list.
fn without_brackets(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.trim_start().strip_prefix(']')
}

/// The text, its last line ended.
fn ended(text: &str, newline: &str) -> String {
    let end = if text.ends_with('\n') { "" } else { newline };
    format!("{text}{end}")
}

/// The byte at a place.
fn offset(text: &str, at: Location) -> Option<usize> {
    let line = text.split_inclusive('\n').take(at.line().checked_sub(1)?).map(str::len).sum::<usize>();
    let (column, _) = text.get(line..)?.char_indices().nth(at.column().checked_sub(1)?)?;
    line.checked_add(column)
}

/// All that a key may hold and be empty, comments aside: the first four are so to aws-iam-authenticator (`isSkippable`).
const NOTHING: [&str; 6] = ["", "``", "\"\"", "''", "~", "null"];

const UNKNOWN: &str = "the list is written in a way that nothing can be added to";
