//! Programs that the processor starts: each in a process group of its own, with a time limit, and none outlives it.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::{
    collections::BTreeSet,
    io::{self, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use tokio::signal::unix::{SignalKind, signal};

/// What a program printed, and how it ended.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Why a program did not finish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// It cannot be started.
    #[error("{0}")]
    Start(#[source] io::Error),
    /// It was still running when its time was over.
    #[error("no answer within {:.1} s", .0.as_secs_f64())]
    Silent(Duration),
    /// The processor ends.
    #[error("the processor stops")]
    Stopping,
}

/// The process groups that run, and whether there are to be no more.
#[derive(Default)]
struct Groups {
    running: BTreeSet<i32>,
    stopping: bool,
}

static GROUPS: Mutex<Groups> = Mutex::new(Groups { running: BTreeSet::new(), stopping: false });
static CHANGED: Condvar = Condvar::new();

/// More of what a program prints is left unread.
const MAX_OUTPUT: usize = 65_536;

/// How long output is waited for after the program has ended: something that it started may hold the pipe.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How long killed programs may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a program to its end, for `limit` at most; after `slow_after` it is said once by `slow` that it takes long.
pub(crate) fn run(
    program: &mut Command,
    limit: Duration,
    slow_after: Duration,
    slow: impl FnOnce(),
) -> Result<Finished, ChildError> {
    let deadline = Instant::now() + limit;
    let mut group = Group::start(program)?;
    let (sender, ends) = mpsc::channel();
    let stdout = collect(group.child.stdout.take(), sender.clone());
    let stderr = collect(group.child.stderr.take(), sender.clone());
    let pid = group.pid;
    thread::spawn(move || {
        // The group's number stays taken until it is waited for, so that nobody else's group is killed.
        let _ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _gone = sender.send(End::Program);
    });
    let mut ends = Ends { receiver: ends, program: false, outputs: 0 };
    let slow_at = Instant::now() + slow_after.min(limit);
    if !ends.wait(slow_at, |ends| ends.program) && Instant::now() < deadline {
        slow();
        ends.wait(deadline, |ends| ends.program);
    }
    if !ends.program {
        return Err(if is_stopping() { ChildError::Stopping } else { ChildError::Silent(limit) });
    }
    ends.wait(Instant::now() + FLUSH_TIMEOUT, |ends| ends.outputs == 2);
    let status = group.end().map_err(ChildError::Start)?;
    if is_stopping() {
        return Err(ChildError::Stopping);
    }
    Ok(Finished { status, stdout: taken(&stdout), stderr: taken(&stderr) })
}

/// Kills every program that runs, and waits for their ends; none is started any more.
pub(crate) fn end_all() {
    let mut groups = lock();
    groups.stopping = true;
    groups.running.iter().filter_map(|pid| Pid::from_raw(*pid)).for_each(kill);
    let gone = CHANGED.wait_timeout_while(groups, KILL_TIMEOUT, |groups| !groups.running.is_empty());
    drop(gone);
}

/// From the first program on, a signal that ends this process ends what it started before: a terminal's Ctrl-C does not
/// reach other groups. For commands that do not deal with signals themselves.
pub(crate) fn end_on_signals() {
    ON_SIGNALS.store(true, Ordering::Relaxed);
}

static ON_SIGNALS: AtomicBool = AtomicBool::new(false);

/// Signals that end a process, unless it deals with them.
const DEADLY: [i32; 4] =
    [Signal::HUP.as_raw(), Signal::INT.as_raw(), Signal::QUIT.as_raw(), Signal::TERM.as_raw()];

fn watch_signals() -> io::Result<()> {
    if !ON_SIGNALS.swap(false, Ordering::Relaxed) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut all = Vec::new();
    for number in DEADLY {
        all.push((number, signal(SignalKind::from_raw(number))?));
    }
    drop(entered);
    thread::spawn(move || {
        let number = runtime.block_on(async move {
            let came = all.into_iter().map(|(number, mut signal)| {
                Box::pin(async move {
                    signal.recv().await;
                    number
                })
            });
            futures_util::future::select_all(came).await.0
        });
        end_all();
        std::process::exit(128 + number);
    });
    Ok(())
}

fn is_stopping() -> bool {
    lock().stopping
}

fn lock() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(group: Pid) {
    // One that is gone needs no signal.
    let _gone = kill_process_group(group, Signal::KILL);
}

/// What has ended.
enum End {
    Program,
    /// One of the two outputs.
    Output,
}

struct Ends {
    receiver: mpsc::Receiver<End>,
    program: bool,
    outputs: u8,
}

impl Ends {
    /// Waits until enough has ended, and says whether it has.
    fn wait(&mut self, until: Instant, enough: impl Fn(&Self) -> bool) -> bool {
        while !enough(self) {
            match self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(End::Program) => self.program = true,
                Ok(End::Output) => self.outputs += 1,
                Err(_late_or_none) => return false,
            }
        }
        true
    }
}

