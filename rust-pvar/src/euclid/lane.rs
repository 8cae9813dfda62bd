//! One exponent's share of the work on a block: thresholds, candidates, final values.

use super::mirror::{BLOCK, LEAF, Margin};
use super::points::Points;
use crate::chain::Chain;
use crate::path::Scalar;
use crate::power::{Power, SKETCH_ERROR};
use crate::simd::LANES;

/// Lowers a lower bound until it stays below the value it stands for, however both were rounded.
pub(super) const BELOW: f64 = 1.0 - 1e-13;

/// Blocks of targets that are surveyed together.
pub(super) const GROUP: usize = 16;
/// Source blocks that are surveyed together.
pub(super) const SOURCES: usize = 8;

/// A source that may attain V_j.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    source: u32,
    /// Index of the next candidate of the same target, plus one.
    next: u32,
    /// No smaller than V_source + d^p.
    bound: f64,
}

/// Bounds of d(i, j)^p within the block, `[j][i]`.
type Square = Box<[[f64; BLOCK]; BLOCK]>;

/// One exponent of the recursion.
#[derive(Clone, Debug)]
pub struct Lane {
    pub(super) power: Power,
    pub(super) chain: Chain,
    /// Below V_j strictly, unless no source but j - 1 attains it.
    pub(super) threshold: [f64; BLOCK],
    /// Minus infinity where i is out of question.
    upper: Square,
    lower: Square,
    /// The leaves a whose edges to leaf b of the block may matter: bit 4 b + a.
    pub(super) inside: u16,
    candidates: Vec<Candidate>,
    /// First candidate of each target, plus one.
    first: [u32; BLOCK],
    /// Sums of the powers of the steps within the block.
    pub(super) steps: [f64; BLOCK],
    /// Whether the search still goes on.
    pub(super) open: bool,
    /// Targets still alive in the present pair of blocks.
    pub(super) alive: u64,
    /// Targets of the group of blocks at work that a survey left alive, for each source block.
    pub(super) surveyed: Vec<[u64; GROUP]>,
    /// Thresholds of the group's blocks in the survey, and whether it still goes on.
    pub(super) outlook: Box<[[f64; BLOCK]; GROUP]>,
    pub(super) watching: [bool; GROUP],
}

