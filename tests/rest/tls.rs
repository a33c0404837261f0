//! Certificates: one that is refused gets no byte of application data.

use super::{client_tls, settings};
use action_processor::{
    rest::{ConnectError, Proxy, Settings, connect},
    secret::Secret,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use stand_in_platform::Platform;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// An authority, and what it signed.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), &key)
    }

    fn leaf(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    fn server_for_known_clients(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(self.trusted().into(), provider.clone());
        let (chain, key) = self.leaf("127.0.0.1");
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_client_cert_verifier(clients.build().unwrap());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }

    fn client(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (chain, key) = self.leaf("processor");
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(self.trusted());
        Arc::new(builder.with_client_auth_cert(chain, key).unwrap())
    }

    fn trusted(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
}

fn over_tls(platform: &Platform, authority: &Authority) -> Settings {
    let mut settings = settings(platform);
    settings.address.plain_on_loopback = false;
    settings.tls = client_tls(authority.trusted());
    settings
}

/// Connects to a server with `config`, and expects that its certificate is refused for `reason`.
async fn refused(authority: &Authority, config: Arc<ServerConfig>, reason: &str) {
    let platform = Platform::builder().tls(config).start().await;
    let error = connect(over_tls(&platform, authority)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Certificate { .. }), "{error:?}");
    assert_eq!(error.exit_code(), 23);
    let told = action_processor::component::Failure::from(error).to_string();
    assert!(told.contains(reason), "{told}");
    assert!(platform.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_of_the_trusted_authority_is_good() {
    let authority = Authority::new("the authority");
    let platform = Platform::builder().tls(authority.server("127.0.0.1", |_| ())).start().await;
    connect(over_tls(&platform, &authority)).await.unwrap();
    assert_eq!(platform.requests().len(), 2);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    refused(&known, unknown.server("127.0.0.1", |_| ()), "UnknownIssuer").await;
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    refused(&Authority::new("another"), server(certificate.der().clone(), &key), "UnknownIssuer").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new("the authority");
    refused(&authority, authority.server("other.example.com", |_| ()), "not valid for name").await;
}

#[tokio::test]
async fn a_certificate_that_ran_out_is_refused() {
    let authority = Authority::new("the authority");
    let config = authority.server("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    refused(&authority, config, "expired").await;
}

/// Passes on what comes after `CONNECT host:port`; says to whom.
async fn tunnel(listener: TcpListener) -> String {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap();
    let mut server = TcpStream::connect(to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    // Either end may close first.
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    head
}

#[tokio::test]
async fn a_proxy_carries_tls_without_seeing_into_it() {
    let authority = Authority::new("the authority");
    let platform = Platform::builder().tls(authority.server("127.0.0.1", |_| ())).start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = over_tls(&platform, &authority);
    let user = Some(("me".to_owned(), Secret::from("proxy-secret")));
    settings.proxy = Some(Proxy::new("127.0.0.1", listener.local_addr().unwrap().port(), user).unwrap());
    let tunnel = tokio::spawn(tunnel(listener));
    drop(connect(settings).await.unwrap());
    let head = tunnel.await.unwrap();
    assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
    assert!(platform.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
    assert_eq!(platform.requests().len(), 2);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_settings_hold_one() {
    let authority = Authority::new("the authority");
    let platform = Platform::builder().tls(authority.server_for_known_clients()).start().await;
    connect(over_tls(&platform, &authority)).await.unwrap_err();
    assert!(platform.requests().is_empty());
    let mut settings = over_tls(&platform, &authority);
    settings.tls = authority.client();
    connect(settings).await.unwrap();
}
