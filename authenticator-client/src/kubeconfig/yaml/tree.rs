//! Where everything in a YAML text stands: the parser's events, made into a tree with places in bytes.

use std::{collections::HashMap, ops::Range};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Fault, Location, value::Value};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// From its first byte to its last. Of a block list it starts behind the first dash; of a block scalar with its text.
    pub(super) span: Range<usize>,
    pub(super) content: Content,
    pub(super) anchored: bool,
    pub(super) tag: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar {
        text: String,
        style: Style,
    },
    List {
        items: Vec<Node>,
        layout: Layout,
    },
    Map {
        entries: Vec<Entry>,
        layout: Layout,
    },
    /// The number of the anchor.
    Alias(usize),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// As an indented block of lines.
    Block,
}

/// How a collection is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// By indentation.
    Block,
    /// Within brackets.
    Flow,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Node,
    /// Behind the colon; `None` where there is none, as in `{key}`.
    pub(super) after_colon: Option<usize>,
    pub(super) value: Node,
}

/// A whole text.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) root: Node,
    /// The scalars that aliases may stand for.
    anchors: HashMap<usize, String>,
}

impl Tree {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        refuse_unreadable(text)?;
        let mut builder =
            Builder { text, bytes: Bytes::of(text), open: Vec::new(), root: None, anchors: HashMap::new() };
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) =
                event.map_err(|error| not_yaml(text, &error, builder.bytes.offset(error.marker().index())))?;
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if documents > 1 {
                    let at = builder.bytes.offset(span.start.index());
                    return Err(Fault::new(
                        Location::of(text, at),
                        "a second document begins here, and only one is read",
                    ));
                }
            }
            builder.take(event, span)?;
        }
        let Builder { root, anchors, .. } = builder;
        let root = root.unwrap_or_else(|| Node::null(text.len()));
        Ok(Self { root, anchors })
    }

    /// The text of a scalar, or of the one that an alias stands for.
    pub(super) fn scalar<'a>(&'a self, node: &'a Node) -> Option<&'a str> {
        match &node.content {
            Content::Scalar { text, .. } if !node.is_null() => Some(text),
            Content::Alias(number) => self.anchors.get(number).map(String::as_str),
            _ => None,
        }
    }
}

impl Node {
    fn null(at: usize) -> Self {
        let content = Content::Scalar { text: String::new(), style: Style::Plain };
        Self { span: at..at, content, anchored: false, tag: None }
    }

    /// Whether nothing is written, or a word for it.
    pub(crate) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar { text, style: Style::Plain } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Whether it is a list or mapping with nothing in it.
    pub(crate) fn is_empty_collection(&self) -> bool {
        match &self.content {
            Content::List { items, .. } => items.is_empty(),
            Content::Map { entries, .. } => entries.is_empty(),
            _ => false,
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map { entries, .. } => entries.iter().find(|entry| entry.is(key)),
            _ => None,
        }
    }

    /// Whether an alias elsewhere may stand for it or for a part of it.
    pub(super) fn holds_anchor(&self) -> bool {
        self.anchored
            || match &self.content {
                Content::List { items, .. } => items.iter().any(Self::holds_anchor),
                Content::Map { entries, .. } => {
                    entries.iter().any(|entry| entry.key.holds_anchor() || entry.value.holds_anchor())
                }
                Content::Scalar { .. } | Content::Alias(_) => false,
            }
    }

    /// What it means.
    pub(super) fn meaning(&self) -> Value {
        let value = match &self.content {
            Content::Scalar { text, style: Style::Plain } => Value::of_plain(text.clone()),
            Content::Scalar { text, .. } => Value::Text(text.clone()),
            Content::List { items, .. } => Value::List(items.iter().map(Self::meaning).collect()),
            Content::Map { entries, .. } => {
                Value::Map(entries.iter().map(|entry| (entry.key.meaning(), entry.value.meaning())).collect())
            }
            Content::Alias(number) => Value::Alias(*number),
        };
        match &self.tag {
            Some(tag) => Value::Tagged(tag.clone(), Box::new(value)),
            None => value,
        }
    }
}

impl Entry {
    pub(super) fn is(&self, key: &str) -> bool {
        matches!(&self.key.content, Content::Scalar { text, .. } if text == key)
    }
}

/// From the parser's places, which it counts in characters, to bytes.
struct Bytes(Option<Vec<usize>>);

impl Bytes {
    fn of(text: &str) -> Self {
        Self((!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()))
    }

    fn offset(&self, characters: usize) -> usize {
        match &self.0 {
            None => characters,
            Some(offsets) => offsets.get(characters).or(offsets.last()).copied().unwrap_or(0),
        }
    }
}

