//! The service over HTTP.

use crate::{Progress, Scanner, Settings};
use action_component::{Failure, Section};
use reqwest::{Client, Proxy, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde_json::json;
use std::{fmt, time::Duration};

/// `POST scans`, `GET scans/<scan>`, `DELETE scans/<scan>` below the service's URL.
pub struct HttpScanner {
    client: Client,
    url: Url,
    api_key: String,
}

/// The service's answer to `POST scans`.
#[derive(Deserialize)]
struct Begun {
    id: String,
}

// === impl HttpScanner ===

impl HttpScanner {
    /// By the proxy and with the deadline of `[integrations]`, as every component's calls should go.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(settings: &Settings, integrations: &Section) -> Result<Self, Failure> {
        // The first one wins, and it is the same for all.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let seconds = integrations.get("timeout").and_then(|seconds| seconds.parse().ok()).unwrap_or(30.0);
        let mut client = Client::builder().timeout(Duration::try_from_secs_f64(seconds)?);
        if let Some(proxy) = integrations.get("https_proxy") {
            client = client.proxy(Proxy::https(proxy)?);
        }
        // What is joined to a URL replaces its last part, unless that ends in a slash.
        let url = format!("{}/", settings.url.trim_end_matches('/')).parse::<Url>();
        let url = url.map_err(|error| Failure::new(format!("[long_running] url: {error}")))?;
        Ok(Self { client: client.build()?, url, api_key: settings.api_key.clone() })
    }

    fn scans(&self, scan: Option<&str>) -> Result<Url, Failure> {
        let mut url = self.url.join("scans")?;
        if let (Some(scan), Ok(mut path)) = (scan, url.path_segments_mut()) {
            path.push(scan);
        }
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        Ok(request.bearer_auth(&self.api_key).send().await?.error_for_status()?)
    }
}

impl Scanner for HttpScanner {
    async fn start(&self, host: &str, request: &str) -> Result<String, Failure> {
        let order = json!({ "host": host, "request": request });
        let begun: Begun = self.send(self.client.post(self.scans(None)?).json(&order)).await?.json().await?;
        Ok(begun.id)
    }

    async fn progress(&self, scan: &str) -> Result<Progress, Failure> {
        Ok(self.send(self.client.get(self.scans(Some(scan))?)).await?.json().await?)
    }

    async fn stop(&self, scan: &str) -> Result<(), Failure> {
        self.send(self.client.delete(self.scans(Some(scan))?)).await?;
        Ok(())
    }
}

/// Without the key.
impl fmt::Debug for HttpScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpScanner").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
