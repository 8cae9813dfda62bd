//! Powers of distances.

use std::f64::consts::LOG2_E;

/// Above this exponent only the library's power is exact enough.
const SMOOTH: f64 = 64.0;

/// Above this exponent powers are taken relative to an attained distance.
pub(crate) const LARGE_EXPONENT: f64 = 64.0;

macro_rules! each {
    ($numbers:expr, |$x:ident| $image:expr) => {
        for number in $numbers.iter_mut() {
            let $x = *number;
            *number = $image;
        }
    };
}

/// x -> x^p for one exponent p >= 1, with own code for the common ones.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    p: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    One,
    ThreeHalves,
    Two,
    Three,
    Four,
    Other,
}

impl Power {
    /// The power with exponent `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        let kind = match p {
            1.0 => Kind::One,
            1.5 => Kind::ThreeHalves,
            2.0 => Kind::Two,
            3.0 => Kind::Three,
            4.0 => Kind::Four,
            _ => Kind::Other,
        };
        Self { p, kind }
    }

    /// The exponent.
    #[must_use]
    pub fn exponent(self) -> f64 {
        self.p
    }

    /// Whether a power costs no more than a few multiplications and a root.
    #[inline(always)]
    pub(crate) fn is_cheap(self) -> bool {
        !matches!(self.kind, Kind::Other)
    }

    /// `distance`^p.
    #[must_use]
    #[inline]
    pub fn of(self, distance: f64) -> f64 {
        match self.kind {
            Kind::One => distance,
            Kind::ThreeHalves => distance * distance.sqrt(),
            Kind::Two => distance * distance,
            Kind::Three => distance * distance * distance,
            Kind::Four => {
                let square = distance * distance;
                square * square
            }
            Kind::Other => distance.powf(self.p),
        }
    }

    /// The power of a distance of at most 4, within a relative error of 1e-13 and in line.
    #[inline(always)]
    pub(crate) fn of_scaled(self, distance: f64) -> f64 {
        match self.kind {
            Kind::Other if self.p <= SMOOTH => smooth_power(distance, self.p),
            _ => self.of(distance),
        }
    }

    // The loops below are no `for_each`: its closures would not be compiled for the level.

    /// Replaces every distance, at most 4, by its p-th power, within a relative error of 1e-13.
    #[inline(always)]
    pub fn of_all(self, distances: &mut [f64]) {
        match self.kind {
            Kind::One => {}
            Kind::ThreeHalves => each!(distances, |x| x * x.sqrt()),
            Kind::Two => each!(distances, |x| x * x),
            Kind::Three => each!(distances, |x| x * x * x),
            Kind::Four => each!(distances, |x| x * x * (x * x)),
            Kind::Other if self.p <= SMOOTH => each!(distances, |x| smooth_power(x, self.p)),
            Kind::Other => each!(distances, |x| x.powf(self.p)),
        }
    }

    /// Replaces every distance by its p-th power for p <= 32, within a relative error of
    /// [`SKETCH_ERROR`] if it lies between 1e-35 and 1e35.
    #[inline(always)]
    pub fn sketch_all(self, distances: &mut [f64]) {
        match self.kind {
            Kind::Other => each!(distances, |x| sketch(x, self.p)),
            // The root of a single-precision number takes a third of the time.
            Kind::ThreeHalves => each!(distances, |x| x * f64::from((x as f32).sqrt())),
            _ => self.of_all(distances),
        }
    }

    /// `square`^(p/2): the power of a distance given by its square.
    #[must_use]
    #[inline]
    pub fn of_square(self, square: f64) -> f64 {
        match self.kind {
            Kind::One => square.sqrt(),
            Kind::ThreeHalves => {
                let distance = square.sqrt();
                distance * distance.sqrt()
            }
            Kind::Two => square,
            Kind::Three => square * square.sqrt(),
            Kind::Four => square * square,
            Kind::Other => square.powf(self.p * 0.5),
        }
    }

    /// `power`^(1/p): the distance that a power came from.
    #[must_use]
    #[inline]
    pub fn root(self, power: f64) -> f64 {
        match self.kind {
            Kind::One => power,
            Kind::Two => power.sqrt(),
            Kind::Four => power.sqrt().sqrt(),
            Kind::Three => power.cbrt(),
            _ => power.powf(self.p.recip()),
        }
    }

    /// Replaces every square x >= 0 by x^(p/2), within a relative error of [`SKETCH_ERROR`].
    #[inline(always)]
    pub fn sketch_squares(self, squares: &mut [f64]) {
        match self.kind {
            Kind::Two => {}
            Kind::One => each!(squares, |x| x.sqrt()),
            Kind::ThreeHalves => each!(squares, |x| x.sqrt() * x.sqrt().sqrt()),
            Kind::Three => each!(squares, |x| x * x.sqrt()),
            Kind::Four => each!(squares, |x| x * x),
            Kind::Other => {
                let half = 0.5 * self.p;
                each!(squares, |x| sketch(x, half));
            }
        }
    }
}

/// Largest relative error of [`Power::sketch_squares`].
pub const SKETCH_ERROR: f64 = 1e-6;

