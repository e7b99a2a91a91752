//! One of the two shared AWS files.
//!
//! aws-config parses the text. It does not read the file, because it takes one that cannot be read, or is no UTF-8, for an
//! empty one: the user's identity would then be looked for elsewhere.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    io::{self, ErrorKind},
    path::PathBuf,
};

use aws_config::profile::{self, Profile as Section, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_types::os_shim_internal::{Env, Fs};

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

/// A shared file's path and sections. `Debug` shows the path alone: the sections hold keys.
pub(super) struct SharedFile {
    path: String,
    sections: ProfileSet,
}

/// A shared file is there but of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SharedFileError {
    /// It does not parse; the text names file and line.
    #[error("{0}")]
    Malformed(String),
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
            return Ok(Self { path, sections: ProfileSet::default() });
        }
        let bytes = match world.fs.read_to_end(&path).await {
            Ok(bytes) => bytes,
            Err(error) if is_absent(&error) => return Ok(Self { path, sections: ProfileSet::default() }),
            Err(source) => return Err(SharedFileError::Unreadable { path, source }),
        };
        if std::str::from_utf8(&bytes).is_err() {
            return Err(SharedFileError::NotText { path });
        }
        let sections = parse(kind, &path, bytes).await?;
        Ok(Self { path, sections })
    }

    /// A file that is not looked into.
    pub(super) fn unread(kind: SharedFileKind) -> Self {
        Self { path: kind.default_path().to_owned(), sections: ProfileSet::default() }
    }

    /// The path, for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What the file says of profile `name`.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get_profile(name)
    }
}

impl fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedFile").field(&self.path).finish()
    }
}

impl SharedFileKind {
    fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
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

/// Gives the text to aws-config's parser, by way of a file system that holds it alone.
async fn parse(kind: SharedFileKind, path: &str, bytes: Vec<u8>) -> Result<ProfileSet, SharedFileError> {
    let kind = match kind {
        SharedFileKind::Config => EnvConfigFileKind::Config,
        SharedFileKind::Credentials => EnvConfigFileKind::Credentials,
    };
    let memory = Fs::from_raw_map(HashMap::from([(path.into(), bytes)]));
    let files = EnvConfigFiles::builder().with_file(kind, path).build();
    profile::load(&memory, &Env::from_slice(&[]), &files, None).await.map_err(|error| {
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        // The parser's words come on two lines.
        SharedFileError::Malformed(cause.replace("\n ", ""))
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
