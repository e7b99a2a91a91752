//! Events on the objects that hold mappings, for whoever looks at one with `kubectl describe` and not into our log.
//!
//! One for each problem, however often its object is read and however many webhooks read it: its name is made of the object
//! and the problem, so that the API server takes it once. They are slow on purpose, and nothing waits for them. What the API
//! server does not take holds up nothing else: each source has its own pace, and each problem its turn.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::select_all;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;
use mapping::{DiagnosticCode, SourceName};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::api_server::reason;
use super::clients::{ANSWER_TIMEOUT, Clients};
use crate::clock::Clock;

/// A problem of an object.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) about: ObjectReference,
    pub(super) code: DiagnosticCode,
    /// What is wrong, where, and how to put it right.
    pub(super) text: String,
}

/// Takes problems. Clones are one.
#[derive(Clone, Debug)]
pub struct Events(Arc<HashMap<SourceName, Desk>>);

/// The problems of one source.
#[derive(Debug, Default)]
struct Desk {
    /// Those that there are now, each under its Event's name.
    current: Mutex<BTreeMap<String, Trouble>>,
    changed: Notify,
}

/// What has become of the problems of one source.
#[derive(Debug, Default)]
struct Posted {
    /// Those of which nothing is left to do.
    done: HashSet<String>,
    /// The last one that was tried.
    last: String,
}

/// Why an Event was not taken.
#[derive(Debug, thiserror::Error)]
enum PostError {
    /// The API server will not take it another time either.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
}

impl Events {
    /// These are the problems of a source's objects now.
    pub(super) fn tell(&self, source: SourceName, troubles: impl IntoIterator<Item = Trouble>) {
        let Some(desk) = self.0.get(&source) else { return };
        let named = troubles.into_iter().take(MAX_TROUBLES).map(|trouble| (trouble.event_name(), trouble));
        *desk.current.lock().unwrap_or_else(PoisonError::into_inner) = named.collect();
        desk.changed.notify_one();
    }

    /// Posts what there is to tell, for ever; drop it to stop. What the API server does not take is only logged.
    pub async fn post(self, clients: Clients, clock: Clock) -> Infallible {
        let desks = self.0.values().map(|desk| Box::pin(desk.post(&clients, &clock)));
        select_all(desks).await.0
    }
}

impl Default for Events {
    fn default() -> Self {
        Self(Arc::new(SourceName::ALL.map(|source| (source, Desk::default())).into()))
    }
}

impl Desk {
    async fn post(&self, clients: &Clients, clock: &Clock) -> Infallible {
        let (mut posted, mut failures) = (Posted::default(), 0_u32);
        loop {
            let Some((name, trouble)) = self.next(&mut posted) else {
                self.changed.notified().await;
                continue;
            };
            match post(clients, trouble.namespace(), trouble.event(&name, clock)).await {
                Ok(()) => {
                    posted.done.insert(name);
                    failures = 0;
                }
                Err(PostError::Refused(error)) => {
                    tracing::warn!(error, event = name, "the API server does not take an Event");
                    posted.done.insert(name);
                }
                Err(PostError::Unreachable(error)) => {
                    if failures == 0 {
                        tracing::warn!(error, "cannot write Events; trying again");
                    }
                    failures = failures.saturating_add(1);
                }
            }
            tokio::time::sleep(PAUSE * 2_u32.pow(failures.min(MAX_DOUBLINGS))).await;
        }
    }

    /// The problem whose turn it is: not posted yet, and after the one that was tried last. What is no problem any more is
    /// forgotten: it may be one again.
    fn next(&self, posted: &mut Posted) -> Option<(String, Trouble)> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        posted.done.retain(|name| current.contains_key(name));
        let last = posted.last.as_str();
        let after = current.range::<str, _>((Bound::Excluded(last), Bound::Unbounded));
        let up_to = current.range::<str, _>((Bound::Unbounded, Bound::Included(last)));
        let (name, trouble) = after.chain(up_to).find(|(name, _)| !posted.done.contains(*name))?;
        posted.last.clone_from(name);
        Some((name.clone(), trouble.clone()))
    }
}

async fn post(clients: &Clients, namespace: &str, event: Event) -> Result<(), PostError> {
    let unreachable = |error: &dyn std::error::Error| PostError::Unreachable(error.to_string());
    let client = clients.client().await.map_err(|error| unreachable(&error))?;
    let events: Api<Event> = Api::namespaced(client, namespace);
    let created = tokio::time::timeout(ANSWER_TIMEOUT, events.create(&PostParams::default(), &event)).await;
    match created.map_err(|_| PostError::Unreachable("the API server does not answer".to_owned()))? {
        Ok(_) => Ok(()),
        // Another webhook, or this one before it was started anew.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error @ kube::Error::Api(_)) if is_final(&error) => Err(PostError::Refused(reason(&error))),
        Err(error) => Err(PostError::Unreachable(reason(&error))),
    }
}

/// Whether the API server found the Event itself wrong.
fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 413 | 415 | 422))
}

