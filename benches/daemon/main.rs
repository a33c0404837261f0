//! The daemon under load, between a real ActiveMQ and a stand-in platform, all over TLS.
//!
//! `cargo bench --bench daemon`, and with less of everything `cargo bench --bench daemon -- --quick`.
//!
//! Absolute figures move with the machine, its neighbours and the broker's warm-up, so every figure has its counterpart
//! of the same run: a *bare consumer*, which only reads, replies and acknowledges, takes turns with the daemon. Name the
//! vendor's `resilient-circuits` in the environment variable `RESILIENT_CIRCUITS`, and it is measured too.
//!
//! Each turn starts a process, posts 50 messages a second (the first turns only) and then floods it: the process is
//! stopped (SIGSTOP) while a queue fills up, so that posting and consuming do not share the processors.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on panics")]

mod bare;
mod contenders;
mod figures;
mod platform_side;
mod process;
#[path = "../../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests use the rest of it")]
mod support;

use std::time::Duration;

use contenders::{Contender, Setting};
use figures::{Figures, print_table};
use platform_side::{latencies, middle_rate};
use tokio::time::Instant;

/// How much is measured.
#[derive(Clone, Copy)]
struct Plan {
    /// Floods of each contender.
    rounds: usize,
    /// Messages in a flood.
    flood: usize,
    /// Messages posted at a steady pace.
    paced: usize,
}

/// Time from one message to the next, of those posted at a steady pace.
const PACE: Duration = Duration::from_millis(20);

const FULL: Plan = Plan { rounds: 3, flood: 10_000, paced: 500 };
const QUICK: Plan = Plan { rounds: 1, flood: 2_000, paced: 100 };

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    if arguments.first().is_some_and(|first| first == bare::COMMAND) {
        return runtime.block_on(bare::consume(&arguments[1..]));
    }
    // Cargo says --bench when it measures; without, it only wants to see that the program runs.
    if arguments.iter().any(|argument| argument == "--bench") {
        let quick = arguments.iter().any(|argument| argument == "--quick");
        runtime.block_on(measure(if quick { QUICK } else { FULL }));
    }
}

async fn measure(plan: Plan) {
    let begun = Instant::now();
    let setting = Setting::new().await;
    let contenders = setting.contenders();
    let (warm_up, measured) = (Plan { paced: 0, ..plan }, &mut Vec::new());
    turn(&setting, &contenders[0], warm_up).await;
    for round in 0..plan.rounds {
        let plan = Plan { paced: if round == 0 { plan.paced } else { 0 }, ..plan };
        for contender in &contenders {
            measured.push((contender.name, turn(&setting, contender, plan).await));
        }
    }
    print_table(measured);
    println!(
        "floods of {} messages of 1 KiB, {} rounds, prefetch {}; medians; ratios within each round; {:.0} s in all",
        plan.flood,
        plan.rounds,
        contenders::PREFETCH,
        begun.elapsed().as_secs_f64()
    );
}

/// One contender, from its start to its end.
async fn turn(setting: &Setting, contender: &Contender, plan: Plan) -> Figures {
    let mut figures = Figures::default();
    let queue = setting.queue(contender);
    let (mut process, start) = contender.start().await;
    figures.start = start;
    figures.idle = process.memory();
    if plan.paced > 0 {
        figures.latencies = latencies(&queue, plan.paced, PACE).await;
    }
    process.pause();
    let replies = queue.replies().await;
    let posted = queue.post(plan.flood).await;
    let before = process.processor_time();
    process.resume();
    let arrivals = replies.collect(posted).await;
    figures.rate = middle_rate(&arrivals);
    figures.unanswered = plan.flood - arrivals.len();
    figures.per_message = (process.processor_time() - before) / u32::try_from(plan.flood).unwrap();
    figures.after = process.memory();
    figures.threads = process.threads();
    process.stop().await;
    figures
}
