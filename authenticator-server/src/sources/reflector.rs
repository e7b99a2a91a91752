//! Objects of the API server: listed, watched, and listed again after every gap.
//!
//! A watch ends by itself every [`WATCH_SECONDS`], so that a connection that has silently died is noticed, and the next goes
//! on where it ended. Whatever else ends one (an error, 410, a broken or a silent connection) is a gap, and after a gap
//! everything is listed anew: a deletion that nobody told is noticed then.

use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use mapping::{Diagnostic, SourceName};
use serde::de::DeserializeOwned;
use tokio::time::error::Elapsed;

use super::api_server::reason;
use super::clients::{ANSWER_TIMEOUT, ClientError, Clients};
use super::events::{Events, Trouble};
use super::{Reading, Sources};

/// The objects of one source, and what they come to. The default is that of objects nobody has seen yet.
pub(super) trait Objects: Default + Send {
    /// Their kind.
    type Kind: Clone + Debug + DeserializeOwned + Resource + Send;
    /// Their source.
    const SOURCE: SourceName;
    /// What they are called in the log.
    const NAME: &'static str;
    /// The field selector, if not all are meant. RBAC knows an object's name from it.
    const FIELDS: Option<&'static str>;
    /// Group, version and plural of a kind that an API server may lack.
    const OPTIONAL: Option<(&'static str, &'static str, &'static str)>;
    /// After how many watches everything is listed anew without a gap.
    const WATCHES: u32;

    /// Where they are.
    fn api(client: kube::Client) -> Api<Self::Kind>;
    /// From now on each that there is is put once.
    fn begin_list(&mut self);
    /// This one is as it is now.
    fn put(&mut self, object: Self::Kind);
    /// Those that were put since the list began are all there are.
    fn end_list(&mut self);
    /// This one is gone.
    fn remove(&mut self, object: &Self::Kind);
    /// What they come to; `None` if nothing has changed since the last time.
    fn reading(&mut self) -> Option<Reading>;
    /// The object that a problem is about.
    fn about(&self, diagnostic: &Diagnostic) -> Option<ObjectReference>;
}

/// Follows the objects of one source.
pub(super) struct Reflector<O> {
    clients: Clients,
    events: Events,
    objects: O,
    sources: Sources,
    /// Tries in a row that did not end in a watch that ran its time.
    failures: u32,
    /// What the log last said is wrong.
    told: Option<String>,
}

/// Why following stopped for a moment.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{}", reason(.0))]
    Kube(#[from] kube::Error),
    #[error("the API server does not have that kind: apply the CustomResourceDefinition")]
    NotInstalled,
    #[error("the API server does not answer")]
    Silence(#[from] Elapsed),
    #[error("the API server ended the watch: {0}")]
    Watch(String),
}

impl<O: Objects> Reflector<O> {
    pub(super) fn new(clients: Clients, events: Events, sources: Sources) -> Self {
        Self { clients, events, objects: O::default(), sources, failures: 0, told: None }
    }

    /// Follows the objects for ever; drop it to stop. Each change of its state is logged once, however long it lasts.
    pub(super) async fn follow(mut self) -> Infallible {
        loop {
            // A new client each time, so that a renewed certificate or token in its files is taken up.
            let Err(interruption) = self.follow_once().await;
            if matches!(interruption, Interruption::NotInstalled) {
                // Whatever objects there were are gone with their kind. What they will say when it comes again is not known.
                self.objects = O::default();
                self.sources.forget(O::SOURCE);
            }
            self.sources.lost(O::SOURCE);
            let text = interruption.to_string();
            if self.told.as_ref() != Some(&text) {
                tracing::warn!(source = %O::SOURCE, error = text, "cannot read {}; trying again", O::NAME);
                self.told = Some(text);
            }
            tokio::time::sleep(pause(self.failures)).await;
            self.failures = self.failures.saturating_add(1);
        }
    }

    async fn follow_once(&mut self) -> Result<Infallible, Interruption> {
        let api = O::api(self.clients.client().await?);
        loop {
            let mut version = self.list(&api).await?;
            for _ in 0..O::WATCHES {
                version = self.watch(&api, version).await?;
                self.failures = 0;
                tokio::time::sleep(BREATH).await;
            }
        }
    }

    /// Reads all objects as they are now, of which no more than a page is ever held whole; says at which version that was.
    async fn list(&mut self, api: &Api<O::Kind>) -> Result<String, Interruption> {
        let mut params = ListParams::default().limit(PAGE);
        params.field_selector = O::FIELDS.map(str::to_owned);
        self.objects.begin_list();
        loop {
            let page = match tokio::time::timeout(ANSWER_TIMEOUT, api.list(&params)).await? {
                Ok(page) => page,
                Err(kube::Error::Api(status)) if status.code == 404 && lacks::<O>(api).await? => {
                    return Err(Interruption::NotInstalled);
                }
                Err(error) => return Err(error.into()),
            };
            page.items.into_iter().for_each(|object| self.objects.put(object));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => {
                    self.objects.end_list();
                    self.publish();
                    return Ok(page.metadata.resource_version.unwrap_or_default());
                }
            }
        }
    }

    /// Takes up changes until the API server ends the watch; says at which version that was.
    async fn watch(&mut self, api: &Api<O::Kind>, mut version: String) -> Result<String, Interruption> {
        let mut params = WatchParams::default().timeout(WATCH_SECONDS);
        params.field_selector = O::FIELDS.map(str::to_owned);
        let events = tokio::time::timeout(ANSWER_TIMEOUT, api.watch(&params, &version)).await??;
        let mut events = pin!(events);
        if self.told.take().is_some() {
            tracing::info!(source = %O::SOURCE, "{} can be read", O::NAME);
        }
        self.sources.reached(O::SOURCE);
        let silence = Duration::from_secs(WATCH_SECONDS.into()) + ANSWER_TIMEOUT;
        loop {
            // Those that are there already are taken up together.
            let next = match events.try_next().now_or_never() {
                Some(next) => next,
                None => {
                    self.publish();
                    tokio::time::timeout(silence, events.try_next()).await?
                }
            };
            let Some(event) = next? else {
                self.publish();
                return Ok(version);
            };
            if let Some(at) = self.take(event)? {
                version = at;
            }
        }
    }

    /// Takes up one change; says at which version that was.
    fn take(&mut self, event: WatchEvent<O::Kind>) -> Result<Option<String>, Interruption> {
        Ok(match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let version = object.meta().resource_version.clone();
                self.objects.put(object);
                version
            }
            WatchEvent::Deleted(object) => {
                self.objects.remove(&object);
                object.meta().resource_version.clone()
            }
            WatchEvent::Bookmark(bookmark) => Some(bookmark.metadata.resource_version),
            // Too old a version, mostly (410): the list that follows has a new one.
            WatchEvent::Error(status) => return Err(Interruption::Watch(status.message)),
        })
    }

    fn publish(&mut self) {
        let Some(reading) = self.objects.reading() else { return };
        let trouble = |diagnostic: &Diagnostic| {
            let about = self.objects.about(diagnostic)?;
            Some(Trouble { about, code: diagnostic.code(), text: diagnostic.to_string() })
        };
        self.events.tell(O::SOURCE, reading.diagnostics.iter().filter_map(trouble));
        self.sources.read(O::SOURCE, reading);
    }
}

