//! The yes: a value that only [`Chain::decide`](super::Chain::decide) can make.

use super::{Refusal, RefusalReason, Source};
use crate::{
    identity::Identity,
    instance::Unmet,
    ruleset::{Rule, SYSTEM_MASTERS},
    source::SourceName,
    template::{RenderError, Template},
};

/// The Kubernetes user a caller becomes, and the rule that says so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    username: String,
    groups: Vec<String>,
    source: SourceName,
    rule: String,
}

/// Why a rule that fits makes no user.
pub(super) enum Unrendered {
    NeedsInstance {
        role: bool,
    },
    /// Nothing after it may let the caller in: the rule is for instances, and this is none that it is for; or its entry is closed.
    Final(RefusalReason),
    Bad(RefusalReason),
}

impl Grant {
    pub(super) fn render(rule: &Rule, identity: &Identity, source: &Source) -> Result<Self, Unrendered> {
        let user = rule.user().ok_or(Unrendered::Final(RefusalReason::ClosedEntry))?;
        if let Some(condition) = &rule.instance {
            condition.check(identity).map_err(|error| match error {
                Unmet::NotAsked => Unrendered::NeedsInstance { role: true },
                Unmet::Refused(reason) => Unrendered::Final(reason),
            })?;
        }
        let groups = user.groups.iter().map(|template| group(template, identity));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let username = name(&user.username, identity, RefusalReason::EmptyUsername)?;
        source.check(&username, &groups).map_err(Unrendered::Bad)?;
        Ok(Self { username, groups, source: source.name, rule: rule.to_string() })
    }

    /// The caller's account is mapped whole: its canonical ARN is the user name, as aws-iam-authenticator has it.
    pub(super) fn of_account(identity: &Identity, source: &Source) -> Result<Self, Refusal> {
        let (username, groups) = (identity.canonical_arn().to_string(), Vec::new());
        let rule = format!("mapAccounts {}", identity.account());
        match source.check(&username, &groups) {
            Ok(()) => Ok(Self { username, groups, source: source.name, rule }),
            Err(reason) => Err(source.refusal(reason, rule)),
        }
    }

    /// The user name: never empty, without control characters.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The groups in the order they were written; none of them empty.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The source of the rule.
    #[must_use]
    pub const fn source(&self) -> SourceName {
        self.source
    }

    /// The rule, for people: `mapRoles[3] arn:aws:iam::123456789012:role/Admin` or `mapAccounts 123456789012`.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }
}

/// Nobody becomes a member of `system:masters` by the name of a session: it is written out in the rule, or not given.
fn group(template: &Template, identity: &Identity) -> Result<String, Unrendered> {
    let group = name(template, identity, RefusalReason::EmptyGroup)?;
    if template.has_placeholder() && group == SYSTEM_MASTERS {
        return Err(Unrendered::Bad(RefusalReason::PrivilegedTemplate));
    }
    Ok(group)
}

/// The rendered name, if it is one. Templates and facts allow neither braces nor control characters already: this is the
/// last look at what goes to the API server.
fn name(template: &Template, identity: &Identity, if_empty: RefusalReason) -> Result<String, Unrendered> {
    let name = template.render(identity).map_err(|error| match error {
        RenderError::EmptyPlaceholder => Unrendered::Bad(if_empty),
        RenderError::NeedsInstance => Unrendered::NeedsInstance { role: false },
        RenderError::NotAnInstance => Unrendered::Bad(RefusalReason::NotAnInstance),
        RenderError::NoSuchInstance => Unrendered::Bad(RefusalReason::NoSuchInstance),
        RenderError::NoPrivateDnsName => Unrendered::Bad(RefusalReason::NoPrivateDnsName),
    })?;
    if name.trim().is_empty() {
        return Err(Unrendered::Bad(if_empty));
    }
    if name.chars().any(char::is_control) {
        return Err(Unrendered::Bad(RefusalReason::ControlCharacter));
    }
    if name.contains(['{', '}']) {
        return Err(Unrendered::Bad(RefusalReason::UnrenderedBrace));
    }
    Ok(name)
}
