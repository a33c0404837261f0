//! What a certificate says of itself, for people.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Longest text copied from a certificate; a stranger wrote it.
const LONGEST_TEXT: usize = 200;
/// Most names copied from a certificate.
const MOST_NAMES: usize = 20;

/// The parts of a certificate by which a person recognises it. Texts are cut to a decent length and hold no control
/// characters, so that a hostile server cannot write into our log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it says it is, as in `CN=broker.example.com, O=Example`.
    pub subject: String,
    /// Who it says has signed it.
    pub issuer: String,
    /// The host names and IP addresses it is for (subject alternative names).
    pub names: Vec<String>,
    /// Valid from; `None` if the certificate cannot be read.
    pub not_before: Option<Timestamp>,
    /// Valid until; `None` if the certificate cannot be read.
    pub not_after: Option<Timestamp>,
    /// The version of X.509 that it is written in: 3, where nothing else is known.
    pub version: u32,
    /// The algorithm of its issuer's signature, as in `SHA-1 with RSA`.
    pub signature: String,
    /// The size of its key in bits, where that is an RSA key.
    pub rsa_bits: Option<usize>,
    /// SHA-256 of its DER form, as `openssl x509 -fingerprint -sha256` prints it.
    pub sha256: String,
}

impl Certificate {
    /// Reads a certificate; one that cannot be read is told by its fingerprint alone.
    #[must_use]
    pub fn read(der: &CertificateDer<'_>) -> Self {
        let sha256 = fingerprint(der);
        match X509Certificate::from_der(der) {
            Ok((_, parsed)) => Self::of(&parsed, sha256),
            Err(_) => Self::unreadable(sha256),
        }
    }

    fn of(parsed: &X509Certificate<'_>, sha256: String) -> Self {
        Self {
            subject: printable(&parsed.subject().to_string()),
            issuer: printable(&parsed.issuer().to_string()),
            names: names(parsed),
            not_before: timestamp(parsed.validity().not_before),
            not_after: timestamp(parsed.validity().not_after),
            version: parsed.version().0.saturating_add(1),
            signature: algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
            rsa_bits: rsa_bits(parsed),
            sha256,
        }
    }

    fn unreadable(sha256: String) -> Self {
        Self {
            subject: "(unreadable)".into(),
            issuer: "(unreadable)".into(),
            names: Vec::new(),
            not_before: None,
            not_after: None,
            version: 3,
            signature: "(unreadable)".into(),
            rsa_bits: None,
            sha256,
        }
    }

    /// Whether it names itself as its issuer.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, names, not_before, not_after, sha256, .. } = self;
        write!(f, "`{subject}` (issued by `{issuer}`, for {}", listed(names))?;
        if let (Some(from), Some(until)) = (not_before, not_after) {
            write!(f, ", valid from {from} to {until}")?;
        }
        write!(f, ", SHA-256 {sha256})")
    }
}

/// Names as a sentence lists them.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() { "no host name".into() } else { names.join(", ") }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    extension.value.general_names.iter().filter_map(name).take(MOST_NAMES).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(octets) => address(octets),
        _ => None,
    }
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).to_string());
    }
    <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).to_string())
}

fn timestamp(time: ASN1Time) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}

fn rsa_bits(parsed: &X509Certificate<'_>) -> Option<usize> {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

/// What the algorithms are called by people; a rare one keeps its number.
fn algorithm(id: &str) -> String {
    let name = match id {
        "1.2.840.113549.1.1.2" => "MD2 with RSA",
        "1.2.840.113549.1.1.4" => "MD5 with RSA",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "SHA-1 with RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA-256 with RSA",
        "1.2.840.113549.1.1.12" => "SHA-384 with RSA",
        "1.2.840.113549.1.1.13" => "SHA-512 with RSA",
        "1.2.840.113549.1.1.14" => "SHA-224 with RSA",
        "1.2.840.10040.4.3" => "SHA-1 with DSA",
        "2.16.840.1.101.3.4.3.2" => "SHA-256 with DSA",
        "1.2.840.10045.4.1" => "SHA-1 with ECDSA",
        "1.2.840.10045.4.3.1" => "SHA-224 with ECDSA",
        "1.2.840.10045.4.3.2" => "SHA-256 with ECDSA",
        "1.2.840.10045.4.3.3" => "SHA-384 with ECDSA",
        "1.2.840.10045.4.3.4" => "SHA-512 with ECDSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        other => return format!("algorithm {other}"),
    };
    name.to_owned()
}

fn printable(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    clean.take(LONGEST_TEXT).collect()
}

fn fingerprint(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, der);
    let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}
