//! The public questions: value, norm, partition and prefixes of a path's p-variation.

use crate::chain::{Chain, of_rows};
use crate::error::Error;
use crate::euclid::lane::Lane;
use crate::euclid::{self, Points};
use crate::evaluate::{Unscale, evaluate};
use crate::line::LineSolver;
use crate::metric::Metric;
use crate::path::{PathView, Scalar};
use crate::power::{LARGE_EXPONENT, Power};
use crate::prepared::{Prepared, Wanted};
use crate::radius;
use crate::simd::Level;
use crate::space::PathSpace;

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

impl Solution {
    /// That of `len` points at one place.
    pub(crate) fn constant(len: usize) -> Self {
        let partition = if len == 1 { vec![0] } else { vec![0, len - 1] };
        Self { value: 0.0, norm: 0.0, partition }
    }
}

/// Computes p-variations, reusing its memory from one path to the next.
#[derive(Debug, Default)]
pub struct Solver {
    level: Option<Level>,
    prepared: Prepared,
    lanes: Vec<Lane>,
    chain: Chain,
    line: LineSolver,
}

/// Checks an exponent.
///
/// # Errors
/// [`Error::Exponent`] unless `p` is a finite number of at least one.
pub fn check_exponent(p: f64) -> Result<(), Error> {
    if p.is_finite() && p >= 1.0 { Ok(()) } else { Err(Error::Exponent(p)) }
}

