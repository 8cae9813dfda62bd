//! Square matrices of numbers, compared with their transpose.

use crate::error::{Error, Flaw};
use crate::path::Scalar;

/// Side of the square parts in which a matrix is compared with its transpose.
const TILE: usize = 64;

pub(super) fn check_shape<T>(data: &[T], len: usize) -> Result<(), Error> {
    if len == 0 {
        return Err(Error::Empty);
    }
    if len.checked_mul(len) == Some(data.len()) {
        return Ok(());
    }
    Err(Error::Shape { rows: len, columns: len, len: data.len() })
}

/// Calls `see` with i, j <= i, the entry (i, j) and the entry (j, i), part by part of the matrix.
#[inline]
pub(super) fn each_pair<T: Scalar>(
    data: &[T],
    len: usize,
    mut see: impl FnMut(usize, usize, f64, f64),
) {
    for top in (0..len).step_by(TILE) {
        for left in (0..=top).step_by(TILE) {
            for i in top..len.min(top + TILE) {
                for j in left..(left + TILE).min(i + 1) {
                    see(i, j, data[i * len + j].widen(), data[j * len + i].widen());
                }
            }
        }
    }
}

/// The first entry, row by row, that `judge` or symmetry finds fault with.
#[cold]
pub(super) fn first_flaw<T: Scalar>(
    data: &[T],
    len: usize,
    judge: impl Fn(usize, usize, f64) -> Option<Flaw>,
) -> Error {
    let at = |row: usize, column: usize| data[row * len + column].widen();
    let flaw = |place: usize| {
        let (row, column) = (place / len, place % len);
        let (value, mirrored) = (at(row, column), at(column, row));
        let asymmetric = value != mirrored && mirrored.is_finite();
        let flaw = if !value.is_finite() {
            Some(Flaw::NotFinite)
        } else if asymmetric {
            Some(Flaw::Asymmetric { mirrored })
        } else {
            judge(row, column, value)
        };
        flaw.map(|flaw| Error::Matrix { row, column, value, flaw })
    };
    (0..data.len()).find_map(flaw).unwrap_or(Error::Empty)
}
