//! AVX-512: one register a vector.

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _mm_loadl_epi64, _mm_prefetch, _mm256_loadu_si256,
    _mm256_maskz_compress_epi32, _mm256_storeu_si256, _mm512_add_ps, _mm512_cvtepu8_epi64,
    _mm512_fmadd_ps, _mm512_load_ps, _mm512_loadu_pd, _mm512_maskz_compress_pd,
    _mm512_permutex2var_ps, _mm512_reduce_add_ps, _mm512_setr_epi32, _mm512_setzero_ps,
    _mm512_shuffle_f32x4, _mm512_store_ps, _mm512_storeu_pd, _mm512_sub_ps,
    _mm512_testn_epi64_mask, _mm512_unpackhi_ps, _mm512_unpacklo_ps,
};

use super::vector::{LANES, Line, Vector, Work};

/// Sixteen numbers in a register.
#[derive(Clone, Copy)]
pub struct Wide(__m512);

/// Runs the work with this level's instructions.
///
/// # Safety
/// The processor must have AVX-512 F, VL and DQ, AVX2, FMA and POPCNT.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma,popcnt")]
pub unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Wide>()
}

// SAFETY of every block below: a `Wide` exists only inside `run`, whose caller has checked the
// processor; loads and stores go through references to aligned lines.
impl Vector for Wide {
    const ACCUMULATORS: usize = 16;

    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_ps() })
    }

    #[inline(always)]
    fn load(line: &Line) -> Self {
        Self(unsafe { _mm512_load_ps(line.0.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, line: &mut Line) {
        unsafe { _mm512_store_ps(line.0.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn prefetch<T>(address: *const T) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, other.0, sum.0) })
    }

    #[inline(always)]
    fn total(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }

    #[inline(always)]
    fn totals(vectors: &[Self; LANES]) -> [f32; LANES] {
        let mut line = Line::ZERO;
        unsafe {
            let (a, b) = (parts(&vectors[..4]), parts(&vectors[4..8]));
            let (c, d) = (parts(&vectors[8..12]), parts(&vectors[12..]));
            let (ab, cd) = (pairs(a, b), pairs(c, d));
            // Lanes of ab within a part: a0+a2, b0+b2, a1+a3, b1+b3.
            let low = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 16, 20, 24, 28, 17, 21, 25, 29);
            let high =
                _mm512_setr_epi32(2, 6, 10, 14, 3, 7, 11, 15, 18, 22, 26, 30, 19, 23, 27, 31);
            let sums = _mm512_add_ps(
                _mm512_permutex2var_ps(ab, low, cd),
                _mm512_permutex2var_ps(ab, high, cd),
            );
            _mm512_store_ps(line.0.as_mut_ptr(), sums);
        }
        line.0
    }

    #[inline(always)]
    fn compact(points: &mut [f64], indices: &mut [u32], gone: &[u8]) -> usize {
        let len = gone.len();
        assert!(points.len() >= len && indices.len() >= len);
        let mut kept = 0;
        let eights = gone.as_chunks::<8>().0;
        for (k, eight) in eights.iter().enumerate() {
            // SAFETY: reads eight entries from 8 k on, within the length. Writes eight from `kept`
            // on, which is at most 8 k: only entries that were read before.
            unsafe {
                let flags = _mm512_cvtepu8_epi64(_mm_loadl_epi64(eight.as_ptr().cast()));
                let stays = _mm512_testn_epi64_mask(flags, flags);
                let x = _mm512_loadu_pd(points.as_ptr().add(8 * k));
                let i = _mm256_loadu_si256(indices.as_ptr().add(8 * k).cast());
                let x = _mm512_maskz_compress_pd(stays, x);
                let i = _mm256_maskz_compress_epi32(stays, i);
                _mm512_storeu_pd(points.as_mut_ptr().add(kept), x);
                _mm256_storeu_si256(indices.as_mut_ptr().add(kept).cast(), i);
                kept += stays.count_ones() as usize;
            }
        }
        for k in 8 * eights.len()..len {
            points[kept] = points[k];
            indices[kept] = indices[k];
            kept += usize::from(1 - gone[k]);
        }
        kept
    }
}

/// Adds the two halves of each of two vectors: (a, b) -> (low and high part of a, then of b).
#[inline(always)]
unsafe fn fold(a: __m512, b: __m512) -> __m512 {
    unsafe {
        let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        let high = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
        _mm512_add_ps(low, high)
    }
}

/// Four vectors -> one whose 128-bit parts are the sums over each vector's parts.
#[inline(always)]
unsafe fn parts(four: &[Wide]) -> __m512 {
    unsafe { fold(fold(four[0].0, four[1].0), fold(four[2].0, four[3].0)) }
}

/// Interleaves two vectors and adds the halves of each of their parts.
#[inline(always)]
unsafe fn pairs(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    struct Totals([Line; LANES]);

    impl Work for Totals {
        type Output = [f32; LANES];
        #[inline(always)]
        fn run<V: Vector>(self) -> [f32; LANES] {
            V::totals(&std::array::from_fn(|k| V::load(&self.0[k])))
        }
    }

    #[test]
    fn totals_of_sixteen_vectors_keep_their_order() {
        if Level::detect() != Level::Avx512 {
            return;
        }
        let lines = std::array::from_fn(|k| {
            Line(std::array::from_fn(|lane| (1 << k) as f32 * if lane == k { 2.0 } else { 1.0 }))
        });
        let expected: [f32; LANES] = std::array::from_fn(|k| (1 << k) as f32 * 17.0);
        assert_eq!(Level::Avx512.run(Totals(lines)), expected);
    }
}
