//! Ports that a broker can keep over a restart.

use std::net::{Ipv4Addr, TcpListener};

use super::files::Ports;

/// Two free ports below the range from which the system serves `bind(0)` and outgoing connections, so that nobody is
/// given one of them while the broker is down.
pub(super) fn free() -> Ports {
    let (tls, _tls) = one();
    let (plain, _plain) = one();
    Ports { tls, plain }
}

/// The listener keeps the second port from being the first one.
fn one() -> (u16, TcpListener) {
    loop {
        let port = fastrand::u16(20_000..30_000);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return (port, listener);
        }
    }
}
