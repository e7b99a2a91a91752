//! The one question that a person is asked: the code of their MFA device.
//!
//! It is asked on the terminal itself: standard input may be a file that kubectl applies, and standard output is for the
//! credential. Nothing is echoed. However the question ends (answer, signal, the program's own deadline, which drops the future),
//! the terminal is left as it was found.

use std::{cell::Cell, fmt, io, thread};

use aws_types::os_shim_internal::Env;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::{exec_info::Interaction, visible::visible};

mod terminal;

pub use terminal::Signal;
use terminal::{Signals, Terminal};

/// Who may be asked, and in which words.
#[derive(Debug)]
pub struct Prompt {
    allowed: bool,
    wording: Wording,
    ended_by: Cell<Option<Signal>>,
}

/// The words of the question, on which scripts wait that answer it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wording {
    /// aws-cli's.
    AwsCli,
    /// The Go program's.
    Go,
}

/// A code as STS takes it: six digits. It is good once and for a short while, and still nobody's to see.
pub struct MfaCode(Zeroizing<String>);

/// There is no code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromptError {
    /// The answer is something else.
    #[error("that is no code of the MFA device {serial}: write its six digits")]
    NoCode {
        /// The device.
        serial: String,
    },
    /// Nobody sits there.
    #[error("the MFA device {serial} has to give a code, and there is no terminal to ask for it on")]
    NoTerminal {
        /// The device.
        serial: String,
        /// Why the terminal cannot be opened.
        #[source]
        source: io::Error,
    },
    /// kubectl says that nobody may be asked.
    #[error(
        "the MFA device {serial} has to give a code, and kubectl says that nobody can be asked for it (interactive is false in \
         KUBERNETES_EXEC_INFO): run this command in a terminal first, which keeps the credentials for kubectl, or set \
         interactiveMode: IfAvailable in the kubeconfig"
    )]
    NotAllowed {
        /// The device.
        serial: String,
    },
    /// The terminal cannot be read.
    #[error("cannot read the code of the MFA device {serial} from the terminal")]
    Read {
        /// The device.
        serial: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The user, or somebody else, ended the program.
    #[error("{signal} came instead of a code of the MFA device {serial}")]
    Signal {
        /// The device.
        serial: String,
        /// What ended it.
        signal: Signal,
    },
}

impl Prompt {
    /// The prompt of a run that kubectl, or a person, has started in this environment.
    #[must_use]
    pub fn new(wording: Wording, env: &Env) -> Self {
        Self {
            allowed: Interaction::from_environment(env) != Interaction::Forbidden,
            wording,
            ended_by: Cell::new(None),
        }
    }

    /// Asks for a code of the MFA device whose serial number or ARN this is. Needs a runtime with signals.
    ///
    /// # Errors
    ///
    /// [`PromptError`]; where nobody may or can be asked, at once.
    pub async fn mfa_code(&self, serial: &str) -> Result<MfaCode, PromptError> {
        if !self.allowed {
            return Err(PromptError::NotAllowed { serial: serial.to_owned() });
        }
        let cannot_read = |source| PromptError::Read { serial: serial.to_owned(), source };
        // Heard from before anything is hidden, so that no signal leaves a terminal behind that hides what is typed.
        let mut signals = Signals::new().map_err(cannot_read)?;
        let terminal =
            Terminal::open().map_err(|source| PromptError::NoTerminal { serial: serial.to_owned(), source })?;

        // Of all that a thread could be left in, a read from the terminal is what only the program's end gets it out of.
        let (sender, receiver) = oneshot::channel();
        let question = self.wording.question(serial);
        thread::spawn(move || sender.send(rpassword::prompt_password(question).map(Zeroizing::new)));
        let answer = tokio::select! {
            biased;
            signal = signals.next() => {
                self.ended_by.set(Some(signal));
                return Err(PromptError::Signal { serial: serial.to_owned(), signal });
            }
            answer = receiver => answer.map_err(|_| cannot_read(io::ErrorKind::BrokenPipe.into()))?.map_err(cannot_read)?,
        };
        drop(terminal);
        MfaCode::parse(&answer).ok_or_else(|| PromptError::NoCode { serial: serial.to_owned() })
    }

    /// The signal that came instead of an answer. The program has caught it and owes it its own end.
    #[must_use]
    pub fn ended_by(&self) -> Option<Signal> {
        self.ended_by.get()
    }
}

impl Wording {
    fn question(self, serial: &str) -> String {
        match self {
            Self::AwsCli => format!("Enter MFA code for {}: ", visible(serial)),
            Self::Go => "Assume Role MFA token code: ".to_owned(),
        }
    }
}

impl MfaCode {
    /// The code itself, for STS alone.
    #[must_use]
    pub fn expose_code(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let code = text.trim();
        (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(code.to_owned().into()))
    }
}

impl fmt::Debug for MfaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MfaCode(** redacted **)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_six_digits() {
        for (text, code) in [
            ("123456", Some("123456")),
            (" 012345\r", Some("012345")),
            ("", None),
            ("12345", None),
            ("1234567", None),
            ("123 456", None),
            ("12345\u{663}", None),
        ] {
            assert_eq!(MfaCode::parse(text).as_ref().map(MfaCode::expose_code), code, "{text:?}");
        }
        assert!(!format!("{:?}", MfaCode::parse("123456")).contains("123456"));
    }

    #[test]
    fn nobody_is_asked_where_kubectl_says_that_nobody_can_be() {
        let info = r#"{"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}"#;
        let prompt = Prompt::new(Wording::Go, &Env::from_slice(&[("KUBERNETES_EXEC_INFO", info)]));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refused = runtime.block_on(prompt.mfa_code("arn:aws:iam::111122223333:mfa/me"));
        assert!(matches!(refused, Err(PromptError::NotAllowed { .. })), "{refused:?}");
        assert_eq!(prompt.ended_by(), None);
    }

    #[test]
    fn the_question_is_the_one_that_scripts_wait_for() {
        assert_eq!(Wording::Go.question("x"), "Assume Role MFA token code: ");
        assert_eq!(
            Wording::AwsCli.question("arn:aws:iam::111122223333:mfa/me"),
            "Enter MFA code for arn:aws:iam::111122223333:mfa/me: "
        );
    }
}
