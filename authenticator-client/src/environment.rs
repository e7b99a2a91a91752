//! What lies outside the process: variables, files and the time, all of it given from the root.

use std::env::VarError;

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
