//! `verify`: who signed a token, without a cluster that asks.

use std::io::{self, Read as _, Write};

use anyhow::Context as _;
use serde::Serialize;

use super::config::VerifyConfig;
use super::server::{network, sts_client};
use crate::aws::ClientCertificate;
use crate::clock::Clock;
use crate::denial::Refused;
use crate::logs;
use crate::metrics::Metrics;
use crate::sts::{Contact, ShieldLimits};
use crate::token::Token;
use crate::verify::{Trail, Verified, Verifier};

/// Asks STS about the token and prints whom it vouches for. No mapping is looked at.
///
/// # Errors
/// When the token is none, STS refuses it, or could not be heard.
pub(super) fn run(config: VerifyConfig) -> anyhow::Result<()> {
    let clock = Clock::system();
    logs::install(config.logs.format, config.logs.verbosity, clock.clone());
    let json = config.json;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let verified = runtime.block_on(verify(config, clock))?;
    let identity = Identity::of(&verified);
    let text = if json { serde_json::to_string_pretty(&identity)? } else { identity.lines() };
    writeln!(io::stdout(), "{text}").context("standard output")
}

async fn verify(config: VerifyConfig, clock: Clock) -> anyhow::Result<Verified> {
    let VerifyConfig { cluster_id, hosts, limits, sts_ca_file, sts_client_cert_file, sts_endpoint, token, .. } = config;
    let token = if token.expose() == "-" { from_stdin()? } else { token };
    let metrics = Metrics::default();
    let shown = sts_client_cert_file.as_deref().map(ClientCertificate::read).transpose()?;
    let network = network(sts_ca_file, shown).await?;
    let contact = Contact::new(metrics.sts, clock.clone());
    let sts = sts_client(&cluster_id, sts_endpoint, &network, contact);
    let verifier = Verifier::new(hosts, limits, sts, ShieldLimits::default(), metrics.shield);
    let verified = verifier.verify(token, clock.now(), &mut Trail::default()).await;
    verified.map_err(|refused| match refused {
        Refused::Denied(denial) => anyhow::anyhow!("{}: {denial}", denial.code()),
        Refused::Unknown(outage) => anyhow::anyhow!("{}: {outage}", outage.code()),
    })
}

fn from_stdin() -> anyhow::Result<Token> {
    let mut text = String::new();
    io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text).context("standard input")?;
    Ok(Token::from(text.trim_end()))
}

/// The Go program's names and their order (`Identity` in its `pkg/token/token.go`).
#[derive(Serialize)]
struct Identity<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
    #[serde(rename = "CanonicalARN")]
    canonical_arn: &'a str,
    #[serde(rename = "AccountID")]
    account: &'a str,
    #[serde(rename = "UserID")]
    user_id: &'a str,
    #[serde(rename = "SessionName")]
    session_name: &'a str,
    #[serde(rename = "AccessKeyID")]
    access_key_id: &'a str,
    #[serde(rename = "STSEndpoint")]
    sts_endpoint: &'a str,
}

impl<'a> Identity<'a> {
    fn of(verified: &'a Verified) -> Self {
        let identity = verified.identity();
        Self {
            arn: identity.arn(),
            canonical_arn: identity.canonical_arn().as_str(),
            account: identity.account().as_ref(),
            user_id: identity.user_id(),
            session_name: identity.session_name(),
            access_key_id: identity.access_key_id(),
            sts_endpoint: verified.host().name(),
        }
    }

    fn lines(&self) -> String {
        let Self { arn, canonical_arn, account, user_id, session_name, access_key_id, sts_endpoint } = self;
        format!(
            "ARN: {arn}\nCanonicalARN: {canonical_arn}\nAccountID: {account}\nUserID: {user_id}\nSessionName: {session_name}\n\
             AccessKeyID: {access_key_id}\nSTSEndpoint: {sts_endpoint}"
        )
    }
}

/// More than any token has.
const MOST_BYTES: u64 = 64 * 1024;
