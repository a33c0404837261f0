//! Looks an artifact up in a reputation service, and notes what it says in the artifact's description.
//!
//! What an author learns here: settings of one's own with a secret among them, a client for an outside service that is made
//! of them and that all messages of one section share, words from outside that are made safe before the platform shows them, and a change that may be made
//! again without being made twice.

mod service;

use action_component::{
    Component, Context, Failure, Message, Reply, handler_fn, text,
    value::{self, TextArea},
};
use serde::Deserialize;
use serde_json::Value;
use service::Service;

/// The section `[artifact_lookup]` of app.config.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the service is: what is looked up is added as `?value=…`.
    pub url: String,
    /// Its key.
    pub api_key: ApiKey,
    /// How long it may take to answer, in seconds.
    #[serde(default = "ten")]
    pub timeout: u64,
}

fn ten() -> u64 {
    10
}

/// A secret: it is not printed with the settings.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

/// What `processor config` writes for whoever sets the component up.
const SAMPLE: &str = "\
# Where the reputation service is.
url = https://reputation.example.com/v1/lookup
# Its key, from the environment.
api_key = $REPUTATION_API_KEY
# How long it may take to answer, in seconds.
#timeout = 10
";

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("artifact_lookup")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Looks an artifact up in a reputation service.")
        .configured::<Settings>(SAMPLE)
        .state(|section| Service::new(section.read()?))
        .on("Look Up Artifact", handler_fn(look_up))
}

/// Handles "Look Up Artifact".
async fn look_up(message: Message, cx: Context) -> Result<Reply, Failure> {
    let incident = message.incident_id().ok_or_else(|| Failure::new("The message names no incident."))?;
    let artifact = message.artifact().ok_or_else(|| Failure::new("The rule must be one on artifacts."))?;
    let (Some(id), Some(value)) = (artifact.id(), artifact.text("value")) else {
        return Err(Failure::new("The artifact has no value."));
    };
    let service = cx.state::<Service>()?;
    cx.status(format!("Looking {value} up…")).await;
    let Some(verdict) = service.look_up(value).await? else {
        return Ok(Reply::text(format!("{value} is not known.")));
    };
    let line = verdict.line();
    let path = format!("/incidents/{incident}/artifacts/{id}");
    cx.rest().get_put(&path, |artifact| note(artifact, &line)).await?;
    Ok(Reply::text(format!("{value}: {line}")))
}

/// Adds `line` to the artifact's description, unless it is there already: after a crash the handler runs again.
fn note(artifact: &mut Value, line: &str) {
    let before = value::text(&artifact["description"]).unwrap_or_default();
    if text::plain(before).contains(line) {
        return;
    }
    // What users wrote stays as it is; the service's words are text, whatever they look like.
    let separator = if before.is_empty() { "" } else { "<br>" };
    let after = format!("{before}{separator}{}", text::from_plain(line));
    artifact["description"] = TextArea::html(after).into();
}
