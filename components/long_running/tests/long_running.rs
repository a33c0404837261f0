//! A scan that takes hours, on a paused clock.

// clippy.toml allows this in tests, but does not see that their helpers belong to them.
#![allow(clippy::unwrap_used)]

use action_component::{
    Component, Failure, FailureKind, Message, Section,
    testing::{self, Bench, Outcome, Platform, advance},
};
use long_running::{Progress, Scanner, component_with};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

/// A service that is done after a while, and remembers what it was asked.
#[derive(Clone)]
struct Service {
    begun: Instant,
    takes: Duration,
    /// How far it is it does not say in this time.
    away: std::ops::Range<Duration>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn taking(takes: Duration) -> Self {
        Self { begun: Instant::now(), takes, away: Duration::ZERO..Duration::ZERO, asked: Arc::default() }
    }

    fn component(&self) -> Component {
        let service = self.clone();
        component_with(move |_, _| Ok(service.clone()))
    }

    /// All but how far it is.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Scanner for Service {
    async fn start(&self, host: &str, request: &str) -> Result<String, Failure> {
        self.asked.lock().unwrap().push(format!("start {host} for {request}"));
        Ok("scan-1".to_owned())
    }

    async fn progress(&self, scan: &str) -> Result<Progress, Failure> {
        assert_eq!(scan, "scan-1");
        if self.away.contains(&self.begun.elapsed()) {
            return Err(Failure::new("the service is away"));
        }
        let part = self.begun.elapsed().as_secs_f64() / self.takes.as_secs_f64();
        if part >= 1.0 {
            return Ok(Progress::Done { verdict: "nothing was found".to_owned() });
        }
        Ok(Progress::Running { percent: tens(part * 10.0) })
    }

    async fn stop(&self, scan: &str) -> Result<(), Failure> {
        self.asked.lock().unwrap().push(format!("stop {scan}"));
        Ok(())
    }
}

/// In steps of ten percent.
fn tens(tenths: f64) -> u8 {
    (0..10).rev().find(|tens| f64::from(*tens) <= tenths).unwrap_or(0) * 10
}

fn bench() -> Bench {
    let settings = [("url", "https://scanner.example/api"), ("api_key", "a key")];
    Bench::new(Platform::new()).workers(1).section(Section::new("long_running", settings))
}

fn message() -> Message {
    testing::message("Scan Host", json!({ "properties": { "host": "web-1" } }))
}

/// The same by a workflow.
fn call() -> Message {
    testing::function("scan_host", json!({ "host": "web-1" }))
}

#[tokio::test(start_paused = true)]
async fn hours_later_the_verdict_is_the_answer_and_the_user_has_seen_how_far_it_was() {
    for message in [message(), call()] {
        let (bench, service) = (bench(), Service::taking(4 * HOUR));
        bench.deliver(&service.component(), message).await.assert_says("web-1: nothing was found");
        assert_eq!(service.begun.elapsed(), 4 * HOUR);
        let statuses = bench.statuses();
        assert_eq!(statuses[..3], ["the scan of web-1 has begun", "0 % scanned", "10 % scanned"]);
        assert_eq!(statuses.len(), 11, "each is said once: {statuses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_service_scans_the_only_worker_is_free() {
    let (bench, service) = (bench(), Service::taking(HOUR));
    let delivery = bench.start(&service.component(), message()).await;
    advance(Duration::from_secs(90)).await;
    assert_eq!((bench.free_workers(), bench.waiting()), (1, 1));
    delivery.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_scan_that_was_begun() {
    let (before, service) = (bench(), Service::taking(HOUR));
    let delivery = before.start(&service.component(), message()).await;
    advance(HOUR / 2).await;
    before.stop();
    assert_eq!(delivery.outcome().await.unwrap_err().kind(), FailureKind::Returned);
    before.restarted().deliver(&service.component(), message()).await.unwrap();
    assert_eq!(service.asked(), ["start web-1 for invid:390"]);
    assert_eq!(service.begun.elapsed(), HOUR);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_leaves_the_scan_to_the_next_one() {
    let (before, service) = (bench(), Service::taking(HOUR));
    let delivery = before.start(&service.component(), message()).await;
    advance(HOUR / 2).await;
    delivery.die();
    let after = before.restarted();
    after.deliver(&service.component(), message()).await.assert_says("web-1: nothing was found");
    assert_eq!(service.asked(), ["start web-1 for invid:390"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_away_for_a_while_costs_no_scan() {
    const MINUTE: Duration = Duration::from_secs(60);
    let mut service = Service::taking(HOUR);
    service.away = 10 * MINUTE..19 * MINUTE;
    let reply = bench().deliver(&service.component(), message()).await.unwrap();
    assert_eq!(reply.message(), "web-1: nothing was found");

    let mut service = Service::taking(HOUR);
    service.away = 10 * MINUTE..20 * MINUTE;
    let failure = bench().deliver(&service.component(), message()).await.unwrap_err();
    assert_eq!(failure.to_string(), "the service is away");
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_takes_too_long_is_stopped() {
    let service = Service::taking(24 * HOUR);
    bench().deliver(&service.component(), message()).await.assert_fails("not done after 12 h");
    assert_eq!(service.asked().last().unwrap(), "stop scan-1");
}

#[tokio::test(start_paused = true)]
async fn a_scan_whose_workflow_is_terminated_is_stopped() {
    let (bench, service) = (bench(), Service::taking(HOUR));
    let delivery = bench.start(&service.component(), call()).await;
    advance(Duration::from_secs(90)).await;
    delivery.cancel();
    let outcome = delivery.outcome().await;
    outcome.assert_fails("was terminated on the platform");
    assert_eq!(outcome.unwrap_err().kind(), FailureKind::Cancelled);
    assert_eq!(service.asked().last().unwrap(), "stop scan-1");
}
