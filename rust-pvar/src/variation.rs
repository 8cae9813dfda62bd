//! The public questions: value, norm, partition and prefixes of a path's p-variation.

use crate::chain::Chain;
use crate::error::Error;
use crate::euclid::{self, Points, mirror::Mirror};
use crate::metric::{Metric, squared_distance};
use crate::path::{PathView, Scalar};
use crate::power::Power;
use crate::radius;
use crate::scale::{Scale, distinct_rows, load_exponent};
use crate::simd::Level;
use crate::sum::Compensated;

/// Above this exponent powers are taken relative to an attained distance.
const LARGE_EXPONENT: f64 = 64.0;
/// Below this dimension a distance is cheaper than a mirror.
const MIRRORED: usize = 8;
/// Above this one, relative to the diameter.
const HUGE_EXPONENT: f64 = 900.0;

/// The p-variation of a path, with one partition that attains it.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// V_p: the largest sum of p-th powers of distances. Overflows to infinity, or underflows to
    /// zero, where V_p is out of the range of numbers.
    pub value: f64,
    /// V_p^(1/p), computed from scaled distances: finite whenever the distances are.
    pub norm: f64,
    /// Indices of a maximising partition, first and last point included. Of several sources of
    /// equal value the latest is taken at each point; repeated points appear once.
    pub partition: Vec<usize>,
}

/// Computes p-variations, reusing its memory from one path to the next.
#[derive(Debug, Default)]
pub struct Solver {
    level: Option<Level>,
    chain: Chain,
    mirror: Mirror,
}

/// Checks an exponent.
///
/// # Errors
/// [`Error::Exponent`] unless `p` is a finite number of at least one.
pub fn check_exponent(p: f64) -> Result<(), Error> {
    if p.is_finite() && p >= 1.0 { Ok(()) } else { Err(Error::Exponent(p)) }
}

impl Solver {
    /// A solver without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A solver that uses the given instructions instead of the best that the processor has.
    #[must_use]
    pub fn with_level(level: Level) -> Self {
        Self { level: Some(level), ..Self::default() }
    }

    /// The p-variation of `path`.
    ///
    /// # Errors
    /// A bad exponent, or an interruption: `proceed` is asked now and then and stops the work by
    /// returning false.
    pub fn solve<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        p: f64,
        metric: Metric,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Solution, Error> {
        check_exponent(p)?;
        let (scale, copy) = Scale::measure(path);
        match copy {
            Some(copy) => {
                let view = PathView::new(&copy, path.len(), path.dim())?;
                self.solve_scaled(&view, p, metric, scale, proceed)
            }
            None => self.solve_scaled(path, p, metric, scale, proceed),
        }
    }

    /// V_j for every j: the p-variation of the path up to point j.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn prefix<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        p: f64,
        metric: Metric,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, Error> {
        check_exponent(p)?;
        let (scale, copy) = Scale::measure(path);
        match copy {
            Some(copy) => {
                let view = PathView::new(&copy, path.len(), path.dim())?;
                self.prefix_scaled(&view, p, metric, scale, proceed)
            }
            None => self.prefix_scaled(path, p, metric, scale, proceed),
        }
    }

    /// The norms V_p^(1/p) for several exponents.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn profile<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        exponents: &[f64],
        metric: Metric,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, Error> {
        let norm = |&p: &f64| self.solve(path, p, metric, proceed).map(|solution| solution.norm);
        exponents.iter().map(norm).collect()
    }

    fn solve_scaled<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        p: f64,
        metric: Metric,
        scale: Scale,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Solution, Error> {
        let last = path.len() - 1;
        if scale.constant {
            let partition = if last == 0 { vec![0] } else { vec![0, last] };
            return Ok(Solution { value: 0.0, norm: 0.0, partition });
        }
        let rows = distinct_rows(path);
        self.recursion(path, rows.as_deref(), p, metric, scale, proceed)?;
        let mut partition = self.chain.partition();
        if let Some(rows) = &rows {
            partition.iter_mut().for_each(|i| *i = rows[*i] as usize);
            *partition.last_mut().expect("a partition has points") = last;
        }
        let (value, norm) = evaluate(path, &partition, p, metric, scale);
        Ok(Solution { value, norm, partition })
    }

