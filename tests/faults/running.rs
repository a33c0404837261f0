//! Which actions were at work when a processor was killed: those that its handlers began, but for those whose end its
//! journal has.

use std::{collections::HashSet, fs};

use crate::{
    book::{Number, number_of},
    daemon::Home,
};

/// Makes the processor log when its journal has an answer, and nothing else that is not logged anyway.
pub(crate) const LOG_LEVEL: &str = "INFO, action_processor::dispatch::task=DEBUG";

const KEPT: &str = "the answer is in the journal kept=true";

/// What the processor of `home`, dead by now, had begun and not ended, as far as it could know.
pub(crate) fn in_the_end(home: &Home) -> HashSet<Number> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let (log, diary) = (read(home.log().to_owned()), read(home.diary()));
    let kept: HashSet<&str> = log.lines().filter(|line| line.contains(KEPT)).filter_map(message_id).collect();
    let begun = diary.lines().filter_map(|line| line.split_once(' '));
    begun.filter(|(id, _)| !kept.contains(id)).filter_map(|(_, token)| number_of(token)).collect()
}

fn message_id(line: &str) -> Option<&str> {
    let (_, id) = line.split_once(" message_id=")?;
    id.split(' ').next()
}
