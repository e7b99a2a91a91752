//! `authenticator-client token` and `eks get-token`: the whole way from what is asked for to a credential on standard output.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::{
    failure::{Failure, remark, remark_lines},
    login::LoggedIn,
    request::{Form, TokenRequest},
    values::Verbosity,
};
use crate::{
    World,
    credentials::Obtained,
    endpoint::StsEndpoint,
    exec_credential,
    exec_info::ExecInfo,
    presign,
    token::{self, Token},
    whoami::Account,
};

/// Standard output did not take the credential.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct OutputError(#[from] io::Error);

pub(super) fn run(
    request: TokenRequest,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    let credential = make(request, world, err)?;
    out.write_all(&credential).and_then(|()| out.flush()).map_err(OutputError)?;
    Ok(())
}

/// Makes all that is to be printed, before anything is.
fn make(request: TokenRequest, world: &World, err: &mut dyn Write) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let TokenRequest { cluster_id, login, form } = request;
    let verbosity = login.verbosity;
    let LoggedIn { obtained, .. } = login.log_in(world, err)?;
    let endpoint = StsEndpoint::new(&obtained.region.region, obtained.region.kind)?;
    if verbosity == Verbosity::Verbose {
        remark_lines(err, &Account::new(&obtained, &endpoint, Some(&cluster_id)).to_string());
    }
    let Obtained { credentials, region, trail: _, remarks } = obtained;

    let now = (world.clock)();
    let expiration = token::expiration(now, credentials.expiry())?;
    let token = Token::new(&presign::get_caller_identity(&endpoint, &cluster_id, &credentials, now)?);

    let (printed, exec_remark) = match form {
        Form::Token => (exec_credential::render_token(&token), None),
        Form::Aws { form, part } => {
            let ExecInfo { api_version, remark } = ExecInfo::from_environment(&world.env);
            (exec_credential::render_as_aws_cli(form, part, api_version, &token, expiration), remark.map(str::to_owned))
        }
        Form::ExecCredential(Some(version)) => (exec_credential::render(version, &token, expiration), None),
        Form::ExecCredential(None) => {
            let ExecInfo { api_version, remark } = ExecInfo::from_environment(&world.env);
            (exec_credential::render(api_version, &token, expiration), remark.map(str::to_owned))
        }
    };
    for text in [region.remark, exec_remark, token.length_remark()].into_iter().flatten().chain(remarks) {
        remark(err, &text);
    }
    Ok(printed)
}
