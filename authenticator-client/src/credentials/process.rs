//! Credentials that a program prints, as [its contract][contract] has it: one JSON document of version 1.
//!
//! The command is split into words as aws-cli splits it, and no shell sees it: aws-config's own provider gives it to one.
//!
//! [contract]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html

use std::{
    env, fmt,
    io::{self, IsTerminal},
    process::Stdio,
};

use aws_credential_types::Credentials;
use aws_types::os_shim_internal::Env;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::{
    io::AsyncReadExt,
    process::{ChildStdout, Command},
};
use zeroize::Zeroizing;

use super::keys;
use crate::{
    exec_info::Interaction,
    profile::{ProfileView, Unfinished, split_words},
    time,
};

/// A program and its arguments.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Process {
    program: String,
    arguments: Vec<String>,
    /// The profile that names it, in words.
    asked_by: String,
    /// The files that the profile stands in.
    files: [String; 2],
}

/// The program gives no credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// There is no program in the text.
    #[error("credential_process of {0} is empty")]
    Empty(String),
    /// It says that it failed; why, it has written to standard error itself.
    #[error("{program}, the credential_process of {asked_by}, ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// The profile.
        asked_by: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// What it prints are no credentials. Nothing of it is shown, for some of it may be.
    #[error("{program}, the credential_process of {asked_by}, prints no credentials that can be used: {fault}")]
    Output {
        /// The program.
        program: String,
        /// The profile.
        asked_by: String,
        /// What is wrong with it.
        fault: OutputFault,
    },
    /// It cannot be started, or read from.
    #[error("cannot run {program}, the credential_process of {asked_by}")]
    Run {
        /// The program.
        program: String,
        /// The profile.
        asked_by: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A quote is missing.
    #[error("credential_process of {asked_by} cannot be split into words")]
    Words {
        /// The profile.
        asked_by: String,
        /// Why.
        #[source]
        source: Unfinished,
    },
}

/// What is wrong with what a program prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputFault {
    /// The key id holds characters that none has.
    #[error("AccessKeyId is no access key id")]
    AccessKeyId,
    /// A value that must be there.
    #[error("{0} is missing or empty")]
    Missing(&'static str),
    /// An end that has passed.
    #[error("they expired at {0}")]
    Expired(Timestamp),
    /// An end that is no time.
    #[error("Expiration is not a time such as 2026-01-02T03:04:05Z")]
    Expiration,
    /// Not one JSON object, or values of other types.
    #[error("it is not one JSON object whose values are strings, but for Version")]
    Form,
    /// It goes on and on.
    #[error("it is longer than {LONGEST_OUTPUT} bytes")]
    TooLong,
    /// Another version of the contract.
    #[error("its Version is not 1")]
    Version,
}

/// What the program prints. No `Debug`: it holds secrets, which [`Credentials`] takes over and wipes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    version: serde_json::Number,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Process {
    /// The program that the profile names.
    pub(super) fn choose(profile: ProfileView<'_>) -> Result<Option<Self>, ProcessError> {
        let Some(text) = profile.setting("credential_process") else {
            return Ok(None);
        };
        let asked_by = profile.to_string();
        let mut words = match split_words(text) {
            Ok(words) => words.into_iter(),
            Err(source) => return Err(ProcessError::Words { asked_by, source }),
        };
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            return Err(ProcessError::Empty(asked_by));
        };
        let files = [profile.files().config_path().to_owned(), profile.files().credentials_path().to_owned()];
        Ok(Some(Self { program, arguments: words.collect(), asked_by, files }))
    }

    /// Runs the program. What it says to its user goes to standard error, and where a person may be asked it has this program's
    /// input. When nobody waits for it any more, it is killed.
    ///
    /// It stays in this program's process group: only so may it ask its user at the terminal, and does Ctrl-C reach it. What it has
    /// started itself may outlive it then, and holds nothing that anybody waits for.
    pub(super) async fn obtain(&self, env: &Env, now: Timestamp) -> Result<Credentials, ProcessError> {
        let Self { program, arguments, asked_by, files: _ } = self;
        let run = |source| ProcessError::Run { program: program.clone(), asked_by: asked_by.clone(), source };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(input(env))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(run)?;
        let output = match child.stdout.take() {
            Some(stdout) => read(stdout).await.map_err(run)?,
            None => Zeroizing::default(),
        };
        let fault = |fault| ProcessError::Output { program: program.clone(), asked_by: asked_by.clone(), fault };
        if output.len() > LONGEST_OUTPUT {
            return Err(fault(OutputFault::TooLong));
        }
        let status = child.wait().await.map_err(run)?;
        if !status.success() {
            return Err(ProcessError::Failed { program: program.clone(), asked_by: asked_by.clone(), status });
        }
        parse(&output, now).map_err(fault)
    }

    pub(super) fn values(&self) -> Vec<(&'static str, Option<String>)> {
        let Self { program, arguments, asked_by, files: [config, credentials] } = self;
        // The program may read the profile that names it.
        let mut values = vec![
            ("source", Some("process".to_owned())),
            ("profile", Some(asked_by.clone())),
            ("config file", Some(config.clone())),
            ("credentials file", Some(credentials.clone())),
            ("program", Some(program.clone())),
            ("environment", Some(inherited())),
        ];
        values.extend(arguments.iter().map(|argument| ("argument", Some(argument.clone()))));
        values
    }
}

