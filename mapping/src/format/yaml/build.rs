//! From the parser's events to nodes, within bounds.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use compact_str::CompactString;
use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};

use super::{Content, Entry, Location, Map, Node, YamlError, events};

/// How deep lists and mappings may stand in each other.
pub const MAX_DEPTH: usize = 32;

/// How much of a text is read.
///
/// Aliases are counted as all that they stand for: what a "billion laughs" runs into.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    bytes: usize,
    nodes: usize,
    text_bytes: usize,
}

impl Limits {
    /// Of a text that comes from the API server, and that other people can write than who runs this program. Kubernetes
    /// takes no ConfigMap of more than 1 MiB (<https://kubernetes.io/docs/concepts/configuration/configmap/#motivation>);
    /// filled with the shortest entries that say something, each with a few groups, it has half as many values.
    pub const OBJECT: Self = Self { bytes: 1 << 20, nodes: 200_000, text_bytes: 4 << 20 };

    /// Of a file: a hundred thousand mappings, of up to three hundred bytes and with several groups each.
    pub const FILE: Self = Self { bytes: 32 << 20, nodes: 2_500_000, text_bytes: 64 << 20 };

    /// How many bytes the text may have.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bytes
    }

    /// How many values and keys it may hold.
    #[must_use]
    pub const fn nodes(self) -> usize {
        self.nodes
    }

    /// How many bytes all keys and scalars may hold together.
    #[must_use]
    pub const fn text_bytes(self) -> usize {
        self.text_bytes
    }

    pub(super) fn check_length(self, text: &str) -> Result<(), YamlError> {
        if text.len() > self.bytes {
            return Err(YamlError::new(Location::START, format!("the text is longer than {} bytes", self.bytes)));
        }
        Ok(())
    }

    fn too_large(self, at: Location) -> YamlError {
        let Self { nodes, text_bytes, .. } = self;
        let message =
            format!("the document is too large: more than {nodes} values or {text_bytes} bytes, aliases expanded");
        YamlError::new(at, message)
    }
}

pub(super) fn build(text: &str, limits: Limits) -> Result<Node, YamlError> {
    limits.check_length(text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    events::refuse_characters(text)?;

    let mut builder = Builder::new(limits);
    let mut parser = events::of(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| events::place(&error, text))?;
        builder.take(event, span)?;
    }
    Ok(builder.finish())
}

pub(super) struct Builder {
    limits: Limits,
    /// The lists and mappings that are open, outermost first.
    open: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    /// Each key once.
    keys: HashSet<Arc<str>>,
    /// Of everything made so far.
    size: Size,
    /// Where the latest document after the first begins.
    further: Option<Location>,
    documents: usize,
    root: Option<Node>,
}

struct Frame {
    location: Location,
    /// Whether it is written within brackets.
    in_brackets: bool,
    anchor: usize,
    /// The builder's size before this frame was opened.
    before: Size,
    /// What is wrong with it as a whole.
    broken: Option<YamlError>,
    collection: Collection,
}

pub(super) enum Collection {
    Seq(Vec<Node>),
    Map(OpenMap),
}

#[derive(Default)]
pub(super) struct OpenMap {
    entries: Vec<Entry>,
    /// The keys so far, in lower case, once there are many of them.
    seen: HashSet<String>,
    /// The key that waits for its value.
    key: Option<(Arc<str>, Location)>,
    /// The next value is that of a merge key.
    merging: bool,
    merged: Option<Node>,
    /// The first thing that leaves it without a certain meaning.
    broken: Option<YamlError>,
}

/// What an alias may stand for.
struct Anchored {
    node: Node,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text_bytes: usize,
}

