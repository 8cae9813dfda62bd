//! The kernels compiled once for each instruction set and element type.
//!
//! A kernel is an `#[inline(always)]` function, generic in its vector type; the functions here
//! inline it where the compiler may use the instruction set, and a table holds their addresses.

use crate::curve::{self, Curve};
use crate::dispatch::Isa;
use crate::element::Element;
use crate::gather::{self, Gather};
use crate::layer::{self, Activate, Inside, Outside, Tangent};
use crate::loss::{self, CrossEntropy};
use crate::outer::{self, Blocks, Outer};
use crate::product::{self, Product};
use crate::sandwich::{self, Sandwich};
use crate::simd::Simd;

/// An element type with compiled kernels: f32 or f64.
pub trait Tables: Element {
    /// The kernels for an instruction set; those of `Portable` where this machine lacks it.
    fn table(isa: Isa) -> &'static Table<Self>;
}

/// The kernels for one instruction set and element type.
pub struct Table<T> {
    /// Lanes of a vector.
    pub lanes: usize,
    /// Widest panel, in vectors.
    pub widest_panel: usize,
    pub product: unsafe fn(&Product<T>),
    /// How `outer` leaves a gradient.
    pub blocks: Blocks,
    pub outer: unsafe fn(&Outer<T>),
    pub gather: unsafe fn(&Gather<T>),
    pub activate: unsafe fn(&Activate<T>),
    pub inside: unsafe fn(&Inside<T>),
    pub outside: unsafe fn(&Outside<T>),
    pub tangent: unsafe fn(&Tangent<T>),
    /// sigma'' of gelu at `count` numbers, a multiple of the lanes.
    pub second: unsafe fn(count: usize, z: *const T, to: *mut T),
    pub curve: unsafe fn(&Curve<'_, T>),
    pub sandwich: unsafe fn(&Sandwich<T>),
    pub cross_entropy: unsafe fn(&mut CrossEntropy<'_, T>),
    /// e^x of `count` numbers, a multiple of the lanes.
    pub exp: unsafe fn(count: usize, x: *const T, out: *mut T),
}

macro_rules! table {
    ($name:ident, $vector:ty, $scalar:ty $(, $features:literal)?) => {
        mod $name {
            use super::*;

            $(#[target_feature(enable = $features)])?
            unsafe fn product(p: &Product<$scalar>) {
                unsafe { product::product::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn outer(p: &Outer<$scalar>) {
                unsafe { outer::outer::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn gather(p: &Gather<$scalar>) {
                unsafe { gather::gather::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn activate(p: &Activate<$scalar>) {
                unsafe { layer::activate::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn inside(p: &Inside<$scalar>) {
                unsafe { layer::inside::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn outside(p: &Outside<$scalar>) {
                unsafe { layer::outside::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn tangent(p: &Tangent<$scalar>) {
                unsafe { layer::tangent::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn second(count: usize, z: *const $scalar, to: *mut $scalar) {
                unsafe { layer::second::<$vector>(count, z, to) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn curve(p: &Curve<'_, $scalar>) {
                unsafe { curve::curve::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn sandwich(p: &Sandwich<$scalar>) {
                unsafe { sandwich::sandwich::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn cross_entropy(p: &mut CrossEntropy<'_, $scalar>) {
                unsafe { loss::cross_entropy::<$vector>(p) }
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn exp(count: usize, x: *const $scalar, out: *mut $scalar) {
                for i in (0..count).step_by(<$vector>::LANES) {
                    unsafe { crate::math::exp(<$vector>::load(x.add(i))).store(out.add(i)) }
                }
            }

            pub(super) static TABLE: Table<$scalar> = Table {
                lanes: <$vector>::LANES,
                widest_panel: product::widest_panel(<$vector>::REGISTERS),
                product,
                blocks: Blocks::of::<$vector>(),
                outer,
                gather,
                activate,
                inside,
                outside,
                tangent,
                second,
                curve,
                sandwich,
                cross_entropy,
                exp,
            };
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};

    use super::*;

    table!(
        avx512_f32,
        __m512,
        f32,
        "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
    );
    table!(
        avx512_f64,
        __m512d,
        f64,
        "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
    );
    table!(avx2_f32, __m256, f32, "avx2,fma");
    table!(avx2_f64, __m256d, f64, "avx2,fma");

    pub(super) fn of_f32(isa: Isa) -> Option<&'static Table<f32>> {
        match isa {
            Isa::Avx512 => Some(&avx512_f32::TABLE),
            Isa::Avx2 => Some(&avx2_f32::TABLE),
            _ => None,
        }
    }

    pub(super) fn of_f64(isa: Isa) -> Option<&'static Table<f64>> {
        match isa {
            Isa::Avx512 => Some(&avx512_f64::TABLE),
            Isa::Avx2 => Some(&avx2_f64::TABLE),
            _ => None,
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::{float32x4_t, float64x2_t};

    use super::*;

    table!(neon_f32, float32x4_t, f32, "neon");
    table!(neon_f64, float64x2_t, f64, "neon");

    pub(super) fn of_f32(isa: Isa) -> Option<&'static Table<f32>> {
        (isa == Isa::Neon).then_some(&neon_f32::TABLE)
    }

    pub(super) fn of_f64(isa: Isa) -> Option<&'static Table<f64>> {
        (isa == Isa::Neon).then_some(&neon_f64::TABLE)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod none {
    use super::*;

    pub(super) fn of_f32(_: Isa) -> Option<&'static Table<f32>> {
        None
    }

    pub(super) fn of_f64(_: Isa) -> Option<&'static Table<f64>> {
        None
    }
}

#[cfg(target_arch = "aarch64")]
use arm as machine;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use none as machine;
#[cfg(target_arch = "x86_64")]
use x86 as machine;

table!(portable_f32, crate::simd::portable::F32x8, f32);
table!(portable_f64, crate::simd::portable::F64x4, f64);

impl Tables for f32 {
    fn table(isa: Isa) -> &'static Table<Self> {
        let isa = if isa.available() { isa } else { Isa::Portable };
        machine::of_f32(isa).unwrap_or(&portable_f32::TABLE)
    }
}

impl Tables for f64 {
    fn table(isa: Isa) -> &'static Table<Self> {
        let isa = if isa.available() { isa } else { Isa::Portable };
        machine::of_f64(isa).unwrap_or(&portable_f64::TABLE)
    }
}
