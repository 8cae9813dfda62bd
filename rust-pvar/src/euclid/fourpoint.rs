//! The four-point bound, for all pairs of two groups of points at once.
//!
//! With e the difference of the groups' centres and y_i, y_j the points relative to their own,
//!
//! ```text
//! |x_j - x_i|^2 = |e|^2 + |y_i|^2 + |y_j|^2 - 2 <e, y_i> + 2 <e, y_j> - 2 <y_i, y_j>,
//! ```
//!
//! and only the last product mixes i with j. It is at most 2 rho_i rho_j <= t rho_i^2 + rho_j^2 / t.
//! So |x_j - x_i|^2 <= A_i + C_j, at the price of |I| + |J| inner products for |I| |J| pairs, and
//! with an error of the order of the two radii's product. (The triangle inequality errs by radius
//! times distance.) A line above x^(p/2) keeps the sum separated, so that one maximum over the
//! sources serves all targets.

use super::mirror::Margin;
use crate::power::{Power, SKETCH_ERROR};

/// One side of the bound: `N` points of a group, their distances from its centre and their
/// products with the direction between the centres.
#[derive(Clone, Copy)]
pub struct Side<'a, const N: usize> {
    /// |y|, at least.
    pub rho: &'a [f32; N],
    /// <e, y> of the sources, <e, y> of the targets.
    pub dot: &'a [f32; N],
    /// Largest `rho`.
    pub radius: f64,
}

/// What a pair of groups has in common.
#[derive(Clone, Copy)]
pub struct Pair {
    /// |e|, at least.
    pub distance: f64,
    /// Largest error of an inner product.
    pub dot_error: f64,
    /// See [`Margin::rounding`].
    pub rounding: f64,
}

/// The separated bound: no pair's V_i + d(i, j)^p exceeds `source[i]` + `target[j]`.
pub struct Separated<const N: usize> {
    /// V_i and the part of the power that depends on i.
    pub source: [f64; N],
    /// The part that depends on j.
    pub target: [f64; N],
}

/// Separates the bounds of all pairs; `values` are the sources' V.
#[inline(always)]
pub fn separate<const N: usize>(
    sources: Side<'_, N>,
    targets: Side<'_, N>,
    values: &[f64; N],
    pair: Pair,
    margin: Margin,
    power: Power,
) -> Separated<N> {
    let balance = targets.radius / sources.radius;
    let t = if balance.is_finite() { balance.clamp(1e-3, 1e3) } else { 1.0 };
    let (mut a, mut c) = ([0.0_f64; N], [0.0_f64; N]);
    let constant = pair.distance * pair.distance + 2.0 * pair.dot_error;
    let grow = margin.upper(1.0, 0.0);
    for k in 0..N {
        let rho = f64::from(sources.rho[k]);
        a[k] = grow * (rho * rho * (1.0 + t) - 2.0 * f64::from(sources.dot[k]));
        let rho = f64::from(targets.rho[k]);
        let square = rho * rho * (1.0 + t.recip()) + 2.0 * f64::from(targets.dot[k]);
        c[k] = grow * (square + constant) + pair.rounding;
    }
    let line = if power.exponent() == 2.0 {
        Line { slope: 1.0, constant: 0.0 }
    } else {
        let ((a_low, a_high), (c_low, c_high)) = (range(&a), range(&c));
        Line::above(power, (a_low + c_low).max(0.0), (a_high + c_high).max(0.0))
    };
    let mut separated = Separated { source: [0.0; N], target: [0.0; N] };
    for k in 0..N {
        separated.source[k] = values[k] + line.slope * a[k];
        separated.target[k] = line.slope * c[k] + line.constant;
    }
    separated
}

/// The smallest and the largest of several numbers, in independent lanes.
#[inline(always)]
fn range<const N: usize>(values: &[f64; N]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
    for eight in values.as_chunks::<8>().0 {
        for k in 0..8 {
            low[k] = if eight[k] < low[k] { eight[k] } else { low[k] };
            high[k] = if eight[k] > high[k] { eight[k] } else { high[k] };
        }
    }
    let low = low.into_iter().fold(f64::INFINITY, f64::min);
    (low, high.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

/// A line that lies above x^(p/2) on an interval.
struct Line {
    slope: f64,
    constant: f64,
}

impl Line {
    #[inline(always)]
    fn above(power: Power, low: f64, high: f64) -> Self {
        let half = 0.5 * power.exponent();
        let mut ends = [low, high, 0.5 * (low + high)];
        power.sketch_squares(&mut ends);
        let slack = 1.0 + 4.0 * SKETCH_ERROR;
        if half > 1.0 {
            // Convex: the chord; flat where the interval is too short for a quotient.
            let (low_power, high_power) = (ends[0] * slack, ends[1] * slack);
            let length = high - low;
            if length <= 1e-6 * high {
                return Self { slope: 0.0, constant: high_power };
            }
            let slope = (high_power - low_power) / length;
            return Self { slope, constant: low_power - slope * low + 1e-13 * high_power };
        }
        // Concave: the tangent in the middle, which stays above everywhere.
        let middle = 0.5 * (low + high);
        if middle <= 0.0 {
            return Self { slope: 0.0, constant: ends[1] * slack };
        }
        // slope = (p/2) m^(p/2) / m up to the sketch's error, which the constant makes up for: the
        // line through the middle with any slope near the tangent's is too low by at most
        // (change of slope) * (half the interval).
        let slope = half * ends[2] / middle;
        let constant = ends[2] * slack - slope * middle + 4.0 * SKETCH_ERROR * slope * (high - low);
        Self { slope, constant }
    }
}
