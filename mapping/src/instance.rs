//! EC2 instances: the one that a session is named after, and what a rule may ask of it.
//!
//! EC2 calls the session of an instance's role after the instance
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html>). But whoever may assume the role may
//! choose any name for the session, so the name alone proves nothing: [`InstanceCondition`] compares it with what EC2 knows.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

use crate::{
    arn::AccountId,
    chain::RefusalReason,
    identity::Identity,
    principal::{CanonicalArn, PrincipalKind},
};

/// The id of an instance: `i-` and 8 or 17 hexadecimal digits in lower case
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct InstanceId(Arc<str>);

/// The text is no instance id.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an instance id is i- and 8 or 17 hexadecimal digits in lower case")]
pub struct InstanceIdError;

/// A private DNS name, which can be a node's: a lower-case DNS name as Kubernetes has it
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>). Never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateDnsName(Box<str>);

/// The text is no DNS name that a node could have.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a private DNS name is 1 to 253 lower-case letters, digits, hyphens and dots, in labels of 1 to 63")]
pub struct PrivateDnsNameError;

/// What EC2 knows of an instance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Instance {
    /// Whose it is: the owner of its reservation.
    pub account: AccountId,
    /// Whether it is pending or running.
    pub is_live: bool,
    /// Its private DNS name. EC2 has none for an instance that has ended, or has just begun.
    pub private_dns_name: Option<PrivateDnsName>,
    /// The role of its instance profile.
    pub role: InstanceRole,
    /// The network it is in, `vpc-...`.
    pub vpc_id: Option<Box<str>>,
    /// The clusters that its tags `kubernetes.io/cluster/...` name.
    pub clusters: Box<[Box<str>]>,
}

/// The role of an instance's profile: EC2 names only the profile, IAM knows the role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InstanceRole {
    /// IAM was not asked.
    NotAsked,
    /// It has no profile, or the profile no role.
    None,
    /// This one.
    Role(CanonicalArn),
}

/// What is known of the instance that a caller's session is named after.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InstanceFacts {
    /// EC2 knows no instance of that id.
    Absent,
    /// It knows this one.
    Found(Arc<Instance>),
}

/// What a rule asks of the caller's instance: that it is the caller's own, and what is written beside that.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct InstanceCondition {
    /// The network that it must be in.
    pub(crate) vpc_id: Option<Box<str>>,
    /// The cluster that a tag of it must name.
    pub(crate) cluster: Option<Box<str>>,
}

/// Why there is no word on the caller's instance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoInstance {
    /// The caller's session is not named after one.
    NotAnInstance,
    /// Nobody asked EC2.
    NotAsked,
    /// EC2 knows none of that id.
    Absent,
}

/// Why a condition is not met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unmet {
    /// Nobody asked EC2 about the instance, and IAM about its role.
    NotAsked,
    /// It is not met, for this reason.
    Refused(RefusalReason),
}

impl InstanceId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = InstanceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("i-").ok_or(InstanceIdError)?;
        if is_resource_suffix(digits) { Ok(Self(text.into())) } else { Err(InstanceIdError) }
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows the hyphen in the id of a resource of EC2.
pub(crate) fn is_resource_suffix(digits: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    matches!(digits.len(), 8 | 17) && digits.bytes().all(is_digit)
}

impl PrivateDnsName {
    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its first label, the host's own name, which a network with a domain of its own puts before that.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(host, _)| host)
    }
}

impl FromStr for PrivateDnsName {
    type Err = PrivateDnsNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(is_byte)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > 253 || !text.split('.').all(is_label) {
            return Err(PrivateDnsNameError);
        }
        Ok(Self(text.into()))
    }
}

impl Identity {
    /// The instance that the caller's session is named after, if its name is the id of one.
    #[must_use]
    pub fn instance_id(&self) -> Option<InstanceId> {
        matches!(self.principal().kind(), PrincipalKind::AssumedRole { .. })
            .then(|| self.session_name().parse().ok())
            .flatten()
    }

    /// What is known of the caller's instance.
    pub(crate) fn instance(&self) -> Result<&Instance, NoInstance> {
        if self.instance_id().is_none() {
            return Err(NoInstance::NotAnInstance);
        }
        match self.instance_facts() {
            None => Err(NoInstance::NotAsked),
            Some(InstanceFacts::Absent) => Err(NoInstance::Absent),
            Some(InstanceFacts::Found(instance)) => Ok(instance),
        }
    }
}

impl InstanceCondition {
    /// Whether the caller's instance is its own, and where it must be.
    pub(crate) fn check(&self, caller: &Identity) -> Result<(), Unmet> {
        let instance = caller.instance().map_err(|error| match error {
            NoInstance::NotAnInstance => Unmet::Refused(RefusalReason::NotAnInstance),
            NoInstance::NotAsked => Unmet::NotAsked,
            NoInstance::Absent => Unmet::Refused(RefusalReason::NoSuchInstance),
        })?;
        let is_of_role = match &instance.role {
            InstanceRole::NotAsked => return Err(Unmet::NotAsked),
            InstanceRole::None => false,
            InstanceRole::Role(role) => role == caller.canonical_arn(),
        };
        let belongs = instance.is_live && instance.account == *caller.account() && is_of_role;
        let is_in_network = self.vpc_id.is_none() || instance.vpc_id == self.vpc_id;
        let is_in_cluster = self.cluster.as_ref().is_none_or(|cluster| instance.clusters.contains(cluster));
        if belongs && is_in_network && is_in_cluster {
            Ok(())
        } else {
            Err(Unmet::Refused(RefusalReason::ForeignInstance))
        }
    }
}
