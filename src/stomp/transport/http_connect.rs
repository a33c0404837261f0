//! HTTP CONNECT (RFC 9110, section 9.3.6).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::error::ProxyFailure;
use super::proxy::Credentials;

/// How much of a proxy's words is of use.
const MOST_WORDS: usize = 100;
/// Longest answer we read, in bytes.
const LONGEST_ANSWER: u64 = 16 * 1024;
const NOT_HTTP: ProxyFailure = ProxyFailure::NotAProxy("an HTTP proxy");

/// Asks the proxy for a tunnel to `broker` (`host:port`).
pub(super) async fn tunnel(
    mut stream: TcpStream,
    broker: &str,
    credentials: Option<&Credentials>,
) -> Result<TcpStream, ProxyFailure> {
    stream.write_all(request(broker, credentials).as_bytes()).await?;
    let mut reader = BufReader::new(stream);
    let status = answer(&mut reader).await?;
    judge(&status, credentials.is_some())?;
    // In TLS the client speaks first: bytes this early are not the broker's.
    if reader.buffer().is_empty() { Ok(reader.into_inner()) } else { Err(NOT_HTTP) }
}

fn request(broker: &str, credentials: Option<&Credentials>) -> String {
    let authorization = credentials.map(authorization).unwrap_or_default();
    format!("CONNECT {broker} HTTP/1.1\r\nHost: {broker}\r\n{authorization}\r\n")
}

fn authorization(Credentials { user, password }: &Credentials) -> String {
    let pair = BASE64_STANDARD.encode(format!("{}:{}", user.expose(), password.expose()));
    format!("Proxy-Authorization: Basic {pair}\r\n")
}

/// Reads up to the empty line that ends the answer's head; returns its first line.
async fn answer(reader: &mut BufReader<TcpStream>) -> Result<String, ProxyFailure> {
    let mut reader = reader.take(LONGEST_ANSWER);
    let status = line(&mut reader).await?;
    while !line(&mut reader).await?.is_empty() {}
    Ok(status)
}

async fn line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Result<String, ProxyFailure> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes).await?;
    // No end of line: the proxy hung up, or talks without end.
    let line = bytes.strip_suffix(b"\n").ok_or(NOT_HTTP)?;
    Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
}

fn judge(status: &str, had_credentials: bool) -> Result<(), ProxyFailure> {
    let rest = status.strip_prefix("HTTP/1.").ok_or(NOT_HTTP)?;
    let (_, rest) = rest.split_once(' ').ok_or(NOT_HTTP)?;
    match rest.as_bytes() {
        [b'2', ..] => Ok(()),
        [b'4', b'0', b'7', ..] if had_credentials => Err(ProxyFailure::CredentialsRefused),
        [b'4', b'0', b'7', ..] => Err(ProxyFailure::CredentialsMissing),
        [b'0'..=b'9', ..] => Err(ProxyFailure::Refused(printable(rest))),
        _ => Err(NOT_HTTP),
    }
}

/// The proxy's words, short and without control characters: they go into our log.
fn printable(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(MOST_WORDS + 1).collect();
    match clean.char_indices().nth(MOST_WORDS) {
        // To whatever masks secrets, the dots say that a part of one may stand before them.
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}
