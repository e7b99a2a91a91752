//! The signed question "who am I?". Pure: the time and the credentials are arguments.
//!
//! AWS's [Signature Version 4, in the query string][sigv4]; who holds the URL may ask STS for the caller's identity, and for
//! nothing else, in the name of one cluster.
//!
//! [sigv4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use std::{fmt, fmt::Write as _, iter, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        SignableBody, SignableRequest, SignatureLocation, SigningError, SigningParams, SigningSettings, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::{cluster_id::ClusterId, endpoint::StsEndpoint};

/// A URL that proves the caller's identity to STS. It holds a signature and maybe a session token, so `Debug` shows nothing of
/// it, and it is wiped when dropped.
pub struct PresignedUrl(Zeroizing<String>);

/// The request could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign the request to STS")]
pub struct PresignError(#[source] Box<SigningError>);

impl PresignedUrl {
    /// The URL itself, to become a token and nothing else.
    #[must_use]
    pub fn expose_url(&self) -> &str {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn dummy(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresignedUrl(** redacted **)")
    }
}

/// Signs `GetCallerIdentity` for `endpoint`, bound to `cluster_id` by the signed header `x-k8s-aws-id`.
///
/// Exactly `host` and `x-k8s-aws-id` are signed, for the authenticator sends no other header that could be. `X-Amz-Expires` is
/// 60, because authenticators up to 0.3.0 take no more; STS does not look at it.
///
/// # Errors
///
/// None is known for values of these types; aws-sigv4 reports what it cannot put into a request.
pub fn get_caller_identity(
    endpoint: &StsEndpoint,
    cluster_id: &ClusterId,
    credentials: &Credentials,
    time: Timestamp,
) -> Result<PresignedUrl, PresignError> {
    let url = format!("https://{}/?Action=GetCallerIdentity&Version=2011-06-15", endpoint.host());
    let parameters = signing_parameters(&url, endpoint, cluster_id, credentials, time)
        .map_err(|error| PresignError(Box::new(error)))?;

    // Room for every parameter encoded, so that no copy of a secret is left behind by a string that grows.
    let room = parameters.iter().map(|(name, value)| name.len() + value.len() * 3 + 2).sum::<usize>();
    let mut signed = Zeroizing::new(String::with_capacity(url.len() + room));
    signed.push_str(&url);
    for (name, value) in &parameters {
        // Writing to a string cannot fail.
        let _ = write!(signed, "&{name}={}", utf8_percent_encode(value, RESERVED));
    }
    Ok(PresignedUrl(signed))
}

/// The parameters that signing adds, in botocore's order: the signature is the last.
fn signing_parameters(
    url: &str,
    endpoint: &StsEndpoint,
    cluster_id: &ClusterId,
    credentials: &Credentials,
    time: Timestamp,
) -> Result<Vec<(&'static str, Zeroizing<String>)>, SigningError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = Identity::from(credentials.clone());
    let parameters = SigningParams::V4(v4_parameters(&identity, endpoint, time, settings));
    let headers = iter::once((CLUSTER_ID_HEADER, cluster_id.as_str()));
    let request = SignableRequest::new("GET", url, headers, SignableBody::empty())?;

    let (instructions, _signature) = sign(request, &parameters)?.into_parts();
    let (_headers, added) = instructions.into_parts();
    let (signature, mut ordered): (Vec<_>, Vec<_>) = added
        .into_iter()
        .map(|(name, value)| (name, Zeroizing::new(value.into_owned())))
        .partition(|(name, _)| *name == "X-Amz-Signature");
    ordered.extend(signature);
    Ok(ordered)
}

#[expect(clippy::expect_used, reason = "the builder fails only when a field is not set, and all are")]
fn v4_parameters<'a>(
    identity: &'a Identity,
    endpoint: &'a StsEndpoint,
    time: Timestamp,
    settings: SigningSettings,
) -> v4::SigningParams<'a, SigningSettings> {
    v4::SigningParams::builder()
        .identity(identity)
        .region(endpoint.signing_region())
        .name("sts")
        .time(time.into())
        .settings(settings)
        .build()
        .expect("every field is set")
}

/// The header that binds a token to one cluster. The authenticator sends its own cluster's id in it, so that the signature of a
/// token made for another one does not fit.
pub const CLUSTER_ID_HEADER: &str = "x-k8s-aws-id";

const EXPIRES: Duration = Duration::from_secs(60);

