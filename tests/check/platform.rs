//! The platform's layers. None of these needs a broker: the platform comes first.

use jiff::{ToSpan, Zoned};
use serde_json::json;
use stand_in_platform::{EMAIL, Fault, Platform};

use super::{Checked, Served, connect, silent_port, unused_port};
use crate::support::certificates::{Authority, Request};
use crate::support::proxies::TestProxy;
use crate::support::tls_server::TlsServer;

/// The broker's lines follow the platform's; in these tests nobody is there.
fn assert_failed(checked: &Checked, code: i32, step: &str, words: &[&str]) {
    let (platform, broker) = checked.text.split_once("STOMP localhost").unwrap();
    assert!(broker.contains("tcp            failed"), "{broker}");
    let platform = Checked { code: checked.code, text: platform.to_owned() };
    platform.assert_failed(code, step, words);
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_unreachable() {
    let served = Served::start().await;
    let port = unused_port().await.to_string();
    let config = served.without_broker().await.set("resilient", "port", &port);
    let checked = connect(&config).await;
    assert_failed(&checked, 20, "tcp", &["refused", "check host and port"]);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unreachable() {
    let served = Served::start().await;
    let config = served.without_broker().await;
    let config = config.set("resilient", "host", "soar.invalid").set("resilient", "stomp_host", "localhost");
    let checked = connect(&config).await;
    assert_failed(&checked, 20, "dns", &["soar.invalid", "DNS"]);
}

#[tokio::test]
async fn a_port_that_says_nothing_does_not_hold_the_check_up() {
    let served = Served::start().await;
    let (_listener, port) = silent_port().await;
    let config = served.without_broker().await;
    let config =
        config.set("resilient", "port", &port.to_string()).set("resilient", "selftest_timeout", "0.5");
    let checked = connect(&config).await;
    assert_failed(&checked, 20, "tls", &["no answer within 0.5 s", "selftest_timeout"]);
}

#[tokio::test]
async fn a_platform_that_lets_in_and_says_nothing_does_not_hold_the_check_up() {
    let served = Served::start().await;
    served.platform.fault(Fault::hang());
    let config = served.without_broker().await.set("resilient", "selftest_timeout", "3");
    let checked = connect(&config).await;
    assert_failed(&checked, 20, "login", &["no answer within 3 s"]);
    assert_eq!(checked.lines("tls", "ok").len(), 1, "{}", checked.text);
}

#[tokio::test]
async fn a_wrong_api_key_is_unauthorized() {
    let served = Served::start().await;
    let config = served.without_broker().await.set("resilient", "api_key_secret", "not-this-one");
    let checked = connect(&config).await;
    assert_failed(&checked, 21, "login", &["api_key_secret"]);
    assert!(!checked.text.contains("not-this-one"), "{}", checked.text);
}

#[tokio::test]
async fn a_platform_that_is_busy_is_told_in_its_own_words() {
    let served = Served::start().await;
    served.platform.fault(Fault::status(503).body(r#"{"message": "Closed for maintenance"}"#));
    let checked = connect(&served.without_broker().await).await;
    assert_failed(&checked, 20, "login", &["503", "Closed for maintenance"]);
}

#[tokio::test]
async fn a_wrong_password_of_a_user_is_told_as_one() {
    let served = Served::start().await;
    let config = served.without_broker().await;
    let config = config.set("resilient", "api_key_id", "").set("resilient", "api_key_secret", "");
    let config = config.set("resilient", "email", EMAIL).set("resilient", "password", "not-this-one");
    let checked = connect(&config).await;
    assert_failed(&checked, 25, "login", &[EMAIL, "password in app.config"]);
    assert!(!checked.text.contains("not-this-one"), "{}", checked.text);
}

#[tokio::test]
async fn an_organization_of_others_is_told_with_those_there_are() {
    let served = Served::with(two_organizations()).await;
    let config = served.without_broker().await.set("resilient", "org", "Gamma");
    assert_failed(&connect(&config).await, 24, "organization", &["\"Gamma\"", "Alpha, Beta"]);
}

#[tokio::test]
async fn several_organizations_and_none_named_are_listed() {
    let served = Served::with(two_organizations()).await;
    let config = served.without_broker().await.set("resilient", "org", "");
    assert_failed(&connect(&config).await, 24, "organization", &["org in app.config", "Alpha, Beta"]);
}

#[tokio::test]
async fn an_organization_without_the_action_module_is_told_so() {
    let organization = json!({ "id": 7, "name": "Plain", "actions_framework_enabled": false });
    let served = Served::with(Platform::builder().organizations([organization])).await;
    let config = served.without_broker().await.set("resilient", "org", "Plain");
    let checked = connect(&config).await;
    assert_failed(&checked, 1, "action module", &["Plain", "actions_framework_enabled"]);
    assert!(checked.lines("organization", "ok")[0].contains("Plain (id 7)"), "{}", checked.text);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_names_it_is_for() {
    let certificate = Request::server(["other.example.com"]);
    let served = Served::showing(&certificate, Platform::builder()).await;
    let checked = connect(&served.without_broker().await).await;
    let words = ["not for `localhost` but for other.example.com", "What to do"];
    assert_failed(&checked, 23, "tls", &words);
    assert!(served.platform.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (served, other) = (Served::start().await, Authority::new("another CA").file());
    let cafile = other.path().display().to_string();
    let config = served.without_broker().await.set("resilient", "cafile", &cafile);
    assert_failed(&connect(&config).await, 23, "tls", &["CA of the platform", "`cafile`"]);
    assert!(served.platform.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning() {
    let end = Zoned::now().checked_add(10.days()).unwrap();
    let (year, month, day) = (end.year().into(), end.month() as u8, end.day() as u8);
    let certificate = Request::server(["localhost"]).ending(year, month, day);
    let served = Served::showing(&certificate, Platform::builder()).await;
    let checked = connect(&served.without_broker().await).await;
    assert_eq!(checked.lines("tls", "warning").len(), 1, "{}", checked.text);
    assert!(checked.lines("tls", "warning")[0].contains("expires in"), "{}", checked.text);
    assert_eq!(checked.lines("action module", "ok").len(), 1, "{}", checked.text);
}

#[tokio::test]
async fn a_proxy_is_a_layer_of_its_own() {
    let served = Served::start().await;
    let mut proxy = TestProxy::http("", "").await;
    let config = served.without_broker().await.set("resilient", "proxy_host", "127.0.0.1");
    let config = config.set("resilient", "proxy_port", &proxy.address.port().to_string());
    let checked = connect(&config).await;
    assert_eq!(checked.lines("proxy", "ok").len(), 1, "{}", checked.text);
    assert_eq!(checked.lines("action module", "ok").len(), 1, "{}", checked.text);
    assert!(proxy.request().await.starts_with("CONNECT localhost:"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_the_layer_that_fails() {
    let served = Served::start().await;
    let proxy = TestProxy::http("never sent", "403 Forbidden").await;
    let config = served.without_broker().await.set("resilient", "proxy_host", "127.0.0.1");
    let config = config.set("resilient", "proxy_port", &proxy.address.port().to_string());
    assert_failed(&connect(&config).await, 20, "proxy", &["proxy_host"]);
}

fn two_organizations() -> stand_in_platform::Builder {
    Platform::builder()
        .organizations([json!({ "id": 1, "name": "Alpha" }), json!({ "id": 2, "name": "Beta" })])
}

#[tokio::test]
async fn a_platform_under_another_name_has_a_key_of_its_own() {
    let certificate = Request::server(["soar.example.com"]);
    let served = Served::showing(&certificate, Platform::builder()).await;
    let config = served.without_broker().await;
    // Whatever the REST key says, the broker's certificate must be for the broker.
    let broker = TlsServer::start(Authority::new("CA").issue(&certificate).server_config()).await;
    let config = config.set("resilient", "stomp_port", &broker.port().to_string());
    let config = config.set("resilient", "stomp_cafile", &served.cafile.path().display().to_string());
    let broker_only = config.clone().set("resilient", "tls_server_name", "soar.example.com");
    for config in [&config, &broker_only] {
        let text = connect(config).await.text;
        let (platform, _) = text.split_once("STOMP localhost").unwrap();
        assert!(
            platform.contains("not for `localhost`") && platform.contains("rest_tls_server_name"),
            "{text}"
        );
    }
    let checked = connect(&config.set("resilient", "rest_tls_server_name", "soar.example.com")).await;
    let (platform, broker) = checked.text.split_once("STOMP localhost").unwrap();
    assert!(platform.contains("action module  ok"), "{}", checked.text);
    assert!(broker.contains("refused") && !broker.contains("login"), "{}", checked.text);
}
