//! The way out through a proxy.

use super::{rest, settings};
use action_processor::{rest::Proxy, secret::Secret};
use serde_json::{Value, json};
use stand_in_platform::Platform;
use std::collections::HashMap;

/// A proxy for plain HTTP is a server that is asked for whole addresses; the stand-in routes by path, so it plays one.
async fn proxy() -> Platform {
    let proxy = Platform::start().await;
    proxy.set("/users", json!(["by proxy"]));
    proxy
}

fn environment(values: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let values: HashMap<String, String> =
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| values.get(name).cloned()
}

#[tokio::test]
async fn the_proxy_of_app_config_is_used_with_its_user() {
    let (platform, proxy) = (Platform::start().await, proxy().await);
    let mut settings = settings(&platform);
    let user = Some(("me".to_owned(), Secret::from("proxy-secret")));
    settings.proxy = Some(Proxy::new("127.0.0.1", proxy.port(), user).unwrap());
    assert!(!format!("{settings:?}").contains("proxy-secret"));
    let users: Value = rest(settings).await.get("/users").await.unwrap();
    assert_eq!(users, json!(["by proxy"]));
    assert!(platform.requests().is_empty());
    assert!(proxy.requests()[0].header("proxy-authorization").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn the_environment_names_a_proxy_and_exceptions() {
    let (platform, proxy) = (Platform::start().await, proxy().await);
    let address = format!("http://u:p%40ss@127.0.0.1:{}", proxy.port());
    let found = Proxy::from_environment(environment(&[("https_proxy", &address)])).unwrap().unwrap();
    assert!(!format!("{found:?}").contains("p@ss") && !format!("{found:?}").contains("p%40ss"));
    let mut through = settings(&platform);
    through.proxy = Some(found);
    rest(through).await;
    assert!(platform.requests().is_empty());

    let except = [("HTTP_PROXY", address.as_str()), ("NO_PROXY", "example.com, 127.0.0.0/8")];
    let mut direct = settings(&platform);
    direct.proxy = Proxy::from_environment(environment(&except)).unwrap();
    let before = proxy.requests().len();
    rest(direct).await;
    assert_eq!((platform.requests().len(), proxy.requests().len()), (2, before));
}

#[test]
fn an_environment_without_a_proxy_means_none() {
    assert!(Proxy::from_environment(environment(&[("HTTPS_PROXY", " ")])).unwrap().is_none());
}

#[test]
fn a_proxy_that_is_no_address_is_told_without_its_password() {
    let error = Proxy::from_environment(environment(&[("HTTPS_PROXY", "http://u:secret@[")])).unwrap_err();
    assert!(error.starts_with("HTTPS_PROXY: ") && !error.contains("secret"), "{error}");
}
