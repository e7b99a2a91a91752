//! Files that another process may read at any moment: each is either as it was or wholly new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}{hint}", path = .path.display(), hint = hint(.source))]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

/// Who may read a file; only its owner may ever write it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readers {
    /// Mode 0644. Nothing in the file is secret, and the API server may run as another user than the webhook.
    Everyone,
    /// Mode 0600, from the file's first byte on.
    Owner,
}

/// Puts `contents` at `path` in one step: a reader, or a crash at any point, finds the old file or the new one.
///
/// The folder must exist. It is not made here: a folder that is missing in a container is a mount that was forgotten,
/// and what is written inside the container is lost with it.
///
/// # Errors
/// When the folder is missing or cannot be written; the error names `path`.
pub(crate) fn write(path: &Path, contents: &[u8], readers: Readers) -> Result<(), WriteError> {
    let draft = draft_path(path);
    write_draft(&draft, contents, readers).and_then(|()| fs::rename(&draft, path)).map_err(|source| {
        // Whatever went wrong is told by `source`; a draft that stays behind is replaced by the next try.
        let _ = fs::remove_file(&draft);
        WriteError { path: path.to_owned(), source }
    })
}

fn write_draft(draft: &Path, contents: &[u8], readers: Readers) -> io::Result<()> {
    let mode = match readers {
        Readers::Everyone => 0o644,
        Readers::Owner => 0o600,
    };
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // `create_new`, so that a link planted under the draft's name is never followed.
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(draft)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(contents)?;
    file.sync_all()
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => " (its folder must be there; in a container it is a mount from the host)",
        _ => "",
    }
}

/// Beside the target, because only a rename within one file system is atomic.
fn draft_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_new_contents_replace_the_old_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"old", Readers::Everyone).unwrap();
        write(&path, b"new", Readers::Everyone).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_readable_by_those_named_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        for (name, readers, expected) in [("a", Readers::Everyone, 0o644), ("b", Readers::Owner, 0o600)] {
            let path = dir.path().join(name);
            write(&path, b"", readers).unwrap();
            assert_eq!(mode(&path), expected, "{name}");
        }
    }

    #[test]
    fn an_error_names_the_file_that_was_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("absent").join("file");
        let error = write(&path, b"", Readers::Everyone).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert!(!path.parent().unwrap().exists());
    }
}
