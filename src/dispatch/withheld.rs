//! The handler in place of one whose component is not loaded.

use crate::component::{
    Context, Failure, Reply,
    handler::{AnyHandler, Traits},
};
use futures_util::future::{BoxFuture, ready};

/// Answers each message with the reason why nobody works on it.
#[derive(Debug)]
pub(super) struct Withheld(pub(super) String);

impl AnyHandler for Withheld {
    fn run(&self, _cx: Context) -> BoxFuture<'_, Result<Reply, Failure>> {
        Box::pin(ready(Err(Failure::new(&self.0))))
    }

    fn traits(&self) -> Traits {
        Traits::default()
    }
}
