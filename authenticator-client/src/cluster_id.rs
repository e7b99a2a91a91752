//! The cluster's name, which binds a token to one cluster.

use std::{fmt, str::FromStr};

/// A cluster id that can be signed as the value of the `x-k8s-aws-id` header, and means the same before and after signing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClusterId(String);

/// Why a text is no cluster id.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterIdError {
    /// A header value is visible ASCII and spaces.
    #[error("{0:?} cannot stand in an HTTP header")]
    Character(char),
    /// An empty header binds to nothing.
    #[error("it is empty")]
    Empty,
    /// Signature Version 4 drops spaces at either end, so such an id would sign as another one.
    #[error("it starts or ends with a space")]
    OuterSpace,
    /// Signature Version 4 makes one space of several, so such an id would sign as another one.
    #[error("it holds several spaces in a row")]
    RepeatedSpace,
}

impl ClusterId {
    /// The id as it stands in the header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterId {
    type Err = ClusterIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(character) = text.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(ClusterIdError::Character(character));
        }
        if text.is_empty() {
            return Err(ClusterIdError::Empty);
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(ClusterIdError::OuterSpace);
        }
        if text.contains("  ") {
            return Err(ClusterIdError::RepeatedSpace);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_visible_name_is_a_cluster_id() {
        for text in ["demo", "demo.k8s.example.com", "a b", "a \"quoted\" name, 100% & more: ~x/y?z=1;#"] {
            assert_eq!(text.parse::<ClusterId>().map(|id| id.to_string()), Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_a_header_cannot_carry_unchanged_is_refused() {
        for (text, reason) in [
            ("", ClusterIdError::Empty),
            (" demo", ClusterIdError::OuterSpace),
            ("demo ", ClusterIdError::OuterSpace),
            ("de  mo", ClusterIdError::RepeatedSpace),
            ("demo\r\nx-evil: 1", ClusterIdError::Character('\r')),
            ("demo\t", ClusterIdError::Character('\t')),
            ("demo\u{7f}", ClusterIdError::Character('\u{7f}')),
            ("d\u{e9}mo", ClusterIdError::Character('\u{e9}')),
        ] {
            assert_eq!(text.parse::<ClusterId>(), Err(reason), "{text:?}");
        }
    }
}
