//! `add`: one entry more in `aws-auth`, asked for by a person at a terminal or by a script.

mod args;
mod shown;

use std::io::{self, BufRead, Write};

use anyhow::{Context as _, bail};
use mapping::{Diagnostic, DiagnosticCode};

use super::config::Logs;
use crate::clock::Clock;
use crate::logs;
use crate::sources::{self, ApiServer, ApiServerError};

use args::AccessArgs;
pub(super) use args::AddArgs;

/// Adds the entry that the flags say, once the person has said yes, and prints the ConfigMap as it is then.
///
/// As in the Go program neither the config file nor the cluster id is looked at: the kubeconfig says which cluster it is.
///
/// # Errors
/// When a flag is wrong, nobody answers the question, or the entry cannot be added: nothing was written then. Also when it was
/// added and standard output cannot be written.
pub(super) fn run(log_settings: Logs, args: AddArgs) -> anyhow::Result<()> {
    logs::install(log_settings.format, log_settings.verbosity, Clock::system());
    let AddArgs { access, command } = args;
    let (entry, action) = command.entry()?;
    if let Some(diagnostic) = entry.diagnostics().first() {
        bail!(complaint(diagnostic));
    }
    let (prompt, api_server) = (access.prompt.unwrap_or(true), api_server(access)?);
    if prompt && !is_confirmed(&action, io::stdin().lock(), io::stdout())? {
        return writeln!(io::stdout(), "cancelled {action:?}").context("standard output");
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let written = runtime.block_on(async {
        let client = api_server.client().await.map_err(in_terms_of_flags)?;
        anyhow::Ok(sources::add_to_aws_auth(client, &entry).await?)
    })?;
    write!(io::stdout(), "updated configmap:\n\n{}", shown::yaml(&written)).context("standard output")
}

fn api_server(access: AccessArgs) -> anyhow::Result<ApiServer> {
    let AccessArgs { prompt: _, master_url, kubeconfig, kubeconfig_context } = access;
    let given = |text: &String| !text.is_empty();
    // Whose aws-auth is edited is not to be guessed.
    let kubeconfig = kubeconfig.filter(|path| !path.as_os_str().is_empty());
    let kubeconfig = kubeconfig.context("no kubeconfig: say with --kubeconfig which cluster's aws-auth is meant")?;
    Ok(ApiServer {
        kubeconfig: Some(kubeconfig),
        master: master_url.filter(given),
        context: kubeconfig_context.filter(given),
    })
}

/// Asks in the Go program's words, which scripts wait for, and on standard input, where they answer.
fn is_confirmed(action: &str, input: impl BufRead, mut output: impl Write) -> anyhow::Result<bool> {
    write!(output, "Ready to add {action:?}, should we continue? [y/N]: ").context("standard output")?;
    output.flush().context("standard output")?;
    let mut answer = String::new();
    input.take(MOST_BYTES).read_line(&mut answer).context("cannot read the answer from standard input")?;
    if !answer.ends_with('\n') {
        bail!("there is no answer on standard input: in a script give --prompt=false");
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// What is wrong with the entry, by the flag that says it.
fn complaint(diagnostic: &Diagnostic) -> String {
    let flag = match diagnostic.code() {
        DiagnosticCode::EmptyGroup | DiagnosticCode::SuspiciousGroup => "--groups",
        DiagnosticCode::EmptyUsername => "--username",
        DiagnosticCode::SessionlessTemplate => "--username, --groups",
        // Flags of these types hold nothing else that could be wrong.
        _ => "the entry",
    };
    let fix = diagnostic.suggestion().map(|fix| format!("; {fix}")).unwrap_or_default();
    format!("{flag}: {}{fix}", diagnostic.message())
}

fn in_terms_of_flags(error: ApiServerError) -> anyhow::Error {
    match error {
        ApiServerError::Master { url } => anyhow::anyhow!("--master-url: {url:?} is no URL"),
        error => error.into(),
    }
}

/// Nobody says yes with more.
const MOST_BYTES: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answer: &str) -> (Option<bool>, String) {
        let mut shown = Vec::new();
        let confirmed = is_confirmed("add userarn \"x\"", answer.as_bytes(), &mut shown).ok();
        (confirmed, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn only_a_yes_is_one_and_the_question_is_the_one_that_scripts_wait_for() {
        for yes in ["y\n", "YES\r\n", " yes \nno\n"] {
            assert_eq!(asked(yes).0, Some(true), "{yes:?}");
        }
        for no in ["\n", "n\n", "yes please\n", "ye\n"] {
            assert_eq!(asked(no).0, Some(false), "{no:?}");
        }
        for none in ["", "y", &"y".repeat(2000)] {
            assert_eq!(asked(none).0, None);
        }
        assert_eq!(asked("").1, r#"Ready to add "add userarn \"x\"", should we continue? [y/N]: "#);
    }

    #[test]
    fn whose_aws_auth_it_is_must_be_said() {
        let access = |kubeconfig: &str| AccessArgs {
            prompt: None,
            master_url: Some(String::new()),
            kubeconfig: Some(kubeconfig.into()),
            kubeconfig_context: Some(String::new()),
        };
        let error = api_server(access("")).unwrap_err().to_string();
        assert!(error.contains("--kubeconfig"), "{error}");
        let expected = ApiServer { kubeconfig: Some("/k".into()), ..ApiServer::default() };
        assert_eq!(api_server(access("/k")).unwrap(), expected);
    }
}
