//! Weights in the order in which the products read them: strips of columns, each row padded.

use crate::math::Element;
use crate::product::parts;

/// Packs a matrix (terms, columns) given by `at(term, column)`; columns beyond it are zero.
///
/// # Safety
/// `to` covers `terms` rows of `vectors * lanes` numbers.
#[inline(always)]
pub(crate) unsafe fn pack<T: Element>(
    to: *mut T,
    (terms, columns): (usize, usize),
    (vectors, lanes, widest): (usize, usize, usize),
    at: impl Fn(usize, usize) -> T,
) {
    let mut to = to;
    for (start, width) in parts(vectors, widest) {
        let first = start * lanes;
        let end = (first + width * lanes).min(columns);
        for term in 0..terms {
            for column in first..end {
                unsafe { to.add(column - first).write(at(term, column)) };
            }
            for column in end..first + width * lanes {
                unsafe { to.add(column - first).write(T::ZERO) };
            }
            to = unsafe { to.add(width * lanes) };
        }
    }
}
