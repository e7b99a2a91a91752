//! What is wrong in a written mapping, where, and how to put it right.

use std::{fmt, sync::Arc};

use crate::{format::yaml::Location, source::SourceName};

/// One problem in a written mapping.
///
/// Its [`Display`](fmt::Display) is one line, safe for a log whatever the mapping's text is:
///
/// ```text
/// EKSConfigMap mapRoles[3] line 12 column 5: warning unknown_key: unknown key "group"; did you mean "groups"?
/// CRD "jane" spec: error missing_username: the entry has no username
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    code: DiagnosticCode,
    severity: Severity,
    source: SourceName,
    key: &'static str,
    object: Option<Arc<str>>,
    entry: Option<usize>,
    location: Option<Location>,
    message: String,
    fix: Option<String>,
}

/// What sort of problem it is: stable, for metrics and for tests.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum DiagnosticCode {
    /// Two keys that both say whom the entry is about.
    ConflictingKeys,
    /// Two entries are about the same principal, and the last one is used.
    DuplicateEntry,
    /// A key or file that held entries and holds none any more.
    Emptied,
    /// A group without a name.
    EmptyGroup,
    /// A `sessionNames` without a name: the entry would be for nobody.
    EmptySessionNames,
    /// A `userid` without a value: it would guard nothing.
    EmptyUserId,
    /// A `username` without a value.
    EmptyUsername,
    /// The entry lets nobody in: a restriction in it is not understood, or it never said as whom.
    EntryClosed,
    /// The entry gives what it gave before: what it says now is not understood.
    EntryKept,
    /// Not the twelve digits of an account id.
    InvalidAccount,
    /// Not an ARN of something that can call.
    InvalidArn,
    /// An `ec2Instance` that asks for what no instance has.
    InvalidInstance,
    /// Not a pattern that any name fits.
    InvalidPattern,
    /// An `sso` that names no permission set.
    InvalidSso,
    /// A user or group name that is no template.
    InvalidTemplate,
    /// Not a unique id as IAM makes them.
    InvalidUserId,
    /// A key that means nothing in an entry of this kind.
    MisplacedKey,
    /// The entry has no ARN.
    MissingArn,
    /// The entry has no `userid` where each must have one.
    MissingUserId,
    /// The entry has no `username`.
    MissingUsername,
    /// A list with entries, none of which can be used, or an object that cannot be used any more.
    NoUsableEntry,
    /// Something else where a list of entries belongs.
    NotAList,
    /// The text is not YAML (or not JSON, where that is read), or is more of it than is read.
    NotYaml,
    /// The path of a role is not looked at.
    PathIgnored,
    /// `system:masters` for every role that fits a pattern.
    PrivilegedWildcard,
    /// A name reads the session's name, and this principal has no sessions.
    SessionlessTemplate,
    /// A group that looks like two on one line, or has white space around its name.
    SuspiciousGroup,
    /// More problems than are listed.
    TooManyProblems,
    /// A key that means nothing here.
    UnknownKey,
    /// A role among the users or a user among the roles.
    WrongList,
    /// A value of another type than its key takes.
    WrongType,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Everything is used; something in it is probably not meant so.
    Warning,
    /// What the diagnostic is about is not used.
    Error,
}

/// Shows a text that somebody else wrote: in double quotes, on one line, without control or invisible characters, and
/// cut after [`Quoted::MAX_CHARS`] characters.
///
/// ```
/// use mapping::Quoted;
///
/// assert_eq!(Quoted("a\nb\u{202e}").to_string(), r#""a\nb\u{202e}""#);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl Diagnostic {
    pub(crate) fn new(
        code: DiagnosticCode,
        severity: Severity,
        source: SourceName,
        key: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity,
            source,
            key,
            object: None,
            entry: None,
            location: None,
            message: message.into(),
            fix: None,
        }
    }

    pub(crate) fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    pub(crate) fn object(mut self, name: &Arc<str>) -> Self {
        self.object = Some(Arc::clone(name));
        self
    }

    pub(crate) fn entry(mut self, index: Option<usize>) -> Self {
        self.entry = index;
        self
    }

    pub(crate) fn fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix;
        self
    }

    /// What sort of problem it is.
    #[must_use]
    pub const fn code(&self) -> DiagnosticCode {
        self.code
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Where the text came from.
    #[must_use]
    pub const fn source(&self) -> SourceName {
        self.source
    }

    /// The key the text stood under: `mapRoles`, `mapUsers`, `mapAccounts`, or `data` for the ConfigMap itself, `file` for
    /// the dynamic file itself, `spec` for a custom resource.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        self.key
    }

    /// The name of the custom resource.
    #[must_use]
    pub fn object_name(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// Which entry of the list, counted from zero.
    #[must_use]
    pub const fn entry_index(&self) -> Option<usize> {
        self.entry
    }

    /// Where in the text: for `aws-auth` in the text of the key, else in the file; nowhere in a custom resource.
    #[must_use]
    pub const fn location(&self) -> Option<Location> {
        self.location
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How to put it right, if that is known.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.fix.as_deref()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if let Some(name) = &self.object {
            write!(f, " {}", Quoted(name))?;
        }
        write!(f, " {}", self.key)?;
        if let Some(entry) = self.entry {
            write!(f, "[{entry}]")?;
        }
        if let Some(location) = self.location {
            write!(f, " {location}")?;
        }
        write!(f, ": {} {}: {}", self.severity, self.code, self.message)?;
        self.fix.as_deref().map_or(Ok(()), |fix| write!(f, "; {fix}"))
    }
}

