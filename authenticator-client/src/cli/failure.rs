//! How a command ends that has no answer, and what is said of it.

use std::{error::Error, io::Write};

use crate::{Exit, prompt::Signal, visible::visible};

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

/// Writes a line to standard error. Some of its words are those of a service, of a file or of the environment.
pub(super) fn remark(err: &mut dyn Write, text: &str) {
    // There is nobody left to tell when that fails.
    let _ = writeln!(err, "{}", visible(text));
}

/// Writes a text of this program's own that has several lines.
pub(super) fn remark_lines(err: &mut dyn Write, text: &str) {
    text.lines().for_each(|line| remark(err, line));
}

/// Writes of something that went wrong and stops nothing.
pub(super) fn remark_fault(err: &mut dyn Write, fault: &dyn Error) {
    remark(err, &format!("warning: {}", with_causes(fault)));
}

/// The error and its causes.
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_moves_no_cursor_whoever_wrote_its_words() {
        let mut err = Vec::new();
        let exit = Failure::from(io::Error::other("\u{1b}[2Jno\r\nsuch \u{9b}h\u{e9}\u{202e}")).tell(&mut err);
        assert_eq!(exit, Exit::Failure);
        remark_fault(&mut err, &io::Error::other("a\u{7}\nb"));
        remark(&mut err, "region is a\u{2028}b\n");
        remark_lines(&mut err, "one\ntwo\u{200b}");
        assert_eq!(
            String::from_utf8(err).unwrap(),
            "error: \\u{1b}[2Jno\\r\\nsuch \\u{9b}h\u{e9}\\u{202e}\nwarning: a\\u{7}\\nb\nregion is a\\u{2028}b\\n\none\ntwo\\u{200b}\n"
        );
    }
}
