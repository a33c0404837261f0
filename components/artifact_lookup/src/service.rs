//! The reputation service.

use crate::Settings;
use action_component::Failure;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use std::time::Duration;

/// A client of the service. It keeps connections, so there is one for all messages of a section.
#[derive(Debug)]
pub(crate) struct Service {
    settings: Settings,
    client: Client,
}

/// What the service says of a value.
#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    verdict: String,
    #[serde(default)]
    score: Option<u8>,
}

// === impl Service ===

impl Service {
    /// As the section says. What is wrong with it comes out when it is made.
    pub(crate) fn new(settings: Settings) -> Result<Self, Failure> {
        // The first one wins, and it is the same for all.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().timeout(Duration::from_secs(settings.timeout)).build()?;
        Ok(Self { settings, client })
    }

    /// What the service says of `value`; none where it does not know it.
    pub(crate) async fn look_up(&self, value: &str) -> Result<Option<Verdict>, Failure> {
        // An error's URL would show the user what was asked, and where.
        self.ask(value).await.map_err(|error| {
            Failure::new(format!(
                "The reputation service: {}",
                action_component::with_causes(&error.without_url())
            ))
        })
    }

    async fn ask(&self, value: &str) -> reqwest::Result<Option<Verdict>> {
        let Settings { url, api_key, .. } = &self.settings;
        let request = self.client.get(url).query(&[("value", value)]).bearer_auth(&api_key.0);
        let answer = request.send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        answer.error_for_status()?.json().await.map(Some)
    }
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
