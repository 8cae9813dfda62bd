//! The local extrema of a path in R.

use super::piece::Piece;
use crate::path::Scalar;
use crate::simd::Vector;

/// Points looked at together.
const CHUNK: usize = 512;

/// Whether a point repeats the one before.
#[inline(always)]
pub(super) fn repeats<T: Scalar>(path: &[T]) -> bool {
    let pairs = path.iter().zip(&path[1..]);
    let mut same = 0_u64;
    for (x, next) in pairs {
        same |= u64::from(x.widen() == next.widen());
    }
    same != 0
}

impl Piece {
    /// Appends the points from `start` to before `end` where a path without repetitions turns,
    /// multiplied by `factor`, without a branch.
    #[inline(always)]
    pub(super) fn turns<V: Vector, T: Scalar>(
        &mut self,
        path: &[T],
        factor: f64,
        start: usize,
        end: usize,
    ) {
        let (mut xs, mut rows, mut gone) = ([0.0_f64; CHUNK], [0_u32; CHUNK], [0_u8; CHUNK]);
        for start in (start..end).step_by(CHUNK) {
            let len = (end - start).min(CHUNK);
            let (before, after) = (&path[start - 1..][..len], &path[start + 1..][..len]);
            let here = &path[start..][..len];
            for k in 0..len {
                let (a, x, b) = (before[k].widen(), here[k].widen(), after[k].widen());
                gone[k] = u8::from((x > a) == (b > x));
                xs[k] = x * factor;
                rows[k] = (start + k) as u32;
            }
            let kept = V::compact(&mut xs[..len], &mut rows[..len], &gone[..len]);
            self.points.extend_from_slice(&xs[..kept]);
            self.indices.extend_from_slice(&rows[..kept]);
        }
    }

    /// The same for a path in which points repeat: the extrema of the path without repetitions.
    /// The last one found may still move on with the path.
    pub(super) fn turns_between_plateaus<T: Scalar>(
        &mut self,
        path: &[T],
        factor: f64,
        start: usize,
        end: usize,
    ) {
        for (i, x) in path.iter().enumerate().take(end).skip(start) {
            self.see(x.widen() * factor, i);
        }
    }

    /// Appends the end of a path. One that ends on a plateau ends at its last point.
    #[inline(always)]
    pub(super) fn finish(&mut self, x: f64, index: usize) {
        self.see(x, index);
        if let Some(last) = self.indices.last_mut() {
            *last = index as u32;
        }
    }

    fn see(&mut self, x: f64, index: usize) {
        let len = self.points.len();
        let last = self.points[len - 1];
        if last == x {
            return;
        }
        if len > 1 && (self.points[len - 2] < last) == (last < x) {
            self.points[len - 1] = x;
            self.indices[len - 1] = index as u32;
        } else {
            self.push(x, index);
        }
    }
}
