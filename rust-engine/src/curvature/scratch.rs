//! Memory for the traces of one panel, cut into parts.

use crate::element::Element;

/// Size of the memory that the traces of a panel of `count` numbers need.
pub(super) fn scratch(count: usize, width: usize, outputs: usize) -> usize {
    3 * width * count + 6 * count + (2 + outputs) * count / width
}

/// The parts of that memory.
pub(super) struct Scratch<T> {
    /// d panels each.
    pub(super) s: *mut T,
    pub(super) turned: *mut T,
    pub(super) product: *mut T,
    /// A panel each.
    pub(super) slope: *mut T,
    pub(super) bend: *mut T,
    pub(super) w: *mut T,
    pub(super) ones: *mut T,
    /// Of the layer after: what it multiplies, and G sigma'.
    pub(super) after: *mut T,
    pub(super) link: *mut T,
    /// A row each.
    pub(super) trace: *mut T,
    pub(super) through: *mut T,
    /// A row an output.
    pub(super) prediction: *mut T,
}

impl<T: Element> Scratch<T> {
    pub(super) fn of(start: *mut T, count: usize, width: usize) -> Self {
        let block = |i: usize| start.wrapping_add(i * width * count);
        let panel = |i: usize| block(3).wrapping_add(i * count);
        let row = |i: usize| panel(6).wrapping_add(i * count / width);
        Self {
            s: block(0),
            turned: block(1),
            product: block(2),
            slope: panel(0),
            bend: panel(1),
            w: panel(2),
            ones: panel(3),
            after: panel(4),
            link: panel(5),
            trace: row(0),
            through: row(1),
            prediction: row(2),
        }
    }
}
