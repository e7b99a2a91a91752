//! Which bytes of a text a change replaces.

use std::ops::Range;

use super::{
    CANNOT, Change, Fault, Location, Step, Value, What, line_before, skip_blank,
    tree::{Content, Entry, Layout, Node, Style},
    value,
};

/// New text for a part of the text.
#[derive(Debug)]
pub(super) struct Splice {
    place: Range<usize>,
    new: String,
}

impl Splice {
    fn insert(at: usize, new: String) -> Self {
        Self { place: at..at, new }
    }

    /// The text with these splices made; `None` where two of them have to do with each other.
    pub(super) fn apply(mut splices: Vec<Self>, text: &str) -> Option<String> {
        splices.sort_by_key(|splice| splice.place.start);
        let mut new = String::with_capacity(text.len());
        let mut at = 0;
        for Splice { place, new: part } in splices {
            new.push_str(text.get(at..place.start)?);
            new.push_str(&part);
            at = place.end;
        }
        new.push_str(text.get(at..)?);
        Some(new)
    }
}

/// One step down.
pub(super) fn step<'a>(node: &'a Node, step: &Step) -> Option<&'a Node> {
    match (&node.content, step) {
        (Content::Map { .. }, Step::Key(key)) => node.entry(key).map(|entry| &entry.value),
        (Content::List { items, .. }, Step::Item(index)) => items.get(*index),
        _ => None,
    }
}

/// The splices of one change; none where the text says already what it should.
pub(super) fn splices(text: &str, root: &Node, change: &Change) -> Result<Vec<Splice>, Fault> {
    let mut writer = Writer { text, list_start: None };
    let mut node = root;
    for way in &change.at {
        if node.anchored {
            return Err(writer.fault(node.span.start, ANCHORED));
        }
        writer.list_start = match way {
            Step::Key(key) => node.entry(key).and_then(|entry| entry.after_colon),
            Step::Item(_) => None,
        };
        node = step(node, way).ok_or_else(|| writer.fault(node.span.start, CANNOT))?;
        if matches!(node.content, Content::Alias(_)) {
            return Err(writer.fault(
                node.span.start,
                "this is an alias, and what it stands for is used elsewhere too: write it out",
            ));
        }
    }
    if node.anchored {
        return Err(writer.fault(node.span.start, ANCHORED));
    }
    let made = match (&node.content, &change.what) {
        (_, What::Fill(value)) => writer.fill(node, value),
        (Content::Map { entries, layout }, What::Set(key, value)) => match node.entry(key) {
            Some(entry) if entry.value.meaning() == *value => Some(Vec::new()),
            Some(Entry { value: old, .. }) if old.holds_anchor() => return Err(writer.fault(old.span.start, ANCHORED)),
            Some(entry) => match layout {
                Layout::Flow => writer.replace_in_flow(entry, value),
                Layout::Block => writer.replace_in_block(entry, value),
            },
            None => writer.insert_entry(node, entries, *layout, key, value),
        },
        (Content::Map { entries, layout }, What::Remove(key)) => match entries.iter().position(|entry| entry.is(key)) {
            None => Some(Vec::new()),
            Some(index) => {
                if let Some(entry) =
                    entries.get(index).filter(|entry| entry.key.holds_anchor() || entry.value.holds_anchor())
                {
                    return Err(writer.fault(entry.key.span.start, ANCHORED));
                }
                writer.remove_part(&entries.iter().map(place_of).collect::<Vec<_>>(), index, *layout)
            }
        },
        (Content::List { items, layout }, What::Append(value)) => writer.append(node, items, *layout, value),
        (Content::List { items, layout }, What::RemoveItem(index)) => {
            if let Some(item) = items.get(*index).filter(|item| item.holds_anchor()) {
                return Err(writer.fault(item.span.start, ANCHORED));
            }
            writer.remove_item(items, *index, *layout)
        }
        _ => None,
    };
    made.ok_or_else(|| writer.fault(node.span.start, CANNOT))
}

struct Writer<'a> {
    text: &'a str,
    /// Behind the colon before the list that is changed: its first dash comes next.
    list_start: Option<usize>,
}

