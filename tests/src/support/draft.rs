//! A presigned request in the making, by somebody who knows SigV4 and minds no rule: whatever it holds is signed, and whatever is
//! changed afterwards is not.
//!
//! Written on its own: the emulator reads strictly, the client's signer writes strictly, and neither could make these.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::sts::Principal;
use super::sts::sigv4::{self, ENCODED};

/// A URL in parts, each as it will be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `https`
    pub scheme: String,
    /// The host, which is signed as it stands here.
    pub host: String,
    /// `/`
    pub path: String,
    /// `name=value`, percent-encoded.
    pub pairs: Vec<String>,
    /// What is signed as `x-k8s-aws-id`.
    pub cluster: String,
    /// What it is signed with.
    pub secret: String,
    /// The scope's region.
    pub region: String,
    /// `X-Amz-Date`
    pub date: String,
}

impl Draft {
    /// What a client makes before it signs.
    #[must_use]
    pub fn new(principal: &Principal, cluster: &str, host: &str, region: &str, at: Timestamp) -> Draft {
        let date = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (key, day) = (&principal.access_key_id, &date[..8]);
        let mut pairs = vec![
            "Action=GetCallerIdentity".to_owned(),
            "Version=2011-06-15".to_owned(),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned(),
            format!("X-Amz-Credential={key}%2F{day}%2F{region}%2Fsts%2Faws4_request"),
            format!("X-Amz-Date={date}"),
            "X-Amz-Expires=60".to_owned(),
        ];
        let session = principal.session.as_ref();
        pairs.extend(session.map(|session| format!("X-Amz-Security-Token={}", encode(&session.token))));
        pairs.push("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id".to_owned());
        Draft {
            scheme: "https".to_owned(),
            host: host.to_owned(),
            path: "/".to_owned(),
            pairs,
            cluster: cluster.to_owned(),
            secret: principal.secret_access_key.clone(),
            region: region.to_owned(),
            date,
        }
    }

    /// The pair of this name as it will be written.
    pub fn pair(&mut self, name: &str) -> Option<&mut String> {
        self.pairs.iter_mut().find(|pair| pair.split('=').next() == Some(name))
    }

    /// Adds the signature of all that is there.
    pub fn sign(&mut self) {
        let day = &self.date[..8];
        let scope = format!("{day}/{}/sts/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.date, hex(&Sha256::digest(self.canonical())));
        let key = [day, &self.region, "sts", "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| sigv4::hmac(&key, part));
        self.pairs.push(format!("X-Amz-Signature={}", hex(&sigv4::hmac(&key, &text))));
    }

    /// The URL as far as it is made.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}?{}", self.scheme, self.host, self.path, self.pairs.join("&"))
    }

    fn canonical(&self) -> String {
        let mut pairs: Vec<String> = self
            .pairs
            .iter()
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                format!("{}={}", recoded(name), recoded(value))
            })
            .collect();
        pairs.sort();
        let headers = self.pairs.iter().find_map(|pair| pair.strip_prefix("X-Amz-SignedHeaders="));
        let headers = percent_decode_str(headers.unwrap_or_default()).decode_utf8_lossy().into_owned();
        let lines: String = headers
            .split(';')
            .map(|name| match name {
                "host" => format!("host:{}\n", self.host),
                "x-k8s-aws-id" => format!("x-k8s-aws-id:{}\n", self.cluster),
                other => format!("{other}:1\n"),
            })
            .collect();
        format!("GET\n{}\n{}\n{lines}\n{headers}\n{}", self.path, pairs.join("&"), hex(&Sha256::digest(b"")))
    }
}

/// The token whose URL these bytes are.
#[must_use]
pub fn token_of(url: &[u8]) -> String {
    format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(url))
}

fn recoded(text: &str) -> String {
    encode(&percent_decode_str(text).decode_utf8_lossy())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
