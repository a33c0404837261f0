//! The log file, and writers that go on after a failure.

use super::journal;
use crate::config::LogFile;
use logroller::{LogRollerBuilder, Rotation, RotationSize};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
};

/// The owner writes, the group reads.
const MODE: u32 = 0o640;

/// Opens the log file, making its directory if need be.
pub(super) fn open(file: &LogFile) -> io::Result<Steady<Box<dyn Write + Send>>> {
    fs::DirBuilder::new().recursive(true).mode(0o750).create(&file.directory)?;
    let path = file.directory.join(&file.name);
    let writer: Box<dyn Write + Send> = if file.max_bytes == 0 || file.backups == 0 {
        Box::new(fs::OpenOptions::new().append(true).create(true).mode(MODE).open(&path)?)
    } else {
        let roller = LogRollerBuilder::new(file.directory.as_path(), file.name.as_ref())
            .rotation(Rotation::SizeBased(RotationSize::Bytes(file.max_bytes)))
            .max_keep_files(file.backups)
            .file_mode(MODE)
            // Nothing is half set aside when the process ends.
            .graceful_shutdown(true);
        Box::new(roller.build().map_err(io::Error::other)?)
    };
    Ok(Steady::new(path.display().to_string(), writer))
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
