//! From the parser's events to nodes, within bounds.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use compact_str::CompactString;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Content, Entry, Location, Map, Node, YamlError};

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

    /// How many characters that are part of YAML's structure the text may have: one and a half for each value.
    const fn signs(self) -> usize {
        self.nodes.saturating_add(self.nodes / 2)
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
    refuse_unprintable(text)?;
    // The parser reads up to the closing bracket before it says the first value in it.
    if signs(text) > limits.signs() {
        return Err(limits.too_large(Location::START));
    }

    let mut builder = Builder::new(limits);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| place(&error, text))?;
        builder.take(event, span)?;
    }
    Ok(builder.finish())
}

/// How many characters a text has that may be part of YAML's structure: of any two of the parser's tokens in brackets one
/// has one at least. The colons of an ARN are none.
fn signs(text: &str) -> usize {
    let after = text.bytes().skip(1).map(Some).chain([None]);
    let is_sign = |(byte, next): &(u8, Option<u8>)| match byte {
        b':' => next.is_none_or(|next| next.is_ascii_whitespace() || b",[]{}\"'".contains(&next)),
        byte => b",[]{}\"'?&*!".contains(byte),
    };
    text.bytes().zip(after).filter(is_sign).count()
}

/// Lets through what YAML calls `c-printable`. Without this check the parser would take a NUL for the end of the text.
fn refuse_unprintable(text: &str) -> Result<(), YamlError> {
    let printable = |c: char| match c {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    for (line, number) in text.split('\n').zip(1..) {
        if let Some((c, column)) = line.chars().zip(1..).find(|(c, _)| !printable(*c)) {
            let message = format!("the character U+{:04X} must not stand in YAML", u32::from(c));
            return Err(YamlError::new(Location::new(number, column), message));
        }
    }
    Ok(())
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
    documents: usize,
    root: Option<Node>,
}

struct Frame {
    location: Location,
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
        self.open(location, NO_ANCHOR, None, collection)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let location = Location::from(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(YamlError::new(location, "a second document begins here, and only one is read"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let size = Size { nodes: 1, text_bytes: text.len() };
                self.grow(size, location)?;
                let plain = match is_text(tag.as_deref(), location) {
                    Ok(is_text) => !is_text && style == ScalarStyle::Plain,
                    Err(error) => {
                        return self.add(Node { location, content: Content::Broken(error.into()) }, anchor, size);
                    }
                };
                match self.open.last_mut() {
                    Some(Frame { collection: Collection::Map(map), .. }) if map.key.is_none() && !map.merging => {
                        if plain && text == MERGE_KEY {
                            map.merge_key(location);
                            return Ok(());
                        }
                        // A key is text even if it looks like null.
                        self.add(Node { location, content: Content::Scalar(text.as_ref().into()) }, anchor, size)
                    }
                    _ if plain && is_null(&text) => self.add(Node { location, content: Content::Null }, anchor, size),
                    _ => self.add(Node { location, content: Content::Scalar(text.as_ref().into()) }, anchor, size),
                }
            }
            Event::SequenceStart(anchor, tag) => {
                let broken = is_text(tag.as_deref(), location).err();
                self.open(location, anchor, broken, Collection::list())
            }
            Event::MappingStart(anchor, tag) => {
                let broken = is_text(tag.as_deref(), location).err();
                self.open(location, anchor, broken, Collection::map())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let size = self.anchored(anchor, location)?.size;
                // Before the copy is made, not after.
                self.grow(size, location)?;
                let content = self.anchored(anchor, location)?.node.content.clone();
                self.add(Node { location, content }, NO_ANCHOR, size)
            }
        }
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
        anchor: usize,
        broken: Option<YamlError>,
        collection: Collection,
    ) -> Result<(), YamlError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::new(location, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let before = self.size;
        self.grow(Size { nodes: 1, text_bytes: 0 }, location)?;
        self.open.push(Frame { location, anchor, before, broken, collection });
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), YamlError> {
        // The parser sends an end only for a start.
        let Some(Frame { location, anchor, before, broken, collection }) = self.open.pop() else { return Ok(()) };
        let content = match (broken, collection) {
            (Some(error), _) => Err(error),
            (None, Collection::Seq(items)) => Ok(Content::Seq(exact(items))),
            (None, Collection::Map(map)) => map.close().map(Content::Map),
        };
        let content = content.unwrap_or_else(|error| Content::Broken(error.into()));
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
    fn close(mut self) -> Result<Map, YamlError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
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
        Ok(Map { entries: exact(self.entries) })
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

impl From<Marker> for Location {
    fn from(marker: Marker) -> Self {
        Self::new(marker.line(), marker.col().saturating_add(1))
    }
}

/// The parser's error, at the place a person looks for it.
fn place(error: &ScanError, text: &str) -> YamlError {
    let at = Location::from(*error.marker());
    if error.info().contains("tab") {
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

/// Whether the tag makes a plain scalar text. Tags of the core schema say nothing else here, since scalars are not
/// typed; a tag of any other kind asks for something that is not done (`!!binary`), and is an error.
fn is_text(tag: Option<&Tag>, location: Location) -> Result<bool, YamlError> {
    let Some(tag) = tag else { return Ok(false) };
    match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => Ok(true),
        (true, "bool" | "float" | "int" | "map" | "seq") => Ok(false),
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

/// What the parser writes where there is no anchor.
const NO_ANCHOR: usize = 0;
