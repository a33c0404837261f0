//! Whom we trust. Each refused certificate is tried on both links; the server must not get one byte of application data.
#![allow(clippy::unwrap_used, reason = "in a test, a failed preparation is a failed test")]

use std::error::Error;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use action_processor::stomp::transport::{DialError, Dialer, Prompt};
use action_processor::tls::{
    CertificateRefused, ClientCertificate, Purpose, Reason, Roots, Settings, TlsError, choose_cryptography,
    client_config, refusal,
};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::client::TlsStream;

use crate::support::certificates::{Authority, Identity, Request, file};
use crate::support::log::logged;
use crate::support::tls_server::TlsServer;

const CONNECT: &[u8] = b"CONNECT\naccept-version:1.2\nlogin:key\npasscode:secret\n\n\0";

// === The two links ===

fn settings(roots: Roots) -> Settings {
    let purpose = Purpose {
        label: "STOMP",
        option: "stomp_cafile",
        name_option: Some("tls_server_name"),
        server: "localhost:65001".into(),
    };
    Settings { purpose, roots, client_certificate: None, server_name: None }
}

fn trusting(path: &Path) -> Arc<ClientConfig> {
    client_config(&settings(Roots::File(path.into()))).unwrap()
}

/// Dials as the STOMP link does and, once connected, sends CONNECT.
async fn stomp(tls: Arc<ClientConfig>, host: &str, port: u16) -> Result<TlsStream<Prompt>, DialError> {
    let dialer = Dialer { host: host.into(), port, tls, server_name: None, proxy: None };
    let mut stream = dialer.dial().await?;
    stream.write_all(CONNECT).await.unwrap();
    Ok(stream)
}

/// Sends a request as the REST client does.
async fn rest(tls: Arc<ClientConfig>, host: &str, port: u16) -> Result<String, reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_secs(30))
        .tls_backend_preconfigured((*tls).clone())
        .build()?;
    let request = client.post(format!("https://{host}:{port}/rest/session")).body("password");
    request.send().await?.text().await
}

/// Serves `identity` to both links, which trust `ca`; both must refuse it, in the same words, before any data is sent.
async fn refused_by_both(identity: &Identity, ca: &Authority) -> CertificateRefused {
    let mut server = TlsServer::start(identity.server_config()).await;
    let cafile = ca.file();

    let on_stomp = stomp(trusting(cafile.path()), "localhost", server.port()).await.unwrap_err();
    assert!(matches!(on_stomp, DialError::Tls { .. }), "{on_stomp}");
    assert_nothing_received(&mut server).await;

    let on_rest = rest(trusting(cafile.path()), "localhost", server.port()).await.unwrap_err();
    assert_nothing_received(&mut server).await;

    let on_rest = refusal(&on_rest).unwrap();
    let refused = refusal(&on_stomp).unwrap();
    assert_eq!((&on_rest.certificate, discriminant(on_rest)), (&refused.certificate, discriminant(refused)));
    assert!(on_stomp.to_string().contains(&refused.to_string()), "{on_stomp}");
    refused.clone()
}

fn discriminant(refused: &CertificateRefused) -> std::mem::Discriminant<Reason> {
    std::mem::discriminant(&refused.reason)
}

async fn assert_nothing_received(server: &mut TlsServer) {
    let connection = server.connection().await;
    assert!(!connection.handshake, "{connection:?}");
    assert_eq!(connection.received, b"");
}

