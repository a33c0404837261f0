//! Says hello to whoever the action names.

use action_component::{Component, Context, Failure, Reply, handler_fn};
use serde::Deserialize;

#[derive(Deserialize)]
struct Greeting {
    name: String,
}

async fn say_hello(greeting: Greeting, _cx: Context) -> Result<Reply, Failure> {
    Ok(Reply::text(format!("hello, {}", greeting.name)))
}

/// The component that the processor links in.
#[must_use]
pub fn component() -> Component {
    Component::new("hello").on("Say Hello", handler_fn(say_hello))
}
