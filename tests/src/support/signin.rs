//! The service behind `aws login`: it turns a refresh token into new credentials, for whoever proves to hold the key of the log-in
//! (RFC 9449, DPoP).
//!
//! <https://docs.aws.amazon.com/signin/latest/APIReference/API_CreateOAuth2Token.html>

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::loopback::{Asked, Reply, Secure, plain};
use super::secrets;
use super::sts::Principal;

/// A running service. One person is logged in at it.
#[derive(Debug)]
pub struct Signin {
    server: Secure,
    renewals: Arc<Mutex<usize>>,
}

impl Signin {
    /// Starts the service of [`REGION`]; whoever is logged in acts as this session.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn start(person: Principal) -> Signin {
        Signin::with_sessions_of(900, person)
    }

    /// The same, whose sessions last so many seconds.
    ///
    /// # Panics
    ///
    /// Loopback has no free port.
    #[must_use]
    pub fn with_sessions_of(seconds: i64, person: Principal) -> Signin {
        person.remember();
        [REFRESH_TOKEN, RENEWED_REFRESH_TOKEN].into_iter().for_each(secrets::remember);
        let renewals: Arc<Mutex<usize>> = Arc::default();
        let server = Secure::start("signin", |name| name.ends_with(".signin.aws.amazon.com"), {
            let renewals = Arc::clone(&renewals);
            let proofs = Mutex::default();
            move |asked| {
                let answered = renewed(&asked, &person, seconds, &proofs, Timestamp::now());
                Reply::Answer(match answered {
                    Ok(document) => {
                        *renewals.lock().expect("nothing panics while it holds it") += 1;
                        plain(StatusCode::OK, "application/json", document.to_string())
                    }
                    Err(Refusal(status, kind, error)) => {
                        let body = json!({"error": error, "message": "the emulator refuses"});
                        let mut response = plain(status, "application/json", body.to_string());
                        response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
                        response
                    }
                })
            }
        });
        Signin { server, renewals }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The PEM file of the CA that signs its certificates.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        self.server.ca_file()
    }

    /// How often credentials were given.
    #[must_use]
    pub fn renewals(&self) -> usize {
        *self.renewals.lock().expect("nothing panics while it holds it")
    }
}

/// `CreateOAuth2Token`, for a refresh token.
fn renewed(
    asked: &Asked,
    person: &Principal,
    seconds: i64,
    proofs: &Mutex<HashSet<String>>,
    now: Timestamp,
) -> Result<Value, Refusal> {
    if asked.parts.method != Method::POST || asked.parts.uri.path() != PATH || *asked.server_name != *HOST {
        return Err(Refusal(StatusCode::NOT_FOUND, "ValidationException", "INVALID_REQUEST"));
    }
    let order: Value = serde_json::from_slice(&asked.body).map_err(|_| INVALID)?;
    if order["grantType"] != "refresh_token" || order["clientId"] != CLIENT_ID {
        return Err(INVALID);
    }
    let proof = asked.parts.headers.get("dpop").and_then(|value| value.to_str().ok()).ok_or(INVALID)?;
    let number = number_of_proof(proof, now).ok_or(INVALID)?;
    // Each proof is good once.
    if !proofs.lock().expect("nothing panics while it holds it").insert(number) {
        return Err(INVALID);
    }
    if order["refreshToken"] != REFRESH_TOKEN && order["refreshToken"] != RENEWED_REFRESH_TOKEN {
        return Err(Refusal(StatusCode::UNAUTHORIZED, "AccessDeniedException", "TOKEN_EXPIRED"));
    }
    Ok(json!({
        "accessToken": {
            "accessKeyId": person.access_key_id,
            "secretAccessKey": person.secret_access_key,
            "sessionToken": person.session.as_ref().map(|session| &session.token),
        },
        "tokenType": "aws_sigv4",
        "expiresIn": seconds,
        "refreshToken": RENEWED_REFRESH_TOKEN,
    }))
}

/// The `jti` of a proof, if it was made just now for this service by the holder of [`KEY`].
fn number_of_proof(proof: &str, now: Timestamp) -> Option<String> {
    let (signed, signature) = proof.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let [header, claims] = [header, claims].map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    });
    let (header, claims) = (header?, claims?);
    let public = public_key();
    let [x, y] = [&public[1..33], &public[33..]].map(|part| URL_SAFE_NO_PAD.encode(part));
    let right_header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}});
    let made = Timestamp::from_second(claims["iat"].as_i64()?).ok()?;
    let is_right = header == right_header
        && claims["htm"] == "POST"
        && claims["htu"] == format!("https://{HOST}{PATH}")
        && made.duration_since(now).abs() < SignedDuration::from_mins(5);
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
    (is_right && key.verify(signed.as_bytes(), &signature).is_ok())
        .then(|| claims["jti"].as_str().map(str::to_owned))?
}

