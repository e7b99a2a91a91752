//! A new entry for `aws-auth`: its text is added, and every other byte stays.
//!
//! ```text
//! data ──read──▶ rules, diagnostics                        not one of its lists unreadable, nobody named twice
//!   └──append──▶ new data ──read──▶ rules, diagnostics     the same ones, and the new rule after them; else an error
//! ```
//!
//! The new text is read as the webhook reads it before anybody gets it. So a way of writing YAML that is not thought of here is
//! an error, never damage.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{AwsAuth, append};
use crate::{
    arn::{AccountId, Partition},
    diagnostic::{Diagnostic, DiagnosticCode},
    format::{
        Update,
        entries::{Kind, Lists},
        yaml::{Location, quoted},
    },
    pattern::{Case, Pattern},
    principal::{Principal, PrincipalKind},
    ruleset::{Gives, Origin, Rule, Subject, User, Whom},
    sso::{PermissionSet, PermissionSetNameError},
    template::Template,
};

/// An entry that is to be added.
///
/// ```
/// use std::collections::BTreeMap;
/// use mapping::format::aws_auth::NewEntry;
///
/// let jane = "arn:aws:iam::123456789012:user/jane".parse()?;
/// let entry = NewEntry::user(jane, "jane".parse()?, vec!["developers".parse()?]);
/// let data = BTreeMap::from([("mapUsers".to_owned(), "# Nobody yet.\n".to_owned())]);
/// let changed = entry.add_to(&data)?;
/// assert_eq!(changed["mapUsers"], "# Nobody yet.
/// - userarn: arn:aws:iam::123456789012:user/jane
///   username: jane
///   groups:
///   - developers
/// ");
/// let again = entry.add_to(&changed).unwrap_err().to_string();
/// assert!(again.starts_with("mapUsers[0] arn:aws:iam::123456789012:user/jane (line 2)"), "{again}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct NewEntry {
    kind: Kind,
    target: Target,
    username: Template,
    groups: Vec<Template>,
}

#[derive(Clone, Debug)]
enum Target {
    Arn(Principal),
    /// With the name as it was written.
    Sso(PermissionSet, Box<str>),
}

/// Why an entry is not added.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The list is written in a way that text cannot be added to safely.
    #[error(
        "{key} {location}: {reason}; put this entry into the list by hand (kubectl edit configmap aws-auth -n kube-system):\n\n\
         {entry}"
    )]
    ByHand {
        /// The key of the list.
        key: &'static str,
        /// Where the list begins.
        location: Location,
        /// What is in the way.
        reason: String,
        /// The entry, as it may stand in a list in block style.
        entry: String,
    },
    /// Another entry is about the same principal.
    #[error("{there} is about the same principal: edit that entry, or remove it first")]
    Duplicate {
        /// The other entry: its place and its principal.
        there: String,
    },
    /// The entry itself is not as it should be.
    #[error("{}", .0.message())]
    Entry(Box<Diagnostic>),
    /// A list is unusable, and nobody can tell whom it names.
    #[error("aws-auth has to be put right first:{}", lines(.0))]
    Unreadable(Vec<Diagnostic>),
}

impl NewEntry {
    /// An entry of `mapUsers`.
    #[must_use]
    pub const fn user(arn: Principal, username: Template, groups: Vec<Template>) -> Self {
        Self { kind: Kind::User, target: Target::Arn(arn), username, groups }
    }

    /// An entry of `mapRoles` about one role.
    #[must_use]
    pub const fn role(arn: Principal, username: Template, groups: Vec<Template>) -> Self {
        Self { kind: Kind::Role, target: Target::Arn(arn), username, groups }
    }

    /// An entry of `mapRoles` about the roles of a permission set.
    ///
    /// # Errors
    ///
    /// When no permission set has such a name.
    pub fn permission_set(
        partition: Partition,
        account: AccountId,
        name: &str,
        username: Template,
        groups: Vec<Template>,
    ) -> Result<Self, PermissionSetNameError> {
        let target = Target::Sso(PermissionSet::new(partition, account, name)?, name.into());
        Ok(Self { kind: Kind::Role, target, username, groups })
    }

