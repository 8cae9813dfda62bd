//! The choice of instruction set, made once at run time.

use std::sync::OnceLock;

/// The vector instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 512-bit vectors (x86-64 with AVX-512 F, DQ, BW and VL).
    Avx512,
    /// 256-bit vectors with fused multiply-add (x86-64 with AVX2 and FMA).
    Avx2,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// Plain Rust, for any machine.
    Portable,
}

impl Isa {
    /// All instruction sets with the names that Python and the run's manifest use.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("avx512", Self::Avx512),
        ("avx2", Self::Avx2),
        ("neon", Self::Neon),
        ("portable", Self::Portable),
    ];

    /// The fastest instruction set of this machine.
    pub fn detect() -> Self {
        static DETECTED: OnceLock<Isa> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            [Self::Avx512, Self::Avx2, Self::Neon]
                .into_iter()
                .find(|isa| isa.available())
                .unwrap_or(Self::Portable)
        })
    }

    /// Whether this machine executes the instruction set.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Self::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(_, isa)| *isa == self);
        found.map_or("portable", |(name, _)| name)
    }
}
