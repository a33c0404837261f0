//! Why a certificate is refused: one sentence for each reason that the library can have, without its type names.

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, ExtendedKeyPurpose};

use super::certificate::Certificate;
use super::refused::Advice;
use super::{CertificateRefused, Reason};

/// The RSA keys whose signatures the cryptography library checks, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The certificate the error is about: an issuer's if it alone has what is complained of, else the server's.
pub(super) fn at_fault(
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
        CertificateError::UnsupportedSignatureAlgorithmContext { .. } => is_weak(&certificate.signature),
        CertificateError::Other(_) if is(error, &webpki::Error::UnsupportedCertVersion) => {
            certificate.version < 3
        }
        _ => true,
    };
    if guilty(&leaf) {
        return leaf;
    }
    issuers.iter().map(Certificate::read).find(guilty).unwrap_or(leaf)
}

/// Why `certificate` is refused; `pinned`: it stands among the trusted ones itself.
pub(super) fn reason(error: CertificateError, certificate: &Certificate, pinned: bool) -> Reason {
    use CertificateError as Refused;
    let stranger = certificate.is_self_signed() && !pinned;
    let other = |text: &str| Reason::Other(text.to_owned());
    match error {
        Refused::ExpiredContext { time, .. } => Reason::Expired { now: timestamp(time) },
        Refused::Expired => Reason::Expired { now: None },
        Refused::NotValidYetContext { time, .. } => Reason::NotYetValid { now: timestamp(time) },
        Refused::NotValidYet => Reason::NotYetValid { now: None },
        Refused::NotValidForNameContext { expected, .. } => {
            Reason::WrongName { wanted: expected.to_str().into_owned(), presented: certificate.names.clone() }
        }
        Refused::NotValidForName => other("it is not for this host"),
        Refused::Revoked => Reason::Revoked,
        Refused::UnknownIssuer if stranger => Reason::SelfSigned,
        Refused::UnknownIssuer => Reason::UnknownIssuer,
        Refused::BadSignature => Reason::OtherKey,
        Refused::UnsupportedSignatureAlgorithmContext { .. }
        | Refused::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            Reason::WeakSignature { algorithm: certificate.signature.clone() }
        }
        Refused::InvalidPurposeContext { presented, .. } => Reason::Other(format!(
            "it is not for servers (extended key usage: {})",
            presented.iter().map(purpose).collect::<Vec<_>>().join(", ")
        )),
        Refused::InvalidPurpose => other("it is not for servers (extended key usage)"),
        Refused::BadEncoding => other("it is damaged or not well-formed"),
        Refused::UnhandledCriticalExtension => other("it has a critical extension that is not supported"),
        Refused::UnknownRevocationStatus => other("it cannot be found out whether its issuer has revoked it"),
        Refused::ExpiredRevocationList | Refused::ExpiredRevocationListContext { .. } => {
            other("its issuer's revocation list has expired")
        }
        Refused::InvalidOcspResponse => other("the server's OCSP response is not valid"),
        Refused::Other(_) if is(&error, &webpki::Error::CaUsedAsEndEntity) && stranger => Reason::SelfSigned,
        Refused::Other(_) => from_webpki(&error, certificate),
        _ if certificate.signature == "(unreadable)" => other("it cannot be read"),
        _ => Reason::WeakSignature { algorithm: certificate.signature.clone() },
    }
}

/// A signature that could not be checked although its issuer is known: the issuer's key may be too small for that, or too
/// large.
pub(super) fn weak_issuer(
    reason: &Reason,
    certificate: &Certificate,
    mut known: impl Iterator<Item = Certificate>,
) -> Option<Reason> {
    if *reason != Reason::OtherKey {
        return None;
    }
    let issuer = known.find(|known| known.subject == certificate.issuer)?;
    let bits = issuer.rsa_bits.filter(|bits| !RSA_BITS.contains(bits))?;
    Some(Reason::Other(format!("its issuer's key is RSA with {bits} bits; 2048 to 8192 are accepted")))
}

