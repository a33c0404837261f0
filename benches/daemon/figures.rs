//! What is measured, and the table of it.

use std::time::Duration;

/// What one turn of a contender gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Messages per second in the flood.
    pub(crate) rate: f64,
    /// Messages of the flood without a reply.
    pub(crate) unanswered: usize,
    /// From post to reply, at a steady pace.
    pub(crate) latencies: Vec<Duration>,
    /// From the process's start to its subscription.
    pub(crate) start: Duration,
    /// Processor time per message of the flood.
    pub(crate) per_message: Duration,
    /// Resident memory in bytes before any message.
    pub(crate) idle: u64,
    /// Resident memory in bytes after the flood.
    pub(crate) after: u64,
    pub(crate) threads: u64,
}

/// A row: its title, digits after the point, and what stands in it, computed of a contender's turns and, for ratios,
/// of the first contender's.
type Row = (&'static str, usize, fn(&[Figures], &[Figures]) -> f64);

const ROWS: [Row; 11] = [
    ("flood, messages/s", 0, |own, _| median(own.iter().map(|turn| turn.rate))),
    ("  of the bare consumer's", 2, |own, bare| ratio(own, bare, |turn| turn.rate)),
    ("  not answered, all floods", 0, |own, _| own.iter().map(|turn| turn.unanswered).sum::<usize>() as f64),
    ("processor time/message, µs", 0, |own, _| median(own.iter().map(|turn| micros(turn.per_message)))),
    ("  of the bare consumer's", 2, |own, bare| ratio(own, bare, |turn| micros(turn.per_message))),
    ("latency at 50/s, p50, ms", 1, |own, _| percentile(own, 50)),
    ("latency at 50/s, p99, ms", 1, |own, _| percentile(own, 99)),
    ("start to subscribed, ms", 0, |own, _| median(own.iter().map(|turn| micros(turn.start) / 1e3))),
    ("memory idle, MiB", 1, |own, _| median(own.iter().map(|turn| mebibytes(turn.idle)))),
    ("memory after the flood, MiB", 1, |own, _| median(own.iter().map(|turn| mebibytes(turn.after)))),
    ("threads", 0, |own, _| median(own.iter().map(|turn| turn.threads as f64))),
];

/// Prints a column for each name, in the order of their first turns; the first is what others are compared with.
pub(crate) fn print_table(turns: &[(&str, Figures)]) {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in turns {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let of = |wanted: &str| -> Vec<Figures> {
        turns.iter().filter(|(name, _)| *name == wanted).map(|(_, figures)| figures.clone()).collect()
    };
    let columns: Vec<Vec<Figures>> = names.iter().map(|name| of(name)).collect();
    let head: String = names.iter().map(|name| format!("{name:>20}")).collect();
    println!("\n{:28}{head}", "");
    for (title, digits, value) in ROWS {
        let cells: String =
            columns.iter().map(|own| format!("{:>20.digits$}", value(own, &columns[0]))).collect();
        println!("{title:28}{cells}");
    }
}

/// The median of the ratios within each round.
fn ratio(own: &[Figures], bare: &[Figures], value: fn(&Figures) -> f64) -> f64 {
    median(own.iter().zip(bare).map(|(own, bare)| value(own) / value(bare)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In milliseconds.
fn percentile(turns: &[Figures], percent: usize) -> f64 {
    let mut all: Vec<Duration> = turns.iter().flat_map(|turn| turn.latencies.clone()).collect();
    all.sort_unstable();
    micros(all[(all.len() - 1) * percent / 100]) / 1e3
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
