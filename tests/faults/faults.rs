//! How each fault strikes, and how things are put right afterwards.

use std::{
    collections::HashSet,
    process::Command,
    time::{Duration, SystemTime},
};

use http::Method;
use stand_in_platform::{Fault, Weather};
use tokio::time::{sleep, timeout};

use crate::{
    book::Number,
    case::Case,
    cutter::{Cut, Cutter},
    running,
    scene::Scene,
    support::{broker::ACCOUNT, postgres::Postgres, processor::AppConfig},
};

/// Makes faults happen, and keeps count.
#[derive(Debug, Default)]
pub(crate) struct Striker {
    strikes: usize,
    cuts: usize,
    kills: usize,
    at_work: HashSet<Number>,
    cutter: Option<Cutter>,
    postgres: Option<Postgres>,
}

// === impl Striker ===

impl Striker {
    /// Configures the processors as these cases need it, and starts them.
    pub(crate) async fn begin(cases: &[Case], scene: &mut Scene) -> Self {
        let mut striker = Self::default();
        striker.start(cases, scene).await;
        striker
    }

    /// Starts the processors anew, after they have stopped, for other cases.
    pub(crate) async fn start(&mut self, cases: &[Case], scene: &mut Scene) {
        let mut config = scene.config.clone();
        for case in cases {
            config = self.prepare(*case, scene, config).await;
        }
        // What a diary is for; where the disk is full, it cannot be kept.
        let diary = cases.contains(&Case::ProcessorKilled) || cases.contains(&Case::TwoProcessors);
        if diary {
            config = config.set("resilient", "loglevel", running::LOG_LEVEL);
        }
        for which in 0..scene.homes.len() {
            scene.homes[which].configure(config.clone(), diary);
            scene.start(which);
        }
    }

    async fn prepare(&mut self, case: Case, scene: &Scene, config: AppConfig) -> AppConfig {
        match case {
            Case::LinkCut => {
                self.cuts = 0;
                let cutter = self.cutter.insert(Cutter::start(scene.broker.port()).await);
                config.set("resilient", "stomp_port", &cutter.port().to_string())
            }
            // An API key has no session that could run out.
            Case::PlatformFails => config
                .set("resilient", "api_key_id", "")
                .set("resilient", "api_key_secret", "")
                .set("resilient", "email", ACCOUNT.login)
                .set("resilient", "password", ACCOUNT.passcode)
                .set("resilient", "request_timeout", "2")
                .set("resilient", "request_retry_delay", "1"),
            Case::TwoProcessors => {
                let postgres = self.postgres.insert(Postgres::start().await);
                let url = postgres.database().await;
                config.set("store", "url", &url).set("store", "lease", "5")
            }
            _ => config,
        }
    }

    /// Strikes once, and puts things right; says what it did.
    pub(crate) async fn strike(&mut self, case: Case, scene: &mut Scene) -> String {
        self.strikes += 1;
        match case {
            Case::BrokerKilled | Case::RabbitKilled => {
                scene.broker.kill().await;
                bring_the_broker_back(scene, "killed").await
            }
            Case::BrokerStopped => {
                scene.broker.stop().await;
                bring_the_broker_back(scene, "stopped").await
            }
            Case::ProcessorKilled => {
                self.kill(scene, 0).await;
                restart(scene, 0);
                "the processor was killed, and started again".to_owned()
            }
            Case::ProcessorStopped => {
                let status = scene.take(0).stop().await;
                restart(scene, 0);
                format!("the processor was told to stop ({status}), and started again")
            }
            Case::LinkCut | Case::RabbitCut | Case::QuorumCut => self.cut(scene).await,
            Case::PlatformFails => change_the_weather(scene),
            Case::DiskFull => fill_the_disk(scene).await,
            Case::TwoProcessors if self.strikes == 2 => self.restart_postgres(scene).await,
            Case::TwoProcessors => {
                let which = self.kills % 2;
                self.kill(scene, which).await;
                sleep(at_random(3_000)).await;
                restart(scene, which);
                format!("processor {} was killed, and started again", which + 1)
            }
        }
    }

