//! Memory that the kernels reuse from call to call.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};

/// Alignment of a buffer: a cache line, or from there on a large page.
const LINE: usize = 64;
const LARGE_PAGE: usize = 2 << 20;

/// A buffer that only ever grows; new memory is zero.
pub(crate) struct Buffer<T> {
    start: *mut T,
    layout: Option<Layout>,
}

// SAFETY: a buffer owns its memory.
unsafe impl<T: Send> Send for Buffer<T> {}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self {
            start: std::ptr::null_mut(),
            layout: None,
        }
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if let Some(layout) = self.layout.take() {
            // SAFETY: the memory was allocated with this layout.
            unsafe { dealloc(self.start.cast(), layout) }
        }
    }
}

/// Asks the system for large pages: the kernels stream through megabytes, a few kilobytes a time,
/// and would miss the address cache at every step.
fn advise_large_pages(_start: *mut u8, _bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: advice on memory of our own; a refusal changes nothing.
    unsafe {
        libc::madvise(_start.cast(), _bytes, libc::MADV_HUGEPAGE);
    }
}

impl<T: crate::element::Element> Buffer<T> {
    /// Room for `count` numbers; returns their address. Contents survive only where it need not grow.
    pub(crate) fn reserve(&mut self, count: usize) -> *mut T {
        let bytes = (count * size_of::<T>()).max(LINE);
        if self.layout.is_none_or(|layout| layout.size() < bytes) {
            // Freed first, so that the old and the new memory are never held at once.
            *self = Self::default();
            let align = if bytes >= LARGE_PAGE {
                LARGE_PAGE
            } else {
                LINE
            };
            let Ok(layout) = Layout::from_size_align(bytes.next_multiple_of(align), align) else {
                panic!("a buffer of {bytes} bytes is larger than memory can be");
            };
            // SAFETY: the size is not zero; the memory is zeroed before anyone reads it.
            unsafe {
                let start = alloc(layout);
                if start.is_null() {
                    handle_alloc_error(layout);
                }
                if align == LARGE_PAGE {
                    advise_large_pages(start, layout.size());
                }
                start.write_bytes(0, layout.size());
                self.start = start.cast();
            }
            self.layout = Some(layout);
        }
        self.start
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
