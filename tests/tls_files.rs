//! Files of certificates and keys: what stands in them is read, or refused with the line and the reason; what is renewed
//! on the disk counts from the next attempt on.

use std::fs;
use std::path::Path;

use action_processor::tls::{ClientCertificate, Purpose, Roots, Settings, TlsError, client_config, refusal};
use rustls::ClientConfig;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::certificates::{Authority, Identity, Request, file};
use crate::support::log::logged;
use crate::support::tls_server::TlsServer;

fn settings(roots: Roots) -> Settings {
    let purpose = Purpose {
        label: "REST",
        option: "cafile",
        name_option: Some("rest_tls_server_name"),
        server: "localhost:443".into(),
    };
    Settings { purpose, roots, client_certificate: None, server_name: None }
}

fn trusting(path: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    client_config(&settings(Roots::File(path.into())))
}

/// Whether a server with a certificate of `ca` is trusted by a file with this text.
async fn trusts(text: &[u8], ca: &Authority) -> bool {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ca.pem");
    fs::write(&path, text).unwrap();
    let server = TlsServer::start(ca.issue(&Request::server(["localhost"])).server_config()).await;
    connects(&trusting(&path).unwrap(), server.port()).await.is_ok()
}

async fn connects(tls: &Arc<ClientConfig>, port: u16) -> std::io::Result<()> {
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
    let mut stream = connector.connect("localhost".try_into().unwrap(), tcp).await?;
    // In TLS 1.3 the server's verdict on our certificate comes with the first read.
    stream.write_all(b"GET").await?;
    stream.read_u8().await.map(drop)
}

#[tokio::test]
async fn a_bundle_is_read_however_it_was_put_together() {
    const BOM: &str = "\u{feff}";
    let (ca, other) = (Authority::new("Our CA"), Authority::new("Another CA"));
    let (ours, others) = (ca.pem(), other.pem());
    let glued = format!("{}{ours}", others.trim_end());
    let one_line = ours.replace('\n', " ");
    for (what, text) in [
        ("a byte order mark", format!("{BOM}{ours}")),
        ("a byte order mark before a bundle", format!("{BOM}{ours}{others}")),
        ("a byte order mark in the middle", format!("{others}{BOM}{ours}")),
        ("a glued seam", glued),
        ("glued seams, and no line end at the end", format!("{0}{0}{1}", others.trim_end(), ours.trim_end())),
        ("CRLF", format!("{others}{ours}").replace('\n', "\r\n")),
        ("CR alone", format!("{others}{ours}").replace('\n', "\r")),
        ("blanks at the ends", format!("{others}{ours}").replace('\n', "  \t\n")),
        ("indented", format!("{others}{ours}").replace('\n', "\n    ")),
        ("empty lines", ours.replace('\n', "\n\n")),
        ("one line", one_line),
        ("explanations", format!("# Our CA\nsubject=/CN=Our CA\n{ours}\n# the end\n")),
        ("an old label", ours.replace("CERTIFICATE", "X509 CERTIFICATE")),
    ] {
        assert!(trusts(text.as_bytes(), &ca).await, "{what}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    let pem = Authority::new("CA").pem();
    let lines = pem.lines().count();
    let body = pem.lines().nth(1).unwrap();
    let utf16: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_bom = [&[0xFF, 0xFE], utf16.as_slice()].concat();
    let after = lines + 1;
    for (text, line, why) in [
        (format!("{pem}{}", pem.replace("-----BEGIN", "----BEGIN")).into_bytes(), after, "five dashes"),
        (format!("{pem}# {pem}").into_bytes(), after, "before -----BEGIN"),
        (format!("{pem}x{pem}").into_bytes(), after, "before -----BEGIN"),
        (
            format!("{pem}-----BEGIN CERTIFICATE-----\n{body}\n{pem}").into_bytes(),
            after,
            "-----END is missing",
        ),
        (
            format!("{pem}{}", pem.replace("-----END CERTIFICATE-----", "")).into_bytes(),
            after,
            "-----END is missing",
        ),
        (format!("{pem}-----BEGIN CERTIFICATE\n{body}\n").into_bytes(), after, "not whole"),
        (
            format!("{pem}{}", pem.replace("-----BEGIN CERTIFICATE-----\n", "")).into_bytes(),
            after,
            "without its line",
        ),
        (format!("{pem}-----END CERTIFICATE-----\n").into_bytes(), after, "without a -----BEGIN"),
        (pem.replace("-----END CERT", "-----END X CERT").into_bytes(), lines, "does not match"),
        (
            format!("{pem}{}", pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE")).into_bytes(),
            after,
            "openssl x509",
        ),
        (format!("{pem}{}", pem.replace("CERTIFICATE", "PKCS7")).into_bytes(), after, "openssl pkcs7"),
        (format!("{pem}{}", pem.replace("CERTIFICATE", "X509 CRL")).into_bytes(), after, "revocation list"),
        (pem.replace('\n', "\\n").into_bytes(), 1, "line ends written as"),
        (utf16, 1, "UTF-16"),
        (with_bom, 1, "UTF-16"),
        (Vec::new(), 1, "empty"),
        (format!("{pem}{}", pem.replacen(body, "AAAA", 1)).into_bytes(), after, "certificate 2"),
        (format!("{pem}{}", pem.replacen(body, "%%%%", 1)).into_bytes(), after, "certificate 2"),
    ] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("ca.pem");
        fs::write(&path, &text).unwrap();
        let error = trusting(&path).unwrap_err().to_string();
        let named =
            error.contains("cafile") && error.contains("ca.pem") && error.contains(&format!("line {line}"));
        assert!(named && error.contains(why), "line {line}, {why:?}: {error}");
    }
}

fn with_client(cert: &str, key: &str) -> Result<Arc<ClientConfig>, TlsError> {
    let (ca, cert, key) = (Authority::new("CA").file(), file(cert), file(key));
    let mut settings = settings(Roots::File(ca.path().into()));
    settings.client_certificate =
        Some(ClientCertificate { cert: cert.path().into(), key: key.path().into() });
    client_config(&settings)
}

#[test]
fn client_certificates_and_keys_are_read_as_carefully() {
    let client = Authority::new("CA").issue(&Request::client("processor"));
    let (chain, key) = (client.chain_pem.as_str(), client.key_pem.as_str());
    let combined = format!("\u{feff}{}{}", chain.trim_end(), key.replace('\n', "\r\n"));
    with_client(&combined, &combined).unwrap();
    with_client(&chain.replace("-----\n-----", "----------"), &format!("\u{feff}{key}")).unwrap();
    let error = with_client(&chain.replacen("-----BEGIN", "----BEGIN", 1), key).unwrap_err().to_string();
    assert!(error.contains("client_auth_cert") && error.contains("line 1 holds"), "{error}");
    let error = with_client(chain, &format!("{key}{key}")).unwrap_err().to_string();
    assert!(error.contains("client_auth_key") && error.contains("a second private key"), "{error}");
    let openssh = key.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY");
    let error = with_client(chain, &openssh).unwrap_err().to_string();
    assert!(error.contains("OPENSSH PRIVATE KEY"), "{error}");
}

#[tokio::test]
async fn a_renewed_ca_file_counts_from_the_next_attempt() {
    let (old, new) = (Authority::new("Our CA"), Authority::new("Our CA, renewed"));
    let server = TlsServer::start(new.issue(&Request::server(["localhost"])).server_config()).await;
    let cafile = old.file();
    let tls = trusting(cafile.path()).unwrap();
    let refused = connects(&tls, server.port()).await.unwrap_err();
    assert!(refusal(&refused).is_some(), "{refused}");
    fs::write(cafile.path(), format!("{}{}", old.pem(), new.pem())).unwrap();
    connects(&tls, server.port()).await.unwrap();
}

#[tokio::test]
async fn a_renewed_ca_file_that_is_unusable_leaves_the_old() {
    let ca = Authority::new("Our CA");
    let good = TlsServer::start(ca.issue(&Request::server(["localhost"])).server_config()).await;
    let stranger = Authority::new("Stranger").issue(&Request::server(["localhost"]));
    let bad = TlsServer::start(stranger.server_config()).await;
    let cafile = ca.file();
    let tls = trusting(cafile.path()).unwrap();
    fs::write(cafile.path(), "half a file").unwrap();
    for attempt in 0..2 {
        connects(&tls, bad.port()).await.unwrap_err();
        connects(&tls, good.port()).await.unwrap_or_else(|error| panic!("attempt {attempt}: {error}"));
    }
    fs::remove_file(cafile.path()).unwrap();
    connects(&tls, bad.port()).await.unwrap_err();
    connects(&tls, good.port()).await.unwrap();
}

#[test]
fn an_unusable_renewed_file_is_said_once() {
    let ca = Authority::new("Our CA");
    let stranger = Authority::new("Stranger").issue(&Request::server(["localhost"]));
    let cafile = ca.file();
    let tls = trusting(cafile.path()).unwrap();
    fs::write(cafile.path(), "half a file").unwrap();
    let ((), log) = logged(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bad = TlsServer::start(stranger.server_config()).await;
            for _ in 0..3 {
                connects(&tls, bad.port()).await.unwrap_err();
            }
        });
    });
    assert_eq!(log.matches("the old ones stay in force").count(), 1, "{log}");
}

