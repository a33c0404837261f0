//! SOCKS 5 (RFC 1928) with user and password (RFC 1929).

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::ProxyFailure;
use super::proxy::Credentials;
use super::tcp;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xFF;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;
const NOT_SOCKS: ProxyFailure = ProxyFailure::NotAProxy("a SOCKS 5 proxy");

/// Where the proxy shall connect to.
#[derive(Debug)]
pub(super) enum Target {
    Address(SocketAddr),
    Name(String, u16),
}

impl Target {
    /// `host` as it is: an address if it is one, else a name for the proxy to resolve.
    pub(super) fn of(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(address) => Self::Address(SocketAddr::new(address, port)),
            Err(_) => Self::Name(host.into(), port),
        }
    }

    /// Address type, address and port, as the request holds them (RFC 1928, section 5).
    fn encode(&self) -> Result<Vec<u8>, ProxyFailure> {
        let (mut bytes, port) = match self {
            Self::Address(address) => (encode_ip(address.ip()), address.port()),
            Self::Name(name, port) => ([vec![DOMAIN], counted(name)?].concat(), *port),
        };
        bytes.extend(port.to_be_bytes());
        Ok(bytes)
    }
}

/// `host` resolved on this machine. SOCKS takes one address; the resolver's first is the likeliest.
pub(super) async fn resolved(host: &str, port: u16) -> Result<Target, ProxyFailure> {
    let fail = |source| ProxyFailure::Resolve { host: host.into(), source };
    let addresses = tcp::resolve(host, port).await.map_err(fail)?;
    Ok(addresses.first().map_or_else(|| Target::of(host, port), |address| Target::Address(*address)))
}

/// Asks the proxy for a connection to `target`.
pub(super) async fn tunnel(
    mut stream: TcpStream,
    target: Target,
    credentials: Option<&Credentials>,
) -> Result<TcpStream, ProxyFailure> {
    negotiate(&mut stream, credentials).await?;
    stream.write_all(&[vec![VERSION, CONNECT, 0], target.encode()?].concat()).await?;
    let [version, reply, _, kind] = read(&mut stream).await?;
    if version != VERSION {
        return Err(NOT_SOCKS);
    }
    if reply != 0 {
        return Err(ProxyFailure::Refused(words(reply)));
    }
    skip_bound_address(&mut stream, kind).await?;
    Ok(stream)
}

async fn negotiate(stream: &mut TcpStream, credentials: Option<&Credentials>) -> Result<(), ProxyFailure> {
    let offer: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    stream.write_all(offer).await?;
    match (read(stream).await?, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => Ok(()),
        ([VERSION, USER_AND_PASSWORD], Some(credentials)) => authenticate(stream, credentials).await,
        ([VERSION, NONE_ACCEPTABLE], None) => Err(ProxyFailure::CredentialsMissing),
        ([VERSION, NONE_ACCEPTABLE], Some(_)) => {
            Err(ProxyFailure::Refused("it wants another kind of authentication".into()))
        }
        _ => Err(NOT_SOCKS),
    }
}

async fn authenticate(stream: &mut TcpStream, credentials: &Credentials) -> Result<(), ProxyFailure> {
    let user = counted(credentials.user.expose())?;
    let password = counted(credentials.password.expose())?;
    stream.write_all(&[vec![1], user, password].concat()).await?;
    let [_, status] = read(stream).await?;
    if status == 0 { Ok(()) } else { Err(ProxyFailure::CredentialsRefused) }
}

/// The proxy says where it connects from; nobody needs it.
async fn skip_bound_address(stream: &mut TcpStream, kind: u8) -> Result<(), ProxyFailure> {
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        DOMAIN => usize::from(stream.read_u8().await?),
        _ => return Err(NOT_SOCKS),
    };
    stream.read_exact(&mut vec![0; length + size_of::<u16>()]).await?;
    Ok(())
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N], ProxyFailure> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn encode_ip(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => [vec![IPV4], address.octets().to_vec()].concat(),
        IpAddr::V6(address) => [vec![IPV6], address.octets().to_vec()].concat(),
    }
}

/// A text after its length in one byte.
fn counted(text: &str) -> Result<Vec<u8>, ProxyFailure> {
    let length = u8::try_from(text.len()).map_err(|_| ProxyFailure::TooLong)?;
    Ok([&[length], text.as_bytes()].concat())
}

/// RFC 1928, section 6.
fn words(reply: u8) -> String {
    let text = match reply {
        1 => "general failure",
        2 => "its rules do not allow the connection",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "the broker refused the connection",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => return format!("reply {reply}"),
    };
    text.into()
}
