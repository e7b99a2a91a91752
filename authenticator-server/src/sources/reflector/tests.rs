use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};

use futures::stream::{self, BoxStream, StreamExt as _};
use http_body_util::{Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::super::aws_auth::AwsAuthObject;
use super::super::custom_resources::CustomResources;
use super::super::{ApiServer, SourceStatus};
use super::*;
use crate::clock::Clock;

/// These are all there are.
pub(in super::super) fn list<O: Objects>(objects: &mut O, all: Vec<O::Kind>) {
    objects.begin_list();
    all.into_iter().for_each(|object| objects.put(object));
    objects.end_list();
}

const NOT_FOUND: (u16, &str) = (404, "default backend - 404");
const NO_GROUPS: &str = r#"{"kind": "APIGroupList", "apiVersion": "v1", "groups": []}"#;
const GROUPS: &str = r#"{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "iamauthenticator.k8s.aws",
    "versions": [{"groupVersion": "iamauthenticator.k8s.aws/v1alpha1", "version": "v1alpha1"}]}]}"#;
const NO_KINDS: &str = r#"{"kind": "APIResourceList", "apiVersion": "v1",
    "groupVersion": "iamauthenticator.k8s.aws/v1alpha1", "resources": []}"#;
const AWS_AUTH: &str = r#"{"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items":
    [{"metadata": {"name": "aws-auth", "namespace": "kube-system", "uid": "1", "resourceVersion": "1"},
      "data": {"mapUsers": "[{userarn: arn:aws:iam::111122223333:user/ann, username: ann}]"}}]}"#;
const MAPPINGS: &str = r#"{"kind": "IAMIdentityMappingList", "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
    "metadata": {"resourceVersion": "1"}, "items": [{"apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
      "kind": "IAMIdentityMapping", "metadata": {"name": "ann", "uid": "1", "resourceVersion": "1"},
      "spec": {"arn": "arn:aws:iam::111122223333:user/ann", "username": "ann"}}]}"#;

