//! What may happen next.

use crate::{
    Defect, Protocol,
    state::{Entry, Life, Link, Message, Owner, Place, Processor, Progress, Stage, State, Step},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    // The broker.
    Deliver(Processor, Message),
    /// Takes a transaction: all of it, or nothing of it ever.
    Take(Processor),
    /// Notices that a session is over: what it did not acknowledge is delivered again.
    BrokerNotices(Processor),

    // A processor.
    /// Starts if it is dead, and connects.
    Connect(Processor),
    Claim(Processor, Message),
    Begin(Processor, Message),
    /// The handler changes the world.
    Work(Processor, Message),
    Finish(Processor, Message),
    /// Sends all answers that have gathered.
    Settle(Processor),
    /// Learns that the broker has taken them, and tells the journal.
    Receipt(Processor),
    /// Notices that its session is over: what was delivered there cannot be acknowledged any more.
    ProcessorNotices(Processor),
    GiveBack(Processor, Message),
    Exit(Processor),

    // The journal.
    Forget(Message),

    // Faults.
    Kill(Processor),
    Stop(Processor),
    CutAtBroker(Processor),
    CutAtProcessor(Processor),
    RestartBroker,
    /// A claim of a message whose owner lives, but has been out of touch with the journal until its lease ran out.
    TakeOver(Processor, Message),
}

impl Action {
    /// What need not happen; all else happens sooner or later.
    pub(crate) fn is_fault(self) -> bool {
        use Action::{CutAtBroker, CutAtProcessor, Kill, RestartBroker, Stop, TakeOver};
        matches!(self, Kill(_) | Stop(_) | CutAtBroker(_) | CutAtProcessor(_) | RestartBroker | TakeOver(..))
    }
}

impl Protocol {
    pub(crate) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        for processor in 0..self.processors {
            Self::of_processor(state, processor, actions);
            Self::faults(state, processor, actions);
            for message in 0..self.policies.len() {
                self.of_message(state, processor, message, actions);
            }
        }
        for message in 0..self.policies.len() {
            self.of_journal(state, message, actions);
        }
        if state.left.broker_restarts > 0 && state.processors.iter().any(|each| each.link != Link::Down) {
            actions.push(Action::RestartBroker);
        }
    }

    fn of_processor(state: &State, processor: Processor, actions: &mut Vec<Action>) {
        let this = &state.processors[processor];
        let progress = this.sending.as_ref().map(|sending| sending.progress);
        let mut offer = |is_possible, action| {
            if is_possible {
                actions.push(action);
            }
        };
        offer(progress.is_some_and(|progress| progress != Progress::Taken), Action::Take(processor));
        offer(this.link == Link::Fading, Action::BrokerNotices(processor));
        offer(this.link == Link::Broken, Action::ProcessorNotices(processor));
        offer(this.link == Link::Down && this.life != Life::Draining, Action::Connect(processor));
        let up = this.link == Link::Up;
        offer(up && progress.is_none() && !this.answers().is_empty(), Action::Settle(processor));
        offer(up && progress == Some(Progress::Taken), Action::Receipt(processor));
        offer(this.life == Life::Draining && Self::is_drained(state, processor), Action::Exit(processor));
    }

    fn of_message(&self, state: &State, processor: Processor, message: Message, actions: &mut Vec<Action>) {
        let this = &state.processors[processor];
        if this.link == Link::Up && state.broker[message] == Place::Queued {
            actions.push(Action::Deliver(processor, message));
        }
        let task = this.tasks[message];
        match (task.step, this.life) {
            (Step::Idle, Life::Running) if task.delivered => {
                actions.extend(self.claiming(state, processor, message));
            }
            (Step::Claimed, Life::Running) => actions.push(Action::Begin(processor, message)),
            (Step::Claimed, Life::Draining) => actions.push(Action::GiveBack(processor, message)),
            (Step::Begun, _) => actions.push(Action::Work(processor, message)),
            (Step::Worked | Step::Refused(_), _) => actions.push(Action::Finish(processor, message)),
            (Step::Idle | Step::Claimed | Step::Finished(_), _) => {}
        }
    }

    fn of_journal(&self, state: &State, message: Message, actions: &mut Vec<Action>) {
        let Some(Entry { stage: Stage::Confirmed(_), .. }) = state.journal[message] else { return };
        // After that while, every session that is over has been noticed, and with it what it had delivered.
        let is_late = !state.processors.iter().any(|each| each.tasks[message].delivered);
        if is_late || self.has(Defect::ForgetsAtOnce) {
            actions.push(Action::Forget(message));
        }
    }

    fn faults(state: &State, processor: Processor, actions: &mut Vec<Action>) {
        let (this, left) = (&state.processors[processor], state.left);
        let mut offer = |is_possible, action| {
            if is_possible {
                actions.push(action);
            }
        };
        offer(left.kills > 0 && this.life != Life::Dead, Action::Kill(processor));
        offer(left.stops > 0 && this.life == Life::Running, Action::Stop(processor));
        offer(left.cuts > 0 && this.link == Link::Up, Action::CutAtBroker(processor));
        offer(left.cuts > 0 && this.link == Link::Up, Action::CutAtProcessor(processor));
    }

    /// `Elsewhere` changes nothing, so it is no action: whoever gets that claims again later.
    fn claiming(&self, state: &State, processor: Processor, message: Message) -> Option<Action> {
        let claim = Some(Action::Claim(processor, message));
        match state.journal[message] {
            Some(Entry { owner: Owner::Living(_), .. }) if self.has(Defect::LeaseNotChecked) => claim,
            Some(Entry { stage: Stage::Finished(_), .. }) => claim,
            Some(Entry { owner: Owner::Living(owner), .. }) if owner != processor => {
                (state.left.lapses > 0).then_some(Action::TakeOver(processor, message))
            }
            _ => claim,
        }
    }

    /// Everything begun is finished, and answered unless the link is gone.
    fn is_drained(state: &State, processor: Processor) -> bool {
        let this = &state.processors[processor];
        let is_over = |step| matches!(step, Step::Idle | Step::Finished(_));
        let is_up = this.link == Link::Up;
        this.tasks.iter().all(|task| is_over(task.step))
            && !(is_up && (this.sending.is_some() || !this.answers().is_empty()))
    }
}
