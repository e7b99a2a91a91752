//! Our own small certificate authority, and the leaf it signs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, ServerName};

/// The names by which the API server may reach the webhook.
#[derive(Clone, Debug)]
pub struct Names {
    /// What the webhook kubeconfig calls it.
    pub hostname: ServerName<'static>,
    /// Where it listens.
    pub address: ServerName<'static>,
}

/// `localhost` at 127.0.0.1: webhook and API server on one machine.
impl Default for Names {
    #[expect(clippy::expect_used, reason = "whether a constant is a DNS name does not change")]
    fn default() -> Self {
        Self {
            hostname: ServerName::try_from("localhost").expect("a DNS name"),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST).into(),
        }
    }
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The clock says a time that no certificate can hold.
    #[error("the clock is wrong: certificates cannot be made before 1970")]
    Clock,
    /// The certificate or its key could not be made or read back.
    #[error(transparent)]
    Rcgen(#[from] rcgen::Error),
}

/// A new authority and its first leaf, as PEM.
pub(super) struct Issued {
    /// Leaf, then authority.
    pub(super) chain: String,
    pub(super) leaf_key: String,
    pub(super) authority_key: String,
}

/// Makes an authority and a leaf for `names`.
pub(super) fn found(names: &Names, now: Timestamp) -> Result<Issued, IssueError> {
    let authority = CertifiedIssuer::self_signed(authority_params(now)?, KeyPair::generate()?)?;
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf_params(names, now)?.signed_by(&leaf_key, &authority)?;
    Ok(Issued {
        chain: leaf.pem() + &authority.pem(),
        leaf_key: leaf_key.serialize_pem(),
        authority_key: authority.key().serialize_pem(),
    })
}

/// Makes another leaf for the key that the last one had, so that one file changes and a crash cannot part a pair.
pub(super) fn renew(
    names: &Names,
    now: Timestamp,
    authority: &CertificateDer<'_>,
    authority_key: &str,
    leaf_key: &str,
) -> Result<String, IssueError> {
    let issuer = Issuer::from_ca_cert_der(authority, KeyPair::from_pem(authority_key)?)?;
    let mut params = leaf_params(names, now)?;
    // A client believes no leaf beyond its authority's end, and whoever reads its end must not be misled.
    if let Ok((_, authority)) = x509_parser::parse_x509_certificate(authority) {
        params.not_after = params.not_after.min(authority.validity().not_after.to_datetime());
    }
    let leaf = params.signed_by(&KeyPair::from_pem(leaf_key)?, &issuer)?;
    Ok(leaf.pem() + &certificate_pem(authority))
}

/// One certificate as a PEM block.
pub(super) fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine as _;

    let body = base64::engine::general_purpose::STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % PEM_LINE == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

