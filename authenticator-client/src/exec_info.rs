//! What kubectl asks for: the `KUBERNETES_EXEC_INFO` that client-go sets for every plugin.

use std::{fmt, str::FromStr};

use aws_types::os_shim_internal::Env;
use serde_json::Value;

use crate::environment::{self, NotUnicode};

/// The environment variable in which client-go writes an `ExecCredential` without status.
pub const EXEC_INFO_VARIABLE: &str = "KUBERNETES_EXEC_INFO";

/// The version of the exec credential contract to answer in. client-go takes an answer in exactly the version it asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApiVersion {
    /// `client.authentication.k8s.io/v1alpha1`, which no supported kubectl takes any more.
    V1Alpha1,
    /// `client.authentication.k8s.io/v1beta1`: what a client that says nothing gets, as from aws-cli and the Go program.
    #[default]
    V1Beta1,
    /// `client.authentication.k8s.io/v1`.
    V1,
}

/// A version that no Kubernetes client asks for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("use client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1")]
pub struct UnknownApiVersion;

/// The client's `spec.cluster.config` is there and cannot be read. Nothing else is asked for the cluster: somebody meant this.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterConfigError {
    /// The value of `cluster-id` is not a string.
    #[error("{CLUSTER_ID_PLACE} is not a string")]
    ClusterId,
    /// The whole is not an object.
    #[error("spec.cluster.config of KUBERNETES_EXEC_INFO is not an object, so that there is no cluster-id in it")]
    NotAnObject,
    /// The variable cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// The client's request, and what its user should be told about it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ExecInfo {
    /// The version to answer in.
    pub api_version: ApiVersion,
    /// One line for standard error.
    pub remark: Option<&'static str>,
}

impl ApiVersion {
    /// The version as it stands in `apiVersion`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1Alpha1 => "client.authentication.k8s.io/v1alpha1",
            Self::V1Beta1 => "client.authentication.k8s.io/v1beta1",
            Self::V1 => "client.authentication.k8s.io/v1",
        }
    }

    /// The version that a kubeconfig names, if supported clients take it.
    pub(crate) fn of_client(text: &str) -> Option<Self> {
        [Self::V1Beta1, Self::V1].into_iter().find(|version| version.as_str() == text)
    }

    fn asked_for(text: &str) -> Option<Self> {
        [Self::V1Alpha1, Self::V1Beta1, Self::V1].into_iter().find(|version| version.as_str() == text)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The versions that a person may choose: those that supported clients take, in full or by their last part.
impl FromStr for ApiVersion {
    type Err = UnknownApiVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::V1Beta1, Self::V1]
            .into_iter()
            .find(|version| version.as_str() == text || version.as_str().rsplit('/').next() == Some(text))
            .ok_or(UnknownApiVersion)
    }
}

impl ExecInfo {
    /// Reads the variable. It never fails: a client that asks badly gets the default version and its user a remark, as with
    /// `aws eks get-token`, for a plugin that refuses would lock people out over a form.
    #[must_use]
    pub fn from_environment(env: &Env) -> Self {
        match environment::variable(env, EXEC_INFO_VARIABLE) {
            Ok(text) => Self::parse(&text.unwrap_or_default()),
            Err(NotUnicode { .. }) => Self::default_with(NOT_AN_OBJECT),
        }
    }

    fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let Ok(Value::Object(asked)) = serde_json::from_str(text) else {
            return Self::default_with(NOT_AN_OBJECT);
        };
        let Some(api_version) = asked.get("apiVersion").and_then(Value::as_str).and_then(ApiVersion::asked_for) else {
            return Self::default_with(UNKNOWN_VERSION);
        };
        let remark = match api_version {
            ApiVersion::V1Alpha1 => Some(DEPRECATED_VERSION),
            ApiVersion::V1Beta1 | ApiVersion::V1 => None,
        };
        Self { api_version, remark }
    }

    fn default_with(remark: &'static str) -> Self {
        Self { remark: Some(remark), ..Self::default() }
    }
}

