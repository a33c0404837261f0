//! Certificates and keys out of PEM files (RFC 7468).

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// All certificates in the file `option` names; at least one.
pub(super) fn certificates(
    path: &Path,
    option: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, option)?;
    let certificates = CertificateDer::pem_slice_iter(&text)
        .enumerate()
        .map(|(index, item)| item.map_err(|_| bad_certificate(path, option, index)))
        .collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { option, path: path.into() });
    }
    Ok(certificates)
}

/// The first private key in the file. What is in the file never gets into the error.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path, "client_auth_key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        Error::NoItemsFound if is_encrypted(&text) => TlsError::EncryptedKey { path: path.into() },
        Error::NoItemsFound => TlsError::NoKey { path: path.into() },
        _ => TlsError::BadKey { path: path.into() },
    })
}

/// The file's bytes, if they are PEM text at all.
fn read(path: &Path, option: &'static str) -> Result<Vec<u8>, TlsError> {
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => TlsError::Missing { option, path: path.into() },
        _ => TlsError::Unreadable { option, path: path.into(), source },
    })?;
    if contains(&bytes, b"-----BEGIN ") {
        Ok(bytes)
    } else {
        Err(TlsError::NotPem { option, path: path.into() })
    }
}

pub(super) fn bad_certificate(path: &Path, option: &'static str, index: usize) -> TlsError {
    TlsError::BadCertificate { option, path: path.into(), number: index + 1 }
}

/// PKCS#8 says so in its label, the older formats in a header line.
fn is_encrypted(text: &[u8]) -> bool {
    contains(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || contains(text, b"Proc-Type: 4,ENCRYPTED")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
