use super::{Port, WAIT, echo, response};
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// `$RES_ACTION_TEST`, or else `res-action-test` on the path.
fn client() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = || std::env::split_paths(&path).map(|directory| directory.join("res-action-test"));
    std::env::var_os("RES_ACTION_TEST").map(PathBuf::from).or_else(|| found().find(|file| file.is_file()))
}

fn start(client: PathBuf, port: &Port) -> Child {
    let (host, number) = (port.address.ip().to_string(), port.address.port().to_string());
    let mut command = Command::new(client);
    command.args(["--host", &host, "--port", &number]).env("PYTHONUNBUFFERED", "1").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads until a line holds `what`.
async fn wait_for(lines: &mut Lines<BufReader<ChildStdout>>, what: &str) {
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains(what) {
            return;
        }
        seen.push(line);
    }
    panic!("{what:?} is not in {seen:#?}");
}

#[tokio::test]
async fn the_vendors_client_shows_what_became_of_its_submissions() {
    let Some(client) = client() else {
        eprintln!("skipped: no res-action-test (pip install resilient-circuits, or set RES_ACTION_TEST)");
        return;
    };
    let port = Port::open().await;
    let mut client = start(client, &port);
    let (mut stdin, stdout) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    let mut lines = BufReader::new(stdout).lines();
    let script = async {
        for text in [echo("Åsa"), WAIT.to_owned(), "tasks {]\n".to_owned()] {
            stdin.write_all(format!("submit {text}").as_bytes()).await.unwrap();
        }
        wait_for(&mut lines, "Action Submitted<action 1>").await;
        wait_for(&mut lines, &response(1, 0, "one half", false)).await;
        wait_for(&mut lines, &response(1, 0, "hello, Åsa", true)).await;
        wait_for(&mut lines, "Action Submitted<action 2>").await;
        wait_for(&mut lines, "Bad Message<action 3>! ").await;
        port.gate.add_permits(1);
        wait_for(&mut lines, &response(2, 0, "waited", true)).await;
        stdin.write_all(b"quit\n").await.unwrap();
        client.wait().await.unwrap()
    };
    let status = tokio::time::timeout(Duration::from_secs(120), script).await.unwrap();
    assert!(status.success());
}
