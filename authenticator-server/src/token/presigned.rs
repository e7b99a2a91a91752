//! The grammar of a presigned GetCallerIdentity request, and the request rebuilt from its values.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::query::Query;
use super::{
    CLUSTER_ID_HEADER, CredentialsDigest, HostTable, Limits, PREFIX, Parameter, StsHost, Token, TokenError, UrlError,
};

/// A presigned GetCallerIdentity request that STS could accept: every value has the shape it must have.
///
/// It proves nothing yet. Only STS can tell whether the signature is right, and for which cluster it was made.
#[derive(Eq, PartialEq)]
pub struct PresignedRequest {
    host: &'static StsHost,
    access_key_id: AccessKeyId,
    date: String,
    signed_at: Timestamp,
    expires: u16,
    security_token: Option<Zeroizing<String>>,
    signature: Zeroizing<String>,
}

impl PresignedRequest {
    /// Reads a token at time `now`.
    ///
    /// # Errors
    /// The first thing that is not as it must be: size, encoding, URL, parameters, then time. A token with an error here
    /// causes no request to STS.
    pub fn parse(token: &Token, hosts: &HostTable, limits: &Limits, now: Timestamp) -> Result<Self, TokenError> {
        let request = Self::of_any_time(token, hosts, limits)?;
        request.check_time(limits, now)?;
        Ok(request)
    }

    /// Reads a token whose time may be over, or not have come.
    ///
    /// # Errors
    /// As with [`PresignedRequest::parse`], but for the time.
    pub(crate) fn of_any_time(token: &Token, hosts: &HostTable, limits: &Limits) -> Result<Self, TokenError> {
        let url = decode(token.expose(), limits)?;
        let (host, query) = split_url(&url)?;
        let host = hosts.find(host).map_err(TokenError::Host)?;
        Self::from_query(host, Query::parse(query)?)
    }

    fn from_query(host: &'static StsHost, mut query: Query) -> Result<Self, TokenError> {
        expect(&mut query, Parameter::Action, "GetCallerIdentity")?;
        expect(&mut query, Parameter::Version, "2011-06-15")?;
        expect(&mut query, Parameter::Algorithm, "AWS4-HMAC-SHA256")?;
        let date = query.require(Parameter::Date)?;
        let signed_at = parse_date(&date).ok_or(invalid(Parameter::Date, "a UTC time written as YYYYMMDDTHHMMSSZ"))?;
        let credential = query.require(Parameter::Credential)?;
        let access_key_id = parse_credential(&credential, &date, host)?;
        check_signed_headers(&query.require(Parameter::SignedHeaders)?)?;
        let expires = parse_expires(&query.require(Parameter::Expires)?)
            .ok_or(invalid(Parameter::Expires, "a whole number of seconds from 0 to 900"))?;
        let signature = query.require(Parameter::Signature)?;
        if signature.len() != 64 || !signature.bytes().all(is_lower_hex) {
            return Err(invalid(Parameter::Signature, "64 lower-case hex digits"));
        }
        let security_token = query.take(Parameter::SecurityToken);
        if security_token.as_ref().is_some_and(|token| !is_token68(token)) {
            return Err(invalid(Parameter::SecurityToken, "a session token as STS issues it"));
        }
        Ok(Self { host, access_key_id, date: date.to_string(), signed_at, expires, security_token, signature })
    }

    /// Looks whether `now` is within its time.
    ///
    /// # Errors
    /// [`TokenError::NotYetValid`] or [`TokenError::Expired`].
    pub(crate) fn check_time(&self, limits: &Limits, now: Timestamp) -> Result<(), TokenError> {
        let ahead = self.signed_at.duration_since(now);
        if ahead > signed(limits.max_ahead) {
            return Err(TokenError::NotYetValid { seconds: ahead.as_secs() });
        }
        let late = now.duration_since(self.signed_at) - signed(Limits::LIFETIME);
        if late > SignedDuration::ZERO {
            return Err(TokenError::Expired { seconds: late.as_secs() });
        }
        Ok(())
    }

    /// The endpoint that must be asked.
    #[must_use]
    pub const fn host(&self) -> &'static StsHost {
        self.host
    }

    /// The key that the caller says it signed with.
    #[must_use]
    pub const fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// The digest of access key id and session token.
    #[must_use]
    pub fn credentials_digest(&self) -> CredentialsDigest {
        let session_token = self.security_token.as_ref().map(|token| token.as_str());
        CredentialsDigest::of(&self.access_key_id.0, session_token)
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        let session_token = self.security_token.as_ref().map_or(0, |token| token.capacity());
        let texts = [self.access_key_id.0.capacity(), self.date.capacity(), self.signature.capacity()];
        size_of::<Self>() + session_token + texts.iter().sum::<usize>()
    }

    /// When STS stops honouring this request.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.signed_at.saturating_add(signed(Limits::LIFETIME)).unwrap_or(Timestamp::MAX)
    }

    /// The query to send to STS: the values, in an order of our own, encoded as SigV4 encodes them.
    ///
    /// SigV4 sorts and encodes the query before it signs, so this is signed-equal to what the caller wrote.
    #[must_use]
    pub fn query(&self) -> Zeroizing<String> {
        let expires = self.expires.to_string();
        let day = self.date.split('T').next().unwrap_or_default();
        let credential = format!("{}/{day}/{}/sts/aws4_request", self.access_key_id.0, self.host.region());
        let pairs = [
            (Parameter::Action, Some("GetCallerIdentity")),
            (Parameter::Version, Some("2011-06-15")),
            (Parameter::Algorithm, Some("AWS4-HMAC-SHA256")),
            (Parameter::Credential, Some(credential.as_str())),
            (Parameter::Date, Some(self.date.as_str())),
            (Parameter::Expires, Some(expires.as_str())),
            (Parameter::SecurityToken, self.security_token.as_ref().map(|token| token.as_str())),
            (Parameter::SignedHeaders, Some(SIGNED_HEADERS)),
            (Parameter::Signature, Some(self.signature.as_str())),
        ];
        let mut query = Zeroizing::new(String::with_capacity(8192));
        for (parameter, value) in pairs {
            let Some(value) = value else { continue };
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(parameter.name());
            query.push('=');
            query.extend(utf8_percent_encode(value, NOT_UNRESERVED));
        }
        query
    }
}

