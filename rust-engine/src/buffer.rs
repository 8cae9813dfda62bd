//! Memory that the kernels reuse from call to call.

use std::marker::PhantomData;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [u8; 64]);

/// A buffer aligned to cache lines that only ever grows; new memory is zero.
pub(crate) struct Buffer<T> {
    lines: Vec<Line>,
    element: PhantomData<T>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            element: PhantomData,
        }
    }
}

impl<T: crate::math::Element> Buffer<T> {
    /// Room for `count` numbers; returns their address. Contents survive only where it need not grow.
    pub(crate) fn reserve(&mut self, count: usize) -> *mut T {
        let lines = (count * size_of::<T>()).div_ceil(64);
        if lines > self.lines.len() {
            // Freed first, so that the old and the new memory are never held at once.
            self.lines = Vec::new();
            self.lines = vec![Line([0; 64]); lines];
        }
        self.lines.as_mut_ptr().cast()
    }
}

/// A pointer that tasks share; each task keeps to its own part.
pub(crate) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: it is only an address; the tasks that use it write to disjoint parts.
unsafe impl<T: Send> Send for Shared<T> {}
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// The address `offset` elements on.
    ///
    /// # Safety
    /// As for `pointer::add`.
    pub(crate) unsafe fn at(self, offset: usize) -> *mut T {
        unsafe { self.0.add(offset) }
    }
}
