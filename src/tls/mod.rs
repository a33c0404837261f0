//! Who is trusted: builds the [`rustls::ClientConfig`] of each link and explains every certificate that is refused.
//!
//! - [`client_config`] turns [`Settings`] into a configuration (TLS 1.2 and 1.3);
//! - [`choose_cryptography`] is for other clients than ours;
//! - [`in_words`] says what an error of TLS means;
//! - [`refusal`] finds the [`CertificateRefused`] in any error's chain of causes;
//! - [`TlsError`] is what can be wrong with the settings themselves.

mod certificate;
mod error;
mod handshake;
mod identity;
mod pem;
mod reasons;
mod refused;
mod roots;
mod verifier;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;

pub use certificate::Certificate;
pub use error::TlsError;
pub use handshake::{in_words, plain};
pub use refused::{CertificateRefused, Reason, refusal};

use identity::Identity;
use refused::Advice;
use verifier::{Named, Unverified, Verifier};

/// How one link of the daemon does TLS.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which link this is, for messages.
    pub purpose: Purpose,
    /// Whom to trust.
    pub roots: Roots,
    /// What to show a server that asks who we are.
    pub client_certificate: Option<ClientCertificate>,
    /// `tls_server_name`: the name the server's certificate must carry, instead of the host dialled.
    pub server_name: Option<String>,
}

/// Which link a configuration is for; appears in messages only.
#[derive(Debug, Clone)]
pub struct Purpose {
    /// The link in a person's words: `STOMP`, `REST`.
    pub label: &'static str,
    /// The option that names the file of trusted certificates: `cafile`, `stomp_cafile`.
    pub option: &'static str,
    /// The option that names the name the certificate must be for, where the link has one: `tls_server_name`.
    pub name_option: Option<&'static str>,
    /// `host:port` of the server, for the command that shows its certificate.
    pub server: String,
}

/// Whose signature on a server's certificate counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The operating system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured).
    Native,
    /// The certificates in this PEM file, and no others. A server's own certificate in it is trusted as it stands.
    File(PathBuf),
    /// Anybody's: no check at all (`cafile=false`).
    Unverified,
}

/// The certificate that shows a server who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `client_auth_cert`: a PEM file, our certificate first, then its issuers.
    pub cert: PathBuf,
    /// `client_auth_key`: a PEM file with the unencrypted key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// Chooses the cryptography of this process, for clients of the components' own: built without a choice, as some are, they
/// would panic in their first call. The daemon's links name theirs themselves.
pub fn choose_cryptography() {
    // A choice that was made before stands.
    let _chosen_before = aws_lc_rs::default_provider().install_default();
}

/// Builds the configuration of one link. Reads files, so call it at start or on a blocking thread.
///
/// ALPN is left empty; clone the configuration to set it.
///
/// # Errors
/// When a file is missing or unusable, the system has no roots, or the server name is not a name.
pub fn client_config(settings: &Settings) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(settings, &provider)?;
    let identity = settings.client_certificate.as_ref();
    let identity = identity.map(|files| Identity::new(files, &provider)).transpose()?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Provider)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(Arc::new(match identity {
        Some(identity) => builder.with_client_cert_resolver(Arc::new(identity)),
        None => builder.with_no_client_auth(),
    }))
}

/// The verifier `settings` asks for; for `Roots::Unverified` it says so at WARN, each time.
fn verifier(
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let Settings { purpose, roots, .. } = settings;
    let option = purpose.name_option.unwrap_or("tls_server_name");
    let name = settings.server_name.as_deref().map(|name| server_name(name, option)).transpose()?;
    let advice = Advice::new(purpose.clone(), roots);
    if *roots == Roots::Unverified {
        warn_unverified(purpose);
        return Ok(Arc::new(Unverified::new(provider, advice)));
    }
    let strict = Verifier::new(roots.clone(), purpose.clone(), provider, advice)?;
    Ok(match name {
        Some(name) => Arc::new(Named::new(name, strict)),
        None => Arc::new(strict),
    })
}

fn server_name(text: &str, option: &'static str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(text.to_owned()).map_err(|_| TlsError::ServerName { option, name: text.into() })
}

fn warn_unverified(purpose: &Purpose) {
    tracing::warn!(
        link = purpose.label,
        server = %purpose.server,
        option = purpose.option,
        "certificate verification is OFF: whoever answers in this server's place can read the credentials and every \
         message. Name a file with the CA's certificate in this option to turn it on"
    );
}
