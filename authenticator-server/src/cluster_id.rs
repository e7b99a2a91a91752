//! The name of the cluster that a token must have been signed for.

use std::fmt;
use std::str::FromStr;

use ::http::HeaderValue;

/// The cluster's identifier: what a client signs as the `x-k8s-aws-id` header.
///
/// A value that exists can be sent in a header and is signed as it is written: SigV4 trims a header's value and
/// folds inner spaces before it signs, so a text that this would change is refused rather than matched loosely.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusterId {
    text: String,
    header: HeaderValue,
}

/// Why a text is not a cluster id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClusterIdError {
    /// Nothing was given.
    #[error("the cluster id is empty")]
    Empty,
    /// Longer than [`ClusterId::MAX_BYTES`].
    #[error("the cluster id is longer than {} bytes", ClusterId::MAX_BYTES)]
    TooLong,
    /// A space at either end, or two in a row: SigV4 would sign another text.
    #[error("the cluster id has a space at its start or end, or two in a row")]
    Spaces,
    /// Something a header cannot carry as it is: a control character or one outside ASCII.
    #[error("the cluster id has a character that is not printable ASCII")]
    NotPrintableAscii,
}

impl ClusterId {
    /// Far above any name in use (EKS allows 100 characters), far below a header's limit.
    pub const MAX_BYTES: usize = 1024;

    /// The identifier as the operator wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value of the `x-k8s-aws-id` header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl FromStr for ClusterId {
    type Err = ClusterIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ClusterIdError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(ClusterIdError::TooLong);
        }
        if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(ClusterIdError::NotPrintableAscii);
        }
        if text.starts_with(' ') || text.ends_with(' ') || text.contains("  ") {
            return Err(ClusterIdError::Spaces);
        }
        let header = HeaderValue::from_str(text).map_err(|_| ClusterIdError::NotPrintableAscii)?;
        Ok(Self { text: text.to_owned(), header })
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_clusters_have_are_cluster_ids() {
        for name in ["prod", "arn:aws:eks:us-west-2:111122223333:cluster/a", "my cluster", "A_b.c-1"] {
            assert_eq!(name.parse::<ClusterId>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_that_would_be_signed_as_another_is_refused() {
        for (name, error) in [
            ("", ClusterIdError::Empty),
            (" prod", ClusterIdError::Spaces),
            ("prod ", ClusterIdError::Spaces),
            ("my  cluster", ClusterIdError::Spaces),
            ("prod\r\nx-evil: 1", ClusterIdError::NotPrintableAscii),
            ("prod\u{e9}", ClusterIdError::NotPrintableAscii),
            ("prod\t", ClusterIdError::NotPrintableAscii),
        ] {
            assert_eq!(name.parse::<ClusterId>(), Err(error), "{name:?}");
        }
        assert_eq!("x".repeat(1025).parse::<ClusterId>(), Err(ClusterIdError::TooLong));
    }
}
