//! Edits of a YAML text that leave every other byte as it is. Pure.
//!
//! ```text
//! text ─▶ tree with places ─▶ changes ─▶ splices ─▶ text
//!            └─▶ meaning ─▶ the same changes ─▶ must be the meaning of the new text
//! ```
//!
//! A change is made as splices of the text, and as a change of what the text means. The new text is then read again: unless it
//! means what was wanted, there is no new text. So a way of writing YAML that is not thought of here is an error, never damage.
//! Block and flow style (JSON too) are edited in their own style; what an alias may refer to is not touched.

use std::{fmt, string::FromUtf8Error};

mod splice;
mod tree;
mod value;

pub(super) use tree::Node;
pub(crate) use tree::not_yaml;
use tree::{Content, Tree};
pub(crate) use value::Value;

use splice::Splice;

/// A YAML text that can be edited.
#[derive(Clone, Debug)]
pub(super) struct Document {
    text: String,
    tree: Tree,
}

/// A place in a text; both numbers count from one, columns in characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Location {
    line: usize,
    column: usize,
}

/// What is wrong in a text, or cannot be changed in it, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{location}: {message}")]
pub struct Fault {
    location: Location,
    message: String,
}

/// The way to a value: from the top, one step after the other.
pub(super) type Path = Vec<Step>;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// A change of one collection, or of the whole.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) at: Path,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// Fill a text that says nothing.
    Fill(Value),
    /// Give a key of a mapping this value, whether or not it is there.
    Set(String, Value),
    /// Take a key out of a mapping.
    Remove(String),
    /// Add an item to a list that is not empty.
    Append(Value),
    /// Take an item out of a list that keeps others.
    RemoveItem(usize),
}

impl Document {
    /// Reads a text.
    pub(super) fn parse(text: String) -> Result<Self, Fault> {
        let tree = Tree::parse(&text)?;
        Ok(Self { text, tree })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn root(&self) -> &Node {
        &self.tree.root
    }

    /// The value under a key; `None` where there is no such key, or no mapping.
    pub(super) fn under<'a>(&self, node: &'a Node, key: &str) -> Option<&'a Node> {
        node.entry(key).map(|entry| &entry.value)
    }

    /// The text of a scalar, also by way of an alias; `None` of nothing and of anything else.
    pub(super) fn scalar<'a>(&'a self, node: &'a Node) -> Option<&'a str> {
        self.tree.scalar(node)
    }

    /// The items of a list, none of nothing.
    pub(super) fn items<'a>(&self, node: &'a Node) -> Result<&'a [Node], Fault> {
        match &node.content {
            Content::List { items, .. } => Ok(items),
            _ if node.is_null() => Ok(&[]),
            _ => Err(self.fault(node, "expected a list")),
        }
    }

    /// Lets through a mapping.
    pub(super) fn mapping<'a>(&self, node: &'a Node) -> Result<&'a Node, Fault> {
        match &node.content {
            Content::Map { .. } => Ok(node),
            _ => Err(self.fault(node, "expected a mapping")),
        }
    }

    /// A fault that stands where the node stands.
    pub(super) fn fault(&self, node: &Node, message: impl Into<String>) -> Fault {
        Fault::new(Location::of(&self.text, node.span.start), message)
    }

    /// Makes these changes, one after the other, or none of them.
    pub(super) fn apply(&mut self, changes: Vec<Change>) -> Result<(), Fault> {
        let mut changed = self.clone();
        let mut waiting = changes;
        while !waiting.is_empty() {
            // As many at a time as have nothing to do with each other, so that a long text is not read for each of them.
            let (mut now, mut later): (Vec<Change>, Vec<Change>) = (Vec::new(), Vec::new());
            for change in waiting {
                let apart = |other: &Change| !change.at.starts_with(&other.at) && !other.at.starts_with(&change.at);
                let free = now.iter().chain(&later).all(apart);
                if free { now.push(change) } else { later.push(change) }
            }
            changed.apply_together(&now)?;
            waiting = later;
        }
        *self = changed;
        Ok(())
    }

    fn apply_together(&mut self, changes: &[Change]) -> Result<(), Fault> {
        let mut splices = Vec::new();
        let mut wanted = self.tree.root.meaning();
        for change in changes {
            splices.extend(splice::splices(&self.text, &self.tree.root, change)?);
            if !change.applied_to(&mut wanted) {
                return Err(self.cannot(change));
            }
        }
        if splices.is_empty() {
            return Ok(());
        }
        let text = Splice::apply(splices, &self.text);
        match text.map(|text| (Tree::parse(&text), text)) {
            Some((Ok(tree), text)) if tree.root.meaning() == wanted => {
                *self = Self { text, tree };
                Ok(())
            }
            _ => Err(changes.first().map_or_else(|| self.fault(self.root(), CANNOT), |change| self.cannot(change))),
        }
    }

    fn cannot(&self, change: &Change) -> Fault {
        let mut node = self.root();
        for step in &change.at {
            let Some(next) = splice::step(node, step) else { break };
            node = next;
        }
        self.fault(node, CANNOT)
    }
}

