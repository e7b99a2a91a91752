//! Certificate and key while the server runs: followed on disk, and a leaf of ours made anew before it ends.
//!
//! ```text
//! folder watch, poll, SIGHUP ─▶ read both files ─▶ do they fit? ─▶ settings for the next connection
//!                                                      └─ no: the old stay, and it is told
//! ```
//!
//! Connections keep the settings with which they began. Nothing is made here that the API server has not been told to
//! trust: without its own authority's key this program makes no certificate, and the authority is never made anew.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use tokio::sync::Notify;

use super::state_dir::{Files, StateDir, StateDirError};
use super::{ClientAuthorities, Names, ServingCertificate};
use crate::clock::Clock;
use crate::folder_watch::FolderWatch;
use crate::metrics::CertificateCounts;
use crate::reload::Reload;

/// The TLS settings for the next connection; whoever holds this sees each change.
pub type ServerTls = Arc<ArcSwap<ServerConfig>>;

/// Keeps a certificate.
#[derive(Debug)]
pub struct Keeper {
    state_dir: StateDir,
    names: Names,
    clock: Clock,
    counts: CertificateCounts,
    certificate: ServingCertificate,
    clients: Option<Arc<ClientAuthorities>>,
    tls: ServerTls,
    /// What was last found on disk, usable or not: told and tried once.
    last: Found,
    warned: Option<Timestamp>,
}

#[derive(Debug, Eq, PartialEq)]
enum Found {
    Files(Files),
    Unreadable(String),
    /// Nothing was read since the start.
    AtStart,
}

impl Keeper {
    /// Keeps `certificate`, which `state_dir` gave at start, for `clients`, where they are known.
    #[must_use]
    pub fn new(
        state_dir: StateDir,
        names: Names,
        certificate: ServingCertificate,
        clients: Option<Arc<ClientAuthorities>>,
        clock: Clock,
        counts: CertificateCounts,
    ) -> Self {
        counts.ends(certificate.not_after());
        let tls = Arc::new(ArcSwap::from_pointee(certificate.server_config(clients.as_ref())));
        Self { state_dir, names, clock, counts, certificate, clients, tls, last: Found::AtStart, warned: None }
    }

    /// The settings for the next connection, now and later.
    #[must_use]
    pub fn tls(&self) -> ServerTls {
        Arc::clone(&self.tls)
    }

    /// Follows the files for ever; drop it to stop.
    pub async fn keep(mut self, mut reload: Reload) -> Infallible {
        let told = Arc::new(Notify::new());
        let mut watch = None;
        loop {
            // First the watch, then the look: what happens between the two is told.
            let folder: PathBuf = self.state_dir.directory().to_owned();
            watch = FolderWatch::keep(watch.take(), folder, Arc::clone(&told)).await;
            let state_dir = self.state_dir.clone();
            match tokio::task::spawn_blocking(move || state_dir.read()).await {
                Ok(found) => self.take(found),
                Err(error) => tracing::error!(%error, "reading the certificate failed"),
            }
            self.renew();
            self.warn();
            tokio::select! {
                // Whoever puts two files in place is given the time to.
                () = told.notified() => tokio::time::sleep(SETTLE).await,
                () = tokio::time::sleep(POLL) => {}
                () = reload.asked() => {}
            }
        }
    }

    /// Serves with what was found, if it is new and fits.
    fn take(&mut self, found: Result<Files, StateDirError>) {
        let (found, usable) = match found {
            Ok(files) => {
                let usable = self.state_dir.pair(&files);
                (Found::Files(files), usable)
            }
            Err(error) => (Found::Unreadable(error.to_string()), Err(error)),
        };
        if found == self.last {
            return;
        }
        let path = self.state_dir.certificate_path();
        let path = path.display();
        match usable {
            Ok(certificate) if certificate.is(&self.certificate) => {}
            Ok(certificate) => {
                tracing::info!(%path, not_after = %certificate.not_after(), "the certificate on disk is another: using it");
                self.serve(certificate, "taken");
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(%error, "the certificate on disk cannot be used: going on with the one in memory");
                self.counts.reloaded("kept");
            }
        }
        self.last = found;
    }

