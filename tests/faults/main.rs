//! The fault suite: nothing lost, nothing done twice, whatever dies. `cargo test --test faults -- --help` says more.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

/// The command line.
mod arguments;
/// What was posted, answered and written.
mod book;
/// The cases by name.
mod case;
/// What the processors run.
mod component;
/// A link that breaks at a chosen byte.
mod cutter;
/// The processor as a process.
mod daemon;
/// How each fault strikes.
mod faults;
/// The platform's side of the broker.
mod platform_side;
/// One case from its beginning to its end.
mod run;
/// What was being carried out when a processor was killed.
mod running;
/// Broker, platform, processor.
mod scene;
/// Hours of it: memory, descriptors, threads, tasks.
mod soak;
#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the other tests use the rest of it")]
mod support;
/// The table in the end.
mod table;
/// What a processor uses.
mod usage;
/// Whether the promises were kept.
mod verdict;

use std::{process::ExitCode, sync::Arc, time::Duration};

use arguments::Arguments;
use case::Case;
use clap::Parser;
use run::Size;
use tokio::sync::Semaphore;
use verdict::Tally;

/// The promise: after the broker's return.
const RECOVERY: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    if let Some(code) = daemon::main_if_asked() {
        return code;
    }
    let arguments = Arguments::parse();
    let cases = arguments.cases();
    if arguments.list {
        cases.iter().for_each(|case| println!("{}: test", case.test_name()));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} fault cases", cases.len());
    if cases.is_empty() {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let rows = match arguments.soak {
        Some(minutes) => runtime.block_on(soak::run(minutes)),
        None => runtime.block_on(run_all(&arguments, cases)),
    };
    table::print(&rows);
    if rows.iter().all(|(_, tally)| tally.broken.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run_all(arguments: &Arguments, cases: Vec<Case>) -> Vec<(String, Tally)> {
    let jobs = Arc::new(Semaphore::new(arguments.jobs.unwrap_or(if arguments.long { 1 } else { 2 })));
    let begin = |case: Case| {
        let (jobs, size) = (jobs.clone(), size(arguments, case));
        let task = tokio::spawn(async move {
            let _job = jobs.acquire().await.expect("never closed");
            run::run(case, size).await
        });
        (case, task)
    };
    let tasks: Vec<_> = cases.into_iter().map(begin).collect();
    let mut rows = Vec::new();
    for (case, task) in tasks {
        rows.push((case.to_string(), task.await.unwrap_or_else(|error| failed(&error))));
    }
    rows
}

fn size(arguments: &Arguments, case: Case) -> Size {
    Size {
        actions: arguments.actions.unwrap_or(if arguments.long { 2_000 } else { 200 }),
        faults: arguments.faults.unwrap_or_else(|| case.faults(arguments.long)),
        rate: 200,
        recovery: arguments.long.then_some(RECOVERY),
    }
}

/// The case itself broke off: what it has shown is not known.
fn failed(error: &tokio::task::JoinError) -> Tally {
    Tally { broken: vec![format!("the case broke off: {error}")], ..Tally::default() }
}
