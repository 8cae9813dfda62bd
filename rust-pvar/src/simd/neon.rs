//! NEON, which every aarch64 processor has: four registers a vector.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddvq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vst1q_f32, vsubq_f32,
};

use super::vector::{Line, Vector};

/// Sixteen numbers in four registers.
#[derive(Clone, Copy)]
pub struct Quads([float32x4_t; 4]);

// SAFETY of every block below: NEON belongs to the target's base, and loads and stores stay
// within the sixteen numbers of a line.
impl Vector for Quads {
    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        Self([unsafe { vdupq_n_f32(0.0) }; 4])
    }

    #[inline(always)]
    fn load(line: &Line) -> Self {
        Self(std::array::from_fn(|k| unsafe { vld1q_f32(line.0.as_ptr().add(4 * k)) }))
    }

    #[inline(always)]
    fn store(self, line: &mut Line) {
        for (k, quad) in self.0.into_iter().enumerate() {
            unsafe { vst1q_f32(line.0.as_mut_ptr().add(4 * k), quad) }
        }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| unsafe { vaddq_f32(self.0[k], other.0[k]) }))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| unsafe { vsubq_f32(self.0[k], other.0[k]) }))
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        Self(std::array::from_fn(|k| unsafe { vfmaq_f32(sum.0[k], self.0[k], other.0[k]) }))
    }

    #[inline(always)]
    fn total(self) -> f32 {
        let [a, b, c, d] = self.0;
        unsafe { vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d))) }
    }
}