    /// Makes another leaf where ours ends soon, or does not name the host.
    fn renew(&mut self) {
        let now = self.clock.now();
        match self.state_dir.renew_if_needed(&self.certificate, &self.names, now) {
            Ok(None) => {}
            Ok(Some(certificate)) => {
                let path = self.state_dir.certificate_path();
                tracing::info!(path = %path.display(), not_after = %certificate.not_after(), "made another certificate");
                self.serve(certificate, "renewed");
            }
            Err(error) if self.may_warn(now) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::error!(%error, "the certificate ends soon, and another cannot be made");
            }
            Err(_) => {}
        }
    }

    /// Tells once a day that a certificate ends which is not ours to make anew.
    fn warn(&mut self) {
        let (now, not_after) = (self.clock.now(), self.certificate.not_after());
        if self.certificate.ends_soon(now) && self.may_warn(now) {
            let path = self.state_dir.certificate_path();
            let path = path.display();
            tracing::warn!(%path, %not_after, "the certificate ends soon: the API server will believe nobody then");
        }
    }

    fn may_warn(&mut self, now: Timestamp) -> bool {
        let due = self.warned.is_none_or(|at| now.duration_since(at) >= DAY);
        if due {
            self.warned = Some(now);
        }
        due
    }

    fn serve(&mut self, certificate: ServingCertificate, how: &'static str) {
        self.tls.store(Arc::new(certificate.server_config(self.clients.as_ref())));
        self.counts.ends(certificate.not_after());
        self.counts.reloaded(how);
        self.certificate = certificate;
    }
}

/// How long files are left alone after the last change before they are read.
const SETTLE: Duration = Duration::from_millis(100);