/// The `cluster-id` that the kubeconfig gives its plugins for the cluster in question: in the extension
/// `client.authentication.k8s.io/exec` of the cluster's entry, which client-go passes on as `spec.cluster.config` where the user's
/// entry has `provideClusterInfo`. `None` where it gives none.
///
/// # Errors
///
/// A `config` of another form.
pub fn cluster_id(env: &Env) -> Result<Option<String>, ClusterConfigError> {
    let text = environment::variable(env, EXEC_INFO_VARIABLE)?.unwrap_or_default();
    let asked: Value = serde_json::from_str(&text).unwrap_or_default();
    let config = match asked.pointer("/spec/cluster/config") {
        // client-go writes null for a cluster without the extension.
        None | Some(Value::Null) => return Ok(None),
        Some(config) => config.as_object().ok_or(ClusterConfigError::NotAnObject)?,
    };
    match config.get("cluster-id") {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(_) => Err(ClusterConfigError::ClusterId),
    }
}

/// Whether a person may be asked something, as the client says in `spec.interactive`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Interaction {
    /// The client has its user's terminal as its input, and has passed it on.
    Allowed,
    /// Nobody may be asked.
    Forbidden,
    /// No client says anything: then a person may run the program.
    Unsaid,
}

impl Interaction {
    /// What the client says.
    #[must_use]
    pub fn from_environment(env: &Env) -> Self {
        let text = environment::variable(env, EXEC_INFO_VARIABLE).ok().flatten().unwrap_or_default();
        let asked: Value = serde_json::from_str(&text).unwrap_or_default();
        match asked.pointer("/spec/interactive") {
            Some(Value::Bool(true)) => Self::Allowed,
            Some(Value::Bool(false)) => Self::Forbidden,
            _ => Self::Unsaid,
        }
    }
}

/// Where a kubeconfig's cluster id arrives.
pub(crate) const CLUSTER_ID_PLACE: &str = "cluster-id in spec.cluster.config of KUBERNETES_EXEC_INFO";

const NOT_AN_OBJECT: &str = "KUBERNETES_EXEC_INFO is not a JSON object, so the answer is in \
     client.authentication.k8s.io/v1beta1; update the Kubernetes client that set it";
const UNKNOWN_VERSION: &str = "KUBERNETES_EXEC_INFO asks for an apiVersion that is not known here, so the answer is in \
     client.authentication.k8s.io/v1beta1; update this program or the user entry in the kubeconfig";
const DEPRECATED_VERSION: &str = "the kubeconfig asks for client.authentication.k8s.io/v1alpha1, which Kubernetes has removed; \
     write client.authentication.k8s.io/v1beta1 in its user entry";

#[cfg(test)]
mod tests {
    use super::*;

