//! How each fault strikes, and what is put right afterwards.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::{case::Case, scene::Scene};

/// The fault of one case.
#[derive(Debug)]
pub(crate) struct Striker {
    case: Case,
    strikes: usize,
    kills: Vec<SystemTime>,
}

// === impl Striker ===

impl Striker {
    /// Prepares the scene, and starts the processors.
    pub(crate) async fn begin(case: Case, scene: &mut Scene) -> Self {
        for which in 0..scene.homes.len() {
            scene.homes[which].configure(&scene.config());
            scene.start(which);
        }
        Self { case, strikes: 0, kills: Vec::new() }
    }

    /// Strikes once, and puts things right; says what it did.
    pub(crate) async fn strike(&mut self, scene: &mut Scene) -> String {
        self.strikes += 1;
        match self.case {
            Case::BrokerKilled => {
                scene.broker.kill().await;
                bring_the_broker_back(scene, "killed").await
            }
            Case::BrokerStopped => {
                scene.broker.stop().await;
                bring_the_broker_back(scene, "stopped").await
            }
            Case::ProcessorKilled => {
                self.kills.push(scene.take(0).kill().await);
                restart(scene);
                "the processor was killed, and started again".to_owned()
            }
            Case::ProcessorStopped => {
                let status = scene.take(0).stop().await;
                restart(scene);
                format!("the processor was told to stop ({status}), and started again")
            }
        }
    }

    /// How often it has struck.
    pub(crate) fn strikes(&self) -> usize {
        self.strikes
    }

    /// When processors were killed.
    pub(crate) fn kills(&self) -> &[SystemTime] {
        &self.kills
    }
}

/// After a random time of less than a minute.
async fn bring_the_broker_back(scene: &mut Scene, what: &str) -> String {
    sleep(Duration::from_millis(fastrand::u64(0..3_000))).await;
    scene.broker.restart().await;
    scene.book.expect_recovery(SystemTime::now());
    format!("the broker was {what}, and started again")
}

fn restart(scene: &mut Scene) {
    scene.start(0);
    let started = scene.daemons.iter().flatten().next().map(crate::daemon::Daemon::started);
    scene.book.expect_recovery(started.expect("just started"));
}
