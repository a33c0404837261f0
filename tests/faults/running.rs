//! Which actions were being carried out when a processor was killed, by what its handlers noted.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::book::{Number, number_of};

/// Work that ended this shortly before the kill counts as running: the journal need not have heard of its end.
const JUST_NOW: Duration = Duration::from_millis(50);

/// The actions that had begun and not ended at `moment`.
pub(crate) fn at(moment: SystemTime, diary: &Path) -> HashSet<Number> {
    let text = fs::read_to_string(diary).unwrap_or_default();
    let mut running = HashSet::new();
    for (time, what, number) in text.lines().filter_map(entry) {
        match what {
            "begun" if time <= moment => running.insert(number),
            "ended" if time + JUST_NOW <= moment => running.remove(&number),
            _ => continue,
        };
    }
    running
}

fn entry(line: &str) -> Option<(SystemTime, &str, Number)> {
    let mut words = line.split(' ');
    let time = UNIX_EPOCH + Duration::from_millis(words.next()?.parse().ok()?);
    Some((time, words.next()?, number_of(words.next()?)?))
}
