//! `sessionNames`: an entry that is for some sessions of a role only.

use super::{Reader, target::Target, wrong_type};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    format::{entries::Kind, yaml::Node},
    pattern::{Case, Pattern},
};

impl<'a> Reader<'a> {
    /// `Some(None)` when the entry is for every session.
    pub(super) fn sessions(&mut self, target: Option<&Target>) -> Option<Option<Box<[Pattern]>>> {
        // Of a user it is a misplaced key, and reported as such.
        let node = self.map.get_ignore_case(SESSION_NAMES).filter(|_| self.kind != Kind::User);
        let Some(node) = node else { return Some(None) };
        let items = match node.as_seq() {
            Ok(items) => items,
            Err(error) => {
                wrong_type(self.report, SESSION_NAMES, &error);
                return None;
            }
        };
        if items.is_empty() {
            let message = format!("{SESSION_NAMES} is empty, so that the entry would be for nobody");
            let fix = Some("remove the key, or write the names".to_owned());
            self.report.error(DiagnosticCode::EmptySessionNames, node.location(), message, fix);
            return None;
        }
        // All of them are looked at before the first bad one ends it.
        let patterns: Vec<_> = items.iter().map(|item| self.session(item)).collect();
        if target.is_some_and(|target| !target.is_of_roles()) {
            let message = format!("{SESSION_NAMES} is of roles only: no user has a session");
            self.report.error(DiagnosticCode::MisplacedKey, node.location(), message, None);
            return None;
        }
        patterns.into_iter().collect::<Option<_>>().map(Some)
    }

    fn session(&mut self, node: &'a Node) -> Option<Pattern> {
        let text = self.scalar(SESSION_NAMES, node)?;
        Pattern::new(text, Case::Kept)
            .map_err(|error| {
                let message = format!("{SESSION_NAMES} {}: {error}", Quoted(text));
                self.report.error(DiagnosticCode::InvalidPattern, node.location(), message, None);
            })
            .ok()
    }
}

pub(super) const SESSION_NAMES: &str = "sessionNames";