impl Change {
    /// Changes a meaning; whether it could.
    fn applied_to(&self, root: &mut Value) -> bool {
        let mut value = root;
        for step in &self.at {
            let next = match (value, step) {
                (Value::Map(entries), Step::Key(key)) => {
                    entries.iter_mut().find(|(name, _)| is_key(name, key)).map(|(_, value)| value)
                }
                (Value::List(items), Step::Item(index)) => items.get_mut(*index),
                _ => None,
            };
            match next {
                Some(next) => value = next,
                None => return false,
            }
        }
        match (value, &self.what) {
            (value, What::Fill(new)) => *value = new.clone(),
            (Value::Map(entries), What::Set(key, new)) => {
                match entries.iter_mut().find(|(name, _)| is_key(name, key)) {
                    Some((_, value)) => *value = new.clone(),
                    None => entries.push((Value::text(key), new.clone())),
                }
            }
            (Value::Map(entries), What::Remove(key)) => entries.retain(|(name, _)| !is_key(name, key)),
            (Value::List(items), What::Append(new)) => items.push(new.clone()),
            (Value::List(items), What::RemoveItem(index)) if *index < items.len() => drop(items.remove(*index)),
            _ => return false,
        }
        true
    }
}

impl Location {
    const START: Self = Self { line: 1, column: 1 };

    /// The place of a byte.
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        Self {
            line: before.matches('\n').count().saturating_add(1),
            column: line_before(text, at).chars().count().saturating_add(1),
        }
    }

    /// The line, counted from one.
    #[must_use]
    pub fn line(self) -> usize {
        self.line
    }

    /// The column in characters, counted from one.
    #[must_use]
    pub fn column(self) -> usize {
        self.column
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

impl Fault {
    fn new(location: Location, message: impl Into<String>) -> Self {
        Self { location, message: message.into() }
    }

    /// Where it is wrong.
    #[must_use]
    pub fn location(&self) -> Location {
        self.location
    }

    /// What is wrong there.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// That bytes are no text, and from where on.
pub(super) fn not_utf8(error: &FromUtf8Error) -> Fault {
    let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let text = String::from_utf8_lossy(valid);
    Fault::new(Location::of(&text, text.len()), "this is not UTF-8")
}

fn is_key(name: &Value, key: &str) -> bool {
    matches!(name, Value::Text(text) | Value::Plain(text) if text == key)
}

/// The part of a line that stands before this byte of it.
fn line_before(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or(text);
    before.rsplit('\n').next().unwrap_or("")
}

/// The next byte that is neither white space nor in a comment.
fn skip_blank(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(rest) = text.get(at..) {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        at += blank;
        // A comment is set off by white space.
        match text.get(at..) {
            Some(rest) if rest.starts_with('#') && (blank > 0 || line_before(text, at).is_empty()) => {
                at += rest.find('\n').unwrap_or(rest.len());
            }
            _ => break,
        }
    }
    at
}

const CANNOT: &str =
    "this is written in a way that cannot be edited here without changing something else: write it more simply";

#[cfg(test)]
mod tests;