    /// What is wrong with it, or probably not meant so, wherever it is added.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        AwsAuth::update(None, &BTreeMap::from([(self.kind.key().to_owned(), self.text(0))])).diagnostics
    }

    /// The `data` of the ConfigMap with this entry at the end of its list. Every byte that is not of the entry is as it was; a
    /// list that says that it is empty gives way to one that is not.
    ///
    /// # Errors
    ///
    /// As [`AddError`] says.
    pub fn add_to(&self, data: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, AddError> {
        if let Some(diagnostic) = self.diagnostics().into_iter().next() {
            return Err(AddError::Entry(Box::new(diagnostic)));
        }
        let before = AwsAuth::update(None, data);
        let Some(lists) = before.next.lists() else { return Err(unreadable(before.diagnostics)) };
        self.find_same_principal(&lists)?;

        let key = self.kind.key();
        let text = data.get(key).map_or("", String::as_str);
        let by_hand = |append::Obstacle { location, reason }| {
            let entry = self.text(0);
            AddError::ByHand { key, location, reason, entry }
        };
        let appended = append::append(text, |column| self.text(column)).map_err(by_hand)?;
        let mut changed = data.clone();
        changed.insert(key.to_owned(), appended);

        let after = AwsAuth::update(None, &changed);
        if !self.is_all_that_is_new(&lists, &after) || after.diagnostics != before.diagnostics {
            let new = after.diagnostics.iter().find(|diagnostic| !before.diagnostics.contains(diagnostic));
            let reason = new.map_or_else(|| "more would change than one entry".to_owned(), Diagnostic::to_string);
            let reason = format!("the entry cannot be added to such a text ({reason})");
            return Err(by_hand(append::Obstacle { location: Location::START, reason }));
        }
        Ok(changed)
    }

    fn whom(&self) -> Whom {
        match &self.target {
            Target::Arn(principal) => Whom::Exact(principal.canonical()),
            Target::Sso(set, _) => Whom::Sso(set.clone().into()),
        }
    }

    /// The session that the ARN names, if it names one.
    fn sessions(&self) -> Option<Box<[Pattern]>> {
        let Target::Arn(principal) = &self.target else { return None };
        let PrincipalKind::AssumedRole { session, .. } = principal.kind() else { return None };
        Pattern::new(session, Case::Kept).ok().map(|pattern| [pattern].into())
    }

    /// Entries that ask for more (a `userid`, names of sessions) are about the same principal too: whoever adds another one
    /// probably knows nothing of them.
    fn find_same_principal(&self, lists: &Lists) -> Result<(), AddError> {
        let whom = self.whom();
        match lists.roles.iter().chain(lists.users.iter()).find(|rule| rule.subject.whom == whom) {
            None => Ok(()),
            Some(rule) => Err(AddError::Duplicate { there: place(rule) }),
        }
    }

    /// Whether the lists are what they were, but for this entry at the end of its own.
    fn is_all_that_is_new(&self, before: &Lists, after: &Update<AwsAuth>) -> bool {
        let Some(after) = after.next.lists() else { return false };
        let (own_before, own_after, others) = match self.kind {
            Kind::User => (&before.users, &after.users, before.roles == after.roles),
            Kind::Role | Kind::Object => (&before.roles, &after.roles, before.users == after.users),
        };
        let Some((last, rest)) = own_after.split_last() else { return false };
        others && before.accounts == after.accounts && rest == &**own_before && self.is_written_by(last)
    }

    fn is_written_by(&self, rule: &Rule) -> bool {
        let Rule { subject, written: _, gives, instance, origin: _ } = rule;
        let wanted = Subject { whom: self.whom(), user_id: None, sessions: self.sessions() };
        let user = User { username: self.username.clone(), groups: self.groups.as_slice().into() };
        *subject == wanted && *gives == Gives::User(user) && instance.is_none()
    }

    /// The entry in block style, with its dash in this column, counted from zero.
    fn text(&self, column: usize) -> String {
        let mut lines = match &self.target {
            Target::Arn(principal) => vec![format!("{}: {}", self.kind.arn_key(), scalar(principal.as_str()))],
            Target::Sso(set, name) => {
                let account = format!("  accountID: \"{}\"", set.account());
                let mut lines = vec!["sso:".to_owned(), format!("  permissionSetName: {}", scalar(name)), account];
                if set.partition() != Partition::Aws {
                    lines.push(format!("  partition: {}", set.partition()));
                }
                lines
            }
        };
        lines.push(format!("username: {}", scalar(&self.username.to_string())));
        if !self.groups.is_empty() {
            lines.push("groups:".to_owned());
            lines.extend(self.groups.iter().map(|group| format!("- {}", scalar(&group.to_string()))));
        }
        let indent = " ".repeat(column);
        let dashes = std::iter::once("- ").chain(std::iter::repeat("  "));
        dashes.zip(lines).map(|(dash, line)| format!("{indent}{dash}{line}\n")).collect()
    }
}

/// What makes a list unusable as a whole. A bad entry does not: it is not used, and stays what it is.
fn unreadable(diagnostics: Vec<Diagnostic>) -> AddError {
    let fatal = |diagnostic: &Diagnostic| {
        matches!(diagnostic.code(), DiagnosticCode::NotYaml | DiagnosticCode::NotAList | DiagnosticCode::NoUsableEntry)
    };
    AddError::Unreadable(diagnostics.into_iter().filter(fatal).collect())
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("\n{diagnostic}")).collect()
}

fn place(rule: &Rule) -> String {
    match &rule.origin {
        Origin::Entry { location, .. } => format!("{rule} (line {})", location.line()),
        Origin::Object(_) => rule.to_string(),
    }
}

/// A text as a scalar of YAML: plain where no reader of any version takes it for something else, quoted otherwise.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/.@:+=-".contains(&byte))
        && !text.ends_with(':');
    if is_word && !NO_TEXT.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return text.to_owned();
    }
    quoted(text)
}

/// What is no text to one version of YAML or another (<https://yaml.org/type/bool.html>, <https://yaml.org/type/null.html>).
const NO_TEXT: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
