//! A small reader of YAML, and one of JSON, that know where everything stands.
//!
//! Scalars stay the text that was written: nothing is taken for a number, so that an account id keeps its zeros. One
//! document per text, with separators (`---`, `...`) round it; anchors, aliases and merge keys (`<<`) are expanded; every
//! bound is named in [`Limits`]. What readers of YAML 1.1 and of YAML 1.2 take for two different things is refused.
//!
//! ```
//! use mapping::format::yaml::Document;
//!
//! let document = Document::parse("server:\n  port: 21362\n")?;
//! let server = document.root().as_map()?.get_ignore_case("SERVER").expect("it is there").as_map()?;
//! let port = server.get_ignore_case("port").expect("it is there");
//! assert_eq!(port.as_port()?, 21362);
//! assert_eq!(port.as_bool().unwrap_err().to_string(), "line 2 column 9: expected true or false, found \"21362\"");
//! # Ok::<(), mapping::format::yaml::YamlError>(())
//! ```

mod build;
mod events;
mod json;
mod quote;

use std::{fmt, mem, str::FromStr, sync::Arc};

use compact_str::CompactString;
use thiserror::Error;

use crate::diagnostic::Quoted;

pub use build::{Limits, MAX_DEPTH};
pub use quote::quoted;

/// A text, read.
#[derive(Clone, Debug)]
pub struct Document {
    root: Node,
}

/// A value in a document, and where it stands.
///
/// A value that has no certain meaning by itself (a mapping with a key twice, a tag that asks for what is not done) is an
/// error for whoever reads it, and leaves the rest of the document its own.
#[derive(Clone, Debug)]
pub struct Node {
    location: Location,
    content: Content,
}

/// A mapping of the document: its entries in the order they were written.
///
/// No two keys of one mapping are equal without regard to ASCII case, because no reader of this project tells them
/// apart.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Box<[Entry]>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Shared: the entries of a list have the same few keys.
    key: Arc<str>,
    location: Location,
    value: Node,
}

/// A place in a text; both numbers count from one, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Location {
    line: u32,
    column: u32,
}

/// What is wrong in a text, and where.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{location}: {message}")]
pub struct YamlError {
    location: Location,
    message: String,
}

#[derive(Clone, Debug)]
enum Content {
    /// Nothing after the colon or dash, `~` or `null`.
    Null,
    Scalar(CompactString),
    Seq(Box<[Node]>),
    Map(Map),
    /// What has no certain meaning by itself, and leaves the rest of the document its own: whoever reads it gets the error.
    Broken(Box<YamlError>),
    /// A mapping of which the same holds, with all that is written in it, each key as often as it is.
    Unclear(Box<(Map, YamlError)>),
}

impl Document {
    /// Reads a file's text, within [`Limits::FILE`].
    ///
    /// A text with nothing in it is null. A byte order mark at its very beginning is skipped.
    ///
    /// # Errors
    ///
    /// When it is not YAML, holds a second document that says something, has a character that is not printable or that ends a
    /// line in YAML 1.1 only, or is larger or deeper than is read, aliases counted as what they stand for.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        Self::parse_within(text, Limits::FILE)
    }

    /// Reads a text within other limits.
    ///
    /// # Errors
    ///
    /// As [`Document::parse`].
    pub fn parse_within(text: &str, limits: Limits) -> Result<Self, YamlError> {
        build::build(text, limits).map(|root| Self { root })
    }

    /// Reads a text of JSON (RFC 8259) within these limits; a byte order mark at its very beginning is skipped.
    ///
    /// Numbers stay the text that was written, as in YAML.
    ///
    /// ```
    /// use mapping::format::yaml::{Document, Limits};
    ///
    /// let document = Document::parse_json("{\"accounts\":\n [12]}", Limits::OBJECT)?;
    /// let accounts = document.root().as_map()?.get_ignore_case("accounts").expect("it is there").as_seq()?;
    /// assert_eq!(accounts[0].as_text(), Ok("12"));
    ///
    /// let error = Document::parse_json("{\"accounts\": [12,]}", Limits::OBJECT).unwrap_err();
    /// assert_eq!(error.to_string(), "line 1 column 18: a JSON value is expected");
    /// # Ok::<(), mapping::format::yaml::YamlError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is not JSON, or larger or deeper than is read.
    pub fn parse_json(text: &str, limits: Limits) -> Result<Self, YamlError> {
        json::build(text, limits).map(|root| Self { root })
    }

    /// The value at the top.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The value at the top, for whoever takes it apart: what was read of it needs no memory any longer.
    #[must_use]
    pub fn into_root(self) -> Node {
        self.root
    }
}

impl Node {
    /// Where it begins.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// Whether nothing was written, or `~`, or `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The keys and values of a mapping.
    ///
    /// # Errors
    ///
    /// When it is something else, null included.
    pub fn as_map(&self) -> Result<&Map, YamlError> {
        match &self.content {
            Content::Map(map) => Ok(map),
            _ => Err(self.expected("a mapping")),
        }
    }

    /// The keys and values of a mapping, to take apart.
    ///
    /// # Errors
    ///
    /// As [`Node::as_map`].
    pub fn into_map(self) -> Result<Map, YamlError> {
        match self.content {
            Content::Map(map) => Ok(map),
            _ => Err(self.expected("a mapping")),
        }
    }

