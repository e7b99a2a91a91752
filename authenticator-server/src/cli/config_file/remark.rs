//! Places in the config file, and what is said about them.

use std::fmt;
use std::path::{Path, PathBuf};

use mapping::format::yaml::{Entry, Location, YamlError, nearest};

use super::ConfigFileError;

/// Something about one place in the file: `FILE:LINE:COLUMN: KEY: what`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::cli) struct Remark {
    file: PathBuf,
    location: Location,
    key: Option<String>,
    text: String,
}

/// Puts places and problems into words.
pub(super) struct Reader<'a> {
    file: &'a Path,
    warnings: Vec<Remark>,
}

impl<'a> Reader<'a> {
    /// Of the file at `file`.
    pub(super) fn new(file: &'a Path) -> Self {
        Self { file, warnings: Vec::new() }
    }

    /// The file.
    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// What was warned about.
    pub(super) fn into_warnings(self) -> Vec<Remark> {
        self.warnings
    }

    /// Something about one place.
    pub(super) fn remark(&self, key: Option<&str>, location: Location, text: impl Into<String>) -> Remark {
        Remark { file: self.file.to_owned(), location, key: key.map(str::to_owned), text: text.into() }
    }

    /// An error as the YAML reader found it, under `key`.
    pub(super) fn wrong(&self, key: Option<&str>, error: YamlError) -> ConfigFileError {
        ConfigFileError::Wrong(self.remark(key, error.location(), error.message()))
    }

    /// Warns about a key that nothing reads.
    pub(super) fn unknown(&mut self, entry: &Entry, section: &str, known: impl IntoIterator<Item = &'static str>) {
        let hint =
            nearest(entry.key(), known).map(|meant| format!("; did you mean {section}{meant}?")).unwrap_or_default();
        let key = format!("{section}{}", entry.key());
        let text = format!("unknown key {} is ignored{hint}", mapping::Quoted(&key));
        let remark = self.remark(None, entry.location(), text);
        self.warnings.push(remark);
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.location.line(), self.location.column())?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.text)
    }
}
