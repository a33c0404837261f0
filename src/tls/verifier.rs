//! Checks servers' certificates: webpki's judgement, with our words for a refusal. What we trust is read again whenever a
//! certificate is refused: a renewed file counts from the next attempt on.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::Certificate;
use super::reasons::{self, unix};
use super::refused::Advice;
use super::roots::{self, Stamp, Trusted};
use super::{CertificateRefused, Purpose, Roots, TlsError};

/// Accepts what webpki accepts and what is pinned; every refusal is a [`CertificateRefused`].
#[derive(Debug)]
pub(super) struct Verifier {
    roots: Roots,
    purpose: Purpose,
    provider: Arc<CryptoProvider>,
    advice: Advice,
    trust: RwLock<Arc<Trust>>,
    /// What was found in the place of what is in force, and could not be used: said once.
    unusable: Mutex<Option<Stamp>>,
}

/// What is trusted, as it was read.
#[derive(Debug)]
struct Trust {
    webpki: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    stamp: Stamp,
}

/// Checks against a configured name instead of the host dialled (`tls_server_name`).
#[derive(Debug)]
pub(super) struct Named {
    name: ServerName<'static>,
    inner: Verifier,
}

/// Accepts every certificate; still makes sure that the server holds its key.
#[derive(Debug)]
pub(super) struct Unverified {
    provider: Arc<CryptoProvider>,
    advice: Advice,
}

// === impl Trust ===

impl Trust {
    fn read(
        found: roots::Found<'_>,
        purpose: &Purpose,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let stamp = found.stamp();
        let Trusted { anchors, pinned } = found.read(purpose)?;
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(provider))
            .build()
            .map_err(TlsError::Verifier)?;
        Ok(Self { webpki, pinned, stamp })
    }

    fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.pinned.iter().any(|pinned| pinned == certificate)
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.holds(leaf) {
            return verify_pinned(leaf, name, now);
        }
        self.webpki.verify_server_cert(leaf, issuers, name, ocsp, now).map(drop)
    }
}

/// A pinned certificate needs no issuer, but must be in date and carry the name.
fn verify_pinned(leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    in_date(leaf, now)?;
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
}

fn in_date(leaf: &CertificateDer<'_>, time: UnixTime) -> Result<(), Error> {
    let Certificate { not_before, not_after, .. } = Certificate::read(leaf);
    let now = reasons::timestamp(time);
    if not_after.is_none() || now > not_after {
        return Err(CertificateError::ExpiredContext { time, not_after: unix(not_after) }.into());
    }
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time, not_before: unix(not_before) }.into());
    }
    Ok(())
}

// === impl Verifier ===

impl Verifier {
    pub(super) fn new(
        roots: Roots,
        purpose: Purpose,
        provider: &Arc<CryptoProvider>,
        advice: Advice,
    ) -> Result<Self, TlsError> {
        let trust = Trust::read(roots::look(&roots, &purpose)?, &purpose, provider)?;
        let (provider, trust) = (Arc::clone(provider), RwLock::new(Arc::new(trust)));
        Ok(Self { roots, purpose, provider, advice, trust, unusable: Mutex::default() })
    }

    fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is to be trusted by now, where that is something else than `before`.
    fn renewed(&self, before: &Trust) -> Option<Arc<Trust>> {
        let link = self.purpose.label;
        let read = roots::look(&self.roots, &self.purpose).and_then(|found| {
            let stamp = found.stamp();
            if stamp == before.stamp || !self.is_news(&stamp) {
                return Ok(None);
            }
            Trust::read(found, &self.purpose, &self.provider).map(|trust| Some(Arc::new(trust)))
        });
        match read {
            Ok(None) => None,
            Ok(Some(trust)) => {
                tracing::info!(
                    link,
                    from = self.advice.trusted(),
                    "the trusted certificates were read again"
                );
                *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&trust);
                Some(trust)
            }
            Err(error) => {
                tracing::warn!(link, %error, "the changed certificates cannot be used; the old ones stay in force");
                None
            }
        }
    }

    /// Whether these contents have not been tried yet.
    fn is_news(&self, stamp: &Stamp) -> bool {
        let mut unusable = self.unusable.lock().unwrap_or_else(PoisonError::into_inner);
        unusable.replace(stamp.clone()).as_ref() != Some(stamp)
    }

    fn explain(
        &self,
        error: Error,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        trust: &Trust,
    ) -> Error {
        let Error::InvalidCertificate(error) = error else {
            return error;
        };
        let certificate = reasons::at_fault(&error, leaf, issuers);
        let mut reason = reasons::reason(error, &certificate, trust.holds(leaf));
        let known = issuers.iter().chain(&trust.pinned).map(Certificate::read);
        if let Some(weak) = reasons::weak_issuer(&reason, &certificate, known) {
            reason = weak;
        }
        CertificateRefused::new(certificate, reason, self.advice.clone()).into()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut trust = self.trust();
        let mut verdict = trust.verify(leaf, issuers, name, ocsp, now);
        if verdict.is_err()
            && let Some(renewed) = self.renewed(&trust)
        {
            verdict = renewed.verify(leaf, issuers, name, ocsp, now);
            trust = renewed;
        }
        let verdict = verdict.map(|()| ServerCertVerified::assertion());
        verdict.map_err(|error| self.explain(error, leaf, issuers, &trust))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
            .map_err(|error| reasons::of_signature(error, cert, &self.advice))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
            .map_err(|error| reasons::of_signature(error, cert, &self.advice))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

// === impl Named ===

impl Named {
    pub(super) fn new(name: ServerName<'static>, inner: Verifier) -> Self {
        Self { name, inner }
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        issuers: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner.verify_server_cert(leaf, issuers, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

// === impl Unverified ===

impl Unverified {
    pub(super) fn new(provider: &Arc<CryptoProvider>, advice: Advice) -> Self {
        Self { provider: Arc::clone(provider), advice }
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _issuers: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
            .map_err(|error| reasons::of_signature(error, cert, &self.advice))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
            .map_err(|error| reasons::of_signature(error, cert, &self.advice))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
