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
mod vector;

use std::sync::OnceLock;

pub use vector::{LANES, Line, Vector, Work};

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
