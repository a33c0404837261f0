//! Everything that the protocol's promises depend on, at one moment.

/// A message, by its number.
pub(crate) type Message = usize;

/// A processor, by its number.
pub(crate) type Processor = usize;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// Where the broker has each message; kept over its restarts.
    pub(crate) broker: Vec<Place>,
    /// What the journal knows of each message; kept over everything.
    pub(crate) journal: Vec<Option<Entry>>,
    /// What each processor has in memory; lost when it dies.
    pub(crate) processors: Vec<Process>,
    /// What has happened to each message. Nobody in the protocol can see this: the promises are about it.
    pub(crate) history: Vec<History>,
    /// The faults that may still happen.
    pub(crate) left: Faults,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Queued,
    /// Delivered to this processor's session, not acknowledged.
    With(Processor),
    Acknowledged,
}

/// A message's line in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) owner: Owner,
    pub(crate) stage: Stage,
    /// How many owners were lost while they worked on it.
    pub(crate) crashes: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// Nobody, or one that died: free as soon as its lease has run out.
    Nobody,
    Living(Processor),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Claimed,
    Begun,
    /// Claimed by the next one, after its owner was lost while it was begun.
    Interrupted,
    Finished(Answer),
    /// The broker has taken this answer. The entry may go, after a while.
    Confirmed(Answer),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Done,
    /// It was interrupted, and may or may not have been carried out.
    Interrupted,
    /// It was interrupted twice, and is in the list of dead letters.
    SetAside,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) life: Life,
    pub(crate) link: Link,
    /// The one transaction that is outstanding on its session.
    pub(crate) sending: Option<Sending>,
    /// The ledger: each message's task.
    pub(crate) tasks: Vec<Task>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    Dead,
    Running,
    /// Told to stop: begins nothing, finishes and answers what is begun.
    Draining,
}

/// A session, which ends at one end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Link {
    Down,
    Up,
    /// Over at the broker, which may deliver the messages to others; the processor does not know yet.
    Broken,
    /// Over at the processor; the broker still works off what was sent.
    Fading,
}

/// Replies and acknowledgements on their way to the broker, or the receipt on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sending {
    pub(crate) answers: Vec<(Message, Answer)>,
    pub(crate) progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Progress {
    Sent,
    /// The broker has taken one half: only where there are no transactions.
    Half,
    /// The broker has taken all of it; its receipt is under way.
    Taken,
}

/// A message in one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    /// Its session's delivery, as far as the processor knows: what it may acknowledge.
    pub(crate) delivered: bool,
    pub(crate) step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Nothing, or delivered and not claimed yet.
    Idle,
    /// Waits for its turn: deferred, debounced, or for a worker.
    Claimed,
    /// Not to be carried out, but answered so.
    Refused(Answer),
    Begun,
    /// Carried out, and this is in memory only.
    Worked,
    Finished(Answer),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct History {
    pub(crate) carried_out: u8,
    /// How often its owner died while it was begun, or was taken for dead because its lease ran out.
    pub(crate) interruptions: u8,
    /// The answers that the broker has taken.
    pub(crate) answers: Vec<Answer>,
}

/// How many of each may happen in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) kills: u8,
    pub(crate) stops: u8,
    pub(crate) cuts: u8,
    pub(crate) broker_restarts: u8,
    /// A processor is out of touch with the journal for so long that its lease runs out.
    pub(crate) lapses: u8,
}

// === impl State ===

impl State {
    pub(crate) fn new(messages: usize, processors: usize, faults: Faults) -> Self {
        let task = Task { delivered: false, step: Step::Idle };
        let process =
            Process { life: Life::Dead, link: Link::Down, sending: None, tasks: vec![task; messages] };
        Self {
            broker: vec![Place::Queued; messages],
            journal: vec![None; messages],
            processors: vec![process; processors],
            history: vec![History::default(); messages],
            left: faults,
        }
    }

    pub(crate) fn task(&mut self, processor: Processor, message: Message) -> &mut Task {
        &mut self.processors[processor].tasks[message]
    }

    /// Whether the journal has the message as this processor's.
    pub(crate) fn owns(&self, processor: Processor, message: Message) -> bool {
        self.journal[message].is_some_and(|entry| entry.owner == Owner::Living(processor))
    }
}

// === impl Process ===

impl Process {
    /// The answers that it may send now: finished, and delivered by the session that is up.
    pub(crate) fn answers(&self) -> Vec<(Message, Answer)> {
        let tasks = self.tasks.iter().enumerate();
        let finished = tasks.filter_map(|(message, task)| match task.step {
            Step::Finished(answer) if task.delivered => Some((message, answer)),
            _ => None,
        });
        finished.collect()
    }
}
