//! Vectorised activation functions.
//!
//! exp, tanh and the sigmoid are within 4 ulp wherever the result is normal; gelu is within 4 ulp
//! of max(|gelu(x)|, |x| eps / 2). `tools/minimax.py` computes every coefficient. The formulas hold
//! for both element types and need no fused operation; `pieces` has faster ones for f32.

mod pieces;

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
        unsafe { tanh_by_ratio(x) }
    }
    /// x Phi(x) and its derivative.
    ///
    /// # Safety
    /// As for every operation of `V`.
    #[inline(always)]
    unsafe fn gelu<V: Simd<Scalar = Self>>(x: V) -> (V, V) {
        unsafe { gelu_by_mills(x) }
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
            true => unsafe { pieces::tanh(x) },
            false => unsafe { tanh_by_ratio(x) },
        }
    }

    #[inline(always)]
    unsafe fn gelu<V: Simd<Scalar = Self>>(x: V) -> (V, V) {
        match V::LOOKS_UP {
            true => unsafe { pieces::gelu(x) },
            false => unsafe { gelu_by_mills(x) },
        }
    }
}

impl Functions for f64 {
    #[inline(always)]
    unsafe fn mills<V: Simd<Scalar = Self>>(a: V) -> V {
        unsafe { polynomial(MILLS_P, a).div(polynomial(MILLS_Q, a)) }
    }
}

/// Sum of `coefficients[i] x^i`.
#[inline(always)]
pub(crate) unsafe fn polynomial<V: Simd>(coefficients: &[V::Scalar], x: V) -> V {
    unsafe {
        let mut sum = V::splat(coefficients[coefficients.len() - 1]);
        for &c in coefficients[..coefficients.len() - 1].iter().rev() {
            sum = sum.mul_add(x, V::splat(c));
        }
        sum
    }
}

/// The integer nearest to x / ln 2, |x| far below the largest integer of the type.
#[inline(always)]
unsafe fn powers_of_two<V: Simd>(x: V) -> V {
    unsafe {
        // Beside a number this large there is no room for a fraction.
        let shift = V::splat(V::Scalar::ROUNDING_SHIFT);
        x.mul_add(V::splat(V::Scalar::LOG2_E), shift).sub(shift)
    }
}

/// e^r - 1 for |r| <= ln(2) / 2.
#[inline(always)]
unsafe fn less_one<V: Simd>(r: V) -> V {
    unsafe { polynomial(V::Scalar::EXP_TAIL, r).mul_add(r.mul(r), r) }
}

/// n and e^r - 1 with x + rest = n ln 2 + r, |r| <= ln(2) / 2; `rest` is small beside x.
#[inline(always)]
unsafe fn reduced<V: Simd>(x: V, rest: Option<V>) -> (V, V) {
    unsafe {
        let n = powers_of_two(rest.map_or(x, |rest| x.add(rest)));
        // n LN2_HIGH is exact: the constant has few enough bits.
        let mut r = n.neg_mul_add(V::splat(V::Scalar::LN2_HIGH), x);
        if let Some(rest) = rest {
            r = r.add(rest);
        }
        r = n.neg_mul_add(V::splat(V::Scalar::LN2_LOW), r);
        (n, less_one(r))
    }
}

/// x brought to where e^x passes from 0 to infinity.
#[inline(always)]
unsafe fn clamped<V: Simd>(x: V) -> V {
    unsafe {
        x.at_most(V::splat(V::Scalar::EXP_MOST))
            .at_least(V::splat(V::Scalar::EXP_LEAST))
    }
}

/// e^x, 0 and infinity beyond the range.
#[inline(always)]
pub(crate) unsafe fn exp<V: Simd>(x: V) -> V {
    unsafe {
        let (n, less_one) = reduced(clamped(x), None);
        less_one.add(V::splat(V::Scalar::ONE)).ldexp(n)
    }
}

/// 2^n and r with x = n `unit` + r, |r| <= unit / 2, for 2^n normal; `per_unit` is 1 / `unit`.
#[inline(always)]
unsafe fn split<V: Simd>(x: V, per_unit: V::Scalar, unit: V::Scalar) -> (V, V) {
    unsafe {
        let shift = V::splat(V::Scalar::POWER_SHIFT);
        let shifted = x.mul_add(V::splat(per_unit), shift);
        let r = shifted.sub(shift).neg_mul_add(V::splat(unit), x);
        (shifted.shifted_power(), r)
    }
}