    /// How often things went wrong: the times it struck, and each request that the platform failed.
    pub(crate) fn strikes(&self, scene: &Scene) -> usize {
        self.strikes + scene.platform.misbehaved()
    }

    /// What was at work when a processor was killed.
    pub(crate) fn at_work(&self) -> &HashSet<Number> {
        &self.at_work
    }

    async fn kill(&mut self, scene: &mut Scene, which: usize) {
        scene.take(which).kill().await;
        self.kills += 1;
        self.at_work.extend(running::in_the_end(&scene.homes[which]));
    }

    /// Away for less time than the processors' lease.
    async fn restart_postgres(&mut self, scene: &Scene) -> String {
        let postgres = self.postgres.as_mut().expect("it was prepared for");
        postgres.stop().await;
        sleep(at_random(2_000)).await;
        postgres.restart().await;
        scene.book.expect_recovery(SystemTime::now());
        "PostgreSQL was stopped, and started again".to_owned()
    }

    async fn cut(&mut self, scene: &Scene) -> String {
        self.cuts += 1;
        let cutter = self.cutter.as_ref().expect("it was prepared for");
        let mut cut = Cut::at_random();
        cutter.arm(cut);
        // Where too little was left under way, the next byte is the last.
        while timeout(Duration::from_secs(1), cutter.until_cut(self.cuts)).await.is_err() {
            cut.after = 0;
            cutter.arm(cut);
            scene.side.allow(1);
        }
        scene.book.expect_recovery(SystemTime::now());
        format!("the link was cut after {} bytes more ({:?})", cut.after, cut.direction)
    }
}

fn at_random(most: u64) -> Duration {
    Duration::from_millis(fastrand::u64(..most))
}

/// After a random time of less than a minute.
async fn bring_the_broker_back(scene: &mut Scene, what: &str) -> String {
    sleep(at_random(3_000)).await;
    scene.broker.restart().await;
    scene.book.expect_recovery(SystemTime::now());
    format!("the broker was {what}, and started again")
}

fn restart(scene: &mut Scene, which: usize) {
    scene.start(which);
    scene.book.expect_recovery(SystemTime::now());
}

/// From now on, up to half of all requests meet a fault, before they are carried out or after.
fn change_the_weather(scene: &Scene) -> String {
    let share = 0.1 + fastrand::f64() * 0.4;
    scene.platform.weather(Weather::of(share, platform_faults()));
    format!("the platform misbehaves at {:.0} % of requests", share * 100.0)
}

fn platform_faults() -> Vec<Fault> {
    vec![
        Fault::status(503),
        Fault::status(503).header("retry-after", "1"),
        Fault::status(503).after_carrying_out(),
        Fault::status(429).header("retry-after", "1"),
        Fault::status(409).on(Method::PUT, "/incidents"),
        Fault::status(409).on(Method::POST, "/incidents"),
        Fault::hang(),
        Fault::stall(),
        Fault::cut_off(),
        Fault::close(),
        Fault::expire(),
    ]
}

/// No file of the processor's can be written beyond a small size for a while, the journal's either.
async fn fill_the_disk(scene: &Scene) -> String {
    let pid = scene.daemons[0].as_ref().expect("the processor runs").pid();
    let full = fastrand::u64(..65_536);
    limit_files(pid, &full.to_string());
    sleep(Duration::from_secs(1) + at_random(2_000)).await;
    limit_files(pid, "unlimited");
    scene.book.expect_recovery(SystemTime::now());
    format!("no file could be written beyond {full} bytes, and then could again")
}

/// The soft limit only: a hard one could not be raised again without rights.
fn limit_files(pid: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status();
    assert!(status.expect("prlimit is installed (util-linux)").success(), "prlimit refuses {limit}");
}
