//! Looks over a large file beside the work: the start does not wait for it.

use super::{
    jobs::Job,
    schema::{self, OpenError},
};
use std::{path::Path, thread, time::Instant};
use tokio::sync::mpsc;

/// Begins; where a page is broken, the thread that has the file hears of it.
pub(super) fn begin(path: &Path, jobs: mpsc::WeakSender<Job>) {
    let place = path.to_owned();
    let work = move || {
        let begun = Instant::now();
        match schema::check(&place) {
            Ok(()) => tracing::debug!(took = ?begun.elapsed(), "the journal has been looked over"),
            Err(OpenError::Corrupt(_)) => {
                // It may be closed by now: then the next start finds it.
                let _ = jobs.upgrade().map(|jobs| jobs.blocking_send(Job::LookOver));
            }
            Err(OpenError::Refused(error)) => not_looked_over(&place, &error),
            Err(OpenError::Failed(error)) => not_looked_over(&place, &error.to_string()),
        }
    };
    if let Err(error) = thread::Builder::new().name("journal-check".to_owned()).spawn(work) {
        not_looked_over(path, &error.to_string());
    }
}

fn not_looked_over(path: &Path, error: &str) {
    tracing::warn!(error, journal = %path.display(), "the journal could not be looked over; it is used all the same");
}
