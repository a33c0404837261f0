//! What the handler wants of the service.

use action_component::Failure;
use serde::Deserialize;
use std::future::Future;

/// Scans hosts.
pub trait Scanner: Send + Sync + 'static {
    /// Begins to scan `host`, and gives the scan's name. The same `request` again begins nothing new.
    fn start(&self, host: &str, request: &str) -> impl Future<Output = Result<String, Failure>> + Send;

    /// How far a scan is.
    fn progress(&self, scan: &str) -> impl Future<Output = Result<Progress, Failure>> + Send;

    /// Stops a scan that nobody wants any longer.
    fn stop(&self, scan: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How far a scan is: `{"state": "running", "percent": 40}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Progress {
    /// It goes on.
    Running {
        /// How much has been scanned.
        percent: u8,
    },
    /// It is over.
    Done {
        /// What was found, in a sentence.
        verdict: String,
    },
    /// It is over, and nothing is known of the host.
    Failed {
        /// Why.
        reason: String,
    },
}
