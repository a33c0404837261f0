//! Has secrets filled into a function's inputs ([`filling`]) without holding up anything else.

#[cfg(doc)]
use crate::component::secrets::filling;
use crate::component::{
    CancellationToken, Failure, Message, Section,
    secrets::{
        Secrets,
        filling::{Filling, may_refer},
    },
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Messages whose secrets are looked up at the same time. A look-up may run a command of the operator's.
const MOST_AT_A_TIME: usize = 4;

/// Until a message is answered that its secrets cannot be had.
const LONGEST: Duration = Duration::from_secs(60);

/// Looks secrets up, off the threads that carry messages out.
#[derive(Debug)]
pub(super) struct Filler {
    places: Arc<Semaphore>,
    /// The sections whose operator has been told of a reference that is not allowed.
    told: Mutex<BTreeSet<String>>,
}

// === impl Filler ===

impl Default for Filler {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST_AT_A_TIME)), told: Mutex::default() }
    }
}

impl Filler {
    /// The same message with the secrets that its inputs name and `section` allows.
    ///
    /// # Errors
    /// A secret that is allowed cannot be had, or the daemon stops.
    pub(super) async fn fill_in(
        &self,
        message: Message,
        section: &Arc<Section>,
        secrets: &Arc<dyn Secrets>,
        shutdown: &CancellationToken,
    ) -> Result<Message, Failure> {
        if !may_refer(&message) {
            return Ok(message);
        }
        let looked_up = self.look_up(message.entered().clone(), section, secrets);
        let filling = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Failure::returned()),
            looked_up = tokio::time::timeout(LONGEST, looked_up) => looked_up.ok().flatten().ok_or_else(slow)?,
        };
        if !filling.refused.is_empty() {
            self.tell(section, &filling.refused);
        }
        for (input, reason) in &filling.missing {
            warn!(input, reason, "a secret that input_secrets allows cannot be filled into an input");
        }
        filling.into(message, secrets.clone())
    }

    /// `None` if it broke off.
    async fn look_up(
        &self,
        inputs: Value,
        section: &Arc<Section>,
        secrets: &Arc<dyn Secrets>,
    ) -> Option<Filling> {
        // Given back by the look-up itself: one that hangs counts for as long as it does.
        let place = self.places.clone().acquire_owned().await.ok()?;
        let (section, secrets) = (section.clone(), secrets.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let filling = Filling::of(inputs, &section, secrets.as_ref());
            drop(place);
            filling
        });
        looking.await.ok()
    }

    /// A hint for the operator, once for each component: it may be meant, and may be any text that begins with `$`.
    fn tell(&self, section: &Section, inputs: &BTreeSet<String>) {
        let inputs = inputs.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let first = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(section.name().to_owned())
        };
        if first {
            warn!(
                component = section.name(),
                inputs,
                "inputs look like references to secrets that input_secrets does not name, and are passed on as they are; \
                 name them in that key of the component's section if they are meant to be filled in"
            );
        } else {
            debug!(
                component = section.name(),
                inputs, "inputs that look like references are passed on as they are"
            );
        }
    }
}

fn slow() -> Failure {
    Failure::new(format!(
        "The secrets that the inputs name could not be had within {} s, so nothing has been done. Run it again later; \
         the processor's operator can see to the command or files that hold them.",
        LONGEST.as_secs()
    ))
}
