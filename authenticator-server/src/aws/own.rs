//! Credentials of this server itself, for what it has to ask of AWS in its own name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::os_shim_internal::{Env, Fs};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::container::Container;
use super::instance::Instance;
use super::{Environment, Network};
use crate::clock::Clock;

/// Credentials that are made when they are needed, and kept until shortly before their end.
pub struct OwnCredentials {
    make: Box<dyn Fn() -> Making + Send + Sync>,
    kept: Mutex<Option<Kept>>,
    clock: Clock,
}

struct Kept {
    credentials: Credentials,
    /// Before then no others are made while these last: the last time there were none.
    renewed_from: Option<Instant>,
}

type Making = Pin<Box<dyn Future<Output = Result<Credentials, OwnCredentialsError>> + Send>>;

/// Why there are none: what each source said. It holds no secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct OwnCredentialsError(pub(super) String);

impl OwnCredentials {
    /// Credentials that `make` makes.
    pub(super) fn new<F>(clock: Clock, make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, OwnCredentialsError>> + Send + 'static,
    {
        Self { make: Box::new(move || Box::pin(make())), kept: Mutex::new(None), clock }
    }

    /// Credentials that have not ended, made anew when they end soon. Whoever asks meanwhile waits: while there are good ones,
    /// no longer than a moment, and not each time.
    ///
    /// # Errors
    /// When there are none, or those that are kept have ended and no others can be had.
    pub async fn get(&self) -> Result<Credentials, OwnCredentialsError> {
        let mut kept = self.kept.lock().await;
        let Some(good) = kept.as_mut().filter(|kept| self.lasts(&kept.credentials, Duration::ZERO)) else {
            let made = tokio::time::timeout(MAKING, (self.make)()).await;
            let credentials =
                made.unwrap_or_else(|_| Err(OwnCredentialsError("no source of them answered in time".to_owned())))?;
            *kept = Some(Kept { credentials: credentials.clone(), renewed_from: None });
            return Ok(credentials);
        };
        let rests = good.renewed_from.is_some_and(|from| Instant::now() < from);
        if !rests && !self.lasts(&good.credentials, MARGIN) {
            match tokio::time::timeout(PATIENCE, (self.make)()).await {
                Ok(Ok(credentials)) => *good = Kept { credentials, renewed_from: None },
                Ok(Err(_)) | Err(_) => good.renewed_from = Some(Instant::now() + RENEWAL_REST),
            }
        }
        Ok(good.credentials.clone())
    }

    /// Does not give out these again: AWS does not take them.
    pub async fn forget(&self, refused: &Credentials) {
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.credentials.access_key_id() == refused.access_key_id()) {
            *kept = None;
        }
    }

    fn lasts(&self, credentials: &Credentials, margin: Duration) -> bool {
        credentials.expiry().is_none_or(|end| {
            let now = std::time::SystemTime::from(self.clock.now());
            end.duration_since(now).is_ok_and(|left| left > margin)
        })
    }
}

/// The region that this machine is in, if that is known, and the credentials that it has. The sources and their order are those of
/// aws-config's default chains: environment, profile, web identity, container, instance; the last two are asked by code of our own.
pub async fn own(network: &Network, clock: Clock) -> (Option<String>, OwnCredentials) {
    // A profile that cannot be read is an error of the source that reads it.
    let profile = aws_config::profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await.ok();
    let environment = Environment::of_process();
    let container = Container::new(&environment, network);
    let instance = Instance::new(&environment, profile.as_ref(), network, clock.clone());
    let regions = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(instance.clone());
    let client = network.sdk_client();
    let config =
        aws_config::defaults(BehaviorVersion::latest()).http_client(client.clone()).sleep_impl(TokioSleep::new());
    let config = config.region(regions).no_credentials().load().await;
    let region = config.region().map(|region| region.as_ref().to_owned()).filter(|region| is_region(region));
    let config = ProviderConfig::without_region()
        .with_http_client(client)
        .with_sleep_impl(TokioSleep::new())
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack());
    let of_profile = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .with_custom_provider("EcsContainer", container.clone())
        .with_custom_provider("Ec2InstanceMetadata", instance.clone());
    let sources = CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
        .or_else("profile", of_profile.build())
        .or_else("web identity", WebIdentityTokenCredentialsProvider::builder().configure(&config).build())
        .or_else("container", container)
        .or_else("instance", instance);
    let sources = Arc::new(sources);
    let credentials = OwnCredentials::new(clock, move || {
        let sources = Arc::clone(&sources);
        async move { sources.provide_credentials().await.map_err(|error| OwnCredentialsError(super::chain(&error))) }
    });
    (region, credentials)
}

