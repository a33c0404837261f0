//! What goes wrong in STOMP clients, by the complaints of their users, against a real ActiveMQ and a real RabbitMQ.
//!
//! | case | shown by |
//! |---|---|
//! | S1 heart-beats stop after a reconnect | `life::fifty_cuts…`; each of fifty sessions: `stomp::reconnect::beats_flow_both_ways…` |
//! | S2 the beat's timer outlives DISCONNECT | `stomp::link` (closing), `delivery::stopping` |
//! | S3 data not counted as life | `stomp::reconnect::any_byte_counts_as_life` |
//! | S4 a dead peer is never noticed | `life::a_link_that_brings_nothing…`, `life::a_link_that_takes_nothing…` |
//! | S5 a slow handler blocks the beats | `delivery::link::a_handler_that_blocks_every_worker_thread…`, `…of_a_minute…` |
//! | S6 brokers' strict read checks | `life::fifty_cuts…` (beats of a second), `stomp::session` (grace, share) |
//! | S7 beats switched off "for stability" | `life::fifty_cuts…` (an idle link stays), the fault suite's soak |
//! | S8 connecting waits for ever; idle links are cut | `stomp::reconnect::a_broker_that_never_answers…`, `…an_idle_link…` |
//! | S9 acknowledgements lost between tasks | `messages::what_is_settled_from_many_tasks…` |
//! | S10 ghost consumers | `life::fifty_cuts…` |
//! | S11 only a restart helps | `life::*`, `delivery::link::a_broker_that_is_stopped…`, the fault suite |
//! | S12 escapes | `stomp::codec`, `stomp::codec_properties` |
//! | S13 NULs, `content-length`, sizes | `messages::bodies_come_and_go…`, `stomp::codec_properties` |
//! | S14 characters taken for bytes | `messages::bodies_come_and_go…` |
//! | S15 line ends between frames | `stomp::codec` |
//! | S16 NACK means something else everywhere | never sent: `messages::what_is_not_settled_comes_again…` |
//! | S17 no redelivery policy by STOMP | the daemon's own `defer` and `retry`: `delivery::handlers` |
//! | S18 prefetch zero, or ignored | `messages::a_prefetch_of_one…`, `stomp::profile` |
//! | S19 Artemis counts bytes | `stomp::profile::each_make…`, `…a_prefetch_of_one_is…` (no Artemis at hand) |
//! | S20 idle links dropped for want of beats | beats are agreed both ways by default: `stomp::session` |
//! | S21 each version acknowledges differently | `versions::*`, `stomp::session` |
//! | S22 refusals without a word | `messages::a_refused_queue_is_named`, `refusals::*`, `delivery::link::a_refused_reply…` |
//! | S23 unacknowledged messages fill memory | `stomp::slow` (bounded by bytes) |
//! | S24 SNI, names of certificates | `tls` |
//! | S25 RabbitMQ's own names | `messages::rabbitmqs_quorum_queues…`, `stomp::profile` |

mod life;
mod messages;
mod refusals;
mod rig;
mod versions;
pub(crate) mod wire;

use crate::support::platform_queue::Message;
use std::time::Duration;

/// Long enough for the slowest machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message that says this.
fn body(text: &str) -> Message {
    Message::new(text)
}
