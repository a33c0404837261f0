//! The way out through a proxy.

use super::{rest, settings};
use crate::support::proxies::TestProxy;
use action_processor::{
    rest::{ConnectError, Proxy, connect},
    secret::Secret,
    stomp::transport as stomp,
};
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

#[tokio::test]
async fn a_failure_names_the_proxy_and_what_names_it() {
    let platform = Platform::start().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let address = format!("u:hunter2@127.0.0.1:{closed}");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"] {
        let mut settings = settings(&platform);
        settings.proxy = Proxy::from_environment(environment(&[(name, &address)])).unwrap();
        let error = connect(settings).await.unwrap_err();
        assert!(matches!(error, ConnectError::Proxy { .. }) && error.is_transient(), "{error:?}");
        let text = error.to_string();
        let wanted = format!("the proxy 127.0.0.1:{closed} (from {name}) cannot be reached: ");
        assert!(text.contains(&wanted) && text.contains("refused"), "{text}");
        assert!(!text.contains("proxy_host") && !text.contains("hunter2"), "{text}");
    }
    let mut settings = settings(&platform);
    settings.proxy = Some(Proxy::new("no-such-proxy.invalid", 3128, None).unwrap());
    let text = connect(settings).await.unwrap_err().to_string();
    assert!(
        text.contains("the proxy no-such-proxy.invalid:3128 (from proxy_host) cannot be reached"),
        "{text}"
    );
}

#[tokio::test]
async fn a_proxy_that_does_not_let_through_is_told_from_one_that_is_away() {
    let platform = Platform::start().await;
    let (no_user, ftp) = ("407 Proxy Authentication Required", "ftp://u:hunter2@proxy.test");
    for (status, user, words) in [
        (no_user, None, "asks for a user and a password; set proxy_user and proxy_password"),
        (no_user, Some(("me".to_owned(), Secret::from("hunter2"))), "refuses the user or the password"),
        ("403 Forbidden", None, "does not let this call through"),
    ] {
        let proxy = TestProxy::http("never sent", status).await;
        let mut settings = settings(&platform);
        settings.address.plain_on_loopback = false;
        settings.proxy = Some(Proxy::new("127.0.0.1", proxy.address.port(), user).unwrap());
        let text = connect(settings).await.unwrap_err().to_string();
        assert!(text.contains(words) && text.contains("(from proxy_host)"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("tunnel error"), "{text}");
    }
    for error in [
        Proxy::new("ftp://proxy.test", 21, None).unwrap_err(),
        Proxy::from_environment(environment(&[("ALL_PROXY", ftp)])).unwrap_err(),
    ] {
        let named = error.starts_with("proxy_host: ") || error.starts_with("ALL_PROXY: ");
        assert!(named && error.contains("socks5://") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn both_links_choose_the_environments_proxy_by_one_rule() {
    let all = [
        ("HTTPS_PROXY", "http://secure.test:1"),
        ("ALL_PROXY", "http://any.test:1"),
        ("HTTP_PROXY", "http://plain.test:1"),
    ];
    for (from, expected) in
        [(0, "http://secure.test:1"), (1, "http://any.test:1"), (2, "http://plain.test:1")]
    {
        let lookup = environment(&all[from..]);
        let rest = Proxy::from_environment(&lookup).unwrap().unwrap().to_string();
        let stomp = stomp::Proxy::for_broker("env", "", "broker.test", &lookup).unwrap().unwrap().to_string();
        assert_eq!((rest.as_str(), stomp.as_str()), (expected, expected));
    }
}

#[test]
fn both_links_read_no_proxy_alike() {
    for (list, host, direct) in [
        ("localhost, .internal.test,10.0.0.0/8 ::1", "a.internal.test", true),
        ("*.internal.test", "a.b.internal.test", true),
        ("*.internal.test", "notinternal.test", false),
        ("internal.test:8443", "internal.test", true),
        ("[::1]:8443", "::1", true),
        ("INTERNAL.TEST", "a.internal.test", true),
        ("10.0.0.0/8", "10.1.2.3", true),
        ("10.0.0.0/8", "11.1.2.3", false),
        ("*", "anything.test", true),
        ("other.test", "broker.test", false),
        ("internal.test", "internal.test.", true),
    ] {
        for name in ["NO_PROXY", "no_proxy"] {
            let variables = [("ALL_PROXY", "http://any.test:1"), (name, list)];
            let lookup = environment(&variables);
            let rest = !Proxy::from_environment(&lookup).unwrap().unwrap().serves(host);
            let stomp = stomp::Proxy::for_broker("env", "", host, &lookup).unwrap().is_none();
            assert_eq!((rest, stomp), (direct, direct), "{list} {host}");
        }
    }
}
