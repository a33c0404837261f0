//! The broker's CA and certificate.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Makes a CA and a certificate for `localhost` and 127.0.0.1; the broker's key and certificate, `server.pem`, and the
/// CA's PEM, whose path is returned, are written into `dir`.
pub(super) fn write(dir: &Path) -> PathBuf {
    let ca_key = KeyPair::generate().expect("a key");
    let ca = ca_params().self_signed(&ca_key).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let params = CertificateParams::new(names).expect("names of a host");
    let certificate = params.signed_by(&key, &Issuer::new(ca_params(), ca_key)).expect("a certificate");
    let server = format!("{}{}", key.serialize_pem(), certificate.pem());
    fs::write(dir.join("server.pem"), server).expect("server.pem is written");
    let ca_file = dir.join("ca.pem");
    fs::write(&ca_file, ca.pem()).expect("ca.pem is written");
    ca_file
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "CA of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