    /// The table is that of `aws eks get-token`, but for JSON that is no object, at which it crashes.
    #[test]
    fn a_client_is_answered_in_the_version_it_asks_for_and_in_v1beta1_otherwise() {
        use ApiVersion::{V1, V1Alpha1, V1Beta1};
        let asked = |version: &str| {
            format!(r#"{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":false}}}}"#)
        };
        for (text, api_version, remark) in [
            (String::new(), V1Beta1, None),
            (asked("client.authentication.k8s.io/v1"), V1, None),
            (asked("client.authentication.k8s.io/v1beta1"), V1Beta1, None),
            (asked("client.authentication.k8s.io/v1alpha1"), V1Alpha1, Some(DEPRECATED_VERSION)),
            (asked("client.authentication.k8s.io/v2"), V1Beta1, Some(UNKNOWN_VERSION)),
            (asked("v1"), V1Beta1, Some(UNKNOWN_VERSION)),
            (asked(""), V1Beta1, Some(UNKNOWN_VERSION)),
            ("{}".to_owned(), V1Beta1, Some(UNKNOWN_VERSION)),
            (r#"{"apiVersion":1}"#.to_owned(), V1Beta1, Some(UNKNOWN_VERSION)),
            ("[]".to_owned(), V1Beta1, Some(NOT_AN_OBJECT)),
            (r#""client.authentication.k8s.io/v1""#.to_owned(), V1Beta1, Some(NOT_AN_OBJECT)),
            ("null".to_owned(), V1Beta1, Some(NOT_AN_OBJECT)),
            ("{".to_owned(), V1Beta1, Some(NOT_AN_OBJECT)),
            (asked("client.authentication.k8s.io/v1") + "{}", V1Beta1, Some(NOT_AN_OBJECT)),
        ] {
            let env = Env::from_slice(&[(EXEC_INFO_VARIABLE, text.as_str())]);
            assert_eq!(ExecInfo::from_environment(&env), ExecInfo { api_version, remark }, "{text}");
        }
    }

    #[test]
    fn a_client_that_says_nothing_is_answered_in_v1beta1_without_a_remark() {
        assert_eq!(
            ExecInfo::from_environment(&Env::from_slice(&[])),
            ExecInfo { api_version: ApiVersion::V1Beta1, remark: None }
        );
    }

    #[test]
    fn the_cluster_id_is_the_string_that_the_clusters_extension_holds() {
        use ClusterConfigError::{ClusterId, NotAnObject};
        let asked = |config: &str| {
            let start = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":"#;
            format!(r#"{start}{{"server":"https://127.0.0.1:6443","config":{config}}},"interactive":false}}}}"#)
        };
        for (text, expected) in [
            (asked(r#"{"cluster-id":"my-cluster"}"#), Ok(Some("my-cluster"))),
            (asked(r#"{"cluster-id":"my-cluster","other":1}"#), Ok(Some("my-cluster"))),
            (asked(r#"{"cluster-id":""}"#), Ok(Some(""))),
            (asked(r#"{"clusterID":"my-cluster"}"#), Ok(None)),
            (asked("{}"), Ok(None)),
            (asked("null"), Ok(None)),
            (asked(r#"{"cluster-id":7}"#), Err(ClusterId)),
            (asked(r#"{"cluster-id":null}"#), Err(ClusterId)),
            (asked(r#"{"cluster-id":["my-cluster"]}"#), Err(ClusterId)),
            (asked(r#""my-cluster""#), Err(NotAnObject)),
            (asked(r#"[{"cluster-id":"my-cluster"}]"#), Err(NotAnObject)),
            (r#"{"spec":{"interactive":false}}"#.to_owned(), Ok(None)),
            (r#"{"spec":{"cluster":"my-cluster"}}"#.to_owned(), Ok(None)),
            ("{".to_owned(), Ok(None)),
            (String::new(), Ok(None)),
        ] {
            let env = Env::from_slice(&[(EXEC_INFO_VARIABLE, text.as_str())]);
            assert_eq!(cluster_id(&env), expected.map(|id| id.map(str::to_owned)), "{text}");
        }
        assert_eq!(cluster_id(&Env::from_slice(&[])), Ok(None));
    }

    #[test]
    fn the_client_says_whether_a_person_may_be_asked() {
        use Interaction::{Allowed, Forbidden, Unsaid};
        for (text, said) in [
            (r#"{"spec":{"interactive":false}}"#, Forbidden),
            (r#"{"spec":{"interactive":true}}"#, Allowed),
            (r#"{"spec":{"interactive":"true"}}"#, Unsaid),
            (r#"{"spec":{}}"#, Unsaid),
            ("", Unsaid),
            ("{", Unsaid),
        ] {
            assert_eq!(Interaction::from_environment(&Env::from_slice(&[(EXEC_INFO_VARIABLE, text)])), said, "{text}");
        }
        assert_eq!(Interaction::from_environment(&Env::from_slice(&[])), Unsaid);
    }

    #[test]
    fn a_person_may_choose_the_versions_that_clients_still_take() {
        for (text, version) in [
            ("v1", Ok(ApiVersion::V1)),
            ("v1beta1", Ok(ApiVersion::V1Beta1)),
            ("client.authentication.k8s.io/v1", Ok(ApiVersion::V1)),
            ("client.authentication.k8s.io/v1beta1", Ok(ApiVersion::V1Beta1)),
            ("v1alpha1", Err(UnknownApiVersion)),
            ("", Err(UnknownApiVersion)),
        ] {
            assert_eq!(text.parse(), version, "{text}");
        }
    }
}
