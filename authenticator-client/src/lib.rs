//! The exec credential plugin: AWS credentials in, a Kubernetes bearer token out.
//!
//! ```text
//! flags, environment ─▶ profile ─▶ credentials ─┐
//!                          └─────▶ region ─▶ STS endpoint ─▶ presign ─▶ token ─▶ ExecCredential on stdout
//!                                        cluster id, time ─────┘
//! ```
//!
//! `endpoint`, `presign`, `token` and `exec_credential` are pure: time is an argument. The environment and the file system are
//! asked through [`World`], by `exec_info`, `profile`, `credentials`, `region` and the flags' own room, and nowhere else; `cache`
//! alone has a directory of its own, and `kubeconfig` edits kubeconfigs.
//!
//! A token is signed, not fetched: nothing here opens a socket but `credentials`, and that only for a source that has to be
//! asked; and `eks`, for a kubeconfig entry.

use std::{ffi::OsString, io::Write, process::ExitCode};

pub mod cache;
mod cli;
pub mod cluster_id;
pub mod credentials;
pub mod eks;
pub mod endpoint;
pub mod environment;
pub mod exec_credential;
pub mod exec_info;
pub mod kubeconfig;
mod nearest;
pub mod presign;
pub mod profile;
pub mod prompt;
pub mod region;
mod time;
pub mod token;
mod visible;
pub mod whoami;

pub use environment::World;
use prompt::Signal;

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Exit {
    /// Standard output holds exactly what was asked for. Exit code 0.
    Success,
    /// Standard error says why; nothing that a caller could take for a credential was written. Exit code 1, as the Go program
    /// and as client-go expects of a plugin that has none.
    Failure,
    /// A signal ended the program while it asked its user for something. Exit code 130 or 143, as shells have it.
    Signal(Signal),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Signal(signal) => Self::from(signal.exit_code()),
        }
    }
}

/// Runs the program: `arguments` starts with the program's own name.
///
/// `out` receives the credential or nothing; every remark and every error goes to `err`.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    cli::run(arguments, world, out, err)
}
