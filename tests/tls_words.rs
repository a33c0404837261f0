//! Why a certificate or a handshake was refused: one sentence for each reason, with what to do, and without the names of a
//! library's types.

use std::path::Path;
use std::sync::Arc;

use action_processor::stomp::transport::Dialer;
use action_processor::tls::{Purpose, Roots, Settings, client_config, refusal};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, Request};
use crate::support::tls_server::TlsServer;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates").join(name)
}

/// Shows a certificate, whatever the library thinks of it.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// A server with the certificate and key of this name, made by OpenSSL.
fn server(name: &str) -> Arc<ServerConfig> {
    serving(name, name)
}

fn serving(name: &str, key: &str) -> Arc<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = vec![CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{key}.key.pem"))).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let shows = Shows(Arc::new(CertifiedKey::new(chain, key)));
    Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(shows)))
}

/// What is said of the server at `port` by one that trusts `cafile`.
async fn said_of(port: u16, cafile: &Path) -> String {
    let settings = Settings {
        purpose: Purpose {
            label: "STOMP",
            option: "stomp_cafile",
            name_option: Some("tls_server_name"),
            server: "localhost:65001".into(),
        },
        roots: Roots::File(cafile.into()),
        client_certificate: None,
        server_name: None,
    };
    let tls = client_config(&settings).unwrap();
    let dialer = Dialer { host: "localhost".into(), port, tls, server_name: None, proxy: None };
    let error = dialer.dial().await.unwrap_err();
    let text = action_processor::component::with_causes(&error);
    assert_plain(&text);
    assert!(refusal(&error).is_none_or(|refused| text.contains(&refused.advice())), "{text}");
    text
}

/// No type names of the library, no dumps, nothing twice, and of a bearable length.
fn assert_plain(text: &str) {
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let inner = word.chars().skip(1).zip(word.chars().skip(2));
        let camel = inner.clone().any(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase());
        assert!(!camel || ["ChaCha20"].contains(&word), "{word} in: {text}");
    }
    assert!(
        !text.contains("fatal alert") && !text.contains("docs.rs") && !text.contains("other error"),
        "{text}"
    );
    assert!(!text.contains('{') && !text.contains("Some("), "{text}");
    assert!(text.len() < 900, "{} characters: {text}", text.len());
    assert_eq!(text.matches("What to do").count().max(1), 1, "{text}");
}

#[tokio::test]
async fn a_version_1_certificate_is_called_that_pinned_or_not() {
    let server = TlsServer::start(server("v1")).await;
    for cafile in ["v1.pem", "ca.pem"] {
        let text = said_of(server.port(), &fixture(cafile)).await;
        assert!(text.contains("version 1") && text.contains("subject alternative name"), "{text}");
        assert!(!text.contains("not among"), "{text}");
    }
}

#[tokio::test]
async fn a_weak_signature_is_named_by_its_algorithm() {
    let server = TlsServer::start(server("sha1")).await;
    let text = said_of(server.port(), &fixture("ca.pem")).await;
    assert!(text.contains("signed by SHA-1 with RSA") && text.contains("SHA-256 or better"), "{text}");
}

#[tokio::test]
async fn a_key_that_is_too_small_is_named_by_its_size() {
    // Our library signs with no such key, so the server has another one; the size is seen first.
    let small = TlsServer::start(serving("small", "v1")).await;
    let text = said_of(small.port(), &fixture("ca.pem")).await;
    assert!(text.contains("its key is RSA with 1024 bits"), "{text}");
    let by_small = TlsServer::start(server("bysmall")).await;
    let text = said_of(by_small.port(), &fixture("smallca.pem")).await;
    assert!(text.contains("issuer's key is RSA with 1024 bits") && !text.contains("another key"), "{text}");
}

#[tokio::test]
async fn a_certificate_for_another_purpose_is_called_that() {
    let ca = Authority::new("CA");
    let client = ca.issue(&Request::client("localhost"));
    let server = TlsServer::start(client.server_config()).await;
    let text = said_of(server.port(), ca.file().path()).await;
    assert!(text.contains("not for servers") && text.contains("client authentication"), "{text}");
    let calls_itself_ca = ca.issue(&Request::server(["localhost"]).calling_itself_ca());
    let server = TlsServer::start(calls_itself_ca.server_config()).await;
    let text = said_of(server.port(), ca.file().path()).await;
    assert!(text.contains("a CA's certificate, not a server's"), "{text}");
}

/// A server that answers the client's first words with these bytes, and closes.
async fn answering(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 5];
            let _ = stream.read_exact(&mut head).await;
            let _ = stream.read_exact(&mut vec![0; u16::from_be_bytes([head[3], head[4]]).into()]).await;
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

fn alert(code: u8) -> Vec<u8> {
    vec![0x15, 3, 3, 0, 2, 2, code]
}

#[tokio::test]
async fn every_alert_of_a_server_is_told_in_words() {
    let cafile = fixture("ca.pem");
    for (code, words) in [
        (40, ["no cipher in common", "Offered: TLS 1.3, or TLS 1.2 with ECDHE", "client_auth_cert"]),
        (71, ["no cipher in common", "Offered:", "administrator"]),
        (70, ["no TLS version in common", "TLS 1.1 or older", "Offered:"]),
        (116, ["wants a client certificate", "set client_auth_cert", "client_auth_key"]),
        (45, ["client certificate", "expired", "renew"]),
        (48, ["client certificate", "does not trust the CA", "administrator"]),
        (44, ["client certificate", "revoked", "new one"]),
        (112, ["does not know the host name", "host", "administrator"]),
    ] {
        let text = said_of(answering(alert(code)).await, &cafile).await;
        assert!(words.iter().all(|word| text.contains(word)), "{code}: {text}");
    }
    for code in (0..=255).step_by(5) {
        said_of(answering(alert(code)).await, &cafile).await;
    }
}

#[tokio::test]
async fn a_server_of_another_age_or_kind_is_told_in_words() {
    let cafile = fixture("ca.pem");
    // A ServerHello of TLS 1.1, with a cipher of its time.
    let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2F, 0]);
    let text = said_of(answering(hello).await, &cafile).await;
    assert!(text.contains("no TLS version in common"), "{text}");
    let text = said_of(answering(Vec::new()).await, &cafile).await;
    assert!(text.contains("closed the connection during the handshake"), "{text}");
    let text = said_of(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await, &cafile).await;
    assert!(text.contains("not with TLS"), "{text}");
}
