//! The people and programs that the emulator knows.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::support::secrets;

/// Somebody with AWS credentials. All values are dummies. They derive from the ARN, so a principal is the same in every run; only the sessions that a running emulator hands out differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    /// The access key id: public.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
    /// What temporary credentials have beside the pair of keys.
    pub session: Option<Session>,
    /// The ARN that STS answers with.
    pub arn: String,
    /// The `UserId` that STS answers with.
    pub user_id: String,
    /// The account that STS answers with.
    pub account: String,
}

/// The session of temporary credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The session token, which must come with each request.
    pub token: String,
    /// When it ends; never, without.
    pub ends: Option<Timestamp>,
}

impl Principal {
    /// An IAM user with long-lived keys. `name` may carry a path: `division/alice`.
    #[must_use]
    pub fn user(account: &str, name: &str) -> Principal {
        Principal::with_arn(account, &format!("arn:aws:iam::{account}:user/{name}"), "AKIA", "AIDA")
    }

    /// A role taken on under a session name, with temporary keys. STS does not name a role's path, nor does this.
    #[must_use]
    pub fn role_session(account: &str, role: &str, session_name: &str) -> Principal {
        let arn = format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}");
        let mut principal = Principal::with_arn(account, &arn, "ASIA", "AROA");
        // The id of a role is the role's, whoever takes it on.
        let role_id = identifier("AROA", &format!("arn:aws:iam::{account}:role/{role}"));
        principal.user_id = format!("{role_id}:{session_name}");
        principal.with_session()
    }

    /// The same principal of another partition, such as `aws-cn`.
    #[must_use]
    pub fn in_partition(mut self, partition: &str) -> Principal {
        self.arn = self.arn.replacen("arn:aws:", &format!("arn:{partition}:"), 1);
        self
    }

    /// The same principal with temporary keys, as `GetSessionToken` gives them to users.
    #[must_use]
    pub fn with_session(mut self) -> Principal {
        self.access_key_id.replace_range(..4, "ASIA");
        self.session = Some(Session { token: session_token(&self.arn), ends: None });
        self
    }

    /// The same principal with a session that ends.
    ///
    /// # Panics
    ///
    /// The principal has long-lived keys.
    #[must_use]
    pub fn session_ends(mut self, at: Timestamp) -> Principal {
        self.session.as_mut().expect("only temporary keys have a session that can end").ends = Some(at);
        self
    }

    /// The same principal with its next keys and, if they are temporary, in its next session.
    #[must_use]
    pub fn renewed(&self) -> Principal {
        self.with_keys_of(&format!("{} after {}", self.arn, self.access_key_id))
    }

    /// The same principal with keys that no other has: as STS does, each time it is asked for a session.
    #[must_use]
    pub fn handed_out(&self) -> Principal {
        static HANDED_OUT: AtomicU64 = AtomicU64::new(0);
        self.with_keys_of(&format!("{}, session {}", self.arn, HANDED_OUT.fetch_add(1, Ordering::Relaxed)))
    }

    fn with_keys_of(&self, of: &str) -> Principal {
        Principal {
            access_key_id: format!("{}EXAMPLE", &identifier(&self.access_key_id[..4], of)[..13]),
            secret_access_key: secret(of),
            session: self.session.as_ref().map(|_| Session { token: session_token(of), ends: None }),
            ..self.clone()
        }
    }

    /// Somebody who knows everything about this principal but the secret.
    #[must_use]
    pub fn forger(&self) -> Principal {
        Principal { secret_access_key: secret(&format!("forger of {}", self.arn)), ..self.clone() }
    }

    /// The environment in which an AWS program acts as this principal.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), self.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), self.secret_access_key.clone()),
        ];
        env.extend(self.session.iter().map(|session| ("AWS_SESSION_TOKEN".to_owned(), session.token.clone())));
        env
    }

    /// The section of `~/.aws/credentials` by which an AWS program acts as this principal under this profile.
    #[must_use]
    pub fn profile(&self, name: &str) -> String {
        let Self { access_key_id, secret_access_key, session, .. } = self;
        let mut section =
            format!("[{name}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {secret_access_key}\n");
        if let Some(session) = session {
            section.push_str(&format!("aws_session_token = {}\n", session.token));
        }
        section
    }

    /// Sees to it that no program prints what only this principal may know.
    pub fn remember(&self) {
        secrets::remember(&self.secret_access_key);
        if let Some(session) = &self.session {
            secrets::remember(&session.token);
        }
    }

    fn with_arn(account: &str, arn: &str, key_prefix: &str, id_prefix: &str) -> Principal {
        Principal {
            access_key_id: format!("{}EXAMPLE", &identifier(key_prefix, arn)[..13]),
            secret_access_key: secret(arn),
            session: None,
            arn: arn.to_owned(),
            user_id: identifier(id_prefix, arn),
            account: account.to_owned(),
        }
    }
}

/// A prefix and 17 characters of AWS's alphabet for ids.
pub(in crate::support) fn identifier(prefix: &str, of: &str) -> String {
    let digest = Sha256::digest(of);
    let characters = digest.iter().take(17).map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)]));
    prefix.chars().chain(characters).collect()
}

/// 40 characters, as AWS's are, the last of which say that it is none of AWS's.
fn secret(of: &str) -> String {
    format!("{}EXAMPLEKEY", &STANDARD.encode(Sha256::digest(format!("secret of {of}")))[..30])
}

/// A token of a usual length, with all three characters that must be escaped in a query.
fn session_token(of: &str) -> String {
    let text: String = (0..8).map(|part| STANDARD.encode(Sha256::digest(format!("session {part} of {of}")))).collect();
    format!("IQoJb3JpZ2luX2VjEXAMPLE/+{}==", text.replace('=', "/"))
}

const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
