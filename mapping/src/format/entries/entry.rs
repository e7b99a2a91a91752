//! One entry of `mapRoles` or `mapUsers`, or the spec of one custom resource.

mod instance;
mod sessions;
mod target;

use super::{Kind, MAP_ROLES, UserIds, Written};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{
        form::Form,
        report::Report,
        yaml::{Entry, Map, Node, YamlError, nearest, plain},
    },
    principal::{Principal, PrincipalKind},
    ruleset::{Origin, Rule, SYSTEM_MASTERS, Subject},
    template::{Template, TemplateError},
};

use instance::EC2_INSTANCE;
use sessions::SESSION_NAMES;
use target::{LIKE, SSO, Target};

/// The rule that the entry writes, if all of it is good. Everything wrong in it is reported, not the first thing only.
pub(super) fn rule(written: Written, origin: Origin, item: &Node, report: &mut Report) -> Option<Rule> {
    let map = item.as_map().map_err(|error| wrong_type(report, "the entry", &error)).ok()?;
    let Written { kind, form, user_ids } = written;
    let mut reader = Reader { kind, form, user_ids, item, map, report };

    let understood = reader.keys();
    let target = reader.target();
    let user_id = reader.user_id(target.as_ref());
    let sessions = reader.sessions(target.as_ref());
    let instance = reader.instance(target.as_ref());
    let username = reader.username();
    let groups = reader.groups();
    let may_give = reader.may_give(target.as_ref(), groups.as_deref().unwrap_or_default());
    if !understood || !may_give {
        return None;
    }
    let (target, user_id, sessions, instance) = (target?, user_id?, sessions?, instance?);
    let (username, groups) = (username?, groups?);

    if let Target::Arn(principal) = &target {
        reader.hint(principal, std::iter::once(&username).chain(&groups));
    }
    let (whom, written) = target.into_whom();
    Some(Rule {
        subject: Subject { whom, user_id, sessions },
        written,
        username,
        groups: groups.into(),
        instance,
        origin,
    })
}

struct Reader<'a> {
    kind: Kind,
    form: Form,
    user_ids: UserIds,
    item: &'a Node,
    map: &'a Map,
    report: &'a mut Report,
}

impl<'a> Reader<'a> {
    /// Whether every key that restricts the entry is understood. Any other unknown key is reported and does no harm.
    fn keys(&mut self) -> bool {
        let known = || KEYS.into_iter().chain([self.kind.arn_key()]).chain(self.kind.restrictions());
        let unknown = |entry: &&Entry| !known().any(|key| key.eq_ignore_ascii_case(entry.key()));
        let mut understood = true;
        for entry in self.map.entries().iter().filter(unknown) {
            let (at, key) = (entry.location(), Quoted(entry.key()));
            if let Some(word) = RESTRICTIONS.iter().find(|word| word.eq_ignore_ascii_case(entry.key())) {
                let message = format!("{word} is of roles only, so the entry is not used");
                let fix = Some(format!("move the entry to {MAP_ROLES}"));
                self.report.error(DiagnosticCode::MisplacedKey, at, message, fix);
                understood = false;
            } else if let Some(meant) = misspelt_restriction(entry.key()) {
                let message = format!("unknown key {key}; {meant} restricts an entry, so the entry is not used");
                let fix = Some(format!("write {meant}, or remove the key"));
                self.report.error(DiagnosticCode::UnknownKey, at, message, fix);
                understood = false;
            } else {
                let is_arn = |kind: &Kind| kind.arn_key().eq_ignore_ascii_case(entry.key());
                let fix = match self.kind.other() {
                    Some(other) if is_arn(&other) => {
                        Some(format!("an entry with {} belongs under {}", other.arn_key(), other.key()))
                    }
                    None if [Kind::Role, Kind::User].iter().any(is_arn) => {
                        Some(format!("did you mean \"{}\"?", self.kind.arn_key()))
                    }
                    _ => {
                        let meant = self.report.has_room().then(|| nearest(entry.key(), known())).flatten();
                        meant.map(|meant| format!("did you mean \"{meant}\"?"))
                    }
                };
                self.report.warning(DiagnosticCode::UnknownKey, at, format!("unknown key {key}"), fix);
            }
        }
        understood
    }

