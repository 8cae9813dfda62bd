//! Paths in any space, of which nothing but the distances of their points is known.
//!
//! The recursion V_j = max over i < j of V_i + d(i, j)^p reads each distance once, so that it costs
//! no more than the matrix itself. The triangle inequality is not assumed.

mod gather;
mod gram;
mod matrix;
mod recursion;

use crate::error::{Error, Flaw};
use crate::path::Scalar;

pub use gather::Gatherer;
pub use gram::distances_from_gram;

use matrix::{check_shape, each_pair, first_flaw};

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
