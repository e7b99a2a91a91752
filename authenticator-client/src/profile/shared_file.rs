//! One of the two shared AWS files.
//!
//! aws-config does not read it, because it takes a file that cannot be read, or is no UTF-8, for an empty one: the user's
//! identity would then be looked for elsewhere.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    path::PathBuf,
    str,
};

use aws_types::os_shim_internal::Env;
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

/// A shared file's path and profiles.
#[derive(Debug)]
pub(super) struct SharedFile {
    path: String,
    profiles: HashMap<String, Section>,
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
        // Nobody's home: a directory of that name where the program happens to run is not meant.
        if path.starts_with("~/") {
            return Ok(Self { path, profiles: HashMap::new() });
        }
        let bytes = match world.fs.read_to_end(&path).await {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if is_absent(&error) => return Ok(Self { path, profiles: HashMap::new() }),
            Err(source) => return Err(SharedFileError::Unreadable { path, source }),
        };
        let Ok(text) = str::from_utf8(&bytes) else {
            return Err(SharedFileError::NotText { path });
        };
        match ini::parse(text) {
            Ok(sections) => Ok(Self { path, profiles: kind.profiles(sections) }),
            Err(IniError { line, fault }) => Err(SharedFileError::Malformed { path, line, fault }),
        }
    }

    /// A file that is not looked into.
    pub(super) fn unread(kind: SharedFileKind) -> Self {
        Self { path: kind.default_path().to_owned(), profiles: HashMap::new() }
    }

    /// The path, for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What the file says of profile `name`.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }
}

impl SharedFileKind {
    fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
        }
    }

    /// The profiles among the sections. Of several sections that are one profile, such as `[default]` and `[profile default]`,
    /// the last one alone counts, as with aws-cli.
    fn profiles(self, sections: Vec<Section>) -> HashMap<String, Section> {
        sections.into_iter().filter_map(|section| Some((self.profile(&section.name)?, section))).collect()
    }

    /// The profile that a section of this name is. In the config file that is `[default]` or `[profile NAME]`, where NAME may be
    /// quoted as for a shell; in the credentials file the name is the section's, whatever it is.
    ///
    /// As in `build_profile_map` of `botocore/configloader.py`.
    fn profile(self, section: &str) -> Option<String> {
        match self {
            Self::Config if section.starts_with("profile") => {
                match <[String; 2]>::try_from(words::split(section).ok()?) {
                    Ok([_, name]) => Some(name),
                    Err(_) => None,
                }
            }
            Self::Config if section != "default" => None,
            Self::Config | Self::Credentials => Some(section.to_owned()),
        }
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::Config => "~/.aws/config",
            Self::Credentials => "~/.aws/credentials",
        }
    }

    /// The path: the variable's or the default one. A leading `~` is the home directory, and stays where there is none.
    fn path(self, env: &Env) -> Result<String, NotUnicode> {
        let path = environment::variable(env, self.variable())?.unwrap_or_else(|| self.default_path().to_owned());
        let Some(rest) = path.strip_prefix("~/") else {
            return Ok(path);
        };
        let home = match environment::variable(env, "HOME")? {
            None if cfg!(windows) => environment::variable(env, "USERPROFILE")?,
            home => home,
        };
        Ok(home.map_or_else(|| path.clone(), |home| PathBuf::from(home).join(rest).to_string_lossy().into_owned()))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

#[cfg(test)]
mod tests;
