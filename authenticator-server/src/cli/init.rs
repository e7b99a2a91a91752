//! `init`: certificate, key and webhook kubeconfig, before the server runs for the first time.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;

use super::cautions;
use super::config::{InitConfig, InitFiles};
use crate::clock::Clock;
use crate::kubeconfig::WebhookKubeconfig;
use crate::logs;
use crate::tls::{Origin, StateDir};

/// Makes what is missing, and says what to do with it. Running it again changes nothing.
///
/// # Errors
/// When a file cannot be read or written, or what is there is unusable.
pub(super) fn run(config: InitConfig) -> anyhow::Result<()> {
    let InitConfig { logs: log_settings, names, port, server, warnings, written } = config;
    let clock = Clock::system();
    logs::install(log_settings.format, log_settings.verbosity, clock.clone());
    for warning in &warnings {
        tracing::warn!("{warning}");
    }

    make_folder(&written.state_dir)?;
    if let Some(parent) = written.webhook_kubeconfig.parent() {
        make_folder(parent)?;
    }
    let state_dir = StateDir::new(written.state_dir.clone());
    let (certificate, origin) = state_dir.load_or_create(&names, clock.now())?;
    cautions::exposed_keys(&state_dir);
    WebhookKubeconfig::new(&names.hostname, port, &certificate.anchor_pem()).write(&written.webhook_kubeconfig)?;

    io::stdout().write_all(instructions(origin, &written, &server).as_bytes()).context("standard output")
}

/// The server never makes folders, lest it hide a missing mount; here, the operator has just named them.
fn make_folder(path: &Path) -> anyhow::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot make folder {}", path.display()))
}

fn instructions(origin: Origin, written: &InitFiles, server: &InitFiles) -> String {
    let what = match origin {
        Origin::Created => "made",
        Origin::Found => "found, unchanged",
        Origin::Renewed => "found, with a new certificate for the new host name",
    };
    let (from, to) = (StateDir::new(written.state_dir.clone()), StateDir::new(server.state_dir.clone()));
    let files = [
        ("certificate", from.certificate_path(), to.certificate_path()),
        ("key", from.key_path(), to.key_path()),
        ("webhook kubeconfig", written.webhook_kubeconfig.clone(), server.webhook_kubeconfig.clone()),
    ];
    let mut text = format!("certificate and key: {what}\n");
    for (name, from, to) in files {
        let (from, to) = (from.display(), to.display());
        text += &if from.to_string() == to.to_string() {
            format!("{name}: {from}\n")
        } else {
            format!("{name}: copy {from} to {to} on every control-plane node\n")
        };
    }
    if from.authority_key_path().exists() {
        text += &format!("{}: keep it secret; it signs the next certificate\n", from.authority_key_path().display());
    }
    text += &format!(
        "then start kube-apiserver with --authentication-token-webhook-config-file={}\n",
        server.webhook_kubeconfig.display()
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(state_dir: &str, webhook_kubeconfig: &str) -> InitFiles {
        InitFiles { state_dir: state_dir.into(), webhook_kubeconfig: webhook_kubeconfig.into() }
    }

    #[test]
    fn what_the_server_reads_elsewhere_is_to_be_copied() {
        let text = instructions(Origin::Created, &files("/from", "/from/k"), &files("/to", "/to/k"));
        for (from, to) in [("/from/cert.pem", "/to/cert.pem"), ("/from/key.pem", "/to/key.pem"), ("/from/k", "/to/k")] {
            assert!(text.contains(&format!("copy {from} to {to} ")), "{text}");
        }
        assert!(text.ends_with("--authentication-token-webhook-config-file=/to/k\n"), "{text}");
    }

    #[test]
    fn what_is_where_the_server_reads_it_stays_there() {
        let text = instructions(Origin::Found, &files("/to", "/to/k"), &files("/to", "/to/k"));
        assert!(!text.contains("copy"), "{text}");
        assert!(text.starts_with("certificate and key: found, unchanged\n"), "{text}");
    }
}
