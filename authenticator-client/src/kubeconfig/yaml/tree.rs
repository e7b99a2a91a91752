//! Where everything in a YAML text stands: the parser's events, made into a tree with places in bytes.

use std::{collections::HashMap, ops::Range};

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag, options};

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

impl Layout {
    /// A key with its value that stand as they are in a list within brackets have none of their own.
    fn of(style: StructureStyle, opener: Span) -> Self {
        if style == StructureStyle::Flow && !opener.is_empty() { Self::Flow } else { Self::Block }
    }
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
        let mut builder = Builder { text, open: Vec::new(), root: None, anchors: HashMap::new(), further: None };
        let options = options! {
            emit_comments: false,
            emit_anchor_events: true,
            // As kubectl has it.
            block_scalar_eof_without_line_feed: true,
        };
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| not_yaml(text, &error))?;
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
                builder.further = (documents > 1).then(|| builder.offset(span.start));
            }
            // An anchor is told behind what has it.
            let anchor = match event.anchor_id() {
                Some(_) => parser.next_event().and_then(Result::ok).map(|(_, span)| span.start),
                None => None,
            };
            builder.take(event, span, anchor)?;
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

    /// Where a block ends whose parts are known: the parser names the place at which it noticed the end.
    fn end(&self) -> Option<usize> {
        match &self.content {
            Content::List { items, layout: Layout::Block } => items.last().map(|item| item.span.end),
            Content::Map { entries, layout: Layout::Block } => entries.last().map(|entry| entry.value.span.end),
            _ => None,
        }
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

    /// Whether it is an alias.
    pub(in crate::kubeconfig) fn is_alias(&self) -> bool {
        matches!(self.content, Content::Alias(_))
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

struct Builder<'a> {
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, String>,
    /// Where the latest document after the first begins.
    further: Option<usize>,
}

/// A collection whose end has not come yet.
struct Open {
    node: Node,
    key: Option<Node>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span, anchor: Option<Marker>) -> Result<(), Fault> {
        // Of a value with an anchor or a tag the parser names the place behind these.
        let start = [Some(span.start), span.tag_start(), anchor].into_iter().flatten().map(|place| self.offset(place));
        let place = start.min().unwrap_or_default()..self.offset(span.end);
        let node = |content, anchor, tag: Option<&Tag>| Node {
            span: place.clone(),
            content,
            anchored: anchor != NO_ANCHOR,
            tag: tag.map(ToString::to_string),
        };
        let (node, is_open) = match event {
            Event::Alias(number) => (node(Content::Alias(number), NO_ANCHOR, None), false),
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                // For nothing the parser writes "~".
                let is_nothing = style == Style::Plain && span.is_empty();
                let text = if is_nothing { String::new() } else { text.into_owned() };
                if anchor != NO_ANCHOR {
                    self.anchors.insert(anchor, text.clone());
                }
                (node(Content::Scalar { text, style }, anchor, tag.as_deref()), false)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let content = Content::List { items: Vec::new(), layout: Layout::of(style, span) };
                (node(content, anchor, tag.as_deref()), true)
            }
            Event::MappingStart(style, anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), layout: Layout::of(style, span) };
                (node(content, anchor, tag.as_deref()), true)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                // The parser sends an end only for a start.
                let Some(Open { mut node, .. }) = self.open.pop() else { return Ok(()) };
                node.span.end = node.end().unwrap_or(place.end).max(node.span.start);
                return self.add(node);
            }
            // The bounds of the text and of documents; the others are not asked for.
            _ => return Ok(()),
        };
        match self.further {
            Some(_) if node.is_null() && !node.anchored && node.tag.is_none() => Ok(()),
            Some(at) => Err(self.fault(at, SECOND_DOCUMENT)),
            None if is_open => self.open(node),
            None => self.add(node),
        }
    }

    fn offset(&self, place: Marker) -> usize {
        place.byte_offset().unwrap_or(self.text.len())
    }

    fn open(&mut self, node: Node) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(node.span.start, too_deep()));
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
                    let indentation = super::line_before(text, node.span.start).split(|c| !" \t-?:".contains(c)).next();
                    if *layout == Layout::Block && indentation.is_some_and(|indentation| indentation.contains('\t')) {
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
pub(crate) fn not_yaml(text: &str, error: &ScanError) -> Fault {
    let at = error.marker().byte_offset().unwrap_or(text.len());
    let start = at.saturating_sub(super::line_before(text, at).len());
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return Fault::new(Location::of(text, at), too_deep());
    }
    if is_about_tabs(error.kind()) {
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

fn too_deep() -> String {
    format!("nested deeper than {MAX_DEPTH} levels")
}

/// Lets through what YAML calls `c-printable`, up to a length, but for the characters that end a line in YAML 1.1, which kubectl
/// follows here, and not in YAML 1.2. The parser would take a NUL for the end of the text.
fn refuse_unreadable(text: &str) -> Result<(), Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(Location::START, format!("the text is longer than {MAX_BYTES} bytes")));
    }
    let fault = |at: usize, c: char| match c {
        '\t' | '\n' | '\r' => None,
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Some("ends a line for some readers of YAML only: write it as an escape in double quotes")
        }
        '\u{feff}' if at == 0 => None,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => Some("must not stand in YAML"),
        c => c.is_control().then_some("must not stand in YAML"),
    };
    match text.char_indices().find_map(|(at, c)| Some((at, c, fault(at, c)?))) {
        None => Ok(()),
        Some((at, c, fault)) => {
            Err(Fault::new(Location::of(text, at), format!("the character U+{:04X} {fault}", u32::from(c))))
        }
    }
}

const SECOND_DOCUMENT: &str =
    "a second document begins here, and only one is read: move what it says into the first, or remove it";

const TAB: &str = "a tab in the indentation; YAML takes spaces only";

/// How deep lists and mappings may stand in each other; a kubeconfig needs about eight.
const MAX_DEPTH: usize = 64;

/// Far more than any kubeconfig has: a thousand clusters take about three megabytes.
const MAX_BYTES: usize = 16 << 20;

/// What the parser writes where there is no anchor.
const NO_ANCHOR: usize = 0;
