//! Checks servers' certificates: webpki's judgement, with our words for a refusal.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::Certificate;
use super::refused::Advice;
use super::roots::Trusted;
use super::{CertificateRefused, Reason, TlsError};

/// Accepts what webpki accepts and what is pinned; every refusal is a [`CertificateRefused`].
#[derive(Debug)]
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    advice: Advice,
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
    algorithms: WebPkiSupportedAlgorithms,
}

// === impl Verifier ===

impl Verifier {
    pub(super) fn new(
        trusted: Trusted,
        provider: &Arc<CryptoProvider>,
        advice: Advice,
    ) -> Result<Self, TlsError> {
        let Trusted { anchors, pinned } = trusted;
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(provider))
            .build()
            .map_err(TlsError::Verifier)?;
        Ok(Self { webpki, pinned, advice })
    }

    /// A pinned certificate needs no issuer, but must be in date and carry the name.
    fn verify_pinned(
        &self,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        in_date(leaf, now)?;
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)
    }

    fn explain(&self, error: Error, leaf: &CertificateDer<'_>, issuers: &[CertificateDer<'_>]) -> Error {
        let Error::InvalidCertificate(error) = error else {
            return error;
        };
        let certificate = at_fault(&error, leaf, issuers);
        let reason = reason(error, &certificate);
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
        let verdict = if self.pinned.iter().any(|pinned| pinned == leaf) {
            self.verify_pinned(leaf, name, now)
        } else {
            self.webpki.verify_server_cert(leaf, issuers, name, ocsp, now).map(drop)
        };
        verdict.map(|()| ServerCertVerified::assertion()).map_err(|error| self.explain(error, leaf, issuers))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn in_date(leaf: &CertificateDer<'_>, time: UnixTime) -> Result<(), Error> {
    let Certificate { not_before, not_after, .. } = Certificate::read(leaf);
    let now = timestamp(time);
    if not_after.is_none() || now > not_after {
        return Err(CertificateError::ExpiredContext { time, not_after: unix(not_after) }.into());
    }
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time, not_before: unix(not_before) }.into());
    }
    Ok(())
}

/// The certificate the error is about: an issuer's if its dates are the ones complained of, else the server's.
fn at_fault(
    error: &CertificateError,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
) -> Certificate {
    let leaf = Certificate::read(leaf);
    let guilty = |certificate: &Certificate| match error {
        CertificateError::ExpiredContext { not_after, .. } => certificate.not_after == timestamp(*not_after),
        CertificateError::NotValidYetContext { not_before, .. } => {
            certificate.not_before == timestamp(*not_before)
        }
        _ => true,
    };
    if guilty(&leaf) {
        return leaf;
    }
    issuers.iter().map(Certificate::read).find(guilty).unwrap_or(leaf)
}

fn reason(error: CertificateError, certificate: &Certificate) -> Reason {
    match error {
        CertificateError::ExpiredContext { time, .. } => Reason::Expired { now: timestamp(time) },
        CertificateError::Expired => Reason::Expired { now: None },
        CertificateError::NotValidYetContext { time, .. } => Reason::NotYetValid { now: timestamp(time) },
        CertificateError::NotValidYet => Reason::NotYetValid { now: None },
        CertificateError::NotValidForNameContext { expected, .. } => {
            Reason::WrongName { wanted: expected.to_str().into_owned(), presented: certificate.names.clone() }
        }
        CertificateError::Revoked => Reason::Revoked,
        CertificateError::UnknownIssuer | CertificateError::Other(_) if certificate.is_self_signed() => {
            Reason::SelfSigned
        }
        CertificateError::UnknownIssuer => Reason::UnknownIssuer,
        CertificateError::BadSignature => Reason::OtherKey,
        other => Reason::Other(other.to_string()),
    }
}

fn timestamp(time: UnixTime) -> Option<Timestamp> {
    i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

fn unix(time: Option<Timestamp>) -> UnixTime {
    let seconds = time.map_or(0, |time| u64::try_from(time.as_second()).unwrap_or(0));
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
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
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms }
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
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
