//! A role of IAM Identity Center, for somebody who is logged in with `aws sso login`.
//!
//! aws-config has aws-cli's token renewed where that is needed and can be done; the exchange for a role's credentials is ours, so that
//! the endpoint is the one that aws-cli would take.

use std::{fmt, path::PathBuf, time::SystemTime};

use aws_config::sso::SsoTokenProvider;
use aws_credential_types::{Credentials, provider::token::ProvideToken};
use aws_smithy_types::{DateTime, date_time::Format};
use aws_types::{
    SdkConfig,
    os_shim_internal::{Env, Fs},
    region::Region,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::call::{CallError, first_cause};
use crate::{
    World, environment,
    profile::{ProfileView, Section},
    time,
};

/// A role, and the session that asks for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sso {
    /// The profile, by its name.
    profile: String,
    /// The `sso-session` that the profile refers to; `None` in a profile of the older form.
    session: Option<String>,
    start_url: String,
    region: String,
    account_id: String,
    role_name: String,
}

/// What aws-cli writes of a token. No `Debug`: it holds one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: String,
    expires_at: String,
    registration_expires_at: Option<String>,
}

/// There are no credentials of Identity Center.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SsoError {
    /// Identity Center says no, or nothing.
    #[error("IAM Identity Center gives no credentials for {role}")]
    Call {
        /// The role and its account.
        role: String,
        /// What came of it.
        #[source]
        source: CallError,
    },
    /// The profile and the session that it refers to say different things.
    #[error("{key} of profile {profile} is not that of sso-session {session}: remove one of them")]
    Contradiction {
        /// The key.
        key: String,
        /// The profile.
        profile: String,
        /// The session.
        session: String,
    },
    /// A reference to half a session.
    #[error("[sso-session {session}] in {config}, which sso_session of profile {profile} names, lacks {keys}")]
    HalfSession {
        /// The session.
        session: String,
        /// The profile.
        profile: String,
        /// What is not there.
        keys: String,
        /// The config file that was looked into.
        config: String,
    },
    /// Credentials with something left out.
    #[error("the answer of IAM Identity Center for {role} lacks {what}")]
    Incomplete {
        /// The role and its account.
        role: String,
        /// What is not there.
        what: &'static str,
    },
    /// Keys that must be there.
    #[error("profile {profile} asks for SSO credentials but lacks {keys}")]
    Missing {
        /// The profile.
        profile: String,
        /// The keys.
        keys: String,
    },
    /// Nobody is logged in.
    #[error("the SSO session of profile {profile} has ended or was never begun ({reason}): run `{login}`")]
    NotLoggedIn {
        /// The profile.
        profile: String,
        /// What is wrong with the token.
        reason: String,
        /// The command that helps.
        login: String,
    },
    /// A reference to nothing.
    #[error("sso_session of profile {profile} is {session:?}, and there is no [sso-session {session}] in {config}")]
    UnknownSession {
        /// The session.
        session: String,
        /// The profile.
        profile: String,
        /// The config file that was looked into.
        config: String,
    },
}

