//! Which holders of a client certificate are answered: those whose certificate has an allowed name.
//!
//! An authority of client certificates may have signed many. Of the cluster's own every kubelet and every user of a kubeconfig holds one.

use std::collections::BTreeSet;
use std::str::FromStr;

use mapping::Quoted;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

/// The names of which a client certificate must have one, exactly as they are written.
///
/// They are compared with the subject's common name and with the subject alternative names that are DNS names, URIs and email
/// addresses. There is at least one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedNames(BTreeSet<AllowedName>);

/// One of them: not empty, and without white space around it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct AllowedName(String);

/// A name that is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the name of a client certificate")]
pub struct NoName;

impl FromStr for AllowedName {
    type Err = NoName;

    fn from_str(text: &str) -> Result<Self, NoName> {
        let name = text.trim();
        if name.is_empty() { Err(NoName) } else { Ok(Self(name.to_owned())) }
    }
}

impl AllowedNames {
    /// These names.
    ///
    /// # Errors
    /// When there are none: they would keep everybody out.
    pub fn new(names: impl IntoIterator<Item = AllowedName>) -> Result<Self, NoName> {
        let names: BTreeSet<_> = names.into_iter().collect();
        if names.is_empty() { Err(NoName) } else { Ok(Self(names)) }
    }

    /// Takes a certificate that has one of the names, and gives the subject of another, for the log.
    ///
    /// # Errors
    /// A certificate that has none of them, or that cannot be read.
    pub(crate) fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), String> {
        let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else {
            return Err("unreadable".to_owned());
        };
        if names(&certificate).any(|name| self.0.iter().any(|allowed| allowed.0 == name)) {
            return Ok(());
        }
        Err(Quoted(&certificate.subject().to_string()).to_string())
    }
}

fn names<'a>(certificate: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a str> {
    // Of several common names Go's parser, and so Kubernetes, takes the last.
    let common = certificate.subject().iter_common_name().last().and_then(|name| name.as_str().ok());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative =
        alternative.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(text) | GeneralName::URI(text) | GeneralName::RFC822Name(text) => Some(*text),
            _ => None,
        });
    common.into_iter().chain(alternative)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common: &[&str], alternative: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        common.iter().for_each(|name| params.distinguished_name.push(DnType::CommonName, *name));
        params.distinguished_name.push(DnType::OrganizationName, "an\nexample");
        params.subject_alt_names = alternative;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn allowed(names: &str) -> AllowedNames {
        AllowedNames::new(names.split(',').map(|name| name.parse().unwrap())).unwrap()
    }

    #[test]
    fn a_certificate_with_one_of_the_names_is_taken_and_one_with_another_is_not() {
        let text = |text: &str| text.try_into().unwrap();
        let spiffe = "spiffe://example.org/apiserver";
        for (certificate, name) in [
            (certificate(&["kube-apiserver"], Vec::new()), "kube-apiserver"),
            (certificate(&["other"], vec![SanType::DnsName(text("api.example.org"))]), "api.example.org"),
            (certificate(&["other"], vec![SanType::URI(text(spiffe))]), spiffe),
            (certificate(&["other"], vec![SanType::Rfc822Name(text("api@example.org"))]), "api@example.org"),
        ] {
            assert_eq!(allowed(&format!("first, {name}")).check(&certificate), Ok(()), "{name}");
            for near in [
                name.to_uppercase(),
                format!("{name}.x"),
                name.split_at(1).1.to_owned(),
                "*".to_owned(),
                "an\nexample".to_owned(),
            ] {
                assert!(allowed(&near).check(&certificate).is_err(), "{near}");
            }
        }
    }

    #[test]
    fn a_certificate_that_is_not_taken_is_shown_by_its_subject_on_one_line() {
        let subject =
            allowed("kube-apiserver").check(&certificate(&["system:node:a\u{1b}[2J"], Vec::new())).unwrap_err();
        assert!(subject.contains("system:node:a\\u{1b}[2J") && subject.contains("an\\nexample"), "{subject}");
        assert!(allowed("a").check(&CertificateDer::from(vec![0x30])).is_err());
    }

    #[test]
    fn no_name_is_no_list_of_names() {
        assert_eq!(AllowedNames::new([]), Err(NoName));
        assert_eq!(" ".parse::<AllowedName>(), Err(NoName));
    }
}
