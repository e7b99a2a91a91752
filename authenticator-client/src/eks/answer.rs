//! What EKS answers, read into what a kubeconfig needs. Pure.

use std::{fmt, str::FromStr};

use aws_smithy_types::error::ErrorMetadata;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{endpoint::Partition, region::Region};

/// The name of a cluster, fit to stand in a URL as it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusterName(String);

/// A text that cannot be the name of a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a cluster's name is up to 100 letters, digits, hyphens, underscores and dots, and starts with a letter or digit"
)]
pub struct InvalidClusterName;

/// A cluster that one can log in to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cluster {
    /// Its ARN.
    pub arn: String,
    /// The account of the ARN.
    pub account: String,
    /// The region of the ARN.
    pub region: Region,
    /// The URL of its API server.
    pub endpoint: String,
    /// Whom to trust for it: PEM in base64.
    pub certificate_authority_data: String,
    /// What its authenticator expects in tokens, where that is not the name: the id of a local cluster on an Outpost.
    pub outpost_id: Option<String>,
}

/// A cluster that one cannot log in to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterFault {
    /// The answer is about another cluster than was asked for. It would overwrite that one's entry.
    #[error("the answer is about {answered}, which is not cluster {asked}")]
    Another {
        /// What was asked for: name, region and partition.
        asked: String,
        /// The ARN in the answer.
        answered: String,
    },
    /// Its ARN is none of EKS's.
    #[error("{0:?} is not the ARN of a cluster")]
    Arn(String),
    /// The trust root of its API server is not readable.
    #[error("certificateAuthority.data is not a certificate in base64")]
    CertificateAuthority,
    /// Its API server is not at an address that is fit to send a token to.
    #[error("its endpoint is {0:?}, which is no https URL of a host")]
    Endpoint(String),
    /// Its id is none that a plugin could be given.
    #[error("its id is {0:?}: letters, digits, hyphens, underscores and dots were expected")]
    Id(String),
    /// Something is not in the answer.
    #[error("the answer lacks {0}")]
    Lacks(&'static str),
    /// It is not there yet, or not any more.
    #[error("its status is {0}: one can log in when it is ACTIVE or UPDATING")]
    Status(String),
    /// The answer is no JSON object of the right form.
    #[error("the answer cannot be read")]
    Unreadable,
}

