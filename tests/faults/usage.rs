//! What a processor uses, as the system tells it, and whether that grows.

use std::{fmt, fs, path::Path};

/// At one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// Of the threads that carry messages out; as the component has noted it. They come and go with the messages: what
    /// counts is how many are left when nothing is at work.
    pub(crate) tasks: u64,
}

/// A processor that has nothing at work has no more tasks than these, once its idle connections are closed.
pub(crate) const IDLE_TASKS: u64 = 16;

/// Growth that is more than chance: a tenth, and more than this.
const SOME: u64 = 10;

// === impl Usage ===

impl Usage {
    /// Of process `pid`, whose component notes its tasks in the file `tasks`.
    pub(crate) fn of(pid: u32, tasks: &Path) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        Self {
            memory: field(&status, "VmRSS:"),
            descriptors: descriptors as u64,
            threads: field(&status, "Threads:"),
            tasks: fs::read_to_string(tasks).ok().and_then(|text| text.parse().ok()).unwrap_or_default(),
        }
    }

    /// What grew from the first half of `samples` to the second, in words.
    pub(crate) fn growth(samples: &[Self]) -> Vec<String> {
        let (first, second) = samples.split_at(samples.len() / 2);
        let grew = |what: &str, figure: fn(&Self) -> u64| {
            let (before, after) = (median(first, figure), median(second, figure));
            let much = after > before + before / 10 && after > before + SOME;
            much.then(|| format!("{what} grew from {before} to {after}"))
        };
        [
            grew("memory (KiB)", |usage| usage.memory),
            grew("open descriptors", |usage| usage.descriptors),
            grew("threads", |usage| usage.threads),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, descriptors, threads, tasks } = self;
        write!(f, "{} MiB, {descriptors} descriptors, {threads} threads, {tasks} tasks", memory / 1024)
    }
}

/// Like `VmRSS:     1234 kB`.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn median(samples: &[Usage], figure: fn(&Usage) -> u64) -> u64 {
    let mut figures: Vec<u64> = samples.iter().map(figure).collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
