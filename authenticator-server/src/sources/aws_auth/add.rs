//! Writes a new entry into `aws-auth`, for a person who asks for it. The server itself writes nothing there.

use std::future::Future;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use mapping::format::aws_auth::{self, NewEntry};
use tokio::time::timeout;

use super::{NAME, NAMESPACE};
use crate::json;
use crate::sources::api_server::reason;
use crate::sources::clients::ANSWER_TIMEOUT;

/// Why there is no new entry.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The ConfigMap was edited between each reading and writing.
    #[error(
        "somebody else edits aws-auth all the time: it was read {TRIES} times, and was another one when it was to be written"
    )]
    Contended,
    /// The entry does not go with what is there.
    #[error(transparent)]
    Entry(#[from] aws_auth::AddError),
    /// There is no such ConfigMap.
    #[error(
        "there is no ConfigMap {NAME} in {NAMESPACE}, and none is made: see that this is the right cluster, and create it"
    )]
    Missing,
    /// The API server cannot be heard, or refuses.
    #[error("cannot {action} aws-auth: {}", json::visible_text(reason))]
    Server {
        /// What was tried.
        action: &'static str,
        /// What came of it.
        reason: String,
    },
}

/// Adds an entry, and gives the ConfigMap as it is then.
///
/// It is written only over the very object that was read, with get and update alone, the Go program's rights.
///
/// # Errors
/// As [`AddError`] says. Unless the API server took it and could not say so, nothing was written.
pub async fn add(client: kube::Client, entry: &NewEntry) -> Result<ConfigMap, AddError> {
    let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let params = PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) };
    for _ in 0..TRIES {
        let read = answer(api.get_opt(NAME)).await.map_err(|failed| failed.to("read"))?;
        let mut object = read.ok_or(AddError::Missing)?;
        // What has its resourceVersion is written only while it has that version.
        object.data = Some(entry.add_to(&object.data.unwrap_or_default())?);
        match answer(api.replace(NAME, &params, &object)).await {
            Err(failed) if failed.is_conflict => {}
            written => return written.map_err(|failed| failed.to("write")),
        }
    }
    Err(AddError::Contended)
}

struct Failed {
    reason: String,
    /// What was to be written was made of an older object.
    is_conflict: bool,
}

impl Failed {
    fn to(self, action: &'static str) -> AddError {
        AddError::Server { action, reason: self.reason }
    }
}

async fn answer<T>(asked: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
    match timeout(ANSWER_TIMEOUT, asked).await {
        Ok(answer) => answer.map_err(|error| Failed {
            reason: reason(&error),
            is_conflict: matches!(&error, kube::Error::Api(status) if status.code == CONFLICT),
        }),
        Err(_) => {
            let reason = format!("the API server does not answer within {ANSWER_TIMEOUT:?}");
            Err(Failed { reason, is_conflict: false })
        }
    }
}

const CONFLICT: u16 = 409;

/// Who the ConfigMap's `managedFields` say has written it.
const MANAGER: &str = "authenticator-server";

/// As often as the Go program (client-go's `retry.DefaultRetry`).
const TRIES: usize = 5;