/// A question: a path made ready, and who may stop the work.
struct Question<'a, 'b, T> {
    path: &'a PathView<'b, T>,
    prepared: &'a Prepared,
    proceed: &'a dyn Fn() -> bool,
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
        let mut solutions = self.solve_all(path, &[p], metric, proceed)?;
        Ok(solutions.remove(0))
    }

    /// The p-variations of `path` for several exponents, in one pass.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn solve_all<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        exponents: &[f64],
        metric: Metric,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<Solution>, Error> {
        let real = path.dim() == 1;
        let wanted = Wanted {
            mirror: exponents.iter().any(|&p| needs_mirror(p)),
            rows: !real || exponents.contains(&1.0),
        };
        exponents.iter().try_for_each(|&p| check_exponent(p))?;
        self.fresh(path, wanted, metric, |solver, prepared| {
            solver.solve_prepared(path, prepared, exponents, proceed)
        })
    }

    /// The norms V_p^(1/p) for several exponents, in one pass.
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
        let solutions = self.solve_all(path, exponents, metric, proceed)?;
        Ok(solutions.into_iter().map(|solution| solution.norm).collect())
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
        let wanted = Wanted { mirror: needs_mirror(p), rows: true };
        check_exponent(p)?;
        self.fresh(path, wanted, metric, |solver, prepared| {
            solver.prefix_prepared(path, prepared, p, proceed)
        })
    }

    /// As [`Solver::solve_all`], for a path that was prepared before.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn solve_prepared<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        prepared: &Prepared,
        exponents: &[f64],
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<Solution>, Error> {
        exponents.iter().try_for_each(|&p| check_exponent(p))?;
        if prepared.scale.constant {
            return Ok(vec![Solution::constant(path.len()); exponents.len()]);
        }
        match prepared.copy_of(path) {
            Some(view) => self.answers(&Question { path: &view, prepared, proceed }, exponents),
            None => self.answers(&Question { path, prepared, proceed }, exponents),
        }
    }

    /// As [`Solver::prefix`], for a path that was prepared before.
    ///
    /// # Errors
    /// As [`Solver::solve`].
    pub fn prefix_prepared<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        prepared: &Prepared,
        p: f64,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, Error> {
        check_exponent(p)?;
        if prepared.scale.constant {
            return Ok(vec![0.0; path.len()]);
        }
        match prepared.copy_of(path) {
            Some(view) => self.prefixes(&Question { path: &view, prepared, proceed }, p),
            None => self.prefixes(&Question { path, prepared, proceed }, p),
        }
    }

    /// Prepares a path in this solver's memory and puts a question about it.
    fn fresh<T: Scalar, R>(
        &mut self,
        path: &PathView<'_, T>,
        wanted: Wanted,
        metric: Metric,
        ask: impl FnOnce(&mut Self, &Prepared) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let level = self.level();
        let mut prepared = std::mem::take(&mut self.prepared);
        prepared.refill(path, metric, wanted, level);
        let answer = ask(self, &prepared);
        self.prepared = prepared;
        answer
    }

    fn level(&mut self) -> Level {
        *self.level.get_or_insert_with(Level::detect)
    }

    fn answers<T: Scalar>(
        &mut self,
        question: &Question<'_, '_, T>,
        exponents: &[f64],
    ) -> Result<Vec<Solution>, Error> {
        let mirrored = self.mirrored(question, exponents)?;
        let level = self.level();
        let mut lane = 0;
        let mut solutions = Vec::with_capacity(exponents.len());
        for &p in exponents {
            if mirrored && needs_mirror(p) {
                solutions.push(solution(question, self.lanes[lane].chain(), p, level));
                lane += 1;
            } else if p == 1.0 {
                solutions.push(every_point(question, level));
            } else if question.path.dim() == 1 {
                solutions.push(self.on_line(question, p)?);
            } else {
                self.recursion(question, p)?;
                solutions.push(solution(question, &self.chain, p, level));
            }
        }
        Ok(solutions)
    }

    fn prefixes<T: Scalar>(
        &mut self,
        question: &Question<'_, '_, T>,
        p: f64,
    ) -> Result<Vec<f64>, Error> {
        let mirrored = self.mirrored(question, &[p])?;
        let sigma = if mirrored { 1.0 } else { self.recursion(question, p)? };
        let chain = if mirrored { self.lanes[0].chain() } else { &self.chain };
        let Question { path, prepared, .. } = question;
        let unscale = Unscale::new(prepared.scale.exponent, sigma, p);
        Ok(unscale.prefixes(chain, prepared.rows(), path.len()))
    }

    /// Fills the lanes of those exponents that go by the mirror; false if there are none.
    fn mirrored<T: Scalar>(
        &mut self,
        question: &Question<'_, '_, T>,
        exponents: &[f64],
    ) -> Result<bool, Error> {
        let Question { path, prepared, proceed } = *question;
        let Some(mirror) = prepared.mirror() else { return Ok(false) };
        let powers: Vec<Power> =
            exponents.iter().filter(|&&p| needs_mirror(p)).map(|&p| Power::new(p)).collect();
        let points = Points { path, rows: prepared.rows(), unit: prepared.scale.unit };
        let level = self.level();
        euclid::solve(level, points, mirror, &powers, &mut self.lanes, proceed)?;
        Ok(!powers.is_empty())
    }

    /// The solution for a path in R, where all metrics are one.
    fn on_line<T: Scalar>(
        &mut self,
        question: &Question<'_, '_, T>,
        p: f64,
    ) -> Result<Solution, Error> {
        let Question { path, prepared, proceed } = *question;
        let level = self.level();
        let unit = prepared.scale.unit;
        let factor = if p <= LARGE_EXPONENT {
            unit
        } else {
            let (low, high) = path
                .data()
                .iter()
                .map(|x| x.widen() * unit)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                    (low.min(x), high.max(x))
                });
            unit / (high - low)
        };
        let partition = self.line.solve(level, path.data(), factor, Power::new(p), proceed)?;
        let (value, norm) = evaluate(path, &partition, p, prepared.metric, prepared.scale, level);
        Ok(Solution { value, norm, partition })
    }

    /// Fills the chain without a mirror; its values are sums of (scaled distance / sigma)^p, and
    /// sigma is returned.
    fn recursion<T: Scalar>(
        &mut self,
        question: &Question<'_, '_, T>,
        p: f64,
    ) -> Result<f64, Error> {
        let Question { path, prepared, proceed } = *question;
        let mut space = PathSpace::new(path, prepared, Power::new(p));
        if p == 1.0 {
            space.steps(&mut self.chain);
            return Ok(1.0);
        }
        let sigma = if p <= LARGE_EXPONENT { 1.0 } else { space.rescale(p) };
        radius::solve(&space, &mut self.chain, proceed)?;
        Ok(sigma)
    }
}

/// Whether an exponent goes by the mirror, where there is one.
fn needs_mirror(p: f64) -> bool {
    p != 1.0 && p <= LARGE_EXPONENT
}

/// The solution that a chain stands for.
fn solution<T: Scalar>(
    question: &Question<'_, '_, T>,
    chain: &Chain,
    p: f64,
    level: Level,
) -> Solution {
    along(question, chain.partition(), p, level)
}

/// The solution for p = 1, where by the triangle inequality every point counts.
fn every_point<T: Scalar>(question: &Question<'_, '_, T>, level: Level) -> Solution {
    let len = question.prepared.rows().map_or(question.path.len(), <[u32]>::len);
    along(question, (0..len).collect(), 1.0, level)
}

/// The solution along a partition of the distinct points, summed anew.
fn along<T: Scalar>(
    question: &Question<'_, '_, T>,
    partition: Vec<usize>,
    p: f64,
    level: Level,
) -> Solution {
    let Question { path, prepared, .. } = question;
    let partition = of_rows(partition, prepared.rows(), path.len());
    let (value, norm) = evaluate(path, &partition, p, prepared.metric, prepared.scale, level);
    Solution { value, norm, partition }
}