/// Each gives `None` for what it has no way of writing.
impl Writer<'_> {
    fn fill(&self, root: &Node, value: &Value) -> Option<Vec<Splice>> {
        let new = self.joined(&value.block(), 0);
        if !root.span.is_empty() {
            return (root.is_null()).then(|| vec![Splice { place: root.span.clone(), new }]);
        }
        let start = if line_before(self.text, self.text.len()).trim_start_matches('\u{feff}').is_empty() {
            ""
        } else {
            self.line_end()
        };
        Some(vec![Splice::insert(self.text.len(), format!("{start}{new}{}", self.line_end()))])
    }

    fn replace_in_flow(&self, entry: &Entry, value: &Value) -> Option<Vec<Splice>> {
        match &entry.value {
            old if old.span.is_empty() => Some(vec![Splice::insert(entry.after_colon?, format!(" {}", value.flow()))]),
            old => Some(vec![Splice { place: old.span.clone(), new: value.flow() }]),
        }
    }

    fn replace_in_block(&self, entry: &Entry, value: &Value) -> Option<Vec<Splice>> {
        let after_colon = entry.after_colon?;
        let old = &entry.value;
        let new_lines = match value {
            Value::List(items) if !items.is_empty() => Some(0),
            Value::Map(entries) if !entries.is_empty() => Some(2),
            _ => None,
        };
        match (&old.content, new_lines) {
            // Nothing, or next to nothing, becomes lines: what follows it on its line stays there.
            (_, Some(indent)) if old.is_null() || old.is_empty_collection() => {
                let column = self.column(entry.key.span.start).checked_add(indent)?;
                if !self.text.get(after_colon..old.span.start)?.trim_matches([' ', '\t']).is_empty() {
                    return None;
                }
                let removed = Splice { place: after_colon..old.span.end, new: String::new() };
                let lines = self.lines_after(old.span.end, &value.block(), column);
                Some(vec![removed, lines])
            }
            (Content::List { items, layout: Layout::Block }, Some(_)) if matches!(value, Value::List(_)) => {
                let dash = self.dash(after_colon)?;
                let end = items.last()?.span.end;
                let mut new = self.joined(&value.block(), self.column(dash));
                if self.text.get(..end)?.ends_with('\n') {
                    new.push_str(self.line_end());
                }
                Some(vec![Splice { place: dash..end, new }])
            }
            (Content::List { layout: Layout::Block, .. } | Content::Map { layout: Layout::Block, .. }, _) => None,
            (Content::List { .. } | Content::Map { .. }, _) => {
                Some(vec![Splice { place: old.span.clone(), new: value.flow() }])
            }
            (_, Some(_)) => None,
            (Content::Scalar { style: Style::Block, .. }, None) => {
                // From its mark, which the parser does not tell the place of, to its last line break.
                let end = old.span.end;
                let line_end = if self.text.get(..end)?.ends_with('\n') { self.line_end() } else { "" };
                Some(vec![Splice { place: after_colon..end, new: format!(" {}{line_end}", value.inline()) }])
            }
            (_, None) if old.span.is_empty() => Some(vec![Splice::insert(after_colon, format!(" {}", value.inline()))]),
            (_, None) => Some(vec![Splice { place: old.span.clone(), new: value.inline() }]),
        }
    }

    fn insert_entry(
        &self,
        node: &Node,
        entries: &[Entry],
        layout: Layout,
        key: &str,
        value: &Value,
    ) -> Option<Vec<Splice>> {
        let key = Value::text(key);
        match layout {
            Layout::Block => {
                let column = self.column(entries.first()?.key.span.start);
                Some(vec![self.lines_after(node.span.end, &value::entry(&key, value), column)])
            }
            Layout::Flow => {
                let new = format!("{}: {}", key.flow(), value.flow());
                self.insert_in_flow(node, entries.last().map(place_of), new)
            }
        }
    }

    fn append(&self, list: &Node, items: &[Node], layout: Layout, value: &Value) -> Option<Vec<Splice>> {
        match layout {
            Layout::Block => {
                let column = self.column(self.dash(self.list_start?)?);
                let item = Value::List(vec![value.clone()]);
                Some(vec![self.lines_after(list.span.end, &item.block(), column)])
            }
            Layout::Flow => self.insert_in_flow(list, items.last().map(|item| item.span.clone()), value.flow()),
        }
    }

    /// Behind the last part within brackets; on a line of its own if the closing bracket is on one.
    fn insert_in_flow(&self, node: &Node, last: Option<Range<usize>>, new: String) -> Option<Vec<Splice>> {
        let closer = node.span.end.checked_sub(1)?;
        let Some(last) = last else {
            return Some(vec![Splice::insert(closer, new)]);
        };
        let next = skip_blank(self.text, last.end);
        let (at, comma) =
            if self.text.get(next..)?.starts_with(',') { (next.checked_add(1)?, "") } else { (last.end, ",") };
        let apart = self.text.get(at..closer)?.contains('\n');
        let start = line_before(self.text, last.start);
        let space = if apart {
            let indent: String = start.chars().take_while(|c| matches!(c, ' ' | '\t')).collect();
            format!("{}{indent}", self.line_end())
        } else {
            " ".to_owned()
        };
        Some(vec![Splice::insert(at, format!("{comma}{space}{new}"))])
    }

    fn remove_part(&self, parts: &[Range<usize>], index: usize, layout: Layout) -> Option<Vec<Splice>> {
        let part = parts.get(index)?.clone();
        let next = parts.get(index.checked_add(1)?);
        let place = match (layout, index.checked_sub(1).and_then(|index| parts.get(index)), next) {
            (Layout::Flow, Some(before), _) => before.end..part.end,
            (Layout::Flow, None, Some(next)) => part.start..next.start,
            (Layout::Flow, None, None) => part,
            (Layout::Block, before, _) if line_before(self.text, part.start).trim_matches(' ').is_empty() => {
                self.whole_lines(part, before.map_or(0, |before| before.end))
            }
            // It stands behind a dash: the next one takes its place, and a comment between the two stays.
            (Layout::Block, _, Some(next)) if self.text.get(part.end..next.start)?.trim().is_empty() => {
                part.start..next.start
            }
            (Layout::Block, _, Some(_)) => part,
            (Layout::Block, ..) => return None,
        };
        Some(vec![Splice { place, new: String::new() }])
    }

    fn remove_item(&self, items: &[Node], index: usize, layout: Layout) -> Option<Vec<Splice>> {
        match layout {
            Layout::Flow => {
                self.remove_part(&items.iter().map(|item| item.span.clone()).collect::<Vec<_>>(), index, layout)
            }
            Layout::Block => {
                let from = match index.checked_sub(1).and_then(|index| items.get(index)) {
                    Some(before) => before.span.end,
                    None => self.list_start?,
                };
                let part = self.dash(from)?..items.get(index)?.span.end;
                let own_lines = line_before(self.text, part.start).trim_matches(' ').is_empty();
                own_lines.then(|| vec![Splice { place: self.whole_lines(part, from), new: String::new() }])
            }
        }
    }

    /// The lines that a part takes up, with what follows it on the last of them; nothing of what ends before it.
    fn whole_lines(&self, part: Range<usize>, before: usize) -> Range<usize> {
        let start = part.start.saturating_sub(line_before(self.text, part.start).len());
        let at_line_start = part.end > part.start && line_before(self.text, part.end).is_empty();
        match self.text.get(part.end..).unwrap_or("").find('\n') {
            _ if at_line_start => start..part.end,
            Some(length) => start..part.end.saturating_add(length).saturating_add(1),
            // The last line of a text without a last line break: the one before goes, but for that of a block of text.
            None => {
                let kept = self.text.get(..start).unwrap_or("");
                let kept = kept.strip_suffix('\n').map_or(kept, |kept| kept.strip_suffix('\r').unwrap_or(kept));
                kept.len().max(before)..self.text.len()
            }
        }
    }

    /// New lines behind the line in which something ends.
    fn lines_after(&self, end: usize, lines: &[String], column: usize) -> Splice {
        let new = format!("{}{}", " ".repeat(column), self.joined(lines, column));
        // A block of text ends with its last line break.
        if end > 0 && line_before(self.text, end).is_empty() {
            return Splice::insert(end, format!("{new}{}", self.line_end()));
        }
        match self.text.get(end..).unwrap_or("").find('\n') {
            Some(length) => {
                Splice::insert(end.saturating_add(length).saturating_add(1), format!("{new}{}", self.line_end()))
            }
            None => Splice::insert(self.text.len(), format!("{}{new}", self.line_end())),
        }
    }

    fn joined(&self, lines: &[String], column: usize) -> String {
        lines.join(&format!("{}{}", self.line_end(), " ".repeat(column)))
    }

    /// The first dash of a list that comes next.
    fn dash(&self, from: usize) -> Option<usize> {
        let at = skip_blank(self.text, from);
        self.text.get(at..)?.starts_with('-').then_some(at)
    }

    fn column(&self, at: usize) -> usize {
        line_before(self.text, at).trim_start_matches('\u{feff}').chars().count()
    }

    /// As the text ends its first line.
    fn line_end(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
            _ => "\n",
        }
    }

    fn fault(&self, at: usize, message: &str) -> Fault {
        Fault::new(Location::of(self.text, at), message)
    }
}

fn place_of(entry: &Entry) -> Range<usize> {
    entry.key.span.start..entry.value.span.end.max(entry.after_colon.unwrap_or(0))
}

const ANCHORED: &str = "this has an anchor, so that a change may change other places too: write it without";