/// Prints what may be known, and neither signature nor session token.
impl fmt::Debug for PresignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedRequest")
            .field("host", &self.host.name())
            .field("access_key_id", &self.access_key_id)
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// An AWS access key id: 16 to 128 letters, digits and underscores (IAM API reference, `AccessKey`).
///
/// It is no secret.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let well_formed =
            (16..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The id as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn decode(token: &str, limits: &Limits) -> Result<Zeroizing<String>, TokenError> {
    if token.len() > limits.max_token_bytes {
        return Err(TokenError::TooLarge { bytes: token.len(), limit: limits.max_token_bytes });
    }
    let encoded = token.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
    let url = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Base64)?;
    let url = String::from_utf8(url).map(Zeroizing::new).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        TokenError::Url(UrlError::NotPrintableAscii)
    })?;
    if url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(url)
    } else {
        Err(TokenError::Url(UrlError::NotPrintableAscii))
    }
}

/// Splits `https://HOST/?QUERY` into host and query; says what else there is if there is anything else.
fn split_url(url: &str) -> Result<(&str, &str), TokenError> {
    let fail = |error| Err(TokenError::Url(error));
    let Some(rest) = url.strip_prefix("https://") else { return fail(UrlError::Scheme) };
    if rest.contains('#') {
        return fail(UrlError::Fragment);
    }
    let Some((before, query)) = rest.split_once('?') else { return fail(UrlError::Query) };
    let (authority, path) = before.split_once('/').unwrap_or((before, "missing"));
    if authority.contains('@') {
        return fail(UrlError::UserInfo);
    }
    if authority.contains(':') {
        return fail(UrlError::Port);
    }
    if !path.is_empty() {
        return fail(UrlError::Path);
    }
    Ok((authority, query))
}

fn expect(query: &mut Query, parameter: Parameter, value: &'static str) -> Result<(), TokenError> {
    if query.require(parameter)?.as_str() == value { Ok(()) } else { Err(invalid(parameter, value)) }
}

const fn invalid(parameter: Parameter, expected: &'static str) -> TokenError {
    TokenError::Value { parameter, expected }
}

/// Reads `YYYYMMDDTHHMMSSZ`, the only form of ISO 8601 that SigV4 allows.
fn parse_date(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then_some(part)
    };
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let date_time = DateTime::new(
        digits(0, 4)?.parse().ok()?,
        digits(4, 6)?.parse().ok()?,
        digits(6, 8)?.parse().ok()?,
        digits(9, 11)?.parse().ok()?,
        digits(11, 13)?.parse().ok()?,
        digits(13, 15)?.parse().ok()?,
        0,
    )
    .ok()?;
    TimeZone::UTC.to_timestamp(date_time).ok()
}

/// Reads `KEY/YYYYMMDD/REGION/sts/aws4_request`.
fn parse_credential(text: &str, date: &str, host: &StsHost) -> Result<AccessKeyId, TokenError> {
    const EXPECTED: &str = "ACCESS_KEY_ID/YYYYMMDD/REGION/sts/aws4_request";
    let malformed = || invalid(Parameter::Credential, EXPECTED);
    let mut parts = text.split('/');
    let key = parts.next().and_then(AccessKeyId::parse).ok_or_else(malformed)?;
    let (day, region) = parts.next().zip(parts.next()).ok_or_else(malformed)?;
    if !parts.eq(["sts", "aws4_request"]) {
        return Err(malformed());
    }
    if date.split('T').next() != Some(day) {
        return Err(TokenError::ScopeDate);
    }
    if region != host.region() {
        return Err(TokenError::ScopeRegion { region: host.region() });
    }
    Ok(key)
}

/// Exactly the two headers whose values this server knows by itself may be signed: any other could not be replayed.
fn check_signed_headers(text: &str) -> Result<(), TokenError> {
    if text == SIGNED_HEADERS {
        return Ok(());
    }
    for required in ["host", CLUSTER_ID_HEADER] {
        if !text.split(';').any(|name| name == required) {
            return Err(TokenError::HeaderNotSigned(required));
        }
    }
    let extra = text.split(';').find(|name| !["host", CLUSTER_ID_HEADER].contains(name));
    match extra {
        Some(name) if is_header_name(name) => Err(TokenError::ExtraSignedHeader(name.to_owned())),
        _ => Err(invalid(Parameter::SignedHeaders, SIGNED_HEADERS)),
    }
}

/// A name that can be repeated in a message without harm.
fn is_header_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Plain digits without sign or leading zero, so that writing the number again gives the same text.
fn parse_expires(text: &str) -> Option<u16> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds = text.parse().ok()?;
    (plain && seconds <= 900).then_some(seconds)
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The alphabet of bearer credentials (RFC 6750, section 2.1), of which session tokens use a part.
fn is_token68(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'='))
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

const SIGNED_HEADERS: &str = "host;x-k8s-aws-id";

/// What SigV4 percent-encodes: everything but the unreserved characters of RFC 3986, section 2.3.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests;
