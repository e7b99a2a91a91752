//! The environment variables that say how AWS is reached, and the certificate authorities that its services must be signed by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileFileLoadError, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};
use transport::{Named, Precedence, Proxies, ProxyError, Roots, RootsError};

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

    /// A variable that is set, to nothing or to something.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The region that this machine is in, as AWS programs are told it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    /// The proxy through which AWS is reached, as the Go program takes it. What is asked without encryption is this machine's own,
    /// and is reached straight.
    ///
    /// # Errors
    /// When a variable names something else than a proxy.
    pub fn proxies(&self) -> Result<Proxies, ProxyError> {
        let proxies =
            Proxies::new(|name| Ok::<_, ProxyError>(self.get(name).map(str::to_owned)), Precedence::UpperCase)?;
        Ok(proxies.for_https())
    }

    /// The path, whose leading `~` is the home directory, as aws-cli takes it for a bundle; it stays where there is none.
    fn in_home(&self, path: &str) -> PathBuf {
        let in_home = path.strip_prefix("~/").zip(self.get("HOME"));
        in_home.map_or_else(|| path.into(), |(rest, home)| Path::new(home).join(rest))
    }
}

/// Why there are no trust roots.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The files that AWS programs share are malformed, so that the profile's `ca_bundle` is unknown.
    #[error("the ca_bundle of the AWS profile cannot be looked up")]
    Profile(#[source] ProfileFileLoadError),
    /// A file that cannot be used, or no trust root at all.
    #[error(transparent)]
    Roots(#[from] RootsError),
}

/// Loads the trust roots. Each of these replaces the next: the flag's file, `AWS_CA_BUNDLE`, the `ca_bundle` of the
/// profile, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE` and `SSL_CERT_DIR`, the system's.
///
/// Also says where they come from, for the log.
///
/// # Errors
/// A file that was named and cannot be used is an error, never a reason to look further: the operator meant it.
pub async fn load_roots(flag: Option<&Path>, environment: &Environment) -> Result<(Roots, String), TrustError> {
    let variable = |name| environment.get(name).map(OsString::from);
    let named = named(flag, environment).await?;
    Ok(Roots::load(named, variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR"))?)
}

/// The file of trust roots that somebody named.
async fn named(flag: Option<&Path>, environment: &Environment) -> Result<Option<Named>, TrustError> {
    if let Some(path) = flag {
        return Ok(Some(Named::new("--sts-ca-file", path.to_owned())));
    }
    let named = |origin: &str, path: &str| Named::new(origin, environment.in_home(path));
    let variable = |name| environment.get(name).map(|path| named(name, path));
    if let Some(named) = variable("AWS_CA_BUNDLE") {
        return Ok(Some(named));
    }
    let path = profile_ca_bundle(environment).await.map_err(TrustError::Profile)?;
    Ok(path.map(|path| named("ca_bundle of the AWS profile", &path)).or_else(|| variable("REQUESTS_CA_BUNDLE")))
}

/// The `ca_bundle` of the profile that AWS programs would use here.
async fn profile_ca_bundle(environment: &Environment) -> Result<Option<String>, ProfileFileLoadError> {
    let selected = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].iter().find_map(|name| environment.get(name));
    let selected = selected.map(|name| Cow::Owned(name.to_owned()));
    let env = Env::from(environment.0.clone());
    let profiles: ProfileSet = profile::load(&Fs::real(), &env, &Default::default(), selected).await?;
    Ok(profiles.get("ca_bundle").filter(|path| !path.is_empty()).map(str::to_owned))
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

    fn load(flag: Option<&Path>, vars: &[(&str, &str)]) -> Result<(Roots, String), TrustError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(load_roots(flag, &environment(vars)))
    }

    fn origin(flag: Option<&Path>, vars: &[(&str, &str)]) -> String {
        let (roots, origin) = load(flag, vars).unwrap();
        assert_eq!(roots.count(), 1);
        origin
    }

    #[test]
    fn each_place_for_trust_roots_replaces_the_next() {
        let ca = Ca::new();
        let (path, text) = (ca.path(), ca.path_text());
        let config = ca.dir.path().join("config");
        std::fs::write(&config, "[default]\nca_bundle = ~/ca.pem\n[profile other]\nregion = x\n").unwrap();
        let (config, home) = (config.to_str().unwrap(), ("HOME", ca.dir.path().to_str().unwrap()));
        let ssl = ("SSL_CERT_FILE", text.as_str());
        let profile = ("AWS_CONFIG_FILE", config);
        let bundle = ("AWS_CA_BUNDLE", "~/ca.pem");
        let requests = ("REQUESTS_CA_BUNDLE", "~/ca.pem");
        assert_eq!(origin(Some(&path), &[bundle, profile, ssl]), "--sts-ca-file");
        assert_eq!(origin(None, &[home, bundle, profile, requests, ssl]), "AWS_CA_BUNDLE");
        assert_eq!(origin(None, &[home, profile, requests, ssl]), "ca_bundle of the AWS profile");
        let other = ("AWS_PROFILE", "other");
        assert_eq!(origin(None, &[home, profile, requests, ssl, other]), "REQUESTS_CA_BUNDLE");
        assert_eq!(origin(None, &[profile, ssl, other]), "SSL_CERT_FILE and SSL_CERT_DIR");
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
        let error = load(Some(&empty), &[("SSL_CERT_FILE", &good)]).unwrap_err();
        assert!(error.to_string().starts_with("--sts-ca-file: no certificate"), "{error}");
        for variable in ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"] {
            let error = load(None, &[(variable, "/absent"), ("SSL_CERT_FILE", &good)]).unwrap_err();
            assert_eq!(error.to_string(), format!("{variable}: cannot read /absent"));
        }
    }

    #[test]
    fn what_is_asked_without_encryption_is_asked_without_a_proxy() {
        let given =
            environment(&[("HTTP_PROXY", "http://a"), ("HTTPS_PROXY", "http://b"), ("https_proxy", "http://c")]);
        let shown = format!("{:?}", given.proxies().unwrap());
        assert!(
            shown.contains("http://b:80 (HTTPS_PROXY)") && !shown.contains("http://a") && !shown.contains("//c"),
            "{shown}"
        );
    }
}