impl Builder {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            anchors: HashMap::new(),
            keys: HashSet::new(),
            size: Size::default(),
            further: None,
            documents: 0,
            root: None,
        }
    }

    /// What was built; of nothing it is null.
    pub(super) fn finish(self) -> Node {
        self.root.unwrap_or(Node { location: Location::START, content: Content::Null })
    }

    /// Adds a value of so many bytes that holds no others.
    pub(super) fn leaf(&mut self, location: Location, content: Content, text_bytes: usize) -> Result<(), YamlError> {
        let size = Size { nodes: 1, text_bytes };
        self.grow(size, location)?;
        self.add(Node { location, content }, NO_ANCHOR, size)
    }

    /// Opens a list or mapping that nothing else is said of.
    pub(super) fn open_plain(&mut self, location: Location, collection: Collection) -> Result<(), YamlError> {
        self.open(location, true, NO_ANCHOR, None, collection)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        // The parser names the place of a tag apart from that of the value.
        let location = Location::from(span.tag_start().unwrap_or(span.start));
        if let Some(further) = self.further.filter(|_| event.is_node()) {
            return match event {
                Event::Scalar(text, ScalarStyle::Plain, NO_ANCHOR, None) if is_null(&text) => Ok(()),
                _ => Err(YamlError::new(further, SECOND_DOCUMENT)),
            };
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                self.further = (self.documents > 1).then_some(location);
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                // For nothing the parser writes "~".
                let is_nothing = style == ScalarStyle::Plain && span.is_empty();
                self.scalar(if is_nothing { "" } else { &text }, style, anchor, tag.as_deref(), location)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let broken = is_text(tag.as_deref(), location).err();
                self.open(location, style == StructureStyle::Flow, anchor, broken, Collection::list())
            }
            Event::MappingStart(style, anchor, tag) => {
                let broken = is_text(tag.as_deref(), location).err();
                self.open(location, style == StructureStyle::Flow, anchor, broken, Collection::map())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            // YAML 1.1 ends a name there, and begins the value.
            Event::Anchor(_, name) => match name.chars().find(|c| ":?%@`".contains(*c)) {
                Some(c) => Err(YamlError::new(
                    location,
                    format!(
                        "some readers of YAML end the name of this anchor before its \"{c}\": name it with letters and digits"
                    ),
                )),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let size = self.anchored(anchor, location)?.size;
                // Before the copy is made, not after.
                self.grow(size, location)?;
                let content = self.anchored(anchor, location)?.node.content.clone();
                self.add(Node { location, content }, NO_ANCHOR, size)
            }
            // The bounds of the text and of documents; the others are not asked for.
            _ => Ok(()),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        location: Location,
    ) -> Result<(), YamlError> {
        let size = Size { nodes: 1, text_bytes: text.len() };
        self.grow(size, location)?;
        let is_plain = style == ScalarStyle::Plain;
        let in_brackets = self.open.last().is_some_and(|frame| frame.in_brackets);
        let is_text = match is_text(tag, location) {
            // In YAML 1.1 it begins a key there.
            Ok(_) if is_plain && in_brackets && text.starts_with('?') => Err(YamlError::new(location, QUESTION_MARK)),
            is_text => is_text,
        };
        let is_plain = match is_text {
            Ok(is_text) => is_plain && !is_text,
            Err(error) => return self.add(Node { location, content: Content::Broken(error.into()) }, anchor, size),
        };
        let content = match self.open.last_mut() {
            Some(Frame { collection: Collection::Map(map), .. }) if map.key.is_none() && !map.merging => {
                if is_plain && text == MERGE_KEY {
                    map.merge_key(location);
                    return Ok(());
                }
                // A key is text even if it looks like null.
                Content::Scalar(text.into())
            }
            _ if is_plain && is_null(text) => Content::Null,
            _ => Content::Scalar(text.into()),
        };
        self.add(Node { location, content }, anchor, size)
    }

    fn anchored(&self, anchor: usize, location: Location) -> Result<&Anchored, YamlError> {
        let inside = || YamlError::new(location, "an alias stands inside of what it stands for");
        self.anchors.get(&anchor).ok_or_else(inside)
    }

    fn grow(&mut self, by: Size, location: Location) -> Result<(), YamlError> {
        self.size.nodes = self.size.nodes.saturating_add(by.nodes);
        self.size.text_bytes = self.size.text_bytes.saturating_add(by.text_bytes);
        let Limits { nodes, text_bytes, .. } = self.limits;
        if self.size.nodes > nodes || self.size.text_bytes > text_bytes {
            return Err(self.limits.too_large(location));
        }
        Ok(())
    }

    fn open(
        &mut self,
        location: Location,
        in_brackets: bool,
        anchor: usize,
        broken: Option<YamlError>,
        collection: Collection,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(location));
        }
        let before = self.size;
        self.grow(Size { nodes: 1, text_bytes: 0 }, location)?;
        self.open.push(Frame { location, in_brackets, anchor, before, broken, collection });
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), YamlError> {
        // The parser sends an end only for a start.
        let Some(Frame { location, anchor, before, broken, collection, .. }) = self.open.pop() else { return Ok(()) };
        let content = match (broken, collection) {
            (Some(error), Collection::Seq(_)) => Content::Broken(error.into()),
            (None, Collection::Seq(items)) => Content::Seq(exact(items)),
            (error, Collection::Map(map)) => map.close(error),
        };
        let size = Size {
            nodes: self.size.nodes.saturating_sub(before.nodes),
            text_bytes: self.size.text_bytes.saturating_sub(before.text_bytes),
        };
        self.add(Node { location, content }, anchor, size)
    }

    fn add(&mut self, node: Node, anchor: usize, size: Size) -> Result<(), YamlError> {
        if anchor != NO_ANCHOR {
            self.grow(size, node.location)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), size });
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Frame { collection: Collection::Seq(items), .. }) => items.push(node),
            Some(Frame { collection: Collection::Map(map), .. }) => map.add(node, &mut self.keys),
        }
        Ok(())
    }
}

impl Collection {
    pub(super) const fn list() -> Self {
        Self::Seq(Vec::new())
    }

    pub(super) fn map() -> Self {
        Self::Map(OpenMap::default())
    }
}

