use bytes::{Bytes, BytesMut};
use futures_util::{
    Stream, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{fmt, io, sync::Arc};

/// The bytes of a body, all at once or as they come.
#[non_exhaustive]
pub enum Content {
    /// All of them.
    Bytes(Bytes),
    /// One after the other; once read, they are gone, so that a call which sends them cannot be repeated.
    Stream(BoxStream<'static, io::Result<Bytes>>),
    /// A stream that can be opened again, so that the call can be repeated.
    Reopened(Opener),
}

/// Opens a stream from its beginning.
pub type Opener = Arc<dyn Fn() -> BoxFuture<'static, io::Result<ByteStream>> + Send + Sync>;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

impl Content {
    /// The same content for another attempt, where it can be had.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Reopened(open) => Some(Self::Reopened(open.clone())),
            Self::Stream(_) => None,
        }
    }

    /// The bytes as they come.
    #[must_use]
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Bytes(bytes) => stream::once(async { Ok(bytes) }).boxed(),
            Self::Stream(stream) => stream,
            Self::Reopened(open) => stream::once(async move { open().await }).try_flatten().boxed(),
        }
    }

    /// All the bytes, if there are no more than `limit`.
    ///
    /// # Errors
    /// The stream failed, or has more than `limit` bytes ([`io::ErrorKind::FileTooLarge`]).
    pub async fn read(self, limit: usize) -> io::Result<Bytes> {
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes"));
        let mut stream = match self {
            Self::Bytes(bytes) if bytes.len() <= limit => return Ok(bytes),
            content => content.into_stream(),
        };
        let mut whole = BytesMut::new();
        while let Some(chunk) = stream.try_next().await? {
            if whole.len() + chunk.len() > limit {
                return Err(too_large());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Content from a stream that can be read once.
    pub fn stream(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Stream(stream.boxed())
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
            Self::Reopened(_) => f.write_str("Reopened"),
        }
    }
}
