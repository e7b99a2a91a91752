//! The calls to STS: roles, and who the caller is.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_sts::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents},
    error::{ProvideErrorMetadata, SdkError},
    types,
};
use aws_smithy_runtime_api::{
    box_error::BoxError, client::interceptors::context::BeforeDeserializationInterceptorContextRef,
};
use aws_types::SdkConfig;
use jiff::{SignedDuration, SignedDurationRound, Timestamp, Unit, fmt::rfc2822};
use zeroize::Zeroizing;

use super::{call::CallError, role::Role};

/// STS, as it can be asked here.
#[derive(Debug)]
pub struct Sts {
    config: SdkConfig,
    host: String,
    dates: Dates,
}

/// STS gave no answer, or no good one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StsError {
    /// The clocks differ too much for it to take a signature, or a token.
    #[error("this computer's clock is {difference} that of STS: set it right")]
    Clock {
        /// By how much, in words.
        difference: String,
        /// What it says.
        #[source]
        source: CallError,
    },
    /// An answer without what was asked for.
    #[error("the answer of STS at {host} lacks {what}")]
    Incomplete {
        /// The STS that answered.
        host: String,
        /// What is not there.
        what: &'static str,
    },
    /// It says no, or nothing.
    #[error("STS at {host}")]
    Call {
        /// The STS that was asked.
        host: String,
        /// What came of it.
        #[source]
        source: CallError,
    },
}

/// Who STS says that the caller is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// The ARN.
    pub arn: String,
    /// The unique id; of a session it ends in a colon and the session's name.
    pub user_id: String,
}

impl CallerIdentity {
    /// The name of the caller's session, where the caller is in one.
    #[must_use]
    pub fn session_name(&self) -> Option<&str> {
        match self.user_id.split_once(':')? {
            (_, name) if name.contains(':') => None,
            (_, name) => Some(name),
        }
    }
}

impl Sts {
    /// STS at the URL that the configuration has.
    pub(super) fn new(config: SdkConfig, host: String, clock: fn() -> Timestamp) -> Self {
        Self { config, host, dates: Dates { clock, behind: Arc::default() } }
    }

    /// By how much STS's clock was ahead of this one when it answered last, if that is more than clocks may differ; in words.
    #[must_use]
    pub fn clock_difference(&self) -> Option<String> {
        self.dates.behind().filter(|behind| behind.abs() > LARGEST_DIFFERENCE).map(difference)
    }

    /// `AssumeRole`.
    ///
    /// # Errors
    ///
    /// STS's own.
    pub(super) async fn assume_role(
        &self,
        credentials: &Credentials,
        role: &Role,
        session_name: &str,
        mfa_code: Option<&str>,
    ) -> Result<Credentials, StsError> {
        let answer = self
            .client(Some(credentials))
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(session_name)
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(role.duration)
            .set_serial_number(role.mfa_serial.clone())
            .set_token_code(mfa_code.map(str::to_owned))
            .send()
            .await;
        self.credentials(self.answered(answer)?.credentials, "assumed role")
    }

    /// `AssumeRoleWithWebIdentity`, which is not signed.
    ///
    /// # Errors
    ///
    /// STS's own.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        role_arn: &str,
        session_name: &str,
        token: &Zeroizing<String>,
    ) -> Result<Credentials, StsError> {
        let answer = self
            .client(None)
            .assume_role_with_web_identity()
            .role_arn(role_arn)
            .role_session_name(session_name)
            .web_identity_token(token.as_str())
            .send()
            .await;
        self.credentials(self.answered(answer)?.credentials, "web identity")
    }

    /// `GetCallerIdentity`.
    ///
    /// # Errors
    ///
    /// STS's own.
    pub async fn caller_identity(&self, credentials: &Credentials) -> Result<CallerIdentity, StsError> {
        let answer = self.answered(self.client(Some(credentials)).get_caller_identity().send().await)?;
        let lacks = |what| StsError::Incomplete { host: self.host.clone(), what };
        Ok(CallerIdentity {
            account: answer.account.ok_or_else(|| lacks("the account"))?,
            arn: answer.arn.ok_or_else(|| lacks("the ARN"))?,
            user_id: answer.user_id.ok_or_else(|| lacks("the user id"))?,
        })
    }

    fn client(&self, credentials: Option<&Credentials>) -> Client {
        let mut config = aws_sdk_sts::config::Builder::from(&self.config)
            // A clock that is wrong is to be told of, for the token is dated by it too.
            .disable_clock_skew_correction(true)
            .interceptor(self.dates.clone());
        config.set_credentials_provider(credentials.cloned().map(SharedCredentialsProvider::new));
        Client::from_conf(config.build())
    }

    fn answered<T, E>(&self, answer: Result<T, SdkError<E>>) -> Result<T, StsError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        answer.map_err(|error| {
            let source = CallError::from(error);
            match (&source, self.clock_difference()) {
                (CallError::Refused { code, .. }, Some(difference)) if CODES_OF_TIME.contains(&code.as_str()) => {
                    StsError::Clock { difference, source }
                }
                _ => StsError::Call { host: self.host.clone(), source },
            }
        })
    }

    fn credentials(&self, answer: Option<types::Credentials>, source: &'static str) -> Result<Credentials, StsError> {
        let credentials =
            answer.ok_or_else(|| StsError::Incomplete { host: self.host.clone(), what: "credentials" })?;
        let end = credentials
            .expiration
            .try_into()
            .map_err(|_| StsError::Incomplete { host: self.host.clone(), what: "an end of the credentials" })?;
        let types::Credentials { access_key_id, secret_access_key, session_token, .. } = credentials;
        Ok(Credentials::new(access_key_id, secret_access_key, Some(session_token), Some(end), source))
    }
}

/// Reads the `Date` of every answer.
#[derive(Clone, Debug)]
struct Dates {
    clock: fn() -> Timestamp,
    /// How far this clock was behind at the last answer.
    behind: Arc<Mutex<Option<SignedDuration>>>,
}

impl Dates {
    fn behind(&self) -> Option<SignedDuration> {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(|text| rfc2822::parse(text).ok());
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) =
            date.map(|date| date.timestamp().duration_since((self.clock)()));
        Ok(())
    }
}

/// How this clock differs, in words that go before "that of STS".
fn difference(behind: SignedDuration) -> String {
    let length = behind.abs().round(SignedDurationRound::new().smallest(Unit::Minute)).unwrap_or(behind.abs());
    let side = if behind.is_positive() { "behind" } else { "ahead of" };
    format!("{length:#} {side}")
}

/// STS takes a signature for fifteen minutes, and one from the future for five.
const LARGEST_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);

/// What STS says of a signature, or of a token, whose time is not now.
const CODES_OF_TIME: [&str; 5] = [
    "ExpiredTokenException",
    "InvalidIdentityToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];
