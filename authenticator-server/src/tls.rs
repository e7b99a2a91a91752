//! The certificate that the API server is shown, and the TLS settings it is shown with.
//!
//! The API server reads the trust anchor from the webhook kubeconfig once, when it starts. So whatever it may have read
//! is kept: a pair that is found is used as it is, and our own authority is never made anew while its files exist.

mod allowed_names;
mod authority;
mod clients;
mod keeper;
mod state_dir;

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

pub use allowed_names::{AllowedName, AllowedNames, NoName};
pub use authority::{IssueError, Names};
pub use clients::{ClientAuthorities, ClientAuthoritiesError};
pub use keeper::{Keeper, ServerTls};
pub use state_dir::{Origin, StateDir, StateDirError};

/// A certificate chain, leaf first, and the private key that is known to belong to its leaf.
#[derive(Clone)]
pub struct ServingCertificate {
    certified: Arc<CertifiedKey>,
    anchor: CertificateDer<'static>,
    validity: Validity,
    anchor_validity: Validity,
}

/// The first and the last moment at which a client believes a certificate.
#[derive(Clone, Copy)]
struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why two PEM texts are not a certificate and its key.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The certificate text is not PEM.
    #[error("the certificate is not readable PEM: {0}")]
    CertificatePem(pem::Error),
    /// The key text is not PEM, or holds no key in PKCS#1, PKCS#8 or SEC1 form.
    #[error("the key is not readable PEM (PKCS#1, PKCS#8 or SEC1): {0}")]
    KeyPem(pem::Error),
    /// The certificate belongs to another key.
    #[error("the certificate does not belong to the key")]
    Mismatch,
    /// There is no certificate in the text.
    #[error("there is no certificate")]
    NoCertificate,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read as X.509")]
    NotX509,
    /// The key or certificate is of a kind that TLS cannot use here.
    #[error("cannot be used for TLS: {0}")]
    Unusable(rustls::Error),
}

impl ServingCertificate {
    /// Reads a chain, leaf first, and its key. Keys may be PKCS#1 (as the Go program writes them), PKCS#8 or SEC1.
    ///
    /// # Errors
    /// When either text is not what it should be, or they do not belong together. No error holds any part of the key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain =
            CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>().map_err(PairError::CertificatePem)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(PairError::KeyPem)?;
        let (Some(leaf), Some(anchor)) = (chain.first(), chain.last()) else {
            return Err(PairError::NoCertificate);
        };
        let (validity, anchor_validity) = Validity::of(leaf).zip(Validity::of(anchor)).ok_or(PairError::NotX509)?;
        let anchor = anchor.clone();
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => PairError::Mismatch,
            other => PairError::Unusable(other),
        })?;
        Ok(Self { certified: Arc::new(certified), anchor, validity, anchor_validity })
    }

    /// What a client must trust to believe this certificate, as PEM: the chain's last certificate.
    ///
    /// That is our authority, or, for a certificate that signed itself as the Go program's does, that certificate.
    #[must_use]
    pub fn anchor_pem(&self) -> String {
        authority::certificate_pem(&self.anchor)
    }

    /// Whether a client that connects to `name` will believe this certificate.
    #[must_use]
    pub fn covers(&self, name: &ServerName<'_>) -> bool {
        self.certified
            .end_entity_cert()
            .and_then(ParsedCertificate::try_from)
            .and_then(|leaf| rustls::client::verify_server_name(&leaf, name))
            .is_ok()
    }

    /// The last moment at which a client believes it.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// Whether a client believes it for a year at most: the one certificate whose end locks a cluster out deserves to be seen
    /// coming.
    #[must_use]
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.validity.not_after.duration_since(now) < SOON
    }

    /// Whether another leaf of the same authority would be believed when this one is not: for longer than it, where it ends soon,
    /// or now, where it was made by a clock that was ahead.
    fn is_worth_renewing(&self, now: Timestamp) -> bool {
        let (leaf, anchor) = (self.validity, self.anchor_validity);
        let ends_before_anchor = self.ends_soon(now) && anchor.not_after > leaf.not_after;
        let is_of_the_future = leaf.not_before > now;
        anchor.contains(now) && (ends_before_anchor || is_of_the_future)
    }

    /// Whether it is the same chain.
    fn is(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }

    /// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, and certificates of those clients that show one, where `clients` are known.
    ///
    /// No session is resumed then: it would be believed without being judged by the authorities of its day.
    ///
    /// # Panics
    /// Never: the provider is compiled with both versions.
    #[must_use]
    #[expect(clippy::expect_used, reason = "whether the provider has both versions is decided when it is compiled")]
    pub fn server_config(&self, clients: Option<&Arc<ClientAuthorities>>) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("aws-lc-rs has suites for TLS 1.2 and 1.3");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let clients: Arc<ClientAuthorities> = Arc::clone(clients);
                builder.with_client_cert_verifier(clients)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&self.certified))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if clients.is_some() {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        config
    }
}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServingCertificate").field("not_after", &self.not_after()).finish_non_exhaustive()
    }
}

