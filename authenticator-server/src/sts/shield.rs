//! What stands between the callers and STS: one flight for each token, and answers kept while they are fresh.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::{AskError, CallerIdentity, Client};
use crate::token::{PresignedRequest, TokenDigest};

/// How much the shield may keep, and how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShieldLimits {
    /// How long an identity is taken as fresh. STS's word on a signature does not change within it; whether the identity is
    /// still mapped is decided at every request.
    pub fresh: Duration,
    /// The most bytes of identities that are kept.
    pub max_bytes: u64,
}

impl Default for ShieldLimits {
    fn default() -> Self {
        Self { fresh: Duration::from_secs(30), max_bytes: 4 * 1024 * 1024 }
    }
}

/// Asks STS once for each token, however many ask at the same time.
///
/// Identities are kept, never decisions, and never a refusal. The key is the digest of the whole token, so no two tokens can
/// be taken for each other. A token's own end is not looked at here: every request parses its token first.
#[derive(Debug)]
pub struct Shield {
    client: Client,
    identities: Cache<TokenDigest, Arc<CallerIdentity>>,
}

impl Shield {
    /// A shield in front of `client`.
    #[must_use]
    pub fn new(client: Client, limits: ShieldLimits) -> Self {
        let identities = Cache::builder()
            .max_capacity(limits.max_bytes)
            .weigher(|_: &TokenDigest, caller: &Arc<CallerIdentity>| weight(caller))
            .time_to_live(limits.fresh)
            .build();
        Self { client, identities }
    }

    /// Who signed `request`, which was read from the token of this `digest`.
    ///
    /// # Errors
    /// As [`Client::ask`]. An error is handed to everybody who waited for this flight, and forgotten.
    pub async fn ask(&self, digest: TokenDigest, request: &PresignedRequest) -> Result<Arc<CallerIdentity>, AskError> {
        let [spread, ..] = *digest.as_bytes();
        let flight = async { self.client.ask(request, spread).await.map(Arc::new) };
        self.identities.try_get_with(digest, flight).await.map_err(|error| (*error).clone())
    }
}

/// Bytes that one entry holds: the texts, and about 200 for the entry itself.
fn weight(caller: &CallerIdentity) -> u32 {
    u32::try_from(200 + caller.arn().len() + caller.user_id().len()).unwrap_or(u32::MAX)
}
