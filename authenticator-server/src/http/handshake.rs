//! A bound on what a TLS handshake may bring.
//!
//! The TLS library keeps a handshake message until it is whole, and takes one of 64 KiB. A real ClientHello has one or two KiB.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of a handshake: a ClientHello that fills a TLS record (16 KiB), and what comes after it.
pub(super) const HANDSHAKE_BYTES: usize = 18 * 1024;

/// A handshake brought more than that.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it is larger than {HANDSHAKE_BYTES} bytes")]
pub(super) struct TooLarge;

impl TooLarge {
    /// Whether this is why a handshake failed.
    pub(super) fn is_cause_of(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|cause| cause.is::<Self>())
    }
}

/// A connection that ends with an error when it has brought more than that and its handshake is not done.
pub(super) struct Handshaking<S> {
    stream: S,
    /// None when it is done.
    left: Option<usize>,
}

impl<S> Handshaking<S> {
    /// A connection on which nothing was read yet.
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, left: Some(HANDSHAKE_BYTES) }
    }

    /// The handshake is done: from now on it may bring as much as it likes.
    pub(super) const fn is_done(&mut self) {
        self.left = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Handshaking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if let Some(left) = self.left {
            let Some(left) = left.checked_sub(buffer.filled().len() - before) else {
                buffer.set_filled(before);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, TooLarge)));
            };
            self.left = Some(left);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Handshaking<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_handshake_may_bring_so_many_bytes_and_a_connection_any_number() {
        let mut bytes = [0; HANDSHAKE_BYTES];
        for (more, is_done, taken) in [(0, false, true), (1, false, false), (1, true, true)] {
            let source = vec![0; HANDSHAKE_BYTES + more];
            let mut stream = Handshaking::new(source.as_slice());
            stream.read_exact(&mut bytes).await.unwrap();
            if is_done {
                stream.is_done();
            }
            let read = stream.read_to_end(&mut Vec::new()).await;
            assert_eq!(read.as_ref().is_err_and(TooLarge::is_cause_of), !taken, "{more} {is_done}: {read:?}");
        }
    }
}
