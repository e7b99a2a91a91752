//! `authenticator-client whoami`.

use std::io::Write;

use tokio::time::timeout_at;

use super::{
    failure::{Failure, remark, remark_lines},
    flags::WhoamiForm,
    login::{LoggedIn, with_drivers},
    request::WhoamiRequest,
    values::Verbosity,
};
use crate::{World, endpoint::StsEndpoint, whoami::Account};

/// STS says nothing.
#[derive(Debug, thiserror::Error)]
#[error("STS did not say in time whose credentials these are")]
struct DeadlineError;

/// Has the credentials, asks STS whose they are, and prints all of it but secrets.
pub(super) fn run(
    request: WhoamiRequest,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let WhoamiRequest { cluster_id, login, form } = request;
    let verbosity = login.verbosity;
    let LoggedIn { plan, obtained, deadline } = login.log_in(world, err)?;
    let endpoint = StsEndpoint::new(&obtained.region.region, obtained.region.kind)?;
    let mut account = Account::new(&obtained, &endpoint, cluster_id.as_ref());

    let sts = plan.sts(&obtained.region)?;
    let runtime = with_drivers()?;
    let answer = runtime.block_on(async { timeout_at(deadline, sts.caller_identity(&obtained.credentials)).await });
    runtime.shutdown_background();
    match answer.map_err(|_| DeadlineError.into()).and_then(|answer| Ok(answer?)) {
        Ok(identity) => account.identity = Some(identity),
        Err(failure) => {
            if verbosity == Verbosity::Verbose {
                remark_lines(err, &account.to_string());
            }
            return Err(failure);
        }
    }
    account.clock_difference = sts.clock_difference();

    for text in obtained.region.remark.iter().chain(&obtained.remarks) {
        remark(err, text);
    }
    match form {
        WhoamiForm::Text => write!(out, "{account}")?,
        WhoamiForm::Json => out.write_all(&account.to_json())?,
    }
    Ok(out.flush()?)
}
