//! Scaling by a power of two, so that neither squares nor powers leave the range of numbers.
//!
//! Multiplying by a power of two is exact, and |2^e x|_p-var = 2^e |x|_p-var. A path of moderate
//! size is read where it lies and only its distances are multiplied; one with coordinates like
//! 1e200 or steps like 1e-200 is copied into the middle of the range first.

use crate::path::{PathView, Scalar};

/// Coordinates and ranges within 2^±300 need no copy: squares stay within 2^±600.
const MODERATE: i32 = 300;

/// What multiplies a path's distances to make its range about one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Scaled distance = `unit` * distance of the (possibly copied) path.
    pub unit: f64,
    /// Scaled distance = 2^-`exponent` * distance of the given path.
    pub exponent: i32,
    /// Whether no point differs from the first.
    pub constant: bool,
}

impl Scale {
    /// Measures a path. `None` in place of a copy means that the path may be read as it is.
    #[must_use]
    pub fn measure<T: Scalar>(path: &PathView<'_, T>) -> (Self, Option<Vec<f64>>) {
        if path.range() == 0.0 {
            return (Self { unit: 1.0, exponent: 0, constant: true }, None);
        }
        let start = path.row(0).iter().fold(0.0, |top, x| f64::max(top, x.widen().abs()));
        // A range beyond the largest number lies within twice of it.
        let exponent = if path.range().is_finite() { exponent_of(path.range()) + 1 } else { 1025 };
        let moderate = exponent < MODERATE && exponent > -MODERATE && exponent_of(start) < MODERATE;
        if moderate {
            let unit = power_of_two(-exponent);
            return (Self { unit, exponent, constant: false }, None);
        }
        (Self { unit: 1.0, exponent, constant: false }, Some(recentre(path, exponent)))
    }
}

/// The path times 2^-`exponent`; columns that would leave the range are shifted to start at zero.
fn recentre<T: Scalar>(path: &PathView<'_, T>, exponent: i32) -> Vec<f64> {
    let first: Vec<f64> = path
        .row(0)
        .iter()
        .map(|x| {
            let x = x.widen();
            let far = x != 0.0 && exponent_of(x) - exponent > MODERATE;
            if far { x } else { 0.0 }
        })
        .collect();
    let scale = |x: f64| {
        let half = -exponent / 2;
        x * power_of_two(half) * power_of_two(-exponent - half)
    };
    let mut copy = Vec::with_capacity(path.data().len());
    for row in path.data().chunks_exact(path.dim()) {
        for (x, &start) in row.iter().zip(&first) {
            let x = x.widen();
            let scaled = if start == 0.0 { scale(x) } else { scale(x * 0.5 - start * 0.5) * 2.0 };
            copy.push(scaled);
        }
    }
    copy
}

/// floor(log2 |x|), also for subnormal numbers; -1075 for zero.
#[must_use]
pub fn exponent_of(x: f64) -> i32 {
    let bits = x.abs().to_bits();
    match (bits >> 52) as i32 {
        0 if bits == 0 => -1075,
        0 => -1011 - bits.leading_zeros() as i32,
        biased => biased - 1023,
    }
}

/// 2^`exponent` for exponents of normal numbers.
#[must_use]
pub fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + i64::from(exponent.clamp(-1022, 1023))) as u64) << 52)
}

/// `x` * 2^`exponent`, rounded once, for any exponent.
#[must_use]
pub fn load_exponent(x: f64, exponent: i32) -> f64 {
    let (half, quarter) = (exponent / 2, exponent / 4);
    x * power_of_two(quarter) * power_of_two(half - quarter) * power_of_two(exponent - half)
}

/// The rows of a path that differ from their predecessor; `None` if all do.
#[must_use]
pub fn distinct_rows<T: Scalar>(path: &PathView<'_, T>) -> Option<Vec<u32>> {
    let repeats =
        |i: usize| path.row(i).iter().zip(path.row(i - 1)).all(|(x, y)| x.widen() == y.widen());
    if !(1..path.len()).any(repeats) {
        return None;
    }
    let mut rows = vec![0];
    rows.extend((1..path.len()).filter(|&i| !repeats(i)).map(|i| i as u32));
    Some(rows)
}