/// It becomes part of a host's name.
fn is_region(text: &str) -> bool {
    let is_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_byte)
}

/// How long before their end credentials are made anew.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long they are waited for. Whoever calls gives up soon after, and would not know why.
pub(crate) const MAKING: Duration = Duration::from_secs(4);

/// How long others are waited for while these are good.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long after a time in which there were none they are asked for again while these are good.
const RENEWAL_REST: Duration = Duration::from_secs(10);

impl fmt::Debug for OwnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCredentials(** redacted **)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use jiff::Timestamp;

    use super::*;

    /// Credentials that last for so many seconds, the how-many-th they are by their key; none where it says so.
    fn lasting(seconds: Vec<Option<u64>>) -> (OwnCredentials, Arc<AtomicU64>) {
        let now = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&now);
        let at = |second: u64| Timestamp::from_second(i64::try_from(second).unwrap()).unwrap();
        let clock = Clock::from_fn(move || at(read.load(Ordering::Relaxed)));
        let (made, made_at) = (AtomicU64::new(0), clock.clone());
        let own = OwnCredentials::new(clock, move || {
            let number = made.fetch_add(1, Ordering::Relaxed);
            let lasts = seconds.get(usize::try_from(number).unwrap()).copied().flatten();
            let end = lasts.map(|seconds| std::time::SystemTime::from(made_at.now()) + Duration::from_secs(seconds));
            async move {
                end.map(|end| Credentials::new(number.to_string(), "secret", None, Some(end), "test"))
                    .ok_or_else(|| OwnCredentialsError("none".to_owned()))
            }
        });
        (own, now)
    }

    async fn key(own: &OwnCredentials) -> Option<String> {
        own.get().await.ok().map(|credentials| credentials.access_key_id().to_owned())
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_their_end() {
        let (own, now) = lasting(vec![Some(3600), Some(3600)]);
        for (second, number) in [(0, "0"), (3299, "0"), (3300, "1"), (6599, "1")] {
            now.store(second, Ordering::Relaxed);
            assert_eq!(key(&own).await.as_deref(), Some(number), "{second}");
        }
    }

    #[tokio::test]
    async fn those_that_are_kept_are_good_to_their_end_when_no_others_can_be_had() {
        let (own, now) = lasting(vec![Some(3600), None, None]);
        for (second, number) in [(0, Some("0")), (3599, Some("0")), (3600, None)] {
            now.store(second, Ordering::Relaxed);
            assert_eq!(key(&own).await.as_deref(), number, "{second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_keeps_nobody_from_those_that_are_good_and_is_not_asked_each_time() {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        let now = Timestamp::from_second(0).unwrap();
        let end = std::time::SystemTime::from(now) + MARGIN;
        let own = OwnCredentials::new(Clock::from_fn(move || now), move || {
            let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if !first {
                    std::future::pending::<()>().await;
                }
                Ok(Credentials::new("first", "secret", None, Some(end), "test"))
            }
        });
        for _ in 0..5 {
            let got = tokio::time::timeout(PATIENCE * 2, own.get()).await.expect("in time").unwrap();
            assert_eq!(got.access_key_id(), "first");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        tokio::time::advance(RENEWAL_REST).await;
        own.get().await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_said_to() {
        let own = OwnCredentials::new(Clock::from_fn(|| Timestamp::UNIX_EPOCH), std::future::pending);
        let error = own.get().await.unwrap_err();
        assert_eq!(error.to_string(), "no source of them answered in time");
    }

    #[tokio::test]
    async fn those_that_aws_refuses_are_not_given_out_again() {
        let (own, _) = lasting(vec![Some(3600), Some(3600)]);
        let first = own.get().await.unwrap();
        own.forget(&first).await;
        assert_eq!(key(&own).await.as_deref(), Some("1"));
        own.forget(&first).await;
        assert_eq!(key(&own).await.as_deref(), Some("1"), "these are others");
    }

    #[test]
    fn nothing_of_them_is_shown() {
        let (own, _) = lasting(Vec::new());
        assert_eq!(format!("{own:?}"), "OwnCredentials(** redacted **)");
    }
}
