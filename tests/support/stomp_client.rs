//! A small STOMP 1.2 client for the tests' side of the broker, independent of the one under test.
//!
//! No heart-beats, no reconnecting; one frame after the other.

use std::collections::{HashMap, VecDeque};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::broker::{Address, Credentials, Make};

/// Nothing that a test waits for takes longer; the error is better than a test run that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A frame, its header values unescaped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) command: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A connection on which the broker has said CONNECTED.
pub(crate) struct StompClient {
    stream: BufStream<Box<dyn Stream>>,
    // What came while a receipt was waited for.
    waiting: VecDeque<Frame>,
}

// === impl Frame ===

impl Frame {
    pub(crate) fn new(command: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { command: command.to_owned(), headers, body: Vec::new() }
    }

    /// The header's value, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\n", self.command);
        for (name, value) in &self.headers {
            text += &format!("{}:{}\n", escape(name), escape(value));
        }
        let mut bytes = (text + "\n").into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes.push(0);
        bytes
    }
}

// === impl StompClient ===

impl StompClient {
    /// Logs in on the plain connector.
    pub(crate) async fn connect(address: &Address, user: Credentials) -> Result<Self> {
        let tcp = tcp(address.plain).await?;
        Self::log_in(Box::new(tcp), address.make, user).await
    }

    /// Logs in on the daemon's connector, by TLS and the name `localhost`.
    pub(crate) async fn connect_tls(address: &Address, user: Credentials) -> Result<Self> {
        let tcp = tcp(address.tls).await?;
        let name = ServerName::try_from("localhost").expect("a host name");
        let tls = TlsConnector::from(trusting(&address.ca_file)).connect(name, tcp).await?;
        Self::log_in(Box::new(tls), address.make, user).await
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<()> {
        self.stream.write_all(&frame.to_bytes()).await?;
        self.stream.flush().await
    }

    /// Sends a frame and waits until the broker has carried it out. Other frames are kept for `receive`.
    pub(crate) async fn confirmed(&mut self, mut frame: Frame) -> Result<()> {
        frame.headers.insert("receipt".to_owned(), "done".to_owned());
        self.send(&frame).await?;
        loop {
            match self.read().await? {
                frame if frame.command == "RECEIPT" => return Ok(()),
                frame => self.waiting.push_back(frame),
            }
        }
    }

    /// Subscribes to `queue` with `client-individual` acknowledgement; waits for the broker's consent.
    pub(crate) async fn subscribe(&mut self, queue: &str) -> Result<()> {
        let headers = [("id", queue), ("destination", queue), ("ack", "client-individual")];
        self.confirmed(Frame::new("SUBSCRIBE", &headers)).await
    }

    /// The next frame; an ERROR frame is an error with its message.
    pub(crate) async fn receive(&mut self) -> Result<Frame> {
        match self.waiting.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<Frame> {
        let frame = timeout(PATIENCE, self.frame()).await??;
        if frame.command == "ERROR" {
            return Err(Error::other(frame.header("message").to_owned()));
        }
        Ok(frame)
    }

    async fn frame(&mut self) -> Result<Frame> {
        let mut frame = Frame { command: self.line().await?, ..Frame::default() };
        while frame.command.is_empty() {
            frame.command = self.line().await?;
        }
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            frame.headers.entry(unescape(name)).or_insert_with(|| unescape(value));
        }
        frame.body = self.body(frame.headers.get("content-length")).await?;
        Ok(frame)
    }

    /// Acknowledges a MESSAGE.
    pub(crate) async fn acknowledge(&mut self, message: &Frame) -> Result<()> {
        self.send(&Frame::new("ACK", &[("id", message.header("ack"))])).await
    }

    async fn log_in(stream: Box<dyn Stream>, make: Make, user: Credentials) -> Result<Self> {
        let mut client = Self { stream: BufStream::new(stream), waiting: VecDeque::new() };
        let headers = [
            ("accept-version", "1.2"),
            ("host", make.virtual_host()),
            ("login", user.login),
            ("passcode", user.passcode),
        ];
        client.send(&Frame::new("CONNECT", &headers)).await?;
        client.receive().await?;
        Ok(client)
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    async fn body(&mut self, length: Option<&String>) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = length {
            body.resize(length.parse().map_err(Error::other)?, 0);
            self.stream.read_exact(&mut body).await?;
            self.stream.read_u8().await?;
        } else {
            self.stream.read_until(0, &mut body).await?;
            body.pop();
        }
        Ok(body)
    }
}

/// Small frames are not to wait for the acknowledgement of those before them.
async fn tcp(port: u16) -> Result<TcpStream> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

fn trusting(ca_file: &Path) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(ca_file).expect("the CA is PEM"))
        .expect("the CA is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

fn escape(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n").replace('\r', r"\r").replace(':', r"\c")
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        plain.push(match escaped {
            None => char,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('c') => ':',
            Some(other) => other,
        });
    }
    plain
}
