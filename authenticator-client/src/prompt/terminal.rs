//! The terminal's state, and the signals that end a question.

use std::{fmt, io};

#[cfg(unix)]
use {
    rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
    std::fs::{File, OpenOptions},
    tokio::signal::unix::{Signal as Stream, SignalKind, signal},
};

/// A signal by which a person or their system ends a program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// What a shell takes for the exit code of a program that this signal ended.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "an interrupt",
            Self::Terminate => "a request to end",
        })
    }
}

/// The terminal as it was found; it is so again when this is dropped. The library that reads hidden lines sees to that only when
/// it has read one.
#[cfg(unix)]
pub(super) struct Terminal {
    file: File,
    found: Termios,
}

#[cfg(unix)]
impl Terminal {
    /// Opens it, and from now on what is typed is hidden, and Ctrl-C is for the library to read: it sees to both only after the
    /// question is shown, when somebody quick has seen the start of the code, or ended the shell around this program too.
    pub(super) fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let found = tcgetattr(&file)?;
        let terminal = Self { file, found };
        let mut hidden = terminal.found.clone();
        hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(&terminal.file, OptionalActions::Now, &hidden)?;
        Ok(terminal)
    }
}

#[cfg(unix)]
impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.found);
    }
}

#[cfg(unix)]
pub(super) struct Signals {
    interrupt: Stream,
    terminate: Stream,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// A console that the library sets right again by itself.
#[cfg(not(unix))]
pub(super) struct Terminal;

#[cfg(not(unix))]
impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self)
    }
}

#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
