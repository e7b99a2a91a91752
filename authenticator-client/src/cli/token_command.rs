//! `authenticator-client token` and `eks get-token`: the whole way from what is asked for to a credential on standard output.

use std::{
    error::Error,
    io::{self, Write},
};

use zeroize::Zeroizing;

use super::{
    remark,
    request::{Form, Request},
};
use crate::{
    World, credentials,
    endpoint::StsEndpoint,
    exec_credential,
    exec_info::ExecInfo,
    presign,
    profile::{Profile, ProfileChoice, SharedFiles},
    region::{AskedRegion, ChosenRegion},
    token::{self, Token},
};

/// Standard output did not take the credential.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct OutputError(#[from] io::Error);

pub(super) fn run(
    request: Request,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    // No drivers and no threads: no source that is asked today waits for anything.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let credential = runtime.block_on(make(request, world, err))?;
    out.write_all(&credential).and_then(|()| out.flush()).map_err(OutputError)?;
    Ok(())
}

/// Makes all that is to be printed, before anything is.
async fn make(request: Request, world: &World, err: &mut dyn Write) -> Result<Zeroizing<Vec<u8>>, Box<dyn Error>> {
    let Request { cluster_id, region, profile, form } = request;
    let choice = ProfileChoice::new(profile, &world.env)?;
    let region = AskedRegion::outside_profile(region, &world.env)?;
    let keys = match choice {
        ProfileChoice::Flag(_) => None,
        ProfileChoice::Variable { .. } | ProfileChoice::Default => credentials::from_environment(&world.env)?,
    };
    let files = match choice {
        ProfileChoice::Default if keys.is_some() && region.is_some() => SharedFiles::ConfigOnly,
        _ => SharedFiles::Both,
    };
    let profile = Profile::load(choice, files, world).await?;
    let credentials = match keys {
        Some(keys) => keys,
        None => credentials::from_profile(&profile, &world.env)?,
    };
    let ChosenRegion { region, kind, remark: region_remark } = ChosenRegion::choose(region, &world.env, &profile)?;
    let endpoint = StsEndpoint::new(&region, kind)?;

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
    for text in [region_remark, exec_remark, token.length_remark()].into_iter().flatten() {
        remark(err, &text);
    }
    Ok(printed)
}
