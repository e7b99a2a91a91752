//! One entry of `mapRoles` or `mapUsers`, or the spec of one custom resource.

mod instance;
mod keys;
mod sessions;
mod target;

use std::collections::HashSet;

use super::{Kind, UserIds, Written};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{
        report::Report,
        yaml::{Location, Map, Node, YamlError},
    },
    pattern::Pattern,
    principal::{Principal, PrincipalKind},
    ruleset::{Gives, Origin, Rule, SYSTEM_MASTERS, Subject, User, Whom},
    template::{Template, TemplateError},
};

use instance::EC2_INSTANCE;
use keys::{ALLOW, GROUPS, USERNAME, is_whom};
use sessions::SESSION_NAMES;
use target::{LIKE, SSO, Target};

/// What an entry comes to.
pub(super) enum Outcome {
    /// All of it is good.
    Good(Rule),
    /// A restriction in it is not understood: it lets nobody in. A closed rule for each of the principals that it may be
    /// about; none if nobody can tell.
    Closed(Vec<Rule>),
    /// Whom it is about is understood, and what it makes of them is not: a closed rule, until a user is found for it.
    Nameless(Nameless),
    /// Nobody can tell whom it is about.
    Unknown,
}

/// A rule that misses its user.
pub(super) struct Nameless {
    pub(super) rule: Rule,
    /// Whether its user may be in `system:masters`.
    pub(super) may_give_masters: bool,
}

/// Reads the entry. Everything wrong in it is reported, not the first thing only.
pub(super) fn read(written: Written, origin: Origin, item: &Node, report: &mut Report) -> Outcome {
    let Written { kind, user_ids } = written;
    match (item.as_map(), item.as_unclear_map()) {
        (Ok(map), _) => Reader { kind, user_ids, item, map, report, closes: false }.entry(origin),
        (Err(error), map) => {
            wrong_type(report, "the entry", &error);
            let mut unsaid = report.silent();
            map.map_or(Outcome::Unknown, |map| {
                Reader { kind, user_ids, item, map, report: &mut unsaid, closes: false }.unclear(origin)
            })
        }
    }
}

struct Reader<'a, 'r> {
    kind: Kind,
    user_ids: UserIds,
    item: &'a Node,
    map: &'a Map,
    report: &'r mut Report,
    /// Whether something was found that restricts the entry, or may, and is not understood.
    closes: bool,
}

