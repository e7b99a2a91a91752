//! The way to AWS: what is told of a proxy, and of a page that stands where AWS should be.

use authenticator_tests::support::proxy;
use authenticator_tests::support::sts::Behaviour;
use http::StatusCode;

use super::{Scene, admin, assert_refused};

#[test]
fn a_proxy_that_does_not_lead_to_sts_is_named_with_its_variable_and_without_its_password() {
    let role = admin();
    let forbidden = proxy::refusing("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>");
    let needs_user = proxy::refusing("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let with_password = |url: &str| url.replace("http://", "http://me:p%40ss@");
    let plain = with_password(&forbidden).replace("http://", "https://");
    for (variable, proxy, told) in [
        (
            "HTTPS_PROXY",
            "http://me:p%40ss@127.0.0.1:1",
            "the proxy http://127.0.0.1:1 (HTTPS_PROXY) cannot be reached: ",
        ),
        (
            "https_proxy",
            "socks5h://me:p%40ss@127.0.0.1:1",
            "the proxy socks5://127.0.0.1:1 (https_proxy) cannot be reached: ",
        ),
        (
            "HTTPS_PROXY",
            &with_password(&forbidden),
            "(HTTPS_PROXY) does not connect to sts.us-west-2.amazonaws.com:443: it answers with HTTP status 403",
        ),
        (
            "HTTPS_PROXY",
            &with_password(&needs_user),
            "(HTTPS_PROXY) asks for a user and a password, or does not take those of its URL",
        ),
        ("HTTPS_PROXY", &plain, "(HTTPS_PROXY) does not speak TLS: write http:// in its URL"),
        ("HTTPS_PROXY", "ftp://me:p%40ss@a", "HTTPS_PROXY: expected the URL of a proxy: http://HOST:PORT"),
    ] {
        let scene = Scene::new().with(&[(variable, proxy)]);
        scene.sts.know_role(role.clone());
        let run = scene.token(&["--role", &role.arn]);
        assert_refused(&run, told);
        assert!(!run.stderr.contains("p%40ss") && !run.stderr.contains("p@ss"), "{}", run.stderr);
        assert!(scene.sts.seen().is_empty());
    }
}

#[test]
fn a_page_of_html_is_not_taken_for_an_answer_of_sts_whatever_its_status() {
    let role = admin();
    let scene = Scene::new();
    scene.sts.know_role(role.clone());
    for code in [StatusCode::OK, StatusCode::FORBIDDEN] {
        for content_type in ["text/html; charset=utf-8", "application/octet-stream"] {
            let body = "\n<!DOCTYPE html><html>Sign in</html>".into();
            scene.sts.behave(Behaviour::Status { code, content_type: content_type.to_owned(), body });
            let told = format!("HTTP status {}, is a page of HTML, which is not from AWS", code.as_u16());
            assert_refused(&scene.token(&["--role", &role.arn]), &told);
        }
    }
    scene.sts.behave(Behaviour::Normal);
    assert_eq!(scene.token(&["--role", &role.arn]).code, Some(0));
}
