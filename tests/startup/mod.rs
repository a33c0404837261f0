//! How a processor starts and ends.

mod ending;
mod files;
mod secret_store;
mod vendor;
mod waiting;

use crate::support::processor::AppConfig;
use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

/// Long enough for the slowest machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// A platform that is away: nobody listens at port 1.
fn config(state: &Path) -> AppConfig {
    [("host", "localhost"), ("port", "1"), ("api_key_id", "id"), ("api_key_secret", "a-plain-secret")]
        .into_iter()
        .fold(AppConfig::empty(), |config, (key, value)| config.set("resilient", key, value))
        .set("store", "state_dir", &state.join("state").display().to_string())
}

/// A script, ready to be run.
fn script(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// Waits until `done`, looking again and again: for what no event tells of.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
