//! The certificates we trust, from the operating system or from a file.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::CertificateResult;

use super::{Purpose, Roots, TlsError, pem};

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

/// A source of certificates as it was at some moment: they have not changed where this is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Vec<u8>);

/// What a source holds just now, not yet understood.
pub(super) enum Found<'a> {
    System(CertificateResult),
    File(&'a Path, Vec<u8>),
}

/// Looks at the source that `roots` names.
pub(super) fn look<'a>(roots: &'a Roots, purpose: &Purpose) -> Result<Found<'a>, TlsError> {
    match roots {
        Roots::File(path) => pem::read(path, purpose.option).map(|text| Found::File(path, text)),
        Roots::Native | Roots::Unverified => Ok(Found::System(rustls_native_certs::load_native_certs())),
    }
}

// === impl Found ===

impl Found<'_> {
    pub(super) fn stamp(&self) -> Stamp {
        match self {
            Self::File(_, text) => Stamp::of(text),
            Self::System(found) => {
                let mut all: Vec<&[u8]> = found.certs.iter().map(AsRef::as_ref).collect();
                all.sort_unstable();
                Stamp::of(&all.concat())
            }
        }
    }

    /// The certificates in it; each of a file must be usable, for somebody chose it.
    pub(super) fn read(self, purpose: &Purpose) -> Result<Trusted, TlsError> {
        match self {
            Self::File(path, text) => file(&text, path, purpose),
            Self::System(found) => native(found, purpose),
        }
    }
}

// === impl Stamp ===

impl Stamp {
    pub(super) fn of(contents: &[u8]) -> Self {
        Self(digest(&SHA256, contents).as_ref().to_vec())
    }
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

fn file(text: &[u8], path: &Path, purpose: &Purpose) -> Result<Trusted, TlsError> {
    let pinned = pem::certificates(text, path, purpose.option)?;
    let mut anchors = RootCertStore::empty();
    for (index, certificate) in pinned.iter().enumerate() {
        let line = || pem::line_of_certificate(text, index);
        let added = anchors.add(certificate.clone());
        added.map_err(|_| pem::bad_certificate(path, purpose.option, index, line()))?;
    }
    Ok(Trusted { anchors, pinned })
}
