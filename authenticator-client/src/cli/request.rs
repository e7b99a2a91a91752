//! What a command line asks for, once it and the variables that stand for flags are read.

use aws_types::os_shim_internal::Env;

use super::{
    config_file::{self, ConfigFileError},
    flags::{AwsFlags, GetTokenFlags, GlobalFlags, TokenFlags},
};
use crate::{
    cluster_id::{ClusterId, ClusterIdError},
    environment::{self, NotUnicode},
    exec_credential::{AwsForm, AwsPart},
    exec_info::{self, ApiVersion, CLUSTER_ID_PLACE, ClusterConfigError},
};

/// A token that is to be made and printed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) cluster_id: ClusterId,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) form: Form,
}

/// What to print.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// What aws-cli prints, in the version that the client asks for.
    Aws {
        form: AwsForm,
        /// Not the whole document.
        part: Option<AwsPart>,
    },
    /// An `ExecCredential`, in this version or the one that the client asks for.
    ExecCredential(Option<ApiVersion>),
    /// The token alone.
    Token,
}

/// The command line asks for what cannot be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("{place} is not a cluster id")]
    ClusterId {
        place: String,
        #[source]
        source: ClusterIdError,
    },
    #[error("{0} before the command goes with eks get-token alone")]
    Misplaced(&'static str),
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    #[error("no cluster id: there is none in {looked_at}, nor as {CLUSTER_ID_PLACE}")]
    NoClusterId { looked_at: String },
    #[error("{0} does not go with eks get-token: aws-cli has no such flag")]
    NotOfAwsCli(&'static str),
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
    #[error("--no-sign-request is not possible here: a token is a signed request")]
    Unsigned,
    #[error("--cluster-name and --cluster-id both name the cluster: give one of them")]
    TwoClusters,
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

impl AwsFlags {
    /// These flags, unless those that stand further on in the command line say something else.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            region: later.region.or(self.region),
            profile: later.profile.or(self.profile),
            output: later.output.or(self.output),
            query: later.query.or(self.query),
            no_sign_request: later.no_sign_request || self.no_sign_request,
            idle: later.idle,
        }
    }

    /// Region and profile, for a command that has a form of its own.
    pub(super) fn without_form(self) -> Result<(Option<String>, Option<String>), RequestError> {
        let Self { region, profile, output, query, no_sign_request, idle: _ } = self;
        match (output, query, no_sign_request) {
            (Some(_), _, _) => Err(RequestError::Misplaced("--output")),
            (None, Some(_), _) => Err(RequestError::Misplaced("--query")),
            (None, None, true) => Err(RequestError::Unsigned),
            (None, None, false) => Ok((region, profile)),
        }
    }
}

impl Request {
    /// What `token` asks for, read as the Go program reads it.
    pub(super) fn of_token(
        global: GlobalFlags,
        before: AwsFlags,
        flags: TokenFlags,
        env: &Env,
    ) -> Result<Self, RequestError> {
        let (region_before, profile_before) = before.without_form()?;
        let TokenFlags {
            region,
            profile,
            token_only,
            api_version,
            // For credentials that cost a call.
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

        Ok(Self {
            cluster_id: cluster_id(global, env)?,
            region: region.or(region_before),
            profile: profile.or(profile_before),
            form: if token_only { Form::Token } else { Form::ExecCredential(api_version) },
        })
    }

    /// What `eks get-token` asks for, read as aws-cli reads it: the Go program's variables have no say.
    pub(super) fn of_get_token(
        global: GlobalFlags,
        before: AwsFlags,
        flags: GetTokenFlags,
        env: &Env,
    ) -> Result<Self, RequestError> {
        let GetTokenFlags { aws, cluster_name, role_arn } = flags;
        let AwsFlags { region, profile, output, query, no_sign_request, idle: _ } = before.then(aws);
        if no_sign_request {
            return Err(RequestError::Unsigned);
        }
        if role_arn.is_some() {
            return Err(RequestError::NotSupported("--role-arn (--role)"));
        }
        let GlobalFlags { cluster_id, config, log_format: _, log_verbosity: _, feature_gates: _ } = global;
        if config.is_some() {
            return Err(RequestError::NotOfAwsCli("--config (-c)"));
        }
        let cluster = match (cluster_name, cluster_id) {
            (Some(_), Some(_)) => return Err(RequestError::TwoClusters),
            (Some(text), None) => Some((text, "--cluster-name".to_owned())),
            (None, Some(text)) => Some((text, "--cluster-id".to_owned())),
            (None, None) => of_cluster_config(env)?,
        };
        Ok(Self {
            cluster_id: parsed(cluster, || "--cluster-name or --cluster-id".to_owned())?,
            region,
            profile,
            form: Form::Aws { form: output.unwrap_or_default(), part: query },
        })
    }
}

/// The cluster of a command that is not aws-cli's, in the Go program's order: flag, variable, config file; then the kubeconfig's.
fn cluster_id(flags: GlobalFlags, env: &Env) -> Result<ClusterId, RequestError> {
    // The Go program's log and its server's features have no counterpart here.
    let GlobalFlags { cluster_id, config, log_format: _, log_verbosity: _, feature_gates: _ } = flags;
    let config = config.filter(|path| !path.as_os_str().is_empty());
    // A file that was named has to be there even if it has no say, as in the Go program.
    let of_file = match &config {
        Some(path) => config_file::cluster_id(path)?
            .map(|text| (text, format!("clusterID in the config file {}", path.display()))),
        None => None,
    };
    let of_variable = environment::variable(env, CLUSTER_ID_VARIABLE)?;
    let cluster = cluster_id
        .map(|text| (text, "--cluster-id".to_owned()))
        .or_else(|| of_variable.map(|text| (text, CLUSTER_ID_VARIABLE.to_owned())))
        .or(of_file);
    let cluster = match cluster {
        None => of_cluster_config(env)?,
        cluster => cluster,
    };
    parsed(cluster, || match config {
        Some(path) => format!("--cluster-id (-i), {CLUSTER_ID_VARIABLE} or clusterID in {}", path.display()),
        None => format!("--cluster-id (-i) or {CLUSTER_ID_VARIABLE}"),
    })
}

/// The cluster that the kubeconfig names.
fn of_cluster_config(env: &Env) -> Result<Option<(String, String)>, RequestError> {
    Ok(exec_info::cluster_id(env)?.map(|text| (text, CLUSTER_ID_PLACE.to_owned())))
}

/// The id that was found, with the place where it stands.
fn parsed(found: Option<(String, String)>, looked_at: impl FnOnce() -> String) -> Result<ClusterId, RequestError> {
    let (text, place) = found.ok_or_else(|| RequestError::NoClusterId { looked_at: looked_at() })?;
    text.parse().map_err(|source| RequestError::ClusterId { place, source })
}

const CLUSTER_ID_VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
const DEFAULT_ROLE_VARIABLE: &str = "DEFAULT_ROLE";
