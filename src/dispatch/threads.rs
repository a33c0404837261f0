//! The threads that authors' code holds while it runs, and how the others stay free of it.
//!
//! A handler that blocks its thread (a plain sleep, a library that is not async, heavy computing) must not stop the
//! others. The runtime has few threads, one or two more than processors, for switching between threads is dear. So author's
//! code runs in place as long as one of them is left for everything else. Where none would be, the runtime goes on in a
//! thread of its own and the code keeps this one (`block_in_place`): as many handlers may block as `num_workers` allows.
//! So does code that is known to block. Most messages never see more than two locks of it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Notify,
    task::block_in_place,
};
use tracing::{Span, warn};

/// Code that holds its thread for longer is named.
const LONG: Duration = Duration::from_secs(1);

/// How often it is looked whether some does.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// So many looks at nothing, and the looking ends until there is something again.
const IDLE_LOOKS: u32 = 100;

/// One handler is named once in this time.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// The threads of one runtime. Clones are the same.
#[derive(Clone)]
pub struct Threads(Arc<Shared>);

struct Shared {
    runtime: Handle,
    /// How many threads the runtime goes on in.
    count: usize,
    held: Mutex<Held>,
    /// Something has begun while nobody looked.
    begun: Notify,
}

/// What authors' code holds at this moment.
#[derive(Default)]
struct Held {
    /// Numbers each time that some begins.
    number: u64,
    running: Vec<Running>,
    /// Threads that cannot do anything else meanwhile.
    in_place: usize,
    /// Nobody looks.
    idle: bool,
    /// What has held its thread for long.
    blocking: HashSet<Name>,
}

/// A component and its handler (`function block`), or other code of it (`order_by`).
type Name = (Arc<str>, String);

struct Running {
    number: u64,
    since: Instant,
    /// It has been told of.
    told: bool,
    code: Arc<Code>,
}

/// Some author's code.
pub(super) struct Code {
    name: Name,
    /// The message's.
    span: Span,
    /// It holds its thread for long.
    blocks: AtomicBool,
}

/// A thread that is held until this is dropped.
struct Holding<'a> {
    shared: &'a Shared,
    number: u64,
    in_place: bool,
}

/// A handler's work; each of its steps is watched.
pub(super) struct Watched<'a, T> {
    threads: Option<&'a Threads>,
    code: Arc<Code>,
    /// `None` once it has ended: dropping it runs the author's code too.
    work: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
}

// === impl Threads ===

impl Threads {
    /// Those of `runtime`. [`watch`](Self::watch) is to be run beside, on a thread that is not one of them.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        let count = runtime.metrics().num_workers();
        Self(Arc::new(Shared { runtime, count, held: Mutex::default(), begun: Notify::new() }))
    }

    /// How many threads a runtime for authors' code should have on this machine: with one more than there are processors,
    /// it is seldom that code has to be moved away which does not block.
    #[must_use]
    pub fn wanted() -> usize {
        std::thread::available_parallelism().map_or(2, usize::from).max(2) + 1
    }

    /// Names what holds its thread for long, and sees to it that another thread does what that one has left lying.
    pub async fn watch(self) {
        let (mut looks, mut last, mut named) = (0, 0, HashMap::new());
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let (number, blocked) = self.0.look();
            for code in &blocked.long {
                tell(code, &mut named);
            }
            if blocked.some {
                // Wakes a thread, which looks after timers and sockets in place of the one that is held.
                self.0.runtime.spawn(async {});
            }
            looks = if number == last && !blocked.some { looks + 1 } else { 0 };
            last = number;
            if looks >= IDLE_LOOKS && self.0.may_rest(last) {
                self.0.begun.notified().await;
                looks = 0;
            }
        }
    }

    /// Runs an author's code, in this thread or, where none would be left for others, with this thread to itself.
    pub(super) fn run<T>(&self, code: &Arc<Code>, work: impl FnOnce() -> T) -> T {
        let holding = self.0.hold(code, true);
        if holding.in_place { work() } else { block_in_place(work) }
    }

    /// The same for code that cannot be moved: it ends a task, perhaps with its runtime.
    fn run_here<T>(&self, code: &Arc<Code>, work: impl FnOnce() -> T) -> T {
        let _holding = self.0.hold(code, false);
        work()
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("in_place", &self.0.held().in_place).finish_non_exhaustive()
    }
}

