//! How scripts wait for a processor that is connected: the command of docs/guide/deploying.md.

use super::script;
use std::process::Command;
use tempfile::tempdir;

#[test]
fn the_documented_wait_ends_with_the_status() {
    let text = include_str!("../../docs/guide/deploying.md");
    let block = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let directory = tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    for (status, code) in [
        ("taking messages", 0),
        ("taking messages; refused", 0),
        ("refused by the platform, tried again", 124),
    ] {
        script(directory.path(), "systemctl", &format!("echo '{status}'"));
        // The time that it takes to fail is not what is tried.
        let command = block.replace("timeout 120", "timeout 1");
        let ended = Command::new("sh").args(["-c", &command]).env("PATH", &path).status().unwrap();
        assert_eq!(ended.code(), Some(code), "{status}");
    }
}
