//! AVX-512: 16 lanes of f32, 8 of f64.

use std::arch::x86_64::*;

use super::Simd;

/// Where `fold` takes the first or the second half of a group from: lane of the one vector, or
/// `LANES` plus lane of the other, as numbers of a lane's own size.
const fn fold_order<const LANES: usize>(level: u32, part: usize) -> [u32; 16] {
    let half = LANES >> (level + 1);
    let words = 16 / LANES;
    let mut order = [0; 16];
    let mut i = 0;
    while i < LANES {
        let from = match i & half {
            0 => i,
            _ => LANES + i - half,
        };
        order[i * words] = (from + part * half) as u32;
        i += 1;
    }
    order
}

unsafe impl Simd for __m512 {
    type Scalar = f32;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm512_sub_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm512_mul_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { _mm512_div_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn ratio(self, other: Self) -> Self {
        unsafe {
            // The divider takes 16 cycles; this takes 3.
            let inverse = _mm512_rcp14_ps(other);
            let ratio = _mm512_mul_ps(self, inverse);
            let rest = _mm512_fnmadd_ps(ratio, other, self);
            _mm512_fmadd_ps(rest, inverse, ratio)
        }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fmadd_ps(self, a, b) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fnmadd_ps(self, a, b) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { _mm512_min_ps(bound, self) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { _mm512_max_ps(bound, self) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm512_andnot_ps(_mm512_set1_ps(-0.0), self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe {
            let bit = _mm512_set1_ps(-0.0);
            _mm512_or_ps(_mm512_and_ps(bit, sign), _mm512_andnot_ps(bit, self))
        }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe { _mm512_scalef_ps(self, n) }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe { _mm512_and_ps(_mm512_castsi512_ps(_mm512_set1_epi32(!0xfff)), self) }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self, self) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self) -> Self {
        unsafe {
            let first = const { fold_order::<16>(LEVEL, 0) };
            let second = const { fold_order::<16>(LEVEL, 1) };
            let (first, second) = (first.as_ptr().cast(), second.as_ptr().cast());
            _mm512_add_ps(
                _mm512_permutex2var_ps(self, _mm512_loadu_si512(first), other),
                _mm512_permutex2var_ps(self, _mm512_loadu_si512(second), other),
            )
        }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self) }
    }
}

unsafe impl Simd for __m512d {
    type Scalar = f64;
    type Mask = __mmask8;
    const LANES: usize = 8;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { _mm512_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm512_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm512_sub_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm512_mul_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { _mm512_div_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fmadd_pd(self, a, b) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fnmadd_pd(self, a, b) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { _mm512_min_pd(bound, self) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { _mm512_max_pd(bound, self) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm512_andnot_pd(_mm512_set1_pd(-0.0), self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe {
            let bit = _mm512_set1_pd(-0.0);
            _mm512_or_pd(_mm512_and_pd(bit, sign), _mm512_andnot_pd(bit, self))
        }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe { _mm512_scalef_pd(self, n) }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { _mm512_castsi512_pd(_mm512_slli_epi64::<52>(_mm512_castpd_si512(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe { _mm512_and_pd(_mm512_castsi512_pd(_mm512_set1_epi64(!0x7ff_ffff)), self) }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(self, self) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { _mm512_mask_blend_pd(mask, no, yes) }
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self) -> Self {
        unsafe {
            let first = const { fold_order::<8>(LEVEL, 0) };
            let second = const { fold_order::<8>(LEVEL, 1) };
            let (first, second) = (first.as_ptr().cast(), second.as_ptr().cast());
            _mm512_add_pd(
                _mm512_permutex2var_pd(self, _mm512_loadu_si512(first), other),
                _mm512_permutex2var_pd(self, _mm512_loadu_si512(second), other),
            )
        }
    }

    #[inline(always)]
    unsafe fn sum(self) -> f64 {
        unsafe { _mm512_reduce_add_pd(self) }
    }
}
