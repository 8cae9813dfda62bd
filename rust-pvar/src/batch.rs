//! Many paths at once: each is solved by one thread, so the thread count changes no bit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::variation::Solver;

/// Time between two looks at `proceed` while only other threads work.
const PATIENCE: Duration = Duration::from_millis(25);

/// Counts a thread out when it ends, however it ends.
struct Leave<'a>(&'a (Mutex<usize>, Condvar));

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        *lock(&self.0.0) -= 1;
        self.0.1.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Solves task `index` with this thread's solver.
pub type Task<'a, R> =
    &'a (dyn Fn(&mut Solver, usize, &dyn Fn() -> bool) -> Result<R, Error> + Sync);

/// Runs `count` tasks on `threads` threads (all processors if `None`), results in order.
///
/// # Errors
/// The error of the first task, in order, that failed; or [`Error::Interrupted`] when `proceed`,
/// which the calling thread alone asks, returned false.
pub fn run<R: Send>(
    count: usize,
    threads: Option<usize>,
    task: Task<'_, R>,
    proceed: &dyn Fn() -> bool,
) -> Result<Vec<R>, Error> {
    let available = || thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.unwrap_or_else(available).clamp(1, count.max(1));
    let next = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let results: Mutex<Vec<Option<Result<R, Error>>>> =
        Mutex::new((0..count).map(|_| None).collect());
    let running = (Mutex::new(threads - 1), Condvar::new());
    let work = |proceed: &dyn Fn() -> bool| {
        let mut solver = Solver::new();
        while !stopped.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            let result = task(&mut solver, index, proceed);
            lock(&results)[index] = Some(result);
        }
    };
    let ask = || {
        let go_on = proceed();
        if !go_on {
            stopped.store(true, Ordering::Relaxed);
        }
        go_on
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                let _leave = Leave(&running);
                work(&|| !stopped.load(Ordering::Relaxed));
            });
        }
        work(&ask);
        // Done, but others may still be at work: keep listening for them.
        let mut others = lock(&running.0);
        while *others > 0 {
            others =
                running.1.wait_timeout(others, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
            ask();
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|result| result.unwrap_or(Err(Error::Interrupted))).collect()
}