/// Without the arguments, which may hold secrets.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, the credential_process of {}", self.program, self.asked_by)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("program", &self.program)
            .field("asked_by", &self.asked_by)
            .finish_non_exhaustive()
    }
}

/// The terminal, where a person sits at it; else nothing, for it may be a file that kubectl applies.
fn input(env: &Env) -> Stdio {
    match Interaction::from_environment(env) {
        Interaction::Allowed => Stdio::inherit(),
        Interaction::Unsaid if io::stdin().is_terminal() => Stdio::inherit(),
        Interaction::Forbidden | Interaction::Unsaid => Stdio::null(),
    }
}

/// What is printed, to its end, or to one byte more than is taken.
async fn read(stdout: ChildStdout) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it, so that no copy of a secret is left behind by a buffer that grows.
    let mut output = Zeroizing::new(Vec::with_capacity(LONGEST_OUTPUT + 1));
    stdout.take(output.capacity().try_into().unwrap_or(u64::MAX)).read_to_end(&mut output).await?;
    Ok(output)
}

fn parse(output: &[u8], now: Timestamp) -> Result<Credentials, OutputFault> {
    let Output { version, access_key_id, secret_access_key, session_token, expiration } =
        serde_json::from_slice(output).map_err(|_| OutputFault::Form)?;
    // 1.0 is the same number.
    if version.as_f64() != Some(1.0) {
        return Err(OutputFault::Version);
    }
    let given = |value: Option<String>, name| value.filter(|value| !value.is_empty()).ok_or(OutputFault::Missing(name));
    let access_key_id = given(access_key_id, "AccessKeyId")?;
    if !keys::is_access_key_id(&access_key_id) {
        return Err(OutputFault::AccessKeyId);
    }
    let secret_access_key = given(secret_access_key, "SecretAccessKey")?;
    let session_token = session_token.filter(|token| !token.is_empty());
    let end = expiration
        .filter(|text| !text.is_empty())
        .map(|text| time::parse(&text).ok_or(OutputFault::Expiration))
        .transpose()?;
    if let Some(end) = end.filter(|end| *end <= now) {
        return Err(OutputFault::Expired(end));
    }
    Ok(Credentials::new(access_key_id, secret_access_key, session_token, end.map(Into::into), "process"))
}

/// The variables that the program gets, which are this process's own: it may choose by any of them whose credentials it prints.
/// Without those that are about where somebody's shell is, and kubectl's.
fn inherited() -> String {
    let mut variables: Vec<_> =
        env::vars_os().filter(|(name, _)| !OF_NO_CONCERN.iter().any(|other| name == other)).collect();
    variables.sort_unstable();
    format!("{variables:?}")
}

/// That they differ says nothing of a choice.
const OF_NO_CONCERN: [&str; 7] = ["_", "COLUMNS", "KUBERNETES_EXEC_INFO", "LINES", "OLDPWD", "PWD", "SHLVL"];

/// Session tokens have up to 4096 bytes.
const LONGEST_OUTPUT: usize = 64 * 1024;
