use crate::{Context, Failure, Handler, Reply};

/// See [`Handler::limit`].
#[derive(Debug)]
pub struct Limit<H> {
    inner: H,
    most: usize,
}

impl<H> Limit<H> {
    pub(crate) fn new(inner: H, most: usize) -> Self {
        Self { inner, most }
    }
}

impl<H: Handler> Handler for Limit<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.inner.handle(input, cx).await
    }
}
