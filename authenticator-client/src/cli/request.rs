//! What a command line asks for, once it and the variables that stand for flags are read.

use aws_types::os_shim_internal::Env;

use super::{AwsFlags, GetTokenFlags, GlobalFlags, TokenFlags};
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
        place: &'static str,
        #[source]
        source: ClusterIdError,
    },
    #[error("{0} before the command goes with eks get-token alone")]
    Misplaced(&'static str),
    #[error(transparent)]
    ClusterConfig(#[from] ClusterConfigError),
    #[error("no cluster id: there is none in {looked_at}, nor as {CLUSTER_ID_PLACE}")]
    NoClusterId { looked_at: &'static str },
    #[error("{0} is not supported yet")]
    NotSupported(&'static str),
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
        }
    }

    /// Region and profile, for a command that has a form of its own.
    pub(super) fn without_form(self) -> Result<(Option<String>, Option<String>), RequestError> {
        match self {
            Self { output: Some(_), .. } => Err(RequestError::Misplaced("--output")),
            Self { query: Some(_), .. } => Err(RequestError::Misplaced("--query")),
            Self { region, profile, output: None, query: None } => Ok((region, profile)),
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

        let (text, place) = match global.cluster_id()? {
            Some(text) => (text, "--cluster-id"),
            None => match environment::variable(env, CLUSTER_ID_VARIABLE)? {
                Some(text) => (text, CLUSTER_ID_VARIABLE),
                None => of_cluster_config(env, "--cluster-id (-i) or KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID")?,
            },
        };
        Ok(Self {
            cluster_id: text.parse().map_err(|source| RequestError::ClusterId { place, source })?,
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
        let AwsFlags { region, profile, output, query } = before.then(aws);
        if role_arn.is_some() {
            return Err(RequestError::NotSupported("--role-arn (--role)"));
        }
        let (text, place) = match (cluster_name, global.cluster_id()?) {
            (Some(_), Some(_)) => return Err(RequestError::TwoClusters),
            (Some(text), None) => (text, "--cluster-name"),
            (None, Some(text)) => (text, "--cluster-id"),
            (None, None) => of_cluster_config(env, "--cluster-name or --cluster-id")?,
        };
        Ok(Self {
            cluster_id: text.parse().map_err(|source| RequestError::ClusterId { place, source })?,
            region,
            profile,
            form: Form::Aws { form: output.unwrap_or_default(), part: query },
        })
    }
}

impl GlobalFlags {
    /// The cluster that the flags name. The Go program's log and its server's features have no counterpart here.
    fn cluster_id(self) -> Result<Option<String>, RequestError> {
        let Self { cluster_id, config, log_format: _, log_verbosity: _, feature_gates: _ } = self;
        match config {
            Some(config) if !config.is_empty() => Err(RequestError::NotSupported("--config (-c)")),
            _ => Ok(cluster_id),
        }
    }
}

/// The cluster that the kubeconfig names where the command line, which was looked at before, does not.
fn of_cluster_config(env: &Env, looked_at: &'static str) -> Result<(String, &'static str), RequestError> {
    let text = exec_info::cluster_id(env)?.ok_or(RequestError::NoClusterId { looked_at })?;
    Ok((text, CLUSTER_ID_PLACE))
}

const CLUSTER_ID_VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
const DEFAULT_ROLE_VARIABLE: &str = "DEFAULT_ROLE";
