//! The only maker of [`Verified`]: the file to audit.
//!
//! A caller is believed if, and only if,
//!
//! 1. its token parsed at this moment: one grammar, an endpoint of the closed table, not expired ([`PresignedRequest`]);
//! 2. STS, reached over TLS at that endpoint, was sent the request rebuilt from the parsed values together with *this*
//!    cluster's id, and named a caller, which it does only if the signature covers both (the [`Shield`] may have the answer
//!    to the very same token from a moment ago);
//! 3. what STS named hangs together: the ARN is a principal of the endpoint's partition, its account is the account that STS
//!    states beside it, and the unique id belongs to the ARN's session.
//!
//! Everything else is a [`Denial`], if the token or STS itself says no, or an [`Outage`], if nobody could be heard, or this
//! machine's clock is not to be believed.

use std::sync::Arc;

use jiff::Timestamp;
use mapping::{Identity, Principal, PrincipalKind};

use crate::cluster_id::ClusterId;
use crate::denial::{Denial, Outage, Refused};
use crate::ec2;
use crate::metrics::ShieldCounts;
use crate::sts::{self, AnswerError, AskError, CallerIdentity, Client, Contact, Load, Origin, Shield, ShieldLimits};
use crate::token::{
    AccessKeyId, CredentialsDigest, HostTable, Limits, PresignedRequest, StsHost, Token, TokenDigest, TokenError,
};

/// The proof that STS vouches for an identity, for this cluster, until a known time.
///
/// There is no other way to come by one than [`Verifier::verify`]: the fields are private to this file, and an answer that
/// lets somebody in cannot be made without one.
#[derive(Debug)]
pub struct Verified {
    identity: Identity,
    cluster_id: Arc<ClusterId>,
    digest: TokenDigest,
    credentials: CredentialsDigest,
    until: Timestamp,
    host: &'static StsHost,
    origin: Origin,
}

impl Verified {
    /// Whom STS vouches for.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The cluster for which STS vouches: the token was signed for it and for no other.
    #[must_use]
    pub fn cluster_id(&self) -> &ClusterId {
        &self.cluster_id
    }

    /// Which token it was.
    #[must_use]
    pub const fn digest(&self) -> TokenDigest {
        self.digest
    }

    /// When the token ends.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Which endpoint of STS said so.
    #[must_use]
    pub const fn host(&self) -> &'static StsHost {
        self.host
    }
}

/// What became known of a caller on the way to an answer, whatever that is: for the record, and proof of nothing.
#[derive(Debug, Default)]
pub struct Trail {
    /// The access key that the token names.
    pub access_key_id: Option<AccessKeyId>,
    /// The endpoint that the token names.
    pub host: Option<&'static StsHost>,
    /// Where the answer about the token came from.
    pub origin: Option<Origin>,
    /// Whom STS vouches for.
    pub identity: Option<Identity>,
    /// Where the answer about its instance came from, if it was needed.
    pub instance: Option<ec2::Origin>,
}

/// Turns tokens into proofs.
pub struct Verifier {
    hosts: HostTable,
    limits: Limits,
    cluster_id: Arc<ClusterId>,
    contact: Contact,
    shield: Shield<Vouched>,
}

/// What STS vouches for.
#[derive(Clone)]
enum Vouched {
    /// Somebody whom a mapping could name.
    Caller(Identity),
    /// Something that no mapping can name.
    Unmappable,
}

impl Verifier {
    /// A verifier that believes the endpoints in `hosts`, which `client` asks about its cluster. Must be made on a runtime.
    #[must_use]
    pub fn new(hosts: HostTable, limits: Limits, client: Client, shield: ShieldLimits, counts: ShieldCounts) -> Self {
        let cluster_id = Arc::new(client.cluster_id().clone());
        let contact = client.contact().clone();
        let client = Arc::new(client);
        let ask = move |request: Arc<PresignedRequest>| {
            let client = Arc::clone(&client);
            async move { identify(&client.ask(&request).await?, request.host(), request.access_key_id()) }
        };
        let shield = Shield::new(shield, counts, Vouched::weight, ask);
        Self { hosts, limits, cluster_id, contact, shield }
    }

