//! The certificate that this server shows to whoever answers for AWS, where a proxy or gateway on the way asks for one.
//!
//! AWS itself never does: it knows callers by their signatures.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// A certificate with its chain and its key, which belong together. Its `Debug` shows nothing of them.
#[derive(Clone)]
pub struct ClientCertificate(Arc<SingleCertAndKey>);

/// Why a file holds no such certificate.
#[derive(Debug, thiserror::Error)]
pub enum ClientCertificateError {
    /// It cannot be read.
    #[error("cannot read {file} (--sts-client-cert-file)", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Certificate or key is missing, or is no PEM.
    #[error("{file} holds no {what} that can be read (--sts-client-cert-file)", file = .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why there is none.
        source: pem::Error,
    },
    /// They do not belong together, or are of a kind that cannot be used.
    #[error("certificate and key in {file} cannot be used (--sts-client-cert-file)", file = .file.display())]
    Pair {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

impl ClientCertificate {
    /// Reads a PEM file that holds a certificate, those that lead to its authority, and its key.
    ///
    /// # Errors
    /// When one of them is missing, or they do not belong together.
    pub fn read(file: &Path) -> Result<Self, ClientCertificateError> {
        let missing = |what| move |source| ClientCertificateError::Pem { file: file.to_owned(), what, source };
        let text =
            std::fs::read(file).map_err(|source| ClientCertificateError::Read { file: file.to_owned(), source })?;
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(missing("certificate"))?;
        if chain.is_empty() {
            return Err(missing("certificate")(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(missing("private key"))?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|source| ClientCertificateError::Pair { file: file.to_owned(), source })?;
        Ok(Self(Arc::new(SingleCertAndKey::from(pair))))
    }

    pub(super) fn resolver(self) -> Arc<SingleCertAndKey> {
        self.0
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn read(text: &str) -> Result<ClientCertificate, ClientCertificateError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.pem");
        std::fs::write(&file, text).unwrap();
        ClientCertificate::read(&file)
    }

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(["webhook".to_owned()]).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_file_of_certificate_and_key_is_read_in_either_order() {
        let (certificate, key) = pair();
        assert!(read(&format!("{certificate}{key}")).is_ok());
        assert!(read(&format!("{key}{certificate}")).is_ok());
    }

    #[test]
    fn a_file_without_one_of_them_or_with_another_key_is_refused_by_name() {
        let ((certificate, key), (_, other)) = (pair(), pair());
        for (text, what) in [
            (certificate.clone(), "holds no private key"),
            (key, "holds no certificate"),
            (String::new(), "holds no certificate"),
            (format!("{certificate}{other}"), "cannot be used"),
        ] {
            let error = read(&text).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("client.pem"), "{error}");
        }
    }
}
