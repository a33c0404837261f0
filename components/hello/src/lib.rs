//! Says hello to whoever the action names.
use action_component::{Component, Context, Failure, Reply, handler_fn};
#[derive(serde::Deserialize)]
struct Greeting {
    name: String,
}

async fn say_hello(greeting: Greeting, _cx: Context) -> Result<Reply, Failure> {
    Ok(Reply::text(format!("hello, {}", greeting.name)))
}

/// The component that the processor links in.
pub fn component() -> Component {
    Component::new("hello").on("Say Hello", handler_fn(say_hello)).version(env!("CARGO_PKG_VERSION"))
}
