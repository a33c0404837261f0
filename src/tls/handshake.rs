//! Failed handshakes and broken connections, in words of ours: what happened and what to do, without the library's type
//! names or its web addresses.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription as Alert, Error, InconsistentKeys, PeerIncompatible};

/// What we offer, for whoever looks after the other end.
const OFFER: &str = "TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305";

/// What an error of TLS means, where there is one behind `error`, however deep.
#[must_use]
pub fn in_words(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<Error>() {
            return Some(words(tls));
        }
        if let Some(refused) = error.downcast_ref::<super::CertificateRefused>() {
            return Some(refused.to_string());
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(broken) if broken.kind() == io::ErrorKind::UnexpectedEof => return Some(cut(broken)),
            Some(broken) => broken.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// The same error in words of ours; one that carries a refused certificate stays as it is, for [`refusal`](super::refusal)
/// to find.
#[must_use]
pub fn plain(error: io::Error) -> io::Error {
    if super::refusal(&error).is_some() {
        return error;
    }
    match in_words(&error) {
        Some(words) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// A connection that ended without a goodbye.
fn cut(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("handshake") {
        return format!(
            "the server closed the connection during the handshake; check that the port is right and speaks {OFFER}"
        );
    }
    if text.contains("close_notify") {
        return "the connection was closed without the end that TLS prescribes".to_owned();
    }
    "the connection was closed too early".to_owned()
}

/// An error of the library in one sentence.
pub(super) fn words(error: &Error) -> String {
    let text = match error {
        // Our own refusal of a certificate says everything; rustls would only put "other error" before it.
        Error::Other(refused) => return refused.0.to_string(),
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => {
            "the port answers, but not with TLS as it should: is it the right one, or is a proxy in between?"
        }
        Error::AlertReceived(alert) => return received(*alert),
        Error::PeerIncompatible(why) => return incompatible(why),
        Error::PeerMisbehaved(_) => {
            "the server breaks the rules of TLS; a firewall or proxy that looks into TLS may be in between"
        }
        Error::NoCertificatesPresented => {
            "the server shows no certificate; ask its administrator to install one"
        }
        Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_) => {
            "the server's certificate cannot be used; ask its administrator for another one"
        }
        Error::DecryptError => "what came over TLS was changed or cut on the way",
        Error::EncryptError => "nothing could be encrypted for this connection",
        Error::NoApplicationProtocol => "the server does not speak the protocol that was asked for",
        Error::UnsupportedNameType => "the host's name is of a kind that TLS cannot ask for",
        Error::FailedToGetCurrentTime => "this machine's clock cannot be read",
        Error::FailedToGetRandomBytes => "this machine gives no random numbers",
        Error::HandshakeNotComplete => "the handshake was not finished",
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => "the key belongs to another certificate",
        Error::InconsistentKeys(_) => "it is not known whether key and certificate belong together",
        Error::General(text) => return text.clone(),
        _ => "TLS failed for a reason that has no name here",
    };
    text.to_owned()
}

/// The other end's own word that it goes no further.
fn received(alert: Alert) -> String {
    let refuses =
        |why: &str| format!("the server does not accept the client certificate (client_auth_cert): {why}");
    match alert {
        Alert::HandshakeFailure | Alert::InsufficientSecurity => format!(
            "the server refuses the handshake: no cipher in common, most likely. Offered: {OFFER}; ask the server's \
             administrator to allow one of them. Or the server wants a client certificate: then set client_auth_cert \
             and client_auth_key"
        ),
        Alert::ProtocolVersion | Alert::InappropriateFallback => format!(
            "no TLS version in common with the server, which may know TLS 1.1 or older only. Offered: {OFFER}; ask the \
             server's administrator to allow one of them"
        ),
        Alert::CertificateRequired | Alert::NoCertificate => {
            "the server wants a client certificate; set client_auth_cert and client_auth_key".to_owned()
        }
        Alert::UnknownCA => refuses("the server does not trust the CA that issued it; ask its administrator"),
        Alert::CertificateExpired => refuses("it has expired; renew the file, or check the server's clock"),
        Alert::CertificateRevoked => refuses("it was revoked; ask for a new one"),
        Alert::BadCertificate | Alert::UnsupportedCertificate | Alert::CertificateUnknown => {
            refuses("ask its administrator why, and see the server's log")
        }
        Alert::AccessDenied => refuses("it is valid, but may not connect; ask the server's administrator"),
        Alert::UnrecognisedName => {
            "the server does not know the host name that was asked for; check host, or ask its administrator"
                .to_owned()
        }
        Alert::InternalError => "the server reports an error of its own; see its log".to_owned(),
        Alert::CloseNotify | Alert::UserCanceled => "the server ended the connection".to_owned(),
        other => format!(
            "the server refuses the connection with TLS alert {}; see its log, or ask its administrator",
            u8::from(other)
        ),
    }
}

fn incompatible(why: &PeerIncompatible) -> String {
    let what = match why {
        PeerIncompatible::NoCipherSuitesInCommon => "no cipher",
        PeerIncompatible::NoKxGroupsInCommon => "no key exchange (X25519, P-256, P-384)",
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => "no kind of signature",
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => "no TLS version",
        _ => "not everything that is needed",
    };
    format!(
        "the server has {what} in common with us. Offered: {OFFER}; ask its administrator to allow one of them"
    )
}
