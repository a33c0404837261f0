//! Files that an operator may write or replace.

use std::{
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A file, as it was at some moment.
#[derive(Debug, Clone)]
pub struct File {
    path: PathBuf,
    /// `None` where it was not there, or could not be looked at.
    stamp: Option<Stamp>,
}

/// The files, looked at now and then: that works on network file systems and for mounted secrets too.
#[derive(Debug)]
pub(super) struct Watched {
    files: Vec<Seen>,
    looks: Interval,
}

/// A file, as it was when it was read last.
#[derive(Debug)]
struct Seen {
    read: File,
    /// As it was at the last look.
    last: Option<Stamp>,
}

/// What changes when a file is written, replaced or made readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    /// Of the contents, the owner or the permissions.
    changed: (i64, i64),
    length: u64,
    inode: (u64, u64),
}

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(2);

// === impl File ===

impl File {
    /// As it is now. To be asked for before it is read: what is written later is then noticed.
    #[must_use]
    pub fn now(path: PathBuf) -> Self {
        let stamp = Stamp::of(std::fs::metadata(&path));
        Self { path, stamp }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

// === impl Watched ===

impl Watched {
    /// Watches `files`, which have been read.
    pub(super) fn new(files: Vec<File>) -> Self {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let files = files.into_iter().map(Seen::from).collect();
        Self { files, looks }
    }

    /// The files that are watched.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|seen| seen.read.path.clone()).collect()
    }

    /// They have been read as they are here, and no others are to be watched.
    pub(super) fn were_read(&mut self, files: Vec<File>) {
        self.files = files.into_iter().map(Seen::from).collect();
    }

    /// Waits until one is another than was read, and has stood still from one look to the next: whoever writes it has
    /// finished. One that is away for a moment has not changed.
    pub(super) async fn changed(&mut self) {
        loop {
            self.looks.tick().await;
            let mut changed = false;
            for seen in &mut self.files {
                let now = Stamp::of(tokio::fs::metadata(&seen.read.path).await);
                let still = now == std::mem::replace(&mut seen.last, now);
                if now.is_some() && still && now != seen.read.stamp {
                    seen.read.stamp = now;
                    changed = true;
                }
            }
            if changed {
                return;
            }
        }
    }
}

impl From<File> for Seen {
    fn from(read: File) -> Self {
        let last = read.stamp;
        Self { read, last }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: io::Result<Metadata>) -> Option<Self> {
        let metadata = metadata.ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};
    use tempfile::TempDir;
    use tokio::time::{Instant, timeout};

    fn file() -> (TempDir, PathBuf) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("app.config");
        fs::write(&path, "one").unwrap();
        (directory, path)
    }

    async fn has_changed(watched: &mut Watched) -> bool {
        timeout(LOOK * 10, watched.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_is_noticed_once_whatever_it_is() {
        let (directory, path) = file();
        let mut watched = Watched::new(vec![File::now(path.clone())]);
        assert!(!has_changed(&mut watched).await);
        let other = directory.path().join("other");
        fs::write(&other, "one").unwrap();
        let changes: [&dyn Fn(); 4] = [
            &|| fs::write(&path, "two, and longer").unwrap(),
            &|| fs::rename(&other, &path).unwrap(),
            &|| fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap(),
            &|| {
                fs::remove_file(&path).unwrap();
                fs::write(&path, "three").unwrap();
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            // The clock of some file systems moves every few milliseconds only.
            std::thread::sleep(Duration::from_millis(20));
            change();
            assert!(has_changed(&mut watched).await, "{number}");
            assert!(!has_changed(&mut watched).await, "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_still_being_written_is_left_alone_and_one_that_is_away_has_not_changed() {
        let (_directory, path) = file();
        let mut watched = Watched::new(vec![File::now(path.clone())]);
        let begun = Instant::now();
        let write = async {
            for length in 0..16 {
                fs::write(&path, "x".repeat(length)).unwrap();
                tokio::time::sleep(LOOK / 2).await;
            }
        };
        tokio::join!(watched.changed(), write);
        assert!(begun.elapsed() >= LOOK * 8);
        fs::remove_file(&path).unwrap();
        assert!(!has_changed(&mut watched).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_between_the_reading_and_the_first_look_is_noticed() {
        let (_directory, path) = file();
        let read = File::now(path.clone());
        fs::write(&path, "another").unwrap();
        let mut watched = Watched::new(vec![read]);
        assert!(has_changed(&mut watched).await);
        fs::write(&path, "by signal").unwrap();
        watched.were_read(vec![File::now(path)]);
        assert!(!has_changed(&mut watched).await, "it has been read since");
    }
}
