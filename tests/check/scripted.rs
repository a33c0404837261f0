//! A broker over TLS that does as it is told.

use std::future::Future;
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Served;
use crate::support::certificates::{Authority, Request};
use crate::support::processor::AppConfig;

/// Where it is, and the file that trusts it.
pub(super) struct Scripted {
    port: u16,
    cafile: NamedTempFile,
}

/// One connection of it.
pub(super) struct Connection(BufStream<TlsStream<TcpStream>>);

// === impl Scripted ===

impl Scripted {
    /// Serves each connection by `script`, which gets its number too.
    pub(super) async fn start<F>(script: impl Fn(Connection, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let authority = Authority::new("CA of the scripted broker");
        let tls = authority.issue(&Request::server(["localhost"])).server_config();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let stream = TlsAcceptor::from(Arc::clone(&tls)).accept(stream).await.unwrap();
                tokio::spawn(script(Connection(BufStream::new(stream)), number));
            }
        });
        Self { port, cafile: authority.file() }
    }

    /// The way to this broker and to `served`.
    pub(super) async fn config(&self, served: &Served) -> AppConfig {
        let config = served.without_broker().await;
        config.set("resilient", "stomp_port", &self.port.to_string()).set(
            "resilient",
            "stomp_cafile",
            &self.cafile.path().display().to_string(),
        )
    }
}

// === impl Connection ===

impl Connection {
    /// The next frame's text; empty when the other side has gone.
    pub(super) async fn frame(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.0.read_until(0, &mut bytes).await;
        String::from_utf8(bytes).unwrap().trim_matches(['\n', '\0']).to_owned()
    }

    /// The next frame's header `receipt`.
    pub(super) async fn receipt(&mut self) -> Option<String> {
        let frame = self.frame().await;
        frame.lines().find_map(|line| line.strip_prefix("receipt:")).map(ToOwned::to_owned)
    }

    pub(super) async fn say(&mut self, frame: &str) {
        let _ = self.0.write_all(format!("{frame}\n\n\0").as_bytes()).await;
        let _ = self.0.flush().await;
    }

    /// Takes CONNECT and answers it.
    pub(super) async fn connected(&mut self) {
        self.frame().await;
        self.say("CONNECTED\nversion:1.2\nserver:scripted").await;
    }

    /// Reads until the other side has gone, and says nothing.
    pub(super) async fn ignore_all(mut self) {
        while !self.frame().await.is_empty() {}
    }

    /// Confirms whatever comes.
    pub(super) async fn confirm_all(&mut self) {
        while let Some(receipt) = self.receipt().await {
            self.say(&format!("RECEIPT\nreceipt-id:{receipt}")).await;
        }
    }
}
