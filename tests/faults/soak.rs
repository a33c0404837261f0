//! A long time of it: a steady load, a fault every 20 seconds, and an eye on what the processor uses.
//!
//! Processors are killed and stopped in the first third only. The one that is started then lives through all else to the
//! end, and has the second third to become as large as it needs to be: what grows in the last third is a leak.

use std::{path::PathBuf, time::Duration};

use http::Method;
use serde_json::json;
use stand_in_platform::{Platform, Recorded, Reply, Weather};
use tokio::time::{Instant, interval_at, sleep, timeout};

use crate::{
    case::Case,
    component,
    faults::Striker,
    run,
    scene::Scene,
    usage::{IDLE_TASKS, Usage},
    verdict::Tally,
};

/// From one fault to the next.
const EVERY: Duration = Duration::from_secs(20);

/// From one look at what the processor uses to the next.
const LOOK: Duration = Duration::from_secs(10);

/// How long the platform misbehaves.
const ROUGH: Duration = Duration::from_secs(5);

/// How long an answered action stays in the book, to be caught when it is answered again.
const REMEMBERED: Duration = Duration::from_secs(120);

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(120);

const FIRST_THIRD: [Case; 3] = [Case::ProcessorKilled, Case::LinkCut, Case::ProcessorStopped];

const AFTERWARDS: [Case; 6] = [
    Case::LinkCut,
    Case::BrokerStopped,
    Case::PlatformFails,
    Case::LinkCut,
    Case::DiskFull,
    Case::BrokerKilled,
];

struct Soak {
    scene: Scene,
    striker: Striker,
    begun: Instant,
    length: Duration,
    samples: Vec<Usage>,
}

/// Runs it at `rate` actions a second, and gives the table's only row.
pub(crate) async fn run(minutes: u32, rate: u32) -> Vec<(String, Tally)> {
    let mut soak = Soak::begin(Duration::from_secs(60) * minutes, rate).await;
    let load = soak.scene.side.allow_steadily(rate);
    soak.third(1, &FIRST_THIRD).await;
    soak.replace_the_processor().await;
    soak.third(2, &AFTERWARDS).await;
    soak.third(3, &AFTERWARDS).await;
    load.abort();
    vec![(format!("soak, {minutes} min at {rate}/s"), soak.end().await)]
}

// === impl Soak ===

impl Soak {
    async fn begin(length: Duration, rate: u32) -> Self {
        let mut scene = Scene::with(Platform::builder().forgetting(), "soak", rate * 2, 1).await;
        let comment = |_: &Recorded| Reply::json(json!({ "id": 1 }));
        // Half a million comments would be in the way.
        scene.platform.route(Method::POST, "/rest/orgs/201/incidents/", comment);
        let tasks = tasks(&scene).display().to_string();
        scene.config = scene
            .config
            .set("resilient", "num_workers", "200")
            .set("resilient", "stomp_prefetch_limit", "400")
            .set("store", "keep", "60")
            .set(component::NAME, "tasks", &tasks);
        let striker = Striker::begin(&FIRST_THIRD, &mut scene).await;
        Self { scene, striker, begun: Instant::now(), length, samples: Vec::new() }
    }

    /// Faults until the end of the third with this number.
    async fn third(&mut self, number: u32, faults: &[Case]) {
        let end = self.begun + self.length * number / 3;
        let mut faults = faults.iter().cycle();
        let mut looks = interval_at(Instant::now() + LOOK, LOOK);
        let mut strikes = interval_at(Instant::now() + EVERY, EVERY);
        while Instant::now() < end {
            tokio::select! {
                _ = looks.tick() => self.look(),
                _ = strikes.tick() => self.strike(*faults.next().expect("a cycle has no end")).await,
            }
        }
    }

    async fn strike(&mut self, fault: Case) {
        let what = self.striker.strike(fault, &mut self.scene).await;
        self.say(&what);
        if fault == Case::PlatformFails {
            sleep(ROUGH).await;
            self.scene.platform.weather(Weather::fair());
        }
    }

    /// By one that keeps no diary, for which a full disk would have no room, and whose use of memory is looked at.
    async fn replace_the_processor(&mut self) {
        // One that has only just been started does not know yet what to do when told to stop.
        self.scene.book.until_answered(self.scene.book.answered() + 1, PATIENCE).await;
        let wrong = self.scene.stop().await;
        assert!(wrong.is_none(), "{wrong:?}");
        self.striker.start(&AFTERWARDS, &mut self.scene).await;
        self.samples.clear();
    }

    /// Takes a sample; prints one a minute.
    fn look(&mut self) {
        let Some(daemon) = &self.scene.daemons[0] else { return };
        let usage = Usage::of(daemon.pid(), &tasks(&self.scene));
        self.scene.book.wrote(&self.scene.platform.take_writes());
        self.scene.book.retire(REMEMBERED);
        self.samples.push(usage);
        if self.begun.elapsed().as_secs() % 60 < LOOK.as_secs() {
            self.say(&format!("{usage}; {} answered", self.scene.book.answered()));
        }
    }

    async fn end(mut self) -> Tally {
        self.scene.platform.weather(Weather::fair());
        let mut wrong = Vec::from_iter(self.scene.until_quiet(PATIENCE).await);
        wrong.extend(Usage::growth(&self.samples));
        wrong.extend(self.left_over().await);
        wrong.extend(self.scene.ended());
        wrong.extend(self.scene.stop().await);
        let tally = run::judge(&self.scene, &self.striker, None, 0, wrong);
        self.say(if tally.broken.is_empty() {
            "flat, and all promises kept"
        } else {
            "a promise was broken"
        });
        tally.broken.iter().for_each(|broken| eprintln!("{broken}; see {}", run::logs(&self.scene)));
        tally
    }

    /// The tasks that are left when nothing is at work, where they are too many.
    async fn left_over(&self) -> Option<String> {
        let daemon = self.scene.daemons[0].as_ref()?;
        let tasks = || Usage::of(daemon.pid(), &tasks(&self.scene)).tasks;
        let idle = async {
            while tasks() > IDLE_TASKS {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let left = timeout(PATIENCE, idle).await.is_err().then(tasks)?;
        Some(format!("{left} tasks are left when nothing is at work"))
    }

    fn say(&self, text: &str) {
        let seconds = self.begun.elapsed().as_secs();
        eprintln!("[{:>2}:{:02}] {text}", seconds / 60, seconds % 60);
    }
}

/// Where the component notes how many tasks there are.
fn tasks(scene: &Scene) -> PathBuf {
    scene.homes[0].dir().join("tasks")
}
