//! One request, one answer.

use super::{
    Exchange, Proxy, Recorder, Settings, Timeouts,
    failure::{Call, lacks_descriptors},
    retry,
    session::set_cookies,
    upload,
};
use crate::{descriptors, logging::Redactor};
use action_component::rest::{Body, Content, Request, Response, RestError, Scope, mime_type};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, header};
use reqwest::{RequestBuilder, Url, redirect};
use std::{borrow::Cow, io, sync::Arc, time::Duration};

/// How much of an error's text is read, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// The HTTP client.
#[derive(Debug)]
pub(super) struct Wire {
    client: reqwest::Client,
    /// Keeps no connection: for a call whose connection turned out to be dead.
    anew: reqwest::Client,
    proxy: Option<Proxy>,
    base: Url,
    timeouts: Timeouts,
    max_answer: usize,
    recorder: Option<Arc<dyn Recorder>>,
    redactor: Redactor,
}

// === impl Wire ===

impl Wire {
    /// # Errors
    /// A setting cannot be: the text says which.
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let proxy = settings.proxy.clone().filter(|proxy| proxy.serves(&settings.address.host));
        let builder = client(settings, proxy.as_ref())?;
        let built = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| format!("the HTTP client cannot be built: {error}"))
        };
        Ok(Self {
            client: built(builder)?,
            anew: built(client(settings, proxy.as_ref())?.pool_max_idle_per_host(0))?,
            proxy,
            base: settings.address.base()?,
            timeouts: settings.timeouts,
            max_answer: settings.max_answer,
            recorder: settings.recorder.clone(),
            redactor: settings.redactor.clone(),
        })
    }

    /// Sends `request` once, with the headers that prove who we are. `org` is the organization's id, once it is known.
    pub(super) async fn send(
        &self,
        request: Request,
        org: Option<i64>,
        pass: &HeaderMap,
    ) -> Result<Response, RestError> {
        self.send_by(Connections::Kept, request, org, pass).await
    }

    /// The same, by a connection that was kept or by a new one. Where there is no descriptor left for it, it waits for one.
    pub(super) async fn send_by(
        &self,
        connections: Connections,
        mut request: Request,
        org: Option<i64>,
        pass: &HeaderMap,
    ) -> Result<Response, RestError> {
        loop {
            let again = request.again();
            // A body that can be read once is not begun in vain.
            while again.is_none() && descriptors::none_left() {
                descriptors::wait(&"a file cannot be sent yet").await;
            }
            match (self.send_now(connections, request, org, pass).await, again) {
                (Err(error), Some(again)) if lacks_descriptors(&error) => {
                    descriptors::wait(&error).await;
                    request = again;
                }
                (answer, _) => return answer,
            }
        }
    }

    async fn send_now(
        &self,
        connections: Connections,
        request: Request,
        org: Option<i64>,
        pass: &HeaderMap,
    ) -> Result<Response, RestError> {
        let call = Call::of(&request);
        let url = self.url(&request, org).map_err(|reason| call.clone().unsendable(reason))?;
        let total = request.timeout.unwrap_or(self.timeouts.total);
        // A call may outlive the message that it is made for.
        let token = request.context_token().map(|token| ("token", token.as_str()));
        let _token = self.redactor.hold_headers(token);
        let path_and_query = path_and_query(&url);
        let exchange = Sent { call, path_and_query, streamed: request.streamed, connections, total };
        let answer = self.begin(request, url, pass, &exchange).await?;
        if exchange.streamed && answer.status().is_success() {
            return Ok(self.stream(answer, &exchange));
        }
        self.finish(answer, exchange).await
    }

    fn url(&self, request: &Request, org: Option<i64>) -> Result<Url, String> {
        let scope = match (request.scope, org) {
            (Scope::Organization, Some(id)) => format!("/orgs/{id}"),
            (Scope::Organization, None) => return Err("no organization has been chosen yet".to_owned()),
            (Scope::Platform, _) => String::new(),
        };
        let separator =
            if request.path.is_empty() || request.path.starts_with(['/', '?']) { "" } else { "/" };
        let url = format!("{}{scope}{separator}{}", self.base, request.path);
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        // What follows it would not be sent.
        let whole = url.fragment().is_none();
        whole.then_some(url).ok_or_else(|| "a path cannot hold `#`; escape it, see `segment`".to_owned())
    }

    /// Sends the request and waits for the answer's head.
    async fn begin(
        &self,
        request: Request,
        url: Url,
        pass: &HeaderMap,
        sent: &Sent,
    ) -> Result<reqwest::Response, RestError> {
        let call = || sent.call.clone();
        let total = sent.total;
        let headers = headers(&request, pass).map_err(|reason| call().unsendable(reason))?;
        let client = match sent.connections {
            Connections::Kept => &self.client,
            Connections::New => &self.anew,
        };
        let builder = client.request(request.method, url).headers(headers);
        let (builder, stalled) = body(builder, request.body, total, &sent.call)?;
        let whole = !sent.streamed && stalled.is_none();
        let builder = if whole { builder.timeout(total) } else { builder };
        let answer = tokio::select! {
            answer = builder.send() => answer,
            () = patience(stalled, sent.streamed.then_some(total)) => return Err(call().timed_out(total)),
        };
        answer.map_err(|error| call().failed(error, total, self.proxy.as_ref()))
    }

    /// Reads the answer whole.
    async fn finish(&self, answer: reqwest::Response, sent: Sent) -> Result<Response, RestError> {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let read = self.read(answer, &sent);
        let body = tokio::time::timeout(sent.total, read)
            .await
            .unwrap_or_else(|_elapsed| Err(sent.call.clone().timed_out(sent.total)));
        // The status is worth more than the text that comes with it.
        let body = if status.is_success() { body? } else { body.unwrap_or_default() };
        let cookies = set_cookies(&headers).filter_map(|cookie| cookie.split_once('='));
        let _cookies: Vec<_> = cookies.map(|(_name, value)| self.redactor.hold(&value.into())).collect();
        self.record(&sent, status, &headers, Some(&body));
        let retry_after = retry::retry_after(&headers);
        if status.is_success() {
            return Ok(Response::new(status, body).with_retry_after(retry_after).with_headers(headers));
        }
        // Before anything is cut off: what is left of a secret then is not known for one.
        let body = match self.redactor.mask_bytes(&body) {
            Cow::Owned(masked) => masked.into(),
            Cow::Borrowed(_) => body,
        };
        Err(RestError::from_answer(sent.call.method, &sent.call.path, status, retry_after, &body))
    }

    /// The text of an error is read up to a limit, any other answer must not be longer than one.
    async fn read(&self, mut answer: reqwest::Response, sent: &Sent) -> Result<Bytes, RestError> {
        let success = answer.status().is_success();
        let limit = if success { self.max_answer } else { LONGEST_ERROR };
        let mut whole = BytesMut::new();
        let failed = |error| sent.call.clone().failed(error, sent.total, self.proxy.as_ref());
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            match whole.len() + chunk.len() > limit {
                true if success => return Err(sent.call.clone().too_large(limit)),
                true => break,
                false => {}
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Passes the answer on as it comes; a silence of `idle` ends it.
    fn stream(&self, answer: reqwest::Response, sent: &Sent) -> Response {
        let (status, headers) = (answer.status(), answer.headers().clone());
        self.record(sent, status, &headers, None);
        let idle = self.timeouts.idle;
        let chunks = answer.bytes_stream().map_err(|error| io::Error::other(error.without_url())).boxed();
        let timed = stream::try_unfold(chunks, move |mut chunks| async move {
            let next = tokio::time::timeout(idle, chunks.try_next()).await;
            let next = next.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?;
            Ok(next?.map(|chunk| (chunk, chunks)))
        });
        Response::new(status, Bytes::new()).with_headers(headers).with_body(Content::stream(timed))
    }

    fn record(&self, sent: &Sent, status: http::StatusCode, headers: &HeaderMap, body: Option<&[u8]>) {
        let Some(recorder) = &self.recorder else { return };
        let (method, path_and_query) = (&sent.call.method, sent.path_and_query.as_str());
        recorder.record(&Exchange { method, path_and_query, status, headers, body });
    }
}

/// What is to be known of a call once its request is gone.
struct Sent {
    call: Call,
    path_and_query: String,
    streamed: bool,
    connections: Connections,
    /// The time that it has.
    total: Duration,
}

/// By which connection a call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connections {
    /// One that was kept, if there is one.
    Kept,
    /// A new one.
    New,
}

