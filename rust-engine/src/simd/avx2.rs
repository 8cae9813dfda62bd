//! AVX2 with fused multiply-add: 8 lanes of f32, 4 of f64.

use std::arch::x86_64::*;

use super::Simd;

unsafe impl Simd for __m256 {
    type Scalar = f32;
    type Mask = __m256;
    type Halves = ();
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm256_add_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm256_sub_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm256_mul_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { _mm256_div_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fmadd_ps(self, a, b) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fnmadd_ps(self, a, b) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { _mm256_min_ps(bound, self) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { _mm256_max_ps(bound, self) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe {
            let bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_and_ps(bit, sign), _mm256_andnot_ps(bit, self))
        }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            // Two factors, since 2^n itself may overflow where the result does not.
            let n = _mm256_cvtps_epi32(n);
            let half = _mm256_srai_epi32::<1>(n);
            let rest = _mm256_sub_epi32(n, half);
            let bias = _mm256_set1_epi32(127);
            let first = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias)));
            let second = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(rest, bias)));
            _mm256_mul_ps(_mm256_mul_ps(self, first), second)
        }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe { _mm256_and_ps(_mm256_castsi256_ps(_mm256_set1_epi32(!0xfff)), self) }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(self, self) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { _mm256_blendv_ps(no, yes, mask) }
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self, _: &()) -> Self {
        unsafe {
            let (first, second) = match LEVEL {
                0 => (
                    _mm256_permute2f128_ps::<0x20>(self, other),
                    _mm256_permute2f128_ps::<0x31>(self, other),
                ),
                1 => {
                    let (a, b) = (_mm256_castps_pd(self), _mm256_castps_pd(other));
                    (
                        _mm256_castpd_ps(_mm256_unpacklo_pd(a, b)),
                        _mm256_castpd_ps(_mm256_unpackhi_pd(a, b)),
                    )
                }
                _ => (
                    _mm256_blend_ps::<0xaa>(self, _mm256_moveldup_ps(other)),
                    _mm256_blend_ps::<0xaa>(_mm256_movehdup_ps(self), other),
                ),
            };
            _mm256_add_ps(first, second)
        }
    }
}

unsafe impl Simd for __m256d {
    type Scalar = f64;
    type Mask = __m256d;
    type Halves = ();
    const LANES: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        unsafe { _mm256_set1_pd(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { _mm256_loadu_pd(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm256_add_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm256_sub_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm256_mul_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { _mm256_div_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fmadd_pd(self, a, b) }
    }

    #[inline(always)]
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fnmadd_pd(self, a, b) }
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { _mm256_min_pd(bound, self) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { _mm256_max_pd(bound, self) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), self) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe {
            let bit = _mm256_set1_pd(-0.0);
            _mm256_or_pd(_mm256_and_pd(bit, sign), _mm256_andnot_pd(bit, self))
        }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe {
            // Two factors, since 2^n itself may overflow where the result does not.
            let n = _mm256_cvtpd_epi32(n);
            let half = _mm_srai_epi32::<1>(n);
            let half = _mm256_cvtepi32_epi64(half);
            let n = _mm256_cvtepi32_epi64(n);
            let rest = _mm256_sub_epi64(n, half);
            let bias = _mm256_set1_epi64x(1023);
            let first = _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_add_epi64(half, bias)));
            let second = _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_add_epi64(rest, bias)));
            _mm256_mul_pd(_mm256_mul_pd(self, first), second)
        }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(self))) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe { _mm256_and_pd(_mm256_castsi256_pd(_mm256_set1_epi64x(!0x7ff_ffff)), self) }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        unsafe { _mm256_cmp_pd::<_CMP_GT_OQ>(self, other) }
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        unsafe { _mm256_cmp_pd::<_CMP_UNORD_Q>(self, self) }
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        unsafe { _mm256_blendv_pd(no, yes, mask) }
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self, _: &()) -> Self {
        unsafe {
            let (first, second) = match LEVEL {
                0 => (
                    _mm256_permute2f128_pd::<0x20>(self, other),
                    _mm256_permute2f128_pd::<0x31>(self, other),
                ),
                _ => (
                    _mm256_unpacklo_pd(self, other),
                    _mm256_unpackhi_pd(self, other),
                ),
            };
            _mm256_add_pd(first, second)
        }
    }
}
