//! How this very program is named in a kubeconfig.

use std::{env, io, path::Path};

use aws_types::os_shim_internal::Env;

/// This program's file is not known, or has no name that a kubeconfig could hold.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell where this program is")]
pub(super) struct OwnPathError(#[source] io::Error);

/// The bare name if that finds this program in `PATH`, so that the entry holds after an update elsewhere, and on other computers;
/// else where it is.
pub(super) fn command(env: &Env) -> Result<String, OwnPathError> {
    let own = env::current_exe().and_then(|path| path.canonicalize()).map_err(OwnPathError)?;
    let found = env.get("PATH").ok().and_then(|path| in_path(&path));
    if found.is_some_and(|found| found == own) {
        return Ok(NAME.to_owned());
    }
    own.to_str().map(str::to_owned).ok_or_else(|| {
        OwnPathError(io::Error::new(
            io::ErrorKind::InvalidData,
            "its path is not valid Unicode: move it, or add it to PATH",
        ))
    })
}

/// The program that kubectl would run, whose relative elements of `PATH` do not count (Go's `exec.ErrDot`).
fn in_path(path: &str) -> Option<std::path::PathBuf> {
    let file = format!("{NAME}{}", env::consts::EXE_SUFFIX);
    env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(&file))
        .find(|path| is_program(path))?
        .canonicalize()
        .ok()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

const NAME: &str = "authenticator-client";
