//! What lies outside the process: variables, files and the time, all of it given from the root.

#[cfg(unix)]
use std::{env, os::unix::process::CommandExt, process::Command};
use std::{env::VarError, path::PathBuf};

use aws_types::os_shim_internal::{Env, Fs};
use jiff::Timestamp;

/// The outside, as the program sees it.
///
/// The shims are those that aws-config's own providers take, so that a test puts one environment under all of them.
#[derive(Clone, Debug)]
pub struct World {
    /// The environment variables.
    pub env: Env,
    /// The file system.
    pub fs: Fs,
    /// The one clock.
    pub clock: fn() -> Timestamp,
}

impl World {
    /// The process's own environment, file system and clock.
    #[must_use]
    pub fn real() -> Self {
        Self { env: Env::real(), fs: Fs::real(), clock: Timestamp::now }
    }
}

/// Starts a process without `HOME` again, with the home of its user's passwd entry. Units of systemd without `User=` have no `HOME`,
/// nor has what `env -i` runs; aws-cli and kubectl then look at that entry.
///
/// AWS's own libraries look at the variable alone, and a process cannot safely set it for itself. Where there is no such entry, or
/// the program cannot be started again, it goes on without a home.
#[cfg(unix)]
pub fn find_home() {
    if env::var_os("HOME").is_some_and(|home| !home.is_empty()) {
        return;
    }
    let (Some(home), Ok(program)) = (of_passwd_entry(), env::current_exe()) else { return };
    if home.is_absolute() {
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        // It comes back only where it cannot be done.
        let _ = Command::new(program).arg0(name).args(arguments).env("HOME", home).exec();
    }
}

/// The C library of a static program would load modules of the system's own C library to look up a user, and crash: such a program
/// reads the file, which has all users but those of a directory service.
#[cfg(unix)]
fn of_passwd_entry() -> Option<PathBuf> {
    if !cfg!(target_feature = "crt-static") {
        return env::home_dir();
    }
    home_of(&std::fs::read_to_string("/etc/passwd").ok()?, rustix::process::getuid().as_raw())
}

/// The home in the entry of this user: `NAME:PASSWORD:UID:GID:GECOS:HOME:SHELL`.
#[cfg(unix)]
fn home_of(passwd: &str, user: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let is_users = fields.next()?.parse() == Ok(user);
        fields.nth(2).filter(|_| is_users).map(PathBuf::from)
    })
}

/// Windows has other variables for it.
#[cfg(not(unix))]
pub fn find_home() {}

/// A variable's value is not Unicode; the value itself may be a secret and is not kept.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the environment variable {variable} is not valid Unicode")]
pub struct NotUnicode {
    /// The variable's name.
    pub variable: &'static str,
}

/// The value of `name`; `None` when it is not set, or set to nothing: the Go program and AWS's SDK for Go make no difference, and
/// people unset a variable for one command with `AWS_PROFILE= kubectl ...`.
pub(crate) fn variable(env: &Env, name: &'static str) -> Result<Option<String>, NotUnicode> {
    match env.get(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(NotUnicode { variable: name }),
    }
}

/// The path, whose leading `~` is the home directory; it stays where there is none.
pub(crate) fn in_home(path: String, env: &Env) -> Result<String, NotUnicode> {
    let Some(rest) = path.strip_prefix("~/") else {
        return Ok(path);
    };
    let home = match variable(env, "HOME")? {
        None if cfg!(windows) => variable(env, "USERPROFILE")?,
        home => home,
    };
    Ok(home.map_or_else(|| path.clone(), |home| PathBuf::from(home).join(rest).to_string_lossy().into_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_that_of_the_first_entry_of_the_user() {
        let passwd = "# x\n\nroot:x:0:0:root:/root:/bin/sh\nme:x:1000:1:Me, Myself:/home/me:/bin/sh\nagain:x:1000:1::/other:\nbad:x:7\n";
        for (user, home) in [(0, Some("/root")), (1000, Some("/home/me")), (1, None), (7, None)] {
            assert_eq!(home_of(passwd, user), home.map(PathBuf::from), "{user}");
        }
    }
}
