//! Vectorised activation functions.
//!
//! exp, tanh and the sigmoid are within 4 ulp wherever the result is normal; gelu is within 4 ulp
//! of max(|gelu(x)|, |x| eps / 2). `tools/minimax.py` computes every coefficient. The formulas hold
//! for both element types and need no fused operation; `pieces` has faster ones for f32.

mod functions;
mod pieces;

pub use functions::Functions;

use crate::element::Element;
use crate::simd::Simd;

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
