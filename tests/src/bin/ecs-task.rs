//! `ecs-task ACCOUNT ROLE PROGRAM ARGUMENT…` runs a program as in a container of ECS or EKS: the endpoint for credentials is at its
//! own addresses, for a session of that role.
//!
//! Those addresses are link-local ones that nobody has here, so this is run in a network namespace of its own, as the suite does.

use std::net::SocketAddr;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use authenticator_tests::support::container::Container;
use authenticator_tests::support::sts::Principal;
use jiff::{SignedDuration, Timestamp};

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let mut word = |what: &'static str| arguments.next().with_context(|| format!("no {what}"));
    let (account, role) = (word("account")?, word("role")?);
    let program = word("program")?;
    let principal = Principal::role_session(&account.to_string_lossy(), &role.to_string_lossy(), "task");
    let ends = Timestamp::now() + SignedDuration::from_hours(6);

    let mut endpoints = Vec::new();
    for address in ADDRESSES {
        for command in
            [["address", "add", &format!("{address}/32"), "dev", "lo"].as_slice(), &["link", "set", "lo", "up"]]
        {
            let status = Command::new("ip").args(command).status().context("running ip (of iproute2)")?;
            ensure!(status.success(), "ip {} failed: is this a network namespace of our own?", command.join(" "));
        }
        let address: SocketAddr = format!("{address}:80").parse().context("an address and a port")?;
        endpoints.push(Container::start_on(address, &principal, ends).context("listening where ECS does")?);
    }
    let status = Command::new(&program).args(arguments).status().context("running the program")?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)))
}

/// Of ECS, and of EKS Pod Identity.
const ADDRESSES: [&str; 2] = ["169.254.170.2", "169.254.170.23"];
