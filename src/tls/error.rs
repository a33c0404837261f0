//! What can be wrong with the settings of TLS.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why no TLS configuration could be built. None of these shows a key's text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file an option names is not there.
    #[error("{option}: there is no file {}; name an existing PEM file", path.display())]
    Missing {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file an option names cannot be read.
    #[error("{option}: cannot read {}: {source}; check its permissions", path.display())]
    Unreadable {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not PEM text.
    #[error(
        "{option}: {} is not a PEM file (no line -----BEGIN …-----); if it is DER, convert it: openssl x509 -inform der -in {} -out ca.pem",
        path.display(), path.display()
    )]
    NotPem {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file is PEM, but holds no certificate.
    #[error("{option}: {} holds no certificate; add one, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----", path.display())]
    NoCertificate {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Something in the file cannot be read; it is not passed over, for it may be what is needed.
    #[error("{option}: {} cannot be used: line {line} holds {what}", path.display())]
    Malformed {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What stands there, and what to do.
        what: String,
    },
    /// A certificate in the file is damaged.
    #[error("{option}: certificate {number} in {}, line {line}, is damaged; copy it again, whole lines only", path.display())]
    BadCertificate {
        /// The option that names the file.
        option: &'static str,
        /// The file.
        path: PathBuf,
        /// Which certificate, counted from 1.
        number: usize,
        /// The line that it begins in.
        line: usize,
    },
    /// The key file is PEM, but holds no key we can use.
    #[error(
        "client_auth_key: {} holds no private key in PKCS#8, PKCS#1 or SEC1 (but {found}); name the file with -----BEGIN PRIVATE KEY-----",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What the file holds instead.
        found: String,
    },
    /// The key is protected by a pass phrase.
    #[error(
        "client_auth_key: the key in {} is encrypted and nobody can type its pass phrase; store a plain one, readable by this user only: openssl pkey -in {} -out key.pem",
        path.display(), path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key's text is damaged.
    #[error("client_auth_key: the private key in {}, line {line}, is damaged; copy it again", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// The line that it begins in.
        line: usize,
    },
    /// Certificate and key do not belong together, or the key's kind is not supported.
    #[error("client_auth_cert {} and client_auth_key {} cannot be used together: {why}", cert.display(), key.display())]
    ClientKey {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        why: String,
    },
    /// The operating system trusts nobody.
    #[error(
        "this system has no trusted root certificates{}; install the package ca-certificates, or name a PEM file in {option}",
        listed(errors)
    )]
    NoNativeRoots {
        /// The option that names a file instead.
        option: &'static str,
        /// What went wrong while they were read, if anything.
        errors: Vec<String>,
    },
    /// A name to expect is neither a host name nor an IP address.
    #[error("{option}: `{name}` is neither a host name nor an IP address")]
    ServerName {
        /// The option.
        option: &'static str,
        /// The option's value.
        name: String,
    },
    /// The verifier could not be built.
    #[error("the trusted certificates cannot be used: {0}")]
    Verifier(#[source] rustls::client::VerifierBuilderError),
    /// The cryptography library lacks TLS 1.2 and 1.3: a mistake in the build.
    #[error("the cryptography library cannot do TLS: {0}")]
    Provider(#[source] rustls::Error),
}

impl TlsError {
    /// The option that it is about, if it is about one.
    #[must_use]
    pub fn option(&self) -> Option<&'static str> {
        match self {
            Self::Missing { option, .. }
            | Self::Unreadable { option, .. }
            | Self::NotPem { option, .. }
            | Self::Malformed { option, .. }
            | Self::NoCertificate { option, .. }
            | Self::BadCertificate { option, .. }
            | Self::ServerName { option, .. }
            | Self::NoNativeRoots { option, .. } => Some(option),
            Self::NoKey { .. } | Self::EncryptedKey { .. } | Self::BadKey { .. } | Self::ClientKey { .. } => {
                Some("client_auth_key")
            }
            Self::Verifier(_) | Self::Provider(_) => None,
        }
    }
}

fn listed(errors: &[String]) -> String {
    if errors.is_empty() { String::new() } else { format!(" ({})", errors.join("; ")) }
}