struct Builder<'a> {
    text: &'a str,
    bytes: Bytes,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, String>,
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    key: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let span = self.bytes.offset(span.start.index())..self.bytes.offset(span.end.index());
        let node = |content, anchor, tag: Option<&Tag>| Node {
            span: span.clone(),
            content,
            anchored: anchor != NO_ANCHOR,
            tag: tag.map(ToString::to_string),
        };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
            Event::Alias(number) => self.add(node(Content::Alias(number), NO_ANCHOR, None)),
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                if anchor != NO_ANCHOR {
                    self.anchors.insert(anchor, text.clone().into_owned());
                }
                let mut node = node(Content::Scalar { text: text.into_owned(), style }, anchor, tag.as_deref());
                if node.is_null()
                    && matches!(&node.content, Content::Scalar { text, .. } if text.is_empty())
                    && !node.anchored
                {
                    // Of nothing the parser names what comes next.
                    node.span.end = node.span.start;
                }
                self.add(node)
            }
            Event::SequenceStart(anchor, tag) => {
                let content = Content::List { items: Vec::new(), layout: self.layout(&span, '[') };
                self.open(node(content, anchor, tag.as_deref()))
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), layout: self.layout(&span, '{') };
                self.open(node(content, anchor, tag.as_deref()))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { mut node, .. }) => {
                    node.span.end = self.end_of(&node)?;
                    self.add(node)
                }
                // The parser sends an end only for a start.
                None => Ok(()),
            },
        }
    }

    fn layout(&self, span: &Range<usize>, bracket: char) -> Layout {
        if self.text.get(span.clone()).is_some_and(|text| text.ends_with(bracket)) {
            Layout::Flow
        } else {
            Layout::Block
        }
    }

    fn open(&mut self, node: Node) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(node.span.start, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { node, key: None });
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<(), Fault> {
        let text = self.text;
        let Some(Open { node: parent, key }) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.content {
            Content::List { items, .. } => items.push(node),
            Content::Map { entries, layout } => match key.take() {
                None => {
                    let fault = |message: String| Err(Fault::new(Location::of(text, node.span.start), message));
                    if *layout == Layout::Block && super::line_before(text, node.span.start).contains('\t') {
                        return fault(TAB.to_owned());
                    }
                    if let Content::Scalar { text: name, .. } = &node.content
                        && entries.iter().any(|entry| entry.is(name))
                    {
                        return fault(format!("the key {name:?} stands twice in one mapping"));
                    }
                    *key = Some(node);
                }
                Some(key) => entries.push(Entry::new(text, key, node)),
            },
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
        Ok(())
    }

    /// Where a collection ends whose parts are known: the parser names the place at which it noticed the end.
    fn end_of(&self, node: &Node) -> Result<usize, Fault> {
        let (last, layout, closer) = match &node.content {
            Content::List { items, layout } => (items.last().map(|item| item.span.end), *layout, ']'),
            Content::Map { entries, layout } => (entries.last().map(|entry| entry.value.span.end), *layout, '}'),
            Content::Scalar { .. } | Content::Alias(_) => (None, Layout::Block, ' '),
        };
        let last = last.unwrap_or(node.span.end);
        match layout {
            Layout::Block => Ok(last),
            Layout::Flow => {
                let mut at = super::skip_blank(self.text, last);
                while self.text.get(at..).is_some_and(|rest| rest.starts_with([',', ':'])) {
                    at = super::skip_blank(self.text, at.saturating_add(1));
                }
                match self.text.get(at..) {
                    Some(rest) if rest.starts_with(closer) => Ok(at.saturating_add(1)),
                    _ => Err(self.fault(last, format!("expected a {closer:?} somewhere behind this"))),
                }
            }
        }
    }

    fn fault(&self, at: usize, message: impl Into<String>) -> Fault {
        Fault::new(Location::of(self.text, at), message)
    }
}

impl Entry {
    fn new(text: &str, key: Node, mut value: Node) -> Self {
        let at = super::skip_blank(text, key.span.end);
        let after_colon = text.get(at..).and_then(|rest| rest.starts_with(':').then_some(at.saturating_add(1)));
        // Of nothing the parser names the place before the colon.
        if value.span.is_empty() && value.is_null() {
            let at = after_colon.unwrap_or(key.span.end);
            value.span = at..at;
        }
        Self { key, after_colon, value }
    }
}

/// The parser's error, at the place where a person looks for it.
fn not_yaml(text: &str, error: &ScanError, at: usize) -> Fault {
    let start = at.saturating_sub(super::line_before(text, at).len());
    if error.info().contains("tab") {
        // The parser names the value before the tab.
        let mut line_start = start;
        for line in text.get(start..).unwrap_or("").split_inclusive('\n') {
            let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
            if let Some(tab) = line.get(..indentation).and_then(|blank| blank.find('\t')) {
                return Fault::new(Location::of(text, line_start.saturating_add(tab)), TAB);
            }
            line_start = line_start.saturating_add(line.len());
        }
    }
    // The parser counts one line more at the end of the text than a person does, and its words may quote the text.
    let words: String = error.info().chars().filter(|c| !c.is_control()).collect();
    Fault::new(Location::of(text, at.min(text.trim_end().len())), words)
}

/// Lets through what YAML calls `c-printable`, up to a length: the parser would take a NUL for the end of the text.
fn refuse_unreadable(text: &str) -> Result<(), Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(Location::START, format!("the text is longer than {MAX_BYTES} bytes")));
    }
    let printable = |at: usize, c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{feff}' => at == 0,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    match text.char_indices().find(|(at, c)| !printable(*at, *c)) {
        None => Ok(()),
        Some((at, c)) => {
            let message = format!("the character U+{:04X} must not stand in YAML", u32::from(c));
            Err(Fault::new(Location::of(text, at), message))
        }
    }
}

const TAB: &str = "a tab in the indentation; YAML takes spaces only";

/// How deep lists and mappings may stand in each other; a kubeconfig needs about eight.
const MAX_DEPTH: usize = 64;

/// Far more than any kubeconfig has: a thousand clusters take about three megabytes.
const MAX_BYTES: usize = 16 << 20;

/// What the parser writes where there is no anchor.
const NO_ANCHOR: usize = 0;