/// How often is looked without being told to.
const POLL: Duration = Duration::from_secs(30);

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::super::tests::{GO_CERTIFICATE, GO_KEY};
    use super::super::{Origin, Validity};
    use super::*;
    use crate::metrics::Metrics;

    struct Scene {
        dir: tempfile::TempDir,
        now: Arc<AtomicI64>,
        metrics: Metrics,
        keeper: Keeper,
    }

    impl Scene {
        fn new(before: impl FnOnce(&StateDir)) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let state_dir = StateDir::new(dir.path().to_owned());
            before(&state_dir);
            let now = Arc::new(AtomicI64::new(1_772_366_400));
            let clock = Clock::from_fn({
                let now = Arc::clone(&now);
                move || Timestamp::from_second(now.load(Ordering::SeqCst)).unwrap()
            });
            let (certificate, _) = state_dir.load_or_create(&Names::default(), clock.now()).unwrap();
            let metrics = Metrics::default();
            let counts = metrics.certificates.clone();
            let keeper = Keeper::new(state_dir, Names::default(), certificate, None, clock, counts);
            let mut scene = Self { dir, now, metrics, keeper };
            scene.look();
            scene
        }

        fn look(&mut self) {
            self.keeper.take(self.keeper.state_dir.read());
            self.keeper.renew();
        }

        fn write(&self, name: &str, contents: &[u8]) {
            std::fs::write(self.dir.path().join(name), contents).unwrap();
        }

        fn read(&self, name: &str) -> Vec<u8> {
            std::fs::read(self.dir.path().join(name)).unwrap()
        }

        fn reloads(&self, result: &str) -> bool {
            let line = format!("authenticator_server_certificate_reloads_total{{result=\"{result}\"}} 1");
            self.metrics
                .exposition(Vec::new())
                .text(crate::metrics::MetricsFormat::PrometheusText)
                .lines()
                .any(|candidate| candidate == line)
        }
    }

    #[test]
    fn another_pair_is_used_once_both_files_are_there() {
        let mut scene = Scene::new(|_| {});
        let (before, ends) = (scene.keeper.tls().load_full(), scene.keeper.certificate.not_after());
        scene.write("key.pem", GO_KEY);
        scene.look();
        scene.look();
        assert!(Arc::ptr_eq(&before, &scene.keeper.tls().load_full()), "half a pair changes nothing");
        assert!(scene.reloads("kept"), "and is told once");

        scene.write("cert.pem", GO_CERTIFICATE);
        scene.look();
        assert!(!Arc::ptr_eq(&before, &scene.keeper.tls().load_full()));
        assert_ne!(scene.keeper.certificate.not_after(), ends);
        assert!(scene.reloads("taken"));
    }

    #[test]
    fn files_that_are_gone_or_broken_change_nothing_and_are_not_made_anew() {
        let mut scene = Scene::new(|_| {});
        let before = scene.keeper.tls().load_full();
        scene.write("cert.pem", b"-----BEGIN");
        scene.look();
        for name in ["cert.pem", "key.pem"] {
            std::fs::remove_file(scene.dir.path().join(name)).unwrap();
            scene.look();
        }
        assert!(Arc::ptr_eq(&before, &scene.keeper.tls().load_full()));
        assert!(!scene.dir.path().join("cert.pem").exists(), "an authority is never made while the server runs");
    }

    #[test]
    fn a_leaf_of_ours_is_made_anew_a_year_before_it_ends_by_the_same_authority() {
        let mut scene = Scene::new(|_| {});
        let (first, key) = (scene.keeper.certificate.clone(), scene.read("key.pem"));
        let end = first.not_after().as_second();
        for (days_before, renewed) in [(370, false), (360, true)] {
            scene.now.store(end - days_before * 24 * 60 * 60, Ordering::SeqCst);
            scene.look();
            assert_eq!(scene.keeper.certificate.not_after() > first.not_after(), renewed, "{days_before} days");
        }
        assert_eq!(scene.keeper.certificate.anchor_pem(), first.anchor_pem());
        assert_eq!(scene.read("key.pem"), key);
        let (found, origin) = StateDir::new(scene.dir.path().to_owned())
            .load_or_create(&Names::default(), scene.keeper.clock.now())
            .unwrap();
        assert_eq!((found.not_after(), origin), (scene.keeper.certificate.not_after(), Origin::Found));
        assert!(scene.reloads("renewed"));
        scene.look();
        assert!(!scene.reloads("taken"), "what was written here is not news");
    }

    #[test]
    fn a_leaf_that_was_made_while_the_clock_was_ahead_is_made_anew_once_it_is_right() {
        let mut scene = Scene::new(|_| {});
        let (right, anchor) = (scene.now.load(Ordering::SeqCst), scene.keeper.certificate.anchor_pem());
        for years in [12, 40] {
            scene.now.store(right + years * 365 * 24 * 60 * 60, Ordering::SeqCst);
            scene.look();
            scene.now.store(right, Ordering::SeqCst);
            scene.look();
            let Validity { not_before, not_after } = scene.keeper.certificate.validity;
            assert!(not_before.as_second() <= right && right < not_after.as_second(), "{years}: {not_before}");
            assert_eq!(scene.keeper.certificate.anchor_pem(), anchor);
        }
    }

    #[test]
    fn a_clock_before_the_authority_makes_no_leaf() {
        let mut scene = Scene::new(|_| {});
        let chain = scene.read("cert.pem");
        scene.now.store(0, Ordering::SeqCst);
        scene.look();
        assert_eq!(scene.read("cert.pem"), chain);
    }

    #[test]
    fn a_certificate_of_the_go_program_is_never_made_anew() {
        let mut scene = Scene::new(|state_dir| {
            std::fs::write(state_dir.certificate_path(), GO_CERTIFICATE).unwrap();
            std::fs::write(state_dir.key_path(), GO_KEY).unwrap();
        });
        scene.now.store(scene.keeper.certificate.not_after().as_second() - 60, Ordering::SeqCst);
        scene.look();
        assert_eq!(scene.read("cert.pem"), GO_CERTIFICATE);
        assert!(!scene.reloads("renewed"));
    }
}
