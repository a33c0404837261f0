//! Certificates made on the spot: an authority of our own and what it signs.
//!
//! ```ignore
//! let authority = Authority::new("Test CA");
//! let server = authority.issue(&Request::server(["localhost"]));
//! let config = server.server_config();
//! let cafile = authority.file();
//! ```

use std::io::Write;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS12;
use rustls::{RootCertStore, ServerConfig};
use tempfile::NamedTempFile;

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate to be made.
pub(crate) struct Request(CertificateParams);

/// A certificate, the chain to its authority, and its key.
pub(crate) struct Identity {
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

// === impl Authority ===

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = Request::new(name, []).0;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn issue(&self, request: &Request) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = request.0.signed_by(&key, &self.issuer).unwrap();
        Identity { chain_pem: certificate.pem() + &self.certificate.pem(), key_pem: key.serialize_pem() }
    }

    /// Its certificate in a file, as `cafile` wants it.
    pub(crate) fn file(&self) -> NamedTempFile {
        file(&self.certificate.pem())
    }

    /// Its certificate.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        Arc::new(roots)
    }
}

// === impl Request ===

impl Request {
    /// A certificate called `CN=common`, for `names` (host names and IP addresses).
    pub(crate) fn new<const N: usize>(common: &str, names: [&str; N]) -> Self {
        let mut params = CertificateParams::new(names.map(String::from)).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2120, 1, 1);
        Self(params)
    }

    /// A server's certificate, called after its first name.
    pub(crate) fn server<const N: usize>(names: [&str; N]) -> Self {
        let mut request = Self::new(names.first().unwrap(), names);
        request.0.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        request
    }

    /// A client's certificate.
    pub(crate) fn client(common: &str) -> Self {
        let mut request = Self::new(common, []);
        request.0.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request
    }

    /// Whose time ended in 2021.
    pub(crate) fn expired(mut self) -> Self {
        self.0.not_after = date_time_ymd(2021, 1, 1);
        self
    }

    /// Whose time ends at midnight of that day.
    pub(crate) fn ending(mut self, year: i32, month: u8, day: u8) -> Self {
        self.0.not_after = date_time_ymd(year, month, day);
        self
    }

    /// Whose time begins in 2110.
    pub(crate) fn not_yet_valid(mut self) -> Self {
        self.0.not_before = date_time_ymd(2110, 1, 1);
        self
    }

    /// Which calls itself an authority, as `openssl req -x509` makes them.
    pub(crate) fn calling_itself_ca(mut self) -> Self {
        self.0.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// Signed by nobody but itself.
    pub(crate) fn self_signed(self) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = self.0.self_signed(&key).unwrap();
        Identity { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

// === impl Identity ===

impl Identity {
    /// For a server that shows this certificate.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let builder = builder().with_no_client_auth();
        Arc::new(builder.with_single_cert(self.chain(), self.key()).unwrap())
    }

    /// The same, for a server that knows nothing newer than TLS 1.2.
    pub(crate) fn server_config_tls12(&self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS12]).unwrap().with_no_client_auth();
        Arc::new(builder.with_single_cert(self.chain(), self.key()).unwrap())
    }

    /// The same, and clients must show a certificate signed by `authority`.
    pub(crate) fn server_config_wanting(&self, authority: &Authority) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(authority.roots(), provider).build().unwrap();
        let builder = builder().with_client_cert_verifier(verifier);
        Arc::new(builder.with_single_cert(self.chain(), self.key()).unwrap())
    }

    /// The certificate and its chain in a file.
    pub(crate) fn chain_file(&self) -> NamedTempFile {
        file(&self.chain_pem)
    }

    /// The key in a file.
    pub(crate) fn key_file(&self) -> NamedTempFile {
        file(&self.key_pem)
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).map(Result::unwrap).collect()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap()
    }
}

/// A file with this text, gone when dropped.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}
