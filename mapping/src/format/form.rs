//! What a source takes for a list.

use std::borrow::Cow;

use super::yaml::{Node, YamlError};

/// What a source takes for a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// A list, and nothing else: what aws-iam-authenticator's reader of `aws-auth` takes.
    Strict,
    /// Also a single mapping for the list of it, and a text for the list of its parts between commas: what
    /// aws-iam-authenticator takes in its config file, which it reads with viper (`WeaklyTypedInput` and
    /// `stringToWeakSliceHookFunc`). White space around a part stays, as it does there.
    Weak,
}

impl Form {
    /// The items of a list of mappings.
    pub(super) fn mappings(self, node: Node) -> Result<Vec<Node>, YamlError> {
        match (self, node.as_map()) {
            (Self::Weak, Ok(map)) if map.entries().is_empty() => Ok(Vec::new()),
            (Self::Weak, Ok(_)) => Ok(vec![node]),
            _ => node.into_seq(),
        }
    }

    /// The items of a list of texts.
    pub(super) fn texts(self, node: &Node) -> Result<Cow<'_, [Node]>, YamlError> {
        match (self, node.split(',')) {
            (Self::Weak, Some(parts)) => Ok(parts.into()),
            _ => node.as_seq().map(Cow::Borrowed),
        }
    }
}
