//! The way to the broker through proxies, and past them.
#![allow(clippy::unwrap_used, reason = "in a test, a failed preparation is a failed test")]

use action_processor::stomp::transport::{DialError, Dialer, InvalidProxy, Protocol, Proxy, ProxyFailure};
use action_processor::tls::{Purpose, Roots, Settings, client_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, Request};
use crate::support::proxies::TestProxy;
use crate::support::tls_server::TlsServer;

/// A broker at `broker.test`, which only a proxy can resolve, and at `127.0.0.1`.
async fn broker() -> (TlsServer, Dialer) {
    let ca = Authority::new("Our CA");
    let server =
        TlsServer::start(ca.issue(&Request::server(["broker.test", "localhost"])).server_config()).await;
    let cafile = ca.file();
    let settings = Settings {
        purpose: Purpose {
            label: "STOMP",
            option: "stomp_cafile",
            name_option: Some("tls_server_name"),
            server: "broker.test:65001".into(),
        },
        roots: Roots::File(cafile.path().into()),
        client_certificate: None,
        server_name: None,
    };
    let tls = client_config(&settings).unwrap();
    let dialer =
        Dialer { host: "broker.test".into(), port: server.port(), tls, server_name: None, proxy: None };
    (server, dialer)
}

async fn dial(mut dialer: Dialer, proxy: &str) -> Result<(), DialError> {
    dialer.proxy = Proxy::for_broker(proxy, "", &dialer.host, no_env).unwrap();
    dialer.dial().await?.write_all(b"CONNECT\n\n\0").await.unwrap();
    Ok(())
}

async fn failure(dialer: Dialer, proxy: &str) -> ProxyFailure {
    match dial(dialer, proxy).await.unwrap_err() {
        DialError::Proxy { source, .. } => source,
        other => unreachable!("{other}"),
    }
}

fn no_env(_: &str) -> Option<String> {
    None
}

// === HTTP CONNECT ===

