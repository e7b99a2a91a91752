use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use authenticator_tests::support::control_plane::ReviewVersion;
use authenticator_tests::support::review::Answer;
use authenticator_tests::support::server::{Server, Setup};
use authenticator_tests::support::sts::{Behaviour, Sts};
use authenticator_tests::support::{plugin, proxy};
use http::StatusCode;
use rustls::NamedGroup;
use serde_json::Value;
use tempfile::TempDir;

use crate::people::{self, CLUSTER, alice};

#[tokio::test]
async fn a_flag_says_where_sts_is_and_changes_nothing_else() {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    assert_eq!(review(&server).await.user().username, "alice");
    assert_eq!(sts.seen()[0].server_name, HOST, "the name that it must prove");
    assert_eq!(sts.seen()[0].key_exchange, Some(NamedGroup::X25519MLKEM768));
    assert!(sts.seen()[0].headers().contains(&("host".to_owned(), HOST.to_owned())));
    let warned =
        server.log().iter().any(|line| line["level"] == "warning" && line["endpoint"] == sts.address().to_string());
    assert!(warned, "{:?}", server.log());
}

#[tokio::test]
async fn the_config_file_says_so_too() {
    let sts = Sts::start([alice()]);
    let (address, ca) = (sts.address(), sts.ca_file().display());
    let config =
        people::config("aws").replace("server:\n", &format!("server:\n  stsEndpoint: {address}\n  STSCAFILE: {ca}\n"));
    assert_eq!(review(&Setup::new(&config).start().unwrap()).await.user().username, "alice");
}

#[tokio::test]
async fn each_trust_root_replaces_the_next() {
    let (sts, other) = (Sts::start([alice()]), Sts::start([]));
    let (right, wrong) = (sts.ca_file(), other.ca_file());
    let rows: &[(&[(&str, &Path)], bool)] = &[
        (&[("SSL_CERT_FILE", right)], true),
        (&[("SSL_CERT_FILE", wrong)], false),
        (&[("AWS_CA_BUNDLE", right), ("SSL_CERT_FILE", wrong)], true),
        (&[("AWS_CA_BUNDLE", wrong), ("SSL_CERT_FILE", right)], false),
        (&[("REQUESTS_CA_BUNDLE", right), ("SSL_CERT_FILE", wrong)], true),
        (&[("REQUESTS_CA_BUNDLE", wrong), ("SSL_CERT_FILE", right)], false),
        (&[("AWS_CA_BUNDLE", right), ("REQUESTS_CA_BUNDLE", wrong)], true),
        (&[(FLAG, right), ("AWS_CA_BUNDLE", wrong), ("SSL_CERT_FILE", wrong)], true),
        (&[(FLAG, wrong), ("AWS_CA_BUNDLE", right), ("SSL_CERT_FILE", right)], false),
    ];
    for (roots, trusted) in rows {
        let calls = sts.seen().len();
        let setup = Setup::new(&people::config("aws")).argument(format!("--sts-endpoint={}", sts.address()));
        let setup = roots.iter().fold(setup, |setup, (name, file)| match *name {
            FLAG => setup.argument(format!("{FLAG}={}", file.display())),
            variable => setup.variable(variable, file.to_string_lossy()),
        });
        let answer = review(&setup.start().unwrap()).await;
        if *trusted {
            assert_eq!(answer.user().username, "alice", "{roots:?}");
        } else {
            assert!(is_unavailable(&answer), "{roots:?}: {answer:?}");
            assert_eq!(sts.seen().len(), calls, "no request goes to somebody who is not STS");
        }
    }
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_the_way_to_sts_and_without_it_there_is_none() {
    let sts = Sts::start([alice()]);
    let started = |proxy: &str| {
        let ca = sts.ca_file().to_string_lossy();
        let setup = Setup::new(&people::config("aws")).variable("SSL_CERT_FILE", ca).variable("HTTPS_PROXY", proxy);
        setup.start().unwrap()
    };
    assert_eq!(review(&started(&proxy::to(sts.address()))).await.user().username, "alice");
    assert_eq!(sts.seen()[0].server_name, HOST, "TLS is with STS, and not with the proxy");
    let socks = proxy::socks(sts.address());
    for scheme in ["socks5", "socks5h"] {
        let server = started(&format!(" {scheme}://me:p%40ss@{socks} "));
        assert_eq!(review(&server).await.user().username, "alice", "{scheme}");
    }
    let calls = sts.seen().len();
    let forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let refusing = proxy::refusing(forbidden).replace("http://", "http://me:p%40ss@");
    for (proxy, told) in [
        // Nobody listens on port 1.
        (
            "http://me:p%40ss@127.0.0.1:1",
            "the proxy http://127.0.0.1:1 (HTTPS_PROXY) cannot be reached: Connection refused",
        ),
        (
            &refusing,
            "(HTTPS_PROXY) does not connect to sts.us-west-2.amazonaws.com:443: it answers with HTTP status 403",
        ),
        (
            &format!("socks5://me:wrong@{socks}"),
            "(HTTPS_PROXY) does not connect to sts.us-west-2.amazonaws.com:443: SOCKS error",
        ),
        (&format!("https://{}", refusing.trim_start_matches("http://me:p%40ss@")), "(HTTPS_PROXY) does not speak TLS"),
    ] {
        let server = started(proxy);
        let answer = review(&server).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        let is_told = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains(told));
        assert!(server.log().iter().any(is_told), "{told}: {:?}", server.log());
        assert!(!format!("{:?}", server.log()).contains("p%40ss"));
    }
    assert_eq!(sts.seen().len(), calls);
    let setup = Setup::new(&people::config("aws")).variable("https_proxy", "ftp://me:p%40ss@a");
    let error = setup.start().unwrap_err().to_string();
    assert!(error.contains("https_proxy: expected the URL of a proxy: http://HOST:PORT"), "{error}");
}