/// e^x - 1 for x <= 0, at least -`EXPM1_MOST`, beyond which it is flat.
///
/// One constant for ln 2 will do: its rounding moves x by |x| eps / 2, and the function by less than
/// as much of itself. So it is for tanh.
#[inline(always)]
unsafe fn expm1<V: Simd>(x: V) -> V {
    unsafe {
        let (power, r) = split(x, V::Scalar::LOG2_E, V::Scalar::LN2);
        let one = V::splat(V::Scalar::ONE);
        less_one(r).mul_add(power, power.sub(one))
    }
}

/// tanh(x), never above 1, however it is rounded.
#[inline(always)]
pub(crate) unsafe fn tanh<V: Simd<Scalar: Functions>>(x: V) -> V {
    unsafe { V::Scalar::tanh(x) }
}

/// tanh(x) = e / (e + 1) with e = (e^2|x| - 1) / 2.
#[inline(always)]
unsafe fn tanh_by_ratio<V: Simd>(x: V) -> V {
    unsafe {
        let half = V::splat(V::Scalar::HALF);
        let most = V::splat(V::Scalar::EXPM1_MOST * V::Scalar::HALF);
        let (power, r) = split(
            x.abs().at_most(most),
            V::Scalar::LOG2_E + V::Scalar::LOG2_E,
            V::Scalar::LN2 * V::Scalar::HALF,
        );
        let less = polynomial(V::Scalar::EXP_TAIL_TWICE, r).mul_add(r.mul(r), r);
        let e = less.mul_add(
            power,
            power.mul_add(half, V::splat(V::Scalar::ZERO).sub(half)),
        );
        e.ratio(e.add(V::splat(V::Scalar::ONE))).copysign(x)
    }
}

/// 1 / (1 + e^-x), 0 where that is subnormal.
#[inline(always)]
pub(crate) unsafe fn sigmoid<V: Simd>(x: V) -> V {
    unsafe {
        let (zero, one) = (V::splat(V::Scalar::ZERO), V::splat(V::Scalar::ONE));
        let least = V::splat(V::Scalar::SIGMOID_LEAST);
        let within = x.at_least(least).at_most(zero.sub(least));
        let (n, less_one) = reduced(zero.sub(within), None);
        let inverse = less_one.add(one).ldexp(n).add(one);
        V::select(least.gt(x), zero, one.ratio(inverse))
    }
}

/// x where positive, else e^x - 1.
#[inline(always)]
pub(crate) unsafe fn elu<V: Simd>(x: V) -> V {
    unsafe {
        let zero = V::splat(V::Scalar::ZERO);
        let least = zero.sub(V::splat(V::Scalar::EXPM1_MOST));
        V::select(x.gt(zero), x, expm1(x.at_most(zero).at_least(least)))
    }
}

/// max(x, 0).
#[inline(always)]
pub(crate) unsafe fn relu<V: Simd>(x: V) -> V {
    unsafe { x.at_least(V::splat(V::Scalar::ZERO)) }
}

/// x Phi(x) and its derivative Phi(x) + x phi(x), Phi and phi of the standard normal law.
#[inline(always)]
pub(crate) unsafe fn gelu<V: Simd<Scalar: Functions>>(x: V) -> (V, V) {
    unsafe { V::Scalar::gelu(x) }
}

/// gelu by the ratio of Phi and phi.
///
/// Phi(-a) = e^(-a^2 / 2) M(a) with M half the scaled complementary error function; a^2 is taken in two parts, since the exponential magnifies its rounding.
#[inline(always)]
unsafe fn gelu_by_mills<V: Simd<Scalar: Functions>>(x: V) -> (V, V) {
    unsafe {
        let zero = V::splat(V::Scalar::ZERO);
        let half = V::splat(V::Scalar::HALF);
        let a = x.abs().at_most(V::splat(V::Scalar::GELU_MOST));
        let upper = a.upper();
        let square = zero.sub(upper.mul(upper).mul(half));
        let rest = zero.sub(a.sub(upper).mul(a.add(upper)).mul(half));
        let (n, less_one) = reduced(clamped(square), Some(rest));
        let mills = V::Scalar::mills(a);
        // One rounding less than the product of e^r and the ratio.
        let tail = less_one.mul_add(mills, mills).ldexp(n);
        let e = less_one.add(V::splat(V::Scalar::ONE)).ldexp(n);
        let phi = V::select(x.gt(zero), V::splat(V::Scalar::ONE).sub(tail), tail);
        (
            x.mul(phi),
            x.mul(e.mul(V::splat(V::Scalar::DENSITY_AT_0))).add(phi),
        )
    }
}

#[cfg(test)]
mod tests;
