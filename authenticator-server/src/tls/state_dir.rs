//! The folder that holds certificate and key, shared with the Go program.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::authority::{self, IssueError, Names};
use super::{PairError, ServingCertificate};
use crate::whole_file::{self, Readers, WriteError};

/// Where certificate and key are kept: `cert.pem` and `key.pem` as the Go program has them, and `ca-key.pem`, our authority's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateDir {
    directory: PathBuf,
}

/// What the two files hold.
#[derive(Eq, PartialEq)]
pub(super) struct Files {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files(redacted)")
    }
}

/// Where a certificate came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// Both files were there and are used as they are.
    Found,
    /// Neither file was there: a new authority, a new leaf.
    Created,
    /// The leaf did not name the host, ended soon, or was not believed yet; our authority signed another.
    Renewed,
}

/// Why there is no certificate to serve with. Nothing was overwritten.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Issue(#[from] IssueError),
    /// One file of the pair is missing. Making it anew would change the other, which the API server may trust.
    #[error(
        "{present} is there but {missing} is not: put it back, or remove both to have a new pair made (then restart the API \
         server)",
        present = .present.display(), missing = .missing.display()
    )]
    Lone {
        /// The file that is there.
        present: PathBuf,
        /// The file that is not.
        missing: PathBuf,
    },
    /// The two files are not a pair, or not usable.
    #[error("{certificate} and {key} cannot be used", certificate = .certificate.display(), key = .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        source: PairError,
    },
    /// A file is there but cannot be read.
    #[error("cannot read {path}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Neither file of a pair is there that was there at start.
    #[error("neither {certificate} nor {key} is there", certificate = .certificate.display(), key = .key.display())]
    Gone {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl StateDir {
    /// The folder at `directory`, which need not exist yet.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The chain, leaf first.
    #[must_use]
    pub fn certificate_path(&self) -> PathBuf {
        self.directory.join("cert.pem")
    }

    /// The leaf's key.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.directory.join("key.pem")
    }

    /// The key of our own authority; absent beside a pair that something else made.
    #[must_use]
    pub fn authority_key_path(&self) -> PathBuf {
        self.directory.join("ca-key.pem")
    }

    /// The private keys that others than their owner may read or write, and the modes of their files.
    ///
    /// What this program makes is not among them. They are used all the same: a pair that is there is left as it is.
    #[must_use]
    pub fn exposed_keys(&self) -> Vec<(PathBuf, u32)> {
        let mode = |path: PathBuf| {
            let mode = std::fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
            (mode & READ_OR_WRITTEN_BY_OTHERS != 0).then_some((path, mode))
        };
        [self.key_path(), self.authority_key_path()].into_iter().filter_map(mode).collect()
    }

    /// The pair that is there, or a new one where there is none.
    ///
    /// A pair that our authority signed is given another leaf when it does not name the host any more or ends soon; any other pair is
    /// left alone, whatever it names, because the API server has been told to trust exactly it.
    ///
    /// # Errors
    /// When half a pair is there, the halves do not belong together, or a file cannot be read or written.
    pub fn load_or_create(&self, names: &Names, now: Timestamp) -> Result<(ServingCertificate, Origin), StateDirError> {
        let files = match self.read() {
            Err(StateDirError::Gone { .. }) => return Ok((self.create(names, now)?, Origin::Created)),
            read => read?,
        };
        let pair = self.pair(&files)?;
        Ok(match self.renew_if_needed(&pair, names, now)? {
            Some(renewed) => (renewed, Origin::Renewed),
            None => (pair, Origin::Found),
        })
    }

    /// The folder.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads both files.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub(super) fn read(&self) -> Result<Files, StateDirError> {
        let (certificate, key) = (self.certificate_path(), self.key_path());
        match (read(&certificate)?, read(&key)?.map(Zeroizing::new)) {
            (Some(chain), Some(key)) => Ok(Files { chain, key }),
            (None, None) => Err(StateDirError::Gone { certificate, key }),
            (Some(_), None) => Err(StateDirError::Lone { present: certificate, missing: key }),
            (None, Some(_)) => Err(StateDirError::Lone { present: key, missing: certificate }),
        }
    }

    /// Another leaf in place of `certificate`, if that is of our making and does not name the host, ends soon or is
    /// not believed yet.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn renew_if_needed(
        &self,
        certificate: &ServingCertificate,
        names: &Names,
        now: Timestamp,
    ) -> Result<Option<ServingCertificate>, StateDirError> {
        if certificate.covers(&names.hostname) && !certificate.is_worth_renewing(now) {
            return Ok(None);
        }
        self.renew(names, now, &self.read()?)
    }

    fn create(&self, names: &Names, now: Timestamp) -> Result<ServingCertificate, StateDirError> {
        let authority::Issued { chain, leaf_key, authority_key } = authority::found(names, now)?;
        let (leaf_key, authority_key) = (Zeroizing::new(leaf_key), Zeroizing::new(authority_key));
        // Keys first: a certificate is there only once everything that belongs to it is.
        whole_file::write(&self.authority_key_path(), authority_key.as_bytes(), Readers::Owner)?;
        whole_file::write(&self.key_path(), leaf_key.as_bytes(), Readers::Owner)?;
        whole_file::write(&self.certificate_path(), chain.as_bytes(), Readers::Everyone)?;
        self.pair(&Files { chain: chain.into_bytes(), key: Zeroizing::new(leaf_key.as_bytes().to_vec()) })
    }

    /// `None` when the pair is not of our making.
    fn renew(
        &self,
        names: &Names,
        now: Timestamp,
        Files { chain, key }: &Files,
    ) -> Result<Option<ServingCertificate>, StateDirError> {
        let Some(authority_key) = read(&self.authority_key_path())?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let Some(Ok(authority)) = CertificateDer::pem_slice_iter(chain).nth(1) else {
            return Ok(None);
        };
        let authority_pem = authority::certificate_pem(&authority);
        if ServingCertificate::from_pem(authority_pem.as_bytes(), &authority_key).is_err() {
            return Ok(None);
        }
        let (Ok(authority_key), Ok(leaf_key)) = (str::from_utf8(&authority_key), str::from_utf8(key)) else {
            return Ok(None);
        };
        let chain = authority::renew(names, now, &authority, authority_key, leaf_key)?;
        whole_file::write(&self.certificate_path(), chain.as_bytes(), Readers::Everyone)?;
        self.pair(&Files { chain: chain.into_bytes(), key: key.clone() }).map(Some)
    }

    /// What the files hold, if it is a pair.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn pair(&self, Files { chain, key }: &Files) -> Result<ServingCertificate, StateDirError> {
        ServingCertificate::from_pem(chain, key).map_err(|source| StateDirError::Pair {
            certificate: self.certificate_path(),
            key: self.key_path(),
            source,
        })
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateDirError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateDirError::Read { path: path.to_owned(), source }),
    }
}

