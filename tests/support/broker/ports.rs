//! Ports that a broker can keep over a restart.

use std::net::{Ipv4Addr, TcpListener};

/// The ports that a broker listens on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) tls: u16,
    pub(super) plain: u16,
    /// As `tls`, for small messages only, where the broker has such a connector.
    pub(super) small: u16,
    /// Where RabbitMQ tells its figures.
    pub(super) metrics: u16,
    /// Where Erlang would talk to other nodes of a cluster.
    pub(super) node: u16,
}

/// Free ports below the range from which the system serves `bind(0)` and outgoing connections, so that nobody is given
/// one of them while the broker is down.
pub(super) fn free() -> Ports {
    // The listeners keep one port from being found twice.
    let [(tls, _tls), (plain, _plain), (small, _small), (metrics, _metrics), (node, _node)] =
        std::array::from_fn(|_| one());
    Ports { tls, plain, small, metrics, node }
}

fn one() -> (u16, TcpListener) {
    loop {
        let port = fastrand::u16(20_000..30_000);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return (port, listener);
        }
    }
}