#[derive(Deserialize)]
struct Description {
    cluster: Option<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    arn: Option<String>,
    certificate_authority: Option<CertificateAuthority>,
    endpoint: Option<String>,
    id: Option<String>,
    outpost_config: Option<OutpostConfig>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct CertificateAuthority {
    data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutpostConfig {
    etcd_instance_type: Option<String>,
}

#[derive(Deserialize)]
struct Names {
    clusters: Vec<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type", alias = "code")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = matches!(text.len(), 1..=100)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidClusterName) }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Cluster {
    /// Reads the answer to `DescribeCluster` for a cluster of this name in this region.
    pub(super) fn parse(body: &[u8], name: &ClusterName, region: &Region) -> Result<Self, ClusterFault> {
        let Description { cluster } = serde_json::from_slice(body).map_err(|_| ClusterFault::Unreadable)?;
        let cluster = cluster.ok_or(ClusterFault::Lacks("cluster"))?;
        // One that is being made has neither address nor certificate yet.
        let status = cluster.status.ok_or(ClusterFault::Lacks("status"))?;
        if !matches!(status.as_str(), "ACTIVE" | "UPDATING") {
            return Err(ClusterFault::Status(status));
        }
        let arn = cluster.arn.ok_or(ClusterFault::Lacks("arn"))?;
        let parts = ClusterArn::parse(&arn).ok_or_else(|| ClusterFault::Arn(arn.clone()))?;
        let partition = Partition::of(region.as_str()).id;
        if (parts.partition, &parts.region, &parts.name) != (partition, region, name) {
            let asked = format!("{name} in {region} of partition {partition}");
            return Err(ClusterFault::Another { asked, answered: arn });
        }
        let account = parts.account.to_owned();
        let endpoint = cluster.endpoint.ok_or(ClusterFault::Lacks("endpoint"))?;
        if !is_endpoint(&endpoint) {
            return Err(ClusterFault::Endpoint(endpoint));
        }
        let authority = cluster.certificate_authority.and_then(|authority| authority.data);
        let authority = authority.ok_or(ClusterFault::Lacks("certificateAuthority.data"))?;
        let decoded = STANDARD.decode(&authority).map_err(|_| ClusterFault::CertificateAuthority)?;
        if !String::from_utf8_lossy(&decoded).contains("-----BEGIN CERTIFICATE-----") {
            return Err(ClusterFault::CertificateAuthority);
        }
        // As aws-cli: extended clusters on Outposts have an instance type for etcd and go by their name.
        let outpost_id = match cluster.outpost_config {
            Some(OutpostConfig { etcd_instance_type: None }) => {
                let id = cluster.id.ok_or(ClusterFault::Lacks("id"))?;
                // It becomes an argument, and must not be taken for a flag.
                Some(id.parse::<ClusterName>().map_err(|_| ClusterFault::Id(id.clone()))?.0)
            }
            _ => None,
        };
        Ok(Self { account, arn, region: region.clone(), endpoint, certificate_authority_data: authority, outpost_id })
    }
}

/// Reads the answer to `ListClusters`.
pub(super) fn names(body: &[u8]) -> Option<Vec<String>> {
    serde_json::from_slice(body).ok().map(|Names { clusters }| clusters)
}

/// The code and the message of an error, as the JSON protocols of AWS have them
/// (<https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>).
pub(super) fn refusal(header: Option<&str>, body: &[u8]) -> ErrorMetadata {
    let refusal = serde_json::from_slice(body).unwrap_or(Refusal { code: None, message: None });
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = header.map(str::to_owned).or(refusal.code) {
        let code = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = refusal.message {
        metadata = metadata.message(message.chars().filter(|c| !c.is_control()).collect::<String>());
    }
    metadata.build()
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME`
struct ClusterArn<'a> {
    partition: &'a str,
    region: Region,
    account: &'a str,
    name: ClusterName,
}

impl<'a> ClusterArn<'a> {
    fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "eks", region, account, resource] = parts.as_slice() else { return None };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let name = resource.strip_prefix("cluster/")?.parse().ok()?;
        is_account.then_some(Self { partition, region: region.parse().ok()?, account, name })
    }
}

/// Whether a URL is of a host, by https, and at most with a port and a path: without a password, and of no other characters.
fn is_endpoint(url: &str) -> bool {
    url.strip_prefix("https://").is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/[]".contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn described() -> Value {
        json!({"cluster": {
            "arn": "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo",
            "certificateAuthority": {"data": STANDARD.encode("-----BEGIN CERTIFICATE-----\n")},
            "endpoint": "https://EXAMPLE.sk1.cn-north-1.eks.amazonaws.com.cn",
            "id": "an-id",
            "status": "ACTIVE",
            "version": "1.35",
        }})
    }

    fn parse(change: impl FnOnce(&mut Value)) -> Result<Cluster, ClusterFault> {
        let mut described = described();
        change(&mut described["cluster"]);
        read(described.to_string().as_bytes())
    }

    fn read(body: &[u8]) -> Result<Cluster, ClusterFault> {
        Cluster::parse(body, &"demo".parse().unwrap(), &"cn-north-1".parse().unwrap())
    }

    #[test]
    fn an_answer_about_another_cluster_than_was_asked_for_is_refused() {
        assert_eq!(parse(|_| {}).unwrap().account, "111122223333");
        for answered in [
            "arn:aws-cn:eks:cn-north-1:111122223333:cluster/other",
            "arn:aws-cn:eks:cn-north-1:111122223333:cluster/Demo",
            "arn:aws-cn:eks:cn-northwest-1:111122223333:cluster/demo",
            "arn:aws:eks:cn-north-1:111122223333:cluster/demo",
        ] {
            let fault = ClusterFault::Another {
                asked: "demo in cn-north-1 of partition aws-cn".to_owned(),
                answered: answered.to_owned(),
            };
            assert_eq!(parse(|cluster| cluster["arn"] = answered.into()), Err(fault));
        }
    }

    #[test]
    fn a_cluster_that_is_active_or_updating_can_be_logged_in_to() {
        for status in ["ACTIVE", "UPDATING"] {
            let cluster = parse(|cluster| cluster["status"] = status.into()).unwrap();
            assert_eq!((cluster.region.as_str(), cluster.outpost_id), ("cn-north-1", None));
        }
        for status in ["CREATING", "DELETING", "FAILED", "PENDING", "active"] {
            let fault = parse(|cluster| cluster["status"] = status.into());
            assert_eq!(fault, Err(ClusterFault::Status(status.to_owned())));
        }
    }

    #[test]
    fn a_local_cluster_on_an_outpost_goes_by_its_id() {
        let local = parse(|cluster| cluster["outpostConfig"] = json!({"outpostArns": []}));
        assert_eq!(local.unwrap().outpost_id.as_deref(), Some("an-id"));
        let extended = parse(|cluster| cluster["outpostConfig"] = json!({"etcdInstanceType": "m5.large"}));
        assert_eq!(extended.unwrap().outpost_id, None);
    }

    #[test]
    fn an_answer_that_no_kubeconfig_should_be_made_of_is_refused() {
        for (key, value, fault) in [
            ("arn", json!("arn:aws:s3:::bucket"), ClusterFault::Arn("arn:aws:s3:::bucket".to_owned())),
            ("arn", Value::Null, ClusterFault::Lacks("arn")),
            ("endpoint", json!("http://example"), ClusterFault::Endpoint("http://example".to_owned())),
            ("endpoint", Value::Null, ClusterFault::Lacks("endpoint")),
            ("certificateAuthority", json!({"data": "%"}), ClusterFault::CertificateAuthority),
            ("certificateAuthority", json!({"data": STANDARD.encode("hello")}), ClusterFault::CertificateAuthority),
            ("certificateAuthority", json!({}), ClusterFault::Lacks("certificateAuthority.data")),
            ("status", Value::Null, ClusterFault::Lacks("status")),
            ("status", json!(1), ClusterFault::Unreadable),
        ] {
            assert_eq!(parse(|cluster| cluster[key] = value.clone()), Err(fault), "{key} {value}");
        }
        assert_eq!(read(b"{}"), Err(ClusterFault::Lacks("cluster")));
        assert_eq!(read(b"<html>"), Err(ClusterFault::Unreadable));
    }

    #[test]
    fn what_is_written_into_a_kubeconfig_is_of_its_own_form() {
        for arn in [
            "arn:aws:eks:us-west-2:111122223333:cluster/",
            "arn:aws:eks:us-west-2:111122223333:cluster/a\nb",
            "arn:aws:eks:us-west-2:111122223333:cluster/\u{1b}[2J",
            "arn:aws:eks:us-west-2:111122223333:cluster/a/b",
            "arn:aws:eks:us-west-2:1\n:cluster/a",
            "arn:aws:eks:us-west-2:11112222333:cluster/a",
            "arn:aws:eks:evil.com#:111122223333:cluster/a",
        ] {
            assert_eq!(parse(|cluster| cluster["arn"] = arn.into()), Err(ClusterFault::Arn(arn.to_owned())));
        }
        for good in
            ["https://127.0.0.1:6443", "https://[::1]:6443/a-path_1", "https://a.gr7.eu-west-1.eks.amazonaws.com"]
        {
            assert_eq!(parse(|cluster| cluster["endpoint"] = good.into()).unwrap().endpoint, good);
        }
        for bad in ["https://", "https:///x", "https://x\ny", "https://user:password@x", "https://x y", "https://x#y"] {
            assert_eq!(parse(|cluster| cluster["endpoint"] = bad.into()), Err(ClusterFault::Endpoint(bad.to_owned())));
        }
        for id in ["--role-arn", "", "a\nb"] {
            let fault = parse(|cluster| {
                cluster["outpostConfig"] = json!({});
                cluster["id"] = id.into();
            });
            assert_eq!(fault, Err(ClusterFault::Id(id.to_owned())));
        }
    }

    #[test]
    fn a_name_can_stand_in_a_url() {
        for text in ["demo", "1-a_B"] {
            assert!(text.parse::<ClusterName>().is_ok(), "{text}");
        }
        for text in ["", "-a", "a/b", "a?b", "..", "a b", "\u{e9}", &"a".repeat(101)] {
            assert_eq!(text.parse::<ClusterName>(), Err(InvalidClusterName), "{text}");
        }
    }

    #[test]
    fn a_refusal_has_a_code_and_a_message_wherever_they_stand() {
        for (header, body, code, message) in [
            (
                Some("ResourceNotFoundException:http://x"),
                r#"{"message":"none"}"#,
                Some("ResourceNotFoundException"),
                Some("none"),
            ),
            (
                None,
                r##"{"__type":"a.b#AccessDeniedException","Message":"no"}"##,
                Some("AccessDeniedException"),
                Some("no"),
            ),
            (None, "<html>", None, None),
        ] {
            let metadata = refusal(header, body.as_bytes());
            assert_eq!((metadata.code(), metadata.message()), (code, message));
        }
    }
}
