//! What a daemon is told while a handler is tried again, in which order, and what becomes of it when it objects.

use super::{component, message, retry::failing, seconds};
use action_component::{
    CancellationToken, Component, Context, Failure, Handler, Message, Reply, Section, Services, StatusSink,
    decorate::Retry, handler_fn, reply::FailureKind, testing::Platform,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// Hears everything; from the call with number `obeys` on, it objects to whatever it may object to.
#[derive(Debug)]
struct Daemon {
    heard: Mutex<Vec<&'static str>>,
    obeys: usize,
}

impl Daemon {
    fn obeying(obeys: usize) -> Arc<Self> {
        Arc::new(Self { heard: Mutex::default(), obeys })
    }

    fn hears(&self, what: &'static str) -> BoxFuture<'_, Result<(), Failure>> {
        let mut heard = self.heard.lock().unwrap();
        heard.push(what);
        let outcome = if heard.len() > self.obeys { Err(Failure::returned()) } else { Ok(()) };
        Box::pin(std::future::ready(outcome))
    }

    fn heard(&self) -> Vec<&'static str> {
        self.heard.lock().unwrap().clone()
    }

    async fn deliver(self: &Arc<Self>, component: &Component) -> Result<Reply, Failure> {
        let services = Services::new(Platform::answering(|_| (500, json!({}))), 1, CancellationToken::new());
        let section = Arc::new(Section::default());
        let cx = Context::new(message(1, 0), services, section, self.clone());
        component.handlers().next().unwrap().1.run(cx).await
    }
}

impl StatusSink for Daemon {
    fn status(&self, _text: String) -> BoxFuture<'_, ()> {
        self.heard.lock().unwrap().push("status");
        Box::pin(std::future::ready(()))
    }

    fn begins(&self) -> BoxFuture<'_, Result<(), Failure>> {
        self.hears("begins")
    }

    fn sets_down(&self, _note: String) -> BoxFuture<'_, Result<(), Failure>> {
        self.hears("sets down")
    }

    fn waits(&self, waiting: bool) {
        self.heard.lock().unwrap().push(if waiting { "waits" } else { "goes on" });
    }
}

const ONE_RETRY: [&str; 6] = ["begins", "sets down", "status", "waits", "goes on", "begins"];

#[tokio::test(start_paused = true)]
async fn what_is_promised_to_the_user_has_been_noted() {
    let daemon = Daemon::obeying(usize::MAX);
    let handler = failing("down").retry(Retry::after([seconds(10)]));
    assert!(daemon.deliver(&component(handler)).await.is_err());
    assert_eq!(daemon.heard(), ONE_RETRY);
}

#[tokio::test(start_paused = true)]
async fn work_that_may_not_begin_or_be_set_down_is_not_gone_on_with() {
    for (obeys, heard) in [(0, 1), (1, 2), (5, 6)] {
        let daemon = Daemon::obeying(obeys);
        let handler = failing("down").retry(Retry::after([10, 20].map(seconds)));
        let failure = daemon.deliver(&component(handler)).await.unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Returned);
        assert_eq!(daemon.heard(), ONE_RETRY[..heard]);
    }
}

#[tokio::test]
async fn what_a_handler_keeps_leaves_its_work_begun() {
    let handler = || {
        handler_fn(|_: Message, cx: Context| async move {
            cx.keep(&1).await?;
            Ok(Reply::text("done"))
        })
    };
    let daemon = Daemon::obeying(usize::MAX);
    assert!(daemon.deliver(&component(handler())).await.is_ok());
    assert_eq!(daemon.heard(), ["begins", "sets down", "begins"]);
    let daemon = Daemon::obeying(1);
    let failure = daemon.deliver(&component(handler())).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Returned, "another processor has it");
}
