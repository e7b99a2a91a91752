//! A kubeconfig that cannot be replaced by a rename, written where it stands: a mounted file, a file of another owner, a file in a folder
//! that may not be written, or one of several hard links.
//!
//! A crash in the middle could leave half a file, so a copy of what it held is on disk first, and stays if the write fails.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::{FileError, directory_of, make_directory};

/// Whether a rename could not replace the file, which may well be written all the same.
pub(super) fn is_the_way_out_of(error: &FileError) -> bool {
    let FileError::Io { source, .. } = error else { return false };
    use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(source.kind(), CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

/// Writes the text over what the file held; `false` where it holds something else by now.
pub(super) fn write(target: &Path, before: &[u8], text: &str, spare: Option<&Path>) -> Result<bool, FileError> {
    let copy = copy(target, before, spare)?;
    let failed = |source| FileError::InPlace { path: target.to_owned(), copy: copy.clone(), source };
    let written = write_over(target, before, text).map_err(failed)?;
    // A copy that cannot be removed harms nothing.
    let _ = fs::remove_file(&copy);
    Ok(written)
}

fn write_over(target: &Path, before: &[u8], text: &str) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).write(true).open(target)?;
    let mut now = Vec::new();
    file.read_to_end(&mut now)?;
    if now != before {
        return Ok(false);
    }
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    let end = file.stream_position()?;
    file.set_len(end)?;
    file.sync_all()?;
    Ok(true)
}

/// Puts what the file held beside it, or into the spare folder where nothing may be made beside it. Only its owner may read the copy.
fn copy(target: &Path, before: &[u8], spare: Option<&Path>) -> Result<PathBuf, FileError> {
    match copy_in(directory_of(target), target, before) {
        Err(error) if is_the_way_out_of(&error) => {
            let Some(spare) = spare else { return Err(error) };
            make_directory(spare)?;
            copy_in(spare, target, before)
        }
        copied => copied,
    }
}

fn copy_in(directory: &Path, target: &Path, before: &[u8]) -> Result<PathBuf, FileError> {
    let failed =
        |source| FileError::Io { action: "write a copy of the kubeconfig into", path: directory.to_owned(), source };
    let mut prefix = target.file_name().unwrap_or_default().to_owned();
    prefix.push(".backup-");
    let mut copy = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory).map_err(failed)?;
    copy.write_all(before).map_err(failed)?;
    copy.as_file().sync_all().map_err(failed)?;
    let (_, path) = copy.keep().map_err(|error| failed(error.error))?;
    Ok(path)
}
