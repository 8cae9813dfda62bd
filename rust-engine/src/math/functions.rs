//! What f32 and f64 compute by formulas of their own; the coefficients are those of
//! `tools/minimax.py`.

use super::polynomial;
use crate::element::Element;
use crate::simd::Simd;

/// An element type with the functions whose formulas depend on it.
pub trait Functions: Element {
    /// Phi(-a) e^(a^2 / 2) for a >= 0.
    ///
    /// # Safety
    /// As for every operation of `V`.
    unsafe fn mills<V: Simd<Scalar = Self>>(a: V) -> V;
    /// tanh(x).
    ///
    /// # Safety
    /// As for every operation of `V`.
    #[inline(always)]
    unsafe fn tanh<V: Simd<Scalar = Self>>(x: V) -> V {
        unsafe { super::tanh_by_ratio(x) }
    }
    /// x Phi(x) and its derivative.
    ///
    /// # Safety
    /// As for every operation of `V`.
    #[inline(always)]
    unsafe fn gelu<V: Simd<Scalar = Self>>(x: V) -> (V, V) {
        unsafe { super::gelu_by_mills(x) }
    }
}

/// Phi(-a) e^(a^2 / 2) in f32, a polynomial in (a - 2.5) / (a + 2.5): its roundings do not add up as
/// those of a ratio do.
const MILLS: &[f32] = &[
    0.141_331_33,
    -0.228_069_78,
    0.113_135_95,
    -0.024_548_953,
    -0.005_126_890_3,
    0.002_946_091,
    0.000_835_666_6,
    -0.000_326_485_96,
    -0.000_204_133_9,
    -2.894_666_2e-5,
];
/// Phi(-a) e^(a^2 / 2) in f64, numerator and denominator.
const MILLS_P: &[f64] = &[
    0.5,
    0.661_261_208_199_426_5,
    0.436_220_704_579_013_9,
    0.180_690_826_774_508_9,
    0.050_713_310_870_335_72,
    0.009_817_670_107_508_685,
    0.001_279_292_019_106_682,
    1.029_420_819_599_884_3e-4,
    3.950_040_104_123_665e-6,
];
const MILLS_Q: &[f64] = &[
    1.0,
    2.120_406_977_201_72,
    2.064_281_398_885_892,
    1.214_197_942_540_209_5,
    0.477_022_377_645_827_85,
    0.130_306_010_263_465,
    0.024_867_304_064_248_51,
    0.003_216_610_168_058_650_1,
    2.580_375_496_268_718_7e-4,
    9.901_282_017_781_528e-6,
];

impl Functions for f32 {
    #[inline(always)]
    unsafe fn mills<V: Simd<Scalar = Self>>(a: V) -> V {
        unsafe {
            let pole = V::splat(2.5);
            polynomial(MILLS, a.sub(pole).div(a.add(pole)))
        }
    }

    #[inline(always)]
    unsafe fn tanh<V: Simd<Scalar = Self>>(x: V) -> V {
        match V::LOOKS_UP {
            true => unsafe { super::pieces::tanh(x) },
            false => unsafe { super::tanh_by_ratio(x) },
        }
    }

    #[inline(always)]
    unsafe fn gelu<V: Simd<Scalar = Self>>(x: V) -> (V, V) {
        match V::LOOKS_UP {
            true => unsafe { super::pieces::gelu(x) },
            false => unsafe { super::gelu_by_mills(x) },
        }
    }
}

impl Functions for f64 {
    #[inline(always)]
    unsafe fn mills<V: Simd<Scalar = Self>>(a: V) -> V {
        unsafe { polynomial(MILLS_P, a).div(polynomial(MILLS_Q, a)) }
    }
}