fn authority_params(now: Timestamp) -> Result<CertificateParams, IssueError> {
    let mut params = validity(now, AUTHORITY_LIFETIME)?;
    params.distinguished_name.push(DnType::CommonName, "aws-iam-authenticator authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(params)
}

fn leaf_params(names: &Names, now: Timestamp) -> Result<CertificateParams, IssueError> {
    let mut params = validity(now, LEAF_LIFETIME)?;
    params.distinguished_name.push(DnType::CommonName, "aws-iam-authenticator");
    params.subject_alt_names = subject_alt_names(names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    // The default is made from the key, which the next leaf shares; an authority never gives a number twice.
    let nanoseconds = u64::try_from(now.as_nanosecond()).map_err(|_| IssueError::Clock)?;
    params.serial_number = Some(SerialNumber::from(nanoseconds));
    Ok(params)
}

fn validity(now: Timestamp, lifetime: Duration) -> Result<CertificateParams, IssueError> {
    let since_1970 = Duration::from_secs(u64::try_from(now.as_second()).map_err(|_| IssueError::Clock)?);
    let now = rcgen::date_time_ymd(1970, 1, 1) + since_1970;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = now - BACKDATED;
    params.not_after = now + lifetime;
    Ok(params)
}

/// The names asked for, and those of the loopback interface, where the API server of the same machine looks.
fn subject_alt_names(names: &Names) -> Result<Vec<SanType>, IssueError> {
    let mut sans = vec![SanType::DnsName("localhost".try_into()?), SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
    for name in [&names.hostname, &names.address] {
        let san = match name {
            ServerName::IpAddress(address) => match IpAddr::from(*address) {
                // "All interfaces" is where a socket listens, not where anybody connects.
                address if address.is_unspecified() => continue,
                address => SanType::IpAddress(address),
            },
            name => SanType::DnsName(name.to_str().as_ref().try_into()?),
        };
        if !sans.contains(&san) {
            sans.push(san);
        }
    }
    Ok(sans)
}

/// For clocks that run behind this one.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// Thirty years: the API server reads it once, and what replaces it is an operator who restarts every API server.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(30 * YEAR);

/// Ten years, as a kubeadm cluster's own authority has. Another is made in its last year, if the webhook may write it.
///
/// A shorter one would be an appointment to lock a cluster out wherever it may not. Nor would it protect much: its key and the
/// authority's lie side by side.
const LEAF_LIFETIME: Duration = Duration::from_secs(10 * YEAR);

const YEAR: u64 = 365 * 24 * 60 * 60;

/// RFC 7468, section 2: lines of exactly 64 characters but for the last.
const PEM_LINE: usize = 64;

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::UnixTime;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn names(hostname: &'static str, address: &'static str) -> Names {
        Names { hostname: hostname.try_into().unwrap(), address: address.try_into().unwrap() }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    /// Whether a client that trusts the chain's last certificate believes its first one for `name`, at `at`.
    fn believed(chain: &str, name: &str, at: Timestamp) -> bool {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
        let [leaf, authority] = &chain[..] else { panic!("a chain of two") };
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).unwrap();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.into(), super::super::provider()).build().unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().try_into().unwrap()));
        verifier.verify_server_cert(leaf, &[], &name.try_into().unwrap(), &[], at).is_ok()
    }

    #[test]
    fn the_leaf_is_believed_by_every_name_of_the_webhook_and_by_no_other() {
        let issued = found(&names("hooks.example", "10.1.2.3"), now()).unwrap();
        for name in ["hooks.example", "10.1.2.3", "localhost", "127.0.0.1"] {
            assert!(believed(&issued.chain, name, now()), "{name}");
        }
        for name in ["example", "10.1.2.4", "0.0.0.0"] {
            assert!(!believed(&issued.chain, name, now()), "{name}");
        }
    }

    #[test]
    fn listening_everywhere_names_no_address() {
        let issued = found(&names("::1", "0.0.0.0"), now()).unwrap();
        assert!(believed(&issued.chain, "::1", now()));
        assert!(!believed(&issued.chain, "0.0.0.0", now()));
    }

    #[test]
    fn the_leaf_is_believed_from_an_hour_ago_until_ten_years_from_now() {
        let issued = found(&names("localhost", "127.0.0.1"), now()).unwrap();
        for (seconds, expected) in
            [(-3601, false), (-3599, true), (3650 * 86_400 - 1, true), (3650 * 86_400 + 1, false)]
        {
            let at = now() + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(believed(&issued.chain, "localhost", at), expected, "{seconds}");
        }
    }

    #[test]
    fn a_renewed_leaf_keeps_key_and_authority_and_takes_the_new_names() {
        let issued = found(&names("localhost", "127.0.0.1"), now()).unwrap();
        let authority = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).last().unwrap().unwrap();
        let chain = renew(
            &names("moved.example", "127.0.0.1"),
            now() + jiff::SignedDuration::from_secs(1),
            &authority,
            &issued.authority_key,
            &issued.leaf_key,
        )
        .unwrap();
        assert!(believed(&chain, "moved.example", now()));
        assert!(!believed(&issued.chain, "moved.example", now()));
        super::super::ServingCertificate::from_pem(chain.as_bytes(), issued.leaf_key.as_bytes()).unwrap();
    }

    #[test]
    fn the_authority_serves_nobody_and_the_leaf_signs_nothing() {
        let issued = found(&names("localhost", "127.0.0.1"), now()).unwrap();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(issued.chain.as_bytes()).collect::<Result<_, _>>().unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
        let (_, authority) = x509_parser::parse_x509_certificate(&chain[1]).unwrap();
        assert!(!leaf.is_ca());
        assert!(authority.is_ca());
        assert!(authority.subject_alternative_name().unwrap().is_none());
        assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
    }
}
