//! What the process is told from outside. The second request to stop ends it at once,
//! which loses nothing: every start is a recovery.

use std::convert::Infallible;
use std::future::Future;

use log_io::outcome::Exit;

/// Signals of this process.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on the signals are caught.
    pub fn new() -> anyhow::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Resolves at the first SIGTERM or Ctrl-C; from then on the next one ends the process.
    pub async fn stopped(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("told to stop a second time; stopping at once");
            // Whoever asks twice does not want to wait for threads.
            std::process::exit(Exit::Failed.code().into());
        });
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Calls `reload` at each SIGHUP, as long as the future is polled; it never ends.
pub fn on_hangup(reload: impl Fn()) -> anyhow::Result<impl Future<Output = Infallible>> {
    #[cfg(unix)]
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    Ok(async move {
        #[cfg(unix)]
        while hangup.recv().await.is_some() {
            reload();
        }
        #[cfg(not(unix))]
        let _ = reload;
        std::future::pending().await
    })
}