#[tokio::test]
async fn an_http_proxy_gets_basic_credentials_and_the_brokers_name() {
    // "Aladdin:open sesame", the example of RFC 7617.
    let mut proxy =
        TestProxy::http("Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "407 No").await;
    let (mut server, dialer) = broker().await;
    let port = dialer.port;
    dial(dialer, &format!("http://Aladdin:open%20sesame@{}", proxy.address)).await.unwrap();
    assert!(
        proxy
            .request()
            .await
            .starts_with(&format!("CONNECT broker.test:{port} HTTP/1.1\r\nHost: broker.test:"))
    );
    assert_eq!(server.connection().await.received, b"CONNECT\n\n\0");
}

#[tokio::test]
async fn an_http_proxy_that_wants_credentials_is_told_from_one_that_refuses_them() {
    let proxy = TestProxy::http("never", "407 Proxy Authentication Required").await;
    let (_server, dialer) = broker().await;
    let missing = failure(dialer.clone(), &format!("http://{}", proxy.address)).await;
    assert!(matches!(missing, ProxyFailure::CredentialsMissing), "{missing}");
    let refused = failure(dialer, &format!("http://user:wrong@{}", proxy.address)).await;
    assert!(matches!(refused, ProxyFailure::CredentialsRefused), "{refused}");
}

#[tokio::test]
async fn an_http_proxys_refusal_is_told_in_its_words_and_without_credentials() {
    let proxy = TestProxy::http("never", "403 Not to port 65001").await;
    let (_server, dialer) = broker().await;
    let error = dial(dialer, &format!("http://user:hunter2@{}", proxy.address)).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("403 Not to port 65001") && text.contains(&proxy.address.to_string()), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_port_that_is_no_proxy_is_called_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.test ESMTP\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    let (_server, dialer) = broker().await;
    for scheme in ["http", "socks5h"] {
        let failure = failure(dialer.clone(), &format!("{scheme}://{address}")).await;
        assert!(matches!(failure, ProxyFailure::NotAProxy(_)), "{failure}");
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_told_from_the_broker() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (_server, dialer) = broker().await;
    let error = dial(dialer, &format!("http://user:hunter2@{closed}")).await.unwrap_err();
    assert!(matches!(error, DialError::Connect { .. }), "{error}");
    assert!(error.to_string().contains(&format!("the proxy http://{closed}")), "{error}");
}

// === SOCKS 5 ===

#[tokio::test]
async fn socks5h_leaves_the_name_to_the_proxy() {
    let mut proxy = TestProxy::socks(None, 0).await;
    let (mut server, dialer) = broker().await;
    let port = dialer.port;
    dial(dialer, &format!("socks5h://{}", proxy.address)).await.unwrap();
    assert_eq!(proxy.request().await, format!("name broker.test {port}"));
    assert_eq!(server.connection().await.received, b"CONNECT\n\n\0");
}

#[tokio::test]
async fn socks5_resolves_the_name_here() {
    let (_server, dialer) = broker().await;
    let proxy = TestProxy::socks(None, 0).await;
    let unresolved = failure(dialer, &format!("socks5://{}", proxy.address)).await;
    assert!(matches!(unresolved, ProxyFailure::Resolve { .. }), "{unresolved}");
}

#[tokio::test]
async fn socks5_sends_an_ip_address_as_an_address() {
    let mut proxy = TestProxy::socks(None, 0).await;
    let (_server, mut dialer) = broker().await;
    let port = dialer.port;
    dialer.host = "127.0.0.1".into();
    dialer.server_name = Some("broker.test".into());
    dial(dialer, &format!("socks5://{}", proxy.address)).await.unwrap();
    assert_eq!(proxy.request().await, format!("address 127.0.0.1 {port}"));
}

#[tokio::test]
async fn a_socks_proxy_gets_user_and_password() {
    let proxy = TestProxy::socks(Some("user:p@ss"), 0).await;
    let (_server, dialer) = broker().await;
    dial(dialer.clone(), &format!("socks5h://user:p%40ss@{}", proxy.address)).await.unwrap();
    let refused = failure(dialer.clone(), &format!("socks5h://user:wrong@{}", proxy.address)).await;
    assert!(matches!(refused, ProxyFailure::CredentialsRefused), "{refused}");
    let missing = failure(dialer, &format!("socks5h://{}", proxy.address)).await;
    assert!(matches!(missing, ProxyFailure::CredentialsMissing), "{missing}");
}

#[tokio::test]
async fn a_socks_proxys_refusal_is_told_in_words() {
    let proxy = TestProxy::socks(None, 2).await;
    let (_server, dialer) = broker().await;
    let refused = failure(dialer, &format!("socks5h://{}", proxy.address)).await;
    assert!(refused.to_string().contains("its rules do not allow"), "{refused}");
}

// === Which proxy, if any ===

fn env(name: &str) -> Option<String> {
    match name {
        "HTTPS_PROXY" => Some("http://secure.test:3128".into()),
        "ALL_PROXY" => Some("socks5h://any.test".into()),
        "NO_PROXY" => Some("localhost, .internal.test, 10.0.0.0/8, ::1".into()),
        _ => None,
    }
}

fn chosen(stomp_proxy: &str, no_proxy: &str, broker: &str) -> Option<String> {
    Proxy::for_broker(stomp_proxy, no_proxy, broker, env).unwrap().map(|proxy| proxy.to_string())
}

#[test]
fn the_environments_proxy_counts_only_if_asked_for() {
    assert_eq!(chosen("", "", "broker.test"), None);
    assert_eq!(chosen("env", "", "broker.test").as_deref(), Some("http://secure.test:3128"));
    assert_eq!(chosen("socks5://own.test:1", "", "broker.test").as_deref(), Some("socks5://own.test:1"));
}

#[test]
fn all_proxy_counts_where_https_proxy_is_not_set_and_lower_case_comes_first() {
    let all_only = |name: &str| env(name).filter(|_| name != "HTTPS_PROXY");
    let lower = |name: &str| if name == "https_proxy" { Some("http://lower.test".into()) } else { env(name) };
    let all = Proxy::for_broker("env", "", "broker.test", all_only).unwrap().unwrap();
    assert_eq!((all.to_string().as_str(), all.protocol()), ("socks5h://any.test:1080", Protocol::Socks5h));
    let lower = Proxy::for_broker("env", "", "broker.test", lower).unwrap().unwrap();
    assert_eq!(lower.to_string(), "http://lower.test:80");
}

#[test]
fn no_proxy_names_hosts_domains_and_networks() {
    for (list, broker, is_direct) in [
        ("", "localhost", true),
        ("", "a.internal.test", true),
        ("", "notinternal.test", false),
        ("", "10.200.0.1", true),
        ("", "11.0.0.1", false),
        ("", "::1", true),
        ("", "[::1]", true),
        ("broker.test", "broker.test", true),
        ("other.test", "broker.test", false),
        ("*", "broker.test", true),
    ] {
        for stomp_proxy in ["env", "http://own.test:1"] {
            let proxy = chosen(stomp_proxy, list, broker);
            assert_eq!(proxy.is_none(), is_direct, "{stomp_proxy} {list} {broker}");
        }
    }
}

#[tokio::test]
async fn each_failure_names_the_proxy_and_what_names_it() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusing = TestProxy::http("never", "403 No").await;
    for (address, words) in [
        (closed.to_string(), "cannot connect to the proxy http://127.0.0.1:"),
        ("no-such-proxy.invalid:1".to_owned(), "`no-such-proxy.invalid` of the proxy"),
        (refusing.address.to_string(), "does not connect to broker.test"),
    ] {
        let (_server, mut dialer) = broker().await;
        let lookup = |name: &str| (name == "ALL_PROXY").then(|| format!("http://u:hunter2@{address}"));
        dialer.proxy = Proxy::for_broker("env", "", &dialer.host, lookup).unwrap();
        let text = dialer.dial().await.unwrap_err().to_string();
        assert!(text.contains(words) && text.contains("(from ALL_PROXY)"), "{text}");
        assert!(!text.contains("stomp_proxy") && !text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn a_broker_in_no_proxy_is_dialled_directly() {
    let mut proxy = TestProxy::http("", "").await;
    let (mut server, mut dialer) = broker().await;
    dialer.host = "localhost".into();
    let url = format!("http://{}", proxy.address);
    dialer.proxy = Proxy::for_broker(&url, "localhost", &dialer.host, no_env).unwrap();
    drop(dialer.dial().await.unwrap());
    assert!(server.connection().await.handshake);
    assert!(proxy.is_unused());
}

#[test]
fn a_proxy_that_cannot_be_used_is_an_error_and_never_shows_its_password() {
    for (url, is_scheme) in [
        ("https://user:hunter2@proxy.test:1", true),
        ("socks4://user:hunter2@proxy.test:1", true),
        ("http://user:hunter2@", false),
        ("http://user:hunter2@proxy.test:port", false),
        ("http://user:hunter2@proxy.test:99999", false),
        ("http://user:hunter2@two words", false),
        ("user:hunter2://x@proxy.test:1", false),
    ] {
        let error = Proxy::parse(url, "stomp_proxy").unwrap_err();
        assert_eq!(matches!(error, InvalidProxy::Scheme { .. }), is_scheme, "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(error.to_string().contains("stomp_proxy"), "{error}");
    }
}

#[test]
fn a_proxy_prints_without_its_credentials() {
    let proxy = Proxy::parse("http://user:hunter2@[::1]:3128/", "stomp_proxy").unwrap();
    assert_eq!(proxy.to_string(), "http://[::1]:3128");
    assert!(!format!("{proxy:?}").contains("hunter2"));
}
