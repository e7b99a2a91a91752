//! `authenticator-client token` and `eks get-token`: the whole way from what is asked for to a credential on standard output.

use std::{
    error::Error,
    io::{self, Write},
    time::Duration,
};

use tokio::{runtime::Builder, time::Instant};
use zeroize::Zeroizing;

use super::{
    remark,
    request::{Form, Request},
};
use crate::{
    World,
    cache::Cache,
    credentials::{Asked, Means, Obtained, Plan},
    endpoint::StsEndpoint,
    exec_credential,
    exec_info::ExecInfo,
    presign,
    prompt::{Prompt, Wording},
    region::ChosenRegion,
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
    let credential = make(request, world, err)?;
    out.write_all(&credential).and_then(|()| out.flush()).map_err(OutputError)?;
    Ok(())
}

/// Makes all that is to be printed, before anything is.
fn make(request: Request, world: &World, err: &mut dyn Write) -> Result<Zeroizing<Vec<u8>>, Box<dyn Error>> {
    let Request { cluster_id, region, profile, form } = request;
    let Obtained { credentials, region, trail: _, remarks } = obtain(Asked { profile, region, role: None }, world)?;
    let ChosenRegion { region, kind, remark: region_remark } = region;
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
    for text in [region_remark, exec_remark, token.length_remark()].into_iter().flatten().chain(remarks) {
        remark(err, &text);
    }
    Ok(printed)
}

fn obtain(asked: Asked, world: &World) -> Result<Obtained, Box<dyn Error>> {
    let cache = Cache::off();
    // No drivers and no threads: for credentials at hand nothing waits.
    let runtime = Builder::new_current_thread().build()?;
    let plan = runtime.block_on(Plan::make(asked, world))?;
    if let Some(obtained) = runtime.block_on(plan.at_hand(&cache)) {
        return Ok(obtained);
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let prompt = Prompt::new(Wording::AwsCli, &world.env);
    let means = Means { cache: &cache, started: Instant::now(), limit: LIMIT, prompt: &prompt };
    Ok(runtime.block_on(plan.obtain(&means))?)
}

/// kubectl sets no limit of its own.
const LIMIT: Duration = Duration::from_secs(60);
