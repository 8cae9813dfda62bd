//! The threads of an engine.

use std::sync::Arc;

use crate::error::Error;

/// A fixed number of threads, shared by the engines that are given it.
#[derive(Clone)]
pub struct Pool {
    threads: usize,
    /// None: the caller's own thread does the work.
    pool: Option<Arc<rayon::ThreadPool>>,
}

impl Pool {
    /// `threads` threads of its own, or the caller's where that is one.
    pub fn new(threads: usize) -> Result<Self, Error> {
        let pool = match threads {
            0 => return Err(Error::Threads("must be at least 1".into())),
            1 => None,
            _ => {
                let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let named = builder.thread_name(|i| format!("resdepth-{i}"));
                Some(Arc::new(
                    named.build().map_err(|e| Error::Threads(e.to_string()))?,
                ))
            }
        };
        Ok(Self { threads, pool })
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work`, with rayon's parallel iterators on these threads.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}
