//! The command line: the suite's own, and what `cargo test` hands to every test binary.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::Parser;

use crate::case::Case;

/// Shows that nothing is lost and nothing is done twice, whatever dies: real processors between a real ActiveMQ and a
/// stand-in platform, and faults that hit them at work.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo test --test faults --", max_term_width = 110, after_help = EXPLANATION)]
pub(crate) struct Arguments {
    /// 2,000 actions in each case, many faults, one case after the other. Takes about a quarter of an hour.
    #[arg(long)]
    pub(crate) long: bool,

    /// In place of the cases: 300 actions a second for so many minutes, and a fault every 20 seconds.
    #[arg(long, value_name = "MINUTES", num_args = 0..=1, default_missing_value = "30", conflicts_with_all = ["long", "only"])]
    pub(crate) soak: Option<u32>,

    /// Actions a second in the soak, in place of 300.
    #[arg(long, value_name = "N", default_value = "300", hide_default_value = true, requires = "soak")]
    pub(crate) rate: NonZeroU32,

    /// Only these cases, by letter: `a,c`.
    #[arg(long, value_delimiter = ',', value_name = "CASES")]
    pub(crate) only: Vec<Case>,

    /// How many actions each case has, in place of 200 (with --long: 2000).
    #[arg(long, value_name = "N")]
    pub(crate) actions: Option<usize>,

    /// How many faults each case has.
    #[arg(long, value_name = "N")]
    pub(crate) faults: Option<usize>,

    /// How many cases run at the same time.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Runs the cases whose name contains one of these (`faults::broker`), as with any test binary.
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,

    /// Names the cases.
    #[arg(long)]
    pub(crate) list: bool,

    #[command(flatten)]
    harness: Harness,
}

/// What the standard test harness would understand; here it has little or no meaning.
#[derive(Debug, clap::Args)]
struct Harness {
    #[arg(long, hide = true)]
    exact: bool,
    #[arg(long, hide = true)]
    skip: Vec<String>,
    #[arg(long, hide = true)]
    ignored: bool,
    #[arg(long, hide = true)]
    include_ignored: bool,
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(long, visible_alias = "no-capture", hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    #[arg(long, short, hide = true)]
    quiet: bool,
    #[arg(long, hide = true)]
    format: Option<String>,
    #[arg(long, hide = true)]
    color: Option<String>,
    #[arg(short = 'Z', hide = true)]
    unstable: Vec<String>,
}

const EXPLANATION: &str = "\
In each case actions are posted steadily while a fault strikes again and again. In the end every action is looked at: \
was it answered (else it is lost), answered twice, or carried out twice (more than one write at the platform with its \
context token)? Progress goes to standard error, one table to standard output. The exit code is 1 if a promise was \
broken; the processors' logs are faults-<case>-<number>.log in the target directory's tmp.

With RabbitMQ, to which reply and acknowledgement are two things, a reply that was on its way when the link was lost may \
come twice: as many for each fault as are sent ahead (50).

Recovery is the time from the end of a fault (the broker accepts connections, the new processor is started, the link \
was cut) until the broker has the next answer. After each return of the broker it must be less than 3 s with --long, \
where cases do not take the processor away from each other.

Examples, each after cargo test --test faults:
  -- --long                two thousand actions a case
  -- --only c --faults 9   one case, with more faults
  -- --soak 30             half an hour (better with cargo test --release)";

// === impl Arguments ===

impl Arguments {
    /// The cases to run, in order.
    pub(crate) fn cases(&self) -> Vec<Case> {
        Case::ALL.into_iter().filter(|case| self.includes(*case)).collect()
    }

    fn includes(&self, case: Case) -> bool {
        let name = case.test_name();
        let fits = |filter: &String| if self.harness.exact { name == *filter } else { name.contains(filter) };
        let chosen = self.only.is_empty() || self.only.contains(&case);
        let filtered = self.filters.is_empty() || self.filters.iter().any(fits);
        chosen && filtered && !self.harness.skip.iter().any(fits) && !self.harness.ignored
    }
}
