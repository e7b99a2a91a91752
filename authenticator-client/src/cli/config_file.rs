//! The config file of the Go program, of which its client reads the cluster's id.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use granit_parser::{Event, Marker, Parser, ScalarStyle, options};

use crate::kubeconfig::not_yaml;

/// A config file that `--config` names is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigFileError {
    #[error("cannot read the config file {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path}: {place}: {fault}")]
    Content { path: PathBuf, place: Place, fault: Fault },
}

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    line: usize,
    column: usize,
}

/// What is wrong there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("clusterID is not a string")]
    ClusterId,
    #[error("not a mapping of keys to values, as a config file is")]
    NotAMapping,
    #[error("not YAML: {0}")]
    NotYaml(String),
}

impl From<&Marker> for Place {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// The `clusterID` of the file, in any case as in the Go program; `None` where it has none. What comes after it is not looked at.
pub(super) fn cluster_id(path: &Path) -> Result<Option<String>, ConfigFileError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text))
        .map_err(|source| ConfigFileError::Unreadable { path: path.to_owned(), source })?;
    find(&text, path)
}

fn find(text: &str, path: &Path) -> Result<Option<String>, ConfigFileError> {
    let mut depth = 0_u32;
    // The key of the outermost mapping whose value comes next.
    let mut key: Option<String> = None;
    let content = |place, fault| ConfigFileError::Content { path: path.to_owned(), place, fault };
    let options = options! { emit_comments: false, block_scalar_eof_without_line_feed: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| {
            let fault = not_yaml(text, &error);
            let place = Place { line: fault.location().line(), column: fault.location().column() };
            content(place, Fault::NotYaml(fault.message().to_owned()))
        })?;
        let place = Place::from(&span.start);
        let is_cluster_id = depth == 1 && key.as_deref().is_some_and(|key| key.eq_ignore_ascii_case("clusterID"));
        match event {
            Event::DocumentEnd => break,
            // Nothing, for which the parser writes "~".
            Event::Scalar(_, ScalarStyle::Plain, ..) if span.is_empty() && (depth == 0 || key.is_some()) => key = None,
            Event::Scalar(value, ..) if depth == 1 => match key.take() {
                None => key = Some(value.into_owned()),
                Some(_) if is_cluster_id => return Ok(Some(value.into_owned())),
                Some(_) => {}
            },
            Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(_) if is_cluster_id => {
                return Err(content(place, Fault::ClusterId));
            }
            Event::Scalar(..) | Event::SequenceStart(..) | Event::Alias(_) if depth == 0 => {
                return Err(content(place, Fault::NotAMapping));
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth -= 1;
                if depth == 1 {
                    key = None;
                }
            }
            Event::Alias(_) if depth == 1 => key = None,
            _ => {}
        }
    }
    Ok(None)
}

/// In bytes: what the server takes of one.
const LARGEST_FILE: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<String>, ConfigFileError> {
        find(text, Path::new("config.yaml"))
    }

    #[test]
    fn the_cluster_id_is_the_string_under_its_key_in_the_outermost_mapping() {
        for (text, id) in [
            ("clusterID: demo\nserver:\n  port: 1\n", Some("demo")),
            ("server:\n  mapRoles:\n  - rolearn: x\n    clusterID: no\nclusterid: 'demo'\n", Some("demo")),
            ("{\"clusterID\": \"demo\"}", Some("demo")),
            ("clusterID: 0123\n", Some("0123")),
            ("\u{feff}clusterID: demo\n", Some("demo")),
            ("a: &x [1]\nb: *x\nclusterID: demo", Some("demo")),
            ("server:\n  clusterID: no\n", None),
            ("a: clusterID\nb: no\n", None),
            ("[clusterID]: no\n", None),
            ("", None),
            ("# nothing\n", None),
            ("---\n", None),
            ("clusterID:\n", None),
            ("clusterID:\tdemo\n---\n", Some("demo")),
            ("a: b\n---\nclusterID: no\n", None),
            ("a: [\n\"b\"\n]\nserver:\n  c: {\n}\nclusterID: demo", Some("demo")),
            ("clusterID: |\n  demo", Some("demo")),
        ] {
            assert_eq!(of(text).unwrap().as_deref(), id, "{text}");
        }
    }

    #[test]
    fn what_is_no_config_file_is_an_error_that_names_its_line_and_column() {
        for (text, message) in [
            ("clusterID: [demo]\n", "line 1 column 12: clusterID is not a string"),
            ("server:\n  port: 1\nclusterID: {a: b}\n", "line 3 column 12: clusterID is not a string"),
            ("- clusterID: demo\n", "line 1 column 1: not a mapping of keys to values, as a config file is"),
            ("# mine\n\n demo\n", "line 3 column 2: not a mapping of keys to values, as a config file is"),
            ("a: 1\nb: 'x\n", "line 2 column 4: not YAML: "),
            ("a: 1\nb: {c: d\n", "line 2 column 4: not YAML: unclosed bracket '{'"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("config.yaml: {message}")), "{text}: {error}");
        }
    }
}