    fn prefix_scaled<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        p: f64,
        metric: Metric,
        scale: Scale,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, Error> {
        if scale.constant {
            return Ok(vec![0.0; path.len()]);
        }
        let rows = distinct_rows(path);
        let sigma = self.recursion(path, rows.as_deref(), p, metric, scale, proceed)?;
        let values = self.chain.accurate_values();
        let back = |v: f64| {
            let norm = Power::new(p).root(v) * sigma;
            let direct = v * load_exponent(1.0, scale.exponent).powf(p) * sigma.powf(p);
            if p <= 8.0 && direct.is_normal() {
                direct
            } else {
                load_exponent(norm, scale.exponent).powf(p)
            }
        };
        let Some(rows) = rows else { return Ok(values.into_iter().map(back).collect()) };
        let mut prefix = vec![0.0; path.len()];
        for (k, &start) in rows.iter().enumerate() {
            let end = rows.get(k + 1).map_or(path.len(), |&next| next as usize);
            prefix[start as usize..end].fill(back(values[k]));
        }
        Ok(prefix)
    }

    /// Fills the chain of the distinct rows; its values are sums of (scaled distance / sigma)^p,
    /// and sigma is returned.
    fn recursion<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        rows: Option<&[u32]>,
        p: f64,
        metric: Metric,
        scale: Scale,
        proceed: &dyn Fn() -> bool,
    ) -> Result<f64, Error> {
        let mut space = PathSpace { path, rows, metric, factor: scale.unit, power: Power::new(p) };
        let sigma = if p <= LARGE_EXPONENT { 1.0 } else { space.attained_distance(p) };
        space.factor /= sigma;
        if p == 1.0 {
            self.chain.reset(radius::Space::len(&space));
            for j in 1..radius::Space::len(&space) {
                let term = radius::Space::distance(&space, j - 1, j);
                self.chain.term[j] = term;
                self.chain.value[j] = self.chain.value[j - 1] + term;
                self.chain.source[j] = (j - 1) as u32;
            }
        } else if metric == Metric::Euclidean && p <= LARGE_EXPONENT && path.dim() >= MIRRORED {
            let level = *self.level.get_or_insert_with(Level::detect);
            let points = Points { path, rows, unit: scale.unit };
            euclid::prepare(level, points, &mut self.mirror);
            euclid::solve(level, points, &self.mirror, space.power, &mut self.chain, proceed)?;
        } else {
            radius::solve(&space, &mut self.chain, proceed)?;
        }
        Ok(sigma)
    }
}

/// The rows of a path with a metric, scaled.
struct PathSpace<'a, 'b, T> {
    path: &'a PathView<'b, T>,
    rows: Option<&'a [u32]>,
    metric: Metric,
    factor: f64,
    power: Power,
}

impl<T: Scalar> PathSpace<'_, '_, T> {
    fn row(&self, i: usize) -> &[T] {
        self.path.row(self.rows.map_or(i, |rows| rows[i] as usize))
    }

    /// A distance between two points of the path, at least half the diameter; beyond
    /// [`HUGE_EXPONENT`] the diameter itself.
    fn attained_distance(&self, p: f64) -> f64 {
        let len = radius::Space::len(self);
        let farthest =
            |i: usize| (0..len).map(|j| radius::Space::distance(self, i, j)).fold(0.0, f64::max);
        if p <= HUGE_EXPONENT { farthest(0) } else { (0..len).map(farthest).fold(0.0, f64::max) }
    }
}

impl<T: Scalar> radius::Space for PathSpace<'_, '_, T> {
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
}

/// Value and norm along a partition, by a compensated sum of terms from the path itself.
fn evaluate<T: Scalar>(
    path: &PathView<'_, T>,
    partition: &[usize],
    p: f64,
    metric: Metric,
    scale: Scale,
) -> (f64, f64) {
    let power = Power::new(p);
    // Euclidean distances stay squared where the power allows it.
    let squared = metric == Metric::Euclidean && p == 2.0;
    let terms: Vec<f64> = partition
        .windows(2)
        .map(|edge| {
            let (a, b) = (path.row(edge[0]), path.row(edge[1]));
            if squared { squared_distance(a, b) } else { metric.distance(a, b) }
        })
        .collect();
    let longest = terms.iter().copied().fold(0.0, f64::max);
    let raise = |x: f64| if squared { x } else { power.of(x) };
    let unscale = scale.exponent + exponent_of_unit(scale.unit);
    let top = raise(longest);
    if unscale == 0 && top < 1e280 && top > 1e-280 {
        let value = terms.iter().map(|&x| raise(x)).collect::<Compensated>().value();
        return (value, power.root(value));
    }
    let ratio = |x: f64| if squared { x / longest } else { power.of(x / longest) };
    let sum = terms.iter().map(|&x| ratio(x)).collect::<Compensated>().value();
    let longest = if squared { longest.sqrt() } else { longest };
    let norm = load_exponent(longest * power.root(sum), unscale);
    (power.of(norm), norm)
}

/// log2 of a unit, which is a power of two.
fn exponent_of_unit(unit: f64) -> i32 {
    crate::scale::exponent_of(unit)
}
