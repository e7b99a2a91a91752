//! Where the programs of the control plane are.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// etcd, kube-apiserver and kubectl, of one make: a kubectl found in `PATH` is never taken.
#[derive(Clone, Debug)]
pub struct Binaries {
    pub(super) etcd: PathBuf,
    pub(super) kube_apiserver: PathBuf,
    pub(super) kubectl: PathBuf,
}

impl Binaries {
    /// Those of `KUBEBUILDER_ASSETS`, or else of `CLUSTER_BIN`, into which `tests/cluster/build.sh` built them.
    ///
    /// # Errors
    ///
    /// When neither is set, or a program is not there: without a real cluster nothing is proven, so the tests
    /// that want one fail.
    pub fn from_environment() -> Result<Self> {
        let folder = SOURCES.iter().find_map(|name| env::var_os(name).filter(|value| !value.is_empty()));
        ensure!(folder.is_some(), "neither {} is set\n{HOW}", SOURCES.join(" nor "));
        let folder = PathBuf::from(folder.unwrap_or_default());
        let program = |name: &str| {
            let path = folder.join(name);
            let executable = path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
            ensure!(executable, "no program at {}\n{HOW}", path.display());
            Ok(path)
        };
        Ok(Self { etcd: program("etcd")?, kube_apiserver: program("kube-apiserver")?, kubectl: program("kubectl")? })
    }

    /// Where kube-apiserver is.
    #[must_use]
    pub fn kube_apiserver(&self) -> &Path {
        &self.kube_apiserver
    }
}

/// The first that is set is taken.
const SOURCES: [&str; 2] = ["KUBEBUILDER_ASSETS", "CLUSTER_BIN"];

const HOW: &str = "\
the tests with a real cluster need etcd, kube-apiserver and kubectl. One of these gets them:
  make test                                                        builds them from their Go modules, once
  tests/cluster/build.sh DIR; export CLUSTER_BIN=DIR               the same by hand (DIR outside the clone)
  export KUBEBUILDER_ASSETS=$(setup-envtest use -p path 1.36.x)    prebuilt ones";