type Output = Arc<Mutex<Vec<u8>>>;

/// Reads to the end, so that the program is never held up, and keeps the beginning.
fn collect(pipe: Option<impl Read + Send + 'static>, sender: mpsc::Sender<End>) -> Output {
    let kept = Output::default();
    let (output, mut buffer) = (kept.clone(), [0; 4096]);
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                    let room = MAX_OUTPUT.saturating_sub(output.len()).min(length);
                    output.extend_from_slice(buffer.get(..room).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_broken) => break,
            }
        }
        let _gone = sender.send(End::Output);
    });
    kept
}

fn taken(output: &Output) -> Vec<u8> {
    std::mem::take(&mut output.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A program and all that it starts; killed and waited for when dropped.
struct Group {
    child: Child,
    pid: Pid,
    ended: bool,
}

// === impl Group ===

impl Group {
    fn start(program: &mut Command) -> Result<Self, ChildError> {
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        watch_signals().map_err(ChildError::Start)?;
        let mut groups = lock();
        if groups.stopping {
            return Err(ChildError::Stopping);
        }
        let child = program.spawn().map_err(ChildError::Start)?;
        let pid = Pid::from_child(&child);
        groups.running.insert(pid.as_raw_nonzero().get());
        Ok(Self { child, pid, ended: false })
    }

    fn end(&mut self) -> io::Result<ExitStatus> {
        self.ended = true;
        {
            // Both under the lock, and before the wait: afterwards the number could be another group's.
            let mut groups = lock();
            kill(self.pid);
            groups.running.remove(&self.pid.as_raw_nonzero().get());
        }
        CHANGED.notify_all();
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            let _status = self.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Result<Finished, ChildError> {
        run(Command::new("sh").args(["-c", script]), limit, limit, || {})
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_a_program_prints_and_how_it_ended() {
        let finished = sh("echo one; echo two >&2; exit 3", LONG).unwrap();
        assert_eq!((finished.stdout.as_slice(), finished.stderr.as_slice()), (&b"one\n"[..], &b"two\n"[..]));
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(sh("head -c 1000000 /dev/zero", LONG).unwrap().stdout.len(), MAX_OUTPUT);
    }

    #[test]
    fn a_silent_program_is_killed_with_all_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pid = directory.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid.display());
        let error = sh(&script, Duration::from_millis(500)).err().unwrap();
        assert!(matches!(error, ChildError::Silent(_)), "{error}");
        let pid = std::fs::read_to_string(pid).unwrap();
        // An orphan that nobody waits for stays as a zombie where there is no init.
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        let begun = Instant::now();
        while !state().is_empty() && !state().contains(") Z") {
            assert!(begun.elapsed() < LONG, "{}", state());
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_left_behind_holds_nothing_up() {
        let begun = Instant::now();
        let finished = sh("sleep 600 & echo done", LONG).unwrap();
        assert_eq!(finished.stdout, b"done\n");
        assert!(begun.elapsed() < LONG / 2);
    }
}
