//! NEON: 4 lanes of f32, 2 of f64.

use std::arch::aarch64::*;

use super::Simd;

unsafe impl Simd for float32x4_t {
    type Scalar = f32;
    type Mask = uint32x4_t;
    type Halves = ();
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { vmulq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { vdivq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { vfmaq_f32(b, self, a) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { vfmsq_f32(b, self, a) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { vminq_f32(self, bound) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { vmaxq_f32(self, bound) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { vabsq_f32(self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe { vbslq_f32(vreinterpretq_u32_f32(vdupq_n_f32(-0.0)), sign, self) }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            // Two factors, since 2^n itself may overflow where the result does not.
            let n = vcvtq_s32_f32(n);
            let half = vshrq_n_s32::<1>(n);
            let rest = vsubq_s32(n, half);
            let bias = vdupq_n_s32(127);
            let first = vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(half, bias)));
            let second = vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(rest, bias)));
            vmulq_f32(vmulq_f32(self, first), second)
        }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<23>(vreinterpretq_u32_f32(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe {
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(self), vdupq_n_u32(!0xfff)))
        }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { vcgtq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { vmvnq_u32(vceqq_f32(self, self)) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { vbslq_f32(mask, yes, no) }
    }
}

unsafe impl Simd for float64x2_t {
    type Scalar = f64;
    type Mask = uint64x2_t;
    type Halves = ();
    const LANES: usize = 2;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { vdupq_n_f64(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { vld1q_f64(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { vst1q_f64(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { vaddq_f64(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { vsubq_f64(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { vmulq_f64(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { vdivq_f64(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { vfmaq_f64(b, self, a) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { vfmsq_f64(b, self, a) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { vminq_f64(self, bound) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { vmaxq_f64(self, bound) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { vabsq_f64(self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe { vbslq_f64(vreinterpretq_u64_f64(vdupq_n_f64(-0.0)), sign, self) }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            // Two factors, since 2^n itself may overflow where the result does not.
            let n = vcvtq_s64_f64(n);
            let half = vshrq_n_s64::<1>(n);
            let rest = vsubq_s64(n, half);
            let bias = vdupq_n_s64(1023);
            let first = vreinterpretq_f64_s64(vshlq_n_s64::<52>(vaddq_s64(half, bias)));
            let second = vreinterpretq_f64_s64(vshlq_n_s64::<52>(vaddq_s64(rest, bias)));
            vmulq_f64(vmulq_f64(self, first), second)
        }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { vreinterpretq_f64_u64(vshlq_n_u64::<52>(vreinterpretq_u64_f64(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe {
            vreinterpretq_f64_u64(vandq_u64(
                vreinterpretq_u64_f64(self),
                vdupq_n_u64(!0x7ff_ffff),
            ))
        }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { vcgtq_f64(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { veorq_u64(vceqq_f64(self, self), vdupq_n_u64(u64::MAX)) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { vbslq_f64(mask, yes, no) }
    }
}
