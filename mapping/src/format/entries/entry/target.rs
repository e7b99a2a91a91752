//! Whom an entry is about: its `rolearn` or `userarn`, its `sso`, its `rolearnLike`, or else its `userid`.

use super::{
    Reader, SESSION_NAMES,
    keys::{ARN_KINDS, USER_ID},
};
use crate::{
    arn::{AccountId, Partition},
    diagnostic::{DiagnosticCode, Quoted},
    format::{
        entries::{Kind, UserIds, account_fix},
        yaml::{Entry, Map, Node, nearest},
    },
    identity::{is_user_id_of, is_user_id_of_role},
    principal::{Principal, PrincipalError, PrincipalKind},
    role_pattern::{RolePattern, RolePatternError},
    ruleset::Whom,
    sso::{self, PermissionSet},
};

/// Whom an entry is about, in the kinds in which it can be written.
pub(super) enum Target {
    Arn(Principal),
    /// With the pattern as it was written.
    Like(Box<RolePattern>, Box<str>),
    Sso(PermissionSet),
    /// By the unique id alone.
    Unique(Box<str>),
}

impl Target {
    /// With how it was written, where that is not how it is kept.
    pub(super) fn into_whom(self) -> (Whom, Option<Box<str>>) {
        match self {
            Self::Arn(principal) => {
                let canonical = principal.canonical();
                let written = (principal.as_str() != canonical.as_str()).then(|| principal.as_str().into());
                (Whom::Exact(canonical), written)
            }
            Self::Like(pattern, written) => (Whom::Like(pattern), Some(written)),
            Self::Sso(set) => (Whom::Sso(set.into()), None),
            Self::Unique(id) => (Whom::Unique(id), None),
        }
    }

    /// Whether it may be about a role.
    pub(super) fn is_of_roles(&self) -> bool {
        match self {
            Self::Arn(principal) => {
                matches!(principal.kind(), PrincipalKind::AssumedRole { .. } | PrincipalKind::Role { .. })
            }
            Self::Like(..) | Self::Sso(_) | Self::Unique(_) => true,
        }
    }

    fn can_have(&self, user_id: &str) -> bool {
        match self {
            Self::Arn(principal) => is_user_id_of(principal.kind(), user_id),
            Self::Like(..) | Self::Sso(_) | Self::Unique(_) => is_user_id_of_role(user_id),
        }
    }
}

