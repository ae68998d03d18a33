//! What SIGHUP does: the TLS certificate is read again.

use std::sync::Arc;

use crate::metrics::Metrics;
use crate::metrics::labels::Success;
use crate::tls::Tls;

/// What to call at a SIGHUP.
pub(super) fn reload(tls: Option<Arc<Tls>>, metrics: Arc<Metrics>) -> impl Fn() {
    let expiry = |tls: &Tls, metrics: &Metrics| metrics.http.set_tls_expiry(tls.expires().unwrap_or(0));
    if let Some(tls) = &tls {
        expiry(tls, &metrics);
    }
    move || {
        let Some(tls) = &tls else {
            tracing::info!("SIGHUP: there is no TLS certificate to read again");
            return;
        };
        match tls.reload() {
            Ok(()) => {
                tracing::info!("the TLS certificate was read again");
                metrics.http.tls_reload(Success::Ok);
                expiry(tls, &metrics);
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the TLS certificate stays as it was");
                metrics.http.tls_reload(Success::Failed);
            }
        }
    }
}
