//! What the code under test logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Runs `action` and returns what it gives and the text it logs on this thread.
pub(crate) fn logged<T>(action: impl FnOnce() -> T) -> (T, String) {
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
