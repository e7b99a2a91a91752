//! A clock under the webhook that somebody sets: libfaketime, from PyPI, loaded into its process.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::server::Setup;
use super::signers::python;

/// The wall clock of one webhook. The clock that nobody can set goes on as the kernel's.
#[derive(Debug)]
pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// One that is right.
    ///
    /// # Panics
    ///
    /// There is no folder for it.
    #[must_use]
    pub fn right() -> WallClock {
        let clock = WallClock { folder: TempDir::new().expect("a folder can be made") };
        clock.set("+0");
        clock
    }

    /// Sets it so far from the right time: `+20m`, `-20m`, `+0`.
    ///
    /// # Panics
    ///
    /// Its file cannot be written.
    pub fn set(&self, offset: &str) {
        // In one step: it is read at every look at the clock.
        let new = self.folder.path().join("new");
        std::fs::write(&new, offset).expect("the file can be written");
        std::fs::rename(new, self.file()).expect("the file can be written");
    }

    /// A webhook that goes by it.
    ///
    /// # Panics
    ///
    /// The library is not installed.
    #[must_use]
    pub fn under(&self, setup: Setup) -> Setup {
        let code = "import libfaketime, os; print(os.path.dirname(libfaketime.__file__))";
        let found = Command::new(python()).args(["-c", code]).output().expect("Python can be run");
        let folder = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
        let library = folder.join("vendor/libfaketime/src/libfaketime.so.1");
        assert!(library.is_file(), "{} is not there: tests/interop/requirements.txt names it", library.display());
        setup
            .variable("LD_PRELOAD", library.to_string_lossy())
            .variable("FAKETIME_TIMESTAMP_FILE", self.file().to_string_lossy())
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("DONT_FAKE_MONOTONIC", "1")
            .variable("NO_FAKE_STAT", "1")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("faketime")
    }
}
