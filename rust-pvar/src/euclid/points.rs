//! A path as the recursion sees it.

use crate::metric::squared_distance;
use crate::path::{PathView, Scalar};

/// Some rows of a path, scaled.
#[derive(Clone, Copy)]
pub struct Points<'a, 'b, T> {
    /// The points.
    pub path: &'a PathView<'b, T>,
    /// The rows that count; all if `None`.
    pub rows: Option<&'a [u32]>,
    /// Factor of every distance.
    pub unit: f64,
}

impl<T: Scalar> Points<'_, '_, T> {
    /// The square of the scaled distance of two points, in double precision.
    #[inline(always)]
    pub(super) fn square(&self, i: usize, j: usize) -> f64 {
        let row = |i: usize| self.path.row(self.rows.map_or(i, |rows| rows[i] as usize));
        squared_distance(row(i), row(j)) * (self.unit * self.unit)
    }
}
