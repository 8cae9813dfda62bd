//! AVX2 with FMA: two registers a vector.

use std::arch::x86_64::{
    __m256, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_prefetch,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_fmadd_ps,
    _mm256_load_ps, _mm256_setzero_ps, _mm256_store_ps, _mm256_sub_ps,
};

use super::vector::{Line, Vector, Work};

/// Sixteen numbers in two registers.
#[derive(Clone, Copy)]
pub struct Pair(__m256, __m256);

/// Runs the work with this level's instructions.
///
/// # Safety
/// The processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn run<W: Work>(work: W) -> W::Output {
    work.run::<Pair>()
}

// SAFETY of every block below: a `Pair` exists only inside `run`, whose caller has checked the
// processor; loads and stores go through references to aligned lines of sixteen numbers.
impl Vector for Pair {
    const ACCUMULATORS: usize = 4;

    #[inline(always)]
    fn zero() -> Self {
        unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
    }

    #[inline(always)]
    fn load(line: &Line) -> Self {
        let start = line.0.as_ptr();
        unsafe { Self(_mm256_load_ps(start), _mm256_load_ps(start.add(8))) }
    }

    #[inline(always)]
    fn store(self, line: &mut Line) {
        let start = line.0.as_mut_ptr();
        unsafe {
            _mm256_store_ps(start, self.0);
            _mm256_store_ps(start.add(8), self.1);
        }
    }

    #[inline(always)]
    fn prefetch<T>(address: *const T) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn mul_add(self, other: Self, sum: Self) -> Self {
        unsafe {
            Self(_mm256_fmadd_ps(self.0, other.0, sum.0), _mm256_fmadd_ps(self.1, other.1, sum.1))
        }
    }

    #[inline(always)]
    fn total(self) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(self.0, self.1);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
}
