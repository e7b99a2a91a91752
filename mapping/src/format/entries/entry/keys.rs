//! The keys of an entry: those that are known, and what one comes to that is not.

use super::{EC2_INSTANCE, LIKE, Reader, SESSION_NAMES, SSO};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{
        entries::{Kind, MAP_ROLES},
        yaml::{Entry, Map, Node, nearest},
    },
};

impl Reader<'_, '_> {
    /// Looks for keys that are not known. One that may restrict the entry closes it. Says whether those are understood that
    /// name the user.
    pub(super) fn keys(&mut self) -> bool {
        let mut are_names_known = true;
        let kind = self.kind;
        for entry in self.map.entries().iter().filter(|entry| !kind.keys().any(|key| kind.is_key(entry.key(), key))) {
            let (at, key) = (entry.location(), Quoted(entry.key()));
            let is = |word: &&str| word.eq_ignore_ascii_case(entry.key());
            if let Some(known) = kind.keys().find(is) {
                let message = format!("unknown key {key}: keys of a custom resource have a case");
                let fix = Some(format!("write {known}"));
                self.report.error(DiagnosticCode::UnknownKey, at, message, fix);
                let is_name = [USERNAME, GROUPS].contains(&known);
                self.closes |= !is_name;
                are_names_known &= !is_name;
            } else if let Some(word) = RESTRICTIONS.iter().find(|word| is(word)) {
                let message = format!("{word} is of roles only, so the entry is not used");
                let fix = Some(format!("move the entry to {MAP_ROLES}"));
                self.close(DiagnosticCode::MisplacedKey, at, message, fix);
            } else if let Some(other) = ARN_KINDS.into_iter().find(|kind| is(&kind.arn_key())) {
                self.arn_of_other(entry, other);
            } else if self.closes && !self.report.has_room() {
                // It comes to nothing else, and is counted.
                self.report.error(DiagnosticCode::UnknownKey, at, String::new(), None);
            } else {
                self.unknown(entry);
            }
        }
        are_names_known
    }

    /// The ARN under the key that another sort of entry has. Beside an ARN of its own nobody can tell what it is to do.
    fn arn_of_other(&mut self, entry: &Entry, other: Kind) {
        let (at, message) = (entry.location(), format!("unknown key {}", Quoted(entry.key())));
        let fix = Some(match self.kind {
            Kind::Object => format!("did you mean \"{}\"?", self.kind.arn_key()),
            Kind::Role | Kind::User if other == Kind::Object => format!("did you mean \"{}\"?", self.kind.arn_key()),
            Kind::Role | Kind::User => format!("an entry with {} belongs under {}", other.arn_key(), other.key()),
        });
        if self.is_written(entry.key()) && self.says_whom() {
            self.close(DiagnosticCode::UnknownKey, at, message, fix);
        } else {
            self.report.warning(DiagnosticCode::UnknownKey, at, message, fix);
        }
    }

    /// Whether a key that is known says whom the entry is about.
    fn says_whom(&self) -> bool {
        [self.kind.arn_key(), SSO, LIKE, USER_ID].into_iter().any(|key| self.is_written(key))
    }

    /// A key that is passed over may be one that was to restrict the entry, unless another one is nearer.
    fn unknown(&mut self, entry: &Entry) {
        let (at, key) = (entry.location(), Quoted(entry.key()));
        let restrictions = || RESTRICTIONS.into_iter().chain([USER_ID]);
        match nearest(entry.key(), restrictions().chain(self.kind.keys())) {
            Some(meant) if restrictions().any(|word| word == meant) => {
                let message = format!("unknown key {key}; {meant} restricts an entry, so the entry is not used");
                let fix = Some(format!("write {meant}, or remove the key"));
                self.close(DiagnosticCode::UnknownKey, at, message, fix);
            }
            // Nobody can tell what a second ARN is to do.
            Some(meant) if meant == self.kind.arn_key() && self.says_whom() => {
                let message = format!("unknown key {key}; it may restrict the entry, so the entry is not used");
                self.close(DiagnosticCode::UnknownKey, at, message, Some(format!("did you mean \"{meant}\"?")));
            }
            Some(meant) => {
                let fix = Some(format!("did you mean \"{meant}\"?"));
                self.report.warning(DiagnosticCode::UnknownKey, at, format!("unknown key {key}"), fix);
            }
            None => {
                let message = format!("unknown key {key}; it may restrict the entry, so the entry is not used");
                self.close(DiagnosticCode::UnknownKey, at, message, Some("remove the key".to_owned()));
            }
        }
    }

    /// The value under a key of the entry, or of a mapping in it.
    pub(super) fn get<'m>(&self, map: &'m Map, key: &str) -> Option<&'m Node> {
        map.entries().iter().find(|entry| self.kind.is_key(entry.key(), key)).map(Entry::value)
    }

    /// Keys of a mapping in the entry, each of which narrows whom the entry is for: one that is not understood closes it.
    pub(super) fn keys_within(&mut self, what: &str, map: &Map, known: &[&'static str]) {
        for entry in map.entries() {
            if !known.iter().any(|key| self.kind.is_key(entry.key(), key)) {
                let message = format!("unknown key {} in {what}, so the entry is not used", Quoted(entry.key()));
                let fix = nearest(entry.key(), known.iter().copied());
                let fix = fix.map(|meant| format!("did you mean \"{meant}\"?"));
                self.close(DiagnosticCode::UnknownKey, entry.location(), message, fix);
            }
        }
    }
}

impl Kind {
    /// Whether this is that key. Keys of a custom resource have a case: its schema, and whatever policy an API server has,
    /// look at those alone that are written so.
    pub(super) fn is_key(self, written: &str, key: &str) -> bool {
        match self {
            Self::Object => written == key,
            Self::Role | Self::User => written.eq_ignore_ascii_case(key),
        }
    }

    fn keys(self) -> impl Iterator<Item = &'static str> {
        let restrictions = RESTRICTIONS.into_iter().filter(move |_| self != Self::User);
        [USERNAME, GROUPS, USER_ID, ALLOW].into_iter().chain([self.arn_key()]).chain(restrictions)
    }
}

/// Whether a key, in whatever case, says whom an entry is about.
pub(super) fn is_whom(key: &str) -> bool {
    let keys = [SSO, LIKE, USER_ID].into_iter().chain(ARN_KINDS.map(Kind::arn_key));
    keys.into_iter().any(|whom| whom.eq_ignore_ascii_case(key))
}

pub(super) const ALLOW: &str = "allowPrivilegedWildcard";
pub(super) const GROUPS: &str = "groups";
pub(super) const USERNAME: &str = "username";
pub(super) const USER_ID: &str = "userid";

pub(super) const ARN_KINDS: [Kind; 3] = [Kind::Object, Kind::Role, Kind::User];

/// Keys that narrow whom an entry about roles is for.
const RESTRICTIONS: [&str; 4] = [EC2_INSTANCE, LIKE, SESSION_NAMES, SSO];
