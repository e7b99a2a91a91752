//! The text of a shared AWS file, in the grammar in which aws-cli reads it: Python's `configparser.RawConfigParser`, as
//! `raw_config_parse` of `botocore/configloader.py` uses it.
//!
//! AWS's SDK for Rust reads another one (it merges sections of one name, takes indented comments for a part of the value, knows
//! no `key: value`), and so finds other keys in the same file. Where the text is no such grammar it is refused as a whole: what
//! stands in the rest of the file may be what the user meant.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use zeroize::Zeroizing;

/// A section and its settings, those of `[DEFAULT]` included. `Debug` shows no values: they may be keys.
pub(crate) struct Section {
    /// The name, as it stands between the brackets.
    pub(super) name: String,
    /// The line of the name; the first is 1.
    pub(super) line: usize,
    pub(super) settings: HashMap<String, Zeroizing<String>>,
}

/// A line that cannot be read. Nothing of it is kept: it may be a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct IniError {
    /// The line; the first is 1.
    pub(super) line: usize,
    /// What is wrong with it.
    pub(super) fault: IniFault,
}

/// What is wrong with a line of a shared AWS file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IniFault {
    /// A second setting of one name.
    #[error("this section has that key on line {first} already")]
    DuplicateKey {
        /// The line of the first one.
        first: usize,
    },
    /// A second section of one name.
    #[error("a section of that name is on line {first} already")]
    DuplicateSection {
        /// The line of the first one.
        first: usize,
    },
    /// Indented lines under a key without a value of its own are settings themselves.
    #[error("expected key = value, as under a key without a value")]
    Nested,
    /// Something comes before the first section.
    #[error("expected a section such as [default] before this")]
    NoSection,
    /// Neither a section nor a setting.
    #[error("expected key = value")]
    NoSetting,
}

/// What was read so far.
#[derive(Default)]
struct Reader<'a> {
    sections: HashMap<&'a str, Draft<'a>>,
    /// The section that settings go to.
    current: Option<&'a str>,
    /// The setting that lines which are indented deeper go to.
    open: Option<String>,
    /// How deep the last section or setting is indented.
    indent: usize,
}

/// A section that is being read.
struct Draft<'a> {
    line: usize,
    settings: HashMap<String, Vec<(usize, &'a str)>>,
}

impl Section {
    /// The name, as it stands between the brackets.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The value of a key, which is in lower case. One of several lines has `\n` between them.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|value| value.as_str())
    }

    /// Every key and its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// A setting among those that are indented under a key without a value of its own.
    pub(crate) fn nested(&self, key: &str, inner: &str) -> Option<&str> {
        let lines = self.get(key)?.strip_prefix('\n')?.split('\n');
        lines
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| name.trim() == inner)
            .map(|(_, value)| value.trim())
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section").field("name", &self.name).field("line", &self.line).finish_non_exhaustive()
    }
}

/// The sections of a text, in its order.
pub(super) fn parse(text: &str) -> Result<Vec<Section>, IniError> {
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(lines(text)) {
        reader.read(number, line).map_err(|fault| IniError { line: number, fault })?;
    }
    reader.finish()
}

impl<'a> Reader<'a> {
    fn read(&mut self, number: usize, line: &'a str) -> Result<(), IniFault> {
        let text = line.trim_matches(is_space);
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|&c| is_space(c)).count();
        if text.is_empty() || indent > self.indent {
            if let Some(value) = self.open_value() {
                value.push((number, text));
                return Ok(());
            }
            if text.is_empty() {
                return Ok(());
            }
        }
        self.indent = indent;
        match section_name(text) {
            Some(name) => self.read_section(number, name),
            None => self.read_setting(number, text),
        }
    }

    fn open_value(&mut self) -> Option<&mut Vec<(usize, &'a str)>> {
        self.sections.get_mut(self.current?)?.settings.get_mut(self.open.as_deref()?)
    }

    fn read_section(&mut self, number: usize, name: &'a str) -> Result<(), IniFault> {
        (self.current, self.open) = (Some(name), None);
        match self.sections.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(Draft { line: number, settings: HashMap::new() });
                Ok(())
            }
            Entry::Occupied(_) if name == DEFAULTS => Ok(()),
            Entry::Occupied(first) => Err(IniFault::DuplicateSection { first: first.get().line }),
        }
    }

    fn read_setting(&mut self, number: usize, text: &'a str) -> Result<(), IniFault> {
        let section = self.current.and_then(|name| self.sections.get_mut(name)).ok_or(IniFault::NoSection)?;
        let (key, value) = text.split_once(['=', ':']).ok_or(IniFault::NoSetting)?;
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            return Err(IniFault::NoSetting);
        }
        match section.settings.entry(key.clone()) {
            Entry::Vacant(vacant) => vacant.insert(vec![(number, value.trim_start_matches(is_space))]),
            Entry::Occupied(first) => {
                let first = first.get().first().map_or(number, |&(first, _)| first);
                return Err(IniFault::DuplicateKey { first });
            }
        };
        self.open = Some(key);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Section>, IniError> {
        let defaults = self.sections.remove(DEFAULTS).map(|draft| draft.settings).unwrap_or_default();
        let section = |(name, draft): (&str, Draft<'a>)| {
            let mut settings = defaults.clone();
            settings.extend(draft.settings);
            let settings =
                settings.into_iter().map(|(key, lines)| Ok((key, value(lines)?))).collect::<Result<_, _>>()?;
            Ok(Section { name: name.to_owned(), line: draft.line, settings })
        };
        let mut sections = self.sections.into_iter().map(section).collect::<Result<Vec<_>, _>>()?;
        sections.sort_unstable_by_key(|section| section.line);
        Ok(sections)
    }
}

/// The lines of a text, whichever system it was written on.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// What stands between the first and the last bracket; after that anything may follow.
fn section_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.rsplit_once(']')?;
    Some(name).filter(|name| !name.is_empty())
}

/// The lines of a value, joined.
fn value(mut lines: Vec<(usize, &str)>) -> Result<Zeroizing<String>, IniError> {
    while lines.pop_if(|(_, text)| text.is_empty()).is_some() {}
    if let [(_, ""), nested @ ..] = lines.as_slice() {
        let bad =
            nested.iter().find(|(_, text)| !text.split(LINE_ENDS).all(|text| is_blank(text) || text.contains('=')));
        if let Some(&(line, _)) = bad {
            return Err(IniError { line, fault: IniFault::Nested });
        }
    }
    let texts: Vec<&str> = lines.into_iter().map(|(_, text)| text).collect();
    Ok(Zeroizing::new(texts.join("\n")))
}

fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// White space as Python has it: Unicode's and four separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The section whose settings every other one has, unless it says something else.
const DEFAULTS: &str = "DEFAULT";

/// What ends a line for Python's `splitlines`, which parts nested settings.
const LINE_ENDS: [char; 8] = ['\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