/// What is wrong with a server's signature in the handshake.
pub(super) fn of_signature(error: Error, certificate: &CertificateDer<'_>, advice: &Advice) -> Error {
    let Error::InvalidCertificate(error) = error else { return error };
    let certificate = Certificate::read(certificate);
    let reason = match (certificate.rsa_bits, error) {
        (Some(bits), _) if !RSA_BITS.contains(&bits) => {
            Reason::Other(format!("its key is RSA with {bits} bits; 2048 to 8192 are accepted"))
        }
        (_, CertificateError::BadSignature) => {
            Reason::Other("the server does not hold its private key: its signature is wrong".to_owned())
        }
        (_, error @ CertificateError::Other(_)) => from_webpki(&error, &certificate),
        _ => {
            Reason::Other("its key is of a kind that is not accepted; RSA, ECDSA and Ed25519 are".to_owned())
        }
    };
    CertificateRefused::new(certificate, reason, advice.clone()).into()
}

fn from_webpki(error: &CertificateError, certificate: &Certificate) -> Reason {
    use webpki::Error as Webpki;
    let text = match cause(error) {
        Some(Webpki::UnsupportedCertVersion) => {
            return Reason::OldVersion { version: certificate.version };
        }
        Some(Webpki::CaUsedAsEndEntity) => "it is a CA's certificate, not a server's",
        Some(Webpki::EndEntityUsedAsCa) => "one of its issuers is no CA",
        Some(Webpki::UnsupportedCriticalExtension) => "it has a critical extension that is not supported",
        Some(Webpki::NameConstraintViolation) => {
            "its issuer may not issue certificates for this name (name constraints)"
        }
        Some(Webpki::PathLenConstraintViolated) => "its chain of issuers is longer than one of them allows",
        Some(
            Webpki::MaximumPathDepthExceeded
            | Webpki::MaximumPathBuildCallsExceeded
            | Webpki::MaximumSignatureChecksExceeded
            | Webpki::MaximumNameConstraintComparisonsExceeded,
        ) => "its chain of issuers is too long or branches too often",
        Some(Webpki::SignatureAlgorithmMismatch) => "it names two different algorithms for its signature",
        Some(Webpki::CertDistrusted) => "it is no longer trusted by anybody",
        Some(Webpki::InvalidSerialNumber) => "its serial number is not valid",
        Some(Webpki::EmptyEkuExtension) => "it is for no purpose at all (empty extended key usage)",
        Some(
            Webpki::ExtensionValueInvalid
            | Webpki::MalformedExtensions
            | Webpki::MalformedDnsIdentifier
            | Webpki::MalformedNameConstraint
            | Webpki::InvalidNetworkMaskConstraint
            | Webpki::UnsupportedNameType,
        ) => "one of its extensions is not well-formed",
        _ => "it is not one that can be used for TLS",
    };
    Reason::Other(text.to_owned())
}

fn cause(error: &CertificateError) -> Option<&webpki::Error> {
    match error {
        CertificateError::Other(other) => other.0.downcast_ref(),
        _ => None,
    }
}

fn is(error: &CertificateError, wanted: &webpki::Error) -> bool {
    cause(error) == Some(wanted)
}

fn is_weak(algorithm: &str) -> bool {
    ["MD", "SHA-1 ", "SHA-224", "algorithm"].iter().any(|weak| algorithm.starts_with(weak))
        || algorithm.ends_with("DSA") && !algorithm.ends_with("ECDSA")
        || algorithm == "Ed448"
}

fn purpose(purpose: &ExtendedKeyPurpose) -> String {
    match purpose {
        ExtendedKeyPurpose::ClientAuth => "client authentication".to_owned(),
        ExtendedKeyPurpose::ServerAuth => "server authentication".to_owned(),
        ExtendedKeyPurpose::Other(numbers) => {
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
        }
    }
}

pub(super) fn timestamp(time: UnixTime) -> Option<Timestamp> {
    i64::try_from(time.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok())
}

pub(super) fn unix(time: Option<Timestamp>) -> UnixTime {
    let seconds = time.map_or(0, |time| u64::try_from(time.as_second()).unwrap_or(0));
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
