//! Values that a flag and a config key share, and their one grammar.

use std::str::FromStr;

use mapping::format::yaml::nearest;
use rustls::pki_types::ServerName;

use crate::http::DenyStatus;

/// A text that is neither 200 nor 403.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected 200 or 403")]
pub(super) struct DenyStatusError;

/// The Go program's feature gates, as far as they mean anything here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct FeatureGates {
    /// `init` writes into the configured folders rather than the current one.
    pub(super) configured_init_directories: bool,
}

/// Why a text is no list of feature gates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FeatureGatesError {
    /// Not `NAME=true` or `NAME=false`.
    #[error("expected NAME=true or NAME=false, found {0:?}")]
    Form(String),
    /// Not a gate of the Go program.
    #[error("{given:?} is no feature gate{hint}", hint = .meant.map(|meant| format!(" (did you mean {meant}?)")).unwrap_or_default())]
    Unknown {
        /// What was written.
        given: String,
        /// What was probably meant.
        meant: Option<&'static str>,
    },
}

/// A text that is neither a DNS name nor an IP address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a host name or an IP address")]
pub(super) struct HostError;

/// A text that is not a truth value.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected true or false")]
pub(super) struct BoolError;

/// Reads a host name or an IP address, the latter with or without brackets.
///
/// # Errors
/// When it is neither.
pub(super) fn parse_host(text: &str) -> Result<ServerName<'static>, HostError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    ServerName::try_from(bare.to_owned()).map_err(|_| HostError)
}

/// Reads the status of a refusal: 200, or 403 as the Go program answers.
///
/// # Errors
/// When it is another.
pub(super) fn parse_deny_status(text: &str) -> Result<DenyStatus, DenyStatusError> {
    match text {
        "200" => Ok(DenyStatus::Ok),
        "403" => Ok(DenyStatus::Forbidden),
        _ => Err(DenyStatusError),
    }
}

/// Reads a truth value as Go's flag library does (`strconv.ParseBool`).
///
/// # Errors
/// When it is none.
pub(super) fn parse_bool(text: &str) -> Result<bool, BoolError> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(BoolError),
    }
}

impl FeatureGates {
    /// Sets one gate.
    ///
    /// # Errors
    /// When the Go program has no such gate.
    pub(super) fn set(&mut self, name: &str, value: bool) -> Result<(), FeatureGatesError> {
        match name {
            "ConfiguredInitDirectories" => self.configured_init_directories = value,
            // Always on here, and never checked there; the last two stand for every gate of their kind.
            "SSORoleMatch" | "IAMIdentityMappingCRD" | "AllAlpha" | "AllBeta" => {}
            _ => {
                let known = ["ConfiguredInitDirectories", "SSORoleMatch", "IAMIdentityMappingCRD"];
                let meant = nearest(name, known);
                return Err(FeatureGatesError::Unknown { given: name.to_owned(), meant });
            }
        }
        Ok(())
    }
}

impl FromStr for FeatureGates {
    type Err = FeatureGatesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut gates = Self::default();
        for gate in text.split(',').map(str::trim).filter(|gate| !gate.is_empty()) {
            let wrong = || FeatureGatesError::Form(gate.to_owned());
            let (name, value) = gate.split_once('=').ok_or_else(wrong)?;
            gates.set(name.trim(), parse_bool(value.trim()).map_err(|_| wrong())?)?;
        }
        Ok(gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_of_the_go_program_is_known_and_no_other() {
        let gates: FeatureGates = "SSORoleMatch=true,ConfiguredInitDirectories=true".parse().unwrap();
        assert!(gates.configured_init_directories);
        assert!(!"ConfiguredInitDirectories=false".parse::<FeatureGates>().unwrap().configured_init_directories);
        assert_eq!("".parse::<FeatureGates>(), Ok(FeatureGates::default()));
        let error = "SSORoleMatching=true".parse::<FeatureGates>().unwrap_err();
        assert!(error.to_string().ends_with("(did you mean SSORoleMatch?)"), "{error}");
        for text in ["SSORoleMatch", "SSORoleMatch=yes"] {
            assert!(matches!(text.parse::<FeatureGates>(), Err(FeatureGatesError::Form(_))), "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for text in ["localhost", "hooks.example", "10.1.2.3", "::1", "[::1]", "0.0.0.0"] {
            assert!(parse_host(text).is_ok(), "{text}");
        }
        for text in ["", "a b", "https://localhost", "localhost:21362", "[::1", "a/b", "a\nb"] {
            assert_eq!(parse_host(text), Err(HostError), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_200_or_403() {
        assert_eq!(parse_deny_status("200"), Ok(DenyStatus::Ok));
        assert_eq!(parse_deny_status("403"), Ok(DenyStatus::Forbidden));
        assert_eq!(parse_deny_status("401"), Err(DenyStatusError));
    }
}
