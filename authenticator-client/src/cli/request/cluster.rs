//! Which cluster a command line is about.

use aws_types::os_shim_internal::Env;

use super::super::{
    config_file::{self, ConfigFileError},
    flags::GlobalFlags,
};
use crate::{
    cluster_id::{ClusterId, ClusterIdError},
    environment::{self, NotUnicode},
    exec_info::{self, CLUSTER_ID_PLACE, ClusterConfigError},
};

/// The cluster is not clear.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum ClusterError {
    #[error(transparent)]
    Config(#[from] ClusterConfigError),
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    #[error("{place} is not a cluster id")]
    Id {
        place: String,
        #[source]
        source: ClusterIdError,
    },
    #[error("no cluster id: there is none in {looked_at}, nor as {CLUSTER_ID_PLACE}")]
    None { looked_at: String },
    #[error("--cluster-name and --cluster-id both name the cluster: give one of them")]
    Two,
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// What was found, with the place where it stands.
type Found = Option<(String, String)>;

/// The cluster, in the Go program's order: flag, variable, config file; then the kubeconfig's.
pub(super) fn required(flags: GlobalFlags, env: &Env) -> Result<ClusterId, ClusterError> {
    let config = flags.config.clone().filter(|path| !path.as_os_str().is_empty());
    optional(flags, env)?.ok_or_else(|| ClusterError::None {
        looked_at: match config {
            Some(path) => format!("--cluster-id (-i), {VARIABLE} or clusterID in {}", path.display()),
            None => format!("--cluster-id (-i) or {VARIABLE}"),
        },
    })
}

/// The same, for a command that does without.
pub(super) fn optional(flags: GlobalFlags, env: &Env) -> Result<Option<ClusterId>, ClusterError> {
    let GlobalFlags { cluster_id, config, .. } = flags;
    // A file that was named has to be there even if it has no say, as in the Go program.
    let of_file = match config.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => config_file::cluster_id(&path)?
            .map(|text| (text, format!("clusterID in the config file {}", path.display()))),
        None => None,
    };
    let of_variable = environment::variable(env, VARIABLE)?;
    let found = cluster_id
        .map(|text| (text, "--cluster-id".to_owned()))
        .or_else(|| of_variable.map(|text| (text, VARIABLE.to_owned())))
        .or(of_file);
    match found {
        None => parsed(of_kubeconfig(env)?),
        found => parsed(found),
    }
}

/// The cluster that aws-cli's flags name, or the kubeconfig's.
pub(super) fn of_aws_cli(name: Option<String>, id: Option<String>, env: &Env) -> Result<ClusterId, ClusterError> {
    let found = match (name, id) {
        (Some(_), Some(_)) => return Err(ClusterError::Two),
        (Some(text), None) => Some((text, "--cluster-name".to_owned())),
        (None, Some(text)) => Some((text, "--cluster-id".to_owned())),
        (None, None) => of_kubeconfig(env)?,
    };
    parsed(found)?.ok_or_else(|| ClusterError::None { looked_at: "--cluster-name or --cluster-id".to_owned() })
}

fn of_kubeconfig(env: &Env) -> Result<Found, ClusterError> {
    Ok(exec_info::cluster_id(env)?.map(|text| (text, CLUSTER_ID_PLACE.to_owned())))
}

fn parsed(found: Found) -> Result<Option<ClusterId>, ClusterError> {
    found.map(|(text, place)| text.parse().map_err(|source| ClusterError::Id { place, source })).transpose()
}

const VARIABLE: &str = "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID";
