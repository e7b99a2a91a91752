//! `IAMIdentityMapping` custom resources (`iamauthenticator.k8s.aws/v1alpha1`): each is one entry.
//!
//! The spec has the keys of an entry of `mapRoles`, but `arn` where that has `rolearn`; it may be about a role or about
//! anybody else. Every spec that aws-iam-authenticator takes is one. The status is not looked at: whoever may write it
//! would otherwise name the principal.
//!
//! Keys are read in their case alone. The schema of the definition, its rules and whatever policy an API server has look at keys
//! in that case; in another one they would pass and mean the same.
//!
//! A restriction that is not understood closes the object: it lets nobody in. Any other spec that cannot be used never takes
//! away the rule that its object had before: it is reported, and the rule stays. Only deleting the object removes it. An
//! object of which nobody could ever tell whom it is about keeps nobody else's answer back.

use std::{sync::Arc, time::SystemTime};

use super::{
    Loaded, Update,
    entries::{self, SPEC},
    report::Report,
    yaml::{Document, Limits, Location},
};
use crate::{
    diagnostic::{DiagnosticCode, Quoted},
    ruleset::Rule,
    source::SourceName,
};

/// An object as the API server has it.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// `metadata.name`
    pub name: &'a str,
    /// `metadata.uid`: an object made anew under an old name has another.
    pub uid: &'a str,
    /// `metadata.creationTimestamp`
    pub created: SystemTime,
    /// `spec`, as JSON.
    pub spec: &'a str,
}

/// The rule of one object: the one it had when it was last good.
///
/// ```
/// use std::time::SystemTime;
/// use mapping::format::custom_resource::{CustomResource, Object, rules};
///
/// let spec = r#"{"arn": "arn:aws:iam::123456789012:role/Admin", "username": "admin", "groups": ["system:masters"]}"#;
/// let object = Object { name: "admin", uid: "d6bc", created: SystemTime::UNIX_EPOCH, spec };
/// let first = CustomResource::update(None, &object);
/// assert!(first.diagnostics.is_empty());
///
/// let broken = Object { spec: r#"{"arn": "Admin", "username": "admin"}"#, ..object };
/// let second = CustomResource::update(Some(&first.next), &broken);
/// assert_eq!(second.diagnostics[0].code().as_str(), "invalid_arn");
/// assert_eq!(rules([&second.next]).rules.rule_count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct CustomResource {
    name: Arc<str>,
    uid: Box<str>,
    created: SystemTime,
    /// One, or if the object is closed as many as it may be about.
    rules: Arc<[Arc<Rule>]>,
}

impl CustomResource {
    /// Reads an object. `previous` is what was read of the object of this name before; if that was another object, it
    /// counts for nothing.
    pub fn update(previous: Option<&Self>, object: &Object<'_>) -> Update<Self> {
        let name: Arc<str> = object.name.into();
        let mut report = Report::new(SourceName::Crd, SPEC).object(&name);
        let last = previous.filter(|previous| *previous.uid == *object.uid);
        let last = last.map(|previous| &*previous.rules).unwrap_or_default();
        let now = match Document::parse_json(object.spec, Limits::OBJECT) {
            Ok(spec) => entries::object(&name, spec.root(), last, &mut report),
            Err(error) => {
                report.error(DiagnosticCode::NotYaml, error.location(), error.message().to_owned(), None);
                None
            }
        };
        let rules = now.unwrap_or_else(|| {
            for rule in last {
                let written = rule.written();
                let whom = Quoted(&written);
                let message = match rule.user() {
                    Some(user) => {
                        format!("the object is not usable; what it said before stays in force: {whom} is {user}")
                    }
                    None => format!("the object is not usable; what it said before stays in force: it refuses {whom}"),
                };
                report.fatal(DiagnosticCode::NoUsableEntry, Location::START, &message, None);
            }
            last.iter().map(|rule| Arc::new(Rule::clone(rule).kept())).collect()
        });
        let next = Self { name, uid: object.uid.into(), created: object.created, rules };
        Update { next, diagnostics: report.finish() }
    }

    /// The name of the object.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Whether it has a rule that lets somebody in: whether it was good once, and is not closed.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.rules.iter().any(|rule| !rule.is_closed())
    }
}

/// The rules of these objects, in whatever order they come.
///
/// Of objects about the same principal the oldest is used, and among those made in the same second the first by name; the
/// others are reported. In the same order patterns are tried.
pub fn rules<'a>(objects: impl IntoIterator<Item = &'a CustomResource>) -> Loaded {
    let mut objects: Vec<_> = objects.into_iter().collect();
    objects.sort_unstable_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
    let (rules, diagnostics) =
        entries::compile_objects(objects.into_iter().flat_map(|object| object.rules.iter().cloned()));
    Loaded { rules: Arc::new(rules), diagnostics }
}
