//! Ctrl-C while the interpreter lock is released.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Error;

/// Time between two looks at the signals.
const PATIENCE: Duration = Duration::from_millis(25);

/// Asks Python for pending signals now and then, and keeps what it raised.
pub(super) struct Interrupt {
    looked: Cell<Instant>,
    raised: RefCell<Option<PyErr>>,
}

impl Interrupt {
    pub(super) fn new() -> Self {
        Self { looked: Cell::new(Instant::now()), raised: RefCell::new(None) }
    }

    /// Whether to go on.
    pub(super) fn proceed(&self) -> bool {
        if self.looked.get().elapsed() < PATIENCE {
            return true;
        }
        self.looked.set(Instant::now());
        match Python::attach(|py| py.check_signals()) {
            Ok(()) => true,
            Err(error) => {
                self.raised.replace(Some(error));
                false
            }
        }
    }

    /// The exception for `error`: what the signal raised, or a `ValueError`.
    pub(super) fn exception(&self, error: &Error) -> PyErr {
        self.raised.take().unwrap_or_else(|| value_error(error))
    }
}

/// The Python exception of a core error.
pub(super) fn value_error(error: &Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}
