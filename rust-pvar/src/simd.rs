//! Vectors of sixteen single-precision numbers for each instruction set.
//!
//! One generic kernel serves all of them: [`Level::detect`] picks one that the processor
//! has, and [`Level::run`] compiles the work once for each.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use std::sync::OnceLock;

/// Numbers in a [`Line`].
pub const LANES: usize = 16;

/// Sixteen numbers that fill one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [f32; LANES]);

impl Line {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The numbers of several lines, one after another.
    #[inline(always)]
    pub fn flat(lines: &mut [Self]) -> &mut [f32] {
        let (start, len) = (lines.as_mut_ptr().cast::<f32>(), lines.len() * LANES);
        // SAFETY: a line is exactly sixteen numbers, without padding, and stays borrowed.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }
}

/// Arithmetic on sixteen numbers at once.
///
/// # Safety
/// Implementations use instructions of their level; a value may exist only inside
/// [`Level::run`] of that level.
pub trait Vector: Copy {
    /// Accumulators that fit the registers beside a few operands.
    const ACCUMULATORS: usize;
    /// Sixteen zeros.
    fn zero() -> Self;
    /// The numbers of a line.
    fn load(line: &Line) -> Self;
    /// Writes the numbers to a line.
    fn store(self, line: &mut Line);
    /// Asks for the cache line at an address that need not be valid.
    #[inline(always)]
    fn prefetch<T>(_address: *const T) {}
    /// `self` + `other`.
    fn add(self, other: Self) -> Self;
    /// `self` - `other`.
    fn sub(self, other: Self) -> Self;
    /// `self` * `other` + `sum`.
    fn mul_add(self, other: Self, sum: Self) -> Self;
    /// The sum of the sixteen numbers.
    fn total(self) -> f32;
    /// The totals of sixteen vectors.
    #[inline(always)]
    fn totals(vectors: &[Self; LANES]) -> [f32; LANES] {
        let mut totals = [0.0; LANES];
        for (total, vector) in totals.iter_mut().zip(vectors) {
            *total = vector.total();
        }
        totals
    }
    /// Moves the entries that are not `gone` (0 or 1) to the front; how many there are.
    #[inline(always)]
    fn compact(points: &mut [f64], indices: &mut [u32], gone: &[u8]) -> usize {
        let mut kept = 0;
        for (k, &gone) in gone.iter().enumerate() {
            points[kept] = points[k];
            indices[kept] = indices[k];
            kept += usize::from(1 - gone);
        }
        kept
    }
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What the compiler's target has.
    Portable,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 (F, VL, DQ).
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// Work that is compiled for every level.
pub trait Work {
    /// What it returns.
    type Output;
    /// Does the work with vectors of type `V`; must be `#[inline(always)]`.
    fn run<V: Vector>(self) -> Self::Output;
}

impl Level {
    /// The levels that this processor has, narrowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 {
                levels.push(Self::Avx2);
            }
            if avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("popcnt")
            {
                levels.push(Self::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(Self::Neon);
        levels
    }

    /// The level that `PVAR_INSTRUCTION_SET` names, or the widest that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Level> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let (levels, name) = (Self::available(), std::env::var("PVAR_INSTRUCTION_SET"));
            let named = |level: &&Self| name.as_deref() == Ok(level.name());
            let chosen = levels.iter().find(named).or(levels.last());
            chosen.copied().unwrap_or(Self::Portable)
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
        }
    }

    /// Runs the work compiled for this level.
    ///
    /// # Panics
    /// If the processor lacks the level.
    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            Self::Portable => work.run::<portable::Plain>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                assert!(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
                // SAFETY: the features were just detected.
                unsafe { avx2::run(work) }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                assert!(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma"));
                assert!(is_x86_feature_detected!("avx512vl"));
                assert!(is_x86_feature_detected!("avx2"));
                assert!(is_x86_feature_detected!("avx512dq"));
                assert!(is_x86_feature_detected!("popcnt"));
                // SAFETY: the features were just detected.
                unsafe { avx512::run(work) }
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => work.run::<neon::Quads>(),
        }
    }
}