impl<'a> Reader<'a, '_> {
    pub(super) fn target(&mut self) -> Option<Target> {
        let arn_key = self.kind.arn_key();
        let ways = [SSO, LIKE].into_iter().filter(|_| self.kind != Kind::User);
        let written: Vec<_> = std::iter::once(arn_key).chain(ways).filter(|key| self.is_written(key)).collect();
        match written.as_slice() {
            [] if self.is_by_user_id() => self.unique(),
            [first, second, ..] => {
                let message = format!("{first} and {second} both say whom the entry is about, so it is not used");
                let fix = Some("make an entry of each".to_owned());
                self.close(DiagnosticCode::ConflictingKeys, self.item.location(), message, fix);
                None
            }
            [SSO] => self.get(self.map, SSO).and_then(|node| self.sso(node)).map(Target::Sso),
            [LIKE] => self.like(),
            [] | [_] => self.principal(arn_key).map(Target::Arn),
        }
    }

    /// `Some(None)` when the entry asks for no unique id.
    pub(super) fn user_id(&mut self, target: Option<&Target>) -> Option<Option<Box<str>>> {
        let Some(node) = self.get(self.map, USER_ID) else {
            if self.user_ids == UserIds::Optional {
                return Some(None);
            }
            let message = "the entry has no userid, and dynamicfileUserIDStrict asks for one in every entry";
            self.close(DiagnosticCode::MissingUserId, self.item.location(), message.to_owned(), None);
            return None;
        };
        if let Some(Target::Unique(_)) = target {
            return Some(None);
        }
        let text = if node.is_null() { "" } else { self.restriction(USER_ID, node)? };
        if text.is_empty() {
            let fix = Some("remove the key, or write the unique id".to_owned());
            self.close(DiagnosticCode::EmptyUserId, node.location(), "userid is empty".to_owned(), fix);
            return None;
        }
        // Without a principal there is nothing to compare it with, and the entry is lost anyway.
        if !target?.can_have(text) {
            self.not_a_user_id(node, text);
            return None;
        }
        Some(Some(text.into()))
    }

    /// Nothing is as good as absent, and so is an empty text: aws-iam-authenticator writes it for an ARN that is not there.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.get(self.map, key).is_some_and(|node| !node.is_null() && node.as_text() != Ok(""))
    }

    /// Whether the entry names nobody but by a unique id. One with an ARN under a misspelt key says more than that.
    fn is_by_user_id(&self) -> bool {
        let is_like_arn = |key: &str| nearest(key, ARN_KINDS.map(Kind::arn_key)).is_some();
        let mut keys = self.map.entries().iter().map(Entry::key);
        self.is_written(USER_ID) && !keys.any(|key| !key.eq_ignore_ascii_case(self.kind.arn_key()) && is_like_arn(key))
    }

    fn unique(&mut self) -> Option<Target> {
        // Of another type it is reported where every `userid` is read.
        let node = self.get(self.map, USER_ID)?;
        let text = node.as_text().ok()?;
        if !is_user_id_of_role(text) {
            self.not_a_user_id(node, text);
            return None;
        }
        Some(Target::Unique(text.into()))
    }

    fn not_a_user_id(&mut self, node: &Node, text: &str) {
        let fix = text.contains(':').then(|| "write only the part before the colon".to_owned());
        let message = format!("userid {} is no unique id of such a principal", Quoted(text));
        self.close(DiagnosticCode::InvalidUserId, node.location(), message, fix);
    }

    fn principal(&mut self, key: &str) -> Option<Principal> {
        if let Some(other) = self.kind.other().filter(|other| !self.is_written(key) && self.is_written(other.arn_key()))
        {
            // aws-iam-authenticator passes over such an entry in aws-auth, and does not start with it in its config file.
            let message = format!("the entry has {} where {} takes {key}", other.arn_key(), self.kind.key());
            let fix = Some(format!("write {key}, or move the entry to {}", other.key()));
            self.report.error(DiagnosticCode::MissingArn, self.item.location(), message, fix);
            return None;
        }
        let (node, text) = self.text(key, DiagnosticCode::MissingArn)?;
        match text.parse::<Principal>() {
            // Whoever writes one means many principals, and would get one at most.
            Ok(_) | Err(PrincipalError::Account(_) | PrincipalError::InvalidName(_) | PrincipalError::Partition(_))
                if text.contains(['*', '?']) =>
            {
                let message = format!(
                    "{key} {}: it has a wildcard, and an exact ARN is compared character by character",
                    Quoted(text)
                );
                let fix = (self.kind != Kind::User).then(|| match role_of_session(text) {
                    Some(role) => format!("write {}, and {SESSION_NAMES} for its sessions", role.canonical()),
                    None => format!("write {LIKE} for roles whose name fits a pattern"),
                });
                self.report.error(DiagnosticCode::InvalidArn, node.location(), message, fix);
                None
            }
            Ok(principal) => Some(principal),
            Err(error) => {
                let fix = match error {
                    _ if text.trim() != text => Some("remove the white space around it".to_owned()),
                    PrincipalError::Account(_) => Some("write the account id with all its 12 digits".to_owned()),
                    _ => None,
                };
                let message = format!("{key} {}: {error}", Quoted(text));
                self.report.error(DiagnosticCode::InvalidArn, node.location(), message, fix);
                None
            }
        }
        .or_else(|| {
            // The session in it restricts the entry.
            self.closes |= role_of_session(text).is_some();
            None
        })
    }

    /// Whomever the entry names, in whatever way and case, for an entry that lets none of them in. Where it is not certain
    /// whom it is about, a unique id counts too.
    pub(super) fn named(&self, is_certain: bool) -> Vec<Target> {
        let mut unsaid = self.report.silent();
        let Self { user_ids, item, map, .. } = *self;
        // Keys of an entry of `mapRoles` are read in any case.
        let mut reader = Reader { kind: Kind::Role, user_ids, item, map, report: &mut unsaid, closes: false };
        let mut named: Vec<_> = map.entries().iter().filter_map(|entry| reader.named_by(entry)).collect();
        if (named.is_empty() || !is_certain)
            && let Some(id) = reader.get(map, USER_ID).and_then(|node| node.as_text().ok())
            && is_user_id_of_role(id)
        {
            named.push(Target::Unique(id.into()));
        }
        named
    }

    fn named_by(&mut self, entry: &'a Entry) -> Option<Target> {
        let is = |key: &str| key.eq_ignore_ascii_case(entry.key());
        let text = || entry.value().as_text().ok();
        if ARN_KINDS.into_iter().map(Kind::arn_key).any(is) {
            let principal = |text: &str| text.parse().ok().or_else(|| role_of_session(text));
            return text().and_then(principal).map(Target::Arn);
        }
        if is(LIKE) {
            let like = |text: &str| Some(Target::Like(RolePattern::parse(text).ok()?.into(), text.into()));
            return text().and_then(like);
        }
        let node = Some(entry.value()).filter(|_| is(SSO))?;
        let map = node.as_map().ok().or_else(|| node.as_unclear_map())?;
        self.permission_set(node, map).map(Target::Sso)
    }

    fn like(&mut self) -> Option<Target> {
        let node = self.get(self.map, LIKE)?;
        let text = self.restriction(LIKE, node)?;
        match RolePattern::parse(text) {
            Ok(pattern) => {
                let without_path = pattern.to_string();
                if !without_path.eq_ignore_ascii_case(text) {
                    let message = format!("{LIKE} {}: STS never says a role's path, so it is dropped", Quoted(text));
                    let fix = Some(format!("write {without_path}"));
                    self.report.warning(DiagnosticCode::PathIgnored, node.location(), message, fix);
                }
                Some(Target::Like(pattern.into(), text.into()))
            }
            Err(error) => {
                let fix = match error {
                    RolePatternError::WildcardInPath | RolePatternError::PathAlone => {
                        Some("write a pattern of the role's name without a path".to_owned())
                    }
                    _ => None,
                };
                let message = format!("{LIKE} {}: {error}", Quoted(text));
                self.close(DiagnosticCode::InvalidPattern, node.location(), message, fix);
                None
            }
        }
    }

    /// The keys are those of `SSOARNMatcher` in aws-iam-authenticator's `pkg/config/types.go`.
    fn sso(&mut self, node: &'a Node) -> Option<PermissionSet> {
        let map = node.as_map().map_err(|error| self.close_for_type(SSO, &error)).ok()?;
        self.keys_within(SSO, map, &SSO_KEYS);
        self.permission_set(node, map)
    }

    fn permission_set(&mut self, node: &'a Node, map: &'a Map) -> Option<PermissionSet> {
        let partition = self.sso_partition(map);
        let account = self.sso_account(node, map);
        let (name_node, name) = self.sso_text(node, map, PERMISSION_SET_NAME)?;
        match PermissionSet::new(partition?, account?, name) {
            Ok(set) => Some(set),
            Err(error) => {
                let fix = name
                    .get(..sso::ROLE_PREFIX.len())
                    .filter(|prefix| prefix.eq_ignore_ascii_case(sso::ROLE_PREFIX))
                    .map(|_| "write the permission set's name, not that of its role".to_owned());
                let message = format!("{PERMISSION_SET_NAME} {}: {error}", Quoted(name));
                self.close(DiagnosticCode::InvalidSso, name_node.location(), message, fix);
                None
            }
        }
    }

    fn sso_partition(&mut self, map: &'a Map) -> Option<Partition> {
        let Some(node) = self.get(map, PARTITION) else { return Some(Partition::Aws) };
        // An empty one is the default to aws-iam-authenticator, whose own tools write it so.
        let text = if node.is_null() { "" } else { self.restriction(PARTITION, node)? };
        if text.is_empty() {
            return Some(Partition::Aws);
        }
        text.parse()
            .map_err(|error| {
                let message = format!("{PARTITION} {}: {error}", Quoted(text));
                let fix = nearest(text, Partition::ALL.map(Partition::as_str));
                let fix = fix.map(|meant| format!("did you mean \"{meant}\"?"));
                self.close(DiagnosticCode::InvalidSso, node.location(), message, fix);
            })
            .ok()
    }

    fn sso_account(&mut self, sso: &'a Node, map: &'a Map) -> Option<AccountId> {
        let (node, text) = self.sso_text(sso, map, ACCOUNT_ID)?;
        text.parse()
            .map_err(|error| {
                let message = format!("{ACCOUNT_ID} {}: {error}", Quoted(text));
                let fix = Some(account_fix(text, error));
                self.close(DiagnosticCode::InvalidAccount, node.location(), message, fix);
            })
            .ok()
    }

    fn sso_text(&mut self, sso: &Node, map: &'a Map, key: &str) -> Option<(&'a Node, &'a str)> {
        match self.get(map, key).filter(|node| !node.is_null()) {
            Some(node) => Some((node, self.restriction(key, node)?)),
            None => {
                self.close(DiagnosticCode::InvalidSso, sso.location(), format!("{SSO} has no {key}"), None);
                None
            }
        }
    }
}

/// The role of an ARN of a session that is none for the session's name, or for having none.
fn role_of_session(text: &str) -> Option<Principal> {
    let mut parts = text.splitn(6, ':');
    let [arn, partition, service, region, account, resource] =
        std::array::from_fn(|_| parts.next().unwrap_or_default());
    let (kind, rest) = resource.split_once('/')?;
    let role = rest.rsplit_once('/').map_or(rest, |(role, _)| role);
    let is_session = kind.eq_ignore_ascii_case("assumed-role");
    is_session.then(|| format!("{arn}:{partition}:{service}:{region}:{account}:{kind}/{role}/x").parse().ok()).flatten()
}

pub(super) const LIKE: &str = "rolearnLike";
pub(super) const SSO: &str = "sso";

const ACCOUNT_ID: &str = "accountID";
const PARTITION: &str = "partition";
const PERMISSION_SET_NAME: &str = "permissionSetName";
const SSO_KEYS: [&str; 3] = [PERMISSION_SET_NAME, ACCOUNT_ID, PARTITION];
