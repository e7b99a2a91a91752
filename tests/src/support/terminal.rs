//! A terminal of its own for a program, at which a test sits as a person would.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::patience::LIMIT;
use super::process::clean_command;

/// The terminal, from the side of who sits at it.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    line: File,
}

impl Terminal {
    /// A new one, as a window has it that was just opened.
    ///
    /// # Errors
    ///
    /// The system has none left.
    pub fn open() -> io::Result<Terminal> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let line = rustix::fs::open(ptsname(&keyboard, Vec::new())?, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        let keyboard = File::from(keyboard);

        let mut screen = keyboard.try_clone()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(length) = screen.read(&mut bytes)
                && sender.send(bytes[..length].to_vec()).is_ok()
            {}
        });
        Ok(Terminal { keyboard, screen: receiver, shown: String::new(), line: line.into() })
    }

    /// Runs a shell script in a session of its own, whose terminal this is, with these arguments. What it prints is piped; all that
    /// it does at the terminal it does by opening it.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn run(
        &self,
        script: &str,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
        environment: &[(String, String)],
        home: &Path,
    ) -> io::Result<Child> {
        // The terminal of the new session is what `setsid` has for its standard input.
        clean_command(Path::new("setsid"), home)
            .args(["--ctty", "sh", "-c", &format!("exec </dev/null\n{script}"), "sh"])
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(self.line.try_clone()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// Waits until this is shown; all that is shown until then.
    ///
    /// # Panics
    ///
    /// It is not shown in time.
    pub fn wait_for(&mut self, text: &str) -> &str {
        let end = Instant::now() + LIMIT;
        while !self.shown.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let bytes = self.screen.recv_timeout(left).unwrap_or_else(|_| panic!("not shown: {text}\n{}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        &self.shown
    }

    /// All that has been shown by now.
    pub fn shown(&mut self) -> &str {
        for bytes in self.screen.try_iter() {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        &self.shown
    }

    /// Types something.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn type_in(&mut self, text: &str) -> io::Result<()> {
        self.keyboard.write_all(text.as_bytes())
    }
}
