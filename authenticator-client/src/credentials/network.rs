//! HTTP clients and whom they trust, made when somebody has to be asked and not before.

use std::{
    env,
    path::{Path, PathBuf},
};

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::Env;
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};

use crate::{
    environment::{self, NotUnicode},
    profile::Profile,
};

/// There is nobody whom a server's certificate could be trusted from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A file that was named cannot be read, or holds no certificate.
    #[error("{place}: no certificate could be read from {}", path.display())]
    File {
        /// The variable or key that names the file.
        place: String,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: pem::Error,
    },
    /// There is not a single one where it was looked last.
    #[error("no trust roots: unset SSL_CERT_FILE and SSL_CERT_DIR or let them name some, or install the system's")]
    None,
    /// Of the certificates in a file that was named none can be a trust root.
    #[error("{place}: no certificate in {} can be a trust root", path.display())]
    Unusable {
        /// The variable or key that names the file.
        place: String,
        /// The file.
        path: PathBuf,
    },
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// A client for services of the machine itself, which are asked without encryption and never by way of a proxy.
pub(super) fn local_client() -> SharedHttpClient {
    Builder::new().build_http()
}

/// A client for AWS's services. It goes by way of the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
///
/// Each of these trust roots replaces the next: the flag's file, `AWS_CA_BUNDLE`, the `ca_bundle` of the profile, `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`, the system's.
///
/// # Errors
///
/// A file that was named and cannot be used is an error, never a reason to look further: the user meant it.
pub(super) fn client(profile: &Profile, env: &Env, flag: Option<&Path>) -> Result<SharedHttpClient, TrustError> {
    let context = TlsContext::builder().with_trust_store(trust_roots(profile, env, flag)?).build();
    let context = context.map_err(|_| TrustError::None)?;
    Ok(Builder::new().build_with_connector_fn(move |settings, _| {
        Connector::builder()
            .connector_settings(settings.cloned().unwrap_or_default())
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build()
    }))
}

fn trust_roots(profile: &Profile, env: &Env, flag: Option<&Path>) -> Result<TrustStore, TrustError> {
    if let Some(path) = flag {
        return from_file("--ca-bundle".to_owned(), path.to_owned());
    }
    if let Some(path) = environment::variable(env, "AWS_CA_BUNDLE")? {
        return from_file("AWS_CA_BUNDLE".to_owned(), path.into());
    }
    if let Some(path) = profile.setting("ca_bundle").filter(|path| !path.is_empty()) {
        return from_file(format!("ca_bundle of {profile}"), path.into());
    }
    let file = environment::variable(env, "SSL_CERT_FILE")?.map(PathBuf::from);
    let directories = environment::variable(env, "SSL_CERT_DIR")?;
    let certificates = if file.is_none() && directories.is_none() {
        rustls_native_certs::load_native_certs().certs
    } else {
        let mut found = file.map_or(Ok(Vec::new()), |path| read("SSL_CERT_FILE".to_owned(), &path))?;
        for directory in directories.iter().flat_map(env::split_paths) {
            found.extend(rustls_native_certs::load_certs_from_paths(None, Some(&directory)).certs);
        }
        found
    };
    store(certificates).ok_or(TrustError::None)
}

fn from_file(place: String, path: PathBuf) -> Result<TrustStore, TrustError> {
    store(read(place.clone(), &path)?).ok_or(TrustError::Unusable { place, path })
}

/// The certificates in a file, of which there must be some.
fn read(place: String, path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(TrustError::File { place, path: path.to_owned(), source: pem::Error::NoItemsFound }),
        Err(source) => Err(TrustError::File { place, path: path.to_owned(), source }),
    }
}

/// A bundle may hold oddities that cannot be a root, at which the SDK's client would panic; those that can are what is trusted.
/// `None` where there are none.
fn store(certificates: Vec<CertificateDer<'static>>) -> Option<TrustStore> {
    let mut store = TrustStore::empty();
    let mut usable = 0_usize;
    for certificate in certificates {
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            let text = STANDARD.encode(&certificate);
            store.add_pem_certificate(format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"));
            usable += 1;
        }
    }
    (usable > 0).then_some(store)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn authority() -> String {
        let mut parameters = rcgen::CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    /// What comes of files with these texts and of variables and a `ca_bundle` that name some of them.
    fn roots(files: &[(&str, &str)], variables: &[(&str, &str)], ca_bundle: Option<&str>) -> Result<(), String> {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        files.iter().for_each(|(name, text)| fs::write(path(name), text).unwrap());
        let variables: Vec<_> = variables.iter().map(|(variable, name)| (*variable, path(name))).collect();
        let variables: Vec<_> = variables.iter().map(|(variable, path)| (*variable, path.as_str())).collect();
        let config = ca_bundle.map_or_else(String::new, |name| format!("[default]\nca_bundle = {}", path(name)));
        let env = Env::from_slice(&variables);
        client(&Profile::dummy(&config, ""), &env, None).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_place_for_trust_roots_replaces_the_next_and_one_that_is_of_no_use_is_an_error() {
        let good = authority();
        let files = [("good", good.as_str()), ("bad", "no certificate")];
        let (bundle, ssl) = ("AWS_CA_BUNDLE", "SSL_CERT_FILE");
        assert_eq!(roots(&files, &[(bundle, "good"), (ssl, "bad")], Some("bad")), Ok(()));
        assert_eq!(roots(&files, &[(ssl, "bad")], Some("good")), Ok(()));
        assert_eq!(roots(&files, &[(ssl, "good")], None), Ok(()));
        for (variables, ca_bundle, place) in [
            (&[(bundle, "bad"), (ssl, "good")][..], Some("good"), "AWS_CA_BUNDLE: no certificate could be read from "),
            (&[(bundle, "absent")], None, "AWS_CA_BUNDLE: no certificate could be read from "),
            (&[(ssl, "good")], Some("bad"), "ca_bundle of profile default: no certificate could be read from "),
            (&[(ssl, "bad")], None, "SSL_CERT_FILE: no certificate could be read from "),
        ] {
            let error = roots(&files, variables, ca_bundle).unwrap_err();
            assert!(error.starts_with(place), "{error}");
        }
    }

    #[test]
    fn a_bundle_may_hold_what_cannot_be_a_root_beside_what_can() {
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let both = format!("{odd}{}", authority());
        assert_eq!(roots(&[("both", &both)], &[("AWS_CA_BUNDLE", "both")], None), Ok(()));
        let error = roots(&[("odd", odd)], &[("AWS_CA_BUNDLE", "odd")], None).unwrap_err();
        assert!(
            error.starts_with("AWS_CA_BUNDLE: no certificate in ") && error.ends_with("can be a trust root"),
            "{error}"
        );
    }
}
