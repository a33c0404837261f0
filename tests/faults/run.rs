//! One case from its beginning to its end: actions in rounds, and in the midst of each round a fault.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    case::Case,
    faults::Striker,
    scene::Scene,
    verdict::{Allowed, Tally},
};

/// No answer for so long means that none will come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How large a case is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) actions: usize,
    pub(crate) faults: usize,
    /// Actions a second.
    pub(crate) rate: u32,
    /// The longest recovery after the broker's return, where it is held to one.
    pub(crate) recovery: Option<Duration>,
}

/// Runs `case`, and says what it has shown.
pub(crate) async fn run(case: Case, size: Size) -> Tally {
    let begun = Instant::now();
    let say = |text: &str| eprintln!("[{} {:>5.1} s] {text}", case.letter(), begun.elapsed().as_secs_f64());
    let mut scene = Scene::of(case, size.rate).await;
    let mut striker = Striker::begin(&[case.fault()], &mut scene).await;
    let mut wrong = Vec::new();
    for round in 1..=size.faults {
        until_the_moment(&scene, case.fault(), share(size, round)).await;
        let what = striker.strike(case.fault(), &mut scene).await;
        say(&format!("fault {round} of {}: {what}; {} answered", size.faults, scene.book.answered()));
    }
    scene.side.allow(share(size, 0));
    wrong.extend(scene.until_quiet(PATIENCE).await);
    wrong.extend(scene.ended());
    wrong.extend(scene.stop().await);
    let longest = size.recovery.filter(|_| case.is_about_the_broker());
    let twice = case.twice_for_each_fault() * size.faults;
    let tally = judge(&scene, &striker, longest, twice, wrong);
    let kept = if tally.broken.is_empty() { "all promises kept" } else { "a promise was broken" };
    say(&format!("{kept}; {} of {} answered as done", tally.done, tally.actions));
    tally.broken.iter().for_each(|broken| eprintln!("[{}] {broken}; see {}", case.letter(), logs(&scene)));
    tally
}

/// How many actions a round has: the same for each, and what is left over for the last, which has no fault.
fn share(size: Size, round: usize) -> usize {
    let each = size.actions / (size.faults + 1);
    if round == 0 { size.actions - each * size.faults } else { each }
}

/// Lets a round's `actions` be posted, and waits for the moment to strike: some, at random, are answered already.
async fn until_the_moment(scene: &Scene, case: Case, actions: usize) {
    let some = fastrand::usize(actions / 10..=actions * 8 / 10).max(1);
    let (first, some) = match case {
        // Bytes must still be under way to be counted, and mostly others than those of a log-in.
        Case::LinkCut if fastrand::u8(..4) == 0 => (0, 0),
        Case::LinkCut => (1, 1),
        _ => (actions, some),
    };
    let answered = scene.book.answered() + some;
    scene.side.allow(first);
    // Whoever answers nothing is found out in the end.
    scene.book.until_answered(answered, PATIENCE).await;
    scene.side.allow(actions - first);
}

/// Looks at all that has happened; `wrong` is what is known already.
pub(crate) fn judge(
    scene: &Scene,
    striker: &Striker,
    longest_recovery: Option<Duration>,
    answered_twice: usize,
    wrong: Vec<String>,
) -> Tally {
    scene.book.wrote(&scene.platform.take_writes());
    let allowed = Allowed { twice: striker.at_work().clone(), answered_twice, recovery: longest_recovery };
    let tally = Tally::of(&scene.book.copy(), &allowed);
    let mut tally = tally.with_recoveries(scene.book.recoveries(), allowed.recovery);
    tally.faults = striker.strikes(scene);
    tally.broken.extend(wrong);
    tally
}

/// Where to look.
pub(crate) fn logs(scene: &Scene) -> String {
    let names: Vec<_> = scene.homes.iter().map(|home| home.log().display().to_string()).collect();
    names.join(", ")
}
