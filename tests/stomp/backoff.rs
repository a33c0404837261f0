//! How long the link waits.

use std::time::Duration;

use action_processor::stomp::backoff::{Backoff, InvalidBackoff, Ramp};
use action_processor::stomp::{BackoffPolicy, Cause};
use proptest::prelude::*;
use tokio::time::Instant;

const TWO_MINUTES: Duration = Duration::from_secs(120);

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// The delays and the times at which they begin, when each attempt fails at once.
fn outage(cause: Cause, dice: &[f64]) -> Vec<(Duration, Duration)> {
    let mut backoff = Backoff::new(BackoffPolicy::default());
    let start = Instant::now();
    let mut now = start;
    let delays = dice.iter().map(|dice| {
        let (since, delay) = (now - start, backoff.failed(cause, now, *dice));
        now += delay;
        (since, delay)
    });
    delays.collect()
}

#[test]
fn a_backoff_that_makes_no_sense_cannot_be_built() {
    assert_eq!(Ramp::try_new(Duration::ZERO, ms(1)), Err(InvalidBackoff::Zero));
    assert_eq!(Ramp::try_new(ms(2), ms(1)), Err(InvalidBackoff::MaxBelowFirst));
    assert_eq!(Ramp::try_new(ms(2), Duration::MAX), Err(InvalidBackoff::TooLong));
    let (short, long) = (Ramp::try_new(ms(1), ms(5)).unwrap(), Ramp::try_new(ms(10), ms(50)).unwrap());
    let built = |eager, patient| BackoffPolicy::try_new(eager, patient, long, ms(100), ms(100));
    assert_eq!(built(long, short), Err(InvalidBackoff::PatientBelowEager));
    assert!(built(short, long).is_ok());
}

#[test]
fn without_jitter_the_default_is_as_documented() {
    let delays: Vec<_> = outage(Cause::Outage, &[0.0; 5]).into_iter().map(|(_, delay)| delay).collect();
    assert_eq!(delays, [500, 1_000, 2_000, 2_000, 2_000].map(ms));
    let delays: Vec<_> = outage(Cause::Credentials, &[0.0; 7]).into_iter().map(|(_, delay)| delay).collect();
    assert_eq!(delays, [10, 20, 40, 80, 160, 300, 300].map(Duration::from_secs));
}

#[test]
fn a_session_that_was_short_does_not_reset_it_and_a_healthy_one_does() {
    let mut backoff = Backoff::new(BackoffPolicy::default());
    let now = Instant::now();
    for _ in 0..4 {
        backoff.failed(Cause::Outage, now, 0.0);
        backoff.was_up(Duration::from_secs(29));
    }
    assert_eq!(backoff.failed(Cause::Outage, now, 0.0), ms(2_000));
    backoff.was_up(Duration::from_secs(30));
    assert_eq!(backoff.failed(Cause::Outage, now, 0.0), ms(500));
}

#[test]
fn a_link_that_is_cut_again_and_again_but_gets_work_through_is_never_tried_slowly() {
    let mut backoff = Backoff::new(BackoffPolicy::default());
    let start = Instant::now();
    for cut in 0..200 {
        let delay = backoff.failed(Cause::Outage, start + ms(3_000) * cut, 0.0);
        assert!(delay <= ms(2_000), "{delay:?} after cut {cut}");
        backoff.worked();
        backoff.was_up(ms(1_000));
    }
}

proptest! {
    #[test]
    fn an_outage_is_tried_often_at_first_and_at_least_every_thirty_seconds_later(
        dice in prop::collection::vec(0.0..1.0f64, 1..400),
    ) {
        let waits = outage(Cause::Outage, &dice);
        prop_assert!((ms(400)..=ms(500)).contains(&waits[0].1));
        for (since, delay) in waits {
            let most = if since < TWO_MINUTES { ms(2_000) } else { ms(30_000) };
            prop_assert!(delay > ms(390) && delay <= most, "{:?} after {:?}", delay, since);
        }
    }

    #[test]
    fn wrong_credentials_are_tried_ever_more_slowly(dice in prop::collection::vec(0.0..1.0f64, 1..60)) {
        let waits = outage(Cause::Credentials, &dice);
        for pair in waits.windows(2) {
            prop_assert!(pair[1].1 > pair[0].1 || pair[1].1 >= Duration::from_secs(240));
        }
        prop_assert!(waits.iter().all(|(_, delay)| *delay <= Duration::from_secs(300)));
    }

    #[test]
    fn no_numbers_make_it_panic(
        first in 1u64..40_000_000, more in 0u64..40_000_000, failures: u32, dice: f64,
    ) {
        let ramp = Ramp::try_new(ms(first), ms(first + more)).unwrap();
        prop_assert!(ramp.delay(failures) >= ms(first));
        prop_assert!(ramp.jittered(failures, dice) <= ramp.delay(failures));
    }
}