impl DiagnosticCode {
    /// The code as it stands in logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConflictingKeys => "conflicting_keys",
            Self::DuplicateEntry => "duplicate_entry",
            Self::Emptied => "emptied",
            Self::EmptyGroup => "empty_group",
            Self::EmptySessionNames => "empty_session_names",
            Self::EmptyUserId => "empty_userid",
            Self::EmptyUsername => "empty_username",
            Self::EntryClosed => "entry_closed",
            Self::EntryKept => "entry_kept",
            Self::InvalidAccount => "invalid_account",
            Self::InvalidArn => "invalid_arn",
            Self::InvalidInstance => "invalid_ec2_instance",
            Self::InvalidPattern => "invalid_pattern",
            Self::InvalidSso => "invalid_sso",
            Self::InvalidTemplate => "invalid_template",
            Self::InvalidUserId => "invalid_userid",
            Self::MisplacedKey => "misplaced_key",
            Self::MissingArn => "missing_arn",
            Self::MissingUserId => "missing_userid",
            Self::MissingUsername => "missing_username",
            Self::NoUsableEntry => "no_usable_entry",
            Self::NotAList => "not_a_list",
            Self::NotYaml => "not_yaml",
            Self::PathIgnored => "path_ignored",
            Self::PrivilegedWildcard => "privileged_wildcard",
            Self::SessionlessTemplate => "sessionless_template",
            Self::SuspiciousGroup => "suspicious_group",
            Self::TooManyProblems => "too_many_problems",
            Self::UnknownKey => "unknown_key",
            Self::WrongList => "wrong_list",
            Self::WrongType => "wrong_type",
        }
    }
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Severity {
    /// `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Quoted<'_> {
    /// How many characters are shown. A whole ARN of a role or user without a path fits.
    pub const MAX_CHARS: usize = 120;
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(Self::MAX_CHARS) {
            if c == '\'' { f.write_str("'")? } else { write!(f, "{}", c.escape_debug())? }
        }
        f.write_str(if chars.next().is_some() { "…\"" } else { "\"" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_stays_on_one_line_and_shows_what_is_invisible() {
        for (text, shown) in [
            ("plain", r#""plain""#),
            ("it's", r#""it's""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("\r\n\t\0\u{1b}[31m", r#""\r\n\t\0\u{1b}[31m""#),
            ("\u{2028}\u{202e}\u{200b}", r#""\u{2028}\u{202e}\u{200b}""#),
        ] {
            assert_eq!(Quoted(text).to_string(), shown);
        }
    }

    #[test]
    fn quoted_text_is_cut() {
        let at_the_limit = "a".repeat(Quoted::MAX_CHARS);
        assert_eq!(Quoted(&at_the_limit).to_string(), format!("\"{at_the_limit}\""));
        assert_eq!(Quoted(&format!("{at_the_limit}b")).to_string(), format!("\"{at_the_limit}…\""));
    }

    #[test]
    fn a_diagnostic_is_one_line_with_all_it_knows() {
        let diagnostic = Diagnostic::new(
            DiagnosticCode::UnknownKey,
            Severity::Warning,
            SourceName::EksConfigMap,
            "mapRoles",
            "unknown key \"group\"",
        )
        .entry(Some(3))
        .at(Location::new(12, 5))
        .fix(Some("did you mean \"groups\"?".to_owned()));
        assert_eq!(
            diagnostic.to_string(),
            "EKSConfigMap mapRoles[3] line 12 column 5: warning unknown_key: unknown key \"group\"; did you mean \"groups\"?"
        );
    }
}
