//! The layers that both links have: name look-up, TCP, a proxy, TLS. One step after the other, each with its own time.

use super::{
    exit,
    report::{Report, Stop},
};
use crate::{
    stomp::transport::{DialError, Dialer, Prompt},
    tls::{Certificate, refusal},
};
use jiff::Timestamp;
use rustls::ProtocolVersion;
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// A certificate that ends sooner is worth a warning.
const SOON_DAYS: i64 = 30;

/// What went wrong, and with which code to exit.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: u8,
    pub(super) text: String,
}

/// How long a step may take, and what it means for this link if it takes longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) patience: Duration,
    pub(super) unreachable: u8,
}

// === impl Steps ===

impl Steps {
    /// What `work` comes to; a fault with `advice` if that takes too long.
    pub(super) async fn within<T>(
        self,
        advice: &str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let late = || Fault { code: self.unreachable, text: self.late(advice) };
        timeout(self.patience, work).await.unwrap_or_else(|_elapsed| Err(late()))
    }

    /// The words for a step that took too long.
    pub(super) fn late(self, advice: &str) -> String {
        format!("no answer within {} s (selftest_timeout); {advice}", self.patience.as_secs_f64())
    }

    /// Opens the stream, telling each layer.
    pub(super) async fn open(
        self,
        dialer: &Dialer,
        report: &mut Report<'_>,
    ) -> Result<TlsStream<Prompt>, Stop> {
        let advice = "check this machine's DNS";
        let addresses = self.within(advice, self.coded(dialer.resolve())).await;
        let addresses = told("dns", addresses, report)?;
        report.ok("dns", &listed(&addresses));

        let advice = "check host and port, and that no firewall swallows the packets";
        let tcp = told("tcp", self.within(advice, self.coded(dialer.connect(&addresses))).await, report)?;
        report.ok("tcp", &tcp.peer_addr().map(|peer| peer.to_string()).unwrap_or_default());

        let advice = dialer.proxy.as_ref().map(|proxy| {
            format!("check that {} is a proxy, and that it allows this host and port", proxy.named())
        });
        let advice = advice.unwrap_or_default();
        let tunnel = told("proxy", self.within(&advice, self.coded(dialer.tunnel(tcp))).await, report)?;
        if let Some(proxy) = &dialer.proxy {
            report.ok("proxy", &proxy.to_string());
        }

        let advice = "the port answers, but does not talk TLS: check that it is the right one";
        let stream = told("tls", self.within(advice, self.coded(dialer.handshake(tunnel))).await, report)?;
        tell_certificate(&stream, report);
        Ok(stream)
    }

    async fn coded<T>(self, work: impl Future<Output = Result<T, DialError>>) -> Result<T, Fault> {
        work.await.map_err(|error| {
            let code = if refusal(&error).is_some() { exit::CERTIFICATE } else { self.unreachable };
            Fault { code, text: error.to_string() }
        })
    }
}

/// The value; or the fault is told.
pub(super) fn told<T>(step: &str, result: Result<T, Fault>, report: &mut Report<'_>) -> Result<T, Stop> {
    result.map_err(|fault| report.failed(step, fault.code, &fault.text))
}

fn listed(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    texts.join(", ")
}

fn tell_certificate(stream: &TlsStream<Prompt>, report: &mut Report<'_>) {
    let session = stream.get_ref().1;
    let version = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS",
    };
    let Some(der) = session.peer_certificates().and_then(<[_]>::first) else {
        return report.ok("tls", version);
    };
    let certificate = Certificate::read(der);
    report.ok("tls", &format!("{version}, certificate {}", in_short(&certificate)));
    if let Some(warning) = certificate.not_after.and_then(ends_soon) {
        report.warning("tls", &warning);
    }
}

fn in_short(certificate: &Certificate) -> String {
    let Certificate { subject, names, not_after, .. } = certificate;
    let names = if names.is_empty() { "no host name".into() } else { names.join(", ") };
    let until = not_after.map(|until| format!(", valid until {until}")).unwrap_or_default();
    format!("{subject} for {names}{until}")
}

/// A warning, if it is time for one. What has expired gets this far only where nothing is verified.
fn ends_soon(until: Timestamp) -> Option<String> {
    let days = until.duration_since(Timestamp::now()).as_hours() / 24;
    let when = match days {
        SOON_DAYS.. => return None,
        0.. => format!("expires in {days} days"),
        _ => "has expired".into(),
    };
    Some(format!("the certificate {when}: ask the server's administrator to renew it"))
}