    /// Proves whose token it is, at time `now`, and leaves in `trail` what became known of it. The token's text is dropped
    /// as soon as it is parsed.
    ///
    /// # Errors
    /// A [`Denial`] is final for this token. An [`Outage`] says nothing about the caller.
    pub async fn verify(&self, token: Token, now: Timestamp, trail: &mut Trail) -> Result<Verified, Refused> {
        let request = PresignedRequest::of_any_time(&token, &self.hosts, &self.limits).map_err(Denial::Token)?;
        let digest = token.digest();
        drop(token);
        request.check_time(&self.limits, now).map_err(|error| self.out_of_time(&request, now, error))?;
        let request = Arc::new(request);
        (trail.access_key_id, trail.host) = (Some(request.access_key_id().clone()), Some(request.host()));
        let told = self.shield.ask(digest, &request).await;
        trail.origin = Some(told.from);
        let vouched = told.answer.map_err(|error| match error {
            AskError::Rejected(rejection) => Refused::Denied(Denial::Rejected(rejection)),
            AskError::Outage(outage) => Refused::Unknown(Outage::Sts(outage)),
        })?;
        let identity = match vouched.as_ref() {
            Vouched::Caller(identity) => identity.clone(),
            Vouched::Unmappable => return Err(Denial::UnmappablePrincipal.into()),
        };
        trail.identity = Some(identity.clone());
        let (credentials, until, host) = (request.credentials_digest(), request.valid_until(), request.host());
        let origin = told.from;
        // What was said a while ago is no better than this machine's clock.
        if matches!(origin, Origin::Fresh | Origin::Stale) && self.has_ended_for_sts(&request, now) {
            return Err(Outage::Clock.into());
        }
        Ok(Verified { identity, cluster_id: Arc::clone(&self.cluster_id), digest, credentials, until, host, origin })
    }

    /// What to make of a token that is out of its time by this machine's clock: nobody is refused because somebody set that. If
    /// STS's is far from it and the token within its time by that, nobody can tell.
    fn out_of_time(&self, request: &PresignedRequest, now: Timestamp, error: TokenError) -> Refused {
        match self.time_of_sts(now) {
            Some(time) if request.check_time(&self.limits, time).is_ok() => Outage::Clock.into(),
            _ => Denial::Token(error).into(),
        }
    }

    fn has_ended_for_sts(&self, request: &PresignedRequest, now: Timestamp) -> bool {
        self.time_of_sts(now).is_some_and(|time| request.check_time(&self.limits, time).is_err())
    }

    /// What STS's clock says, if it is far from ours.
    fn time_of_sts(&self, now: Timestamp) -> Option<Timestamp> {
        self.contact.heard().astray_by().and_then(|ahead| now.checked_add(ahead).ok())
    }

    /// Tells at any later moment how busy the shield is.
    pub fn load(&self) -> impl Fn() -> Load + Clone + Send + Sync + 'static {
        let shield = self.shield.clone();
        move || shield.load()
    }

    /// Tells that this caller was let in: from now on a flood of others does not stand in its way to STS.
    ///
    /// Once for each time that STS is asked: it is dear, and within the moment for which an answer is fresh nothing is gained.
    pub async fn welcome(&self, verified: &Verified) {
        if verified.origin == Origin::Fresh {
            return;
        }
        self.shield.welcome(verified.credentials).await;
    }
}

/// Puts together what STS said about the caller, or finds that it does not hang together.
fn identify(caller: &CallerIdentity, host: &StsHost, access_key_id: &AccessKeyId) -> Result<Vouched, AskError> {
    if is_unmappable(caller, host) {
        return Ok(Vouched::Unmappable);
    }
    let contradiction = || sts::Outage::Answer(AnswerError::Contradiction);
    let principal: Principal = caller.arn().parse().map_err(|_| contradiction())?;
    // A rule may write a role's path; STS never does.
    let has_role_path =
        matches!(principal.kind(), PrincipalKind::AssumedRole { .. }) && caller.arn().matches('/').count() != 2;
    if principal.account() != caller.account() || principal.partition() != host.partition() || has_role_path {
        return Err(contradiction().into());
    }
    let identity = Identity::new(principal, caller.user_id(), access_key_id.as_str().to_owned());
    identity.map(Vouched::Caller).map_err(|_| contradiction().into())
}

/// Sessions that AWS makes for itself, such as `assumed-role/aws:ec2-instance/i-0abc` of an instance's own identity.
fn is_unmappable(caller: &CallerIdentity, host: &StsHost) -> bool {
    let resource = caller.arn().strip_prefix(&format!("arn:{}:sts::{}:", host.partition(), caller.account()));
    resource.is_some_and(|resource| resource == "self" || resource.starts_with("assumed-role/aws:"))
}

