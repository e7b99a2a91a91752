//! Where the cache is.

use std::path::{Path, PathBuf};

use aws_types::os_shim_internal::Env;

use crate::environment;

/// The directory that the environment chooses; `None` where it names no home. A variable that is not Unicode counts as unset.
pub(super) fn of(env: &Env) -> Option<PathBuf> {
    let variable = |name| environment::variable(env, name).ok().flatten().map(PathBuf::from);
    let within = |parent: &Path| parent.join(OWN_DIRECTORY);
    if let Some(file) = variable("AWS_IAM_AUTHENTICATOR_CACHE_FILE") {
        return file.parent().map(within);
    }
    if let Some(directory) = variable("KUBECACHEDIR") {
        return Some(within(&directory));
    }
    let home = variable("HOME").or_else(|| if cfg!(windows) { variable("USERPROFILE") } else { None });
    home.map(|home| within(&home.join(".kube/cache")))
}

/// A directory of our own, so that its mode can be ours: the others are shared with programs that make them readable.
const OWN_DIRECTORY: &str = "authenticator-client";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_beside_the_go_programs_or_among_kubectls() {
        let all = [
            ("AWS_IAM_AUTHENTICATOR_CACHE_FILE", "/go/credentials.yaml"),
            ("KUBECACHEDIR", "/kube"),
            ("HOME", "/home/me"),
        ];
        let empty = [("AWS_IAM_AUTHENTICATOR_CACHE_FILE", ""), ("KUBECACHEDIR", ""), all[2]];
        for (variables, expected) in [
            (&all[..], Some("/go/authenticator-client")),
            (&all[1..], Some("/kube/authenticator-client")),
            (&all[2..], Some("/home/me/.kube/cache/authenticator-client")),
            (&empty, Some("/home/me/.kube/cache/authenticator-client")),
            (&[("AWS_IAM_AUTHENTICATOR_CACHE_FILE", "credentials.yaml")], Some("authenticator-client")),
            (&[], None),
        ] {
            assert_eq!(of(&Env::from_slice(variables)), expected.map(PathBuf::from), "{variables:?}");
        }
    }
}
