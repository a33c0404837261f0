use super::unless_stopping;
use crate::{Context, Failure, Handler, Reply, Traits};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Handles at most so many messages at a time, first come, first served. See [`Handler::limit`].
#[derive(Debug)]
pub struct Limit<H> {
    inner: H,
    places: Semaphore,
}

impl<H> Limit<H> {
    /// A limit of 0 would never handle anything: it counts as 1.
    pub(crate) fn new(inner: H, most: usize) -> Self {
        Self { inner, places: Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)) }
    }

    async fn place(&self, cx: &Context) -> Result<SemaphorePermit<'_>, Failure> {
        let place = unless_stopping(cx, self.places.acquire()).await?;
        place.map_err(|_closed| Failure::returned())
    }
}

impl<H: Handler> Handler for Limit<H> {
    type Input = H::Input;

    async fn handle(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let _place = self.place(&cx).await?;
        self.inner.handle(input, cx).await
    }

    async fn serve(&self, input: H::Input, cx: Context) -> Result<Reply, Failure> {
        let _place = self.place(&cx).await?;
        self.inner.serve(input, cx).await
    }

    fn traits(&self) -> Traits {
        self.inner.traits()
    }
}
