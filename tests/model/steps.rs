//! What each action does.

use crate::{
    Defect, Policy, Protocol,
    actions::Action,
    state::{
        Answer, Entry, Life, Link, Message, Owner, Place, Processor, Progress, Sending, Stage, State, Step,
        Task,
    },
};

impl Protocol {
    pub(crate) fn after(&self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        match action {
            Action::Deliver(processor, message) => next.deliver(processor, message),
            Action::Take(processor) => self.take(&mut next, processor),
            Action::BrokerNotices(processor) => next.end_at_broker(processor),
            Action::Connect(processor) => next.connect(processor),
            Action::Claim(processor, message) => self.claim(&mut next, processor, message),
            Action::Begin(processor, message) => self.begin(&mut next, processor, message),
            Action::Work(processor, message) => next.work(processor, message),
            Action::Finish(processor, message) => self.finish(&mut next, processor, message),
            Action::Settle(processor) => next.settle(processor),
            Action::Receipt(processor) => next.receipt(processor),
            Action::ProcessorNotices(processor) => next.end_at_processor(processor),
            Action::GiveBack(processor, message) => next.give_back(processor, message),
            Action::Exit(processor) => next.die(processor),
            Action::Forget(message) => next.journal[message] = None,
            Action::TakeOver(processor, message) => {
                next.lapse(message);
                self.claim(&mut next, processor, message);
            }
            fault => next.suffer(fault),
        }
        next
    }

    fn claim(&self, state: &mut State, processor: Processor, message: Message) {
        let entry = state.journal[message];
        let step = match entry.map(|entry| entry.stage) {
            Some(Stage::Finished(answer) | Stage::Confirmed(answer)) => Step::Finished(answer),
            Some(Stage::Begun | Stage::Interrupted) => self.resume(state, processor, message),
            Some(Stage::Claimed) | None => {
                let crashes = entry.map_or(0, |entry| entry.crashes);
                let owner = Owner::Living(processor);
                state.journal[message] = Some(Entry { owner, stage: Stage::Claimed, crashes });
                Step::Claimed
            }
        };
        state.task(processor, message).step = step;
    }

    /// The message was begun by one that is lost: the handler's policy decides.
    fn resume(&self, state: &mut State, processor: Processor, message: Message) -> Step {
        let Some(entry) = &mut state.journal[message] else { return Step::Idle };
        entry.crashes += u8::from(entry.stage == Stage::Begun);
        entry.owner = Owner::Living(processor);
        entry.stage =
            if self.has(Defect::InterruptionForgotten) { Stage::Claimed } else { Stage::Interrupted };
        match self.policies[message] {
            Policy::AtMostOnce => Step::Refused(Answer::Interrupted),
            Policy::Again if entry.crashes >= 2 => Step::Refused(Answer::SetAside),
            Policy::Again => Step::Claimed,
        }
    }

    fn begin(&self, state: &mut State, processor: Processor, message: Message) {
        if !self.may_write(state, processor, message) {
            return;
        }
        if !self.has(Defect::BeginNotKept) {
            state.write(processor, message, Stage::Begun);
        }
        state.task(processor, message).step = Step::Begun;
    }

    fn finish(&self, state: &mut State, processor: Processor, message: Message) {
        let answer = match state.task(processor, message).step {
            Step::Refused(answer) => answer,
            _ => Answer::Done,
        };
        if !self.may_write(state, processor, message) {
            return;
        }
        if !self.has(Defect::FinishNotKept) {
            state.write(processor, message, Stage::Finished(answer));
        }
        state.task(processor, message).step = Step::Finished(answer);
    }

    /// If another has taken the message over, the task ends. What was delivered here since then is claimed again.
    fn may_write(&self, state: &mut State, processor: Processor, message: Message) -> bool {
        let may = state.owns(processor, message) || self.has(Defect::OwnerNotChecked);
        if !may {
            let task = state.task(processor, message);
            task.step = Step::Idle;
            task.delivered &= !self.has(Defect::TakenOverDropped);
        }
        may
    }

    fn take(&self, state: &mut State, processor: Processor) {
        let Some(mut sending) = state.processors[processor].sending.take() else { return };
        let halves = match (sending.progress, self.broken) {
            (Progress::Sent, Some(Defect::RepliesThenAcks)) => (true, false),
            (Progress::Sent, Some(Defect::AcksThenReplies)) => (false, true),
            (Progress::Half, Some(Defect::RepliesThenAcks)) => (false, true),
            (Progress::Half, Some(Defect::AcksThenReplies)) => (true, false),
            _ => (true, true),
        };
        for (message, answer) in sending.answers.clone() {
            if halves.0 {
                state.history[message].answers.push(answer);
            }
            if halves.1 {
                state.broker[message] = Place::Acknowledged;
            }
        }
        let is_half = sending.progress == Progress::Sent && halves != (true, true);
        sending.progress = if is_half { Progress::Half } else { Progress::Taken };
        // Nobody is there any more to read the receipt.
        let unheard = state.processors[processor].link == Link::Fading && !is_half;
        state.processors[processor].sending = (!unheard).then_some(sending);
    }
}

