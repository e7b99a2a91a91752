//! `ec2Instance`: an entry that is for sessions of EC2's own making, each for the instance that it is named after.

use super::{Reader, target::Target};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{entries::Kind, yaml::Map},
    instance::{InstanceCondition, is_resource_suffix},
};

impl<'a> Reader<'a, '_> {
    /// `Some(None)` when the entry is for sessions of any name.
    pub(super) fn instance(&mut self, target: Option<&Target>) -> Option<Option<Box<InstanceCondition>>> {
        // Of a user it is a misplaced key, and reported as such.
        let node = self.get(self.map, EC2_INSTANCE).filter(|_| self.kind != Kind::User);
        let Some(node) = node else { return Some(None) };
        let map = match node.as_map() {
            Ok(map) => map,
            Err(error) => {
                let fix = Some(format!("write {EC2_INSTANCE}: {{}} if any instance of the role will do"));
                let message = format!("{EC2_INSTANCE}: {}", error.message());
                self.close(DiagnosticCode::WrongType, error.location(), message, fix);
                return None;
            }
        };
        self.keys_within(EC2_INSTANCE, map, &INSTANCE_KEYS);
        let vpc_id = self.instance_text(map, VPC_ID, "a VPC's id, vpc- and 8 or 17 hexadecimal digits", is_vpc_id);
        let cluster = self.instance_text(map, CLUSTER_TAG, "a cluster's name", is_cluster_name);
        if target.is_some_and(|target| !target.is_of_roles()) {
            let message = format!("{EC2_INSTANCE} is of roles only: no user is an instance");
            self.close(DiagnosticCode::MisplacedKey, node.location(), message, None);
            return None;
        }
        Some(Some(Box::new(InstanceCondition { vpc_id: vpc_id?, cluster: cluster? })))
    }

    /// `Some(None)` when the key is not there.
    fn instance_text(
        &mut self,
        map: &'a Map,
        key: &str,
        what: &str,
        is: impl Fn(&str) -> bool,
    ) -> Option<Option<Box<str>>> {
        let Some(node) = self.get(map, key) else { return Some(None) };
        let text = if node.is_null() { "" } else { self.restriction(key, node)? };
        if is(text) {
            return Some(Some(text.into()));
        }
        let message = format!("{key} {}: expected {what}", Quoted(text));
        self.close(DiagnosticCode::InvalidInstance, node.location(), message, None);
        None
    }
}

fn is_vpc_id(text: &str) -> bool {
    text.strip_prefix("vpc-").is_some_and(is_resource_suffix)
}

/// What a tag's key has room for, beside `kubernetes.io/cluster/`
/// (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>: 128 characters).
fn is_cluster_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 106 && !text.chars().any(char::is_control)
}

pub(super) const EC2_INSTANCE: &str = "ec2Instance";

const CLUSTER_TAG: &str = "clusterTag";
const VPC_ID: &str = "vpcID";
const INSTANCE_KEYS: [&str; 2] = [CLUSTER_TAG, VPC_ID];
