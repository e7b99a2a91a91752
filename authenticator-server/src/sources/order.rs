//! The order of sources: how it is written, and the file that may change it while the server runs.

use std::path::PathBuf;

use mapping::format::yaml::{Document, Node, YamlError, nearest};
use mapping::{Quoted, SourceName, SourceNameError};

use super::watched_file::Content;

/// Why names are no order of sources.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SourceOrderError {
    /// Nothing was named.
    #[error("no source of mappings is named; there are MountedFile, EKSConfigMap, CRD and DynamicFile")]
    Empty,
    /// The dynamic file, and nobody said where it is.
    #[error("DynamicFile needs a file: server.dynamicfilepath in the config file")]
    NoDynamicFile,
    /// One source twice.
    #[error("{0} is named twice")]
    Twice(SourceName),
    /// Not the name of a source.
    #[error(transparent)]
    Unknown(#[from] SourceNameError),
}

/// A file that says the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whether there is a dynamic file that it may name.
    pub dynamic_file: bool,
}

/// What an order file says.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Order {
    /// The sources, most trusted first.
    pub(super) sources: Vec<SourceName>,
    /// When it was written, in seconds since 1970.
    pub(super) last_updated: Option<i64>,
}

/// Why an order file says no order.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}", file = .file.display(), line = .error.line(), column = .error.column(), message = .error.message())]
pub(super) struct OrderFileError {
    file: PathBuf,
    error: YamlError,
}

/// Reads the sources of mappings, most trusted first: at least one, none twice.
///
/// Each text may hold several names, apart by commas or white space: the Go program reads a flag's list by the former and
/// a config key's text by the latter.
///
/// # Errors
/// When a name is unknown or comes twice, or there is none.
pub fn parse_source_order<T: AsRef<str>>(texts: &[T]) -> Result<Vec<SourceName>, SourceOrderError> {
    let mut order = Vec::new();
    let names = texts.iter().flat_map(|text| text.as_ref().split(|c: char| c == ',' || c.is_whitespace()));
    for name in names.filter(|name| !name.is_empty()) {
        let source = name.parse()?;
        if order.contains(&source) {
            return Err(SourceOrderError::Twice(source));
        }
        order.push(source);
    }
    if order.is_empty() { Err(SourceOrderError::Empty) } else { Ok(order) }
}

impl OrderFile {
    /// Reads the file's text: an object with the key `backendMode`, a text or a list.
    ///
    /// # Errors
    /// When it is something else. The error says where.
    pub(super) fn parse(&self, text: &str) -> Result<Order, OrderFileError> {
        self.order(text).map_err(|error| OrderFileError { file: self.path.clone(), error })
    }

    /// The order that the file says now, before there is anybody to follow it; `None` where it says none.
    #[must_use]
    pub fn first(&self) -> Option<Vec<SourceName>> {
        let text = match Content::read(&self.path) {
            Content::Text(text) => text,
            Content::Absent => return None,
            Content::Unusable(why) => {
                self.complain(&format!("{}: {why}", self.path.display()));
                return None;
            }
        };
        let order = self.parse(&text).inspect_err(|error| self.complain(&error.to_string())).ok()?;
        Some(order.sources)
    }

    /// Says that the file says no order.
    pub(super) fn complain(&self, error: &str) {
        tracing::error!("{error}; the order of sources stays as it was (server.dynamicBackendModePath)");
    }

    fn order(&self, text: &str) -> Result<Order, YamlError> {
        let document = Document::parse(text)?;
        let root = document.root().as_map()?;
        for entry in root.entries() {
            if !KEYS.iter().any(|key| key.eq_ignore_ascii_case(entry.key())) {
                let hint = nearest(entry.key(), KEYS).map(|key| format!("; did you mean {key}?")).unwrap_or_default();
                return Err(entry.value().error(format!("unknown key {}{hint}", Quoted(entry.key()))));
            }
        }
        let missing = || document.root().error(format!("{BACKEND_MODE} is missing"));
        let value = root.get_ignore_case(BACKEND_MODE).ok_or_else(missing)?;
        let names = match value.as_text() {
            Ok(text) => vec![text.to_owned()],
            Err(_) => value.as_seq()?.iter().map(|name| name.as_text().map(str::to_owned)).collect::<Result<_, _>>()?,
        };
        let wrong = |error: SourceOrderError| Node::error(value, format!("{BACKEND_MODE}: {error}"));
        let sources = parse_source_order(&names).map_err(wrong)?;
        if sources.contains(&SourceName::DynamicFile) && !self.dynamic_file {
            return Err(wrong(SourceOrderError::NoDynamicFile));
        }
        let last_updated = root.get_ignore_case(LAST_UPDATED).and_then(|node| node.as_text().ok()?.parse().ok());
        Ok(Order { sources, last_updated })
    }
}

