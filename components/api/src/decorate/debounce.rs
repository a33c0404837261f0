use crate::{Context, Failure, Handler, Reply};
use std::time::Duration;

/// See [`Handler::debounce`].
#[derive(Debug)]
pub struct Debounce<H> {
    inner: H,
    quiet: Duration,
}

impl<H> Debounce<H> {
    pub(crate) fn new(inner: H, quiet: Duration) -> Self {
        Self { inner, quiet }
    }
}

impl<H: Handler> Handler for Debounce<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.inner.handle(input, cx).await
    }
}
