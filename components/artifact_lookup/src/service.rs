//! The reputation service.

use crate::Settings;
use action_component::Failure;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::OnceCell;

/// A client of the service. It keeps connections, so there is one for all messages, made when it is needed first.
#[derive(Debug, Default)]
pub(crate) struct Service(OnceCell<Client>);

/// What the service says of a value.
#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    verdict: String,
    #[serde(default)]
    score: Option<u8>,
}

// === impl Service ===

impl Service {
    /// What the service says of `value`; none where it does not know it.
    pub(crate) async fn look_up(&self, settings: &Settings, value: &str) -> Result<Option<Verdict>, Failure> {
        // An error's URL would show the user what was asked, and where.
        self.ask(settings, value).await.map_err(|error| {
            Failure::new(format!(
                "The reputation service: {}",
                action_component::with_causes(&error.without_url())
            ))
        })
    }

    async fn ask(&self, settings: &Settings, value: &str) -> reqwest::Result<Option<Verdict>> {
        let client = self.0.get_or_try_init(|| async { client() }).await?;
        let request = client
            .get(&settings.url)
            .query(&[("value", value)])
            .bearer_auth(&settings.api_key.0)
            .timeout(Duration::from_secs(settings.timeout));
        let answer = request.send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer.error_for_status()?.json().await.map(Some)
    }
}

fn client() -> reqwest::Result<Client> {
    // The first one wins, and it is the same for all.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().build()
}

// === impl Verdict ===

impl Verdict {
    /// `Reputation: malicious (93 of 100)`
    pub(crate) fn line(&self) -> String {
        match self.score {
            Some(score) => format!("Reputation: {} ({score} of 100)", self.verdict),
            None => format!("Reputation: {}", self.verdict),
        }
    }
}
