//! Names that a source must not give.

/// The beginnings of user and group names that a source must not give to anybody.
///
/// A source that more people can write than the API server's own configuration is kept from handing out what is not its
/// to give: with the group prefix `system:`, whoever can edit `aws-auth` cannot make a `system:masters` of it. It is
/// aws-iam-authenticator's `reservedPrefixConfig`, which looks at user names only.
///
/// Names are compared as the API server compares them: in their case, after every placeholder is rendered.
///
/// ```
/// use std::{collections::BTreeMap, sync::Arc};
/// use mapping::{Chain, Decision, Identity, ReservedPrefixes, Source, SourceName, format::aws_auth::AwsAuth};
///
/// let roles = "- {rolearn: arn:aws:iam::123456789012:role/Admin, username: admin, groups: [system:masters]}";
/// let rules = AwsAuth::update(None, &BTreeMap::from([("mapRoles".to_owned(), roles.to_owned())])).next.rules();
/// let arn = "arn:aws:sts::123456789012:assumed-role/Admin/jane".parse()?;
/// let jane = Identity::new(arn, "AROAEXAMPLE:jane", "ASIAIOSFODNN7EXAMPLE".to_owned())?;
///
/// let source = Source::new(SourceName::EksConfigMap, Some(rules));
/// assert!(matches!(Chain::new(vec![source.clone()]).decide(&jane), Decision::Granted(_)));
///
/// let reserved = Arc::new(ReservedPrefixes::new(["system:"], ["system:"]));
/// let Decision::Refused(refusal) = Chain::new(vec![source.reserving(reserved)]).decide(&jane) else {
///     panic!("a reserved group is given")
/// };
/// assert_eq!(refusal.code(), "reserved_group_prefix");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReservedPrefixes {
    usernames: Box<[Box<str>]>,
    groups: Box<[Box<str>]>,
}

impl ReservedPrefixes {
    /// The prefixes of user names and those of groups. An empty one reserves nothing, as in aws-iam-authenticator: every
    /// name begins with it.
    #[must_use]
    pub fn new<U, G>(usernames: impl IntoIterator<Item = U>, groups: impl IntoIterator<Item = G>) -> Self
    where
        U: Into<Box<str>>,
        G: Into<Box<str>>,
    {
        Self {
            usernames: usernames.into_iter().map(Into::into).filter(|prefix| !prefix.is_empty()).collect(),
            groups: groups.into_iter().map(Into::into).filter(|prefix| !prefix.is_empty()).collect(),
        }
    }

    pub(crate) fn reserve_username(&self, name: &str) -> bool {
        self.usernames.iter().any(|prefix| name.starts_with(&**prefix))
    }

    pub(crate) fn reserve_group(&self, name: &str) -> bool {
        self.groups.iter().any(|prefix| name.starts_with(&**prefix))
    }
}
