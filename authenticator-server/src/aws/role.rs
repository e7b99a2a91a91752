//! A role that this server assumes for what it has to ask of AWS.

use std::str::FromStr;
use std::sync::Arc;

use aws_credential_types::Credentials;
use http::HeaderName;
use mapping::AccountId;
use serde::Deserialize;

use super::own::{OwnCredentials, OwnCredentialsError};
use super::query::{QueryApi, Service};
use crate::clock::Clock;

/// The ARN of a role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleArn(String);

/// For whom the role is assumed: a service that does it for many customers names the one, so that nobody is served by what
/// another's role may do (the confused deputy,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceArn {
    arn: String,
    account: AccountId,
}

/// Why a text is not the ARN that it should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {0}")]
pub struct ArnError(&'static str);

impl FromStr for RoleArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_role = text
            .parse::<mapping::Principal>()
            .is_ok_and(|principal| matches!(principal.kind(), mapping::PrincipalKind::Role { .. }));
        if is_role { Ok(Self(text.to_owned())) } else { Err(ArnError("arn:PARTITION:iam::ACCOUNT:role/NAME")) }
    }
}

impl FromStr for SourceArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = ArnError("arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE");
        let mut parts = text.splitn(6, ':');
        let (arn, account, resource) = (parts.next(), parts.nth(3), parts.next());
        let is_text = text.bytes().all(|byte| byte.is_ascii_graphic());
        if arn != Some("arn") || resource.is_none_or(str::is_empty) || !is_text {
            return Err(error);
        }
        let account = account.and_then(|account| account.parse().ok()).ok_or(error)?;
        Ok(Self { arn: text.to_owned(), account })
    }
}

impl OwnCredentials {
    /// Those of a role, which `sts` is asked for as whoever `api` calls as.
    #[must_use]
    pub fn of_role(api: QueryApi, sts: Service, role: &RoleArn, source: Option<&SourceArn>, clock: Clock) -> Self {
        let parameters =
            Arc::new([("RoleArn".to_owned(), role.0.clone()), ("RoleSessionName".to_owned(), SESSION.to_owned())]);
        let headers =
            source.map(|source| [(SOURCE_ACCOUNT, source.account.to_string()), (SOURCE_ARN, source.arn.clone())]);
        let headers: Arc<[_]> = headers.into_iter().flatten().collect();
        Self::new(clock, move || {
            let (api, sts, parameters, headers) =
                (api.clone(), sts.clone(), Arc::clone(&parameters), Arc::clone(&headers));
            async move {
                let told = |reason: String| OwnCredentialsError(format!("AssumeRole at {}: {reason}", sts.host));
                let answer = api.call(&sts, "AssumeRole", &*parameters, &headers).await;
                let answer = answer.map_err(|error| told(super::chain(&error)))?;
                read(&answer).ok_or_else(|| told("its answer holds no credentials".to_owned()))
            }
        })
    }
}

fn read(body: &[u8]) -> Option<Credentials> {
    let xml: AssumeRoleResponse = quick_xml::de::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let CredentialsItem { access_key_id, secret_access_key, session_token, expiration } =
        xml.assume_role_result.credentials;
    let end: jiff::Timestamp = expiration.parse().ok()?;
    Some(Credentials::new(access_key_id, secret_access_key, Some(session_token), Some(end.into()), "AssumeRole"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResponse {
    assume_role_result: AssumeRoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: CredentialsItem,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsItem {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// Shows up in CloudTrail.
const SESSION: &str = "authenticator-server";

/// Headers that become the condition keys `aws:SourceAccount` and `aws:SourceArn`, as aws-iam-authenticator sends them
/// (`pkg/ec2provider/ec2provider.go`).
const SOURCE_ACCOUNT: HeaderName = HeaderName::from_static("x-amz-source-account");
const SOURCE_ARN: HeaderName = HeaderName::from_static("x-amz-source-arn");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_by_the_arn_of_a_role() {
        assert!("arn:aws:iam::111122223333:role/path/Describe".parse::<RoleArn>().is_ok());
        for text in ["", "Describe", "arn:aws:iam::111122223333:user/a", "arn:aws:sts::111122223333:assumed-role/a/b"] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_source_is_of_an_account() {
        let source: SourceArn = "arn:aws:eks:us-west-2:111122223333:cluster/blue".parse().unwrap();
        assert_eq!(source.account.as_ref(), "111122223333");
        for text in [
            "",
            "arn:aws:eks:us-west-2:1111:cluster/blue",
            "arn:aws:eks:us-west-2:111122223333",
            "arn:aws:eks:us-west-2:111122223333:a\nb",
        ] {
            assert!(text.parse::<SourceArn>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn credentials_of_a_role_have_an_end() {
        let answer = |end: &str| {
            format!(
                "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser/><Credentials>\
                 <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey><SessionToken>t==</SessionToken>\
                 <Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            )
        };
        let credentials = read(answer("2026-03-01T12:00:00Z").as_bytes()).unwrap();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), ("ASIA", Some("t==")));
        let end: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        assert_eq!(credentials.expiry(), Some(end.into()));
        assert!(read(answer("soon").as_bytes()).is_none());
    }
}
