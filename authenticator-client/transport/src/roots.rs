//! The certificate authorities that services of AWS must be signed by.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

use crate::pem::{self, Flaw};

/// The certificate authorities that are trusted.
#[derive(Clone, Debug)]
pub struct Roots(Arc<RootCertStore>);

/// A file of trust roots that somebody named, in place of those of the machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// The flag, variable or setting that names it.
    pub origin: String,
    /// The file.
    pub path: PathBuf,
}

/// Why there are no trust roots.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// A file that was named cannot be read.
    #[error("{}: cannot read {}", .named.origin, .named.path.display())]
    Read {
        /// The file.
        named: Named,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// A file that was named is not as it should be.
    #[error("{}: no certificate could be read from {}", .named.origin, .named.path.display())]
    Flawed {
        /// The file.
        named: Named,
        /// What is wrong with it, and where.
        #[source]
        source: Flaw,
    },
    /// Of the certificates in a file that was named none can be a trust root.
    #[error("{}: no certificate in {} can be a trust root", .0.origin, .0.path.display())]
    Unusable(Named),
    /// There is not a single one where it was looked last: the variables, or without them the system.
    #[error("no trust roots: unset SSL_CERT_FILE and SSL_CERT_DIR or let them name some, or install the system's")]
    None,
}

impl Roots {
    /// The roots of the file that was named; where none was, those of `SSL_CERT_FILE` and `SSL_CERT_DIR`; without these the system's.
    ///
    /// Also says where they come from, for the log.
    ///
    /// # Errors
    /// A file that was named and cannot be used is an error, never a reason to look further: somebody meant it.
    pub fn load(
        named: Option<Named>,
        ssl_cert_file: Option<OsString>,
        ssl_cert_dir: Option<OsString>,
    ) -> Result<(Self, String), RootsError> {
        if let Some(named) = named {
            let roots = Self::of(read(&named)?);
            let origin = named.origin.clone();
            return roots.map(|roots| (roots, origin)).ok_or(RootsError::Unusable(named));
        }
        if ssl_cert_file.is_none() && ssl_cert_dir.is_none() {
            let roots = Self::of(rustls_native_certs::load_native_certs().certs).ok_or(RootsError::None)?;
            return Ok((roots, "the system".to_owned()));
        }
        let file = ssl_cert_file.map(|path| Named { origin: "SSL_CERT_FILE".to_owned(), path: path.into() });
        let mut found = file.map_or(Ok(Vec::new()), |named| read(&named))?;
        for directory in ssl_cert_dir.iter().flat_map(|directories| env::split_paths(directories)) {
            found.extend(rustls_native_certs::load_certs_from_paths(None, Some(&directory)).certs);
        }
        Ok((Self::of(found).ok_or(RootsError::None)?, "SSL_CERT_FILE and SSL_CERT_DIR".to_owned()))
    }

    /// Those of the certificates that can be a root: a bundle may hold oddities beside them. `None` where there are none.
    #[must_use]
    pub fn of(certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        (!store.is_empty()).then(|| Self(Arc::new(store)))
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// TLS 1.2 and 1.3 with whoever is vouched for by one of them.
    ///
    /// # Panics
    /// Never: the provider is compiled with both versions.
    #[must_use]
    #[expect(clippy::expect_used, reason = "whether the provider has both versions is decided when it is compiled")]
    pub fn tls(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs has suites for TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.0))
    }

    /// None: for what is asked without encryption.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(RootCertStore::empty()))
    }
}

/// The certificates of a file, of which there must be some.
fn read(named: &Named) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let text = std::fs::read(&named.path).map_err(|source| RootsError::Read { named: named.clone(), source })?;
    match pem::certificates(&text) {
        Ok(found) => Ok(found.into_iter().map(|found| found.certificate).collect()),
        Err(source) => Err(RootsError::Flawed { named: named.clone(), source }),
    }
}

impl Named {
    /// This file, if somebody named one.
    pub fn new(origin: impl Display, path: PathBuf) -> Self {
        Self { origin: origin.to_string(), path }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn authority() -> String {
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    /// How many roots come of a file with this text, or the error and its cause.
    fn roots(text: &str) -> Result<usize, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, text).unwrap();
        let chain = |error: RootsError| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            (error.to_string() + &cause).replace(path.to_str().unwrap(), "FILE")
        };
        let found = Roots::load(Some(Named::new("AWS_CA_BUNDLE", path.clone())), None, None);
        found.map(|(roots, _)| roots.count()).map_err(chain)
    }

    #[test]
    fn a_file_gives_the_roots_that_it_holds_and_an_error_says_where_it_is_broken() {
        let (good, odd) = (authority(), "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
        assert_eq!(roots(&good), Ok(1));
        assert_eq!(roots(&format!("{odd}{good}{}", good.replace("N CERT", "N X509 CERT"))), Ok(2));
        assert_eq!(roots(odd).unwrap_err(), "AWS_CA_BUNDLE: no certificate in FILE can be a trust root");
        let broken = format!("{odd}-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n{good}");
        let error = "AWS_CA_BUNDLE: no certificate could be read from FILE: line 4: this certificate cannot be read";
        assert_eq!(roots(&broken).unwrap_err(), error);
        let error = "AWS_CA_BUNDLE: no certificate could be read from FILE: it holds no certificate in PEM";
        assert_eq!(roots("").unwrap_err(), error);
    }

    #[test]
    fn what_is_named_replaces_the_variables_and_these_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let [good, bad] = ["good.pem", "bad.pem"].map(|name| folder.path().join(name));
        std::fs::write(&good, authority()).unwrap();
        std::fs::write(&bad, "no certificate").unwrap();
        let file = |path: &Path| Some(path.as_os_str().to_owned());
        let origin = |named: Option<&Path>, file, directory: Option<&Path>| {
            let named = named.map(|path| Named::new("--ca", path.to_owned()));
            Roots::load(named, file, directory.map(|path| path.as_os_str().to_owned())).map(|(_, origin)| origin).ok()
        };
        assert_eq!(origin(Some(&good), file(&bad), None).unwrap(), "--ca");
        assert_eq!(origin(None, file(&good), None).unwrap(), "SSL_CERT_FILE and SSL_CERT_DIR");
        assert_eq!(origin(None, None, Some(folder.path())).unwrap(), "SSL_CERT_FILE and SSL_CERT_DIR");
        assert_eq!(origin(Some(&bad), file(&good), None), None);
        assert_eq!(origin(Some(Path::new("/absent")), file(&good), None), None);
        assert_eq!(origin(None, file(&bad), Some(folder.path())), None);
    }
}
