//! Plain arrays, left to the compiler.

use super::vector::{LANES, Line, Vector};

/// Sixteen numbers as an array.
#[derive(Clone, Copy)]
pub struct Plain([f32; LANES]);

impl Vector for Plain {
    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    fn load(line: &Line) -> Self {
        Self(line.0)
    }

    #[inline(always)]
    fn store(self, line: &mut Line) {
        line.0 = self.0;
    }

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x += y;
        }
        self
    }

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x -= y;
        }
        self
    }

    #[inline(always)]
    fn mul_add(self, other: Self, mut sum: Self) -> Self {
        // Two roundings: without the instruction a fused operation would be a library call.
        for ((s, x), y) in sum.0.iter_mut().zip(self.0).zip(other.0) {
            *s += x * y;
        }
        sum
    }

    #[inline(always)]
    fn total(self) -> f32 {
        let mut halves = self.0;
        let mut width = LANES / 2;
        while width > 0 {
            for k in 0..width {
                halves[k] += halves[k + width];
            }
            width /= 2;
        }
        halves[0]
    }
}
