//! The four places mappings come from.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{diagnostic::Quoted, format::yaml::nearest};

/// A place mappings come from, by the name it has in `backendMode`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SourceName {
    /// The server's own config file.
    MountedFile,
    /// The `aws-auth` ConfigMap in `kube-system`.
    EksConfigMap,
    /// `IAMIdentityMapping` custom resources.
    Crd,
    /// A file of its own, reloaded when it changes.
    DynamicFile,
}

/// The text names no source.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{} is none of MountedFile, EKSConfigMap, CRD, DynamicFile{}", Quoted(.text), DidYouMean(*.nearest))]
pub struct SourceNameError {
    text: String,
    nearest: Option<&'static str>,
}

impl SourceName {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::MountedFile, Self::EksConfigMap, Self::Crd, Self::DynamicFile];

    /// The name aws-iam-authenticator gives it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MountedFile => "MountedFile",
            Self::EksConfigMap => "EKSConfigMap",
            Self::Crd => "CRD",
            Self::DynamicFile => "DynamicFile",
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Takes also `File` and `ConfigMap`, the names aws-iam-authenticator calls deprecated and still accepts.
impl FromStr for SourceName {
    type Err = SourceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "MountedFile" | "File" => Ok(Self::MountedFile),
            "EKSConfigMap" | "ConfigMap" => Ok(Self::EksConfigMap),
            "CRD" => Ok(Self::Crd),
            "DynamicFile" => Ok(Self::DynamicFile),
            _ => Err(SourceNameError {
                text: text.to_owned(),
                nearest: nearest(text, Self::ALL.into_iter().map(Self::as_str)),
            }),
        }
    }
}

struct DidYouMean(Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean {name}?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_called_as_in_the_go_program() {
        for source in SourceName::ALL {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert_eq!("File".parse(), Ok(SourceName::MountedFile));
        assert_eq!("ConfigMap".parse(), Ok(SourceName::EksConfigMap));
    }

    #[test]
    fn any_other_name_is_refused_with_the_nearest_one() {
        for (text, message) in [
            (
                "EKSConfigmap",
                "\"EKSConfigmap\" is none of MountedFile, EKSConfigMap, CRD, DynamicFile; did you mean EKSConfigMap?",
            ),
            ("", "\"\" is none of MountedFile, EKSConfigMap, CRD, DynamicFile"),
        ] {
            assert_eq!(text.parse::<SourceName>().unwrap_err().to_string(), message);
        }
    }
}
