//! User and group names with placeholders, parsed when a mapping is loaded and rendered for each caller.
//!
//! | placeholder | becomes |
//! | --- | --- |
//! | `{{AccountID}}` | the caller's account |
//! | `{{SessionName}}` | the role session's name, every `@` as `-` |
//! | `{{SessionNameRaw}}` | the role session's name |
//! | `{{AccessKeyID}}` | the id of the key that signed |
//! | `{{EC2PrivateDNSName}}`, `{{Ec2PrivateDNSName}}` | the private DNS name of the instance that the session is named after |
//! | `{{EC2PrivateDNSHost}}` | its first label, for networks with a domain of their own |
//! | `{{EC2InstanceID}}` | that instance's id |
//!
//! Names and meaning are those of aws-iam-authenticator (`renderTemplate` in its `pkg/server/server.go`), which leaves
//! an unknown placeholder in the name as it is; here it is an error at load. A placeholder that would become nothing, as
//! the session's name of a caller without a session, leaves no name at all: `system:node:` is not a node.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use compact_str::CompactString;
use thiserror::Error;

use crate::{
    diagnostic::Quoted,
    format::yaml::nearest,
    identity::Identity,
    instance::{NoInstance, PrivateDnsName},
};

/// A name with placeholders.
///
/// ```
/// use mapping::Template;
///
/// let template: Template = "{{AccountID}}:{{SessionName}}".parse()?;
/// assert_eq!(template.to_string(), "{{AccountID}}:{{SessionName}}");
/// assert!("{{SessionNme}}".parse::<Template>().is_err());
/// # Ok::<(), mapping::TemplateError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(
    /// Each placeholder is its mark, a control character, which no name has: a hundred thousand mappings have several
    /// templates each, and this one is no longer than the name.
    CompactString,
);

/// Why a template gives this caller no name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum RenderError {
    /// A placeholder would become nothing.
    #[error("a placeholder of the template is empty for this caller")]
    EmptyPlaceholder,
    /// What EC2 knows of the caller's instance is needed, and this crate cannot ask.
    #[error("the template needs the private DNS name of the caller's instance")]
    NeedsInstance,
    /// The caller's session is not named after an instance.
    #[error("the caller's session is not named after an instance")]
    NotAnInstance,
    /// EC2 knows no instance of that id.
    #[error("there is no such instance")]
    NoSuchInstance,
    /// EC2 has no private DNS name for the instance.
    #[error("the caller's instance has no private DNS name")]
    NoPrivateDnsName,
}

/// Why a text is not a template.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TemplateError {
    /// A control character, which no user or group is called by.
    #[error("it has a control character")]
    ControlCharacter,
    /// A brace that belongs to no placeholder.
    #[error("it has a brace outside of a placeholder")]
    StrayBrace,
    /// `{{` without its `}}`.
    #[error("a placeholder is not closed with }}}}")]
    Unclosed,
    /// A placeholder that means nothing.
    #[error("the placeholder {} is unknown", Quoted(.name))]
    Unknown {
        /// What stood between the braces.
        name: String,
        /// The placeholder that was probably meant.
        nearest: Option<&'static str>,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Placeholder {
    AccessKeyId,
    AccountId,
    Ec2InstanceId,
    Ec2PrivateDnsHost,
    Ec2PrivateDnsName,
    SessionName,
    SessionNameRaw,
}

impl Template {
    /// Whether it has a placeholder at all.
    #[must_use]
    pub fn has_placeholder(&self) -> bool {
        self.has(|_| true)
    }

    /// Whether it reads the role session's name, which callers without a session do not have.
    #[must_use]
    pub fn reads_session_name(&self) -> bool {
        self.has(|placeholder| match placeholder {
            Placeholder::AccessKeyId | Placeholder::AccountId => false,
            Placeholder::Ec2InstanceId
            | Placeholder::Ec2PrivateDnsHost
            | Placeholder::Ec2PrivateDnsName
            | Placeholder::SessionName
            | Placeholder::SessionNameRaw => true,
        })
    }

