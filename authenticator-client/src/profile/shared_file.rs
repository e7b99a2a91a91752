//! One of the two shared AWS files.
//!
//! aws-config does not read it, because it takes a file that cannot be read, or is no UTF-8, for an empty one: the user's
//! identity would then be looked for elsewhere.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
};

use aws_types::os_shim_internal::{Env, Fs};
use zeroize::Zeroizing;

use super::{
    ini::{self, IniError, IniFault, Section},
    words,
};
use crate::{
    World,
    environment::{self, NotUnicode},
};

/// Which of the files.
#[derive(Clone, Copy, Debug)]
pub(super) enum SharedFileKind {
    Config,
    Credentials,
}

/// A shared file's path and what stands in it.
#[derive(Debug)]
pub(super) struct SharedFile {
    path: String,
    parts: Parts,
}

/// The sections of a file that mean something, by their names.
#[derive(Debug, Default)]
struct Parts {
    profiles: HashMap<String, Section>,
    sso_sessions: HashMap<String, Section>,
    services: HashMap<String, Section>,
}

/// A shared file is there but of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedFileError {
    /// A line of it cannot be read; aws-cli takes nothing from such a file either.
    #[error("cannot read {path}, line {line}")]
    Malformed {
        /// The file.
        path: String,
        /// The line; the first is 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        fault: IniFault,
    },
    /// It is not text.
    #[error("{path} is not UTF-8 text")]
    NotText {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The variable that names it cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl SharedFile {
    /// The file, or an empty one where there is none, as with aws-cli; also where the variable names one that does not exist.
    pub(super) async fn read(kind: SharedFileKind, world: &World) -> Result<Self, SharedFileError> {
        let path = kind.path(&world.env)?;
        match sections_of(&path, &world.fs).await? {
            Some(sections) => Ok(Self { path, parts: kind.parts(sections) }),
            None => Ok(Self::empty(path)),
        }
    }

    /// A file that is not looked into.
    pub(super) fn unread(kind: SharedFileKind) -> Self {
        Self::empty(kind.default_path().to_owned())
    }

    /// A file in which there is nothing.
    pub(super) fn empty(path: String) -> Self {
        Self { path, parts: Parts::default() }
    }

    /// The path, for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What the file says of profile `name`.
    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.parts.profiles.get(name)
    }

    /// Its `[sso-session NAME]`.
    pub(super) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.parts.sso_sessions.get(name)
    }

    /// Its `[services NAME]`.
    pub(super) fn services(&self, name: &str) -> Option<&Section> {
        self.parts.services.get(name)
    }
}

impl SharedFileKind {
    fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
        }
    }

    /// The sections by what they are. In the credentials file every one is a profile; in the config file a profile is `[default]`
    /// or `[profile NAME]`, and `[sso-session NAME]` and `[services NAME]` are what profiles refer to. NAME may be quoted as for a
    /// shell. Of several sections that are one profile, such as `[default]` and `[profile default]`, the last one alone counts, as
    /// with aws-cli.
    ///
    /// As in `build_profile_map` of `botocore/configloader.py`.
    fn parts(self, sections: Vec<Section>) -> Parts {
        let mut parts = Parts::default();
        for section in sections {
            let (part, name) = match (self, section.name.as_str()) {
                (Self::Credentials, name) => (&mut parts.profiles, Some(name.to_owned())),
                (Self::Config, name) if name.starts_with("profile") => (&mut parts.profiles, second_word(name)),
                (Self::Config, name) if name.starts_with("sso-session") => (&mut parts.sso_sessions, second_word(name)),
                (Self::Config, name) if name.starts_with("services") => (&mut parts.services, second_word(name)),
                (Self::Config, name) => (&mut parts.profiles, (name == "default").then(|| name.to_owned())),
            };
            if let Some(name) = name {
                part.insert(name, section);
            }
        }
        parts
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::Config => "~/.aws/config",
            Self::Credentials => "~/.aws/credentials",
        }
    }

    /// The path: the variable's, with the variables in it, or the default one. A leading `~` is the home directory, and stays where
    /// there is none.
    fn path(self, env: &Env) -> Result<String, NotUnicode> {
        let path = match environment::variable(env, self.variable())? {
            Some(path) => with_variables(&path, env),
            None => self.default_path().to_owned(),
        };
        environment::in_home(path, env)
    }
}

/// The sections of the file at this path; `None` where there is none.
pub(crate) async fn sections_of(path: &str, fs: &Fs) -> Result<Option<Vec<Section>>, SharedFileError> {
    let Some(text) = text_of(path, fs).await? else {
        return Ok(None);
    };
    ini::parse(&text).map(Some).map_err(|IniError { line, fault }| SharedFileError::Malformed {
        path: path.to_owned(),
        line,
        fault,
    })
}

/// The text of the file at this path; `None` where there is none.
pub(crate) async fn text_of(path: &str, fs: &Fs) -> Result<Option<Zeroizing<String>>, SharedFileError> {
    // Nobody's home: a directory of that name where the program happens to run is not meant.
    if path.starts_with("~/") {
        return Ok(None);
    }
    match fs.read_to_end(path).await {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(SharedFileError::NotText { path: path.to_owned() })
            }
        },
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(SharedFileError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The text with the values of `$NAME` and `${NAME}`, as Python's `expandvars` has it. What is not set stays as it is written: a
/// kubeconfig's `env`, which no shell sees, is where people write so.
pub(crate) fn with_variables(text: &str, env: &Env) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        let (name, next) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, next)) => (name, next),
            None => {
                let next = after.trim_start_matches(is_of_name);
                (after.strip_suffix(next).unwrap_or_default(), next)
            }
        };
        match env.get(name) {
            Ok(value) if !name.is_empty() => {
                whole.push_str(&value);
                rest = next;
            }
            _ => {
                whole.push('$');
                rest = after;
            }
        }
    }
    whole + rest
}

/// The name in the title of a section, of which there is exactly one.
fn second_word(title: &str) -> Option<String> {
    let [_, name] = <[String; 2]>::try_from(words::split(title).ok()?).ok()?;
    Some(name)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests;
