//! What the code under test logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{Dispatch, subscriber::DefaultGuard};

/// While a process has one subscriber only, tracing asks that of the thread which comes to an event first whether anybody
/// wants it, and remembers the answer for all threads; a test on another thread then hears nothing. With more of them it
/// asks all.
pub(crate) fn hear_all_threads() {
    static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
    OTHERS.get_or_init(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
}

/// Runs `action` and returns what it gives and the text it logs on this thread.
pub(crate) fn logged<T>(action: impl FnOnce() -> T) -> (T, String) {
    hear_all_threads();
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let outcome = tracing::subscriber::with_default(subscriber, action);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (outcome, text)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged on this thread from now on: for tests on a runtime of one thread.
pub(crate) struct Log {
    text: watch::Receiver<String>,
    _guard: DefaultGuard,
}

impl Log {
    pub(crate) fn begin() -> Self {
        hear_all_threads();
        let (sender, text) = watch::channel(String::new());
        let writer = move || Watched(sender.clone());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines so far that hold each of `words`.
    pub(crate) fn lines(&self, words: &[&str]) -> Vec<String> {
        let text = self.text.borrow();
        let wanted = |line: &&str| words.iter().all(|word| line.contains(word));
        text.lines().filter(wanted).map(str::to_owned).collect()
    }

    /// Waits for a line that holds each of `words`, an earlier one included.
    pub(crate) async fn wait_for(&self, words: &[&str], within: Duration) -> String {
        let mut text = self.text.clone();
        let holds = |text: &String| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
        let found = timeout(within, text.wait_for(holds)).await.is_ok();
        assert!(found, "no line with {words:?} within {within:?}:\n{}", self.text.borrow().as_str());
        self.lines(words).remove(0)
    }
}

struct Watched(watch::Sender<String>);

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|text| text.push_str(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