    fn username(&mut self) -> Option<Template> {
        let (node, text) = self.text("username", DiagnosticCode::MissingUsername)?;
        if text.trim().is_empty() {
            self.report.error(DiagnosticCode::EmptyUsername, node.location(), "username is empty".to_owned(), None);
            return None;
        }
        self.template("username", node, text)
    }

    fn groups(&mut self) -> Option<Vec<Template>> {
        let Some(node) = self.map.get_ignore_case("groups").filter(|node| !node.is_null()) else {
            return Some(Vec::new());
        };
        let items = match self.form.texts(node) {
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

    /// Whether the entry may give these groups: `system:masters` one about many roles only if it says so itself.
    fn may_give(&mut self, target: Option<&Target>, groups: &[Template]) -> bool {
        let written = self.map.entries().iter().find(|entry| entry.key().eq_ignore_ascii_case(ALLOW));
        let allowed = match written.map(Entry::value).filter(|node| !node.is_null()) {
            Some(node) => match node.as_bool() {
                Ok(allowed) => allowed,
                Err(error) => {
                    wrong_type(self.report, ALLOW, &error);
                    return false;
                }
            },
            None => false,
        };
        let is_like = matches!(target, Some(Target::Like(..)));
        if let Some(entry) = written.filter(|_| !is_like) {
            let message = format!("{ALLOW} means nothing without {LIKE}");
            self.report.warning(DiagnosticCode::MisplacedKey, entry.location(), message, None);
        }
        if is_like && !allowed && groups.iter().any(|group| group.to_string() == SYSTEM_MASTERS) {
            let at = self.map.get_ignore_case("groups").map_or(self.item.location(), Node::location);
            let message = format!("every role that fits the pattern would be in {SYSTEM_MASTERS}");
            let fix = Some(format!("name the role with rolearn or sso, or write {ALLOW}: true"));
            self.report.error(DiagnosticCode::PrivilegedWildcard, at, message, fix);
            return false;
        }
        true
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
        match self.map.get_ignore_case(key).filter(|node| !node.is_null()) {
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

    /// What is used as it is, and probably not meant so.
    fn hint<'t>(&mut self, principal: &Principal, mut templates: impl Iterator<Item = &'t Template>) {
        let (is_role, has_session_name) = match principal.kind() {
            PrincipalKind::AssumedRole { .. } => (true, true),
            PrincipalKind::Role { .. } => (true, false),
            PrincipalKind::FederatedUser { .. } | PrincipalKind::Root | PrincipalKind::User { .. } => (false, false),
        };
        let (at, arn) = (self.item.location(), Quoted(principal.as_str()));
        if has_session_name {
            let message = format!("{arn} stands for every session of the role: the session's name is not looked at");
            let fix = Some(format!("write {}", principal.canonical()));
            self.report.warning(DiagnosticCode::SessionIgnored, at, message, fix);
        }
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

impl Kind {
    fn restrictions(self) -> impl Iterator<Item = &'static str> {
        RESTRICTIONS.into_iter().filter(move |_| self != Self::User)
    }
}

fn wrong_type(report: &mut Report, what: &str, error: &YamlError) {
    report.error(DiagnosticCode::WrongType, error.location(), format!("{what}: {}", error.message()), None);
}

/// An entry with a restriction that is passed over lets in more callers than it was written for.
fn misspelt_restriction(key: &str) -> Option<&'static str> {
    if key.len() > MAX_RESTRICTION_BYTES {
        return None;
    }
    let key = plain(key);
    // What differs in length by more is not looked at: an entry may have a hundred thousand keys.
    let near =
        |word: &&str| word.len().abs_diff(key.len()) <= 1 && strsim::damerau_levenshtein(&key, &plain(word)) <= 1;
    RESTRICTIONS.into_iter().chain([USER_ID]).find(near)
}

const ALLOW: &str = "allowPrivilegedWildcard";
const USER_ID: &str = "userid";

/// Keys of every entry, beside that of its ARN.
const KEYS: [&str; 4] = ["username", "groups", USER_ID, ALLOW];

/// Keys that narrow whom an entry about roles is for.
const RESTRICTIONS: [&str; 4] = [EC2_INSTANCE, LIKE, SESSION_NAMES, SSO];

/// No misspelling of them is longer.
const MAX_RESTRICTION_BYTES: usize = 20;
