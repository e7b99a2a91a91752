//! What a file of the cache holds.

use std::borrow::Cow;

use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Temporary credentials, when they were made and when they end.
#[derive(Debug)]
pub(super) struct Entry {
    credentials: Credentials,
    made: Timestamp,
    end: Timestamp,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document<'a> {
    made: Cow<'a, str>,
    end: Cow<'a, str>,
    // Borrowed from a buffer that is wiped: base64 has nothing that JSON would escape.
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    account_id: Option<Cow<'a, str>>,
}

impl Entry {
    /// An entry for credentials made now; `None` for long-lived ones, which are never written to disk, and for those whose end
    /// cannot be true.
    pub(super) fn new(credentials: &Credentials, now: Timestamp) -> Option<Self> {
        credentials.session_token()?;
        let end = Timestamp::try_from(credentials.expiry()?).ok()?;
        (end.duration_since(now) <= LONGEST_SESSION).then(|| Self { credentials: credentials.clone(), made: now, end })
    }

    /// Reads a file; `None` for anything that this program does not write.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let document: Document<'_> = serde_json::from_slice(bytes).ok()?;
        let (made, end) = (document.made.parse().ok()?, document.end.parse::<Timestamp>().ok()?);
        let mut credentials = Credentials::builder()
            .access_key_id(document.access_key_id)
            .secret_access_key(document.secret_access_key)
            .session_token(document.session_token)
            .expiry(end.into())
            .provider_name("cache");
        credentials.set_account_id(document.account_id.map(|id| id.into_owned().into()));
        Some(Self { credentials: credentials.build(), made, end })
    }

    /// The text of the file.
    #[expect(clippy::expect_used, reason = "serialising strings into memory cannot fail")]
    pub(super) fn render(&self) -> Zeroizing<Vec<u8>> {
        let Self { credentials, made, end } = self;
        let document = Document {
            made: made.to_string().into(),
            end: end.to_string().into(),
            access_key_id: credentials.access_key_id().into(),
            secret_access_key: credentials.secret_access_key().into(),
            session_token: credentials.session_token().unwrap_or_default().into(),
            account_id: credentials.account_id().map(|id| id.as_str().into()),
        };
        // Room for the whole, so that no copy of a secret is left behind by a buffer that grows.
        let room = document.secret_access_key.len() + document.session_token.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room * 2 + 512));
        serde_json::to_writer(&mut *bytes, &document).expect("strings become JSON, and memory takes them");
        bytes.push(b'\n');
        bytes
    }

    /// The credentials, unless they end soon, or the clock is set back to before they were made.
    pub(super) fn usable(self, now: Timestamp) -> Option<Credentials> {
        let (left, whole) = (self.end.duration_since(now), self.end.duration_since(self.made));
        let margin = LONGEST_MARGIN.min(whole / 5);
        let from_the_future = self.made.duration_since(now) > CLOCK_SKEW;
        (left > margin && whole <= LONGEST_SESSION && !from_the_future).then_some(self.credentials)
    }
}

/// Time for what is done with them, and for clocks that differ: botocore renews credentials with less than this left too. Of a
/// role's shortest session, 15 minutes, it would be too much.
const LONGEST_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// STS gives nobody credentials for longer (`GetSessionToken`; roles have 12 hours). A program that prints a later end does not know
/// it, and would not be asked again when its keys have ended.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
const LONGEST_SESSION: SignedDuration = SignedDuration::from_hours(36);

const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-02T{text}Z").parse().unwrap()
    }

    fn credentials(session_token: Option<&str>, end: Option<Timestamp>) -> Credentials {
        Credentials::new("ASIAEXAMPLE", "secret/+", session_token.map(str::to_owned), end.map(Into::into), "test")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let end = at("04:00:00");
        let made = Credentials::builder()
            .access_key_id("ASIAEXAMPLE")
            .secret_access_key("secret/+")
            .session_token("token==")
            .account_id("111122223333")
            .expiry(end.into())
            .provider_name("test")
            .build();
        let entry = Entry::parse(&Entry::new(&made, at("03:00:00")).unwrap().render()).unwrap();
        assert_eq!((entry.made, entry.end), (at("03:00:00"), end));
        let read = entry.usable(at("03:00:00")).unwrap();
        assert_eq!(
            (read.access_key_id(), read.secret_access_key(), read.session_token(), read.expiry()),
            ("ASIAEXAMPLE", "secret/+", Some("token=="), Some(end.into()))
        );
        assert_eq!(read.account_id().map(|id| id.as_str()), Some("111122223333"));
    }

    #[test]
    fn keys_that_do_not_end_are_never_written() {
        let now = at("03:00:00");
        assert!(Entry::new(&credentials(Some("token"), Some(at("04:00:00"))), now).is_some());
        assert!(Entry::new(&credentials(None, None), now).is_none());
        assert!(Entry::new(&credentials(None, Some(at("04:00:00"))), now).is_none());
        assert!(Entry::new(&credentials(Some("token"), None), now).is_none());
    }

    #[test]
    fn credentials_are_not_used_in_their_last_five_minutes_or_last_fifth() {
        for (end, now, usable) in [
            ("04:00:00", "03:00:00", true),
            ("04:00:00", "03:54:59", true),
            ("04:00:00", "03:55:00", false),
            ("04:00:00", "04:00:01", false),
            ("03:15:00", "03:11:59", true),
            ("03:15:00", "03:12:00", false),
            // The clock was set back by more than clocks differ.
            ("04:00:00", "02:56:00", true),
            ("04:00:00", "02:54:00", false),
        ] {
            let entry = Entry::new(&credentials(Some("token"), Some(at(end))), at("03:00:00")).unwrap();
            assert_eq!(entry.usable(at(now)).is_some(), usable, "{end} {now}");
        }
    }

    /// What a program prints that does not care: its keys end sooner, and it would not be asked again.
    #[test]
    fn credentials_that_last_longer_than_any_of_aws_do_are_neither_written_nor_used() {
        let now = at("03:00:00");
        let (longest, longer) = (now + SignedDuration::from_hours(36), "9000-01-01T00:00:00Z".parse().unwrap());
        assert!(Entry::new(&credentials(Some("token"), Some(longest)), now).is_some());
        assert!(Entry::new(&credentials(Some("token"), Some(longer)), now).is_none());
        assert!(Entry { credentials: credentials(Some("token"), None), made: now, end: longer }.usable(now).is_none());
        assert!(Entry { credentials: credentials(Some("token"), None), made: now, end: longest }.usable(now).is_some());
    }

    #[test]
    fn what_this_program_did_not_write_is_nothing() {
        let text = String::from_utf8(
            Entry::new(&credentials(Some("token"), Some(at("04:00:00"))), at("03:00:00")).unwrap().render().to_vec(),
        )
        .unwrap();
        assert!(Entry::parse(text.as_bytes()).is_some());
        for text in [
            "",
            "{}",
            text.split_at(text.len() / 2).0,
            &text.replace("sessionToken", "token"),
            &text.replace("2026-01-02T04", "tomorrow"),
            &format!("{text}{text}"),
        ] {
            assert!(Entry::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
