use crate::{Context, Failure, Handler, Reply, Traits};

/// Work that must not be repeated when nobody can say how far it came. See [`Handler::at_most_once`].
#[derive(Debug)]
pub struct AtMostOnce<H> {
    inner: H,
}

impl<H> AtMostOnce<H> {
    pub(crate) fn new(inner: H) -> Self {
        Self { inner }
    }
}

impl<H: Handler> Handler for AtMostOnce<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.inner.handle(input, cx.at_most_once()).await
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        self.inner.serve(input, cx.at_most_once()).await
    }

    fn traits(&self) -> Traits {
        Traits { at_most_once: true, ..self.inner.traits() }
    }
}
