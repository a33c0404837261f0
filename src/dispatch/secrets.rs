//! Fills secrets into a function's inputs, where they are named there (`$NAME`, `^NAME`).
//!
//! Inputs are written by people on the platform, secrets belong to the operator. So only those are filled in that the
//! component's section names in `input_secrets`; any other reference is passed on as it came.

use crate::component::{
    CancellationToken, Failure, Kind, Message, Section,
    secrets::{Followed, Secrets},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// The key of a component's section.
const KEY: &str = "input_secrets";

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

/// What has come of one message's inputs.
#[derive(Default)]
struct Walk {
    found: bool,
    /// The inputs with references that are not allowed.
    refused: BTreeSet<String>,
    /// The inputs whose references lead nowhere, and why.
    missing: Vec<(String, String)>,
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
        let calls = matches!(message.kind(), Kind::Function | Kind::Connector);
        if !calls || !may_refer(message.entered()) {
            return Ok(message);
        }
        let looked_up = self.look_up(message.entered().clone(), section, secrets);
        let (inputs, walk) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Failure::returned()),
            looked_up = tokio::time::timeout(LONGEST, looked_up) => looked_up.ok().flatten().ok_or_else(slow)?,
        };
        if !walk.refused.is_empty() {
            self.tell(section, &walk.refused);
        }
        if !walk.missing.is_empty() {
            return Err(missing(&walk.missing));
        }
        Ok(if walk.found { message.with_secrets(inputs, secrets.clone()) } else { message })
    }

    /// `None` if it broke off.
    async fn look_up(
        &self,
        mut inputs: Value,
        section: &Arc<Section>,
        secrets: &Arc<dyn Secrets>,
    ) -> Option<(Value, Walk)> {
        // Given back by the look-up itself: one that hangs counts for as long as it does.
        let place = self.places.clone().acquire_owned().await.ok()?;
        let (section, secrets) = (section.clone(), secrets.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let allowed: Vec<&str> = section.list(KEY).collect();
            let mut walk = Walk::default();
            walk.through(&mut inputs, "", &|text| secrets.follow(section.name(), text, &allowed));
            drop(place);
            (inputs, walk)
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

// === impl Walk ===

impl Walk {
    /// Follows the references in every text of `value`, which is the input called `name`.
    fn through(&mut self, value: &mut Value, name: &str, follow: &dyn Fn(&str) -> Followed) {
        match value {
            Value::String(text) if has_sigil(text) => self.note(text, name, follow),
            Value::Array(values) => values.iter_mut().for_each(|value| self.through(value, name, follow)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    // Only the outermost names are the inputs'.
                    self.through(value, if name.is_empty() { field } else { name }, follow);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &mut String, name: &str, follow: &dyn Fn(&str) -> Followed) {
        let followed = follow(text);
        if followed.refused {
            self.refused.insert(name.to_owned());
        }
        self.missing.extend(followed.missing.into_iter().map(|why| (name.to_owned(), why)));
        if followed.found {
            self.found = true;
            *text = followed.text;
        }
    }
}

fn may_refer(value: &Value) -> bool {
    match value {
        Value::String(text) => has_sigil(text),
        Value::Array(values) => values.iter().any(may_refer),
        Value::Object(fields) => fields.values().any(may_refer),
        _ => false,
    }
}

fn has_sigil(text: &str) -> bool {
    text.contains(['$', '^'])
}

/// The reasons name files and commands of the operator's, so the platform's user is only told where they are.
fn missing(missing: &[(String, String)]) -> Failure {
    for (input, reason) in missing {
        warn!(input, reason, "a secret that input_secrets allows cannot be filled into an input");
    }
    let inputs: BTreeSet<&str> = missing.iter().map(|(input, _)| input.as_str()).collect();
    let inputs = inputs.into_iter().collect::<Vec<_>>().join(", ");
    Failure::new(format!(
        "The secret that this input names cannot be found: {inputs}. Nothing has been done. The processor's log says \
         where it was looked for."
    ))
}

fn slow() -> Failure {
    Failure::new(format!(
        "The secrets that the inputs name could not be had within {} s, so nothing has been done. Run it again later; \
         the processor's operator can see to the command or files that hold them.",
        LONGEST.as_secs()
    ))
}
