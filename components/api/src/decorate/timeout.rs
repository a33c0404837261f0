use crate::{Context, Failure, Handler, Reply};
use std::time::Duration;

/// See [`Handler::timeout`].
#[derive(Debug)]
pub struct Timeout<H> {
    inner: H,
    longest: Duration,
}

impl<H> Timeout<H> {
    pub(crate) fn new(inner: H, longest: Duration) -> Self {
        Self { inner, longest }
    }
}

impl<H: Handler> Handler for Timeout<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.inner.handle(input, cx).await
    }
}
