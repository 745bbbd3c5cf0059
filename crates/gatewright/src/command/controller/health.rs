//! Whether a controller is ready, for the admin listener.

use std::sync::Arc;

use gatewright_controller::Vitals;
use tokio::sync::watch;

use crate::admin::{Answer, Show};

/// A controller is ready once its Plans are out, whether or not it leads. It stays so when the API server goes away:
/// proxies are served what was known last.
pub(super) struct Health {
    pub(super) vitals: Arc<Vitals>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Show for Health {
    const INDEX: &'static str = "/healthz  the process lives
/readyz   the cluster is known and its Plans are out
/metrics  for Prometheus
";

    fn unready(&self) -> Option<&'static str> {
        match (*self.stop.borrow(), self.vitals.is_ready()) {
            (true, _) => Some("stopping\n"),
            (false, false) => Some("the cluster is not known yet\n"),
            (false, true) => None,
        }
    }

    fn page(&self, _path: &str) -> Option<Answer> {
        None
    }
}
