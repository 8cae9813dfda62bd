//! Peak of fused multiply-adds in one thread, in GFLOP/s: f32, then f64. No memory traffic.
use std::hint::black_box;
use std::time::Instant;

const CHAINS: usize = 12;
const ROUNDS: usize = 2_000_000;

fn best_of(lanes: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..7 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    (2 * CHAINS * ROUNDS * lanes) as f64 / best / 1e9
}

#[cfg(target_arch = "x86_64")]
macro_rules! chains {
    ($name:ident, $feature:literal, $set:ident, $fma:ident) => {
        #[target_feature(enable = $feature)]
        fn $name() {
            use std::arch::x86_64::*;
            let mut sums = [$set(1.0); CHAINS];
            let (a, b) = black_box(($set(0.999), $set(1e-3)));
            for _ in 0..ROUNDS {
                for chain in &mut sums {
                    *chain = $fma(*chain, a, b);
                }
            }
            black_box(sums);
        }
    };
}
#[cfg(target_arch = "x86_64")]
chains!(single_512, "avx512f", _mm512_set1_ps, _mm512_fmadd_ps);
#[cfg(target_arch = "x86_64")]
chains!(double_512, "avx512f", _mm512_set1_pd, _mm512_fmadd_pd);
#[cfg(target_arch = "x86_64")]
chains!(single_256, "avx2,fma", _mm256_set1_ps, _mm256_fmadd_ps);
#[cfg(target_arch = "x86_64")]
chains!(double_256, "avx2,fma", _mm256_set1_pd, _mm256_fmadd_pd);

#[cfg(target_arch = "x86_64")]
fn peaks() -> (f64, f64) {
    // SAFETY: each kernel runs only where the processor has its instructions.
    unsafe {
        if is_x86_feature_detected!("avx512f") {
            (best_of(16, || single_512()), best_of(8, || double_512()))
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            (best_of(8, || single_256()), best_of(4, || double_256()))
        } else {
            (0.0, 0.0)
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn peaks() -> (f64, f64) {
    use std::arch::aarch64::*;
    fn single() {
        // SAFETY: NEON is part of every 64-bit ARM processor.
        unsafe {
            let mut sums = [vdupq_n_f32(1.0); CHAINS];
            let (a, b) = black_box((vdupq_n_f32(0.999), vdupq_n_f32(1e-3)));
            for _ in 0..ROUNDS {
                for chain in &mut sums {
                    *chain = vfmaq_f32(b, *chain, a);
                }
            }
            black_box(sums);
        }
    }
    fn double() {
        // SAFETY: as above.
        unsafe {
            let mut sums = [vdupq_n_f64(1.0); CHAINS];
            let (a, b) = black_box((vdupq_n_f64(0.999), vdupq_n_f64(1e-3)));
            for _ in 0..ROUNDS {
                for chain in &mut sums {
                    *chain = vfmaq_f64(b, *chain, a);
                }
            }
            black_box(sums);
        }
    }
    (best_of(4, single), best_of(2, double))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn peaks() -> (f64, f64) {
    (0.0, 0.0)
}

fn main() {
    let (single, double) = peaks();
    println!("{single:.1} {double:.1}");
}
