//! A start whose journal cannot be opened yet.

use std::time::Duration;

use crate::support::processor::{AppConfig, Processor};

const PATIENCE: Duration = Duration::from_secs(60);

/// As on a full disk, no file may grow.
#[tokio::test]
async fn a_disk_that_is_full_at_the_start_is_waited_for() {
    let state = tempfile::tempdir().unwrap();
    let config = AppConfig::empty()
        .set("resilient", "host", "127.0.0.1")
        .set("resilient", "port", "1")
        .set("resilient", "api_key_id", "id")
        .set("resilient", "api_key_secret", "hushhush")
        .set("store", "state_dir", &state.path().display().to_string());
    let mut processor = Processor::limited(&config, "trap \"\" XFSZ; ulimit -S -f 0");
    let line = processor.wait_for_log("the journal is waited for", PATIENCE).await;
    assert!(line.contains("WARN") && line.contains("journal.db"), "{line}");
    let goes_on = "the platform cannot be used yet";
    assert!(!processor.log().iter().any(|line| line.contains(goes_on)), "{:?}", processor.log());
    let lifted = std::process::Command::new("prlimit")
        .args(["--pid", &processor.id().to_string(), "--fsize=unlimited"])
        .status();
    assert!(lifted.unwrap().success());
    processor.wait_for_log(goes_on, PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
}
