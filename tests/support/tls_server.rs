//! A TLS server that remembers every byte it could decrypt.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// Answers each connection's first bytes with an HTTP response, then reads until the client hangs up.
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    ended: mpsc::Receiver<Connection>,
}

/// A connection that is over.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The name the client asked for (SNI).
    pub(crate) server_name: Option<String>,
    /// Whether the handshake came to its end.
    pub(crate) handshake: bool,
    /// All application data.
    pub(crate) received: Vec<u8>,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

impl TlsServer {
    pub(crate) async fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (report, ended) = mpsc::channel(8);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = serve(stream, TlsAcceptor::from(Arc::clone(&config))).await;
                let _ = report.send(connection).await;
            }
        });
        Self { address, ended }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next connection to come to its end.
    pub(crate) async fn connection(&mut self) -> Connection {
        self.ended.recv().await.unwrap()
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor) -> Connection {
    let mut connection = Connection::default();
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return connection;
    };
    connection.handshake = true;
    connection.server_name = stream.get_ref().1.server_name().map(String::from);
    while let Ok(1..) = stream.read_buf(&mut connection.received).await {
        let _ = stream.write_all(ANSWER).await;
        let _ = stream.flush().await;
    }
    connection
}
