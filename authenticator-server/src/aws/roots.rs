//! The certificate authorities that services of AWS must be signed by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_smithy_http_client::tls::TrustStore;
use aws_types::os_shim_internal::{Env, Fs};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

/// The environment variables that say how AWS is reached and whom to trust there, taken at start.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The process's own. A variable that is not UTF-8 names no file that could be shown to anybody, and is left out.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::from_vars(std::env::vars_os().filter_map(text))
    }

    /// Any; for tests.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(vars.into_iter().collect())
    }

    /// A variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The region that this machine is in, as AWS programs are told it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }
}

/// The certificate authorities that are trusted: at least one.
#[derive(Clone, Debug)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    store: Arc<RootCertStore>,
}

/// Why there are no trust roots.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// A file that was named cannot be read, or holds no certificate.
    #[error("{origin}: no certificate could be read from {}", path.display())]
    File {
        /// The flag, variable or setting that names the file.
        origin: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: pem::Error,
    },
    /// Of the certificates in a file that was named none can be a trust root.
    #[error("{origin}: no certificate in {} can be a trust root", path.display())]
    Unusable {
        /// The flag, variable or setting that names the file.
        origin: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The files that AWS programs share are malformed, so that the profile's `ca_bundle` is unknown.
    #[error("the ca_bundle of the AWS profile cannot be looked up")]
    Profile(#[source] ProfileFileLoadError),
    /// There is not a single one where it was looked last: the variables, or without them the system.
    #[error("no trust roots: unset SSL_CERT_FILE and SSL_CERT_DIR or let them name some, or install the system's")]
    None,
}

/// Loads the trust roots. Each of these replaces the next: the flag's file, `AWS_CA_BUNDLE`, the `ca_bundle` of the
/// profile, `SSL_CERT_FILE` and `SSL_CERT_DIR`, the system's.
///
/// Also says where they come from, for the log.
///
/// # Errors
/// A file that was named and cannot be used is an error, never a reason to look further: the operator meant it.
pub async fn load_roots(flag: Option<&Path>, environment: &Environment) -> Result<(Roots, &'static str), RootsError> {
    if let Some(path) = flag {
        return from_file("--sts-ca-file", path.to_owned());
    }
    if let Some(path) = environment.path("AWS_CA_BUNDLE") {
        return from_file("AWS_CA_BUNDLE", path);
    }
    if let Some(path) = profile_ca_bundle(environment).await? {
        return from_file("ca_bundle of the AWS profile", path);
    }
    from_environment_or_system(environment)
}

/// The `ca_bundle` of the profile that AWS programs would use here.
async fn profile_ca_bundle(environment: &Environment) -> Result<Option<PathBuf>, RootsError> {
    let selected = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].iter().find_map(|name| environment.get(name));
    let selected = selected.map(|name| Cow::Owned(name.to_owned()));
    let env = Env::from(environment.0.clone());
    let profiles: ProfileSet =
        profile::load(&Fs::real(), &env, &Default::default(), selected).await.map_err(RootsError::Profile)?;
    Ok(profiles.get("ca_bundle").filter(|path| !path.is_empty()).map(PathBuf::from))
}

fn from_environment_or_system(environment: &Environment) -> Result<(Roots, &'static str), RootsError> {
    let (file, directories) = (environment.path("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR"));
    if file.is_none() && directories.is_none() {
        let roots = Roots::of(rustls_native_certs::load_native_certs().certs).ok_or(RootsError::None)?;
        return Ok((roots, "the system"));
    }
    let mut found = Vec::new();
    if let Some(file) = file {
        found.extend(read_file("SSL_CERT_FILE", file)?);
    }
    for directory in directories.iter().flat_map(std::env::split_paths) {
        found.extend(rustls_native_certs::load_certs_from_paths(None, Some(&directory)).certs);
    }
    Ok((Roots::of(found).ok_or(RootsError::None)?, "SSL_CERT_FILE and SSL_CERT_DIR"))
}

fn from_file(origin: &'static str, path: PathBuf) -> Result<(Roots, &'static str), RootsError> {
    let roots = Roots::of(read_file(origin, path.clone())?);
    roots.map(|roots| (roots, origin)).ok_or(RootsError::Unusable { origin, path })
}

