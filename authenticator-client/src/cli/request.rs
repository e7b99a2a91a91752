//! What a command line asks for, once it and the variables that stand for flags are read.

use std::time::Duration;

use aws_types::os_shim_internal::Env;

use super::{
    flags::{AwsFlags, GetTokenFlags, GlobalFlags, RoleFlags, TokenFlags, WhoamiFlags, WhoamiForm},
    values::{ValueError, Verbosity},
};
use crate::{
    cluster_id::ClusterId,
    credentials::{Asked, ProcessOutput},
    environment::{self, NotUnicode},
    exec_credential::{AwsForm, AwsPart},
    exec_info::ApiVersion,
    prompt::Wording,
};

mod cluster;
mod role;

use cluster::ClusterError;
pub(super) use role::checked as check_role_arn;
use role::{Dialect, RoleFlagError};

/// A token that is to be made and printed.
#[derive(Debug)]
pub(super) struct TokenRequest {
    pub(super) cluster_id: ClusterId,
    pub(super) login: Login,
    pub(super) form: Form,
}

/// An account of whose credentials they are.
#[derive(Debug)]
pub(super) struct WhoamiRequest {
    /// `None` where nobody says.
    pub(super) cluster_id: Option<ClusterId>,
    pub(super) login: Login,
    pub(super) form: WhoamiForm,
}

/// Whose credentials are wanted, and what may be done to have them.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) asked: Asked,
    pub(super) caching: Caching,
    pub(super) limit: Duration,
    pub(super) wording: Wording,
    pub(super) verbosity: Verbosity,
}

/// Whether credentials are kept for the next run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Caching {
    On,
    Off,
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
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("{0} before the command goes with eks get-token alone")]
    Misplaced(&'static str),
    #[error("{0} does not go with eks get-token: aws-cli has no such flag")]
    NotOfAwsCli(&'static str),
    #[error(transparent)]
    Role(#[from] RoleFlagError),
    #[error("--no-sign-request is not possible here: a token is a signed request")]
    Unsigned,
    #[error(transparent)]
    Variable(#[from] NotUnicode),
    #[error("{VERBOSITY_VARIABLE} is {text:?}")]
    Verbosity {
        text: String,
        #[source]
        source: ValueError,
    },
}

impl AwsFlags {
    /// These flags, unless those that stand further on in the command line say something else.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            region: later.region.or(self.region),
            profile: later.profile.or(self.profile),
            output: later.output.or(self.output),
            query: later.query.or(self.query),
            debug: later.debug || self.debug,
            no_sign_request: later.no_sign_request || self.no_sign_request,
            idle: self.idle.then(later.idle),
        }
    }

    /// Region and profile, for a command that has a form of its own.
    pub(super) fn without_form(self) -> Result<(Option<String>, Option<String>), RequestError> {
        match self {
            Self { output: Some(_), .. } => Err(RequestError::Misplaced("--output")),
            Self { query: Some(_), .. } => Err(RequestError::Misplaced("--query")),
            Self { debug: true, .. } => Err(RequestError::Misplaced("--debug")),
            Self { no_sign_request: true, .. } => Err(RequestError::Unsigned),
            Self { region, profile, .. } => Ok((region, profile)),
        }
    }
}

impl TokenRequest {
    /// What `token` asks for, read as the Go program reads it.
    pub(super) fn of_token(
        global: GlobalFlags,
        before: AwsFlags,
        flags: TokenFlags,
        env: &Env,
    ) -> Result<Self, RequestError> {
        let TokenFlags { region, profile, token_only, api_version, role } = flags;
        let login = Login::of_go_program(&global, before, (region, profile), role, env)?;
        Ok(Self {
            cluster_id: cluster::required(global, env)?,
            login,
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
        let GetTokenFlags { aws, cluster_name, role } = flags;
        let AwsFlags { region, profile, output, query, debug, no_sign_request, idle: _ } = before.then(aws);
        if no_sign_request {
            return Err(RequestError::Unsigned);
        }
        if global.config.is_some() {
            return Err(RequestError::NotOfAwsCli("--config (-c)"));
        }
        let given = global.log_verbosity.unwrap_or(Verbosity::Quiet);
        let login = Login {
            asked: Asked {
                profile,
                region,
                role: role::of(role, Dialect::AwsCli, env)?,
                process_output: global.process_output(),
            },
            caching: global.caching(),
            limit: global.timeout.get(),
            wording: Wording::AwsCli,
            verbosity: if debug { Verbosity::Verbose } else { given },
        };
        let form = Form::Aws { form: output.unwrap_or_default(), part: query };
        Ok(Self { cluster_id: cluster::of_aws_cli(cluster_name, global.cluster_id, env)?, login, form })
    }
}

impl WhoamiRequest {
    /// What `whoami` asks for, read as `token` is.
    pub(super) fn new(
        global: GlobalFlags,
        before: AwsFlags,
        flags: WhoamiFlags,
        env: &Env,
    ) -> Result<Self, RequestError> {
        let WhoamiFlags { region, profile, role, output } = flags;
        let login = Login::of_go_program(&global, before, (region, profile), role, env)?;
        Ok(Self { cluster_id: cluster::optional(global, env)?, login, form: output })
    }
}

impl Login {
    /// Who asks EKS for a cluster: as aws-cli has it, with a role for this alone.
    pub(super) fn of_update_kubeconfig(
        global: &GlobalFlags,
        aws: AwsFlags,
        assume_role_arn: Option<String>,
    ) -> Result<Self, RequestError> {
        let AwsFlags { region, profile, debug, no_sign_request, .. } = aws;
        if no_sign_request {
            return Err(RequestError::Unsigned);
        }
        Ok(Self {
            asked: Asked {
                profile,
                region,
                role: assume_role_arn.map(role::to_describe).transpose()?,
                process_output: global.process_output(),
            },
            caching: global.caching(),
            limit: global.timeout.get(),
            wording: Wording::AwsCli,
            verbosity: if debug { Verbosity::Verbose } else { Verbosity::Quiet },
        })
    }

    fn of_go_program(
        global: &GlobalFlags,
        before: AwsFlags,
        (region, profile): (Option<String>, Option<String>),
        role: RoleFlags,
        env: &Env,
    ) -> Result<Self, RequestError> {
        let (region_before, profile_before) = before.without_form()?;
        let verbosity = match global.log_verbosity {
            Some(verbosity) => verbosity,
            None => match environment::variable(env, VERBOSITY_VARIABLE)? {
                Some(text) => text.parse().map_err(|source| RequestError::Verbosity { text, source })?,
                None => Verbosity::Quiet,
            },
        };
        Ok(Self {
            asked: Asked {
                profile: profile.or(profile_before),
                region: region.or(region_before),
                role: role::of(role, Dialect::Go, env)?,
                process_output: global.process_output(),
            },
            caching: global.caching(),
            limit: global.timeout.get(),
            wording: Wording::Go,
            verbosity,
        })
    }
}

impl GlobalFlags {
    fn caching(&self) -> Caching {
        if self.no_cache || self.cache == Some(false) { Caching::Off } else { Caching::On }
    }

    fn process_output(&self) -> ProcessOutput {
        if self.cache == Some(true) { ProcessOutput::Kept } else { ProcessOutput::NotKept }
    }
}

const VERBOSITY_VARIABLE: &str = "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY";
