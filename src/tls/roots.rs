//! The certificates we trust, from the operating system or from a file.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::CertificateResult;

use super::{Purpose, TlsError, pem};

/// Whom a verifier trusts.
#[derive(Debug)]
pub(super) struct Trusted {
    /// Issuers of certificates.
    pub(super) anchors: RootCertStore,
    /// Certificates trusted as they stand, because somebody put them into the file. Without this, a server's own
    /// self-signed certificate in the file would be refused: most such certificates call themselves a CA, and a CA's
    /// certificate is no server's.
    pub(super) pinned: Vec<CertificateDer<'static>>,
}

/// The operating system's roots. A few unreadable ones are no reason to stop; having none is.
pub(super) fn native(found: CertificateResult, purpose: &Purpose) -> Result<Trusted, TlsError> {
    let mut anchors = RootCertStore::empty();
    let (_, ignored) = anchors.add_parsable_certificates(found.certs);
    let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    if anchors.is_empty() {
        return Err(TlsError::NoNativeRoots { option: purpose.option, errors });
    }
    if ignored > 0 || !errors.is_empty() {
        tracing::warn!(
            link = purpose.label,
            ignored,
            ?errors,
            "some of the system's root certificates are unusable"
        );
    }
    Ok(Trusted { anchors, pinned: Vec::new() })
}

/// The certificates in a PEM file; each must be usable, for somebody chose it.
pub(super) fn file(path: &Path, purpose: &Purpose) -> Result<Trusted, TlsError> {
    let pinned = pem::certificates(path, purpose.option)?;
    let mut anchors = RootCertStore::empty();
    for (index, certificate) in pinned.iter().enumerate() {
        let added = anchors.add(certificate.clone());
        added.map_err(|_| pem::bad_certificate(path, purpose.option, index))?;
    }
    Ok(Trusted { anchors, pinned })
}
