//! The program as the image runs it: the Dockerfile's environment, a user id that nobody knows, a read-only app.config.

use crate::support::signal;
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Chosen at random by the container platform, as it were.
const USER: u32 = 1_000_650_000;

/// What a container has: the program, app.config, and a directory for state that group 0 may write.
struct Image {
    root: TempDir,
    environment: Vec<(String, String)>,
}

impl Image {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let image = Self { environment: environment(), root };
        open_to_all(image.root.path(), 0o755);
        fs::copy(env!("CARGO_BIN_EXE_processor"), image.at("processor")).unwrap();
        for directory in ["state", "logs"] {
            fs::create_dir(image.at(directory)).unwrap();
            if is_root() {
                chown(image.at(directory), Some(1001), Some(0)).unwrap();
            }
            open_to_all(&image.at(directory), 0o770);
        }
        // Nothing listens there.
        let config = "[resilient]\nhost = 127.0.0.1\nport = 1\nstomp_port = 1\norg = Example\napi_key_id = id\n\
                      api_key_secret = a-secret-4711\n";
        fs::write(image.at("app.config"), config).unwrap();
        open_to_all(&image.at("app.config"), 0o444);
        image
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The program with the image's environment, its directories moved below the image's root.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.at("processor"));
        command.args(arguments).env_clear().env("HOME", "/").current_dir("/");
        for (name, value) in &self.environment {
            let place = match value.as_str() {
                "/etc/processor/app.config" => self.at("app.config"),
                "/var/lib/processor" => self.at("state"),
                value => panic!("{name}={value} in the Dockerfile is not known to this test"),
            };
            command.env(name, place);
        }
        if is_root() {
            command.uid(USER).gid(0);
        }
        command
    }
}

/// The `ENV` lines of the Dockerfile.
fn environment() -> Vec<(String, String)> {
    let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    let pairs = file.lines().filter_map(|line| line.strip_prefix("ENV ")?.split_once('='));
    let pairs: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert!(!pairs.is_empty(), "the Dockerfile has no ENV lines");
    pairs
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_unknown_user_of_group_0_checks_and_runs() {
    let image = Image::new();
    let check = image.command(&["check"]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    assert!(!String::from_utf8_lossy(&check.stdout).contains("a-secret-4711"), "{check:?}");

    let mut run = image.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(run.stderr.take().unwrap());
    // Both links are tried once the message store is open.
    let mut lines = log.lines().map_while(Result::ok);
    let refused = lines.find(|line| line.contains("refused"));
    assert!(refused.is_some(), "the processor ended without trying to connect");
    assert!(image.at("state/journal.db").exists());
    signal::send(run.id(), "TERM");
    assert_eq!(run.wait().unwrap().code(), Some(0));
}

#[test]
fn app_log_dir_gets_a_log_file() {
    let image = Image::new();
    let mut command = image.command(&["config", "--show"]);
    let shown = command.env("APP_LOG_DIR", image.at("logs")).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("APP_LOG_DIR"), "{shown}");
}