// === impl State ===

impl State {
    fn connect(&mut self, processor: Processor) {
        let this = &mut self.processors[processor];
        (this.life, this.link) = (Life::Running, Link::Up);
    }

    fn deliver(&mut self, processor: Processor, message: Message) {
        self.broker[message] = Place::With(processor);
        self.task(processor, message).delivered = true;
    }

    fn work(&mut self, processor: Processor, message: Message) {
        self.history[message].carried_out += 1;
        self.task(processor, message).step = Step::Worked;
    }

    fn settle(&mut self, processor: Processor) {
        let this = &mut self.processors[processor];
        this.sending = Some(Sending { answers: this.answers(), progress: Progress::Sent });
    }

    fn write(&mut self, processor: Processor, message: Message, stage: Stage) {
        let crashes = self.journal[message].map_or(0, |entry| entry.crashes);
        self.journal[message] = Some(Entry { owner: Owner::Living(processor), stage, crashes });
    }

    /// That the journal hears of it may be lost too; that is a processor killed just before this.
    fn receipt(&mut self, processor: Processor) {
        let Some(sending) = self.processors[processor].sending.take() else { return };
        for (message, answer) in sending.answers {
            *self.task(processor, message) = Task { delivered: false, step: Step::Idle };
            if let Some(entry) = &mut self.journal[message] {
                *entry = Entry { owner: Owner::Nobody, stage: Stage::Confirmed(answer), ..*entry };
            }
        }
    }

    fn give_back(&mut self, processor: Processor, message: Message) {
        self.task(processor, message).step = Step::Idle;
        if !self.owns(processor, message) {
            return;
        }
        match &mut self.journal[message] {
            Some(entry) if entry.stage == Stage::Interrupted => entry.owner = Owner::Nobody,
            entry => *entry = None,
        }
    }

    /// Its owner is taken for dead.
    fn lapse(&mut self, message: Message) {
        self.left.lapses -= 1;
        if let Some(entry) = &mut self.journal[message] {
            self.history[message].interruptions += u8::from(entry.stage == Stage::Begun);
            entry.owner = Owner::Nobody;
        }
    }

    /// What this session has not acknowledged goes back to its queue; what of a transaction has not been taken, and
    /// the receipt of what has, is lost.
    fn end_at_broker(&mut self, processor: Processor) {
        let this = &mut self.processors[processor];
        this.sending = None;
        this.link = match this.link {
            Link::Up | Link::Broken => Link::Broken,
            Link::Fading | Link::Down => Link::Down,
        };
        let its = |place: &&mut Place| **place == Place::With(processor);
        self.broker.iter_mut().filter(its).for_each(|place| *place = Place::Queued);
    }

    fn end_at_processor(&mut self, processor: Processor) {
        let this = &mut self.processors[processor];
        this.sending.take_if(|sending| sending.progress == Progress::Taken);
        for task in &mut this.tasks {
            task.delivered = false;
            // Nobody asks the ledger for it before the broker delivers it again, and then the journal has it too.
            task.step = if let Step::Finished(_) = task.step { Step::Idle } else { task.step };
        }
        this.link = match this.link {
            Link::Up | Link::Fading => Link::Fading,
            Link::Broken | Link::Down => Link::Down,
        };
    }

    /// Memory is lost; what was sent is still on its way.
    fn die(&mut self, processor: Processor) {
        self.end_at_processor(processor);
        let this = &mut self.processors[processor];
        this.life = Life::Dead;
        this.tasks.iter_mut().for_each(|task| task.step = Step::Idle);
        for entry in self.journal.iter_mut().flatten() {
            if entry.owner == Owner::Living(processor) {
                entry.owner = Owner::Nobody;
            }
        }
    }

    fn kill(&mut self, processor: Processor) {
        for message in 0..self.broker.len() {
            let is_at_work = matches!(self.task(processor, message).step, Step::Begun | Step::Worked);
            self.history[message].interruptions += u8::from(is_at_work && self.owns(processor, message));
        }
        self.die(processor);
    }

    fn suffer(&mut self, fault: Action) {
        let left = &mut self.left;
        match fault {
            Action::Kill(_) => left.kills -= 1,
            Action::Stop(_) => left.stops -= 1,
            Action::CutAtBroker(_) | Action::CutAtProcessor(_) => left.cuts -= 1,
            _ => left.broker_restarts -= 1,
        }
        match fault {
            Action::Kill(processor) => self.kill(processor),
            Action::Stop(processor) => self.processors[processor].life = Life::Draining,
            Action::CutAtBroker(processor) => self.end_at_broker(processor),
            Action::CutAtProcessor(processor) => self.end_at_processor(processor),
            _ => (0..self.processors.len()).for_each(|processor| self.end_at_broker(processor)),
        }
    }
}
