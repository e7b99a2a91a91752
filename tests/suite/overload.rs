use std::ffi::OsString;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::numbers::Numbers;
use authenticator_tests::support::patience::{LIMIT, eventually};
use authenticator_tests::support::review::{Answer, Reviewer};
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Principal, Sts};
use authenticator_tests::support::wire::{self, ALL};
use authenticator_tests::support::{crowd, forger, plugin, programs};
use futures::{StreamExt as _, stream};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::people::{self, ACCOUNT, CLUSTER, alice};
use crate::serving::get;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_come_to_their_end_are_cut_before_memory_grows_and_logins_go_on() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--max-request-memory=12MiB");
    let server = setup.start().unwrap();
    let api_server = server.reviewer();
    let_in(&api_server, &token).await;
    let mut crowds = Vec::new();
    for number in 1..=4 {
        // 120 MiB, if all of it were taken.
        crowds.push(crowd::slow_bodies(&server, 2048, 60 * 1024).await);
        until_cut(&api_server, "memory", number).await;
        let_in(&api_server, &token).await;
        let_in(&server.reviewer(), &token).await;
    }
    assert!(server.peak_memory() < MOST_KIB, "{} KiB", server.peak_memory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_kept_busy_give_way_to_an_api_server_that_comes_anew() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let server = Setup::new(&people::config("aws")).sts(&sts).argument("--max-connections=8").start().unwrap();
    let api_server = server.reviewer();
    let_in(&api_server, &token).await;
    let crowd = crowd::busy(&server, 10);
    until_cut(&api_server, "places", 1).await;
    for _ in 0..2 {
        let_in(&server.reviewer(), &token).await;
        let_in(&api_server, &token).await;
    }
    drop(crowd);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_callers_are_admitted_over_the_connection_whose_unknown_callers_hold_all_that_they_may() {
    for (number, bytes) in [(1000, 900), (450, 16_000)] {
        let (sts, token) = (Sts::start([alice()]), token(&alice()));
        let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--sts-identity-ttl=15m");
        let setup = setup.argument("--sts-deadline=25s").argument("--sts-try-timeout=25s");
        let server = setup.argument("--log-verbosity=info").start().unwrap();
        let api_server = server.reviewer();
        let_in(&api_server, &token).await;
        sts.behave(Behaviour::Hang);
        let _waiting = forged(&api_server, number, bytes);
        until_shed(&api_server).await;
        for _ in 0..20 {
            let_in(&api_server, &token).await;
        }
        // The calls that hang go on hanging.
        sts.behave(Behaviour::Normal);
        let_in(&api_server, &plugin::token(&alice(), CLUSTER, "eu-west-1")).await;
        let unknown = forger::large_token("AKIA0000000000000000", "us-west-2", bytes);
        let answer = api_server.review(ReviewVersion::V1, &unknown).await;
        assert!(matches!(&answer, Answer::Failed { text, .. } if text.starts_with("sts.overloaded")), "{answer:?}");
        let numbers = Numbers::read(&api_server).await;
        assert_eq!(numbers.sum("http_connections_cut_total"), 0.0, "{bytes}");
        assert_eq!(numbers.sum("http_requests_shed_total"), 0.0, "{bytes}");
        assert!(server.peak_memory() < MOST_KIB, "{bytes}: {} KiB", server.peak_memory());
    }
}

/// Nobody was admitted over it yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_connection_right_after_a_start_is_not_cut_for_forged_tokens_of_any_size() {
    let sts = Sts::start([alice()]);
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--sts-deadline=2s");
    let server = setup.argument("--log-verbosity=info").start().unwrap();
    let api_server = server.reviewer();
    sts.behave(Behaviour::Hang);
    let mut reviews = JoinSet::new();
    for bytes in [900, 16_000, 60_000] {
        reviews.spawn(forged(&api_server, 500, bytes).join_all());
    }
    for answer in reviews.join_all().await.into_iter().flatten() {
        assert!(matches!(answer, Answer::Failed { .. } | Answer::Refused(_)), "{answer:?}");
    }
    sts.behave(Behaviour::Normal);
    let_in(&api_server, &token(&alice())).await;
    assert_eq!(Numbers::read(&api_server).await.sum("http_connections_cut_total"), 0.0);
    assert!(server.peak_memory() < MOST_KIB, "{} KiB", server.peak_memory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sts_is_not_asked_about_forged_tokens_whose_senders_have_hung_up() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--sts-max-stranger-calls=2");
    let server = setup.start().unwrap();
    let reviewer = server.reviewer();
    sts.behave(Behaviour::After(Duration::from_secs(1)));
    let crowd = crowd::forged(&server, 80, 900).await;
    let begun = std::time::Instant::now();
    while Numbers::read(&reviewer).await.sum("shield_flights") < 40.0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "they do not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(crowd);
    // Behind them it would be answered after twenty seconds. It has eight.
    let_in(&reviewer, &token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_are_cut_before_memory_grows_and_a_large_one_is_not() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let server = Server::start(&people::config("aws"), &sts);
    let api_server = server.reviewer();
    let_in(&api_server, &token).await;
    let before = server.peak_memory();
    // A ClientHello of 65,000 bytes, in four records.
    let hello = [&[1, 0, 0xfd, 0xe8, 3, 3][..], &[7; 65_530]].concat();
    let record = |part: &[u8]| [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    let hello: Vec<u8> = hello.chunks(16_384).flat_map(record).take(64_000).collect();
    let mut half_sent = JoinSet::new();
    for _ in 0..511 {
        let (address, hello) = (server.address().to_owned(), hello.clone());
        half_sent.spawn(async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            // It is cut before all of it was taken.
            let _ = stream.write_all(&hello).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
    }
    half_sent.join_all().await;
    let grown = server.peak_memory() - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
    until_cut(&api_server, "handshake", 511).await;
    let_in(&api_server, &token).await;
    let entrance = server.entrance();
    let mut protocols: Vec<_> = (0..50).map(|number| format!("{number:0>250}").into_bytes()).collect();
    protocols.push(b"http/1.1".to_vec());
    let stream = entrance.connect_with(ALL, protocols).await.expect("a ClientHello of 12 KiB is taken");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

/// As many connections as the API server makes at once when it finds none, and a request on each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_comes_back_with_a_thousand_requests_at_once_is_answered() {
    let people: Vec<_> =
        (0..20).map(|number| Principal::role_session(ACCOUNT, "viewer", &format!("v{number}"))).collect();
    let tokens: Vec<_> = people.iter().map(token).collect();
    let sts = Sts::start(people);
    let server = Server::start(&people::config("aws"), &sts);
    let (reviewer, mut requests) = (server.reviewer(), JoinSet::new());
    for number in 0..1000 {
        let (reviewer, token) = (reviewer.clone(), tokens[number % tokens.len()].clone());
        requests.spawn(async move { let_in(&reviewer, &token).await });
    }
    requests.join_all().await;
    assert_eq!(sts.seen().len(), tokens.len(), "each token is asked about once");
    assert!(server.peak_memory() < MOST_KIB, "{} KiB", server.peak_memory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_a_gibibyte_is_cut_as_soon_as_it_is_larger_than_a_body_may_be() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let server = Server::start(&people::config("aws"), &sts);
    let mut stream = wire::connect(&server, ALL, b"http/1.1").await;
    let head = "POST /authenticate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let mut taken = 0_u64;
    while taken < 1 << 30 && stream.write_all(&chunk).await.is_ok() {
        taken += 0x10000;
    }
    assert!(taken < 1 << 24, "{taken} bytes were read, or waited for in the kernel");
    let_in(&server.reviewer(), &token).await;
    assert!(server.peak_memory() < MOST_KIB, "{} KiB", server.peak_memory());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_descriptors_idle_connections_give_way_to_an_api_server_that_comes_anew() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let server = Server::start(&people::config("aws"), &sts);
    let api_server = server.reviewer();
    let_in(&api_server, &token).await;
    // So many that no lower descriptor is free than theirs.
    let mut idle = Vec::new();
    let most = loop {
        let open = server.open_files().count();
        idle.push(TcpStream::connect(server.address()).unwrap());
        eventually("it is taken", || server.open_files().count() > open);
        let most = server.open_files().max().unwrap() + 1;
        if usize::try_from(most).unwrap() == server.open_files().count() && idle.len() >= 10 {
            break most;
        }
    };
    let set = Command::new("prlimit").args(["--pid", &server.id().to_string(), &format!("--nofile={most}")]).status();
    assert!(set.is_ok_and(|status| status.success()), "prlimit is part of util-linux");
    for _ in 0..3 {
        let_in(&server.reviewer(), &token).await;
        let_in(&api_server, &token).await;
    }
    server.says("cannot accept connections");
    until_cut(&api_server, "files", 1).await;
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_open_few_files_takes_half_as_many_connections() {
    let (sts, token) = (Sts::start([alice()]), token(&alice()));
    let few_files = ["sh", "-c", "ulimit -n 40 && exec \"$0\" \"$@\""];
    let server = Setup::new(&people::config("aws")).sts(&sts).wrapped_in(few_files).start().unwrap();
    let warning = server.log().into_iter().find(|line| line["connections"] == 20);
    assert!(warning.is_some_and(|line| line["level"] == "warning"), "{:?}", server.log());
    let api_server = server.reviewer();
    let_in(&api_server, &token).await;
    let greedy: Vec<_> = (0..60).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    let_in(&api_server, &token).await;
    let_in(&server.reviewer(), &token).await;
    drop(greedy);
}

/// A collector of logs that has died, a disk that is full: each line fails to be written.
#[tokio::test]
async fn a_log_that_cannot_be_written_keeps_nobody_out() {
    let sts = Sts::start([alice()]);
    // What reads the log ends with the first line that says that the webhook listens.
    let deaf = ["bash", "-c", r#"exec "$0" "$@" 2> >(exec sed '/"listening"/q')"#];
    let server = Setup::new(&people::config("aws")).sts(&sts).wrapped_in(deaf).start().unwrap();
    let reviewer = server.reviewer();
    for _ in 0..5 {
        let_in(&reviewer, &token(&alice())).await;
    }
    assert!(!server.log().iter().any(|line| line["msg"] == "access granted"), "nobody reads the log");
}

/// A collector that is alive and stuck: the pipes are full, and nobody reads them until a file says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_that_nobody_reads_keep_nobody_waiting_and_lose_grants_last() {
    const REFUSED: usize = 8000;
    const GRANTED: usize = 40;
    let sts = Sts::start([alice()]);
    let stuck = r#"until [ -e read-on ] || ! kill -0 $$ 2>/dev/null; do sleep 0.05; done; exec cat"#;
    let collectors =
        format!(r#"exec "$0" "$@" 2> >(sed -u '/"listening"/q'; {stuck}) > >({stuck} >audit.log 2>/dev/null)"#);
    let setup = Setup::new(&people::config("aws")).sts(&sts).argument("--audit-log=-");
    let mut server = setup.wrapped_in(["bash", "-c", &collectors]).start().unwrap();
    let (reviewer, token) = (server.reviewer(), token(&alice()));
    for half in 0..2 {
        let refused = (0..REFUSED / 2).map(|number| {
            let (reviewer, garbage) = (reviewer.clone(), format!("k8s-aws-v1.{half}-{number}"));
            async move { reviewer.review(ReviewVersion::V1, &garbage).await }
        });
        let answers: Vec<_> = stream::iter(refused).buffer_unordered(64).collect().await;
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Refused(_))));
        for _ in 0..GRANTED / 2 {
            let_in(&reviewer, &token).await;
        }
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(&server, path).0, 200, "{path}");
    }
    let numbers = Numbers::read(&reviewer).await;
    let lost = |log| numbers.sum(&format!("{log}_lost_total{{why=\"queue_full\"}}"));
    assert!(lost("log") > 0.0 && lost("audit") > 0.0, "more lines than fit");
    assert!(server.peak_memory() < MOST_KIB, "{} KiB", server.peak_memory());

    std::fs::write(server.folder().join("read-on"), "").unwrap();
    server.says("lines of this log were lost: they could not be written as fast as they came");
    let log = server.log();
    let told = log.iter().find(|line| line["msg"].as_str().is_some_and(|msg| msg.starts_with("lines of this log")));
    let told = told.filter(|line| line["lost"].is_u64()).and_then(|line| line["lost"].as_f64());
    assert!(told >= Some(lost("log")), "each that was lost is told of: {told:?}");
    let granted: Vec<_> = log.iter().filter(|line| line["msg"] == "access granted").collect();
    assert_eq!(granted.len(), GRANTED);
    assert_eq!(granted[0]["groups"], serde_json::json!(["system:masters"]));

    // Ends, and writes what it has taken.
    server.signal("TERM");
    assert!(server.ended_within(LIMIT).is_some());
    let audit = server.folder().join("audit.log");
    let allowed = || {
        let lines = std::fs::read_to_string(&audit).unwrap_or_default();
        lines.lines().filter(|line| line.contains(r#""outcome":"allow""#)).count()
    };
    eventually("each grant is in the audit log", || allowed() == GRANTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_does_not_keep_the_process() {
    let sts = Sts::start([]);
    let stuck = r#"exec "$0" "$@" 2> >(sed -u '/"listening"/q'; while kill -0 $$ 2>/dev/null; do sleep 0.05; done)"#;
    let setup = Setup::new(&people::config("aws")).sts(&sts).wrapped_in(["bash", "-c", stuck]);
    let mut server = setup.start().unwrap();
    let reviewer = server.reviewer();
    let refused = (0..1000).map(|number| {
        let (reviewer, garbage) = (reviewer.clone(), format!("k8s-aws-v1.{number}"));
        async move { reviewer.review(ReviewVersion::V1, &garbage).await }
    });
    let answers: Vec<_> = stream::iter(refused).buffer_unordered(64).collect().await;
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Refused(_))), "more than a pipe holds");
    server.signal("TERM");
    assert!(server.ended_within(LIMIT).is_some_and(|status| status.success()));
}

/// Names of STS cannot be resolved, and then they can: the resolver is one that does not answer, beside a hosts file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_dns_known_tokens_work_and_others_are_not_refused_and_all_work_once_it_is_back() {
    let sts = Sts::start_on(std::net::SocketAddr::from(([127, 21, 36, 5], 443)), [alice(), people::bob()])
        .expect("port 443 of loopback can be bound: this test needs root");
    let folder = TempDir::new().unwrap();
    let [hosts, resolver] = ["hosts", "resolv.conf"].map(|name| folder.path().join(name));
    let names = |known: bool| {
        format!("127.0.0.1 localhost\n{}\n", if known { "127.21.36.5 sts.us-west-2.amazonaws.com" } else { "" })
    };
    std::fs::write(&hosts, names(true)).unwrap();
    std::fs::write(&resolver, "nameserver 127.21.36.6\noptions timeout:1 attempts:1\n").unwrap();
    let wrapper = "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"";
    let wrapper = ["unshare", "--mount", "sh", "-c", wrapper].map(OsString::from).into_iter();
    let setup = Setup::new(&people::config("aws")).variable("SSL_CERT_FILE", sts.ca_file().to_string_lossy());
    let setup = setup.argument("--sts-identity-ttl=0s").argument("--sts-deadline=3s");
    let server = setup.wrapped_in(wrapper.chain([hosts.clone(), resolver].map(OsString::from))).start().unwrap();
    let reviewer = server.reviewer();
    let [known, new] = [alice(), people::bob()].map(|who| token(&who));
    let_in(&reviewer, &known).await;
    std::fs::write(&hosts, names(false)).unwrap();
    // The connection that there is would be used on.
    sts.behave(Behaviour::CloseConnection);
    assert!(matches!(reviewer.review(ReviewVersion::V1, &new).await, Answer::Failed { .. }));
    sts.behave(Behaviour::Normal);
    let unreached = async || Numbers::read(&reviewer).await.sum(r#"sts_answers_total{code="sts.unreachable""#);
    let before = unreached().await;
    let answer = reviewer.review(ReviewVersion::V1, &new).await;
    assert!(matches!(&answer, Answer::Failed { text, .. } if text.starts_with("sts.")), "{answer:?}");
    assert!(unreached().await > before);
    let_in(&reviewer, &known).await;
    std::fs::write(&hosts, names(true)).unwrap();
    let_in(&reviewer, &new).await;
}

/// `deploy/` runs it as 10000; here it is nobody's, who may write to its own folder alone.
#[tokio::test]
async fn it_runs_as_any_user_on_a_read_only_root_without_capabilities() {
    let sts = Sts::start([alice()]);
    // Where that user can read it.
    let shared = TempDir::new().unwrap();
    let ca_file = shared.path().join("sts-ca.pem");
    std::fs::copy(sts.ca_file(), &ca_file).unwrap();
    let program = shared.path().join("authenticator-server");
    std::fs::copy(programs::server(), &program).unwrap();
    std::fs::set_permissions(shared.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = r#"program=$0; shift; chown -R 65534:65534 . && chmod 755 . &&
        mount --bind . . && cd "$PWD" && mount -o remount,bind,ro / && ! touch /is-not-read-only 2>/dev/null &&
        exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
            "$program" "$@""#;
    let wrapper = ["unshare", "--mount", "sh", "-c", script].map(OsString::from).into_iter();
    let server = Setup::new(&people::config("aws"))
        .argument(format!("--sts-endpoint={}", sts.address()))
        .argument(format!("--sts-ca-file={}", ca_file.display()))
        .wrapped_in(wrapper.chain([program.into_os_string()]))
        .start()
        .unwrap();
    let status = server.status();
    for line in
        ["Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"]
    {
        assert!(status.lines().any(|candidate| candidate == line), "{line}\n{status}");
    }
    let_in(&server.reviewer(), &token(&alice())).await;
}

/// Asks about so many forged tokens at once.
fn forged(reviewer: &Reviewer, number: usize, bytes: usize) -> JoinSet<Answer> {
    let mut reviews = JoinSet::new();
    for number in 0..number {
        let token = forger::large_token(&format!("AKIA{number:0>16}"), "us-west-2", bytes);
        let reviewer = reviewer.clone();
        reviews.spawn(async move { reviewer.review(ReviewVersion::V1, &token).await });
    }
    reviews
}

/// Waits until an unknown caller finds no room to wait for STS.
async fn until_shed(reviewer: &Reviewer) {
    let begun = std::time::Instant::now();
    while Numbers::read(reviewer).await.sum(r#"shield_shed_total{full="unknown"}"#) < 1.0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "all of them wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn let_in(reviewer: &Reviewer, token: &str) {
    let answer = reviewer.review(ReviewVersion::V1, token).await;
    assert!(matches!(answer, Answer::Allowed(_)), "{answer:?}");
}

/// Waits until so many connections had to give way, by what there was too little of.
async fn until_cut(reviewer: &Reviewer, lack: &str, number: u32) {
    let begun = std::time::Instant::now();
    let metric = format!("http_connections_cut_total{{lack=\"{lack}\"}}");
    while Numbers::read(reviewer).await.sum(&metric) < f64::from(number) {
        assert!(begun.elapsed() < LIMIT, "nobody gives way");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn token(who: &Principal) -> String {
    plugin::token(who, CLUSTER, "us-west-2")
}

/// Of the development build, whose own code takes 29 MiB. `make faults` measures the one that is shipped.
const MOST_KIB: u64 = 60 * 1024;