/// x^h for 0 <= x and 1/2 <= h <= 32, with a relative error below 1e-6 and without branches.
///
/// The series end at the ninth order of the logarithm and the seventh of the exponential: each is
/// good to 1e-9.
#[inline(always)]
fn sketch(x: f64, h: f64) -> f64 {
    let (exponent, s) = split(x);
    let t = s * s;
    let series = 1.0 + t * (1.0 / 3.0 + t * (0.2 + t * (1.0 / 7.0 + t * (1.0 / 9.0))));
    let log2 = exponent + s * series * (2.0 * LOG2_E);
    let (scale, z) = split_exponent(h * log2);
    let tail = 1.0 / 24.0 + z * (1.0 / 120.0 + z * (1.0 / 720.0 + z * (1.0 / 5040.0)));
    scale * (1.0 + z * (1.0 + z * (0.5 + z * (1.0 / 6.0 + z * tail))))
}

/// x^p for 0 <= x <= 4 and p <= 64 to nearly full precision, without branches; powers below 1e-300
/// are wrong, but as small.
#[inline(always)]
fn smooth_power(x: f64, p: f64) -> f64 {
    let (exponent, s) = split(x);
    let t = s * s;
    let mut series = LOGARITHM[LOGARITHM.len() - 1];
    for k in (0..LOGARITHM.len() - 1).rev() {
        series = series * t + LOGARITHM[k];
    }
    // The high bits of p times the whole exponent are exact: no rounding grows with the exponent.
    let high = f64::from_bits(p.to_bits() & !((1 << 27) - 1));
    let log2 = s * series * (2.0 * LOG2_E);
    let (scale, z) = split_exponent_sum(high * exponent, (p - high) * exponent + p * log2);
    let mut sum = EXPONENTIAL[EXPONENTIAL.len() - 1];
    for k in (0..EXPONENTIAL.len() - 1).rev() {
        sum = sum * z + EXPONENTIAL[k];
    }
    scale * sum
}

/// 1 / (2 k + 1): artanh s / s as a series in s^2.
const LOGARITHM: [f64; 11] = {
    let mut terms = [1.0; 11];
    let mut k = 1;
    while k < terms.len() {
        terms[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    terms
};

/// 1 / k!.
const EXPONENTIAL: [f64; 14] = {
    let mut terms = [1.0; 14];
    let mut k = 1;
    while k < terms.len() {
        terms[k] = terms[k - 1] / k as f64;
        k += 1;
    }
    terms
};

/// x = 2^e m with m in [sqrt(1/2), sqrt(2)) -> (e, (m - 1) / (m + 1)); log m = 2 artanh of that.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    const SPLIT: u64 = 0x3FE6_A09E_667F_3BCD; // sqrt(1/2)
    const FRACTION: u64 = (1 << 52) - 1;
    let x = if x > 1e-300 { x } else { 1e-300 };
    let bits = x.to_bits().wrapping_sub(SPLIT);
    // A biased integer exponent in the low bits of a double, without an integer conversion.
    let exponent = f64::from_bits((bits.wrapping_add(1 << 63) >> 52) | 0x4330_0000_0000_0000)
        - (4_503_599_627_370_496.0 + 2048.0);
    let mantissa = f64::from_bits((bits & FRACTION).wrapping_add(SPLIT));
    (exponent, (mantissa - 1.0) / (mantissa + 1.0))
}

/// 2^y = scale * e^z with scale a power of two and |z| <= log(2) / 2.
#[inline(always)]
fn split_exponent(y: f64) -> (f64, f64) {
    split_exponent_sum(0.0, y)
}

/// The same for y = a + b, where a is the larger.
#[inline(always)]
fn split_exponent_sum(a: f64, b: f64) -> (f64, f64) {
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52: adding it rounds to an integer
    let sum = a + b;
    let clamped = if sum > -1000.0 { if sum < 1000.0 { sum } else { 1000.0 } } else { -1000.0 };
    let shifted = clamped + ROUND;
    let whole = shifted - ROUND;
    let inside = clamped == sum;
    let z = if inside { (a - whole) + b } else { 0.0 };
    let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    (scale, z * std::f64::consts::LN_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn powers_of_many_are_those_of_each(x in 1e-4..4.0_f64, p in 1.0..64.0_f64) {
            for p in [p, 1.0, 1.5, 2.0, 3.0, 4.0] {
                let mut all = [x];
                Power::new(p).of_all(&mut all);
                let one = Power::new(p).of(x);
                prop_assert!((all[0] / one - 1.0).abs() < 1e-13, "{} {}", all[0], one);
            }
        }

        #[test]
        fn sketches_are_close(log in -80.0..80.0_f64, p in 1.0..64.0_f64) {
            let x = log.exp2();
            for p in [p, 1.0, 1.5, 2.0, 3.0, 4.0] {
                let exact = x.powf(0.5 * p);
                if !(1e-250..=1e250).contains(&exact) { continue; }
                let mut squares = [x];
                Power::new(p).sketch_squares(&mut squares);
                prop_assert!((squares[0] / exact - 1.0).abs() < 0.5 * SKETCH_ERROR);
            }
        }
    }
}
