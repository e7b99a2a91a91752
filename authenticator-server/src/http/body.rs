//! The body of a request, read within bounds.

use std::pin::pin;
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};

use super::places::{Charge, Share};
use super::{Answer, OVERLOADED, malformed, overloaded, text};
use crate::metrics;

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest body of a token and its wrapping. An API server sends it in one frame, if it may.
pub(super) const TOKEN_BODY_BYTES: u32 = 28 * 1024;

/// Why a request's body cannot be had.
pub(super) enum NoBody {
    BrokeOff,
    NoMemory,
    TooLarge,
    TooSlow,
}

impl NoBody {
    /// What it is answered with, and how that is counted.
    pub(super) fn answer(self, most: usize) -> (Answer, metrics::Result) {
        let (status, why) = match self {
            Self::NoMemory => return (overloaded(), OVERLOADED),
            Self::BrokeOff => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes")),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body took too long".to_owned()),
        };
        (text(status, why), malformed("body"))
    }
}

/// Reads a body of at most so many bytes. One that comes in pieces is charged for each of them.
pub(super) async fn read_body<B>(body: B, most: usize, charge: &mut Charge) -> Result<Bytes, NoBody>
where
    B: Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let announced = body.size_hint();
    // What is announced as too large is not waited for.
    if usize::try_from(announced.lower()).map_or(true, |announced| announced > most) {
        return Err(NoBody::TooLarge);
    }
    let may_be_token = announced.upper().is_some_and(|most| most <= u64::from(TOKEN_BODY_BYTES));
    let share = if may_be_token { Share::Bodies } else { Share::LargeBodies };
    let read = async {
        let mut body = pin!(body);
        // Copied out of the buffers of its frames: whoever sends a byte a frame would else keep a buffer for each.
        let mut bytes = Vec::new();
        while let Some(frame) = body.as_mut().frame().await {
            let Ok(data) = frame.map_err(|_| NoBody::BrokeOff)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > most {
                return Err(NoBody::TooLarge);
            }
            if bytes.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            if length > bytes.capacity() {
                let capacity = length.next_power_of_two();
                if !charge.grow(share, capacity - bytes.capacity()) {
                    return Err(NoBody::NoMemory);
                }
                bytes.reserve_exact(capacity - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.into())
    };
    tokio::time::timeout(BODY_TIMEOUT, read).await.unwrap_or(Err(NoBody::TooSlow))
}

#[cfg(test)]
mod tests {
    use super::TOKEN_BODY_BYTES;
    use crate::token::Limits;

    #[test]
    fn the_largest_token_and_its_wrapping_fit_into_one_frame() {
        assert!(usize::try_from(TOKEN_BODY_BYTES).unwrap() >= Limits::TOKEN_BYTES.end() + 4096);
    }
}
