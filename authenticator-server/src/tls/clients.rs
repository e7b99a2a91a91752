//! Who may ask, where the operator says: whoever shows a certificate of one of these authorities.
//!
//! Their file is followed as the server's own certificate is ([`super::Keeper`]): what cannot be read leaves the old in force.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use tokio::sync::Notify;

use super::provider;
use crate::folder_watch::FolderWatch;
use crate::reload::Reload;

/// The authorities of client certificates, as their file has them now.
///
/// A client may show none: what it may ask then is for HTTP to say. One that shows a certificate of nobody known is not
/// connected.
#[derive(Debug)]
pub struct ClientAuthorities {
    file: PathBuf,
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    text: Vec<u8>,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// Why a file has no authorities.
#[derive(Debug, thiserror::Error)]
pub enum ClientAuthoritiesError {
    /// It cannot be read.
    #[error("cannot read {file} (--client-ca-file)", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not PEM.
    #[error("{file} is not readable PEM (--client-ca-file)", file = .file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: pem::Error,
    },
    /// No certificate in it can be an authority's, or one of them cannot be read.
    #[error("{file} has no certificate authority that can be used (--client-ca-file)", file = .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: VerifierBuilderError,
    },
}

impl ClientAuthorities {
    /// Reads a PEM file of at least one authority.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn read(file: PathBuf) -> Result<Self, ClientAuthoritiesError> {
        let text =
            std::fs::read(&file).map_err(|source| ClientAuthoritiesError::Read { file: file.clone(), source })?;
        let current = ArcSwap::from_pointee(Current::parse(&file, text)?);
        Ok(Self { file, current })
    }

    /// Follows the file for ever; drop it to stop. Connections that are there go on; each new one is judged anew.
    pub async fn follow(self: Arc<Self>, mut reload: Reload) -> Infallible {
        let told = Arc::new(Notify::new());
        let folder = match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut watch = None;
        let mut last_error = String::new();
        loop {
            // First the watch, then the look: what happens between the two is told.
            watch = FolderWatch::keep(watch.take(), folder.clone(), Arc::clone(&told)).await;
            let file = self.file.clone();
            if let Ok(found) = tokio::task::spawn_blocking(move || Self::read(file)).await {
                self.take(found, &mut last_error);
            }
            tokio::select! {
                () = told.notified() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(POLL) => {}
                () = reload.asked() => {}
            }
        }
    }

    /// Judges by what was found, if it is new and can be used.
    fn take(&self, found: Result<Self, ClientAuthoritiesError>, last_error: &mut String) {
        let file = self.file.display();
        match found {
            Ok(found) => {
                last_error.clear();
                let found = found.current.into_inner();
                if found.text != self.current.load().text {
                    self.current.store(found);
                    tracing::info!(%file, "the authorities of client certificates on disk are others: using them");
                }
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                if *last_error != error {
                    tracing::error!(%error, "going on with the authorities of client certificates in memory");
                    *last_error = error;
                }
            }
        }
    }

    fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.current.load().verifier)
    }
}

impl Current {
    fn parse(file: &Path, text: Vec<u8>) -> Result<Self, ClientAuthoritiesError> {
        let unusable = |source| ClientAuthoritiesError::Unusable { file: file.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate =
                certificate.map_err(|source| ClientAuthoritiesError::Pem { file: file.to_owned(), source })?;
            roots.add(certificate).map_err(|_| unusable(VerifierBuilderError::NoRootAnchors))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .allow_unauthenticated()
            .build()
            .map_err(unusable)?;
        Ok(Self { text, verifier })
    }
}

impl ClientCertVerifier for ClientAuthorities {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None are named: the list would be of the moment, and the API server has one certificate to show.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verifier().verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier().verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier().verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier().supported_verify_schemes()
    }
}

/// How long the file is left alone after the last change before it is read.
const SETTLE: Duration = Duration::from_millis(100);

/// How often is looked without being told to.
const POLL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::super::tests::{GO_CERTIFICATE, GO_KEY};
    use super::*;

    fn file_with(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clients.pem");
        std::fs::write(&file, text).unwrap();
        (dir, file)
    }

    #[test]
    fn a_file_without_an_authority_is_an_error_that_names_it() {
        for text in [&b""[..], b"no PEM", GO_KEY, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let (_dir, file) = file_with(text);
            let error = ClientAuthorities::read(file.clone()).unwrap_err().to_string();
            assert!(error.contains(file.to_str().unwrap()) && error.ends_with("(--client-ca-file)"), "{error}");
        }
        let error = ClientAuthorities::read("/absent/clients.pem".into()).unwrap_err().to_string();
        assert_eq!(error, "cannot read /absent/clients.pem (--client-ca-file)");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_old_authorities_in_force() {
        let (_dir, file) = file_with(GO_CERTIFICATE);
        let authorities = ClientAuthorities::read(file.clone()).unwrap();
        let mut last_error = String::new();
        for (text, taken) in
            [(&b"garbage"[..], false), (b"", false), (&[GO_CERTIFICATE, GO_CERTIFICATE].concat(), true)]
        {
            std::fs::write(&file, text).unwrap();
            let before = authorities.current.load_full();
            authorities.take(ClientAuthorities::read(file.clone()), &mut last_error);
            assert_eq!(!Arc::ptr_eq(&before, &authorities.current.load_full()), taken);
            assert_eq!(last_error.is_empty(), taken, "{last_error}");
        }
    }
}