/// Answers a path, once it is the second act what `ill` says of it.
struct Stage {
    act: AtomicUsize,
    ill: fn(&str) -> (u16, &'static str),
}

impl Stage {
    fn answer(&self, uri: &::http::Uri) -> (u16, &'static str) {
        match uri.path() {
            path if self.act.load(Ordering::SeqCst) > 0 => (self.ill)(path),
            _ if uri.query().is_some_and(|query| query.contains("watch=")) => (200, ""),
            path if path.contains("configmaps") => (200, AWS_AUTH),
            _ => (200, MAPPINGS),
        }
    }
}

async fn serve(stage: Arc<Stage>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stage = Arc::clone(&stage);
            let service = service_fn(move |request: ::http::Request<Incoming>| {
                let (status, text) = stage.answer(request.uri());
                let answer = ::http::Response::builder().status(status).body(Full::new(Bytes::from(text)));
                std::future::ready(answer)
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

/// How the source is once it was read, and then could not be three times.
async fn after<O: Objects + 'static>(ill: fn(&str) -> (u16, &'static str)) -> SourceStatus {
    let stage = Arc::new(Stage { act: AtomicUsize::new(0), ill });
    let master = Some(serve(Arc::clone(&stage)).await);
    let sources = Sources::new(&[O::SOURCE], [], Clock::system());
    let clients = Clients::new(ApiServer { master, ..ApiServer::default() });
    let following = tokio::spawn(Reflector::<O>::new(clients, Events::default(), sources.clone()).follow());
    let until = async |holds: fn(&SourceStatus) -> bool| {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while !holds(&sources.status()[0]) {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", sources.status());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until(|status| status.rules == 1).await;
    stage.act.store(1, Ordering::SeqCst);
    until(|status| status.failures >= 3 || !status.synced).await;
    following.abort();
    sources.status().remove(0)
}

#[tokio::test]
async fn a_404_of_whatever_stands_before_the_api_server_takes_no_rules_away() {
    for status in [
        after::<AwsAuthObject>(|_| NOT_FOUND).await,
        after::<AwsAuthObject>(|path| if path == "/apis" { (200, NO_GROUPS) } else { NOT_FOUND }).await,
        after::<CustomResources>(|_| NOT_FOUND).await,
    ] {
        assert!(status.synced && status.rules == 1 && status.stale_since.is_some(), "{status:?}");
    }
}

#[tokio::test]
async fn a_kind_that_the_api_server_says_it_lacks_has_no_rules() {
    for status in [
        after::<CustomResources>(|path| if path == "/apis" { (200, NO_GROUPS) } else { NOT_FOUND }).await,
        after::<CustomResources>(|path| match path {
            "/apis" => (200, GROUPS),
            "/apis/iamauthenticator.k8s.aws/v1alpha1" => (200, NO_KINDS),
            _ => NOT_FOUND,
        })
        .await,
    ] {
        assert!(!status.synced && status.rules == 0, "{status:?}");
    }
}

#[test]
fn pauses_grow_to_four_seconds() {
    let pauses: Vec<_> = (0..6).map(|failures| pause(failures).as_millis()).collect();
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 4000]);
    assert_eq!(pause(u32::MAX).as_millis(), 4000);
}

/// What an API server says to one request after the other, and what comes after each.
struct Script(VecDeque<(String, Then)>);

#[derive(Clone, Copy)]
enum Then {
    End,
    Silence,
}

type Told = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

impl Script {
    fn api<O: Objects>(answers: impl IntoIterator<Item = (String, Then)>) -> Api<O::Kind> {
        O::api(kube::Client::new(Self(answers.into_iter().collect()), "kube-system"))
    }
}

impl tower_service::Service<::http::Request<kube::client::Body>> for Script {
    type Response = ::http::Response<Told>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: ::http::Request<kube::client::Body>) -> Self::Future {
        let (text, then) = self.0.pop_front().expect("it is asked no more often");
        let told = stream::once(ready(Ok(Frame::data(Bytes::from(text)))));
        let told = match then {
            Then::End => told.boxed(),
            Then::Silence => told.chain(stream::pending()).boxed(),
        };
        ready(Ok(::http::Response::new(StreamBody::new(told))))
    }
}

/// Follows IAMIdentityMappings, and has read these.
fn reflector(names: &[&str]) -> Reflector<CustomResources> {
    let sources = Sources::new(&[SourceName::Crd], [], Clock::system());
    let clients = Clients::new(ApiServer::default());
    let mut reflector = Reflector::new(clients, Events::default(), sources);
    list(&mut reflector.objects, names.iter().map(|name| serde_json::from_str(&mapping(name)).unwrap()).collect());
    reflector.publish();
    reflector
}

fn mapping(name: &str) -> String {
    MAPPINGS.split_once("\"items\": [").unwrap().1.replace("ann", name).trim_end_matches("]}").to_owned()
}

fn event(kind: &str, name: &str) -> String {
    let object = mapping(name).replace("\"resourceVersion\": \"1\"", "\"resourceVersion\": \"2\"").replace('\n', " ");
    format!("{{\"type\": \"{kind}\", \"object\": {object}}}\n")
}

fn rules(reflector: &Reflector<CustomResources>) -> usize {
    reflector.sources.status()[0].rules
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_a_gap_and_what_it_said_before_is_in_force() {
    let mut reflector = reflector(&["ann"]);
    let api = Script::api::<CustomResources>([(event("ADDED", "bob"), Then::Silence)]);
    let start = tokio::time::Instant::now();
    let ended = reflector.watch(&api, "1".to_owned()).await;
    assert!(matches!(ended, Err(Interruption::Silence(_))), "{ended:?}");
    assert_eq!(start.elapsed().as_secs(), u64::from(WATCH_SECONDS) + ANSWER_TIMEOUT.as_secs());
    assert_eq!(rules(&reflector), 2);
}

#[tokio::test]
async fn an_error_in_a_watch_is_a_gap_and_its_end_is_none() {
    let error =
        r#"{"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version: 1 (5)", "reason": "Expired", "code": 410}}"#
            .replace('\n', " ");
    let deleted = event("DELETED", "ann");
    let half = deleted.split_at(deleted.len() / 2).0.to_owned();
    for (told, is_gap, version, left) in [
        (format!("{}{error}\n", event("ADDED", "bob")), true, "", 2),
        (event("ADDED", "bob"), false, "2", 2),
        (deleted, false, "2", 0),
        (String::new(), false, "1", 1),
        // An event that breaks off was not heard: the next watch goes on before it.
        (half, false, "1", 1),
    ] {
        let mut reflector = reflector(&["ann"]);
        let api = Script::api::<CustomResources>([(told.clone(), Then::End)]);
        match reflector.watch(&api, "1".to_owned()).await {
            Err(Interruption::Watch(why)) => assert!(is_gap && why.contains("too old"), "{told}"),
            ended => assert_eq!(ended.unwrap(), version, "{told}"),
        }
        reflector.publish();
        assert_eq!(rules(&reflector), left, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_is_in_force_with_its_last_page_and_what_is_on_none_of_them_is_gone() {
    let page = |name: &str, more: &str| {
        let metadata = format!("\"metadata\": {{\"continue\": \"{more}\", \"resourceVersion\": \"7\"}}");
        let kind = r#""kind": "IAMIdentityMappingList", "apiVersion": "iamauthenticator.k8s.aws/v1alpha1""#;
        (format!("{{{kind}, {metadata}, \"items\": [{}]}}", mapping(name)), Then::End)
    };
    let mut reflector = reflector(&["ann", "bob", "carol"]);
    let api = Script::api::<CustomResources>([page("dan", "more"), (String::new(), Then::Silence)]);
    let ended = reflector.list(&api).await;
    assert!(matches!(ended, Err(Interruption::Silence(_))), "{ended:?}");
    assert_eq!(rules(&reflector), 3, "a list that breaks off takes nothing away");

    let api = Script::api::<CustomResources>([page("dan", "more"), page("ann", "")]);
    assert_eq!(reflector.list(&api).await.unwrap(), "7");
    assert_eq!(rules(&reflector), 2);
}
