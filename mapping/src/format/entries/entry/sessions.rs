//! `sessionNames`, or the session in an ARN: an entry that is for some sessions of a role only.

use super::{Reader, target::Target};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{entries::Kind, yaml::Node},
    pattern::{Case, Pattern},
    principal::PrincipalKind,
};

impl<'a> Reader<'a, '_> {
    /// `Some(None)` when the entry is for every session.
    pub(super) fn sessions(&mut self, target: Option<&Target>) -> Option<Option<Box<[Pattern]>>> {
        let listed = self.listed_sessions(target)?;
        let Some(session) = target.and_then(session_of) else { return Some(listed) };
        if listed.is_some_and(|patterns| !patterns.iter().any(|pattern| pattern.matches(session))) {
            let message = format!("{SESSION_NAMES} leaves out {}, the session of the ARN", Quoted(session));
            self.close(DiagnosticCode::ConflictingKeys, self.item.location(), message, Some(REMOVE_ONE.to_owned()));
            return None;
        }
        // A name has no `*` and no `?`: as a pattern it fits itself alone.
        match Pattern::new(session, Case::Kept) {
            Ok(pattern) => Some(Some([pattern].into())),
            Err(error) => {
                let message = format!("the session {} of the ARN: {error}", Quoted(session));
                self.close(DiagnosticCode::InvalidArn, self.item.location(), message, None);
                None
            }
        }
    }

    fn listed_sessions(&mut self, target: Option<&Target>) -> Option<Option<Box<[Pattern]>>> {
        // Of a user it is a misplaced key, and reported as such.
        let node = self.get(self.map, SESSION_NAMES).filter(|_| self.kind != Kind::User);
        let Some(node) = node else { return Some(None) };
        let items = match node.as_seq() {
            Ok(items) => items,
            Err(error) => {
                self.close_for_type(SESSION_NAMES, &error);
                return None;
            }
        };
        if items.is_empty() {
            let message = format!("{SESSION_NAMES} is empty, so that the entry would be for nobody");
            let fix = Some("remove the key, or write the names".to_owned());
            self.close(DiagnosticCode::EmptySessionNames, node.location(), message, fix);
            return None;
        }
        // All of them are looked at before the first bad one ends it.
        let patterns: Vec<_> = items.iter().map(|item| self.session(item)).collect();
        if target.is_some_and(|target| !target.is_of_roles()) {
            let message = format!("{SESSION_NAMES} is of roles only: no user has a session");
            self.close(DiagnosticCode::MisplacedKey, node.location(), message, None);
            return None;
        }
        patterns.into_iter().collect::<Option<_>>().map(Some)
    }

    fn session(&mut self, node: &'a Node) -> Option<Pattern> {
        let text = self.restriction(SESSION_NAMES, node)?;
        Pattern::new(text, Case::Kept)
            .map_err(|error| {
                let message = format!("{SESSION_NAMES} {}: {error}", Quoted(text));
                self.close(DiagnosticCode::InvalidPattern, node.location(), message, None);
            })
            .ok()
    }
}

/// The session that an ARN names.
fn session_of(target: &Target) -> Option<&str> {
    let Target::Arn(principal) = target else { return None };
    match principal.kind() {
        PrincipalKind::AssumedRole { session, .. } => Some(session),
        _ => None,
    }
}

pub(super) const SESSION_NAMES: &str = "sessionNames";

const REMOVE_ONE: &str = "write the session in one of them only";
