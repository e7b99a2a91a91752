//! Signature Version 4 as a service checks it: recomputed from the request as it was received.
//!
//! Written from AWS's description of the algorithm
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>) on `hmac` and `sha2` alone.
//! Nothing here is shared with the signer in the client: what agrees was right twice.
//!
//! Where AWS's description leaves room this reading is the strict one: an authentication parameter given twice, an unsigned
//! `x-amz-*` header or a signed header that was never sent refuses the request.

use std::collections::BTreeSet;

use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::answers::{Code, Fault};

/// What a signed request says about itself, and the text its signature must cover.
#[derive(Debug)]
pub struct Claim {
    /// Who is said to have signed.
    pub access_key_id: String,
    /// The scope's date as written, `YYYYMMDD`.
    pub scope_date: String,
    /// The scope's region.
    pub region: String,
    /// The scope's service.
    pub service: String,
    /// When it is said to have been signed, from `X-Amz-Date`.
    pub signed_at: Timestamp,
    /// The session token of temporary credentials.
    pub security_token: Option<String>,
    signature: String,
    string_to_sign: String,
}

impl Claim {
    /// Reads the claim of a request that is signed in its query (presigned) or in its `Authorization` header, not both.
    ///
    /// # Errors
    ///
    /// The [`Fault`] with which AWS would refuse a request that is not signed, or not signed in a way it understands.
    pub fn read(parts: &Parts, body: &[u8]) -> Result<Claim, Fault> {
        let query = Pairs::parse(parts.uri.query().unwrap_or_default())?;
        let presigned = query.0.iter().any(|(name, _)| AUTHENTICATION.contains(&name.as_str()));
        match (presigned, authorization(&parts.headers)?) {
            (true, None) => Stated::from_query(&query)?.claim(parts, &query, body),
            (false, Some(value)) => Stated::from_header(value, &parts.headers)?.claim(parts, &query, body),
            (true, Some(_)) => Err(incomplete("the request is signed in its query and in its headers")),
            (false, None) => {
                Err(Fault::new(Code::MissingAuthenticationToken, "Request is missing Authentication Token"))
            }
        }
    }

    /// Whether the holder of `secret` made this signature. Takes the same time whatever the signature says.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), &self.scope_date);
        for part in [self.region.as_str(), self.service.as_str(), TERMINATOR] {
            key = hmac(&key, part);
        }
        let expected = hex(&hmac(&key, &self.string_to_sign));
        expected.as_bytes().ct_eq(self.signature.as_bytes()).into()
    }
}

/// The parameters of a signature as the request states them, before anything is computed.
struct Stated {
    credential: String,
    date: String,
    security_token: Option<String>,
    signature: String,
    signed_headers: String,
}

impl Stated {
    fn from_query(query: &Pairs) -> Result<Stated, Fault> {
        let algorithm = query.required("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(incomplete(&format!("unsupported algorithm '{algorithm}'")));
        }
        Ok(Stated {
            credential: query.required("X-Amz-Credential")?,
            date: query.required("X-Amz-Date")?,
            security_token: query.optional("X-Amz-Security-Token")?,
            signature: query.required("X-Amz-Signature")?,
            signed_headers: query.required("X-Amz-SignedHeaders")?,
        })
    }

    fn from_header(authorization: &str, headers: &HeaderMap) -> Result<Stated, Fault> {
        let Some(fields) = authorization.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' ')) else {
            return Err(incomplete("the Authorization header is not AWS4-HMAC-SHA256"));
        };
        let fields: Vec<(&str, &str)> =
            fields.split(',').filter_map(|field| field.trim_matches(' ').split_once('=')).collect();
        let field = |wanted: &str| {
            let mut found = fields.iter().filter(|(name, _)| *name == wanted);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok((*value).to_owned()),
                _ => Err(incomplete(&format!("Authorization header requires '{wanted}' parameter once"))),
            }
        };
        let date = single(headers, "x-amz-date")?;
        Ok(Stated {
            credential: field("Credential")?,
            date: date.ok_or_else(|| incomplete("Authorization header requires existence of 'X-Amz-Date'"))?,
            security_token: single(headers, "x-amz-security-token")?,
            signature: field("Signature")?,
            signed_headers: field("SignedHeaders")?,
        })
    }

    fn claim(self, parts: &Parts, query: &Pairs, body: &[u8]) -> Result<Claim, Fault> {
        let scope: Vec<&str> = self.credential.split('/').collect();
        let [access_key_id, scope_date, region, service, terminator] = scope[..] else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term",
            ));
        };
        if terminator != TERMINATOR {
            return Err(mismatch("Credential should be scoped with a valid terminator: 'aws4_request'."));
        }
        let signed_at = parse_date(&self.date)?;
        if self.date.get(..8) != Some(scope_date) {
            return Err(mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date."));
        }

        let headers = canonical_headers(parts, &self.signed_headers)?;
        let canonical_request = [
            parts.method.as_str(),
            &canonical_path(parts.uri.path()),
            &query.canonical(),
            &headers,
            &self.signed_headers,
            &hex(&Sha256::digest(body)),
        ]
        .join("\n");
        let string_to_sign = [
            ALGORITHM,
            &self.date,
            &[scope_date, region, service, terminator].join("/"),
            &hex(&Sha256::digest(canonical_request)),
        ]
        .join("\n");

        Ok(Claim {
            access_key_id: access_key_id.to_owned(),
            scope_date: scope_date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_at,
            security_token: self.security_token,
            signature: self.signature,
            string_to_sign,
        })
    }
}