impl Lane {
    /// A lane without memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            power: Power::new(1.0),
            chain: Chain::default(),
            threshold: [0.0; BLOCK],
            upper: Box::new([[f64::NEG_INFINITY; BLOCK]; BLOCK]),
            lower: Box::new([[0.0; BLOCK]; BLOCK]),
            inside: 0,
            candidates: Vec::new(),
            first: [0; BLOCK],
            steps: [0.0; BLOCK],
            open: false,
            alive: 0,
            surveyed: Vec::new(),
            outlook: Box::new([[0.0; BLOCK]; GROUP]),
            watching: [false; GROUP],
        }
    }

    /// The outcome.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Makes ready for a path with the given squares of steps.
    #[inline(always)]
    pub(super) fn reset(&mut self, power: Power, steps: &[f64]) {
        self.power = power;
        self.chain.reset(steps.len());
        for (term, &square) in self.chain.term.iter_mut().zip(steps) {
            *term = power.of_square(square);
        }
        self.upper.iter_mut().for_each(|row| row.fill(f64::NEG_INFINITY));
        self.lower.iter_mut().for_each(|row| row.fill(0.0));
        self.inside = 0;
        self.surveyed.clear();
    }

    /// Starts on the block of targets `from..to`.
    #[inline(always)]
    pub(super) fn enter(&mut self, from: usize, to: usize) {
        self.candidates.clear();
        self.first = [0; BLOCK];
        self.threshold = [f64::INFINITY; BLOCK];
        self.steps = [0.0; BLOCK];
        for k in 1..to - from {
            self.steps[k] = self.steps[k - 1] + self.chain.term[from + k];
        }
    }

    /// An upper bound for the power of a distance whose square is at most `square`.
    #[inline(always)]
    pub(super) fn bound(&self, square: f64) -> f64 {
        let mut one = [square];
        self.power.sketch_squares(&mut one);
        one[0] * (1.0 + SKETCH_ERROR)
    }

    /// Lower bounds for the powers of distances whose squares are at least the given ones.
    #[inline(always)]
    pub(super) fn lower_bounds(&self, squares: &mut [f64]) {
        squares.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 });
        self.power.sketch_squares(squares);
        // The sketch of zero is positive, though tiny.
        squares.iter_mut().for_each(|x| *x = *x * (1.0 - SKETCH_ERROR) - 1e-140);
    }

    /// Forgets the edges from leaf `a` to leaf `b` of the block.
    #[inline(always)]
    pub(super) fn drop_inside(&mut self, a: usize, b: usize) {
        let bit = 1 << (4 * b + a);
        if self.inside & bit != 0 {
            self.inside &= !bit;
            for target in b * LEAF..(b + 1) * LEAF {
                self.upper[target][a * LEAF..(a + 1) * LEAF].fill(f64::NEG_INFINITY);
                self.lower[target][a * LEAF..(a + 1) * LEAF].fill(0.0);
            }
        }
    }

    /// Bounds the edges from leaf `a` to leaf `b` of the block by the squares of their lengths.
    #[inline(always)]
    pub(super) fn fill_inside(
        &mut self,
        a: usize,
        b: usize,
        squares: &[[f32; LANES]; LANES],
        margin: Margin,
        rounding: f64,
    ) {
        self.inside |= 1 << (4 * b + a);
        for (k, squares) in squares.iter().enumerate() {
            let sources = a * LEAF..(a + 1) * LEAF;
            let mut lower = [0.0_f64; LEAF];
            let mut upper = [0.0_f64; LEAF];
            for i in 0..LEAF {
                upper[i] = margin.upper(f64::from(squares[i]), rounding);
                lower[i] = margin.lower(f64::from(squares[i]), rounding);
            }
            self.power.sketch_squares(&mut upper);
            upper.iter_mut().for_each(|x| *x *= 1.0 + SKETCH_ERROR);
            self.lower_bounds(&mut lower);
            self.upper[b * LEAF + k][sources.clone()].copy_from_slice(&upper);
            self.lower[b * LEAF + k][sources].copy_from_slice(&lower);
        }
    }

    /// Turns lower bounds from outside the block into thresholds, by way of the edges inside.
    #[inline(always)]
    pub(super) fn settle(&mut self, bounds: &mut [f64; BLOCK], from: usize, to: usize) {
        for k in 0..to - from {
            let j = from + k;
            if j == 0 {
                bounds[0] = 0.0;
                self.threshold[0] = 0.0;
                continue;
            }
            let before = if k == 0 { self.chain.value[j - 1] } else { bounds[k - 1] };
            let mut best = bounds[k].max(before + self.chain.term[j]);
            if self.inside != 0 {
                let row = &self.lower[k];
                let mut lanes = [0.0_f64; 8];
                for (i, (bound, lower)) in bounds[..k].iter().zip(row).enumerate() {
                    let value = bound + lower;
                    lanes[i % 8] = if value > lanes[i % 8] { value } else { lanes[i % 8] };
                }
                best = lanes.into_iter().fold(best, f64::max);
            }
            bounds[k] = best;
            self.threshold[k] = best * BELOW;
        }
    }

    /// The targets whose threshold lies below `bound`, as bits.
    #[inline(always)]
    pub(super) fn below(&self, bound: f64) -> u64 {
        let mut alive = 0_u64;
        for (k, &threshold) in self.threshold.iter().enumerate() {
            alive |= u64::from(threshold < bound) << k;
        }
        alive
    }

    /// Notes source `i` of target `k`, at a distance of the given square, if it may attain V.
    #[inline(always)]
    pub(super) fn consider(
        &mut self,
        k: usize,
        i: usize,
        square: f64,
        margin: Margin,
        rounding: f64,
    ) {
        let value = self.chain.value[i];
        let bound = value + self.bound(margin.upper(square, rounding));
        if bound > self.threshold[k] {
            let mut least = [margin.lower(square, rounding)];
            self.lower_bounds(&mut least);
            self.threshold[k] = self.threshold[k].max((value + least[0]) * BELOW);
            let next = self.first[k];
            self.candidates.push(Candidate { source: i as u32, next, bound });
            self.first[k] = self.candidates.len() as u32;
        }
    }

    /// The values of the block `from..to`, in order: candidates in double precision.
    #[inline(always)]
    pub(super) fn close<T: Scalar>(&mut self, from: usize, to: usize, points: &Points<'_, '_, T>) {
        for k in 0..to - from {
            let j = from + k;
            if j == 0 {
                continue;
            }
            let mut best = Best::step(&self.chain, j);
            let mut threshold = self.threshold[k].max(best.value);
            let mut hits = if self.inside == 0 { 0 } else { self.hits(from, k, threshold) };
            while hits != 0 {
                let i = 63 - hits.leading_zeros() as usize;
                hits &= !(1 << i);
                let value = self.chain.value[from + i];
                if value + self.upper[k][i] > threshold {
                    let term = self.power.of_square(points.square(from + i, j));
                    best.offer(value + term, from + i, term);
                    threshold = threshold.max(best.value);
                }
            }
            let mut next = self.first[k];
            while next != 0 {
                let candidate = self.candidates[next as usize - 1];
                next = candidate.next;
                if candidate.bound > threshold {
                    let i = candidate.source as usize;
                    let term = self.power.of_square(points.square(i, j));
                    best.offer(self.chain.value[i] + term, i, term);
                    threshold = threshold.max(best.value);
                }
            }
            self.chain.value[j] = best.value;
            self.chain.term[j] = best.term;
            self.chain.source[j] = best.source as u32;
        }
    }

    /// The sources of target `k` within the block whose bound beats `threshold`, but the last.
    #[inline(always)]
    fn hits(&self, from: usize, k: usize, threshold: f64) -> u64 {
        let mut hits = 0_u64;
        let count = k.saturating_sub(1);
        let values = &self.chain.value[from..from + count];
        for (i, (value, upper)) in values.iter().zip(&self.upper[k]).enumerate() {
            hits |= u64::from(value + upper > threshold) << i;
        }
        hits
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self::new()
    }
}

/// The best source so far: the largest value, of equal ones the latest source.
struct Best {
    value: f64,
    source: usize,
    term: f64,
}

impl Best {
    #[inline(always)]
    fn step(chain: &Chain, j: usize) -> Self {
        let term = chain.term[j];
        Self { value: chain.value[j - 1] + term, source: j - 1, term }
    }

    #[inline(always)]
    fn offer(&mut self, value: f64, source: usize, term: f64) {
        if value > self.value || (value == self.value && source > self.source) {
            *self = Self { value, source, term };
        }
    }
}
