//! `SIGHUP`: whoever reads files reads them again.

use std::convert::Infallible;
use std::future::pending;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Hears that files are to be read again. Each clone hears it for itself; what came while nobody listened is heard once.
#[derive(Clone, Debug)]
pub struct Reload(watch::Receiver<()>);

impl Reload {
    /// Takes `SIGHUP`, which would else end the process. Whoever has the second value must run it.
    ///
    /// # Errors
    /// When the signal cannot be taken.
    pub fn on_hangup() -> io::Result<(Self, impl Future<Output = Infallible> + Send + 'static)> {
        let mut hangup = signal(SignalKind::hangup())?;
        let (sender, receiver) = watch::channel(());
        let pass_on = async move {
            loop {
                match hangup.recv().await {
                    Some(()) => {
                        tracing::info!("reading files again (SIGHUP)");
                        // Nobody may be listening.
                        let _ = sender.send(());
                    }
                    None => pending().await,
                }
            }
        };
        Ok((Self(receiver), pass_on))
    }

    /// Returns when it was asked for again.
    pub async fn asked(&mut self) {
        if self.0.changed().await.is_err() {
            // Whoever heard the signal is gone: it never comes again.
            pending().await
        }
    }
}

#[cfg(test)]
impl Reload {
    /// One that the other value makes hear.
    pub(crate) fn by_hand() -> (watch::Sender<()>, Self) {
        let (sender, receiver) = watch::channel(());
        (sender, Self(receiver))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_clone_hears_and_what_came_meanwhile_is_heard_once() {
        let (sender, mut first) = Reload::by_hand();
        let mut second = first.clone();
        sender.send(()).unwrap();
        sender.send(()).unwrap();
        first.asked().await;
        second.asked().await;
        assert!(tokio::time::timeout(std::time::Duration::ZERO, first.asked()).await.is_err());
    }
}
