//! Pairs of certificate and key as an operator has them made: by an authority that is none of the webhook's.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};

/// An operator's authority.
pub struct Operator(CertifiedIssuer<'static, KeyPair>);

impl Operator {
    /// A new one, whom nobody trusts yet.
    ///
    /// # Panics
    ///
    /// Never: what it is made of is fixed.
    #[must_use]
    pub fn new() -> Operator {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is a valid list of names");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key can be made");
        Operator(CertifiedIssuer::self_signed(params, key).expect("a CA can sign itself"))
    }

    /// Puts a new pair for loopback into a state folder, as somebody does who renews it: the key first, then the chain.
    ///
    /// # Panics
    ///
    /// The folder cannot be written.
    pub fn put_pair(&self, folder: &Path) {
        let key = KeyPair::generate().expect("a key can be made");
        let names = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        let leaf = names.expect("these are names").signed_by(&key, &self.0).expect("a CA can sign");
        for (file, text) in [("key.pem", key.serialize_pem()), ("cert.pem", leaf.pem() + &self.0.pem())] {
            let draft = folder.join("draft");
            fs::write(&draft, text).expect("the folder can be written");
            fs::rename(&draft, folder.join(file)).expect("likewise");
        }
    }
}

impl Default for Operator {
    fn default() -> Self {
        Self::new()
    }
}