fn client(settings: &Settings, proxy: Option<&Proxy>) -> Result<reqwest::ClientBuilder, String> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(settings.tls.as_ref().clone())
        .http1_only()
        // A redirect would carry the credentials and the context token to wherever it points.
        .redirect(redirect::Policy::none())
        // Which proxy is the settings' affair: never reqwest's own reading of the environment.
        .no_proxy()
        .user_agent(concat!("action-processor/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.timeouts.connect)
        .pool_idle_timeout(settings.timeouts.pooled)
        .tcp_keepalive(Duration::from_secs(30));
    if settings.timeouts.pooled.is_zero() {
        builder = builder.pool_max_idle_per_host(0);
    }
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.build().map_err(|error| format!("{}: {error}", proxy.named()))?);
    }
    Ok(builder)
}

/// The request's own headers, and ours in place of those that it must not have.
fn headers(request: &Request, pass: &HeaderMap) -> Result<HeaderMap, String> {
    if let Some(name) = request.reserved_header() {
        return Err(format!("a call cannot have a header {name} of its own: the processor sends it"));
    }
    let mut headers = request.headers.clone();
    if !matches!(request.body, Body::Empty) {
        headers.remove(header::CONTENT_TYPE);
    }
    if !request.streamed {
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    }
    if let Some(token) = request.context_token() {
        let mut token = HeaderValue::from_bytes(token.as_str().as_bytes())
            .map_err(|_invalid| "the message's context token is not fit for a header".to_owned())?;
        token.set_sensitive(true);
        headers.insert("x-co3contexttoken", token);
    }
    for (name, value) in pass {
        headers.insert(name, value.clone());
    }
    Ok(headers)
}