/// The public half of [`KEY`], as an uncompressed point: the last thing in the document (RFC 5915).
fn public_key() -> Vec<u8> {
    let document = key_document();
    document[document.len() - 65..].to_vec()
}

/// [`KEY`] without its wrapping.
fn key_document() -> Vec<u8> {
    let text: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).expect("the constant is base64")
}

/// Status, type and error.
struct Refusal(StatusCode, &'static str, &'static str);

const INVALID: Refusal = Refusal(StatusCode::BAD_REQUEST, "ValidationException", "INVALID_REQUEST");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const PATH: &str = "/v1/token";

/// The region that the person logged in to.
pub const REGION: &str = "eu-west-1";
/// Its host.
pub const HOST: &str = "eu-west-1.signin.aws.amazon.com";
/// Who `aws login` says that it is.
pub const CLIENT_ID: &str = "arn:aws:signin:::devtools/same-device";
/// What a log-in left behind.
pub const REFRESH_TOKEN: &str = "a-refresh-token-of-the-suite-that-is-long-enough";
/// What a renewal gives in its place.
pub const RENEWED_REFRESH_TOKEN: &str = "another-refresh-token-of-the-suite-that-is-long-enough";
/// The key of the log-in. A dummy.
pub const KEY: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIBm3fGmbraZZbGcn+o8pI26EBKPMqSTTUZ9L4HjlNXkooAoGCCqGSM49
AwEHoUQDQgAEPm6yZZcVdhjvK9S+V4YTcL1m2KU/6VjaliEZDs8m2Zbqq/n6I0fd
D9medhFoDSgAeXhsx6NxStnO0kKKbxCrIQ==
-----END EC PRIVATE KEY-----
";

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use http::Request;
    use hyper::body::Bytes;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// A proof by the holder of the key, or by somebody who claims to be, with one claim changed.
    fn proof(key: &EcdsaKeyPair, claim: &str, value: Value) -> String {
        let public = public_key();
        let [x, y] = [&public[1..33], &public[33..]].map(|part| URL_SAFE_NO_PAD.encode(part));
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}});
        let mut claims = json!({
            "htm": "POST", "htu": format!("https://{HOST}{PATH}"), "iat": now().as_second(), "jti": "one",
        });
        claims[claim] = value;
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn holders_key() -> EcdsaKeyPair {
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &key_document()).unwrap()
    }

    fn order() -> Value {
        json!({"grantType": "refresh_token", "clientId": CLIENT_ID, "refreshToken": REFRESH_TOKEN})
    }

    fn ask(proof: &str, order: &Value, proofs: &Mutex<HashSet<String>>) -> u16 {
        let (parts, ()) = Request::post(PATH).header("dpop", proof).body(()).unwrap().into_parts();
        let asked = Asked { server_name: HOST.into(), key_exchange: None, parts, body: Bytes::from(order.to_string()) };
        let person = Principal::role_session("111122223333", "Viewer", "me");
        renewed(&asked, &person, 900, proofs, now()).map_or_else(|refusal| refusal.0.as_u16(), |_| 200)
    }

    #[test]
    fn a_refresh_token_is_good_for_the_holder_of_the_key_alone() {
        let ask = |proof: &str, order: &Value| ask(proof, order, &Mutex::default());
        let (key, other) = (holders_key(), EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        assert_eq!(ask(&proof(&key, "jti", json!("two")), &order()), 200);
        for (key, claim, value) in [
            (&other, "jti", json!("two")),
            (&key, "htm", json!("GET")),
            (&key, "htu", json!("https://us-east-1.signin.aws.amazon.com/v1/token")),
            (&key, "iat", json!(now().as_second() - 301)),
            (&key, "jti", Value::Null),
        ] {
            assert_eq!(ask(&proof(key, claim, value), &order()), 400, "{claim}");
        }
        for (changed, status) in [("grantType", 400), ("clientId", 400), ("refreshToken", 401)] {
            let mut order = order();
            order[changed] = "other".into();
            assert_eq!(ask(&proof(&key, "jti", json!("two")), &order), status, "{changed}");
        }
    }

    #[test]
    fn a_proof_is_good_once() {
        let (proof, proofs) = (proof(&holders_key(), "jti", json!("two")), Mutex::default());
        assert_eq!([ask(&proof, &order(), &proofs), ask(&proof, &order(), &proofs)], [200, 400]);
    }
}
