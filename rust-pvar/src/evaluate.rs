//! Value and norm along a partition, to the last digits.

use crate::chain::Chain;
use crate::metric::{Metric, squared_distance};
use crate::path::{PathView, Scalar};
use crate::power::{LARGE_EXPONENT, Power};
use crate::scale::{Scale, exponent_of, load_exponent, power_of_two};
use crate::simd::{Level, Vector, Work};
use crate::sum::compensated;

/// The lengths of a partition's edges, or their squares.
struct Terms<'a, 'b, T> {
    path: &'a PathView<'b, T>,
    partition: &'a [usize],
    metric: Metric,
    squared: bool,
}

impl<T: Scalar> Work for Terms<'_, '_, T> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<V: Vector>(self) -> Vec<f64> {
        let mut terms = Vec::with_capacity(self.partition.len());
        if self.path.dim() == 1 {
            let at = |i: usize| self.path.data()[i].widen();
            terms.extend(self.partition.windows(2).map(|edge| (at(edge[1]) - at(edge[0])).abs()));
            return terms;
        }
        for edge in self.partition.windows(2) {
            let (a, b) = (self.path.row(edge[0]), self.path.row(edge[1]));
            let square = self.squared;
            terms.push(if square { squared_distance(a, b) } else { self.metric.distance(a, b) });
        }
        terms
    }
}

/// The compensated sum of powers of terms / `unit`.
struct SumOfPowers<'a> {
    terms: &'a mut [f64],
    unit: f64,
    power: Power,
}

impl Work for SumOfPowers<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let Self { terms, unit, power } = self;
        if unit != 1.0 {
            for x in terms.iter_mut() {
                *x /= unit;
            }
        }
        power.of_all(terms);
        compensated(terms)
    }
}

/// Value and norm along a partition, by a compensated sum of terms from the path itself.
pub(crate) fn evaluate<T: Scalar>(
    path: &PathView<'_, T>,
    partition: &[usize],
    p: f64,
    metric: Metric,
    scale: Scale,
    level: Level,
) -> (f64, f64) {
    // Euclidean distances stay squared where the power allows it.
    let squared = metric == Metric::Euclidean && p == 2.0 && path.dim() > 1;
    let terms = level.run(Terms { path, partition, metric, squared });
    // What is left to be undone: all of the scaling if the path was copied, else nothing.
    sum_of_powers(terms, squared, p, scale.exponent + exponent_of(scale.unit), level)
}

/// Value and norm of the sum of p-th powers of 2^`unscale` * terms; at p = 2 they may be squares.
pub(crate) fn sum_of_powers(
    mut terms: Vec<f64>,
    squared: bool,
    p: f64,
    unscale: i32,
    level: Level,
) -> (f64, f64) {
    let power = Power::new(p);
    let raised = if squared { Power::new(1.0) } else { power };
    let longest = terms.iter().copied().fold(0.0, f64::max);
    let top = raised.of(longest);
    let moderate = unscale == 0 && top < 1e280 && top > 1e-280;
    let unit = if p > LARGE_EXPONENT {
        longest
    } else if moderate && power.is_cheap() {
        1.0
    } else {
        // Even, so that it has a root where terms are squares.
        power_of_two(exponent_of(longest) & !1)
    };
    let sum = level.run(SumOfPowers { terms: &mut terms, unit, power: raised });
    let norm = if squared { unit.sqrt() } else { unit } * power.root(sum);
    if moderate {
        return (sum * raised.of(unit), norm);
    }
    let norm = load_exponent(norm, unscale);
    (power.of(norm), norm)
}

/// Takes powers back from scaled to given units.
pub(crate) struct Unscale {
    p: f64,
    power: Power,
    exponent: i32,
    sigma: f64,
    factor: f64,
}

impl Unscale {
    pub(crate) fn new(exponent: i32, sigma: f64, p: f64) -> Self {
        // A power of two raised to an integer or half-integer is exact or nearly so.
        let factor = (f64::from(exponent) * p).exp2() * sigma.powf(p);
        Self { p, power: Power::new(p), exponent, sigma, factor }
    }

    fn power(&self, value: f64) -> f64 {
        let direct = value * self.factor;
        if self.factor.is_normal() && (direct.is_normal() || value == 0.0) {
            return direct;
        }
        load_exponent(self.power.root(value) * self.sigma, self.exponent).powf(self.p)
    }
    /// The values of a chain of the distinct rows (all if `None`) for each of `len` points.
    pub(crate) fn prefixes(&self, chain: &Chain, rows: Option<&[u32]>, len: usize) -> Vec<f64> {
        let values = chain.accurate_values();
        let Some(rows) = rows else {
            return values.into_iter().map(|v| self.power(v)).collect();
        };
        let mut prefix = vec![0.0; len];
        for (k, &start) in rows.iter().enumerate() {
            let end = rows.get(k + 1).map_or(len, |&next| next as usize);
            prefix[start as usize..end].fill(self.power(values[k]));
        }
        prefix
    }
}
