use super::{
    Body, Content, Part, Request, Rest, RestError,
    content::{ByteStream, Opener},
    part,
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use http::{HeaderMap, Method, header};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

/// A file to be sent, read while it is sent.
#[derive(Debug)]
pub struct File {
    name: String,
    content_type: Option<String>,
    length: Option<u64>,
    content: Content,
    besides: Vec<Part>,
}

/// A file on its way here: a stream of its bytes.
pub struct Download {
    headers: HeaderMap,
    stream: ByteStream,
}

// === impl File ===

impl File {
    /// A file called `name` with these bytes.
    #[must_use]
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { length: u64::try_from(bytes.len()).ok(), ..Self::new(name.into(), Content::Bytes(bytes)) }
    }

    /// A file called `name` whose bytes are read from `reader`. They can be read once, so that a call which sends them is
    /// not repeated when the platform is busy: the error says so, and the caller has to begin again.
    #[must_use]
    pub fn reader(name: impl Into<String>, reader: impl AsyncRead + Send + 'static) -> Self {
        Self::stream(name, ReaderStream::new(reader))
    }

    /// A file called `name` whose bytes come from `stream`; else as [`reader`](Self::reader).
    #[must_use]
    pub fn stream(
        name: impl Into<String>,
        stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self::new(name.into(), Content::stream(stream))
    }

    /// The file at `path`, under its own name. It is read again when the call must be repeated.
    ///
    /// # Errors
    /// [`RestError::File`]: it is not there, or may not be read.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, RestError> {
        let path = path.into();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let length = length(&path).await.map_err(|source| RestError::File { file: name.clone(), source })?;
        Ok(Self { length: Some(length), ..Self::new(name, Content::Reopened(opener(path))) })
    }

    /// Its MIME type; if it is not said, the one that its name means. What is none ([`mime_type`](super::mime_type)) is sent as
    /// `application/octet-stream`.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(super::mime_type(&content_type.into()).to_owned());
        self
    }

    /// What users read beside it: an attachment's description (platforms from 51.0.8 on).
    #[must_use]
    pub fn description(self, text: impl Into<String>) -> Self {
        self.with(Part::text("description", text))
    }

    /// A further part of the form, before the file.
    #[must_use]
    pub fn with(mut self, part: Part) -> Self {
        self.besides.push(part);
        self
    }

    /// How many bytes it has. A stream of another length fails the call.
    #[must_use]
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// The name under which the platform keeps it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn new(name: String, content: Content) -> Self {
        Self { name, content_type: None, length: None, content, besides: Vec::new() }
    }

    /// The parts of a form that sends it as the field `file`; the last is the file.
    #[must_use]
    pub fn into_parts(self) -> Vec<Part> {
        let Self { name, content_type, length, content, mut besides } = self;
        let content_type = content_type.unwrap_or_else(|| part::guessed(&name).to_owned());
        let file = Part { name: "file".to_owned(), file_name: Some(name), content_type, length, content };
        besides.push(file);
        besides
    }
}

async fn length(path: &Path) -> io::Result<u64> {
    tokio::fs::File::open(path).await?.metadata().await.map(|metadata| metadata.len())
}

fn opener(path: PathBuf) -> Opener {
    Arc::new(move || {
        let path = path.clone();
        Box::pin(async move { Ok(ReaderStream::new(tokio::fs::File::open(path).await?).boxed()) })
    })
}

// === impl Download ===

impl Download {
    /// Its MIME type, as the platform says it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// How many bytes will come, where the platform says it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The bytes as something to read from, for `tokio::io::copy`.
    #[must_use]
    pub fn into_reader(self) -> impl AsyncRead + Send + Unpin {
        StreamReader::new(self.stream)
    }

    /// All the bytes, if there are no more than `limit`.
    ///
    /// # Errors
    /// The link broke, or there are more ([`io::ErrorKind::FileTooLarge`]).
    pub async fn read(self, limit: usize) -> io::Result<Bytes> {
        Content::Stream(self.stream).read(limit).await
    }
}

impl Stream for Download {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.try_poll_next_unpin(cx)
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("length", &self.length()).finish_non_exhaustive()
    }
}

// === impl Rest ===

impl Rest {
    /// Sends an attachment: `POST /incidents/7/attachments` or `/tasks/9/attachments`.
    ///
    /// ```
    /// # use action_component::{Failure, Rest, rest::File};
    /// # async fn handle(rest: Rest) -> Result<(), Failure> {
    /// let report = File::open("/tmp/report.pdf").await?.description("This week's report");
    /// let attachment: serde_json::Value = rest.upload_attachment("/incidents/7/attachments", report).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn upload_attachment<T: DeserializeOwned>(
        &self,
        path: &str,
        file: File,
    ) -> Result<T, RestError> {
        self.write(Method::POST, path, Body::Multipart(file.into_parts())).await
    }

    /// Sends an artifact that is a file (`POST /incidents/7/artifacts/files`), with what is to be known of it:
    /// `{"type": "Malware Sample", "description": …}`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn upload_artifact_file<T: DeserializeOwned>(
        &self,
        path: &str,
        artifact: &(impl Serialize + Sync + ?Sized),
        file: File,
    ) -> Result<T, RestError> {
        let mut parts = vec![Part::json("artifact", artifact)?];
        parts.extend(file.into_parts());
        self.upload(path, parts).await
    }

    /// Sends a form of parts of one's own.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn upload<T: DeserializeOwned>(&self, path: &str, parts: Vec<Part>) -> Result<T, RestError> {
        self.write(Method::POST, path, Body::Multipart(parts)).await
    }

    /// The contents of a file, as they come: `GET /incidents/7/attachments/3/contents`.
    ///
    /// # Errors
    /// See [`RestError`]; the stream's own errors say that the link broke.
    pub async fn download(&self, path: &str) -> Result<Download, RestError> {
        let mut request = Request::new(Method::GET, path);
        request.streamed = true;
        let response = self.send(request).await?;
        Ok(Download { headers: response.headers, stream: response.body.into_stream() })
    }
}
