//! One block of targets: lower bounds, sources within the block, and the final values.

use super::Points;
use super::kernels;
use super::mirror::{BLOCK, LEAF, LEAVES, Mirror};
use crate::chain::Chain;
use crate::path::Scalar;
use crate::power::{Power, SKETCH_ERROR};
use crate::simd::{LANES, Line, Vector};

/// Sources outside the block that set lower bounds before the search: the last finished point and
/// its predecessors in its chain.
const ANCHORS: usize = 4;

/// Lowers a lower bound until it stays below the value it stands for, however both were rounded.
pub(super) const BELOW: f64 = 1.0 - 1e-13;

/// A source that may attain V_j.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    source: u32,
    /// Index of the next candidate of the same target, plus one.
    next: u32,
    /// No smaller than V_source + d^p.
    bound: f64,
}

/// The block of targets at work, with all its memory.
pub(super) struct Target<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) power: Power,
    pub(super) block: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    /// Below V_j strictly, unless no source but j - 1 attains it.
    pub(super) threshold: [f64; BLOCK],
    /// Bounds of d(i, j)^p within the block, `[j][i]`; minus infinity where i is out of question.
    upper: Box<[[f64; BLOCK]; BLOCK]>,
    lower: Box<[[f64; BLOCK]; BLOCK]>,
    candidates: Vec<Candidate>,
    /// First candidate of each target, plus one.
    first: [u32; BLOCK],
    pub(super) direction: Vec<Line>,
    pub(super) leaf_direction: Vec<Line>,
    pub(super) shifted: Vec<Line>,
    /// Largest reach of the blocks up to each.
    pub(super) farthest: Vec<f64>,
}

impl<'a> Target<'a> {
    #[inline(always)]
    pub(super) fn new(mirror: &'a Mirror, power: Power) -> Self {
        let mut farthest = mirror.reach.clone();
        for block in 1..farthest.len() {
            farthest[block] = farthest[block].max(farthest[block - 1]);
        }
        Self {
            mirror,
            power,
            block: 0,
            from: 0,
            to: 0,
            threshold: [0.0; BLOCK],
            upper: Box::new([[f64::NEG_INFINITY; BLOCK]; BLOCK]),
            lower: Box::new([[0.0; BLOCK]; BLOCK]),
            candidates: Vec::new(),
            first: [0; BLOCK],
            direction: vec![Line::ZERO; mirror.width],
            leaf_direction: vec![Line::ZERO; mirror.width],
            shifted: vec![Line::ZERO; LEAF * mirror.width],
            farthest,
        }
    }

    /// Starts on a block: distances inside it, and lower bounds for its values.
    #[inline(always)]
    pub(super) fn open<V: Vector>(&mut self, chain: &Chain, block: usize) {
        self.block = block;
        self.from = block * BLOCK;
        self.to = self.mirror.len.min(self.from + BLOCK);
        self.candidates.clear();
        self.first = [0; BLOCK];
        let inside = self.inside::<V>(chain);
        let mut bounds = [0.0_f64; BLOCK];
        if self.from > 0 {
            self.anchor::<V>(chain, &mut bounds);
        }
        for k in 0..self.to - self.from {
            let j = self.from + k;
            if j == 0 {
                continue;
            }
            let before = if k == 0 { chain.value[j - 1] } else { bounds[k - 1] };
            let mut best = bounds[k].max(before + chain.term[j]);
            if inside {
                let row = &self.lower[k];
                for i in 0..k {
                    let value = bounds[i] + row[i];
                    best = if value > best { value } else { best };
                }
            }
            bounds[k] = best;
        }
        for (threshold, bound) in self.threshold.iter_mut().zip(bounds) {
            *threshold = bound * BELOW;
        }
    }

    /// Bounds of the powers of distances within the block; false if none is needed.
    #[inline(always)]
    fn inside<V: Vector>(&mut self, chain: &Chain) -> bool {
        let mirror = self.mirror;
        let width = mirror.width;
        let mut sums = [0.0_f64; BLOCK + 1];
        for k in 1..self.to - self.from {
            sums[k] = sums[k - 1] + chain.term[self.from + k];
        }
        let rounding = mirror.margin.rounding(2.0 * mirror.radius[self.block]);
        let mut any = false;
        let mut squares = [[0.0_f32; LANES]; LANES];
        for b in 0..(self.to - self.from).div_ceil(LEAF) {
            for a in 0..=b {
                let needed = self.inside_needed::<V>(&sums, a, b);
                any |= needed;
                if needed {
                    let leaf_rows = |leaf: usize| {
                        let start = self.from + leaf * LEAF;
                        mirror.rows(start, start + LEAF)
                    };
                    kernels::tile::<V>(leaf_rows(a), leaf_rows(b), width, &mut squares);
                }
                for (k, squares) in squares.iter().enumerate() {
                    let target = b * LEAF + k;
                    let sources = a * LEAF..(a + 1) * LEAF;
                    let upper = &mut self.upper[target][sources.clone()];
                    let lower = &mut self.lower[target][sources];
                    if !needed {
                        upper.fill(f64::NEG_INFINITY);
                        lower.fill(0.0);
                        continue;
                    }
                    let margin = mirror.margin;
                    for i in 0..LEAF {
                        upper[i] = margin.upper(f64::from(squares[i]), rounding);
                        lower[i] = margin.lower(f64::from(squares[i]), rounding).max(0.0);
                    }
                    self.power.sketch_squares(upper);
                    self.power.sketch_squares(lower);
                    for i in 0..LEAF {
                        upper[i] *= 1.0 + SKETCH_ERROR;
                        lower[i] = lower[i] * (1.0 - SKETCH_ERROR) - 1e-140;
                    }
                }
            }
        }
        any
    }

