//! The local extrema of a path in R.

use super::LineSolver;
use crate::path::Scalar;
use crate::simd::{Level, Vector, Work};

/// Points looked at together.
const CHUNK: usize = 512;

impl LineSolver {
    /// Finds the local extrema, ends included, and multiplies them by `factor`.
    pub(super) fn find_extrema<T: Scalar>(&mut self, level: Level, path: &[T], factor: f64) {
        self.points.clear();
        self.indices.clear();
        if !level.run(Turns { path, factor, solver: self }) {
            self.points.clear();
            self.indices.clear();
            self.extrema_with_plateaus(path, factor);
        }
    }

    /// The extrema of a path in which points repeat: those of the path without repetitions.
    fn extrema_with_plateaus<T: Scalar>(&mut self, path: &[T], factor: f64) {
        for (i, x) in path.iter().enumerate() {
            let x = x.widen() * factor;
            let len = self.points.len();
            if len > 0 && self.points[len - 1] == x {
                continue;
            }
            if len > 1
                && (self.points[len - 2] < self.points[len - 1]) == (self.points[len - 1] < x)
            {
                self.points[len - 1] = x;
                self.indices[len - 1] = i as u32;
                continue;
            }
            self.points.push(x);
            self.indices.push(i as u32);
        }
        // A path that ends on a plateau ends at its last point.
        if let Some(last) = self.indices.last_mut() {
            *last = path.len() as u32 - 1;
        }
    }
}

/// Collects the points where a path turns, without a branch; false if a point repeats the one
/// before.
struct Turns<'a, T> {
    path: &'a [T],
    factor: f64,
    solver: &'a mut LineSolver,
}

impl<T: Scalar> Work for Turns<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Vector>(self) -> bool {
        let Self { path, factor, solver: LineSolver { points, indices, .. } } = self;
        let last = path.len() - 1;
        points.push(path[0].widen() * factor);
        indices.push(0);
        let (mut xs, mut rows, mut gone) = ([0.0_f64; CHUNK], [0_u32; CHUNK], [0_u8; CHUNK]);
        let mut repeats = path[1].widen() == path[0].widen();
        let mut start = 1;
        while start < last {
            let len = (last - start).min(CHUNK);
            let (before, after) = (&path[start - 1..][..len], &path[start + 1..][..len]);
            let here = &path[start..][..len];
            let mut same = 0_u8;
            for k in 0..len {
                let (a, x, b) = (before[k].widen(), here[k].widen(), after[k].widen());
                gone[k] = u8::from((x > a) == (b > x));
                same |= u8::from(b == x);
                xs[k] = x * factor;
                rows[k] = (start + k) as u32;
            }
            repeats |= same != 0;
            let kept = V::compact(&mut xs[..len], &mut rows[..len], &gone[..len]);
            points.extend_from_slice(&xs[..kept]);
            indices.extend_from_slice(&rows[..kept]);
            start += len;
        }
        points.push(path[last].widen() * factor);
        indices.push(last as u32);
        !repeats
    }
}
