mod bench;
mod clock;
mod endpoints;
mod guide;
mod like_the_daemon;
mod objects;
mod outcomes;

use action_component::{
    Component, Context, Failure, Message, Reply, Rest, handler_fn,
    testing::{Bench, Platform, message},
};
use futures_util::FutureExt;
use serde_json::json;
use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

/// What a handler asks of `platform` here is asked by the test itself.
fn rest(platform: &Arc<Platform>) -> Rest {
    Rest::new(platform.clone(), Some("token".into()))
}

/// The words in which `work` fails the test that it is part of.
async fn complaint<T>(work: impl Future<Output = T>) -> String {
    let Err(panic) = AssertUnwindSafe(work).catch_unwind().await else { panic!("it should fail the test") };
    panic.downcast::<String>().map_or_else(
        |panic| panic.downcast::<&str>().map(|words| (*words).to_owned()).unwrap_or_default(),
        |words| *words,
    )
}

/// Answers "Act" by `handler`.
fn acting<F, Fut>(handler: F) -> Component
where
    F: Fn(Message, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply, Failure>> + Send + 'static,
{
    Component::new("test").on("Act", handler_fn(handler))
}

async fn act(platform: Arc<Platform>, component: &Component) -> Result<Reply, Failure> {
    Bench::new(platform).deliver(component, message("Act", json!({ "incident": { "id": 7 } }))).await
}