    /// All that is written in a mapping that has no certain meaning (a key twice, for instance), each key as often as it is.
    pub(crate) fn as_unclear_map(&self) -> Option<&Map> {
        match &self.content {
            Content::Unclear(unclear) => Some(&unclear.0),
            _ => None,
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    ///
    /// When it is something else, null included.
    pub fn as_seq(&self) -> Result<&[Self], YamlError> {
        match &self.content {
            Content::Seq(items) => Ok(items),
            _ => Err(self.expected("a list")),
        }
    }

    /// The items of a list, to take apart.
    pub(crate) fn into_seq(self) -> Result<Vec<Self>, YamlError> {
        match self.content {
            Content::Seq(items) => Ok(items.into()),
            _ => Err(self.expected("a list")),
        }
    }

    /// The text of a scalar, as it was written (quotes and escapes undone).
    ///
    /// # Errors
    ///
    /// When it is a mapping, a list or null.
    pub fn as_text(&self) -> Result<&str, YamlError> {
        match &self.content {
            Content::Scalar(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    /// `true` or `false`, in any case.
    ///
    /// # Errors
    ///
    /// When it is anything else; `yes`, `on` and `1` too.
    pub fn as_bool(&self) -> Result<bool, YamlError> {
        match &self.content {
            Content::Scalar(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Content::Scalar(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.expected("true or false")),
        }
    }

    /// A port number: 0 to 65535, digits only.
    ///
    /// # Errors
    ///
    /// When it is anything else.
    pub fn as_port(&self) -> Result<u16, YamlError> {
        let wrong = || self.expected("a port number from 0 to 65535");
        match &self.content {
            Content::Scalar(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }

    /// The text of a scalar, read as `T`.
    ///
    /// # Errors
    ///
    /// When it is no scalar, or `T` does not read it: then with what `T` says about it.
    pub fn as_parsed<T>(&self) -> Result<T, YamlError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let text = self.as_text()?;
        text.parse().map_err(|error| self.error(format!("{}: {error}", Quoted(text))))
    }

    /// An error that stands where this node stands.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> YamlError {
        YamlError::new(self.location, message)
    }

    /// The parts of a scalar between these separators, all of them where it stands; of an empty one none.
    pub(crate) fn split(&self, separator: char) -> Option<Vec<Self>> {
        let text = self.as_text().ok()?;
        let part = |part: &str| Self { location: self.location, content: Content::Scalar(part.into()) };
        Some(text.split(separator).map(part).filter(|_| !text.is_empty()).collect())
    }

    fn expected(&self, what: &str) -> YamlError {
        match &self.content {
            Content::Null => self.error(format!("expected {what}, found nothing")),
            Content::Scalar(text) => self.error(format!("expected {what}, found {}", Quoted(text))),
            Content::Seq(_) => self.error(format!("expected {what}, found a list")),
            Content::Map(_) => self.error(format!("expected {what}, found a mapping")),
            Content::Broken(error) => (**error).clone(),
            Content::Unclear(unclear) => unclear.1.clone(),
        }
    }
}

impl Map {
    /// The entries in the order they were written; those of merge keys last.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The value under a key, found without regard to ASCII case.
    #[must_use]
    pub fn get_ignore_case(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)).map(Entry::value)
    }

    /// The value under a key, found without regard to ASCII case, and null in its place.
    pub fn take_ignore_case(&mut self, key: &str) -> Option<Node> {
        let value = &mut self.entries.iter_mut().find(|entry| entry.key.eq_ignore_ascii_case(key))?.value;
        let content = mem::replace(&mut value.content, Content::Null);
        Some(Node { location: value.location, content })
    }
}

impl Entry {
    /// The key as it was written.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the key stands.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Node {
        &self.value
    }
}

impl Location {
    /// Where a text begins.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// No text is as long as such a number; if one were, the last one would do.
    pub(crate) fn new(line: usize, column: usize) -> Self {
        let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: narrow(line), column: narrow(column) }
    }

    /// The line, counted from one.
    #[must_use]
    pub fn line(self) -> usize {
        usize::try_from(self.line).unwrap_or(usize::MAX)
    }

    /// The column in characters, counted from one.
    #[must_use]
    pub fn column(self) -> usize {
        usize::try_from(self.column).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

impl YamlError {
    pub(crate) fn new(location: Location, message: impl Into<String>) -> Self {
        Self { location, message: message.into() }
    }

    /// Where it is wrong.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// The line, counted from one.
    #[must_use]
    pub fn line(&self) -> usize {
        self.location.line()
    }

    /// The column in characters, counted from one.
    #[must_use]
    pub fn column(&self) -> usize {
        self.location.column()
    }

    /// What is wrong, on one line and safe to log.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The candidate that was probably meant by a misspelt word, if one is near enough.
///
/// ```
/// use mapping::format::yaml::nearest;
///
/// assert_eq!(nearest("role_arn", ["rolearn", "username"]), Some("rolearn"));
/// assert_eq!(nearest("colour", ["rolearn", "username"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Also keeps the comparison, which costs the product of both lengths, small.
    if word.len() > MAX_WORD_BYTES {
        return None;
    }
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| {
            let plain_candidate = plain(candidate);
            let allowed = (plain_candidate.chars().count() / 3).max(1);
            (strsim::damerau_levenshtein(&word, &plain_candidate), allowed, candidate)
        })
        .filter(|(distance, allowed, _)| distance <= allowed)
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, _, candidate)| candidate)
}

/// People mistake case, dashes and underscores before anything else.
pub(crate) fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// The longest word that is looked up: no key of any config is as long.
const MAX_WORD_BYTES: usize = 64;
