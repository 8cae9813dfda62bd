//! Paths in R, where order helps.
//!
//! Only local extrema matter, since |a + b|^p >= |a|^p + |b|^p for a, b of one sign. Of four
//! successive extrema the middle two can go as soon as the edge between the outer ones is worth
//! their three edges: any partition using them is improved by leaving them out. (Its neighbours lie
//! beyond the outer ones, and the gain from joining grows with them.) What is left is solved by the
//! recursion, in which a source of j is a strongest extremum on its way back from j, and none
//! beyond the last extremum that surpasses j itself.

use crate::error::Error;
use crate::path::Scalar;
use crate::power::Power;
use crate::simd::{Level, Vector, Work};

/// Memory for the work on one path.
#[derive(Debug, Default)]
pub struct LineSolver {
    /// Extrema, then those left after joining.
    points: Vec<f64>,
    indices: Vec<u32>,
    /// Power of the edge that ends at each point.
    edges: Vec<f64>,
    value: Vec<f64>,
    source: Vec<u32>,
    /// The last earlier extremum of the same kind that is at least as strong; `NONE` if there is
    /// none.
    surpassed: Vec<u32>,
    /// The strongest extremum of the other kind since then.
    opposite: Vec<f64>,
}

const NONE: u32 = u32::MAX;

impl LineSolver {
    /// The indices of a maximising partition of `path`, which has at least two points and is not
    /// constant; `factor` times its differences must have finite powers.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `proceed` returns false.
    pub fn solve<T: Scalar>(
        &mut self,
        level: Level,
        path: &[T],
        factor: f64,
        power: Power,
        proceed: &dyn Fn() -> bool,
    ) -> Result<Vec<usize>, Error> {
        if !level.run(Extrema { path, factor, solver: self }) {
            self.extrema_with_plateaus(path, factor);
        }
        level.run(Edges { power, solver: self });
        self.join(power);
        if !proceed() {
            return Err(Error::Interrupted);
        }
        self.recursion(power, proceed)?;
        Ok(self.partition())
    }

    /// The extrema of a path in which points repeat: those of the path without repetitions.
    fn extrema_with_plateaus<T: Scalar>(&mut self, path: &[T], factor: f64) {
        self.points.clear();
        self.indices.clear();
        for (i, x) in path.iter().enumerate() {
            let x = x.widen() * factor;
            let len = self.points.len();
            if len > 0 && self.points[len - 1] == x {
                continue;
            }
            if len > 1
                && (self.points[len - 2] < self.points[len - 1]) == (self.points[len - 1] < x)
            {
                self.points[len - 1] = x;
                self.indices[len - 1] = i as u32;
                continue;
            }
            self.points.push(x);
            self.indices.push(i as u32);
        }
        // A path that ends on a plateau ends at its last point.
        if let Some(last) = self.indices.last_mut() {
            *last = path.len() as u32 - 1;
        }
    }

    /// Removes the middle two of four successive points while the outer edge is worth the three
    /// edges between them.
    fn join(&mut self, power: Power) {
        let mut len = 0;
        for k in 0..self.points.len() {
            self.points[len] = self.points[k];
            self.indices[len] = self.indices[k];
            self.edges[len] = self.edges[k];
            len += 1;
            while len >= 4 {
                let [a, b, c, d] = [4, 3, 2, 1].map(|back| self.points[len - back]);
                let (first, middle, last) = ((b - a).abs(), (c - b).abs(), (d - c).abs());
                if middle >= first || middle >= last {
                    break;
                }
                // At p = 2 the question is whether this is positive; every larger p says yes if
                // p = 2 does, and every smaller one no if p = 2 does.
                let square = first * last - middle * (first + last);
                let p = power.exponent();
                if square < 0.0 && p <= 2.0 {
                    break;
                }
                let edges = self.edges[len - 3] + self.edges[len - 2] + self.edges[len - 1];
                let joined = power.of((d - a).abs());
                if joined < edges && !(p >= 2.0 && square > 0.0) {
                    break;
                }
                self.points[len - 3] = d;
                self.indices[len - 3] = self.indices[len - 1];
                self.edges[len - 3] = joined;
                len -= 2;
            }
        }
        self.points.truncate(len);
        self.indices.truncate(len);
        self.edges.truncate(len);
    }

