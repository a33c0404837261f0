//! File descriptors: as many as the process may have, and what is done when there are none left. That passes, and is
//! neither the other side's fault nor a message's: whatever needs one waits.

use rustix::{
    io::Errno,
    process::{Resource, getrlimit, setrlimit},
};
use std::{
    error::Error,
    fs::File,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Until one is asked for again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// After this long without a shortage, the next one is another.
const OVER: Duration = Duration::from_mins(1);

/// When there was none left, for the last time.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

/// Allows the process as many as its hard limit does: the soft one is that low for programs that use `select`.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, the process has what it had.
    let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
}

/// Whether the process, or the machine, had no descriptor left for this.
pub(crate) fn ran_out(error: &(dyn Error + 'static)) -> bool {
    let own = error.downcast_ref::<io::Error>();
    own.is_some_and(is_limit)
        || own.and_then(io::Error::get_ref).is_some_and(|inner| ran_out(inner))
        || error.source().is_some_and(ran_out)
}

/// The same of one error alone.
pub(crate) fn is_limit(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// Whether there is none left now: a name's look-up that finds none says something else.
pub(crate) fn none_left() -> bool {
    File::open("/dev/null").is_err_and(|error| is_limit(&error))
}

/// Says once, however long it lasts, what is short.
pub(crate) fn report(error: &dyn std::fmt::Display) {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).replace(Instant::now());
    if last.is_none_or(|last| last.elapsed() > OVER) {
        let limit = getrlimit(Resource::Nofile).current;
        tracing::error!(
            %error,
            limit,
            "the process has no file descriptors left; messages wait. Raise LimitNOFILE in the unit, or `ulimit -n`"
        );
    }
}

/// Says so, and waits a little.
pub(crate) async fn wait(error: &(dyn std::fmt::Display + Sync)) {
    report(error);
    tokio::time::sleep(RETRY_DELAY.mul_f64(0.5 + fastrand::f64())).await;
}