impl Sso {
    /// The role that the profile asks for; `None` where it names neither an account nor a role.
    pub(super) fn choose(profile: ProfileView<'_>) -> Result<Option<Self>, SsoError> {
        if ["sso_role_name", "sso_account_id"].iter().all(|key| profile.setting(key).is_none()) {
            return Ok(None);
        }
        let session = session_of(profile)?;
        if let Some((name, section)) = session {
            agree(profile, name, section)?;
        }
        let value = |key| {
            let of_session = session.and_then(|(_, section)| section.get(key));
            of_session.or_else(|| profile.setting(key)).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let keys = ["sso_role_name", "sso_account_id", "sso_start_url", "sso_region"];
        let [Some(role_name), Some(account_id), Some(start_url), Some(region)] = keys.map(value) else {
            let missing: Vec<_> = keys.into_iter().filter(|key| value(key).is_none()).collect();
            return Err(SsoError::Missing { profile: profile.name().to_owned(), keys: missing.join(", ") });
        };
        let session = session.map(|(name, _)| name.to_owned());
        Ok(Some(Self { profile: profile.name().to_owned(), session, start_url, region, account_id, role_name }))
    }

    /// Whether the token may be renewed: that of the older form never is, as with aws-cli.
    pub(super) fn is_renewable(&self) -> bool {
        self.session.is_some()
    }

    /// The region of Identity Center, which need not be the one that the token is for.
    pub(super) fn region(&self) -> Region {
        Region::new(self.region.clone())
    }

    /// Exchanges aws-cli's token, renewed by `oidc` if need be, for the role's credentials at `portal`.
    pub(super) async fn obtain(
        &self,
        oidc: &SdkConfig,
        portal: &SdkConfig,
        World { env, fs, clock }: &World,
    ) -> Result<Credentials, SsoError> {
        let now = clock();
        let token = match self.lasting_token(env, fs, now).await {
            Some(token) => token,
            None => {
                self.respell_ends(env, fs).await;
                self.renewed_token(oidc, now).await?
            }
        };
        let answer = aws_sdk_sso::Client::new(portal)
            .get_role_credentials()
            .access_token(token.as_str())
            .account_id(&self.account_id)
            .role_name(&self.role_name)
            .send()
            .await
            .map_err(|error| match CallError::from(error) {
                CallError::Refused { code, message } if code == "UnauthorizedException" => self.not_logged_in(message),
                source => SsoError::Call { role: self.role(), source },
            })?;
        let lacks = |what| SsoError::Incomplete { role: self.role(), what };
        let credentials = answer.role_credentials.ok_or_else(|| lacks("credentials"))?;
        let end = Timestamp::from_millisecond(credentials.expiration);
        // Some mean "never" by a time after the last that there is.
        let end = end.unwrap_or(if credentials.expiration < 0 { Timestamp::MIN } else { Timestamp::MAX });
        Ok(Credentials::new(
            credentials.access_key_id.ok_or_else(|| lacks("an access key id"))?,
            credentials.secret_access_key.ok_or_else(|| lacks("a secret access key"))?,
            Some(credentials.session_token.ok_or_else(|| lacks("a session token"))?),
            Some(end.into()),
            "sso",
        ))
    }

    /// What `aws sso login` wrote is among them, so that nothing is found after `aws sso logout`, or by the next one who logs in.
    pub(super) async fn values(&self, env: &Env, fs: &Fs) -> Vec<(&'static str, Option<String>)> {
        let Self { profile: _, session, start_url, region, account_id, role_name } = self;
        vec![
            ("source", Some("sso".to_owned())),
            ("session", session.clone()),
            ("start url", Some(start_url.clone())),
            ("sso region", Some(region.clone())),
            ("account", Some(account_id.clone())),
            ("role", Some(role_name.clone())),
            ("token", self.file(env, fs).await.map(|(_, text)| text.to_string())),
        ]
    }

    /// aws-cli's token, where it need not be renewed.
    async fn lasting_token(&self, env: &Env, fs: &Fs, now: Timestamp) -> Option<Zeroizing<String>> {
        let (_, text) = self.file(env, fs).await?;
        let Token { access_token, expires_at, .. } = serde_json::from_str(&text).ok()?;
        let token = Zeroizing::new(access_token);
        let margin = if self.is_renewable() { RENEWED_BEFORE } else { SignedDuration::ZERO };
        (time::parse(&expires_at)?.duration_since(now) > margin).then_some(token)
    }

    /// Writes the ends of token and registration as aws-config reads them: it knows no offset, and no zone but `Z`. Where that cannot be
    /// done, aws-config says what is wrong.
    async fn respell_ends(&self, env: &Env, fs: &Fs) {
        let Some((path, text)) = self.file(env, fs).await else { return };
        if let Some(respelt) = respelt(&text) {
            let _ = fs.write(&path, &respelt).await;
        }
    }

    /// The token as aws-config renews it, or what is wrong with it.
    async fn renewed_token(&self, oidc: &SdkConfig, now: Timestamp) -> Result<Zeroizing<String>, SsoError> {
        let tokens = SsoTokenProvider::builder()
            .configure(oidc)
            .region(self.region())
            .session_name(self.token_name())
            .start_url(&self.start_url)
            .build()
            .await;
        let token = tokens.provide_token().await.map_err(|error| self.not_logged_in(first_cause(&error)))?;
        if token.expiration().is_some_and(|end| end <= SystemTime::from(now)) {
            return Err(self.not_logged_in("its token has expired and could not be renewed".to_owned()));
        }
        Ok(Zeroizing::new(token.token().to_owned()))
    }

    /// The file, and its text, in which aws-cli keeps the token (`SSOTokenLoader` of `botocore/utils.py`).
    async fn file(&self, env: &Env, fs: &Fs) -> Option<(PathBuf, Zeroizing<String>)> {
        let home = environment::variable(env, "HOME").ok()??;
        let mut path = PathBuf::from(home).join(".aws/sso/cache");
        let digest = Sha1::digest(self.token_name());
        path.push(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ".json");
        let text = String::from_utf8(fs.read_to_end(&path).await.ok()?).ok()?;
        Some((path, Zeroizing::new(text)))
    }

    /// The name under which the token is kept: the older form's is the URL.
    fn token_name(&self) -> &str {
        self.session.as_ref().unwrap_or(&self.start_url)
    }

    fn role(&self) -> String {
        format!("role {} in account {}", self.role_name, self.account_id)
    }

    fn not_logged_in(&self, reason: String) -> SsoError {
        let login = match &self.session {
            Some(session) => format!("aws sso login --sso-session {session}"),
            None => format!("aws sso login --profile {}", self.profile),
        };
        SsoError::NotLoggedIn { profile: self.profile.clone(), reason, login }
    }
}

impl fmt::Display for Sso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SSO: {} (profile {})", self.role(), self.profile)
    }
}

