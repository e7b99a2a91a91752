//! Which files are meant: `--kubeconfig`, `KUBECONFIG`, `~/.kube/config`, as aws-cli and kubectl have it.

use std::{
    env, io,
    path::{Path, PathBuf, absolute},
};

use aws_types::os_shim_internal::Env;

use super::{Kubeconfig, file::FileError};
use crate::{
    cache,
    environment::{self, NotUnicode},
};

/// The files, of which there is at least one, in their order: what an earlier one says counts.
#[derive(Clone, Debug)]
pub struct Files {
    first: PathBuf,
    others: Vec<PathBuf>,
    spare: Option<PathBuf>,
}

/// No file can be chosen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// A path that means nothing.
    #[error("{place}: {text:?} is no path of a file")]
    Path {
        /// The flag or variable.
        place: &'static str,
        /// What it says.
        text: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no place for a file that nobody named.
    #[error("no kubeconfig: set HOME, or name a file with --kubeconfig or KUBECONFIG")]
    NoHome,
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl Files {
    /// The files that the flag or the environment names. As with aws-cli, empty elements of `KUBECONFIG` count for nothing and `~` is
    /// the home directory.
    ///
    /// # Errors
    ///
    /// As [`ChoiceError`] says.
    pub fn new(flag: Option<&str>, env: &Env) -> Result<Self, ChoiceError> {
        let (home, spare) = (home(env)?, cache::directory(env));
        let path = |text: &str, place| {
            expanded(text, home.as_deref()).and_then(absolute).map_err(|source| ChoiceError::Path {
                place,
                text: text.to_owned(),
                source,
            })
        };
        if let Some(text) = flag {
            return Ok(Self { first: path(text, "--kubeconfig")?, others: Vec::new(), spare });
        }
        let list = environment::variable(env, "KUBECONFIG")?.unwrap_or_default();
        let named = env::split_paths(&list)
            .map(|element| element.to_string_lossy().into_owned())
            .filter(|element| !element.trim().is_empty())
            .map(|element| path(&element, "KUBECONFIG"))
            .collect::<Result<Vec<_>, _>>()?;
        let mut named = named.into_iter();
        match named.next() {
            Some(first) => Ok(Self { first, others: named.collect(), spare }),
            None => {
                let home = home.ok_or(ChoiceError::NoHome)?;
                Ok(Self { first: Path::new(&home).join(".kube").join("config"), others: Vec::new(), spare })
            }
        }
    }

    /// Where a copy of a file is put that cannot be put beside it: the folder of cached credentials.
    #[must_use]
    pub fn spare(&self) -> Option<&Path> {
        self.spare.as_deref()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.first).chain(&self.others).map(PathBuf::as_path)
    }

    /// The first file of which this holds, else the first of all. One that cannot be read is told of and passed over; but not the
    /// first of all where it is chosen, for whoever writes to it tells.
    pub fn find(&self, holds: impl Fn(&Kubeconfig) -> bool, mut told: impl FnMut(FileError)) -> &Path {
        let mut faults = Vec::new();
        let found = self.all().find(|path| match super::file::read(path) {
            Ok(kubeconfig) => holds(&kubeconfig),
            Err(error) => {
                faults.push((*path, error));
                false
            }
        });
        let chosen = found.unwrap_or(&self.first);
        faults.into_iter().filter(|(path, _)| *path != chosen).for_each(|(_, error)| told(error));
        chosen
    }

    /// The files that come before one of them.
    pub fn before<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.all().take_while(move |other| *other != path)
    }
}

fn home(env: &Env) -> Result<Option<String>, NotUnicode> {
    match environment::variable(env, "HOME")? {
        None if cfg!(windows) => environment::variable(env, "USERPROFILE"),
        home => Ok(home),
    }
}

fn expanded(text: &str, home: Option<&str>) -> io::Result<PathBuf> {
    let in_home = match text.strip_prefix('~') {
        Some("") => Some(""),
        Some(rest) => rest.strip_prefix(['/', std::path::MAIN_SEPARATOR]),
        None => None,
    };
    match (in_home, home) {
        (Some(rest), Some(home)) => Ok(Path::new(home).join(rest)),
        (Some(_), None) => Err(io::Error::new(io::ErrorKind::NotFound, "there is no HOME that \"~\" could stand for")),
        (None, _) => Ok(PathBuf::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(flag: Option<&str>, variables: &[(&'static str, &'static str)]) -> Result<Vec<String>, String> {
        let files = Files::new(flag, &Env::from_slice(variables)).map_err(|error| error.to_string())?;
        Ok(files.all().map(|path| path.display().to_string()).collect())
    }

    #[test]
    fn the_flag_comes_before_the_variable_and_that_before_the_home_directory() {
        let home = ("HOME", "/home/me");
        for (flag, variables, expected) in [
            (Some("/a"), &[("KUBECONFIG", "/b:/c"), home][..], &["/a"][..]),
            (Some("~/a"), &[home], &["/home/me/a"]),
            (None, &[("KUBECONFIG", "/b:: :~/c:/d~"), home], &["/b", "/home/me/c", "/d~"]),
            (None, &[("KUBECONFIG", ""), home], &["/home/me/.kube/config"]),
            (None, &[("KUBECONFIG", " : "), home], &["/home/me/.kube/config"]),
            (None, &[home], &["/home/me/.kube/config"]),
        ] {
            assert_eq!(
                files(flag, variables),
                Ok(expected.iter().map(|&path| path.to_owned()).collect()),
                "{flag:?} {variables:?}"
            );
        }
        assert!(files(None, &[]).unwrap_err().contains("set HOME"));
        assert!(files(Some(""), &[home]).unwrap_err().contains("--kubeconfig"));
        assert!(files(None, &[("KUBECONFIG", "~/a")]).unwrap_err().contains("KUBECONFIG"));
    }
}
