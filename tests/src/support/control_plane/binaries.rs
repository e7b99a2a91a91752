//! Where the programs of the control plane are.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

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
        let folders: Vec<PathBuf> = folders().collect();
        ensure!(!folders.is_empty(), "neither {} is set\n{HOW}", SOURCES.join(" nor "));
        let program = |name: &str| program(folders.first().into_iter(), name);
        Ok(Self { etcd: program("etcd")?, kube_apiserver: program("kube-apiserver")?, kubectl: program("kubectl")? })
    }

    /// Where kube-apiserver is.
    #[must_use]
    pub fn kube_apiserver(&self) -> &Path {
        &self.kube_apiserver
    }
}

/// The kubelet without containers. It is with the others, but where they are prebuilt: then it was built by itself.
///
/// # Errors
///
/// When it is nowhere.
pub fn kubemark() -> Result<PathBuf> {
    let folders: Vec<PathBuf> = folders().collect();
    program(folders.iter(), "kubemark")
}

fn folders() -> impl Iterator<Item = PathBuf> {
    SOURCES.iter().filter_map(env::var_os).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The first of this name.
fn program<'a>(folders: impl Iterator<Item = &'a PathBuf> + Clone, name: &str) -> Result<PathBuf> {
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let found = folders.clone().map(|folder| folder.join(name)).find(is_program);
    found.with_context(|| format!("no program {name} in {:?}\n{HOW}", folders.collect::<Vec<_>>()))
}

/// The first that is set is taken.
const SOURCES: [&str; 2] = ["KUBEBUILDER_ASSETS", "CLUSTER_BIN"];

const HOW: &str = "\
the tests with a real cluster need etcd, kube-apiserver and kubectl, those with nodes kubemark too. One of these gets them:
  make test                                                        builds them from their Go modules, once
  tests/cluster/build.sh DIR; export CLUSTER_BIN=DIR               the same by hand (DIR outside the clone)
  export KUBEBUILDER_ASSETS=$(setup-envtest use -p path 1.36.x)    prebuilt ones, without kubemark";
