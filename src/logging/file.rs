//! The log file, and writers that go on after a failure.

use super::journal;
use crate::config::LogFile;
use logroller::{LogRollerBuilder, Rotation, RotationSize};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The owner writes, the group reads.
const MODE: u32 = 0o640;

/// Between two looks at whether the file is still the one that is written to.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many times reopening was asked for.
static REOPENS: AtomicU64 = AtomicU64::new(0);

/// Opens the log file, making its directory if need be.
pub(super) fn open(file: &LogFile) -> io::Result<Steady<Reopening>> {
    let name = file.directory.join(&file.name).display().to_string();
    Ok(Steady::new(name, Reopening::open(file.clone())?))
}

/// Log files are opened again before the next line: whoever renames them says so by SIGHUP.
pub(crate) fn reopen() {
    REOPENS.fetch_add(1, Ordering::Relaxed);
}

/// The log file, opened again where it was renamed, deleted or cut by something else.
pub(super) struct Reopening {
    file: LogFile,
    path: PathBuf,
    writer: Box<dyn Write + Send>,
    /// As the file was at the last look.
    seen: Option<Seen>,
    looked: Instant,
    reopens: u64,
    /// Reopening failed, which has been said.
    failed: bool,
}

/// What shows that a path leads to another file, or to one that was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    length: u64,
}

// === impl Reopening ===

impl Reopening {
    fn open(file: LogFile) -> io::Result<Self> {
        let path = file.directory.join(&file.name);
        let writer = writer(&file)?;
        let (seen, reopens) = (Seen::at(&path), REOPENS.load(Ordering::Relaxed));
        Ok(Self { file, path, writer, seen, looked: Instant::now(), reopens, failed: false })
    }

    fn look(&mut self) {
        let asked = REOPENS.load(Ordering::Relaxed);
        if asked == self.reopens && self.looked.elapsed() < POLL_INTERVAL {
            return;
        }
        let now = Seen::at(&self.path);
        let same = now.zip(self.seen).is_some_and(|(now, seen)| now.follows(seen));
        if asked != self.reopens || !same {
            self.reopen();
        }
        self.seen = Seen::at(&self.path);
        (self.looked, self.reopens) = (Instant::now(), asked);
    }

    /// Where that fails, what is open is written to: a file that was only renamed still gets the lines.
    fn reopen(&mut self) {
        // Before the old one is closed, which may itself put a file in this place.
        match writer(&self.file) {
            Ok(writer) => {
                self.writer = writer;
                self.failed = false;
            }
            Err(error) if !self.failed => {
                self.failed = true;
                complain(&format!("the log file {} cannot be opened again: {error}", self.path.display()));
            }
            Err(_as_before) => {}
        }
    }
}

impl Write for Reopening {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.look();
        self.writer.write(line)
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.look();
        self.writer.write_all(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

// === impl Seen ===

impl Seen {
    fn at(path: &std::path::Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino(), length: metadata.len() })
    }

    fn follows(self, before: Self) -> bool {
        (self.device, self.inode) == (before.device, before.inode) && self.length >= before.length
    }
}

fn writer(file: &LogFile) -> io::Result<Box<dyn Write + Send>> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(&file.directory)?;
    let path = file.directory.join(&file.name);
    if file.max_bytes == 0 || file.backups == 0 {
        return Ok(Box::new(fs::OpenOptions::new().append(true).create(true).mode(MODE).open(&path)?));
    }
    let roller = LogRollerBuilder::new(file.directory.as_path(), file.name.as_ref())
        .rotation(Rotation::SizeBased(RotationSize::Bytes(file.max_bytes)))
        .max_keep_files(file.backups)
        .file_mode(MODE)
        // Nothing is half set aside when the process ends.
        .graceful_shutdown(true);
    Ok(Box::new(roller.build().map_err(io::Error::other)?))
}

/// Says on standard error when writing begins to fail and when it works again; the lines between are lost.
pub(super) struct Steady<W> {
    name: String,
    writer: W,
    lost: u64,
}

// === impl Steady ===

impl<W: Write> Steady<W> {
    pub(super) fn new(name: impl Into<String>, writer: W) -> Self {
        Self { name: name.into(), writer, lost: 0 }
    }
}

impl<W: Write> Write for Steady<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.writer.write_all(line) {
            Ok(()) if self.lost > 0 => {
                complain(&format!("the log to {} goes on; {} lines were lost", self.name, self.lost));
                self.lost = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.lost == 0 {
                    complain(&format!(
                        "the log cannot be written to {}: {error}; the daemon goes on",
                        self.name
                    ));
                }
                self.lost += 1;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Says it on standard error, as an error where systemd's journal reads that: for when there is no log, or it fails.
pub fn complain(what: &str) {
    let priority = if journal::reads_stderr() { "<3>" } else { "" };
    let _ = writeln!(io::stderr(), "{priority}{what}");
}
