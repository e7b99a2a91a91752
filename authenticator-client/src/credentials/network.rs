//! HTTP clients and whom they trust, made when somebody has to be asked and not before.

use std::path::Path;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::Env;
use transport::{Named, Precedence, Proxies, ProxyError, Roots, RootsError};

use crate::{
    environment::{self, NotUnicode, in_home},
    profile::Profile,
};

/// There is no way to AWS, or nobody whom a server's certificate could be trusted from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A variable that names no proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A file that cannot be used, or no trust root at all.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// A variable that cannot be read.
    #[error(transparent)]
    Variable(#[from] NotUnicode),
}

/// A client for services of the machine itself, which are asked without encryption and never by way of a proxy.
pub(super) fn local_client() -> SharedHttpClient {
    transport::sdk_client(Roots::none().tls().with_no_client_auth(), Proxies::default())
}

/// A client for AWS's services. It goes by way of the proxies of `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
///
/// Each of these trust roots replaces the next, in aws-cli's order: the flag's file, `AWS_CA_BUNDLE`, the `ca_bundle` of the profile,
/// `REQUESTS_CA_BUNDLE`; after them `SSL_CERT_FILE` and `SSL_CERT_DIR`, the system's.
///
/// # Errors
///
/// A file that was named and cannot be used is an error, never a reason to look further: the user meant it.
pub(super) fn client(profile: &Profile, env: &Env, flag: Option<&Path>) -> Result<SharedHttpClient, TrustError> {
    let proxies = Proxies::new(|name| Ok::<_, TrustError>(environment::variable(env, name)?), Precedence::LowerCase)?;
    let variable = |name| Ok::<_, TrustError>(environment::variable(env, name)?.map(Into::into));
    let named = named(profile, env, flag)?;
    let (roots, _) = Roots::load(named, variable("SSL_CERT_FILE")?, variable("SSL_CERT_DIR")?)?;
    Ok(transport::sdk_client(roots.tls().with_no_client_auth(), proxies))
}

/// The file of trust roots that somebody named.
fn named(profile: &Profile, env: &Env, flag: Option<&Path>) -> Result<Option<Named>, NotUnicode> {
    if let Some(path) = flag {
        // A shell expands no ~ after an equals sign.
        let path = match path.to_str() {
            Some(text) => in_home(text.to_owned(), env)?.into(),
            None => path.to_owned(),
        };
        return Ok(Some(Named::new("--ca-bundle", path)));
    }
    let variable = |name| {
        let path = environment::variable(env, name)?.map(|path| in_home(path, env)).transpose()?;
        Ok::<_, NotUnicode>(path.map(|path| Named::new(name, path.into())))
    };
    if let Some(named) = variable("AWS_CA_BUNDLE")? {
        return Ok(Some(named));
    }
    match profile.setting("ca_bundle").filter(|path| !path.is_empty()) {
        Some(path) => {
            Ok(Some(Named::new(format_args!("ca_bundle of {profile}"), in_home(path.to_owned(), env)?.into())))
        }
        None => variable("REQUESTS_CA_BUNDLE"),
    }
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

    /// What comes of files with these texts in the home directory, and of variables and a `ca_bundle` that name some of them.
    fn roots(variables: &[(&str, &str)], ca_bundle: Option<&str>) -> Result<(), String> {
        let folder = TempDir::new().unwrap();
        let home = folder.path().to_str().unwrap();
        fs::write(folder.path().join("good"), authority()).unwrap();
        fs::write(folder.path().join("bad"), "no certificate").unwrap();
        let mut variables = variables.to_vec();
        variables.push(("HOME", home));
        let config = ca_bundle.map_or_else(String::new, |name| format!("[default]\nca_bundle = {name}"));
        let env = Env::from_slice(&variables);
        let made = client(&Profile::dummy(&config, ""), &env, None);
        made.map(|_| ()).map_err(|error| error.to_string().replace(home, "~"))
    }

    #[test]
    fn each_place_for_trust_roots_replaces_the_next_and_one_that_is_of_no_use_is_an_error() {
        let (bundle, requests) = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE");
        assert_eq!(roots(&[(bundle, "~/good"), (requests, "~/bad")], Some("~/bad")), Ok(()));
        assert_eq!(roots(&[(requests, "~/bad")], Some("~/good")), Ok(()));
        assert_eq!(roots(&[(requests, "~/good"), ("SSL_CERT_FILE", "/absent")], None), Ok(()));
        for (variables, ca_bundle, place) in [
            (
                &[(bundle, "~/bad"), (requests, "~/good")][..],
                Some("~/good"),
                "AWS_CA_BUNDLE: no certificate could be read from ~/bad",
            ),
            (&[(bundle, "/absent")], None, "AWS_CA_BUNDLE: cannot read /absent"),
            (
                &[(requests, "~/good")],
                Some("~/bad"),
                "ca_bundle of profile default: no certificate could be read from ~/bad",
            ),
            (&[(requests, "~/bad")], Some(""), "REQUESTS_CA_BUNDLE: no certificate could be read from ~/bad"),
            (&[("SSL_CERT_FILE", "/absent")], None, "SSL_CERT_FILE: cannot read /absent"),
        ] {
            assert_eq!(roots(variables, ca_bundle).unwrap_err(), place);
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error_that_does_not_repeat_it() {
        let error = roots(&[("https_proxy", "ftp://me:hidden@proxy"), ("AWS_CA_BUNDLE", "~/good")], None).unwrap_err();
        assert!(
            error.starts_with("https_proxy: expected the URL of a proxy: ") && !error.contains("hidden"),
            "{error}"
        );
    }
}
