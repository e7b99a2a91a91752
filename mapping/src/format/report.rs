//! Collects what is wrong under one key, and no more of it than a person reads.

use std::sync::Arc;

use super::yaml::Location;
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Severity},
    source::SourceName,
};

/// The problems under one key.
pub(super) struct Report {
    source: SourceName,
    key: &'static str,
    object: Option<Arc<str>>,
    entry: Option<usize>,
    /// What follows from a problem that makes the whole key unusable.
    consequence: Option<String>,
    diagnostics: Vec<Diagnostic>,
    unlisted: usize,
}

impl Report {
    pub(super) const fn new(source: SourceName, key: &'static str) -> Self {
        Self { source, key, object: None, entry: None, consequence: None, diagnostics: Vec::new(), unlisted: 0 }
    }

    /// One beside it, of what is not to be said.
    pub(super) const fn silent(&self) -> Self {
        Self::new(self.source, self.key)
    }

    /// What follows is about this object, and places in its text mean nothing to anybody: it came from the API server.
    pub(super) fn object(self, name: &Arc<str>) -> Self {
        Self { object: Some(Arc::clone(name)), ..self }
    }

    pub(super) fn consequence(mut self, consequence: String) -> Self {
        self.consequence = Some(consequence);
        self
    }

    /// What follows is about this entry.
    pub(super) const fn entry(&mut self, index: usize) {
        self.entry = Some(index);
    }

    /// Whether one more would be listed, and not only counted: what helps with it is not worth looking for otherwise.
    pub(super) const fn has_room(&self) -> bool {
        self.diagnostics.len() < MAX_LISTED
    }

    /// The entry is used, but something in it is probably not meant so.
    pub(super) fn warning(&mut self, code: DiagnosticCode, at: Location, message: String, fix: Option<String>) {
        self.add(code, Severity::Warning, at, message, fix);
    }

    /// The entry is not used.
    pub(super) fn error(&mut self, code: DiagnosticCode, at: Location, message: String, fix: Option<String>) {
        self.add(code, Severity::Error, at, message, fix);
    }

    /// Nothing under the key is used.
    pub(super) fn fatal(&mut self, code: DiagnosticCode, at: Location, message: &str, fix: Option<String>) {
        let message = match &self.consequence {
            Some(consequence) => format!("{message}; {consequence}"),
            None => message.to_owned(),
        };
        self.entry = None;
        let diagnostic = self.diagnostic(code, Severity::Error, at, message, fix);
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        if self.unlisted > 0 {
            let message = format!("{} more problems are not listed", self.unlisted);
            let code = DiagnosticCode::TooManyProblems;
            self.diagnostics.push(Diagnostic::new(code, Severity::Warning, self.source, self.key, message));
        }
        self.diagnostics
    }

    fn add(&mut self, code: DiagnosticCode, severity: Severity, at: Location, message: String, fix: Option<String>) {
        if !self.has_room() {
            self.unlisted = self.unlisted.saturating_add(1);
            return;
        }
        let diagnostic = self.diagnostic(code, severity, at, message, fix);
        self.diagnostics.push(diagnostic);
    }

    fn diagnostic(
        &self,
        code: DiagnosticCode,
        severity: Severity,
        at: Location,
        message: String,
        fix: Option<String>,
    ) -> Diagnostic {
        let diagnostic = Diagnostic::new(code, severity, self.source, self.key, message).entry(self.entry).fix(fix);
        match &self.object {
            Some(name) => diagnostic.object(name),
            None => diagnostic.at(at),
        }
    }
}

/// A text of 1 MiB can hold a hundred thousand bad entries: nobody reads as many lines, and the log has to live.
const MAX_LISTED: usize = 100;
