//! AVX-512: 16 lanes of f32, 8 of f64.

use std::arch::x86_64::*;

use super::Simd;
use crate::element::Element;

/// What `fold` adds to the halves that stay in their places, as numbers of a lane's own size: the
/// second half of each group of the one vector, the first half of the other's (`LANES` on).
const fn fold_order<const LANES: usize>(level: u32) -> [u32; 16] {
    let half = LANES >> (level + 1);
    let words = 16 / LANES;
    let mut order = [0; 16];
    let mut i = 0;
    while i < LANES {
        let from = match i & half {
            0 => i + half,
            _ => LANES + i - half,
        };
        order[i * words] = from as u32;
        i += 1;
    }
    order
}

/// The lanes of the second half of each group, for each level of `fold`.
const fn second_halves<const LANES: usize>() -> [u16; 4] {
    let mut halves = [0; 4];
    let mut level = 0;
    while (LANES >> (level + 1)) > 0 {
        let mut i = 0;
        while i < LANES {
            if i & (LANES >> (level + 1)) != 0 {
                halves[level] |= 1 << i;
            }
            i += 1;
        }
        level += 1;
    }
    halves
}

unsafe impl Simd for __m512 {
    type Scalar = f32;
    type Mask = __mmask16;
    type Halves = [__mmask16; 4];
    const LANES: usize = 16;
    const REGISTERS: usize = 32;
    const LOOKS_UP: bool = true;

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
    unsafe fn vanished(self) -> Self {
        unsafe {
            // The exponent's bits from that of `LEAST` on.
            let from_least = _mm512_set1_epi32(const { i32::MAX & -(f32::LEAST.to_bits() as i32) });
            let there = _mm512_test_epi32_mask(_mm512_castps_si512(self), from_least);
            _mm512_maskz_mov_ps(there, self)
        }
    }

    #[inline(always)]
    unsafe fn leading_bits(self) -> Self {
        unsafe { _mm512_castsi512_ps(_mm512_srli_epi32::<20>(_mm512_castps_si512(self))) }
    }

    #[inline(always)]
    unsafe fn look_up(self, table: &[f32; 32]) -> Self {
        unsafe {
            let (low, high) = (Self::load(&table[0]), Self::load(&table[16]));
            _mm512_permutex2var_ps(low, _mm512_castps_si512(self), high)
        }
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
    fn halves() -> Self::Halves {
        // Opaque: blends by masks that the compiler knew would become permutations, which have one
        // port of the two that it blends on.
        std::hint::black_box(const { second_halves::<16>() })
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self, halves: &Self::Halves) -> Self {
        unsafe {
            let order = const { fold_order::<16>(LEVEL) };
            let order = _mm512_loadu_si512(order.as_ptr().cast());
            _mm512_add_ps(
                _mm512_mask_blend_ps(halves[LEVEL as usize], self, other),
                _mm512_permutex2var_ps(self, order, other),
            )
        }
    }
}

unsafe impl Simd for __m512d {
    type Scalar = f64;
    type Mask = __mmask8;
    type Halves = [__mmask8; 4];
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
    unsafe fn vanished(self) -> Self {
        unsafe {
            // The exponent's bits from that of `LEAST` on.
            let from_least = _mm512_set1_epi64(const { i64::MAX & -(f64::LEAST.to_bits() as i64) });
            let there = _mm512_test_epi64_mask(_mm512_castpd_si512(self), from_least);
            _mm512_maskz_mov_pd(there, self)
        }
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
    fn halves() -> Self::Halves {
        // Opaque: blends by masks that the compiler knew would become permutations, which have one
        // port of the two that it blends on.
        std::hint::black_box(const { second_halves::<8>() }).map(|mask| mask as u8)
    }

    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self, halves: &Self::Halves) -> Self {
        unsafe {
            let order = const { fold_order::<8>(LEVEL) };
            let order = _mm512_loadu_si512(order.as_ptr().cast());
            _mm512_add_pd(
                _mm512_mask_blend_pd(halves[LEVEL as usize], self, other),
                _mm512_permutex2var_pd(self, order, other),
            )
        }
    }
}