#[tokio::test]
async fn a_page_of_html_in_the_place_of_sts_refuses_nobody_and_is_called_one() {
    let sts = Sts::start([alice()]);
    let server = Server::start(&people::config("aws"), &sts);
    for code in [StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED] {
        let content_type = "text/html; charset=utf-8".to_owned();
        sts.behave(Behaviour::Status { code, content_type, body: "<html>Sign in</html>".into() });
        let answer = review(&server).await;
        let Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } = &answer else { panic!("{answer:?}") };
        assert!(text.starts_with("sts.answer: ") && text.contains("a page of HTML, which is not from STS"), "{text}");
    }
    sts.behave(Behaviour::Normal);
    assert_eq!(review(&server).await.user().username, "alice");
}

#[tokio::test]
async fn a_ca_file_that_cannot_be_read_stops_the_start() {
    let setup = Setup::new(&people::config("aws")).argument(format!("{FLAG}=/nowhere/ca.pem"));
    let error = setup.start().unwrap_err().to_string();
    assert!(error.contains("--sts-ca-file: cannot read /nowhere/ca.pem"), "{error}");
}

/// As an operator may have it who knows none of our flags: a name in the hosts file, and the emulator where STS would be.
#[tokio::test]
async fn a_hosts_file_and_a_trust_root_are_enough() {
    let (sts, other) = (Sts::start_on(ADDRESS, [alice()]), Sts::start([]));
    let sts = sts.expect("port 443 of loopback can be bound: this test needs root");
    let folder = TempDir::new().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, format!("127.0.0.1 localhost\n{} {HOST}\n", ADDRESS.ip())).unwrap();
    let started = |ca: &Path| {
        // A mount namespace of its own: the machine's file is not touched.
        let hosts_file = ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""];
        let wrapper = hosts_file.map(Into::into).into_iter().chain([hosts.as_os_str().to_owned()]);
        Setup::new(&people::config("aws")).variable("SSL_CERT_FILE", ca.to_string_lossy()).wrapped_in(wrapper).start()
    };
    assert_eq!(review(&started(sts.ca_file()).unwrap()).await.user().username, "alice");
    assert_eq!(sts.seen().len(), 1);

    let answer = review(&started(other.ca_file()).unwrap()).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    assert_eq!(sts.seen().len(), 1);
}

async fn review(server: &Server) -> Answer {
    server.reviewer().review(ReviewVersion::V1, &plugin::token(&alice(), CLUSTER, "us-west-2")).await
}

fn is_unavailable(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed { status: StatusCode::SERVICE_UNAVAILABLE, text } if text.starts_with("sts.unreachable: "))
}

const HOST: &str = "sts.us-west-2.amazonaws.com";
const FLAG: &str = "--sts-ca-file";
/// All of 127.0.0.0/8 is loopback; this address is nobody else's.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 21, 36, 2)), 443);