/// The decoded parameters of a query or form, in their order, duplicates kept.
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Splits and decodes a query or a form. `+` is a plus sign, as SigV4 reads it.
    ///
    /// # Errors
    ///
    /// An escape that is not two hexadecimal digits, or text that is not UTF-8.
    pub fn parse(raw: &str) -> Result<Pairs, Fault> {
        raw.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Pairs)
    }

    /// Each parameter, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    ///
    /// It is given more often.
    pub fn optional(&self, wanted: &str) -> Result<Option<String>, Fault> {
        let mut found = self.0.iter().filter(|(name, _)| name == wanted);
        match (found.next(), found.next()) {
            (value, None) => Ok(value.map(|(_, value)| value.clone())),
            (_, Some(_)) => Err(incomplete(&format!("parameter '{wanted}' is given more than once"))),
        }
    }

    fn required(&self, wanted: &str) -> Result<String, Fault> {
        self.optional(wanted)?
            .ok_or_else(|| incomplete(&format!("AWS query-string parameters must include '{wanted}'.")))
    }

    /// Everything but the signature itself, encoded afresh and sorted by name, then value.
    fn canonical(&self) -> String {
        let mut pairs: Vec<(String, String)> = self
            .0
            .iter()
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| (encode(name.as_bytes()), encode(value.as_bytes())))
            .collect();
        pairs.sort();
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| incomplete("the Authorization header is not text")),
        (Some(_), Some(_)) => Err(incomplete("the Authorization header is given more than once")),
    }
}

fn single(headers: &HeaderMap, name: &str) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|value| Some(value.to_owned())).map_err(|_| incomplete(&format!("{name} is not text")))
        }
        (Some(_), Some(_)) => Err(incomplete(&format!("header '{name}' is given more than once"))),
    }
}

/// Name and value of each signed header, one a line.
fn canonical_headers(parts: &Parts, signed_headers: &str) -> Result<String, Fault> {
    let names: Vec<&str> = signed_headers.split(';').collect();
    if !names.is_sorted_by(|left, right| left < right) || names.iter().any(|name| !is_header_name(name)) {
        return Err(incomplete("'SignedHeaders' must be lower case, sorted and unique"));
    }
    let signed: BTreeSet<&str> = names.iter().copied().collect();
    if !signed.contains("host") {
        return Err(mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let unsigned =
        parts.headers.keys().find(|name| name.as_str().starts_with("x-amz-") && !signed.contains(name.as_str()));
    if let Some(name) = unsigned {
        return Err(mismatch(&format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
    }

    let mut canonical = String::new();
    for name in names {
        let values = values_of(parts, name)?;
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    Ok(canonical)
}

/// The values of one header, trimmed and with inner runs of spaces collapsed. Over HTTP/2 the host is `:authority`.
fn values_of(parts: &Parts, name: &str) -> Result<Vec<String>, Fault> {
    let mut values = Vec::new();
    for value in parts.headers.get_all(name) {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| incomplete(&format!("{name} is not UTF-8")))?;
        values.push(text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    }
    if name == "host" {
        values.extend(parts.uri.authority().map(ToString::to_string));
        values.dedup();
        if values.len() != 1 {
            return Err(incomplete("the request must name one host"));
        }
    }
    if values.is_empty() {
        return Err(mismatch(&format!("'{name}' is a 'SignedHeader' but was not sent.")));
    }
    Ok(values)
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Each segment of the path encoded once more, as every service but S3 does.
fn canonical_path(path: &str) -> String {
    path.split('/').map(|segment| encode(segment.as_bytes())).collect::<Vec<_>>().join("/")
}

fn parse_date(text: &str) -> Result<Timestamp, Fault> {
    DateTime::strptime(DATE_FORMAT, text)
        .and_then(|date| date.to_zoned(TimeZone::UTC))
        .map(|date| date.timestamp())
        .ok()
        // The parser also takes padding that nobody writes.
        .filter(|date| date.strftime(DATE_FORMAT).to_string() == text)
        .ok_or_else(|| incomplete("Date must be in ISO-8601 'basic format'. e.g. '20260102T030405Z'"))
}

fn decode(raw: &str) -> Result<String, Fault> {
    let malformed = || Fault::new(Code::MalformedQueryString, "The query string contains a syntax error");
    let escapes_are_whole =
        raw.split('%').skip(1).all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2);
    if !escapes_are_whole {
        return Err(malformed());
    }
    percent_decode_str(raw).decode_utf8().map(|text| text.into_owned()).map_err(|_| malformed())
}

fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, ENCODED).to_string()
}

pub(in crate::support) fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn incomplete(message: &str) -> Fault {
    Fault::new(Code::IncompleteSignature, message)
}

fn mismatch(message: &str) -> Fault {
    Fault::new(Code::SignatureDoesNotMatch, message)
}

/// `X-Amz-Date`, and the dates in STS's messages.
pub(super) const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// A query with any of these is a presigned one, or wants to be.
const AUTHENTICATION: [&str; 4] = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"];

/// Everything but RFC 3986's unreserved characters is encoded.
pub(in crate::support) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests;
