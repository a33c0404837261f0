//! Proxies in a few lines: HTTP CONNECT and SOCKS 5. Whatever host they are asked for, they connect to 127.0.0.1.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A running proxy.
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
}

type Requests = mpsc::UnboundedSender<String>;

impl TestProxy {
    /// An HTTP proxy; answers with `status` unless the request holds `authorization`.
    pub(crate) async fn http(authorization: &'static str, status: &'static str) -> Self {
        Self::start(move |stream, requests| http(stream, requests, authorization, status)).await
    }

    /// A SOCKS 5 proxy; wants user and password if `credentials` (`user:password`) are given, and answers with `reply`.
    pub(crate) async fn socks(credentials: Option<&'static str>, reply: u8) -> Self {
        Self::start(move |stream, requests| socks(stream, requests, credentials, reply)).await
    }

    /// What the next client asked for: the head of an HTTP request, or `name localhost 443` / `address 127.0.0.1 443`.
    pub(crate) async fn request(&mut self) -> String {
        self.requests.recv().await.unwrap()
    }

    /// Whether nobody has asked for anything.
    pub(crate) fn is_unused(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    async fn start<F>(serve: impl Fn(TcpStream, Requests) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { address, requests }
    }
}

async fn http(stream: TcpStream, requests: Requests, authorization: &str, status: &str) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await? > 0 {}
    let _ = requests.send(head.clone());
    if !head.contains(authorization) {
        return stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
    }
    let target = head.split(' ').nth(1).and_then(|target| target.rsplit(':').next()).unwrap();
    let port = target.parse().unwrap();
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n").await?;
    relay(stream.into_inner(), port).await
}

async fn socks(
    stream: TcpStream,
    requests: Requests,
    credentials: Option<&str>,
    reply: u8,
) -> io::Result<()> {
    let mut stream = stream;
    let offered = read(&mut stream, 2).await?;
    let methods = read(&mut stream, offered[1]).await?;
    let wanted = if credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        return stream.write_all(&[5, 0xFF]).await;
    }
    stream.write_all(&[5, wanted]).await?;
    if let Some(credentials) = credentials {
        let verdict = u8::from(login(&mut stream).await? != credentials);
        stream.write_all(&[1, verdict]).await?;
    }
    let (target, port) = target(&mut stream).await?;
    let _ = requests.send(target);
    stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    relay(stream, port).await
}

async fn login(stream: &mut TcpStream) -> io::Result<String> {
    stream.read_u8().await?;
    let user = counted(stream).await?;
    Ok(format!("{user}:{}", counted(stream).await?))
}

async fn target(stream: &mut TcpStream) -> io::Result<(String, u16)> {
    let host = match read(stream, 4).await?[3] {
        3 => format!("name {}", counted(stream).await?),
        _ => format!("address {}", std::net::Ipv4Addr::from(stream.read_u32().await?)),
    };
    let port = stream.read_u16().await?;
    Ok((format!("{host} {port}"), port))
}

async fn counted(stream: &mut TcpStream) -> io::Result<String> {
    let length = stream.read_u8().await?;
    Ok(String::from_utf8(read(stream, length).await?).unwrap())
}

async fn read(stream: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn relay(mut client: TcpStream, port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