/// The name of the session that a profile refers to, and its section in the config file. As for aws-cli the profile is of no use
/// where the reference leads nowhere, or to half a session, whatever else stands in it.
pub(super) fn session_of(profile: ProfileView<'_>) -> Result<Option<(&str, &Section)>, SsoError> {
    let Some(name) = profile.setting("sso_session") else {
        return Ok(None);
    };
    let (session, config) = (name.to_owned(), profile.files().config_path().to_owned());
    let profile_name = profile.name().to_owned();
    let Some(section) = profile.files().sso_session(name) else {
        return Err(SsoError::UnknownSession { session, profile: profile_name, config });
    };
    let missing: Vec<_> = OF_SESSION.into_iter().filter(|key| section.get(key).is_none_or(str::is_empty)).collect();
    match missing.as_slice() {
        [] => Ok(Some((name, section))),
        _ => Err(SsoError::HalfSession { session, profile: profile_name, keys: missing.join(", "), config }),
    }
}

/// The text of a token with every end as aws-config reads it; `None` where they are so, or are no times.
fn respelt(text: &str) -> Option<Zeroizing<String>> {
    let Token { access_token, expires_at, registration_expires_at } = serde_json::from_str(text).ok()?;
    drop(Zeroizing::new(access_token));
    let mut respelt = Zeroizing::new(text.to_owned());
    for end in std::iter::once(expires_at).chain(registration_expires_at) {
        if DateTime::from_str(&end, Format::DateTime).is_err() {
            let utc = time::parse(&end)?.strftime("%Y-%m-%dT%H:%M:%SZ");
            respelt = Zeroizing::new(respelt.replace(&format!("\"{end}\""), &format!("\"{utc}\"")));
        }
    }
    (*respelt != text).then_some(respelt)
}

/// A profile says nothing else than the session that it refers to.
fn agree(profile: ProfileView<'_>, session: &str, section: &Section) -> Result<(), SsoError> {
    match section.iter().find(|(key, value)| profile.setting(key).is_some_and(|own| own != *value)) {
        Some((key, _)) => Err(SsoError::Contradiction {
            key: key.to_owned(),
            profile: profile.name().to_owned(),
            session: session.to_owned(),
        }),
        None => Ok(()),
    }
}

/// What a session must say (`SSOTokenProvider` of `botocore/tokens.py`).
const OF_SESSION: [&str; 2] = ["sso_start_url", "sso_region"];

/// How long before its end a token is renewed; aws-config's `REFRESH_BUFFER_TIME`.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_respelt_as_aws_config_reads_them_and_nothing_else_is_changed() {
        let text = |end: &str, registration: &str| {
            format!(
                r#"{{"accessToken": "a", "expiresAt": "{end}", "x": [1], "registrationExpiresAt": "{registration}"}}"#
            )
        };
        let utc = "2026-01-02T03:04:05Z";
        for end in ["2026-01-02T03:04:05UTC", "2026-01-02T03:04:05+00:00", "2026-01-01T19:04:05-08:00"] {
            assert_eq!(respelt(&text(end, utc)).unwrap().as_str(), text(utc, utc), "{end}");
            assert_eq!(respelt(&text(utc, end)).unwrap().as_str(), text(utc, utc), "{end}");
        }
        for text in [text(utc, utc), text("soon", utc), "{".to_owned(), r#"{"accessToken":"a"}"#.to_owned()] {
            assert_eq!(respelt(&text), None, "{text}");
        }
    }
}