/// Whether the API server itself says that it does not have the kind. A proxy in front of one that is away answers 404, too.
async fn lacks<O: Objects>(api: &Api<O::Kind>) -> Result<bool, Interruption> {
    let Some((group, version, plural)) = O::OPTIONAL else { return Ok(false) };
    let client = api.clone().into_client();
    let groups = tokio::time::timeout(ANSWER_TIMEOUT, client.list_api_groups()).await??.groups;
    let versions = groups.into_iter().filter(|found| found.name == group).flat_map(|found| found.versions);
    if !versions.into_iter().any(|found| found.version == version) {
        return Ok(true);
    }
    let version = format!("{group}/{version}");
    let kinds = tokio::time::timeout(ANSWER_TIMEOUT, client.list_api_group_resources(&version)).await??.resources;
    Ok(!kinds.iter().any(|kind| kind.name == plural))
}

/// A quarter of a second, then twice as long each time, up to four seconds: the API server may have been started just now,
/// and people wait for it.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.pow(failures.min(4))
}

/// After how long the API server is asked to end a watch.
const WATCH_SECONDS: u32 = 30;

/// Between a watch and the next question, should the API server (or a proxy) end every watch at once.
const BREATH: Duration = Duration::from_millis(250);

/// How many objects are asked for at once.
const PAGE: u32 = 500;

#[cfg(test)]
pub(super) mod tests;
