//! Whose credentials were found, where, and what a token made with them would be for. Pure, and without secrets.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cluster_id::ClusterId,
    credentials::{CallerIdentity, Obtained},
    endpoint::StsEndpoint,
    visible::{visible, visible_json},
};

/// What can be told of credentials.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who STS says they belong to; `None` where it was not asked.
    pub identity: Option<CallerIdentity>,
    /// How this computer's clock differs from STS's, in words, if that is too much.
    pub clock_difference: Option<String>,
    source: Vec<String>,
    access_key_id: String,
    expiration: Option<Timestamp>,
    region: String,
    sts_host: String,
    cluster_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    account: Option<&'a str>,
    arn: Option<&'a str>,
    user_id: Option<&'a str>,
    access_key_id: &'a str,
    source: &'a [String],
    expiration_timestamp: Option<String>,
    region: &'a str,
    sts_host: &'a str,
    cluster_id: Option<&'a str>,
    clock_difference: Option<&'a str>,
}

impl Account {
    /// What is known without asking anybody.
    #[must_use]
    pub fn new(obtained: &Obtained, endpoint: &StsEndpoint, cluster_id: Option<&ClusterId>) -> Self {
        let Obtained { credentials, trail, .. } = obtained;
        Self {
            identity: None,
            clock_difference: None,
            source: trail.clone(),
            access_key_id: credentials.access_key_id().to_owned(),
            expiration: credentials.expiry().and_then(|end| Timestamp::try_from(end).ok()),
            region: endpoint.signing_region().to_owned(),
            sts_host: endpoint.host().to_owned(),
            cluster_id: cluster_id.map(|id| id.as_str().to_owned()),
        }
    }

    /// A JSON object in a line; what is not known is null.
    #[must_use]
    #[expect(clippy::expect_used, reason = "serialising strings into memory cannot fail")]
    pub fn to_json(&self) -> Vec<u8> {
        let document = Document {
            account: self.identity.as_ref().map(|identity| identity.account.as_str()),
            arn: self.identity.as_ref().map(|identity| identity.arn.as_str()),
            user_id: self.identity.as_ref().map(|identity| identity.user_id.as_str()),
            access_key_id: &self.access_key_id,
            source: &self.source,
            expiration_timestamp: self.expiration.map(whole_seconds),
            region: &self.region,
            sts_host: &self.sts_host,
            cluster_id: self.cluster_id.as_deref(),
            clock_difference: self.clock_difference.as_deref(),
        };
        let text = serde_json::to_string(&document).expect("strings become JSON, and memory takes them");
        (visible_json(&text) + "\n").into_bytes()
    }
}

/// A line for each thing that is known.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<16}{}", visible(value));
        if let Some(CallerIdentity { account, arn, user_id }) = &self.identity {
            line("account", account)?;
            line("arn", arn)?;
            line("user id", user_id)?;
        }
        line("access key id", &self.access_key_id)?;
        for (step, name) in self.source.iter().zip(["source"].into_iter().chain(std::iter::repeat("then"))) {
            line(name, step)?;
        }
        line("expires", &self.expiration.map_or_else(|| "never, as far as is known".to_owned(), whole_seconds))?;
        line("region", &self.region)?;
        line("sts host", &self.sts_host)?;
        line("cluster id", self.cluster_id.as_deref().unwrap_or("none is given"))?;
        if let Some(difference) = &self.clock_difference {
            line("clock", &format!("{difference} STS's, so that tokens may be refused: set it right"))?;
        }
        Ok(())
    }
}

fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            identity: None,
            clock_difference: None,
            source: vec!["the keys of profile a".to_owned(), "role r (profile b)".to_owned()],
            access_key_id: "ASIAEXAMPLE".to_owned(),
            expiration: Some("2026-01-02T03:04:05.9Z".parse().unwrap()),
            region: "us-west-2".to_owned(),
            sts_host: "sts.us-west-2.amazonaws.com".to_owned(),
            cluster_id: Some("demo".to_owned()),
        }
    }

    #[test]
    fn what_is_known_stands_in_lines_in_its_order() {
        assert_eq!(
            account().to_string(),
            "access key id   ASIAEXAMPLE\n\
             source          the keys of profile a\n\
             then            role r (profile b)\n\
             expires         2026-01-02T03:04:05Z\n\
             region          us-west-2\n\
             sts host        sts.us-west-2.amazonaws.com\n\
             cluster id      demo\n"
        );
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        let odd = "x\u{1b}[2J\u{202e}\r\ny";
        let asked = Account {
            identity: Some(CallerIdentity { account: odd.to_owned(), arn: odd.to_owned(), user_id: odd.to_owned() }),
            source: vec![odd.to_owned()],
            ..account()
        };
        let text = asked.to_string();
        assert_eq!(text.matches("x\\u{1b}[2J\\u{202e}\\r\\ny\n").count(), 4, "{text:?}");
        assert_eq!(text.lines().count(), account().to_string().lines().count() + 2);
        let json = String::from_utf8(asked.to_json()).unwrap();
        assert_eq!(json.matches("x\\u001b[2J\\u202e\\r\\ny").count(), 4, "{json:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["arn"], odd);
    }

    #[test]
    fn what_sts_says_comes_first_and_a_wrong_clock_last() {
        let asked = Account {
            identity: Some(CallerIdentity {
                account: "111122223333".to_owned(),
                arn: "arn:aws:iam::111122223333:user/me".to_owned(),
                user_id: "AIDAEXAMPLE".to_owned(),
            }),
            clock_difference: Some("7 minutes behind".to_owned()),
            cluster_id: None,
            expiration: None,
            ..account()
        };
        let text = asked.to_string();
        assert!(text.starts_with("account         111122223333\n"), "{text}");
        assert!(text.contains("cluster id      none is given\n"), "{text}");
        assert!(
            text.ends_with("clock           7 minutes behind STS's, so that tokens may be refused: set it right\n"),
            "{text}"
        );
        let json = String::from_utf8(asked.to_json()).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"account":"111122223333","arn":"arn:aws:iam::111122223333:user/me","userId":"AIDAEXAMPLE","#,
                r#""accessKeyId":"ASIAEXAMPLE","source":["the keys of profile a","role r (profile b)"],"#,
                r#""expirationTimestamp":null,"region":"us-west-2","stsHost":"sts.us-west-2.amazonaws.com","#,
                r#""clusterId":null,"clockDifference":"7 minutes behind"}"#,
                "\n"
            )
        );
    }
}