const BACKEND_MODE: &str = "backendMode";
const LAST_UPDATED: &str = "LastUpdatedDateTime";
const KEYS: [&str; 3] = [BACKEND_MODE, LAST_UPDATED, "Version"];

#[cfg(test)]
mod tests {
    use SourceName::{Crd, DynamicFile, EksConfigMap, MountedFile};

    use super::*;

    #[test]
    fn sources_keep_their_order_and_old_names_are_known() {
        for (texts, expected) in [
            (&["MountedFile"][..], vec![MountedFile]),
            (&["File"], vec![MountedFile]),
            (&["EKSConfigMap,MountedFile"], vec![EksConfigMap, MountedFile]),
            (&["MountedFile ConfigMap"], vec![MountedFile, EksConfigMap]),
            (&["EKSConfigMap", "MountedFile"], vec![EksConfigMap, MountedFile]),
            (&["CRD", "DynamicFile"], vec![Crd, DynamicFile]),
        ] {
            assert_eq!(parse_source_order(texts), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn an_order_of_sources_that_is_none_is_refused() {
        assert_eq!(parse_source_order(&[""]), Err(SourceOrderError::Empty));
        assert_eq!(parse_source_order::<&str>(&[]), Err(SourceOrderError::Empty));
        let twice = Err(SourceOrderError::Twice(MountedFile));
        assert_eq!(parse_source_order(&["File,MountedFile"]), twice);
        let error = parse_source_order(&["EKSConfigmaps"]).unwrap_err();
        assert!(error.to_string().contains("did you mean EKSConfigMap?"), "{error}");
        assert!(parse_source_order(&["mountedfile"]).is_err(), "Go tells cases apart here");
    }

    fn parse(text: &str) -> Result<Order, String> {
        let file = OrderFile { path: "modes.json".into(), dynamic_file: true };
        file.parse(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_says_the_order_as_the_go_program_writes_it() {
        for (text, last_updated) in [
            (
                r#"{"LastUpdatedDateTime": "1700000000", "Version": "1", "backendMode": "CRD MountedFile"}"#,
                Some(1_700_000_000),
            ),
            (r#"{"backendmode": ["CRD", "MountedFile"], "lastUpdatedDateTime": "today"}"#, None),
            ("backendMode: [CRD, File]\n", None),
        ] {
            assert_eq!(parse(text), Ok(Order { sources: vec![Crd, MountedFile], last_updated }), "{text}");
        }
    }

    #[test]
    fn a_file_that_says_no_order_is_told_where() {
        for (text, message) in [
            ("", "modes.json:1:1: expected a mapping"),
            ("{\"backendMode\": \"CRD\"", "modes.json:1:"),
            ("{}", "modes.json:1:1: backendMode is missing"),
            ("{\"backendMode\": \"\"}", "modes.json:1:17: backendMode: no source"),
            ("{\n\"backendMode\": \"Crd\"}", "modes.json:2:16: backendMode: \"Crd\" is none of"),
            ("{\"backendMode\": \"CRD CRD\"}", "CRD is named twice"),
            ("{\"backendMode\": {}}", "modes.json:1:17: expected a list"),
            ("{\"backendModes\": \"CRD\"}", "unknown key \"backendModes\"; did you mean backendMode?"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
        let file = OrderFile { path: "modes.json".into(), dynamic_file: false };
        let error = file.parse(r#"{"backendMode": "DynamicFile"}"#).unwrap_err().to_string();
        assert!(error.contains("server.dynamicfilepath"), "{error}");
    }
}