    /// The name for this caller.
    ///
    /// Each placeholder is replaced once: a caller whose session is called like a placeholder gets that very name.
    ///
    /// # Errors
    ///
    /// When a placeholder is empty for this caller, or needs what is not known of its instance.
    pub fn render(&self, identity: &Identity) -> Result<String, RenderError> {
        let mut name = String::new();
        for c in self.0.chars() {
            let before = name.len();
            match Placeholder::marked(c) {
                None => name.push(c),
                Some(Placeholder::AccessKeyId) => name.push_str(identity.access_key_id()),
                Some(Placeholder::AccountId) => name.push_str(identity.account().as_ref()),
                Some(Placeholder::Ec2InstanceId) => {
                    name.push_str(identity.instance_id().ok_or(RenderError::NotAnInstance)?.as_str());
                }
                Some(Placeholder::Ec2PrivateDnsHost) => name.push_str(private_dns_name(identity)?.host()),
                Some(Placeholder::Ec2PrivateDnsName) => name.push_str(private_dns_name(identity)?.as_str()),
                Some(Placeholder::SessionName) => {
                    name.extend(identity.session_name().chars().map(|c| if c == '@' { '-' } else { c }));
                }
                Some(Placeholder::SessionNameRaw) => name.push_str(identity.session_name()),
            }
            if name.len() == before {
                return Err(RenderError::EmptyPlaceholder);
            }
        }
        Ok(name)
    }

    fn has(&self, wanted: impl Fn(Placeholder) -> bool) -> bool {
        self.0.chars().filter_map(Placeholder::marked).any(wanted)
    }
}

/// Prints what parses back to the same template.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match Placeholder::marked(c) {
            None => f.write_char(c),
            Some(placeholder) => write!(f, "{{{{{}}}}}", placeholder.name()),
        })
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().any(char::is_control) {
            return Err(TemplateError::ControlCharacter);
        }
        let mut marked = CompactString::with_capacity(text.len());
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once("{{") {
            let (name, after) = tail.split_once("}}").ok_or(TemplateError::Unclosed)?;
            marked.push_str(without_braces(literal)?);
            marked.push(Placeholder::named(name)?.mark());
            rest = after;
        }
        marked.push_str(without_braces(rest)?);
        marked.shrink_to_fit();
        Ok(Self(marked))
    }
}

fn private_dns_name(identity: &Identity) -> Result<&PrivateDnsName, RenderError> {
    let instance = identity.instance().map_err(|error| match error {
        NoInstance::NotAnInstance => RenderError::NotAnInstance,
        NoInstance::NotAsked => RenderError::NeedsInstance,
        NoInstance::Absent => RenderError::NoSuchInstance,
    })?;
    instance.private_dns_name.as_ref().ok_or(RenderError::NoPrivateDnsName)
}

fn without_braces(literal: &str) -> Result<&str, TemplateError> {
    if literal.contains(['{', '}']) { Err(TemplateError::StrayBrace) } else { Ok(literal) }
}

impl Placeholder {
    const ALL: [Self; 7] = [
        Self::AccessKeyId,
        Self::AccountId,
        Self::Ec2InstanceId,
        Self::Ec2PrivateDnsHost,
        Self::Ec2PrivateDnsName,
        Self::SessionName,
        Self::SessionNameRaw,
    ];

    const fn mark(self) -> char {
        match self {
            Self::AccessKeyId => '\u{1}',
            Self::AccountId => '\u{2}',
            Self::Ec2PrivateDnsName => '\u{3}',
            Self::SessionName => '\u{4}',
            Self::SessionNameRaw => '\u{5}',
            Self::Ec2InstanceId => '\u{6}',
            Self::Ec2PrivateDnsHost => '\u{7}',
        }
    }

    fn marked(mark: char) -> Option<Self> {
        Self::ALL.into_iter().find(|placeholder| placeholder.mark() == mark)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "AccessKeyID",
            Self::AccountId => "AccountID",
            Self::Ec2InstanceId => "EC2InstanceID",
            Self::Ec2PrivateDnsHost => "EC2PrivateDNSHost",
            Self::Ec2PrivateDnsName => "EC2PrivateDNSName",
            Self::SessionName => "SessionName",
            Self::SessionNameRaw => "SessionNameRaw",
        }
    }

    fn named(text: &str) -> Result<Self, TemplateError> {
        SPELLINGS.iter().find(|(spelling, _)| *spelling == text).map(|(_, placeholder)| *placeholder).ok_or_else(|| {
            TemplateError::Unknown {
                name: text.to_owned(),
                nearest: nearest(text.trim(), SPELLINGS.iter().map(|(spelling, _)| *spelling)),
            }
        })
    }
}

