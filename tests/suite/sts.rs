use authenticator_tests::support::sts::caller::request_of;
use authenticator_tests::support::sts::{Behaviour, Code, Principal, Sts};
use authenticator_tests::support::{plugin, proxy, signers};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Response, StatusCode, Version};
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::people::{ACCOUNT, CLUSTER, alice, bob};

#[tokio::test]
async fn a_caller_is_named_in_json_to_whoever_accepts_it() {
    let sts = Sts::start([alice()]);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let response = ask(&sts, version, &alice_token()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let mut answer = json(&response);
        let request_id = answer["GetCallerIdentityResponse"]["ResponseMetadata"]["RequestId"].take();
        assert!(request_id.is_string());
        let result = json!({"Account": ACCOUNT, "Arn": alice().arn, "UserId": alice().user_id});
        let metadata = json!({"RequestId": null});
        let expected = json!({"GetCallerIdentityResult": result, "ResponseMetadata": metadata});
        assert_eq!(answer, json!({"GetCallerIdentityResponse": expected}));
    }
    assert_eq!(sts.seen().len(), 2);
}

#[tokio::test]
async fn a_caller_is_named_in_xml_to_anybody_else() {
    let sts = Sts::start([alice()]);
    let mut request = request_of(&alice_token(), CLUSTER).unwrap();
    request.headers_mut().remove(ACCEPT);
    let response = sts.call(Version::HTTP_11, request).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/xml");
    let body = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(body.contains(&format!("<Arn>{}</Arn>", alice().arn)), "{body}");
}

#[tokio::test]
async fn a_forger_is_refused_in_stss_own_words() {
    let sts = Sts::start([alice()]);
    let token = plugin::token(&alice().forger(), CLUSTER, "us-west-2");
    let response = ask(&sts, Version::HTTP_2, &token).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(json(&response)["Error"]["Code"], "SignatureDoesNotMatch");
    assert_eq!(json(&response)["Error"]["Type"], "Sender");
    assert_eq!(sts.seen()[0].verdict, Err(Code::SignatureDoesNotMatch));
}

#[tokio::test]
async fn each_behaviour_is_what_its_name_says() {
    let sts = Sts::start([alice()]);
    let token = alice_token();

    sts.behave(Behaviour::Throttle);
    let response = ask(&sts, Version::HTTP_11, &token).await;
    assert_eq!((response.status(), &json(&response)["Error"]["Code"]), (StatusCode::BAD_REQUEST, &json!("Throttling")));

    sts.behave(Behaviour::Answer(json!({"surprise": true})));
    assert_eq!(json(&ask(&sts, Version::HTTP_11, &token).await), json!({"surprise": true}));

    let (code, body) = (StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(b"<html>"));
    sts.behave(Behaviour::Status { code, content_type: "text/html".to_owned(), body: body.clone() });
    let response = ask(&sts, Version::HTTP_11, &token).await;
    assert_eq!((response.status(), response.body()), (code, &body));

    sts.behave(Behaviour::CloseConnection);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        assert!(sts.call(version, request_of(&token, CLUSTER).unwrap()).await.is_err());
    }

    sts.behave(Behaviour::Normal);
    assert_eq!(ask(&sts, Version::HTTP_11, &token).await.status(), StatusCode::OK);
    assert_eq!(sts.seen().len(), 6);
    assert_eq!(sts.connections(), 6);
}

#[tokio::test]
async fn only_a_name_of_sts_gets_a_certificate() {
    let sts = Sts::start([alice()]);
    let mut request = request_of(&alice_token(), CLUSTER).unwrap();
    *request.uri_mut() = "https://ec2.us-west-2.amazonaws.com/".parse().unwrap();
    assert!(sts.call(Version::HTTP_2, request).await.is_err());
    assert!(sts.seen().is_empty());
}

#[test]
fn the_aws_cli_is_told_who_it_is() {
    for principal in [alice(), bob()] {
        let sts = Sts::start([principal.clone()]);
        let output = get_caller_identity(&principal, &sts);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer, json!({"Account": principal.account, "Arn": principal.arn, "UserId": principal.user_id}));
        // It signs headers, and posts a form: the emulator agrees with more than the presigner.
        assert_eq!(sts.seen()[0].parts.method, "POST");
        assert!(sts.seen()[0].parts.headers.contains_key("authorization"));
    }
}

#[test]
fn the_aws_cli_with_a_wrong_secret_is_refused() {
    let sts = Sts::start([alice()]);
    let output = get_caller_identity(&alice().forger(), &sts);
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("(SignatureDoesNotMatch) when calling the GetCallerIdentity operation"), "{stderr}");
}

fn get_caller_identity(principal: &Principal, sts: &Sts) -> std::process::Output {
    let mut env = principal.env();
    env.push(("HTTPS_PROXY".to_owned(), proxy::to(sts.address())));
    env.push(("AWS_CA_BUNDLE".to_owned(), sts.ca_file().to_string_lossy().into_owned()));
    signers::aws(&["sts", "get-caller-identity", "--region", "eu-central-1"], &env)
}

async fn ask(sts: &Sts, version: Version, token: &str) -> Response<Bytes> {
    sts.call(version, request_of(token, CLUSTER).unwrap()).await.unwrap()
}

fn alice_token() -> String {
    plugin::token(&alice(), CLUSTER, "us-west-2")
}

fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}
