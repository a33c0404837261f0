//! The certificate that we show. It is read anew when a server asks for it: a renewed one counts from the next handshake on.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::roots::Stamp;
use super::{ClientCertificate, TlsError, pem};

/// Certificate and key, as the files hold them.
#[derive(Debug)]
pub(super) struct Identity {
    files: ClientCertificate,
    provider: Arc<CryptoProvider>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    /// What the files held when they were read last, usable or not.
    seen: Stamp,
}

// === impl Identity ===

impl Identity {
    pub(super) fn new(files: &ClientCertificate, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let (cert, key) = texts(files)?;
        let seen = stamp(&cert, &key);
        let current = Mutex::new(Current { key: read(files, &cert, &key, provider)?, seen });
        Ok(Self { files: files.clone(), provider: Arc::clone(provider), current })
    }

    fn renew(&self, current: &mut Current) -> Result<(), TlsError> {
        let (cert, key) = texts(&self.files)?;
        let seen = stamp(&cert, &key);
        if seen == current.seen {
            return Ok(());
        }
        current.seen = seen;
        current.key = read(&self.files, &cert, &key, &self.provider)?;
        tracing::info!(certificate = %self.files.cert.display(), "client_auth_cert was read again");
        Ok(())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.renew(&mut current) {
            tracing::warn!(%error, "the changed client certificate cannot be used; the old one is shown");
        }
        Some(Arc::clone(&current.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn texts(files: &ClientCertificate) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    Ok((pem::read(&files.cert, "client_auth_cert")?, pem::read(&files.key, "client_auth_key")?))
}

fn stamp(cert: &[u8], key: &[u8]) -> Stamp {
    Stamp::of(&[cert, key].concat())
}

fn read(
    files: &ClientCertificate,
    cert: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = pem::certificates(cert, &files.cert, "client_auth_cert")?;
    let key = pem::private_key(key, &files.key)?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|source| TlsError::ClientKey {
        cert: files.cert.clone(),
        key: files.key.clone(),
        why: super::handshake::words(&source),
    })
}