    /// Whether an edge from leaf `a` to leaf `b` of this block can beat the steps between its ends.
    #[inline(always)]
    fn inside_needed<V: Vector>(&mut self, sums: &[f64; BLOCK + 1], a: usize, b: usize) -> bool {
        let mirror = self.mirror;
        let last = self.to - self.from - 1;
        let leaf = self.block * LEAVES;
        let (start, end) = (b * LEAF, (b * LEAF + LEAF - 1).min(last));
        let (gap, distance) = if a == b {
            let mut gap = f64::INFINITY;
            for k in start + 2..=end {
                gap = gap.min(sums[k] - sums[k - 2]);
            }
            (gap, 0.0)
        } else {
            let source = a * LEAF + LEAF - 1;
            let gap = if a + 1 == b {
                let before = sums[start] - sums[source - 1];
                if start < end { before.min(sums[start + 1] - sums[source]) } else { before }
            } else {
                sums[start] - sums[source]
            };
            let (x, y) = (mirror.offset(leaf + a), mirror.offset(leaf + b));
            (gap, mirror.margin.norm(kernels::square::<V>(x, y)))
        };
        let radii = mirror.leaf_radius[leaf + a] + mirror.leaf_radius[leaf + b];
        let extent = distance + radii;
        let rounding = mirror.margin.rounding(extent + 2.0 * mirror.radius[self.block]);
        self.bound(extent * extent, rounding) >= gap * BELOW
    }

    /// An upper bound for the power of a distance whose stored square is at most `square`.
    #[inline(always)]
    pub(super) fn bound(&self, square: f64, rounding: f64) -> f64 {
        let mut one = [self.mirror.margin.upper(square, rounding)];
        self.power.sketch_squares(&mut one);
        one[0] * (1.0 + SKETCH_ERROR)
    }

    /// Lower bounds from the last finished point and its predecessors.
    #[inline(always)]
    fn anchor<V: Vector>(&mut self, chain: &Chain, bounds: &mut [f64; BLOCK]) {
        let mirror = self.mirror;
        let rows = mirror.rows(self.from, self.from + BLOCK);
        let mut anchor = self.from - 1;
        let mut squares = [0.0_f32; BLOCK];
        for _ in 0..ANCHORS {
            let block = anchor / BLOCK;
            mirror.direction(block, self.block, &mut self.direction);
            let shifted = &mut self.leaf_direction;
            kernels::shift::<V>(mirror.rows(anchor, anchor + 1), &self.direction, shifted);
            kernels::squares::<V>(rows, shifted, &mut squares);
            let distance = mirror.margin.norm(kernels::norm_square::<V>(&self.direction));
            let extent = distance + mirror.radius[block] + mirror.radius[self.block];
            let rounding = mirror.margin.rounding(extent);
            let mut powers = [0.0_f64; BLOCK];
            for (power, &square) in powers.iter_mut().zip(&squares) {
                *power = mirror.margin.lower(f64::from(square), rounding).max(0.0);
            }
            self.power.sketch_squares(&mut powers);
            let value = chain.value[anchor];
            for (bound, power) in bounds.iter_mut().zip(powers) {
                let candidate = value + (power * (1.0 - SKETCH_ERROR) - 1e-140);
                *bound = if candidate > *bound { candidate } else { *bound };
            }
            if anchor == 0 {
                return;
            }
            anchor = chain.source[anchor] as usize;
        }
    }

    /// Notes a source for target `k` of the block; `least` is a lower bound of the same quantity.
    #[inline(always)]
    pub(super) fn note(&mut self, k: usize, source: usize, bound: f64, least: f64) {
        let next = self.first[k];
        self.candidates.push(Candidate { source: source as u32, next, bound });
        self.first[k] = self.candidates.len() as u32;
        self.threshold[k] = self.threshold[k].max(least * BELOW);
    }

    /// The values of the block, in order: candidates in double precision.
    #[inline(always)]
    pub(super) fn close<T: Scalar>(&mut self, chain: &mut Chain, points: &Points<'_, '_, T>) {
        for k in 0..self.to - self.from {
            let j = self.from + k;
            if j == 0 {
                continue;
            }
            let mut best = Best {
                value: chain.value[j - 1] + chain.term[j],
                source: j - 1,
                term: chain.term[j],
            };
            let mut threshold = self.threshold[k].max(best.value);
            let mut hits = 0_u64;
            for (i, upper) in self.upper[k][..k.saturating_sub(1)].iter().enumerate() {
                hits |= u64::from(chain.value[self.from + i] + upper > threshold) << i;
            }
            while hits != 0 {
                let i = 63 - hits.leading_zeros() as usize;
                hits &= !(1 << i);
                let value = chain.value[self.from + i];
                if value + self.upper[k][i] > threshold {
                    let term = self.power.of_square(points.square(self.from + i, j));
                    best.offer(value + term, self.from + i, term);
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
                    best.offer(chain.value[i] + term, i, term);
                    threshold = threshold.max(best.value);
                }
            }
            chain.value[j] = best.value;
            chain.term[j] = best.term;
            chain.source[j] = best.source as u32;
        }
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
    fn offer(&mut self, value: f64, source: usize, term: f64) {
        if value > self.value || (value == self.value && source > self.source) {
            *self = Self { value, source, term };
        }
    }
}