    fn recursion(&mut self, power: Power, proceed: &dyn Fn() -> bool) -> Result<(), Error> {
        let len = self.points.len();
        self.value.clear();
        self.value.resize(len, 0.0);
        self.source.clear();
        self.source.resize(len, 0);
        self.surpassed.clear();
        self.surpassed.resize(len, NONE);
        self.opposite.clear();
        self.opposite.resize(len, 0.0);
        for j in 1..len {
            if j % 4096 == 0 && !proceed() {
                return Err(Error::Interrupted);
            }
            self.look_back(j);
            self.best_source(j, power);
        }
        Ok(())
    }

    /// Finds what surpasses j, and the strongest opposite extremum since.
    #[inline]
    fn look_back(&mut self, j: usize) {
        let up = self.points[j] > self.points[j - 1];
        let mut opposite = self.points[j - 1];
        let mut at = if j >= 2 { j as u32 - 2 } else { NONE };
        while at != NONE {
            let k = at as usize;
            let surpasses = if up {
                self.points[k] >= self.points[j]
            } else {
                self.points[k] <= self.points[j]
            };
            if surpasses {
                break;
            }
            let since = if k == 0 { opposite } else { self.opposite[k] };
            opposite = if up { opposite.min(since) } else { opposite.max(since) };
            at = self.surpassed[k];
        }
        self.surpassed[j] = at;
        self.opposite[j] = opposite;
    }

    #[inline]
    fn best_source(&mut self, j: usize, power: Power) {
        let here = self.points[j];
        let mut source = j - 1;
        let mut best = self.value[j - 1] + self.edges[j];
        // Nothing surpassing j may lie between a source and j.
        let end = self.surpassed[j];
        let alive = |i: u32| i != NONE && (end == NONE || i > end);
        let mut at = self.surpassed[j - 1];
        if alive(at) {
            let farthest = power.of((here - self.opposite[j]).abs());
            while alive(at) {
                let i = at as usize;
                if self.value[i] + farthest <= best {
                    break;
                }
                let value = self.value[i] + power.of((here - self.points[i]).abs());
                if value > best {
                    (source, best) = (i, value);
                }
                at = self.surpassed[i];
            }
        }
        self.value[j] = best;
        self.source[j] = source as u32;
    }

    fn partition(&self) -> Vec<usize> {
        let mut at = self.source.len() - 1;
        let mut partition = vec![self.indices[at] as usize];
        while at > 0 {
            at = self.source[at] as usize;
            partition.push(self.indices[at] as usize);
        }
        partition.reverse();
        partition
    }
}

/// Collects the local extrema, ends included; false if a point repeats the one before.
struct Extrema<'a, T> {
    path: &'a [T],
    factor: f64,
    solver: &'a mut LineSolver,
}

impl<T: Scalar> Work for Extrema<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<V: Vector>(self) -> bool {
        let Self { path, factor, solver } = self;
        let last = path.len() - 1;
        solver.points.resize(path.len(), 0.0);
        solver.indices.resize(path.len(), 0);
        let (points, indices) = (&mut solver.points, &mut solver.indices);
        points[0] = path[0].widen() * factor;
        indices[0] = 0;
        let mut len = 1;
        let mut repeats = path[1].widen() == path[0].widen();
        let mut rising = path[1].widen() > path[0].widen();
        for (i, pair) in path[1..].windows(2).enumerate() {
            // Without a branch: every point is written, and only turns are kept.
            let (here, next) = (pair[0].widen(), pair[1].widen());
            let rises = next > here;
            repeats |= next == here;
            points[len] = here * factor;
            indices[len] = i as u32 + 1;
            len += usize::from(rises != rising);
            rising = rises;
        }
        points[len] = path[last].widen() * factor;
        indices[len] = last as u32;
        points.truncate(len + 1);
        indices.truncate(len + 1);
        !repeats
    }
}

/// Powers of the edges between successive extrema.
struct Edges<'a> {
    power: Power,
    solver: &'a mut LineSolver,
}

impl Work for Edges<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        let LineSolver { points, edges, .. } = self.solver;
        edges.clear();
        edges.push(0.0);
        edges.extend(points.windows(2).map(|pair| (pair[1] - pair[0]).abs()));
        self.power.of_all(edges);
    }
}