/// A server that trusts clients of `clients` only.
async fn wanting(server: &Authority, clients: &Authority) -> TlsServer {
    TlsServer::start(server.issue(&Request::server(["localhost"])).server_config_wanting(clients)).await
}

fn write(directory: &TempDir, identity: &Identity) {
    fs::write(directory.path().join("cert.pem"), &identity.chain_pem).unwrap();
    fs::write(directory.path().join("key.pem"), &identity.key_pem).unwrap();
}

#[tokio::test]
async fn a_renewed_client_certificate_is_shown_at_the_next_attempt() {
    let (ca, old, new) = (Authority::new("CA"), Authority::new("Old"), Authority::new("New"));
    let server = wanting(&ca, &new).await;
    let (cafile, directory) = (ca.file(), TempDir::new().unwrap());
    write(&directory, &old.issue(&Request::client("processor")));
    let mut settings = settings(Roots::File(cafile.path().into()));
    settings.client_certificate = Some(ClientCertificate {
        cert: directory.path().join("cert.pem"),
        key: directory.path().join("key.pem"),
    });
    let tls = client_config(&settings).unwrap();
    connects(&tls, server.port()).await.unwrap_err();
    let renewed = new.issue(&Request::client("processor"));
    // Half-way: the certificate is there, its key is not.
    fs::write(directory.path().join("cert.pem"), &renewed.chain_pem).unwrap();
    connects(&tls, server.port()).await.unwrap_err();
    write(&directory, &renewed);
    connects(&tls, server.port()).await.unwrap();
    fs::remove_file(directory.path().join("key.pem")).unwrap();
    connects(&tls, server.port()).await.unwrap();
}
