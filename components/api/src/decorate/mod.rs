//! Handlers that wrap handlers: they wait, gather, limit or time out. See the methods of [`Handler`](crate::Handler).

mod debounce;
mod defer;
mod limit;
mod timeout;

pub use debounce::Debounce;
pub use defer::Defer;
pub use limit::Limit;
pub use timeout::Timeout;
