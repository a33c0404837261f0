use super::{Tuned, patiently};
use crate::{Context, Failure, Handler, Reply, Traits};
use std::time::Duration;
use tokio::time::sleep;

/// Waits before it handles a message. See [`Handler::defer`].
#[derive(Debug)]
pub struct Defer<H> {
    inner: H,
    delay: Tuned<Duration>,
}

impl<H> Defer<H> {
    pub(crate) fn new(inner: H, delay: Tuned<Duration>) -> Self {
        Self { inner, delay }
    }
}

impl<H: Handler> Handler for Defer<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        patiently(&cx, sleep(self.delay.time(&cx))).await?;
        self.inner.handle(input, cx).await
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        patiently(&cx, sleep(self.delay.time(&cx))).await?;
        self.inner.serve(input, cx).await
    }

    fn traits(&self) -> Traits {
        self.inner.traits().with(self.delay.key())
    }
}
