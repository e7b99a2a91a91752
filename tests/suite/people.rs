//! Who logs in throughout the suite, and the config file that lets them.

use authenticator_tests::support::sts::Principal;

/// A user with long-lived keys, who may do everything.
pub(crate) fn alice() -> Principal {
    Principal::user(ACCOUNT, "alice")
}

/// A session of a role, who may look.
pub(crate) fn bob() -> Principal {
    Principal::role_session(ACCOUNT, "viewer", "bob@example.com")
}

/// A user whom STS knows and no mapping names.
pub(crate) fn mallory() -> Principal {
    Principal::user(ACCOUNT, "mallory")
}

/// A config file for `cluster` that maps alice and bob, of this partition, and nobody else.
pub(crate) fn config(partition: &str) -> String {
    format!(
        "clusterID: {CLUSTER}
server:
  mapUsers:
    - userARN: arn:{partition}:iam::{ACCOUNT}:user/alice
      username: alice
      groups: [system:masters]
  mapRoles:
    - roleARN: arn:{partition}:iam::{ACCOUNT}:role/viewer
      username: viewer:{{{{SessionName}}}}
      groups: [viewers, everybody]
"
    )
}

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const CLUSTER: &str = "cluster-of-the-suite";
