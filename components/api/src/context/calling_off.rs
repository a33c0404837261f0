//! What becomes of work that the platform calls off.

use crate::{Failure, FailureKind, Reply};
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a handler has to end by itself once it is called off.
const GRACE: Duration = Duration::from_secs(5);

/// Does `work` until `terminated` says who called it off ("The workflow … was terminated …"). Then `called_off` fires;
/// work that does not end by itself soon after is dropped. Whatever it came to, it has failed then.
///
/// # Errors
/// That of `work`, or [`FailureKind::Cancelled`].
pub async fn unless_terminated(
    terminated: impl Future<Output = String> + Send,
    called_off: &CancellationToken,
    work: impl Future<Output = Result<Reply, Failure>> + Send,
) -> Result<Reply, Failure> {
    let mut work = pin!(work);
    let who = tokio::select! {
        biased;
        outcome = &mut work => return outcome,
        who = terminated => who,
    };
    called_off.cancel();
    match timeout(GRACE, work).await {
        // Another processor has the message, or will have.
        Ok(Err(failure)) if failure.kind() == FailureKind::Returned => Err(failure),
        ended => Err(answer(&who, ended.ok().as_ref())),
    }
}

/// `ended`: what the handler came to within the grace, if anything.
fn answer(who: &str, ended: Option<&Result<Reply, Failure>>) -> Failure {
    let handler = match ended {
        Some(Ok(_)) => " Its handler had come to its end nevertheless.".to_owned(),
        Some(Err(failure)) if failure.kind() != FailureKind::Cancelled => {
            format!(" Its handler ended with: {failure}")
        }
        Some(Err(_)) | None => String::new(),
    };
    let text = format!(
        "{who}, so the function was called off. What it had done by then stays done: its work may have been done in \
         part.{handler}"
    );
    Failure::with_kind(FailureKind::Cancelled, text)
}