/// A year.
const SOON: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The one cryptography library of this program, named wherever it is used rather than taken from a process-wide default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Validity {
    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = certificate.validity();
        let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
        Some(Self { not_before: moment(validity.not_before)?, not_after: moment(validity.not_after)? })
    }

    fn contains(self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

#[cfg(test)]
mod tests {
    use rustls::crypto::SupportedKxGroup;
    use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore, ServerConnection};

    use super::*;

    /// Made by the Go program's rules: one RSA certificate that signed itself, is a CA, and serves; key in PKCS#1.
    pub(super) const GO_CERTIFICATE: &[u8] = include_bytes!("tls/testdata/go-made-cert.pem");
    pub(super) const GO_KEY: &[u8] = include_bytes!("tls/testdata/go-made-key.pem");
    const SEC1_CERTIFICATE: &[u8] = include_bytes!("tls/testdata/sec1-cert.pem");
    const SEC1_KEY: &[u8] = include_bytes!("tls/testdata/sec1-key.pem");

    #[test]
    fn a_pair_of_the_go_program_is_read_and_is_its_own_anchor() {
        let pair = ServingCertificate::from_pem(GO_CERTIFICATE, GO_KEY).unwrap();
        assert!(pair.covers(&ServerName::try_from("localhost").unwrap()));
        assert!(pair.covers(&ServerName::try_from("127.0.0.1").unwrap()));
        assert!(!pair.covers(&ServerName::try_from("elsewhere.example").unwrap()));
        assert_eq!(
            CertificateDer::from_pem_slice(pair.anchor_pem().as_bytes()).unwrap(),
            CertificateDer::from_pem_slice(GO_CERTIFICATE).unwrap(),
        );
        assert!(!pair.server_config(None).alpn_protocols.is_empty());
    }

    /// The group in which the webhook and a client that offers these agree; the client's first is the one it has a share of at once.
    fn agreed(groups: &[&'static dyn SupportedKxGroup]) -> (NamedGroup, HandshakeKind) {
        let folder = tempfile::tempdir().unwrap();
        let made = StateDir::new(folder.path().to_owned()).load_or_create(&Names::default(), Timestamp::now());
        let certificate = made.unwrap().0;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.anchor_pem().as_bytes()).unwrap()).unwrap();
        let offering = CryptoProvider { kx_groups: groups.to_vec(), ..aws_lc_rs::default_provider() };
        let client = ClientConfig::builder_with_provider(Arc::new(offering)).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("localhost").unwrap()).unwrap();
        let mut server = ServerConnection::new(Arc::new(certificate.server_config(None))).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        (server.negotiated_key_exchange_group().unwrap().name(), server.handshake_kind().unwrap())
    }

    #[test]
    fn a_client_that_can_agrees_on_a_key_that_no_quantum_computer_finds_and_an_older_one_connects() {
        use aws_lc_rs::kx_group::{SECP256R1, X25519, X25519MLKEM768};
        let hybrid = NamedGroup::X25519MLKEM768;
        assert_eq!(agreed(&aws_lc_rs::default_provider().kx_groups), (hybrid, HandshakeKind::Full), "as ours offer it");
        assert_eq!(agreed(&[X25519MLKEM768, X25519]), (hybrid, HandshakeKind::Full));
        assert_eq!(agreed(&[X25519]), (NamedGroup::X25519, HandshakeKind::Full));
        assert_eq!(agreed(&[SECP256R1]), (NamedGroup::secp256r1, HandshakeKind::Full));
    }

    #[test]
    fn a_sec1_key_is_read() {
        ServingCertificate::from_pem(SEC1_CERTIFICATE, SEC1_KEY).unwrap();
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let error = ServingCertificate::from_pem(GO_CERTIFICATE, SEC1_KEY).unwrap_err();
        assert!(matches!(error, PairError::Mismatch), "{error}");
    }

    #[test]
    fn texts_that_are_not_a_pair_are_refused() {
        for (label, chain, key) in [
            ("no certificate", &b""[..], GO_KEY),
            ("a key for a certificate", GO_KEY, GO_KEY),
            ("no key", GO_CERTIFICATE, &b""[..]),
            ("a certificate for a key", GO_CERTIFICATE, GO_CERTIFICATE),
            ("garbage in the certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", GO_KEY),
        ] {
            assert!(ServingCertificate::from_pem(chain, key).is_err(), "{label}");
        }
    }

    #[test]
    fn the_key_is_not_in_the_debug_text() {
        let pair = ServingCertificate::from_pem(GO_CERTIFICATE, GO_KEY).unwrap();
        assert!(format!("{pair:?}").starts_with("ServingCertificate { not_after: "));
        assert!(format!("{pair:?}").len() < 100);
    }
}
