//! In memory: as the others, but for what outlives a process.

use std::sync::Arc;

use action_processor::store::{Journal, MemoryStore};

use super::suite::{Place, behaviours};

struct Memory;

impl Place for Memory {
    async fn open(&self) -> Journal {
        Arc::new(MemoryStore::default())
    }

    async fn die(&self, journal: Journal) {
        drop(journal);
    }
}

behaviours! {
    Memory;
    a_message_not_met_before_is_new
    a_finished_message_has_its_answer_word_for_word
    an_answer_may_be_without_a_correlation_id
    the_same_id_on_another_queue_is_another_message
    what_is_set_down_waits_with_its_latest_note
    a_note_outlives_the_next_beginning_and_going_back
    what_goes_back_without_a_note_is_new_again
    a_dead_letter_keeps_everything
    dead_letters_are_listed_oldest_first_and_dropped_by_number
    a_letter_to_be_tried_again_is_taken_off_the_list_once
    a_letter_that_was_taken_is_dropped_when_it_was_dealt_with
}
