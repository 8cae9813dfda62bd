//! What the kernels need of a vector type; one file an instruction set.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
pub(crate) mod several;

use crate::element::Element;

/// A vector of floating-point lanes.
///
/// # Safety
/// Every method may execute instructions of the type's instruction set, so all of them are called
/// from functions compiled for it alone (see `table.rs`), after `Isa::available` said yes. `load`
/// and `store` touch `LANES` elements at any alignment.
pub unsafe trait Simd: Copy {
    /// Type of a lane.
    type Scalar: Element;
    /// Outcome of a comparison.
    type Mask: Copy;
    /// What `fold` uses, the same at every call.
    type Halves: Copy + Default;
    /// Number of lanes.
    const LANES: usize;
    /// Number of vector registers, which bounds the size of a product's block.
    const REGISTERS: usize;
    /// Whether `look_up` costs about as much as a product.
    const LOOKS_UP: bool = false;

    unsafe fn splat(x: Self::Scalar) -> Self;
    unsafe fn load(from: *const Self::Scalar) -> Self;
    unsafe fn store(self, to: *mut Self::Scalar);
    /// Asks for the cache line at `from`, which need not be an address of ours.
    #[inline(always)]
    unsafe fn prefetch(_from: *const Self::Scalar) {
        #[cfg(target_arch = "x86_64")]
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(_from.cast());
        }
    }

    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self / other` to 1 ulp, where neither they nor 1 / other is infinite or subnormal.
    #[inline(always)]
    unsafe fn ratio(self, other: Self) -> Self {
        unsafe { self.div(other) }
    }
    /// `self * a + b`, fused where the machine can.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// `b - self * a`, fused where the machine can.
    unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self;

    /// The smaller of `self` and `bound`; a NaN in `self` stays.
    unsafe fn at_most(self, bound: Self) -> Self;
    /// The larger of `self` and `bound`; a NaN in `self` stays.
    unsafe fn at_least(self, bound: Self) -> Self;
    unsafe fn abs(self) -> Self;
    /// Magnitude of `self`, sign of `sign`.
    unsafe fn copysign(self, sign: Self) -> Self;
    /// `self * 2^n` for an integral `n`, |n| below twice the exponent range.
    unsafe fn ldexp(self, n: Self) -> Self;
    /// 2^n where `self` is n + `Element::POWER_SHIFT`, and 2^n normal.
    unsafe fn shifted_power(self) -> Self;
    /// The last bits of the exponent and the three leading ones of the significand, in a lane's last
    /// five bits, where `LOOKS_UP`.
    #[inline(always)]
    unsafe fn leading_bits(self) -> Self {
        unreachable!("bits of no table")
    }
    /// For each lane the entry whose number is in the lane's last five bits, where `LOOKS_UP`.
    #[inline(always)]
    unsafe fn look_up(self, _table: &[Self::Scalar; 32]) -> Self {
        unreachable!("a table that no register holds")
    }
    /// The vector, with 0 for what is below `Element::LEAST` in magnitude.
    #[inline(always)]
    unsafe fn vanished(self) -> Self {
        unsafe {
            let tiny = Self::splat(Self::Scalar::LEAST).gt(self.abs());
            Self::select(tiny, Self::splat(Self::Scalar::ZERO), self)
        }
    }
    /// The upper half of the significand: its square is exact.
    unsafe fn upper(self) -> Self;

    /// `self > other`; false where either is NaN.
    unsafe fn gt(self, other: Self) -> Self::Mask;
    /// Whether a lane is not a number.
    unsafe fn is_nan(self) -> Self::Mask;
    /// `yes` where the mask holds, else `no`.
    unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// What `fold` uses.
    #[inline(always)]
    fn halves() -> Self::Halves {
        Self::Halves::default()
    }

    /// With the lanes in groups of `LANES >> LEVEL`: the first half of each group is the sum of the
    /// halves of `self`'s group, the second half that of `other`'s.
    #[inline(always)]
    unsafe fn fold<const LEVEL: u32>(self, other: Self, _halves: &Self::Halves) -> Self {
        let (mut a, mut b) = ([Self::Scalar::ZERO; 16], [Self::Scalar::ZERO; 16]);
        unsafe {
            self.store(a.as_mut_ptr());
            other.store(b.as_mut_ptr());
        }
        let half = Self::LANES >> (LEVEL + 1);
        let sums: [Self::Scalar; 16] = std::array::from_fn(|i| match i {
            _ if i >= Self::LANES => Self::Scalar::ZERO,
            _ if i & half == 0 => a[i] + a[i + half],
            _ => b[i - half] + b[i],
        });
        unsafe { Self::load(sums.as_ptr()) }
    }
}