const SPELLINGS: [(&str, Placeholder); 8] = [
    ("AccessKeyID", Placeholder::AccessKeyId),
    ("AccountID", Placeholder::AccountId),
    ("EC2InstanceID", Placeholder::Ec2InstanceId),
    ("EC2PrivateDNSHost", Placeholder::Ec2PrivateDnsHost),
    ("EC2PrivateDNSName", Placeholder::Ec2PrivateDnsName),
    // The spelling of AWS's own slides and older CloudFormation templates.
    ("Ec2PrivateDNSName", Placeholder::Ec2PrivateDnsName),
    ("SessionName", Placeholder::SessionName),
    ("SessionNameRaw", Placeholder::SessionNameRaw),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn jane() -> Identity {
        let arn = "arn:aws:sts::012345678901:assumed-role/Admin/jane@example.com".parse().unwrap();
        Identity::new(arn, "AROAEXAMPLE:jane@example.com", "ASIAIOSFODNN7EXAMPLE".to_owned()).unwrap()
    }

    #[test]
    fn each_placeholder_becomes_its_fact() {
        for (text, rendered) in [
            ("", ""),
            ("plain", "plain"),
            ("{{AccountID}}", "012345678901"),
            ("a:{{SessionName}}:b", "a:jane-example.com:b"),
            ("{{SessionNameRaw}}{{SessionNameRaw}}", "jane@example.comjane@example.com"),
            ("{{AccessKeyID}}", "ASIAIOSFODNN7EXAMPLE"),
            ("@{{SessionName}}", "@jane-example.com"),
        ] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.render(&jane()).unwrap(), rendered);
        }
    }

    #[test]
    fn a_placeholder_that_would_become_nothing_leaves_no_name() {
        let arn = "arn:aws:iam::012345678901:user/jane".parse().unwrap();
        let user = Identity::new(arn, "AIDAEXAMPLE", "AKIAIOSFODNN7EXAMPLE".to_owned()).unwrap();
        for text in
            ["{{SessionName}}", "system:node:{{SessionName}}", "{{SessionNameRaw}}-x", "{{AccountID}}{{SessionName}}"]
        {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.render(&user), Err(RenderError::EmptyPlaceholder), "{text}");
            assert!(template.render(&jane()).is_ok(), "{text}");
        }
        assert_eq!("u:{{AccountID}}".parse::<Template>().unwrap().render(&user).unwrap(), "u:012345678901");
    }

    #[test]
    fn a_name_of_the_node_is_known_at_load_and_rendered_when_ec2_was_asked() {
        let arn = "arn:aws:sts::012345678901:assumed-role/Node/i-01234567".parse().unwrap();
        let node = Identity::new(arn, "AROAEXAMPLE:i-01234567", "ASIAIOSFODNN7EXAMPLE".to_owned()).unwrap();
        for text in ["system:node:{{EC2PrivateDNSName}}", "system:node:{{Ec2PrivateDNSName}}"] {
            let template: Template = text.parse().unwrap();
            assert_eq!(template.render(&jane()), Err(RenderError::NotAnInstance));
            assert_eq!(template.render(&node), Err(RenderError::NeedsInstance));
            assert_eq!(template.to_string(), "system:node:{{EC2PrivateDNSName}}");
        }
    }

    #[test]
    fn a_near_miss_is_an_error_and_not_a_literal() {
        let unknown = |name: &str, nearest| TemplateError::Unknown { name: name.to_owned(), nearest };
        for (text, error) in [
            ("{{SessionName", TemplateError::Unclosed),
            ("{{SessionName}", TemplateError::Unclosed),
            ("{{", TemplateError::Unclosed),
            ("{SessionName}", TemplateError::StrayBrace),
            ("SessionName}}", TemplateError::StrayBrace),
            ("{ {{SessionName}}", TemplateError::StrayBrace),
            ("{{SessionName}}}", TemplateError::StrayBrace),
            ("{{{SessionName}}}", unknown("{SessionName", Some("SessionName"))),
            ("{{sessionname}}", unknown("sessionname", Some("SessionName"))),
            ("{{ SessionName }}", unknown(" SessionName ", Some("SessionName"))),
            ("{{EC2PrivateDnsName}}", unknown("EC2PrivateDnsName", Some("EC2PrivateDNSName"))),
            ("{{}}", unknown("", None)),
            ("{{UserID}}", unknown("UserID", None)),
            ("a\tb", TemplateError::ControlCharacter),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error), "{text}");
        }
    }
}
