//! The recursion over a matrix of distances.

use super::Distances;
use crate::chain::{Chain, of_rows};
use crate::error::Error;
use crate::evaluate::{Unscale, sum_of_powers};
use crate::path::Scalar;
use crate::power::{LARGE_EXPONENT, Power};
use crate::scale::{exponent_of, load_exponent, power_of_two};
use crate::simd::{Level, Vector, Work};
use crate::variation::{Solution, check_exponent};

/// Largest distances within 2^±300 are summed as they are: their squares stay within 2^±600.
const MODERATE: i32 = 300;

impl<T: Scalar> Distances<'_, T> {
    /// The p-variation of the points, with one partition that attains it.
    ///
    /// # Errors
    /// A bad exponent, or an interruption: `proceed` is asked now and then and stops the work by
    /// returning false.
    pub fn solve(&self, p: f64, proceed: &dyn Fn() -> bool) -> Result<Solution, Error> {
        self.solve_with(Level::detect(), p, proceed)
    }

    /// As [`Distances::solve`], with the given instructions.
    ///
    /// # Errors
    /// As [`Distances::solve`].
    pub fn solve_with(
        &self,
        level: Level,
        p: f64,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Solution, Error> {
        check_exponent(p)?;
        if self.largest == 0.0 {
            return Ok(Solution::constant(self.len));
        }
        let rows = self.distinct();
        let recursion = Recursion::new(self, rows.as_deref(), level, p);
        let partition = of_rows(recursion.chain(proceed)?.partition(), rows.as_deref(), self.len);
        let exponent = recursion.exponent;
        let moderate = exponent.abs() < MODERATE;
        let term = |edge: &[usize]| {
            let distance = self.row(edge[1])[edge[0]].widen();
            if moderate { distance } else { load_exponent(distance, -exponent) }
        };
        let terms = partition.windows(2).map(term).collect();
        let unscale = if moderate { 0 } else { exponent };
        let (value, norm) = sum_of_powers(terms, false, p, unscale, level);
        Ok(Solution { value, norm, partition })
    }

    /// V_j for every j: the p-variation of the points up to j.
    ///
    /// # Errors
    /// As [`Distances::solve`].
    pub fn prefix(&self, p: f64, proceed: &dyn Fn() -> bool) -> Result<Vec<f64>, Error> {
        check_exponent(p)?;
        if self.largest == 0.0 {
            return Ok(vec![0.0; self.len]);
        }
        let rows = self.distinct();
        let recursion = Recursion::new(self, rows.as_deref(), Level::detect(), p);
        let chain = recursion.chain(proceed)?;
        let unscale = Unscale::new(recursion.exponent, recursion.sigma, p);
        Ok(unscale.prefixes(&chain, rows.as_deref(), self.len))
    }
}

/// The distances of the distinct points, multiplied by 2^-`exponent` and divided by `sigma`.
struct Recursion<'a, 'b, T> {
    distances: &'a Distances<'b, T>,
    rows: Option<&'a [u32]>,
    level: Level,
    power: Power,
    exponent: i32,
    sigma: f64,
}

impl<'a, 'b, T: Scalar> Recursion<'a, 'b, T> {
    fn new(distances: &'a Distances<'b, T>, rows: Option<&'a [u32]>, level: Level, p: f64) -> Self {
        let exponent = exponent_of(distances.largest) + 1;
        // Any two points belong to a partition: the largest distance bounds the norm from below.
        let relative = p > LARGE_EXPONENT;
        let sigma = if relative { load_exponent(distances.largest, -exponent) } else { 1.0 };
        Self { distances, rows, level, power: Power::new(p), exponent, sigma }
    }

    fn chain(&self, proceed: &dyn Fn() -> bool) -> Result<Chain, Error> {
        let len = self.rows.map_or(self.distances.len, <[u32]>::len);
        let mut chain = Chain::default();
        chain.reset(len);
        let (mut lengths, mut terms) = (vec![0.0; len], vec![0.0; len]);
        for j in 1..len {
            if j % 64 == 0 && !proceed() {
                return Err(Error::Interrupted);
            }
            self.read(j, &mut lengths[..j]);
            let (lengths, terms, values) = (&lengths[..j], &mut terms[..j], &chain.value[..j]);
            let best = Best { lengths, terms: &mut *terms, values, power: self.power };
            let source = self.level.run(best);
            chain.term[j] = terms[source];
            chain.value[j] = chain.value[source] + terms[source];
            chain.source[j] = source as u32;
        }
        Ok(chain)
    }

    /// The scaled distances of point `j` from those before it.
    fn read(&self, j: usize, lengths: &mut [f64]) {
        let half = power_of_two(-self.exponent / 2);
        let rest = power_of_two(-self.exponent - -self.exponent / 2);
        let scaled = |x: T| x.widen() * half * rest / self.sigma;
        let Some(rows) = self.rows else {
            let row = self.distances.row(j);
            lengths.iter_mut().zip(row).for_each(|(length, &x)| *length = scaled(x));
            return;
        };
        let row = self.distances.row(rows[j] as usize);
        lengths.iter_mut().zip(rows).for_each(|(length, &i)| *length = scaled(row[i as usize]));
    }
}

/// Finds the latest source that attains the maximum, and leaves the powers of the lengths.
struct Best<'a> {
    lengths: &'a [f64],
    terms: &'a mut [f64],
    values: &'a [f64],
    power: Power,
}

impl Work for Best<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self) -> usize {
        let Self { lengths, terms, values, power } = self;
        terms.copy_from_slice(lengths);
        power.of_all(terms);
        for (term, &length) in terms.iter_mut().zip(lengths) {
            // Where the power is a series that of zero is a tiny number.
            *term = if length == 0.0 { 0.0 } else { *term };
        }
        let mut tops = [0.0_f64; 8];
        let ((term_lines, term_rest), (value_lines, value_rest)) =
            (terms.as_chunks::<8>(), values.as_chunks::<8>());
        for (term, value) in term_lines.iter().zip(value_lines) {
            for k in 0..8 {
                let sum = value[k] + term[k];
                tops[k] = if sum > tops[k] { sum } else { tops[k] };
            }
        }
        let rest = term_rest.iter().zip(value_rest).map(|(term, value)| value + term);
        let best = rest.chain(tops).fold(0.0, f64::max);
        (0..terms.len()).rfind(|&i| values[i] + terms[i] == best).unwrap_or(0)
    }
}
