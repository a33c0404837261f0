//! The REST client against the stand-in platform.

#![allow(clippy::unwrap_used, reason = "tests, and what they share")]

mod calls;
mod connecting;
mod data;
mod files;
mod kept;
mod lost_writes;
mod patching;
mod proxies;
mod retries;
mod sessions;
mod tls;
mod updates;

use action_processor::{
    component::{
        Rest,
        rest::{Backend, ContextToken},
    },
    rest::{Address, Credentials, Retries, Settings, connect},
    secret::Secret,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use stand_in_platform::{API_KEY_ID, API_KEY_SECRET, EMAIL, PASSWORD, Platform};
use std::{sync::Arc, time::Duration};

/// The token of the message that the tests' calls are made for.
const TOKEN: &str = "token-of-the-message";

/// An API key, plain HTTP, retries without waiting.
fn settings(platform: &Platform) -> Settings {
    let mut address = Address::new("127.0.0.1");
    address.port = platform.port();
    address.plain_on_loopback = true;
    let mut settings = Settings::new(address, api_key(), client_tls(RootCertStore::empty()));
    settings.retries = Retries { delay: Duration::from_millis(1), ..Retries::default() };
    settings
}

fn api_key() -> Credentials {
    Credentials::ApiKey { id: API_KEY_ID.to_owned(), secret: Secret::from(API_KEY_SECRET) }
}

fn user() -> Credentials {
    Credentials::User { email: EMAIL.to_owned(), password: Secret::from(PASSWORD) }
}

fn client_tls(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What a handler gets, once `settings` have led to the platform.
async fn rest(settings: Settings) -> Rest {
    let backend: Arc<dyn Backend> = Arc::new(connect(settings).await.unwrap());
    Rest::new(backend, Some(ContextToken::from(TOKEN)))
}

/// What a handler gets, with an API key.
async fn rest_of(platform: &Platform) -> Rest {
    rest(settings(platform)).await
}
