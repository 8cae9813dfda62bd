//! What is kept from call to call.

use std::sync::Mutex;

use crate::buffer::Buffer;
use crate::tile::Workspace;

/// Memory of the calls of one engine.
pub(crate) struct Memory<T> {
    /// A_k - A_{k-1}, for `IncSkip` alone.
    pub increments: Buffer<T>,
    /// Gradients of the partitions.
    pub gradients: Buffer<T>,
    /// One for each thread.
    pub workspaces: Vec<Mutex<Workspace<T>>>,
}

impl<T> Memory<T> {
    /// No memory yet, for so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            increments: Buffer::default(),
            gradients: Buffer::default(),
            workspaces: (0..threads).map(|_| Mutex::default()).collect(),
        }
    }
}