/// The certificates in a file, of which there must be some.
fn read_file(origin: &'static str, path: PathBuf) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(RootsError::File { origin, path, source: pem::Error::NoItemsFound }),
        Err(source) => Err(RootsError::File { origin, path, source }),
    }
}

impl Roots {
    /// A bundle may hold oddities that cannot be a root, at which the SDK's client would panic; those that can are what is
    /// trusted. `None` where there are none.
    pub(crate) fn of(mut certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut store = RootCertStore::empty();
        certificates.retain(|certificate| store.add(certificate.clone()).is_ok());
        (!certificates.is_empty()).then(|| Self { certificates, store: Arc::new(store) })
    }

    /// How many they are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "they are never none")]
    pub const fn len(&self) -> usize {
        self.certificates.len()
    }

    /// For rustls: the same for the clients of all services.
    pub(super) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// For the AWS SDK.
    pub(super) fn sdk_store(&self) -> TrustStore {
        self.certificates.iter().fold(TrustStore::empty(), |store, certificate| {
            let text = STANDARD.encode(certificate);
            store.with_pem_certificate(format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ca {
        dir: tempfile::TempDir,
    }

    impl Ca {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
            Self { dir }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("ca.pem")
        }

        fn path_text(&self) -> String {
            self.path().to_str().unwrap().to_owned()
        }
    }

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn load(flag: Option<&Path>, vars: &[(&str, &str)]) -> Result<(Roots, &'static str), RootsError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(load_roots(flag, &environment(vars)))
    }

    fn origin(flag: Option<&Path>, vars: &[(&str, &str)]) -> &'static str {
        let (roots, origin) = load(flag, vars).unwrap();
        assert_eq!(roots.len(), 1);
        origin
    }

    #[test]
    fn each_place_for_trust_roots_replaces_the_next() {
        let ca = Ca::new();
        let (path, text) = (ca.path(), ca.path_text());
        let config = ca.dir.path().join("config");
        std::fs::write(&config, format!("[default]\nca_bundle = {text}\n[profile other]\nregion = x\n")).unwrap();
        let config = config.to_str().unwrap();
        let ssl = ("SSL_CERT_FILE", text.as_str());
        let profile = ("AWS_CONFIG_FILE", config);
        let bundle = ("AWS_CA_BUNDLE", text.as_str());
        assert_eq!(origin(Some(&path), &[bundle, profile, ssl]), "--sts-ca-file");
        assert_eq!(origin(None, &[bundle, profile, ssl]), "AWS_CA_BUNDLE");
        assert_eq!(origin(None, &[profile, ssl]), "ca_bundle of the AWS profile");
        assert_eq!(origin(None, &[profile, ssl, ("AWS_PROFILE", "other")]), "SSL_CERT_FILE and SSL_CERT_DIR");
        assert_eq!(origin(None, &[("AWS_CA_BUNDLE", ""), ssl]), "SSL_CERT_FILE and SSL_CERT_DIR");
        let directories = format!("/absent:{}", ca.dir.path().display());
        assert_eq!(origin(None, &[("SSL_CERT_DIR", &directories)]), "SSL_CERT_FILE and SSL_CERT_DIR");
    }

    #[test]
    fn a_file_that_was_named_and_cannot_be_used_is_an_error() {
        let ca = Ca::new();
        let good = ca.path_text();
        let empty = ca.dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here\n").unwrap();
        for path in [empty, ca.dir.path().join("absent.pem")] {
            let error = load(Some(&path), &[("SSL_CERT_FILE", &good)]).unwrap_err();
            assert!(error.to_string().starts_with("--sts-ca-file: no certificate"), "{error}");
        }
        let error = load(None, &[("AWS_CA_BUNDLE", "/absent"), ("SSL_CERT_FILE", &good)]).unwrap_err();
        assert!(error.to_string().starts_with("AWS_CA_BUNDLE"), "{error}");
        let directory = ca.dir.path().display().to_string();
        let error = load(None, &[("SSL_CERT_FILE", "/absent"), ("SSL_CERT_DIR", &directory)]).unwrap_err();
        assert!(error.to_string().starts_with("SSL_CERT_FILE"), "{error}");
    }
}