// === impl Shared ===

/// What was found at one look.
struct Blocked {
    /// Some thread is held for longer than between two looks.
    some: bool,
    /// What holds one for long.
    long: Vec<Arc<Code>>,
}

impl Shared {
    fn hold(&self, code: &Arc<Code>, may_move: bool) -> Holding<'_> {
        let mut held = self.held();
        held.number += 1;
        let (number, wakes) = (held.number, std::mem::take(&mut held.idle));
        let is_last = held.in_place + 1 >= self.count;
        let moves = is_last || code.blocks.load(Relaxed);
        let in_place = !(may_move && moves && can_move());
        held.in_place += usize::from(in_place);
        held.running.push(Running { number, since: Instant::now(), told: false, code: code.clone() });
        drop(held);
        if wakes {
            self.begun.notify_one();
        }
        Holding { shared: self, number, in_place }
    }

    fn look(&self) -> (u64, Blocked) {
        let mut held = self.held();
        let mut blocked = Blocked { some: false, long: Vec::new() };
        for running in &mut held.running {
            let time = running.since.elapsed();
            blocked.some |= time > POLL_INTERVAL;
            if time > LONG && !std::mem::replace(&mut running.told, true) {
                running.code.blocks.store(true, Relaxed);
                blocked.long.push(running.code.clone());
            }
        }
        let names = blocked.long.iter().map(|code| code.name.clone());
        held.blocking.extend(names);
        (held.number, blocked)
    }

    /// Unless something has begun since that number.
    fn may_rest(&self, number: u64) -> bool {
        let mut held = self.held();
        held.idle = held.number == number && held.running.is_empty();
        held.idle
    }

    /// Never held over an `.await`, nor while an author's code runs.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only a runtime of several threads has another to go on in.
fn can_move() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

fn tell(code: &Code, named: &mut HashMap<Name, Instant>) {
    named.retain(|_, when| when.elapsed() < MIN_INTERVAL);
    if named.contains_key(&code.name) {
        return;
    }
    named.insert(code.name.clone(), Instant::now());
    let (component, handler) = &code.name;
    code.span.in_scope(|| {
        warn!(
            component = &**component,
            handler, "handler blocks its thread; move blocking code into tokio::task::spawn_blocking"
        );
    });
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut held = self.shared.held();
        held.in_place -= usize::from(self.in_place);
        if let Some(at) = held.running.iter().position(|running| running.number == self.number) {
            held.running.swap_remove(at);
        }
    }
}

// === impl Code ===

impl Code {
    /// Code of this component, for the message of the current span.
    pub(super) fn new(component: &Arc<str>, what: String, threads: Option<&Threads>) -> Arc<Self> {
        let name = (component.clone(), what);
        let blocks = threads.is_some_and(|threads| threads.0.held().blocking.contains(&name));
        Arc::new(Self { name, span: Span::current(), blocks: AtomicBool::new(blocks) })
    }
}

// === impl Watched ===

impl<'a, T> Watched<'a, T> {
    /// Watches each step of `work`, where there is something to watch it.
    pub(super) fn new(
        threads: Option<&'a Threads>,
        code: Arc<Code>,
        work: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    ) -> Self {
        Self { threads, code, work: Some(work) }
    }
}

impl<T> Future for Watched<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Self { threads, code, work } = &mut *self;
        let mut step = || {
            let Some(running) = work else { return Poll::Pending };
            let polled = running.as_mut().poll(cx);
            if polled.is_ready() {
                *work = None;
            }
            polled
        };
        match threads {
            Some(threads) => threads.run(code, step),
            None => step(),
        }
    }
}

impl<T> Drop for Watched<'_, T> {
    fn drop(&mut self) {
        if let (Some(work), Some(threads)) = (self.work.take(), self.threads) {
            threads.run_here(&self.code, || drop(work));
        }
    }
}
