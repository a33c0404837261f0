//! A process that keeps a journal, to be killed: this test binary, started again with one test only.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const FILE: &str = "JOURNAL_OF_THE_CHILD";

/// The child. What it prints tells what it has done.
pub(crate) struct Working {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The journal that the child works on; `None` where the test runs by itself.
pub(crate) fn file() -> Option<PathBuf> {
    // The test's name is printed without an end of line.
    println!();
    std::env::var_os(FILE).map(PathBuf::from)
}

// === impl Working ===

impl Working {
    /// Starts the ignored test called `test` by the command `by`.
    pub(crate) fn start(by: &[&str], test: &str, file: &Path) -> Self {
        let binary = std::env::current_exe().unwrap().display().to_string();
        let words = [by, &[&binary, "--exact", "--ignored", "--nocapture", test]].concat();
        let mut child =
            Command::new(words[0]).args(&words[1..]).env(FILE, file).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.lines.next().map(Result::unwrap)
    }

    pub(crate) fn wait_for(&mut self, line: &str) {
        while self.next().expect("the child goes on") != line {}
    }

    /// Kills it, and gives the whole lines that it had still printed.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}
