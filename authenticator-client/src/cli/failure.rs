//! How a command ends that has no answer, and what is said of it.

use std::{error::Error, io::Write};

use crate::{Exit, prompt::Signal};

/// A command has no answer.
pub(super) enum Failure {
    /// The user is told why.
    Error(Box<dyn Error>),
    /// The user knows why.
    Signal(Signal),
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error))
    }
}

impl Failure {
    /// Says why, and how the program ends.
    pub(super) fn tell(self, err: &mut dyn Write) -> Exit {
        match self {
            Self::Error(error) => {
                remark(err, &format!("error: {}", with_causes(error.as_ref())));
                Exit::Failure
            }
            Self::Signal(signal) => Exit::Signal(signal),
        }
    }
}

/// Writes to standard error; there is nobody left to tell when that fails.
pub(super) fn remark(err: &mut dyn Write, text: &str) {
    let _ = writeln!(err, "{text}");
}

/// Writes of something that went wrong and stops nothing.
pub(super) fn remark_fault(err: &mut dyn Write, fault: &dyn Error) {
    remark(err, &format!("warning: {}", with_causes(fault)));
}

/// The error and its causes in one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
