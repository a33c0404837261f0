use super::{Each, Tuned, unless_stopping};
use crate::{
    Context, Failure, Handler, Reply, Traits,
    context::{Worker, Workers},
};

/// Handles at most so many messages at a time, first come, first served. See [`Handler::limit`].
#[derive(Debug)]
pub struct Limit<H> {
    inner: H,
    most: Tuned<usize>,
    places: Each<Workers>,
}

/// More at a time than this is no limit.
const MOST: usize = 1 << 20;

impl<H> Limit<H> {
    /// A limit of 0 would never handle anything: it counts as 1.
    pub(crate) fn new(inner: H, most: Tuned<usize>) -> Self {
        Self { inner, most, places: Each::new() }
    }

    async fn place(&self, cx: &Context) -> Result<Worker, Failure> {
        let most = self.most.number(cx).clamp(1, MOST);
        let places = self.places.of(cx, || Workers::new(most));
        // The operator may have changed it meanwhile.
        places.resize(most);
        let place = unless_stopping(cx, places.one()).await?;
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
        self.inner.traits().with(self.most.key())
    }
}
