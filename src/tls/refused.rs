//! A refused certificate, told so that a person can act on it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::OtherError;

use super::certificate::{Certificate, listed};
use super::{Purpose, Roots};

/// A server's certificate that was refused. The handshake ended there: the server got no byte of application data.
///
/// Its `Display` says which certificate, why, and what to do.
#[derive(Debug, Clone)]
pub struct CertificateRefused {
    /// The certificate: the server's own, or the one of its issuers that is at fault.
    pub certificate: Certificate,
    /// Why it was refused.
    pub reason: Reason,
    advice: Advice,
}

/// Why a certificate was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Nobody we trust has signed it.
    UnknownIssuer,
    /// One that we trust bears its issuer's name, but has another key: the issuer is another one by now, or somebody else.
    OtherKey,
    /// It is signed by itself, and is not among the certificates we trust.
    SelfSigned,
    /// Its time is over.
    Expired {
        /// The time it was checked at, by this machine's clock.
        now: Option<Timestamp>,
    },
    /// Its time has not come.
    NotYetValid {
        /// The time it was checked at, by this machine's clock.
        now: Option<Timestamp>,
    },
    /// It belongs to another host.
    WrongName {
        /// The name it had to carry.
        wanted: String,
        /// The names it carries.
        presented: Vec<String>,
    },
    /// Its issuer has withdrawn it.
    Revoked,
    /// It is written in a version of X.509 that has no place for host names.
    OldVersion {
        /// 1 or 2.
        version: u32,
    },
    /// It is signed by an algorithm that is not accepted.
    WeakSignature {
        /// The algorithm's name, as in `SHA-1 with RSA`.
        algorithm: String,
    },
    /// Something else, in a sentence.
    Other(String),
}

/// What a refusal needs to know to say what to do.
#[derive(Debug, Clone)]
pub(super) struct Advice {
    purpose: Purpose,
    trusted: String,
}

// === impl CertificateRefused ===

impl CertificateRefused {
    pub(super) fn new(certificate: Certificate, reason: Reason, advice: Advice) -> Self {
        Self { certificate, reason, advice }
    }

    /// The link it happened on: `STOMP`, `REST`.
    #[must_use]
    pub fn link(&self) -> &'static str {
        self.advice.purpose.label
    }

    /// What to do about it, in a sentence or two.
    #[must_use]
    pub fn advice(&self) -> String {
        let option = self.advice.purpose.option;
        let look = self.advice.look();
        match &self.reason {
            Reason::UnknownIssuer => format!(
                "if this is the right server, put the certificate of the CA that issued it (PEM) into a file and name \
                 the file in `{option}`, which is read again at each attempt; {look}"
            ),
            Reason::OtherKey => format!(
                "most likely the CA was set up anew: get its certificate of today (PEM) from its administrator and put it \
                 into the file that `{option}` names, which is read again at each attempt; {look}"
            ),
            Reason::SelfSigned => format!(
                "compare the SHA-256 with the server's administrator; if it is the same, put this certificate (PEM) \
                 into a file and name the file in `{option}`; {look}"
            ),
            Reason::Expired { .. } | Reason::NotYetValid { .. } => format!(
                "check this machine's clock; if it is right, the server's administrator must renew the certificate; \
                 {look}"
            ),
            Reason::WrongName { wanted, presented } if presented.is_empty() => format!(
                "ask the server's administrator to have it issued anew with `{wanted}` as a subject alternative name; \
                 {look}"
            ),
            Reason::WrongName { .. } => {
                format!("use one of the certificate's names as the host{}; {look}", self.advice.other_name())
            }
            Reason::Revoked => {
                format!("do not connect; ask the server's administrator for a new certificate; {look}")
            }
            Reason::OldVersion { .. } => format!(
                "ask the server's administrator to have it issued anew, in version 3 and with the host's name as a \
                 subject alternative name; {look}"
            ),
            Reason::WeakSignature { .. } => format!(
                "ask the server's administrator to have it issued anew, signed with SHA-256 or better (RSA, ECDSA or \
                 Ed25519); {look}"
            ),
            Reason::Other(_) => format!("ask the server's administrator to have it issued anew; {look}"),
        }
    }

    fn why(&self) -> String {
        match &self.reason {
            Reason::UnknownIssuer => format!("none of {} has signed it", self.advice.trusted),
            Reason::OtherKey => {
                format!("its issuer is called as one of {}, but has another key", self.advice.trusted)
            }
            Reason::SelfSigned => format!("it is self-signed and not among {}", self.advice.trusted),
            Reason::Expired { now } => format!("it has expired{}", clock(*now)),
            Reason::NotYetValid { now } => format!("it is not valid yet{}", clock(*now)),
            Reason::WrongName { wanted, presented } => wrong_name(wanted, presented),
            Reason::Revoked => "its issuer has revoked it".into(),
            Reason::OldVersion { version } => {
                format!(
                    "it is an X.509 certificate of version {version}, which cannot name a host; version 3 is needed"
                )
            }
            Reason::WeakSignature { algorithm } => {
                format!("it is signed by {algorithm}, which is too weak or not supported")
            }
            Reason::Other(text) => text.clone(),
        }
    }
}

impl fmt::Display for CertificateRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Purpose { label, server, .. } = &self.advice.purpose;
        write!(f, "{label}: the certificate of {server} is refused: {}. ", self.why())?;
        write!(f, "Certificate: {}. What to do: {}", self.certificate, self.advice())
    }
}

impl Error for CertificateRefused {}

impl From<CertificateRefused> for rustls::Error {
    /// As `Other`, the one variant that prints what it carries as text; `InvalidCertificate` prints it as `Debug`.
    fn from(refused: CertificateRefused) -> Self {
        Self::Other(OtherError(Arc::new(refused)))
    }
}

fn clock(now: Option<Timestamp>) -> String {
    now.map(|now| format!(" (this machine's clock says {now})")).unwrap_or_default()
}

fn wrong_name(wanted: &str, presented: &[String]) -> String {
    if presented.is_empty() {
        return format!("it names no host, so it is not for `{wanted}` (a common name alone does not count)");
    }
    format!("it is not for `{wanted}` but for {}", listed(presented))
}

// === impl Advice ===

impl Advice {
    pub(super) fn new(purpose: Purpose, roots: &Roots) -> Self {
        let trusted = match roots {
            Roots::File(path) => format!("the certificates in {}", path.display()),
            Roots::Native | Roots::Unverified => "the system's trusted roots".into(),
        };
        Self { purpose, trusted }
    }

    /// What is trusted, in words.
    pub(super) fn trusted(&self) -> &str {
        &self.trusted
    }

    fn other_name(&self) -> String {
        let option = self.purpose.name_option;
        let advice = |option| {
            format!(", or, if this is the right server under another name, set `{option}` to one of them")
        };
        option.map(advice).unwrap_or_default()
    }

    fn look(&self) -> String {
        let server = &self.purpose.server;
        format!("to see what the server sends: openssl s_client -connect {server} -showcerts </dev/null")
    }
}

/// Finds the refused certificate behind `error`, however deep: in its chain of causes, inside an [`io::Error`] or a
/// [`rustls::Error`], which both hide what they carry from [`Error::source`].
#[must_use]
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CertificateRefused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = cause(error);
    }
    None
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(inner);
    }
    match error.downcast_ref() {
        Some(rustls::Error::Other(other)) => other.source(),
        _ => error.source(),
    }
}
