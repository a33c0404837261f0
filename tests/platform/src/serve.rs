//! Sockets, TLS.

use axum::{Router, serve::Listener};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Serves `routes` on `listener` until the task is ended.
pub(crate) fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, routes: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        // `axum::serve` ends only when it is told to, and it is not.
        let _ = match tls {
            None => axum::serve(listener, routes).await,
            Some(config) => axum::serve(TlsListener::new(listener, config), routes).await,
        };
    })
}

/// Hands on connections whose handshake is done: a slow or failing one holds up no other.
struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    fn new(listener: TcpListener, config: Arc<ServerConfig>) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = listener.local_addr().unwrap_or(unspecified);
        let (done, ready) = mpsc::channel(16);
        Self { address, ready, accepting: tokio::spawn(accept(listener, config.into(), done)) }
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    while let Ok((stream, peer)) = listener.accept().await {
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                // Nobody takes it: the stand-in was dropped.
                let _ = done.send((stream, peer)).await;
            }
        });
    }
}