/// Adds the body; for one that takes its time, also what tells that it no longer moves.
fn body(
    builder: RequestBuilder,
    body: Body,
    patience: Duration,
    call: &Call,
) -> Result<(RequestBuilder, Option<upload::Stalled>), RestError> {
    Ok(match body {
        Body::Empty => (builder, None),
        Body::Json(text) => (builder.header(header::CONTENT_TYPE, "application/json").body(text), None),
        Body::Multipart(parts) => {
            let form = upload::form(parts, patience).map_err(|reason| call.clone().unsendable(reason))?;
            let builder = builder.header(header::CONTENT_TYPE, form.content_type);
            let builder = match form.length {
                Some(length) => builder.header(header::CONTENT_LENGTH, length),
                None => builder,
            };
            (builder.body(form.body), Some(form.stalled))
        }
        Body::Other { content_type, content } => {
            let content_type = mime_type(&content_type).to_owned();
            (builder.header(header::CONTENT_TYPE, content_type).body(upload::plain(content)), None)
        }
        _ => return Err(call.clone().unsendable("this client does not know such a body")),
    })
}

/// Ends when there is no more reason to wait for an answer's head.
async fn patience(stalled: Option<upload::Stalled>, limit: Option<Duration>) {
    match (stalled, limit) {
        (Some(stalled), _) => stalled.wait().await,
        (None, Some(limit)) => tokio::time::sleep(limit).await,
        (None, None) => std::future::pending().await,
    }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