impl<'a> Reader<'a, '_> {
    fn entry(mut self, origin: Origin) -> Outcome {
        let are_names_known = self.keys();
        let target = self.target();
        let user_id = self.user_id(target.as_ref());
        let sessions = self.sessions(target.as_ref());
        let instance = self.instance(target.as_ref());
        let username = self.username();
        let groups = self.groups();
        let may_give_masters = self.may_give_masters(target.as_ref());
        let is_allowed = self.is_allowed(may_give_masters, groups.as_deref().unwrap_or_default());
        if self.closes {
            return self.closed((target.is_some(), user_id.flatten(), sessions.flatten()), &origin);
        }
        let (Some(target), Some(user_id), Some(sessions), Some(instance)) = (target, user_id, sessions, instance)
        else {
            return Outcome::Unknown;
        };
        let user = username.zip(groups).filter(|_| are_names_known && is_allowed);
        if let (Target::Arn(principal), Some((username, groups))) = (&target, &user) {
            self.hint(principal, std::iter::once(username).chain(groups));
        }
        let (whom, written) = target.into_whom();
        let subject = Subject { whom, user_id, sessions };
        let rule = |gives| Rule { subject, written, gives, instance, origin };
        match user {
            Some((username, groups)) => Outcome::Good(rule(Gives::User(User { username, groups: groups.into() }))),
            None => Outcome::Nameless(Nameless { rule: rule(Gives::Nobody), may_give_masters }),
        }
    }

    /// An entry that has no certain meaning as a whole. If it is only its names that stand twice, the rest of it has one.
    fn unclear(self, origin: Origin) -> Outcome {
        let mut seen = HashSet::new();
        let key = |entry: &crate::format::yaml::Entry| entry.key().to_ascii_lowercase();
        let doubled: Vec<_> = self.map.entries().iter().map(key).filter(|key| !seen.insert(key.clone())).collect();
        let is_name = |key: &String| [USERNAME, GROUPS].contains(&key.as_str());
        if doubled.is_empty() || !doubled.iter().all(is_name) {
            return self.closed((false, None, None), &origin);
        }
        match self.entry(origin) {
            Outcome::Good(rule) => {
                let may_give_masters = !matches!(rule.subject.whom, Whom::Like(_));
                Outcome::Nameless(Nameless { rule: rule.closed(), may_give_masters })
            }
            other => other,
        }
    }

    /// A closed rule for each principal that the entry names in whatever way, with what of its conditions is understood: whether
    /// that is so of the one it is about, the unique id, and the names of sessions.
    fn closed(&self, (is_certain, user_id, sessions): Understood, origin: &Origin) -> Outcome {
        if !self.map.entries().iter().any(|entry| is_whom(entry.key())) {
            return Outcome::Unknown;
        }
        let mut seen = HashSet::new();
        let named = self.named(is_certain).into_iter().map(Target::into_whom);
        let named = named.filter(|(whom, _)| seen.insert(whom.clone()));
        let rule = |(whom, written)| {
            let subject = Subject { whom, user_id: user_id.clone(), sessions: sessions.clone() };
            Rule { subject, written, gives: Gives::Nobody, instance: None, origin: origin.clone() }
        };
        Outcome::Closed(named.map(rule).collect())
    }

    fn username(&mut self) -> Option<Template> {
        let (node, text) = self.text(USERNAME, DiagnosticCode::MissingUsername)?;
        if text.trim().is_empty() {
            self.report.error(DiagnosticCode::EmptyUsername, node.location(), "username is empty".to_owned(), None);
            return None;
        }
        self.template(USERNAME, node, text)
    }

    fn groups(&mut self) -> Option<Vec<Template>> {
        let Some(node) = self.get(self.map, GROUPS).filter(|node| !node.is_null()) else {
            return Some(Vec::new());
        };
        let items = match self.kind.texts(node) {
            Ok(items) => items,
            Err(error) => {
                let fix = node.as_text().ok().map(|text| format!("write it as a list: groups: [{}]", Quoted(text)));
                let message = format!("groups: {}", error.message());
                self.report.error(DiagnosticCode::WrongType, error.location(), message, fix);
                return None;
            }
        };
        // All of them are looked at before the first bad one ends it.
        let groups: Vec<_> = items.iter().map(|item| self.group(item)).collect();
        groups.into_iter().collect()
    }

    fn group(&mut self, node: &Node) -> Option<Template> {
        let text = if node.is_null() { "" } else { self.scalar("group", node)? };
        if text.trim().is_empty() {
            self.report.error(DiagnosticCode::EmptyGroup, node.location(), "a group is empty".to_owned(), None);
            return None;
        }
        if text.contains(" - ") {
            let message = format!("the group {} looks like two", Quoted(text));
            let fix = Some("give all dashes of the list the same indentation".to_owned());
            self.report.warning(DiagnosticCode::SuspiciousGroup, node.location(), message, fix);
        }
        if text.trim() != text {
            let message = format!("the group {} has white space around its name", Quoted(text));
            self.report.warning(DiagnosticCode::SuspiciousGroup, node.location(), message, None);
        }
        self.template("group", node, text)
    }

    /// Whether the entry may give `system:masters`: one about many roles only if it says so itself.
    fn may_give_masters(&mut self, target: Option<&Target>) -> bool {
        let is_like = matches!(target, Some(Target::Like(..)));
        let Some(entry) = self.map.entries().iter().find(|entry| self.kind.is_key(entry.key(), ALLOW)) else {
            return !is_like;
        };
        let allowed = if entry.value().is_null() { Ok(false) } else { entry.value().as_bool() };
        let allowed = allowed.unwrap_or_else(|error| {
            self.close_for_type(ALLOW, &error);
            false
        });
        if !is_like {
            let message = format!("{ALLOW} means nothing without {LIKE}");
            self.report.warning(DiagnosticCode::MisplacedKey, entry.location(), message, None);
        }
        allowed || !is_like
    }

    fn is_allowed(&mut self, may_give_masters: bool, groups: &[Template]) -> bool {
        let is_allowed = may_give_masters || !groups.iter().any(|group| group.to_string() == SYSTEM_MASTERS);
        // A guard that cannot be read was reported.
        if !is_allowed && !self.closes {
            let at = self.get(self.map, GROUPS).map_or(self.item.location(), Node::location);
            let message = format!("every role that fits the pattern would be in {SYSTEM_MASTERS}");
            let fix = Some(format!("name the role with rolearn or sso, or write {ALLOW}: true"));
            self.report.error(DiagnosticCode::PrivilegedWildcard, at, message, fix);
        }
        is_allowed
    }

    fn template(&mut self, what: &str, node: &Node, text: &str) -> Option<Template> {
        match text.parse() {
            Ok(template) => Some(template),
            Err(error) => {
                let fix = match &error {
                    TemplateError::Unknown { nearest: Some(nearest), .. } => {
                        Some(format!("did you mean {{{{{nearest}}}}}?"))
                    }
                    _ => None,
                };
                let message = format!("{what} {}: {error}", Quoted(text));
                self.report.error(DiagnosticCode::InvalidTemplate, node.location(), message, fix);
                None
            }
        }
    }

    /// The text under a key that must be there.
    fn text(&mut self, key: &str, if_missing: DiagnosticCode) -> Option<(&'a Node, &'a str)> {
        match self.get(self.map, key).filter(|node| !node.is_null()) {
            Some(node) => Some((node, self.scalar(key, node)?)),
            None => {
                self.report.error(if_missing, self.item.location(), format!("the entry has no {key}"), None);
                None
            }
        }
    }

    fn scalar<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n str> {
        node.as_text().map_err(|error| wrong_type(self.report, key, &error)).ok()
    }

    /// The text of something that restricts the entry.
    fn restriction<'n>(&mut self, key: &str, node: &'n Node) -> Option<&'n str> {
        node.as_text().map_err(|error| self.close_for_type(key, &error)).ok()
    }

    /// Something that restricts the entry is not understood.
    fn close(&mut self, code: DiagnosticCode, at: Location, message: String, fix: Option<String>) {
        self.closes = true;
        self.report.error(code, at, message, fix);
    }

    fn close_for_type(&mut self, what: &str, error: &YamlError) {
        self.closes = true;
        wrong_type(self.report, what, error);
    }

    /// What is used as it is, and probably not meant so.
    fn hint<'t>(&mut self, principal: &Principal, mut templates: impl Iterator<Item = &'t Template>) {
        let is_role = match principal.kind() {
            PrincipalKind::AssumedRole { .. } | PrincipalKind::Role { .. } => true,
            PrincipalKind::FederatedUser { .. } | PrincipalKind::Root | PrincipalKind::User { .. } => false,
        };
        let (at, arn) = (self.item.location(), Quoted(principal.as_str()));
        let of_roles = self.kind == Kind::Role;
        if let Some(other) = self.kind.other().filter(|_| is_role != of_roles) {
            let fix = Some(format!("move the entry to {}", other.key()));
            let message = format!("{arn} stands under {}; the entry is used all the same", self.kind.key());
            self.report.warning(DiagnosticCode::WrongList, at, message, fix);
        }
        if !is_role && templates.any(|template| template.reads_session_name()) {
            let message = format!("{arn} has no sessions, so that it gets no name with the session's name in it");
            self.report.warning(DiagnosticCode::SessionlessTemplate, at, message, None);
        }
    }
}

type Understood = (bool, Option<Box<str>>, Option<Box<[Pattern]>>);

fn wrong_type(report: &mut Report, what: &str, error: &YamlError) {
    report.error(DiagnosticCode::WrongType, error.location(), format!("{what}: {}", error.message()), None);
}
