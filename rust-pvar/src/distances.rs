//! Paths in any space, of which nothing but the distances of their points is known.
//!
//! The recursion V_j = max over i < j of V_i + d(i, j)^p reads each distance once, so that it costs
//! no more than the matrix itself. The triangle inequality is not assumed.

mod gather;
mod gram;
mod recursion;

use crate::error::{Error, Flaw};
use crate::path::Scalar;

pub use gather::Gatherer;
pub use gram::distances_from_gram;

/// Side of the square parts in which a matrix is compared with its transpose.
const TILE: usize = 64;

/// The distances between `len` points in their order: a symmetric matrix, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Distances<'a, T = f64> {
    data: &'a [T],
    len: usize,
    largest: f64,
}

impl<'a, T: Scalar> Distances<'a, T> {
    /// Looks at `data` as the distances of `len` points, and checks that they are distances.
    ///
    /// # Errors
    /// No points, a wrong buffer length, or the first entry that is not finite, negative, on the
    /// diagonal and not zero, or other than its mirror image.
    pub fn new(data: &'a [T], len: usize) -> Result<Self, Error> {
        check_shape(data, len)?;
        let (mut sound, mut largest) = (true, 0.0_f64);
        each_pair(data, len, |i, j, x, y| {
            sound &= x == y && (0.0..f64::INFINITY).contains(&x) && (i != j || x == 0.0);
            largest = largest.max(x);
        });
        if sound {
            return Ok(Self { data, len, largest });
        }
        let judge = |i, j, x| match x {
            _ if x < 0.0 => Some(Flaw::Negative),
            _ if i == j && x != 0.0 => Some(Flaw::Diagonal),
            _ => None,
        };
        Err(first_flaw(data, len, judge))
    }

    /// Number of points, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The distances of point `i` from all points.
    #[must_use]
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [T] {
        &self.data[i * self.len..(i + 1) * self.len]
    }

    /// The largest distance.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// The points that differ from their predecessor: at distance zero, and as far from all others.
    /// `None` if all do.
    fn distinct(&self) -> Option<Vec<u32>> {
        let same = |(x, y): (&T, &T)| x.widen() == y.widen();
        let repeats = |i: usize| {
            self.row(i)[i - 1].widen() == 0.0 && self.row(i).iter().zip(self.row(i - 1)).all(same)
        };
        let mut rows = vec![0];
        rows.extend((1..self.len).filter(|&i| !repeats(i)).map(|i| i as u32));
        (rows.len() < self.len).then_some(rows)
    }
}

fn check_shape<T>(data: &[T], len: usize) -> Result<(), Error> {
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
fn each_pair<T: Scalar>(data: &[T], len: usize, mut see: impl FnMut(usize, usize, f64, f64)) {
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
fn first_flaw<T: Scalar>(
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