/// All but RFC 3986's unreserved characters, as Signature Version 4 encodes.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::endpoint::HostKind;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn credentials(access_key_id: &str, secret: &str, session_token: Option<&str>) -> Credentials {
        Credentials::new(access_key_id, secret, session_token.map(str::to_owned), None, "test")
    }

    fn presign(region: &str, credentials: &Credentials, cluster_id: &str, time: Timestamp) -> PresignedUrl {
        let endpoint = StsEndpoint::new(&region.parse().unwrap(), HostKind::Standard).unwrap();
        get_caller_identity(&endpoint, &cluster_id.parse().unwrap(), credentials, time).unwrap()
    }

    /// Made by botocore 1.43.11: a `sts` client with these keys and region, `x-k8s-aws-id` added on `before-sign` as aws-cli's
    /// `eks get-token` does, `botocore.auth.get_current_datetime` fixed to 2026-01-02T03:04:05, and
    /// `generate_presigned_url('get_caller_identity', ExpiresIn=60, HttpMethod='GET')`.
    #[test]
    fn the_url_is_byte_for_byte_the_one_that_botocore_presigns() {
        let time = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let permanent = credentials("AKIAIOSFODNN7EXAMPLE", SECRET, None);
        let temporary = credentials("ASIAIOSFODNN7EXAMPLE", SECRET, Some("IQoJb3JpZ2luX2VjEXAMPLE+/token=="));
        for (region, credentials, cluster_id, expected) in [
            (
                "us-west-2",
                &permanent,
                "demo",
                "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Fus-west-2%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z\
                 &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                 &X-Amz-Signature=5843fbe0aa0dc12e4c412a7875fc32226958d788bfb0ec0d57416d6e43f9d2cd",
            ),
            (
                "cn-north-1",
                &temporary,
                "demo",
                "https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F20260102%2Fcn-north-1%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z\
                 &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                 &X-Amz-Security-Token=IQoJb3JpZ2luX2VjEXAMPLE%2B%2Ftoken%3D%3D\
                 &X-Amz-Signature=fbd15a93feff40f3e8f52d34b743443b5646c9205f239825e7e63557adb15053",
            ),
            (
                "eu-central-1",
                &permanent,
                "a \"quoted\" name, 100% & more: ~x/y?z=1;#",
                "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260102%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z\
                 &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
                 &X-Amz-Signature=9153293a40c2340c4744b638236ee0b25922f1179e1fa256943a119877b97dc6",
            ),
        ] {
            let url = presign(region, credentials, cluster_id, time);
            assert_eq!(url.expose_url(), expected, "{region}, {cluster_id}");
        }
    }

    #[test]
    fn the_url_of_another_cluster_differs_in_its_signature_alone() {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let keys = credentials("AKIAIOSFODNN7EXAMPLE", SECRET, None);
        let (one, other) = (presign("us-west-2", &keys, "demo", time), presign("us-west-2", &keys, "demo2", time));
        let split = |url: &PresignedUrl| {
            url.expose_url().split_once("&X-Amz-Signature=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()
        };
        let ((one, one_signature), (other, other_signature)) = (split(&one), split(&other));
        assert_eq!(one, other);
        assert_ne!(one_signature, other_signature);
    }

    #[test]
    fn debug_shows_nothing_of_a_url() {
        assert!(!format!("{:?}", PresignedUrl::dummy("https://secret")).contains("secret"));
    }

    proptest! {
        #[test]
        fn the_url_holds_exactly_the_known_parameters_once_each(
            access_key_id in "[A-Z0-9]{16,32}",
            secret in ".{1,64}",
            session_token in proptest::option::of(".{1,200}"),
            cluster_id in "[!-~]( ?[!-~]){0,40}",
            region in "(us|eu|cn|us-gov|us-iso|eusc-de)-[a-z]{1,10}-[0-9]",
            second in 0_i64..253_402_200_000,
        ) {
            let time = Timestamp::from_second(second).unwrap();
            let credentials = credentials(&access_key_id, &secret, session_token.as_deref());
            let url = presign(&region, &credentials, &cluster_id, time);

            let (base, query) = url.expose_url().split_once('?').unwrap();
            let parameters: Vec<(&str, String)> = query
                .split('&')
                .map(|pair| pair.split_once('=').unwrap())
                .map(|(name, value)| (name, percent_decode_str(value).decode_utf8().unwrap().into_owned()))
                .collect();
            let mut expected = vec![
                ("Action", "GetCallerIdentity".to_owned()),
                ("Version", "2011-06-15".to_owned()),
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
                ("X-Amz-Credential", format!("{access_key_id}/{}/{region}/sts/aws4_request", time.strftime("%Y%m%d"))),
                ("X-Amz-Date", time.strftime("%Y%m%dT%H%M%SZ").to_string()),
                ("X-Amz-Expires", "60".to_owned()),
                ("X-Amz-SignedHeaders", "host;x-k8s-aws-id".to_owned()),
            ];
            expected.extend(session_token.map(|token| ("X-Amz-Security-Token", token)));
            let host = format!("https://sts.{region}.");
            prop_assert!(base.starts_with(&host) && base.ends_with('/'));
            let (signature, rest) = parameters.split_last().unwrap();
            prop_assert_eq!(rest, &expected[..]);
            prop_assert_eq!(signature.0, "X-Amz-Signature");
            prop_assert!(signature.1.len() == 64 && signature.1.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
}