/// Group's and everybody else's bits of a file's mode.
const READ_OR_WRITTEN_BY_OTHERS: u32 = 0o066;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{GO_CERTIFICATE, GO_KEY};
    use super::*;

    fn names(hostname: &'static str) -> Names {
        Names { hostname: hostname.try_into().unwrap(), address: "127.0.0.1".try_into().unwrap() }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn state_dir() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().to_owned());
        (dir, state)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_empty_folder_gets_a_pair_and_keeps_it() {
        let (_dir, state) = state_dir();
        let (created, origin) = state.load_or_create(&names("localhost"), now()).unwrap();
        assert_eq!(origin, Origin::Created);
        assert_eq!(mode(&state.certificate_path()), 0o644);
        assert_eq!(mode(&state.key_path()), 0o600);
        assert_eq!(mode(&state.authority_key_path()), 0o600);

        let (found, origin) = state.load_or_create(&names("localhost"), now()).unwrap();
        assert_eq!(origin, Origin::Found);
        assert_eq!(found.anchor_pem(), created.anchor_pem());
    }

    #[test]
    fn the_chain_file_is_leaf_then_authority_and_the_key_pkcs8() {
        let (_dir, state) = state_dir();
        let (pair, _) = state.load_or_create(&names("localhost"), now()).unwrap();
        let chain = fs::read_to_string(state.certificate_path()).unwrap();
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
        let anchor = CertificateDer::from_pem_slice(pair.anchor_pem().as_bytes()).unwrap();
        assert_eq!(CertificateDer::pem_slice_iter(chain.as_bytes()).last().unwrap().unwrap(), anchor);
        assert!(fs::read_to_string(state.key_path()).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_pair_of_the_go_program_is_used_unchanged_whatever_it_names() {
        let (_dir, state) = state_dir();
        fs::write(state.certificate_path(), GO_CERTIFICATE).unwrap();
        fs::write(state.key_path(), GO_KEY).unwrap();
        for hostname in ["localhost", "elsewhere.example"] {
            let (_, origin) = state.load_or_create(&names(hostname), now()).unwrap();
            assert_eq!(origin, Origin::Found, "{hostname}");
        }
        assert_eq!(fs::read(state.certificate_path()).unwrap(), GO_CERTIFICATE);
        assert_eq!(fs::read(state.key_path()).unwrap(), GO_KEY);
        assert!(!state.authority_key_path().exists());
    }

    #[test]
    fn a_new_host_name_gets_a_new_leaf_from_the_same_authority() {
        let (_dir, state) = state_dir();
        let (old, _) = state.load_or_create(&names("localhost"), now()).unwrap();
        let key = fs::read(state.key_path()).unwrap();
        let (new, origin) = state.load_or_create(&names("moved.example"), now()).unwrap();
        assert_eq!(origin, Origin::Renewed);
        assert!(new.covers(&"moved.example".try_into().unwrap()));
        assert_eq!(new.anchor_pem(), old.anchor_pem());
        assert_eq!(fs::read(state.key_path()).unwrap(), key);
    }

    #[test]
    fn an_authority_key_of_another_authority_signs_nothing() {
        let (_dir, state) = state_dir();
        let (_other_dir, other) = state_dir();
        state.load_or_create(&names("localhost"), now()).unwrap();
        other.load_or_create(&names("localhost"), now()).unwrap();
        fs::copy(other.authority_key_path(), state.authority_key_path()).unwrap();
        let (_, origin) = state.load_or_create(&names("moved.example"), now()).unwrap();
        assert_eq!(origin, Origin::Found);
    }

    #[test]
    fn half_a_pair_is_an_error_that_names_both_files_and_touches_neither() {
        for missing in ["cert.pem", "key.pem"] {
            let (dir, state) = state_dir();
            state.load_or_create(&names("localhost"), now()).unwrap();
            fs::remove_file(dir.path().join(missing)).unwrap();
            let error = state.load_or_create(&names("localhost"), now()).unwrap_err();
            assert!(matches!(&error, StateDirError::Lone { missing: path, .. } if path.ends_with(missing)), "{error}");
            assert!(error.to_string().contains("cert.pem") && error.to_string().contains("key.pem"));
            assert!(!dir.path().join(missing).exists());
        }
    }

    #[test]
    fn a_key_of_another_pair_is_an_error_and_stays() {
        let (_dir, state) = state_dir();
        state.load_or_create(&names("localhost"), now()).unwrap();
        fs::write(state.key_path(), GO_KEY).unwrap();
        let error = state.load_or_create(&names("localhost"), now()).unwrap_err();
        assert!(matches!(error, StateDirError::Pair { source: PairError::Mismatch, .. }), "{error}");
        assert_eq!(fs::read(state.key_path()).unwrap(), GO_KEY);
    }

    #[test]
    fn a_key_that_others_may_read_or_write_is_named_with_its_mode_and_one_of_our_making_is_not() {
        let (_dir, state) = state_dir();
        state.load_or_create(&names("localhost"), now()).unwrap();
        assert_eq!(state.exposed_keys(), []);
        for (mode, exposed) in
            [(0o640, true), (0o604, true), (0o620, true), (0o602, true), (0o400, false), (0o700, false)]
        {
            for path in [state.key_path(), state.authority_key_path()] {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                let expected = if exposed { vec![(path.clone(), mode)] } else { vec![] };
                assert_eq!(state.exposed_keys(), expected, "{mode:o}");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let (dir, _) = state_dir();
        let state = StateDir::new(dir.path().join("absent"));
        let error = state.load_or_create(&names("localhost"), now()).unwrap_err();
        assert!(error.to_string().contains("absent/ca-key.pem"), "{error}");
    }
}