#[track_caller]
fn assert_says(error: &dyn Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

// === Bad certificates ===

#[tokio::test]
async fn a_certificate_of_an_untrusted_authority_is_refused_before_any_data_is_sent() {
    let stranger = Authority::new("Stranger CA").issue(&Request::server(["localhost"]));
    let refused = refused_by_both(&stranger, &Authority::new("Our CA")).await;
    assert_eq!(refused.reason, Reason::UnknownIssuer);
    assert_says(&refused, &["CN=localhost", "issued by `CN=Stranger CA`", "has signed it", "`stomp_cafile`"]);
    assert_says(&refused, &["openssl s_client -connect localhost:65001"]);
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_has_a_new_key_is_called_that() {
    let identity = Authority::new("CA").issue(&Request::server(["localhost"]));
    let refused = refused_by_both(&identity, &Authority::new("CA")).await;
    assert_eq!(refused.reason, Reason::OtherKey);
    assert_says(&refused, &["has another key", "the CA was set up anew", "`stomp_cafile`"]);
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_before_any_data_is_sent() {
    let refused =
        refused_by_both(&Request::server(["localhost"]).self_signed(), &Authority::new("Our CA")).await;
    assert_eq!(refused.reason, Reason::SelfSigned);
    assert_says(&refused, &["CN=localhost", "self-signed", "`stomp_cafile`", &refused.certificate.sha256]);
}

#[tokio::test]
async fn a_self_signed_certificate_that_calls_itself_an_authority_is_called_self_signed_too() {
    let identity = Request::server(["localhost"]).calling_itself_ca().self_signed();
    let refused = refused_by_both(&identity, &Authority::new("Our CA")).await;
    assert_eq!(refused.reason, Reason::SelfSigned);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_before_any_data_is_sent() {
    let ca = Authority::new("Our CA");
    let identity = ca.issue(&Request::server(["broker.example.com", "10.1.2.3"]));
    let refused = refused_by_both(&identity, &ca).await;
    let presented = vec!["broker.example.com".to_owned(), "10.1.2.3".to_owned()];
    assert_eq!(refused.reason, Reason::WrongName { wanted: "localhost".into(), presented });
    assert_says(&refused, &["CN=broker.example.com", "not for `localhost`", "10.1.2.3", "tls_server_name"]);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_before_any_data_is_sent() {
    let ca = Authority::new("Our CA");
    let refused = refused_by_both(&ca.issue(&Request::server(["localhost"]).expired()), &ca).await;
    assert!(matches!(refused.reason, Reason::Expired { now: Some(_) }), "{refused}");
    assert_says(&refused, &["CN=localhost", "has expired", "to 2021-01-01T00:00:00Z", "clock", "renew"]);
}

#[tokio::test]
async fn a_certificate_from_the_future_is_refused_before_any_data_is_sent() {
    let ca = Authority::new("Our CA");
    let refused = refused_by_both(&ca.issue(&Request::server(["localhost"]).not_yet_valid()), &ca).await;
    assert!(matches!(refused.reason, Reason::NotYetValid { now: Some(_) }), "{refused}");
}

#[tokio::test]
async fn a_certificate_without_names_is_refused_even_if_its_common_name_fits() {
    let ca = Authority::new("Our CA");
    let refused = refused_by_both(&ca.issue(&Request::new("localhost", [])), &ca).await;
    assert_says(
        &refused,
        &["a common name alone does not count", "`localhost` as a subject alternative name"],
    );
}

#[tokio::test]
async fn no_refusal_advises_to_turn_verification_off() {
    let refused =
        refused_by_both(&Request::server(["localhost"]).self_signed(), &Authority::new("Our CA")).await;
    assert!(!refused.to_string().contains("false"), "{refused}");
}

#[tokio::test]
async fn a_certificate_cannot_write_control_characters_into_the_log() {
    let identity = Request::new("localhost\nERROR \u{1b}[31mforged", ["localhost"]).self_signed();
    let refused = refused_by_both(&identity, &Authority::new("Our CA")).await;
    assert!(!refused.to_string().contains(['\n', '\u{1b}']), "{refused}");
}

#[tokio::test]
async fn tls_1_2_is_no_way_round_the_check() {
    let ca = Authority::new("Our CA");
    let cafile = ca.file();
    let good = TlsServer::start(ca.issue(&Request::server(["localhost"])).server_config_tls12()).await;
    assert!(stomp(trusting(cafile.path()), "localhost", good.port()).await.is_ok());

    let stranger = Authority::new("Stranger CA").issue(&Request::server(["localhost"]));
    let mut bad = TlsServer::start(stranger.server_config_tls12()).await;
    let error = stomp(trusting(cafile.path()), "localhost", bad.port()).await.unwrap_err();
    assert_eq!(refusal(&error).unwrap().reason, Reason::UnknownIssuer);
    assert_nothing_received(&mut bad).await;
}

// === Good certificates ===

#[tokio::test]
async fn a_good_certificate_opens_both_links() {
    let ca = Authority::new("Our CA");
    let mut server = TlsServer::start(ca.issue(&Request::server(["localhost"])).server_config()).await;
    let cafile = ca.file();

    drop(stomp(trusting(cafile.path()), "localhost", server.port()).await.unwrap());
    let connection = server.connection().await;
    assert_eq!(
        (connection.received.as_slice(), connection.server_name.as_deref()),
        (CONNECT, Some("localhost"))
    );

    assert_eq!(rest(trusting(cafile.path()), "localhost", server.port()).await.unwrap(), "ok");
    assert!(server.connection().await.received.starts_with(b"POST /rest/session"));
}

#[tokio::test]
async fn an_ip_address_is_checked_against_the_addresses_in_the_certificate() {
    let ca = Authority::new("Our CA");
    let good = TlsServer::start(ca.issue(&Request::server(["127.0.0.1"])).server_config()).await;
    let bad = TlsServer::start(ca.issue(&Request::server(["localhost"])).server_config()).await;
    let tls = trusting(ca.file().path());

    assert!(stomp(Arc::clone(&tls), "127.0.0.1", good.port()).await.is_ok());
    assert_eq!(rest(Arc::clone(&tls), "127.0.0.1", good.port()).await.unwrap(), "ok");
    let error = stomp(tls, "127.0.0.1", bad.port()).await.unwrap_err();
    assert!(matches!(refusal(&error).unwrap().reason, Reason::WrongName { .. }), "{error}");
}

#[tokio::test]
async fn a_servers_own_certificate_in_the_file_is_trusted_as_it_stands() {
    for request in [Request::server(["localhost"]), Request::server(["localhost"]).calling_itself_ca()] {
        let identity = request.self_signed();
        let server = TlsServer::start(identity.server_config()).await;
        let cafile = identity.chain_file();
        assert!(stomp(trusting(cafile.path()), "localhost", server.port()).await.is_ok());
    }
}

#[tokio::test]
async fn a_trusted_certificate_must_still_be_in_date_and_carry_the_name() {
    let expired = Request::server(["localhost"]).expired().calling_itself_ca().self_signed();
    let other_host = Request::server(["elsewhere"]).calling_itself_ca().self_signed();
    let mut reasons = Vec::new();
    for identity in [expired, other_host] {
        let server = TlsServer::start(identity.server_config()).await;
        let cafile = identity.chain_file();
        let error = stomp(trusting(cafile.path()), "localhost", server.port()).await.unwrap_err();
        reasons.push(refusal(&error).unwrap().reason.clone());
    }
    assert!(matches!(reasons.as_slice(), [Reason::Expired { .. }, Reason::WrongName { .. }]), "{reasons:?}");
}

#[tokio::test]
async fn tls_server_name_takes_the_hosts_place_on_both_links() {
    let ca = Authority::new("Our CA");
    let mut server =
        TlsServer::start(ca.issue(&Request::server(["broker.example.com"])).server_config()).await;
    let cafile = ca.file();
    let server_name = Some("broker.example.com".to_owned());
    let settings =
        Settings { server_name: server_name.clone(), ..settings(Roots::File(cafile.path().into())) };
    let tls = client_config(&settings).unwrap();

    assert_eq!(rest(Arc::clone(&tls), "localhost", server.port()).await.unwrap(), "ok");
    server.connection().await;

    let dialer = Dialer { host: "127.0.0.1".into(), port: server.port(), tls, server_name, proxy: None };
    drop(dialer.dial().await.unwrap());
    assert_eq!(server.connection().await.server_name.as_deref(), Some("broker.example.com"));
}

#[tokio::test]
async fn an_unverified_link_connects_to_anybody_and_warns_each_time_it_is_built() {
    let server =
        TlsServer::start(Request::server(["elsewhere"]).expired().self_signed().server_config()).await;
    for _ in 0..2 {
        let (tls, log) = logged(|| client_config(&settings(Roots::Unverified)).unwrap());
        assert!(
            log.contains("WARN") && log.contains("verification is OFF") && log.contains("stomp_cafile"),
            "{log}"
        );
        assert!(stomp(tls, "localhost", server.port()).await.is_ok());
    }
}

// === Client certificates ===

/// A server that wants a client certificate of `Our CA`, and settings that trust it.
async fn wanting_client_certificate(ca: &Authority, cafile: &Path) -> (TlsServer, Settings) {
    let identity = ca.issue(&Request::server(["localhost"]));
    let server = TlsServer::start(identity.server_config_wanting(ca)).await;
    (server, settings(Roots::File(cafile.into())))
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let ca = Authority::new("Our CA");
    let cafile = ca.file();
    let (server, mut settings) = wanting_client_certificate(&ca, cafile.path()).await;
    let client = ca.issue(&Request::client("processor"));
    let (cert, key) = (client.chain_file(), client.key_file());
    settings.client_certificate =
        Some(ClientCertificate { cert: cert.path().into(), key: key.path().into() });

    let tls = client_config(&settings).unwrap();
    let mut stream = stomp(Arc::clone(&tls), "localhost", server.port()).await.unwrap();
    assert!(stream.read_u8().await.is_ok());
    drop(stream);
    assert_eq!(rest(tls, "localhost", server.port()).await.unwrap(), "ok");
}

#[tokio::test]
async fn without_a_client_certificate_such_a_server_hangs_up() {
    let ca = Authority::new("Our CA");
    let cafile = ca.file();
    let (mut server, settings) = wanting_client_certificate(&ca, cafile.path()).await;
    let tls = client_config(&settings).unwrap();

    // In TLS 1.3 the client is done before the server has looked at its certificate: the alert comes with the first read.
    let mut stream = stomp(tls, "localhost", server.port()).await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert!(!server.connection().await.handshake);
}

// === The files ===

fn config_error(settings: &Settings) -> TlsError {
    client_config(settings).unwrap_err()
}

#[test]
fn an_unusable_cafile_is_told_by_option_and_file() {
    let missing = config_error(&settings(Roots::File("/nonexistent/ca.pem".into())));
    assert!(matches!(missing, TlsError::Missing { .. }), "{missing}");
    assert_says(&missing, &["stomp_cafile", "/nonexistent/ca.pem"]);

    let der = file("0\u{1}not text");
    let not_pem = config_error(&settings(Roots::File(der.path().into())));
    assert!(matches!(not_pem, TlsError::NotPem { .. }), "{not_pem}");
    assert_says(&not_pem, &["openssl x509 -inform der"]);

    let key = Request::server(["localhost"]).self_signed().key_file();
    let no_certificate = config_error(&settings(Roots::File(key.path().into())));
    assert!(matches!(no_certificate, TlsError::NoCertificate { .. }), "{no_certificate}");

    let damaged = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let bad = config_error(&settings(Roots::File(damaged.path().into())));
    assert!(matches!(bad, TlsError::BadCertificate { number: 1, .. }), "{bad}");
}

fn key_error(cert: &Path, key: &Path) -> TlsError {
    let ca = Authority::new("Our CA").file();
    let mut settings = settings(Roots::File(ca.path().into()));
    settings.client_certificate = Some(ClientCertificate { cert: cert.into(), key: key.into() });
    config_error(&settings)
}

#[test]
fn an_unusable_client_key_is_told_without_its_text() {
    let client = Request::client("processor").self_signed();
    let cert = client.chain_file();
    let line = client.key_pem.lines().nth(1).unwrap();
    let sealed = client.key_pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let damaged = client.key_pem.replacen(line, &format!("{line}!"), 1);
    let other = Request::client("other").self_signed().key_pem;

    let outcome = |key: &str| key_error(cert.path(), file(key).path());
    assert!(matches!(outcome(&sealed), TlsError::EncryptedKey { .. }));
    assert!(matches!(outcome(&damaged), TlsError::BadKey { .. }));
    assert!(matches!(outcome(&client.chain_pem), TlsError::NoKey { .. }));
    assert!(matches!(outcome(&other), TlsError::ClientKey { .. }));
    for key in [&sealed, &damaged] {
        let error = outcome(key);
        assert!(!format!("{error} {error:?}").contains(line), "{error:?}");
    }
}

#[test]
fn a_server_name_that_is_none_is_refused_at_once() {
    let ca = Authority::new("Our CA").file();
    let settings =
        Settings { server_name: Some("not a name".into()), ..settings(Roots::File(ca.path().into())) };
    assert!(matches!(config_error(&settings), TlsError::ServerName { .. }));
}

// === Other failures of the handshake and before it ===

#[tokio::test]
async fn a_port_without_tls_is_called_that() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"ERROR\nmessage:plain STOMP\n\n\0").await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let ca = Authority::new("Our CA").file();
    let error = stomp(trusting(ca.path()), "127.0.0.1", port).await.unwrap_err();
    assert_says(&error, &["127.0.0.1", "not with TLS"]);
    assert!(refusal(&error).is_none());
}

#[tokio::test]
async fn the_layer_that_fails_is_named() {
    let ca = Authority::new("Our CA").file();
    let tls = trusting(ca.path());
    let unresolved = stomp(Arc::clone(&tls), "no-such-host.invalid", 1).await.unwrap_err();
    assert!(matches!(unresolved, DialError::Resolve { .. }), "{unresolved}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let refused = stomp(tls, "127.0.0.1", closed).await.unwrap_err();
    assert!(matches!(&refused, DialError::Connect { failures, .. } if failures.len() == 1), "{refused}");
}

#[tokio::test]
async fn every_address_of_the_host_is_tried() {
    let ca = Authority::new("Our CA").file();
    let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = open.local_addr().unwrap();
    let dialer = Dialer {
        host: "localhost".into(),
        port: address.port(),
        tls: trusting(ca.path()),
        server_name: None,
        proxy: None,
    };
    // Nobody answers in TEST-NET-1, nor at ::1, where nobody listens.
    let silent = SocketAddr::from(([192, 0, 2, 1], address.port()));
    let closed = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
    let stream = dialer.connect(&[closed, silent, address]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert!(stream.nodelay().unwrap());
}

// === Clients of components ===

#[test]
fn a_components_own_client_needs_no_choice_of_cryptography() {
    choose_cryptography();
    choose_cryptography();
    assert!(reqwest::Client::builder().build().is_ok());
}