impl OpenMap {
    fn merge_key(&mut self, location: Location) {
        if self.merged.is_some() {
            self.breaks(YamlError::new(location, "the key \"<<\" stands twice in one mapping"));
        }
        self.merging = true;
    }

    fn add(&mut self, node: Node, keys: &mut HashSet<Arc<str>>) {
        if self.merging {
            self.merging = false;
            self.merged = Some(node);
        } else if let Some((key, location)) = self.key.take() {
            self.entries.push(Entry { key, location, value: node });
        } else {
            let location = node.location;
            let key = match node.content {
                Content::Scalar(key) => key,
                // Its value comes all the same.
                other => {
                    self.breaks(match other {
                        Content::Broken(error) => *error,
                        Content::Unclear(unclear) => unclear.1,
                        _ => YamlError::new(location, "a key must be text"),
                    });
                    CompactString::default()
                }
            };
            if !self.is_new(&key) {
                let key = crate::diagnostic::Quoted(&key);
                self.breaks(YamlError::new(location, format!("the key {key} stands twice in one mapping")));
            }
            let key = keys.get(&*key).cloned().unwrap_or_else(|| {
                let key = Arc::<str>::from(key.as_str());
                keys.insert(Arc::clone(&key));
                key
            });
            self.key = Some((key, location));
        }
    }

    fn breaks(&mut self, error: YamlError) {
        self.broken.get_or_insert(error);
    }

    /// Whether no key so far is the same without regard to case. Nearly every mapping has a handful of keys.
    fn is_new(&mut self, key: &str) -> bool {
        if self.entries.len() < FEW_KEYS {
            return !self.entries.iter().any(|entry| entry.key.eq_ignore_ascii_case(key));
        }
        if self.seen.is_empty() {
            self.seen.extend(self.entries.iter().map(|entry| entry.key.to_ascii_lowercase()));
        }
        self.seen.insert(key.to_ascii_lowercase())
    }

    /// Written keys go before merged ones, and earlier mappings of a merge key before later ones
    /// (<https://yaml.org/type/merge.html>).
    fn close(mut self, broken: Option<YamlError>) -> Content {
        let merged = self.merge();
        let error = broken.or(self.broken).or(merged.err());
        let map = Map { entries: exact(self.entries) };
        match error {
            None => Content::Map(map),
            Some(error) => Content::Unclear(Box::new((map, error))),
        }
    }

    fn merge(&mut self) -> Result<(), YamlError> {
        let wrong = |location| YamlError::new(location, "only mappings can be merged with \"<<\"");
        let merged = match self.merged.take() {
            None => Vec::new(),
            Some(Node { content: Content::Map(map), .. }) => vec![map],
            Some(Node { content: Content::Seq(items), .. }) => items
                .into_iter()
                .map(|item| match item.content {
                    Content::Map(map) => Ok(map),
                    _ => Err(wrong(item.location)),
                })
                .collect::<Result<_, _>>()?,
            Some(other) => return Err(wrong(other.location)),
        };
        for entry in merged.into_iter().flat_map(|map| map.entries) {
            if self.is_new(&entry.key) {
                self.entries.push(entry);
            }
        }
        Ok(())
    }
}

/// The items in memory of just their size. A list cut to its size where it grew leaves holes that nothing fits in, and
/// over a long document they come to half of its memory. A long list leaves none that matters, and would be there twice.
fn exact<T>(grown: Vec<T>) -> Box<[T]> {
    if grown.len() > FEW_ITEMS {
        return grown.into();
    }
    let mut exact = Vec::with_capacity(grown.len());
    exact.extend(grown);
    exact.into()
}

pub(super) fn too_deep(location: Location) -> YamlError {
    YamlError::new(location, format!("nested deeper than {MAX_DEPTH} levels"))
}

/// Whether the tag makes a plain scalar text. Tags of the core schema say nothing else here, since scalars are not
/// typed; a tag of any other kind asks for something that is not done (`!!binary`), and is an error.
fn is_text(tag: Option<&Tag>, location: Location) -> Result<bool, YamlError> {
    let Some(tag) = tag else { return Ok(false) };
    match tag.core_suffix() {
        Some("str") => Ok(true),
        Some("bool" | "float" | "int" | "map" | "seq") => Ok(false),
        _ => Err(YamlError::new(location, "tags other than those of YAML's core schema mean nothing here")),
    }
}

/// The core schema's spellings of null.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// As many items are moved to memory of just their size.
const FEW_ITEMS: usize = 1000;

/// As many keys are compared one by one.
const FEW_KEYS: usize = 16;

/// <https://yaml.org/type/merge.html>
const MERGE_KEY: &str = "<<";

const SECOND_DOCUMENT: &str =
    "a second document begins here, and only one is read: move what it says into the first, or remove it";

const QUESTION_MARK: &str =
    "this begins with \"?\" within brackets, which some readers of YAML take for a sign: put it in quotes";

/// What the parser writes where there is no anchor.
const NO_ANCHOR: usize = 0;
