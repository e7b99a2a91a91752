//! `authenticator-client token`: the whole way from flags to a credential on standard output.

use std::{
    error::Error,
    io::{self, Write},
};

use aws_types::os_shim_internal::Env;
use zeroize::Zeroizing;

use super::{GlobalFlags, TokenFlags, remark};
use crate::{
    World,
    cluster_id::{ClusterId, ClusterIdError},
    credentials,
    endpoint::StsEndpoint,
    environment::{self, NotUnicode},
    exec_credential,
    exec_info::{ApiVersion, ExecInfo},
    presign,
    profile::{Profile, ProfileChoice, SharedFiles},
    region::{AskedRegion, ChosenRegion},
    token::{self, Token},
};

/// What the flags and their variables ask for.
#[derive(Debug)]
struct Request {
    cluster_id: ClusterId,
    region: Option<String>,
    profile: Option<String>,
    form: Form,
}

/// What to print.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// An `ExecCredential`, in this version or the one that the client asks for.
    ExecCredential(Option<ApiVersion>),
    /// The token alone.
    Token,
}

/// The command line asks for what cannot be done.
#[derive(Debug, thiserror::Error)]
enum RequestError {
    #[error("no cluster id: name the cluster with --cluster-id (-i) or set {CLUSTER_ID_VARIABLE}")]
    NoClusterId,
    #[error("{place} is not a cluster id")]
    ClusterId {
        place: &'static str,
        #[source]
        source: ClusterIdError,
    },
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// Standard output did not take the credential.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct OutputError(#[from] io::Error);

pub(super) fn run(
    global: GlobalFlags,
    flags: TokenFlags,
    world: &World,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let request = Request::new(global, flags, &world.env)?;
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
        Form::Token => (token_line(&token), None),
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

fn token_line(token: &Token) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(token.expose_token().len() + 1));
    line.extend_from_slice(token.expose_token().as_bytes());
    line.push(b'\n');
    line
}

impl Request {
    fn new(global: GlobalFlags, flags: TokenFlags, env: &Env) -> Result<Self, RequestError> {
        // The Go program's log and its server's features have no counterpart here; a cache is for credentials that cost a call.
        let GlobalFlags { cluster_id, config, log_format: _, log_verbosity: _, feature_gates: _ } = global;
        let TokenFlags {
            region,
            profile,
            token_only,
            api_version,
            cache: _,
            role,
            external_id,
            session_name,
            forward_session_name,
        } = flags;

        // An empty flag beats the variable, as in the Go program, where generated command lines rely on it.
        let default_role = match role {
            Some(_) => None,
            None => environment::variable(env, DEFAULT_ROLE_VARIABLE)?,
        };
        let given = |value: Option<String>| value.is_some_and(|value| !value.is_empty());
        for (is_given, name) in [
            (given(config), "--config (-c)"),
            (given(role), "--role (-r)"),
            (given(default_role), "an assumed role, which DEFAULT_ROLE asks for,"),
            (given(external_id), "--external-id (-e)"),
            (given(session_name), "--session-name (-s)"),
            (forward_session_name, "--forward-session-name"),
        ] {
            if is_given {
                return Err(RequestError::NotSupported(name));
            }
        }

        let (text, place) = match cluster_id {
            Some(text) => (text, "--cluster-id"),
            None => match environment::variable(env, CLUSTER_ID_VARIABLE)? {
                Some(text) => (text, CLUSTER_ID_VARIABLE),
                None => return Err(RequestError::NoClusterId),
            },
        };
        Ok(Self {
            cluster_id: text.parse().map_err(|source| RequestError::ClusterId { place, source })?,
            region,
            profile,
            form: if token_only { Form::Token } else { Form::ExecCredential(api_version) },
        })
    }
}

const CLUSTER_ID_VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
const DEFAULT_ROLE_VARIABLE: &str = "DEFAULT_ROLE";
