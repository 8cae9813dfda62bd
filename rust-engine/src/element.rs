//! The element types and their constants; the minimax coefficients are those of `tools/minimax.py`.

use std::ops::{Add, Mul, Sub};

/// f32 or f64.
pub trait Element:
    Copy
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 1 / 2.
    const HALF: Self;
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// 1.5 times the least number whose neighbour is 1 away.
    const ROUNDING_SHIFT: Self;
    /// `ROUNDING_SHIFT` and the bias of exponents: the sum with n ends in the bits of 2^n's exponent.
    const POWER_SHIFT: Self;
    /// ln 2.
    const LN2: Self;
    /// ln 2, the leading bits.
    const LN2_HIGH: Self;
    /// ln 2 less `LN2_HIGH`.
    const LN2_LOW: Self;
    /// Beyond this, e^x is infinite.
    const EXP_MOST: Self;
    /// Below this, e^x is 0.
    const EXP_LEAST: Self;
    /// Below this, the sigmoid is 0 or subnormal.
    const SIGMOID_LEAST: Self;
    /// (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2.
    const EXP_TAIL: &'static [Self];
    /// (e^2r - 1 - 2 r) / (2 r^2) on |r| <= ln(2) / 4: the same numbers, times powers of two.
    const EXP_TAIL_TWICE: &'static [Self];
    /// Beyond this, tanh(x / 2) and -expm1(-x) round to 1.
    const EXPM1_MOST: Self;
    /// Beyond this, e^(-a^2 / 2) is 0.
    const GELU_MOST: Self;
    /// 1 / sqrt(2 pi).
    const DENSITY_AT_0: Self;

    /// Below this, what can only shrink from layer to layer is taken as 0: it would become subnormal,
    /// on which processors compute a hundred times slower, and one sample would slow down its panel.
    /// A power of two with an exponent of one bit: what is below has none of the bits above it.
    const LEAST: Self;

    /// The nearest value.
    fn from_f64(x: f64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// Whether the value is not a number.
    fn is_nan(self) -> bool;
}

/// Coefficients of c(2 r) times 2, given those of c.
macro_rules! twice {
    ($name:ident, $type:ty) => {
        const fn $name<const N: usize>(mut coefficients: [$type; N]) -> [$type; N] {
            let (mut factor, mut k) = (2.0, 0);
            while k < N {
                coefficients[k] *= factor;
                factor *= 2.0;
                k += 1;
            }
            coefficients
        }
    };
}

twice!(twice_f32, f32);
twice!(twice_f64, f64);

const EXP_TAIL_F32: [f32; 5] = [
    0.5,
    0.166_665_77,
    0.041_666_854,
    0.008_363_227,
    0.001_390_132,
];

const EXP_TAIL_F64: [f64; 10] = [
    0.500_000_000_000_000_1,
    0.166_666_666_666_666_44,
    0.041_666_666_666_623_91,
    0.008_333_333_333_356_422,
    0.001_388_888_891_734_036_2,
    1.984_126_978_425_043_8e-4,
    2.480_152_108_245_741_6e-5,
    2.755_735_569_206_331_6e-6,
    2.762_019_591_936_892e-7,
    2.506_820_279_490_838e-8,
];

impl Element for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const LOG2_E: Self = std::f32::consts::LOG2_E;
    const ROUNDING_SHIFT: Self = 1.5 * (1u32 << 23) as f32;
    const POWER_SHIFT: Self = Self::ROUNDING_SHIFT + 127.0;
    const LN2: Self = std::f32::consts::LN_2;
    const LN2_HIGH: Self = 0.693_359_4;
    const LN2_LOW: Self = -2.121_944_4e-4;
    const EXP_MOST: Self = 89.5;
    const EXP_LEAST: Self = -106.0;
    const SIGMOID_LEAST: Self = -87.336_54;
    const EXP_TAIL: &'static [Self] = &EXP_TAIL_F32;
    const EXP_TAIL_TWICE: &'static [Self] = &twice_f32(EXP_TAIL_F32);
    const EXPM1_MOST: Self = 20.0;
    const GELU_MOST: Self = 40.0;
    const DENSITY_AT_0: Self = 0.398_942_3;
    const LEAST: Self = f32::from_bits(32 << 23);

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const LOG2_E: Self = std::f64::consts::LOG2_E;
    const ROUNDING_SHIFT: Self = 1.5 * (1u64 << 52) as f64;
    const POWER_SHIFT: Self = Self::ROUNDING_SHIFT + 1023.0;
    const LN2: Self = std::f64::consts::LN_2;
    const LN2_HIGH: Self = 6.931_457_519_531_25e-1;
    const LN2_LOW: Self = 1.428_606_820_309_417_3e-6;
    const EXP_MOST: Self = 710.5;
    const EXP_LEAST: Self = -746.0;
    const SIGMOID_LEAST: Self = -708.396_418_532_264_1;
    const EXP_TAIL: &'static [Self] = &EXP_TAIL_F64;
    const EXP_TAIL_TWICE: &'static [Self] = &twice_f64(EXP_TAIL_F64);
    const EXPM1_MOST: Self = 44.0;
    const GELU_MOST: Self = 40.0;
    const DENSITY_AT_0: Self = 0.398_942_280_401_432_7;
    const LEAST: Self = f64::from_bits(128 << 52);

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}
