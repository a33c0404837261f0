//! `cargo run -p playground`: what is typed there is answered by a processor, and nothing is left behind.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// Long enough for the slowest machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(120);

/// A playground that runs; killed when dropped.
struct Playground {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    dir: TempDir,
}

impl Playground {
    /// Starts it in a directory with this `app.config`.
    async fn start(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("app.config"), config).unwrap();
        let mut child = Command::new(playground().await)
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut playground = Self { child, input, output: BufReader::new(output).lines(), dir };
        playground.until("`help` shows what else").await;
        playground
    }

    /// A processor of this component alone, with the configuration that the playground has written.
    fn processor(&self, noload: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_processor"))
            .args(["run", "--noload", noload])
            .current_dir(self.dir.path())
            .env("APP_CONFIG_FILE", "playground.config")
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn types(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// The next line that holds `words`.
    async fn until(&mut self, words: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(Ok(Some(line))) = timeout(PATIENCE, self.output.next_line()).await {
            if line.contains(words) {
                return line;
            }
            seen.push(line);
        }
        panic!("the playground does not say {words:?}, but: {seen:#?}");
    }

    /// Ends its input; the directory it ran in remains.
    async fn end(mut self) -> (ExitStatus, TempDir) {
        drop(self.input);
        (timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap(), self.dir)
    }
}

/// Its binary, built as whoever plays with it does.
async fn playground() -> PathBuf {
    let debug = Path::new(env!("CARGO_BIN_EXE_processor")).parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "playground", "--target-dir"])
        .arg(debug.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.await.unwrap().success());
    debug.join("playground")
}

fn files(dir: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(dir.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_is_answered_and_nothing_is_left_behind() {
    let mut playground =
        Playground::start("[resilient]\nhost=elsewhere\n[hello]\ndestination=greetings\n").await;
    let config = std::fs::read_to_string(playground.dir.path().join("playground.config")).unwrap();
    let broker = config.lines().find_map(|line| line.strip_prefix("stomp_cafile=")).unwrap();
    let broker = Path::new(broker).parent().unwrap().to_owned();
    assert!(broker.is_dir(), "{config}");

    let mut processor = playground.processor("add_task,set_last_updated");
    playground.types("action \"Say Hello\" name=\"Ada Lovelace\"").await;
    playground.until("#1 sent to actions.201.greetings").await;
    playground.until("#1 reply: hello, Ada Lovelace").await;
    playground.types("action greetings:say_hello").await;
    playground.until("#2 error: name: missing").await;
    playground.types("terminate #1").await;
    playground.until("the playbook of #1 is terminated").await;
    playground.types("say hello").await;
    playground.until("\"say\" is not understood").await;

    processor.kill().await.unwrap();
    let (status, dir) = playground.end().await;
    assert!(status.success());
    assert_eq!(files(&dir), ["app.config"]);
    assert!(!broker.exists(), "{} is still there", broker.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_overwrites_nobodys_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine.config"), "[resilient]\n").unwrap();
    let output = Command::new(playground().await)
        .args(["--write", "mine.config"])
        .current_dir(dir.path())
        .output()
        .await
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("--write"));
    assert_eq!(std::fs::read_to_string(dir.path().join("mine.config")).unwrap(), "[resilient]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_help_teaches_what_can_be_typed() {
    let output = Command::new(playground().await).arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for words in
        ["function NAME [INPUT=VALUE", "action [DESTINATION:]NAME", "APP_CONFIG_FILE=playground.config"]
    {
        assert!(help.contains(words), "{help}");
    }
}