impl Trouble {
    /// The same for the same problem of the same object, whoever finds it.
    fn event_name(&self) -> String {
        let ObjectReference { kind, name, uid, .. } = &self.about;
        let digest = Sha256::digest(format!("{kind:?} {name:?} {uid:?} {} {}", self.code, self.text));
        let suffix = digest.iter().take(8).fold(String::new(), |mut suffix, byte| {
            // Writing to a text cannot fail.
            let _ = write!(suffix, "{byte:02x}");
            suffix
        });
        let name: String = name.as_deref().unwrap_or_default().chars().take(MAX_NAME).collect();
        format!("{}.{suffix}", name.trim_end_matches(['.', '-']))
    }

    fn namespace(&self) -> &str {
        self.about.namespace.as_deref().unwrap_or(CLUSTER_NAMESPACE)
    }

    fn event(&self, name: &str, clock: &Clock) -> Event {
        let now = Time(clock.now());
        Event {
            count: Some(1),
            first_timestamp: Some(now.clone()),
            involved_object: self.about.clone(),
            last_timestamp: Some(now),
            message: Some(self.text.chars().take(MAX_MESSAGE).collect()),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(self.namespace().to_owned()),
                ..ObjectMeta::default()
            },
            reason: Some(event_reason(self.code)),
            reporting_component: Some(COMPONENT.to_owned()),
            source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
            type_: Some("Warning".to_owned()),
            ..Event::default()
        }
    }
}

/// The code as Events write reasons: `invalid_arn` is `InvalidArn`.
fn event_reason(code: DiagnosticCode) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    code.as_str().split('_').map(word).collect()
}

const COMPONENT: &str = "authenticator-server";
/// Where the API server takes Events about objects that are in no namespace.
const CLUSTER_NAMESPACE: &str = "default";
/// Between two Events.
const PAUSE: Duration = Duration::from_secs(1);
/// Of the pause, after failures: about four minutes.
const MAX_DOUBLINGS: u32 = 8;
/// More of them tell nobody more. They are in the log.
const MAX_TROUBLES: usize = 50;
/// Of an Event's text: what the newer of the two Event APIs takes (1024 bytes), with room for characters of several bytes.
const MAX_MESSAGE: usize = 500;
/// Of an object's name in an Event's name, which has 253 bytes.
const MAX_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(name: &str, text: &str) -> Trouble {
        let about = ObjectReference { name: Some(name.to_owned()), ..ObjectReference::default() };
        Trouble { about, code: DiagnosticCode::InvalidArn, text: text.to_owned() }
    }

    #[test]
    fn a_problem_is_posted_once_as_long_as_it_is_one() {
        let (events, mut posted) = (Events::default(), Posted::default());
        let desk = &events.0[&SourceName::Crd];
        assert!(desk.next(&mut posted).is_none());
        for _ in 0..2 {
            events.tell(SourceName::Crd, [trouble("ann", "wrong")]);
            let (name, found) = desk.next(&mut posted).unwrap();
            assert_eq!(found.text, "wrong");
            posted.done.insert(name);
            events.tell(SourceName::Crd, [trouble("ann", "wrong")]);
            events.tell(SourceName::EksConfigMap, []);
            assert!(desk.next(&mut posted).is_none());
            events.tell(SourceName::Crd, []);
            assert!(desk.next(&mut posted).is_none());
        }
        events.tell(SourceName::Crd, [trouble("ann", "wrong"), trouble("bob", "wrong"), trouble("ann", "worse")]);
        assert_eq!(
            std::iter::from_fn(|| {
                let (name, _) = desk.next(&mut posted)?;
                posted.done.insert(name.clone());
                Some(name)
            })
            .count(),
            3
        );
    }

    #[test]
    fn a_problem_that_is_not_taken_lets_the_others_have_their_turn() {
        let (events, mut posted) = (Events::default(), Posted::default());
        events.tell(SourceName::Crd, ["ann", "bob", "carol"].map(|name| trouble(name, "wrong")));
        events.tell(SourceName::EksConfigMap, [trouble("aws-auth", "wrong")]);
        let mut next = |source| events.0[&source].next(&mut posted).unwrap().1.about.name.unwrap();
        let tried: Vec<_> = (0..6).map(|_| next(SourceName::Crd)).collect();
        assert_eq!(tried, ["ann", "bob", "carol", "ann", "bob", "carol"]);
        let mut posted = Posted::default();
        assert!(events.0[&SourceName::EksConfigMap].next(&mut posted).is_some(), "each source has its own turn");
    }

    #[test]
    fn an_event_is_named_after_its_object_and_problem() {
        let name = trouble("ann", "wrong").event_name();
        assert_eq!(name, trouble("ann", "wrong").event_name());
        assert!(name.starts_with("ann.") && name.len() == 20, "{name}");
        assert_ne!(name, trouble("ann", "worse").event_name());
        let long = trouble(&format!("{}-.-", "a".repeat(198)), "wrong").event_name();
        assert!(long.starts_with(&format!("{}.", "a".repeat(198))) && long.len() < 253, "{long}");
    }

    #[test]
    fn a_reason_is_one_word_and_a_text_has_an_end() {
        assert_eq!(event_reason(DiagnosticCode::NotYaml), "NotYaml");
        let event = trouble("ann", &"é".repeat(2000)).event("ann.1", &Clock::system());
        assert!(event.message.unwrap().len() <= 1024);
    }
}
