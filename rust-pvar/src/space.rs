//! A path with any metric, as the recursion with block radii sees it.

use crate::chain::Chain;
use crate::metric::{Metric, squared_distance};
use crate::path::{PathView, Scalar};
use crate::power::Power;
use crate::prepared::Prepared;
use crate::radius::Space;

/// Above this exponent powers are taken relative to the diameter itself.
const HUGE_EXPONENT: f64 = 900.0;

/// The distinct rows of a path with a metric, scaled.
pub(crate) struct PathSpace<'a, 'b, T> {
    path: &'a PathView<'b, T>,
    rows: Option<&'a [u32]>,
    metric: Metric,
    factor: f64,
    power: Power,
}

impl<'a, 'b, T: Scalar> PathSpace<'a, 'b, T> {
    pub(crate) fn new(path: &'a PathView<'b, T>, prepared: &'a Prepared, power: Power) -> Self {
        let (rows, metric) = (prepared.rows(), prepared.metric);
        Self { path, rows, metric, factor: prepared.scale.unit, power }
    }

    /// For p = 1, where by the triangle inequality no source beats the point before.
    pub(crate) fn steps(&self, chain: &mut Chain) {
        chain.reset(self.len());
        for j in 1..self.len() {
            chain.term[j] = self.distance(j - 1, j);
            chain.value[j] = chain.value[j - 1] + chain.term[j];
            chain.source[j] = (j - 1) as u32;
        }
    }

    /// Divides all distances by one that is attained, at least half the diameter; for huge
    /// exponents by the diameter. Returns it.
    pub(crate) fn rescale(&mut self, p: f64) -> f64 {
        let farthest = |i: usize| (0..self.len()).map(|j| self.distance(i, j)).fold(0.0, f64::max);
        let sigma = if p <= HUGE_EXPONENT {
            farthest(0)
        } else {
            (0..self.len()).map(farthest).fold(0.0, f64::max)
        };
        self.factor /= sigma;
        sigma
    }

    #[inline(always)]
    fn row(&self, i: usize) -> &[T] {
        self.path.row(self.rows.map_or(i, |rows| rows[i] as usize))
    }
}

impl<T: Scalar> Space for PathSpace<'_, '_, T> {
    fn len(&self) -> usize {
        self.rows.map_or(self.path.len(), <[u32]>::len)
    }

    #[inline]
    fn distance(&self, i: usize, j: usize) -> f64 {
        self.metric.distance(self.row(i), self.row(j)) * self.factor
    }

    #[inline]
    fn power(&self, distance: f64) -> f64 {
        self.power.of(distance)
    }

    #[inline]
    fn term(&self, i: usize, j: usize) -> f64 {
        if self.metric == Metric::Euclidean {
            // Of squares, so that at p = 2 a tie on a lattice stays one.
            let square = squared_distance(self.row(i), self.row(j));
            return self.power.of_square(square * (self.factor * self.factor));
        }
        self.power(self.distance(i, j))
    }
}
