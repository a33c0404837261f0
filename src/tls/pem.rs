//! Certificates and keys out of PEM files (RFC 7468). Each `-----BEGIN` in a file is read, or the file is refused with the
//! line and the reason: a certificate that was passed over in silence would be missed much later, as something else.

mod items;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use items::{Item, items};

/// What a certificate's block may be called.
const CERTIFICATES: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
/// What may stand beside certificates, and is no certificate that could be missed.
const BESIDE: [&str; 6] = [
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "EC PARAMETERS",
    "DH PARAMETERS",
];
/// What a private key's block may be called.
const KEYS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/// A file's text, not yet understood: what is compared to see whether it has changed.
pub(super) fn read(path: &Path, option: &'static str) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => TlsError::Missing { option, path: path.into() },
        _ => TlsError::Unreadable { option, path: path.into(), source },
    })
}

/// All certificates in `text`, which stands in the file that `option` names; at least one.
pub(super) fn certificates(
    text: &[u8],
    path: &Path,
    option: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let items = blocks(text, path, option)?;
    let (ours, others): (Vec<&Item<'_>>, Vec<&Item<'_>>) =
        items.iter().partition(|item| CERTIFICATES.contains(&item.label));
    if let Some(other) = others.into_iter().find(|item| !BESIDE.contains(&item.label)) {
        return Err(malformed(path, option, other.line, not_a_certificate(other.label, path)));
    }
    if ours.is_empty() {
        return Err(TlsError::NoCertificate { option, path: path.into() });
    }
    let read = |(index, item): (usize, &Item<'_>)| {
        let pem = item.pem("CERTIFICATE");
        CertificateDer::from_pem_slice(&pem).map_err(|_| bad_certificate(path, option, index, item.line))
    };
    ours.into_iter().enumerate().map(read).collect()
}

/// The lines at which the certificates of `text` begin, for errors.
pub(super) fn line_of_certificate(text: &[u8], index: usize) -> usize {
    let all = items(text).unwrap_or_default();
    all.iter().filter(|item| CERTIFICATES.contains(&item.label)).nth(index).map_or(0, |item| item.line)
}

/// The one private key in `text`. What is in the file never gets into the error.
pub(super) fn private_key(text: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let option = "client_auth_key";
    let items = blocks(text, path, option)?;
    if items.iter().any(Item::is_encrypted) {
        return Err(TlsError::EncryptedKey { path: path.into() });
    }
    let mut keys = items.iter().filter(|item| KEYS.contains(&item.label));
    let Some(key) = keys.next() else {
        let mut found: Vec<&str> = items.iter().map(|item| item.label).collect();
        found.dedup();
        return Err(TlsError::NoKey { path: path.into(), found: found.join(", ") });
    };
    if let Some(second) = keys.next() {
        let what = "a second private key; leave only the one that belongs to client_auth_cert".to_owned();
        return Err(malformed(path, option, second.line, what));
    }
    PrivateKeyDer::from_pem_slice(&key.pem(key.label))
        .map_err(|_| TlsError::BadKey { path: path.into(), line: key.line })
}

/// The blocks of the file; at least one.
fn blocks<'a>(text: &'a [u8], path: &Path, option: &'static str) -> Result<Vec<Item<'a>>, TlsError> {
    let items = items(text).map_err(|error| malformed(path, option, error.line, error.what.to_owned()))?;
    if items.is_empty() { Err(TlsError::NotPem { option, path: path.into() }) } else { Ok(items) }
}

fn malformed(path: &Path, option: &'static str, line: usize, what: String) -> TlsError {
    TlsError::Malformed { option, path: path.into(), line, what }
}

/// Why a block is of no use here, and what to make of it.
fn not_a_certificate(label: &str, path: &Path) -> String {
    let path = path.display();
    match label {
        "TRUSTED CERTIFICATE" => {
            format!("OpenSSL's own form of a certificate; convert it: openssl x509 -in {path} -out ca.pem")
        }
        "PKCS7" | "CMS" => {
            format!("a PKCS #7 container; take its certificates out: openssl pkcs7 -print_certs -in {path}")
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            "a request for a certificate; the certificate itself is needed".into()
        }
        "X509 CRL" => "a revocation list, which is not supported; take it out".into(),
        _ => "a block that is no certificate; take it out".into(),
    }
}

pub(super) fn bad_certificate(path: &Path, option: &'static str, index: usize, line: usize) -> TlsError {
    TlsError::BadCertificate { option, path: path.into(), number: index + 1, line }
}