impl Vouched {
    /// About the bytes of its texts: the ARN as STS wrote it, and its canonical form.
    fn weight(&self) -> usize {
        match self {
            Self::Caller(identity) => 2 * identity.arn().len() + identity.user_id().len(),
            Self::Unmappable => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use mapping::Partition;

    use super::*;

    const USER: (&str, &str, &str) =
        ("111122223333", "arn:aws:iam::111122223333:user/team/Ann", "AIDACKCEVSQ6C2EXAMPLE");
    const SESSION: (&str, &str, &str) = (
        "111122223333",
        "arn:aws:sts::111122223333:assumed-role/Dev/ann@example.com",
        "AROACKCEVSQ6C2EXAMPLE:ann@example.com",
    );

    fn identify_answer((account, arn, user_id): (&str, &str, &str)) -> Result<Vouched, AskError> {
        let body = serde_json::json!({"GetCallerIdentityResponse": {"GetCallerIdentityResult":
            {"Account": account, "Arn": arn, "UserId": user_id}}});
        let caller = sts::read_answer(StatusCode::OK, Some("application/json"), body.to_string().as_bytes()).unwrap();
        let host = HostTable::for_partition(Partition::Aws).get("sts.us-west-2.amazonaws.com").unwrap();
        identify(&caller, host, &AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap())
    }

    #[test]
    fn what_sts_says_of_a_user_and_of_a_session_is_their_identity() {
        let caller = |answer| match identify_answer(answer) {
            Ok(Vouched::Caller(identity)) => identity,
            _ => panic!("STS vouches for a caller"),
        };
        let user = caller(USER);
        assert_eq!((user.arn(), user.user_id(), user.session_name()), (USER.1, "AIDACKCEVSQ6C2EXAMPLE", ""));
        let session = caller(SESSION);
        assert_eq!(session.canonical_arn().as_str(), "arn:aws:iam::111122223333:role/Dev");
        assert_eq!((session.user_id(), session.session_name()), ("AROACKCEVSQ6C2EXAMPLE", "ann@example.com"));
        assert_eq!(session.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    }

    #[test]
    fn an_answer_that_contradicts_itself_tells_nothing() {
        for answer in [
            ("999999999999", USER.1, USER.2),
            (USER.0, "arn:aws:iam::999999999999:user/Ann", USER.2),
            (USER.0, "arn:aws-cn:iam::111122223333:user/Ann", USER.2),
            (USER.0, "arn:aws:iam::111122223333:role/Dev", "AROACKCEVSQ6C2EXAMPLE"),
            (USER.0, "not an arn", USER.2),
            (USER.0, "arn:aws:iot::111122223333:thing/x", USER.2),
            ("999999999999", "arn:aws:sts::111122223333:self", USER.2),
            (USER.0, "arn:aws:sts::111122223333:assumed-role/path/Dev/a", "AROACKCEVSQ6C2EXAMPLE:a"),
            (SESSION.0, SESSION.1, "AROACKCEVSQ6C2EXAMPLE:someone-else"),
            (SESSION.0, SESSION.1, "AROACKCEVSQ6C2EXAMPLE"),
            (SESSION.0, SESSION.1, "AROACKCEVSQ6C2EXAMPLE:ann@example.com:ann@example.com"),
            (SESSION.0, SESSION.1, ":ann@example.com"),
            (SESSION.0, SESSION.1, "AROACKCEVSQ6C2EXAMPLE:ANN@example.com"),
            (SESSION.0, SESSION.1, "AROACKCEVSQ6C2EXAMPLE\0:ann@example.com"),
            (USER.0, "arn:aws:iam::111122223333:user/team/Ann ", USER.2),
            (USER.0, "arn:aws:iam::111122223333:user/team/\0Ann", USER.2),
            (USER.0, "arn:aws:iam:us-west-2:111122223333:user/Ann", USER.2),
            (USER.0, "arn:aws:iam::111122223333:user/", USER.2),
            (USER.0, "arn:aws:iam::111122223333:user/Ann", "AIDACKCEVSQ6C2EXAMPLE:Ann"),
            (USER.0, "arn:aws:iam::111122223333:group/Ann", USER.2),
            (USER.0, "arn:aws:sts::111122223333:assumed-role/Dev", "AROACKCEVSQ6C2EXAMPLE:a"),
            (USER.0, "arn:aws:sts::111122223333:assumed-role//a", "AROACKCEVSQ6C2EXAMPLE:a"),
            (USER.0, "arn:aws:sts::111122223333:federated-user/fred", "999999999999:fred"),
            (USER.0, "arn:aws:sts::111122223333:federated-user/fred", "111122223333:frida"),
        ] {
            let told = identify_answer(answer).err();
            assert_eq!(told, Some(sts::Outage::Answer(AnswerError::Contradiction).into()), "{answer:?}");
        }
    }

    #[test]
    fn a_principal_that_no_mapping_can_name_is_denied_and_not_retried() {
        for (arn, user_id) in [
            (
                "arn:aws:sts::111122223333:assumed-role/aws:ec2-instance/i-0123456789abcdef0",
                "111122223333:aws:ec2-instance:i-0123456789abcdef0",
            ),
            ("arn:aws:sts::111122223333:self", "111122223333"),
        ] {
            let vouched = identify_answer(("111122223333", arn, user_id)).unwrap();
            assert!(matches!(vouched, Vouched::Unmappable), "{arn}");
        }
    }
}
