//! A text as the words that a shell would make of it, without anything else that a shell does: Python's `shlex.split`, with
//! which aws-cli reads names of profiles and the command of a credential process.

/// A quote that is not closed, or a backslash at the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a quote is not closed, or a backslash stands at the end")]
pub struct Unfinished;

/// The words of a text, parted by spaces, tabs and line ends. Single quotes keep all that they hold; double quotes all but a
/// backslash before a backslash or a double quote; a backslash outside of quotes keeps what follows it.
pub(crate) fn split(text: &str) -> Result<Vec<String>, Unfinished> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => quoted(c, &mut rest, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(rest.next().ok_or(Unfinished)?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Adds to the word what stands before the closing quote.
fn quoted(quote: char, rest: &mut impl Iterator<Item = char>, word: &mut String) -> Result<(), Unfinished> {
    loop {
        match rest.next().ok_or(Unfinished)? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => match rest.next().ok_or(Unfinished)? {
                c @ ('\\' | '"') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}
