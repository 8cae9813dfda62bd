//! Plain arrays, for machines without a vector unit that the kernels know.
//!
//! Products and sums are rounded separately: a fused operation in software would be far slower.

use super::Simd;

macro_rules! lanes {
    ($name:ident, $scalar:ty, $integer:ty, $lanes:literal, $significand:literal, $bias:literal, $drop:literal) => {
        /// An array of lanes.
        #[derive(Clone, Copy)]
        pub(crate) struct $name([$scalar; $lanes]);

        impl $name {
            #[inline(always)]
            fn map(self, f: impl Fn($scalar) -> $scalar) -> Self {
                Self(self.0.map(f))
            }

            #[inline(always)]
            fn zip(self, other: Self, f: impl Fn($scalar, $scalar) -> $scalar) -> Self {
                Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
            }
        }

        unsafe impl Simd for $name {
            type Scalar = $scalar;
            type Mask = [bool; $lanes];
            type Halves = ();
            const LANES: usize = $lanes;
            const REGISTERS: usize = 8;

            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                Self([x; $lanes])
            }

            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                Self(unsafe { from.cast::<[$scalar; $lanes]>().read_unaligned() })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                unsafe { to.cast::<[$scalar; $lanes]>().write_unaligned(self.0) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                self.zip(other, |a, b| a + b)
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                self.zip(other, |a, b| a - b)
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                self.zip(other, |a, b| a * b)
            }

            #[inline(always)]
            unsafe fn div(self, other: Self) -> Self {
                self.zip(other, |a, b| a / b)
            }

            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                Self(std::array::from_fn(|i| self.0[i] * a.0[i] + b.0[i]))
            }

            #[inline(always)]
            unsafe fn neg_mul_add(self, a: Self, b: Self) -> Self {
                Self(std::array::from_fn(|i| b.0[i] - self.0[i] * a.0[i]))
            }

            #[inline(always)]
            unsafe fn at_most(self, bound: Self) -> Self {
                self.zip(bound, |a, b| if a > b { b } else { a })
            }

            #[inline(always)]
            unsafe fn at_least(self, bound: Self) -> Self {
                self.zip(bound, |a, b| if a < b { b } else { a })
            }

            #[inline(always)]
            unsafe fn abs(self) -> Self {
                self.map(<$scalar>::abs)
            }

            #[inline(always)]
            unsafe fn copysign(self, sign: Self) -> Self {
                self.zip(sign, <$scalar>::copysign)
            }

            #[inline(always)]
            unsafe fn ldexp(self, n: Self) -> Self {
                // Two factors, since 2^n itself may overflow where the result does not.
                let power = |n: $integer| <$scalar>::from_bits(((n + $bias) << $significand) as _);
                self.zip(n, |x, n| {
                    let n = n as $integer;
                    x * power(n >> 1) * power(n - (n >> 1))
                })
            }

            #[inline(always)]
            unsafe fn shifted_power(self) -> Self {
                self.map(|x| <$scalar>::from_bits(x.to_bits() << $significand))
            }

            #[inline(always)]
            unsafe fn upper(self) -> Self {
                self.map(|x| <$scalar>::from_bits(x.to_bits() & !$drop))
            }

            #[inline(always)]
            unsafe fn gt(self, other: Self) -> Self::Mask {
                std::array::from_fn(|i| self.0[i] > other.0[i])
            }

            #[inline(always)]
            unsafe fn is_nan(self) -> Self::Mask {
                self.0.map(<$scalar>::is_nan)
            }

            #[inline(always)]
            unsafe fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
                Self(std::array::from_fn(|i| {
                    if mask[i] { yes.0[i] } else { no.0[i] }
                }))
            }
        }
    };
}

lanes!(F32x8, f32, i32, 8, 23, 127, 0xfff);
lanes!(F64x4, f64, i64, 4, 52, 1023, 0x7ff_ffff);
