//! What the sign-in service answers, judged before aws-config takes it as it comes: a session that lasts less than no time would end the
//! program there.

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;

/// A client whose answers can be taken as they come.
pub(in crate::credentials) fn judged(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Judged(client.http_connector(settings, components)))
    })
}

#[derive(Debug)]
struct Judged(SharedHttpConnector);

impl HttpConnector for Judged {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body = body.map_err(|error| ConnectorError::other(error, None))?.to_bytes();
            if answer.status().is_success() {
                judge(&body).map_err(|error| ConnectorError::other(error.into(), None))?;
            }
            *answer.body_mut() = body.into();
            Ok(answer)
        })
    }
}

/// What is taken on trust of a renewed session.
#[derive(Deserialize)]
struct Renewed {
    /// In seconds.
    #[serde(rename = "expiresIn")]
    _expires_in: u32,
}

/// The answer is not a session that lasts.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the answer of the sign-in service does not say in expiresIn for how many seconds the session lasts")]
struct NoSession;

fn judge(body: &[u8]) -> Result<(), NoSession> {
    serde_json::from_slice::<Renewed>(body).map(drop).map_err(|_| NoSession)
}

/// Tokens have some kilobytes.
const MAX_ANSWER: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_says_how_long_it_lasts() {
        for body in [r#"{"expiresIn":900,"accessToken":{"expiresIn":-1}}"#, r#"{"a":[{}],"expiresIn":0}"#] {
            assert_eq!(judge(body.as_bytes()), Ok(()), "{body}");
        }
        for body in [
            r#"{"expiresIn":-1}"#,
            r#"{"expiresIn":-9223372036854775808}"#,
            r#"{"expiresIn":900,"expiresIn":-1}"#,
            r#"{"expiresIn":"900"}"#,
            r#"{"accessToken":{"expiresIn":900}}"#,
            "<html>",
        ] {
            assert_eq!(judge(body.as_bytes()), Err(NoSession), "{body}");
        }
    }
}
