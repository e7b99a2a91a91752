//! An emulator's own certificate authority: a leaf for any name that could be its service's, made when a handshake asks for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The authority. Each emulator has its own, so that trust in one is not trust in another.
pub(in crate::support) struct Authority {
    is_ours: fn(&str) -> bool,
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaf_key: KeyPair,
    leaves: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    /// The authority of a service that has the names of which `is_ours` holds.
    pub(in crate::support) fn new(service: &str, is_ours: fn(&str) -> bool) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a valid list of names");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, format!("{service} emulator CA"));
        let key = KeyPair::generate().expect("a key can be made");
        Authority {
            is_ours,
            issuer: CertifiedIssuer::self_signed(params, key).expect("a CA can sign itself"),
            leaf_key: KeyPair::generate().expect("a key can be made"),
            leaves: Mutex::default(),
        }
    }

    /// Its certificate.
    pub(in crate::support) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    pub(super) fn server_config(self) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    fn leaf(&self, name: &str) -> Arc<CertifiedKey> {
        let mut leaves = self.leaves.lock().expect("nothing panics while it makes a leaf");
        let leaf = leaves.entry(name.to_owned()).or_insert_with(|| {
            let params = CertificateParams::new(vec![name.to_owned()]).expect("a server name is a DNS name");
            let certificate = params.signed_by(&self.leaf_key, &self.issuer).expect("the CA can sign");
            let key = PrivateKeyDer::try_from(self.leaf_key.serialize_der()).expect("rcgen writes PKCS#8");
            let key = aws_lc_rs::sign::any_supported_type(&key).expect("the provider signs with its own keys");
            Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key))
        });
        Arc::clone(leaf)
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        hello.server_name().filter(|name| (self.is_ours)(name)).map(|name| self.leaf(name))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Authority")
    }
}
