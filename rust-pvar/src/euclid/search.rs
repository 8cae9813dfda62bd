//! The search among finished blocks for sources that may attain a target's value.

use super::fourpoint::{Pair, Side, separate};
use super::kernels;
use super::mirror::{BLOCK, LEAF, LEAVES};
use super::target::Target;
use crate::chain::Chain;
use crate::power::SKETCH_ERROR;
use crate::simd::{LANES, Vector};

/// Groups closer than this multiple of the sum of their radii are not worth a four-point bound.
const NEAR: f64 = 1.2;
/// More surviving pairs of two leaves than this are cheaper all together.
const DENSE: u32 = 64;

/// The finished block at work.
struct Source {
    block: usize,
    /// Distance of the blocks' centres, at least.
    distance: f64,
    /// Rounding of squares of distances between the two blocks.
    rounding: f64,
}

impl Target<'_> {
    /// Looks through all earlier blocks, the nearest first, and notes the candidates.
    #[inline(always)]
    pub(super) fn search<V: Vector>(&mut self, chain: &Chain) {
        let mirror = self.mirror;
        for block in (0..self.block).rev() {
            let top = chain.value[(block + 1) * BLOCK - 1];
            let reach = mirror.reach[self.block] + self.farthest[block];
            if top + self.bound(reach * reach, mirror.margin.rounding(reach)) <= self.threshold[0] {
                break;
            }
            mirror.direction(block, self.block, &mut self.direction);
            let distance = mirror.margin.norm(kernels::norm_square::<V>(&self.direction));
            let radii = mirror.radius[block] + mirror.radius[self.block];
            let extent = distance + radii;
            let rounding = mirror.margin.rounding(extent);
            let source = Source { block, distance, rounding };
            let bound = top + self.bound(extent * extent, rounding);
            let mut alive = self.below(bound);
            if alive != 0 && distance > NEAR * radii {
                alive &= self.block_survivors::<V>(chain, &source);
            }
            if alive != 0 {
                self.search_leaves::<V>(chain, &source, alive);
            }
        }
    }

    /// The targets whose threshold lies below `bound`, as bits.
    #[inline(always)]
    fn below(&self, bound: f64) -> u64 {
        let mut alive = 0_u64;
        for (k, &threshold) in self.threshold[..self.to - self.from].iter().enumerate() {
            alive |= u64::from(threshold < bound) << k;
        }
        alive
    }

    /// The targets that the four-point bound of two blocks leaves alive.
    #[inline(always)]
    fn block_survivors<V: Vector>(&mut self, chain: &Chain, source: &Source) -> u64 {
        let mirror = self.mirror;
        let from = source.block * BLOCK;
        let (mut own, mut other) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
        let rows = |from: usize| mirror.rows(from, from + BLOCK);
        kernels::dots::<V>(rows(self.from), &self.direction, &mut own);
        kernels::dots::<V>(rows(from), &self.direction, &mut other);
        let (radius, other_radius) = (mirror.radius[self.block], mirror.radius[source.block]);
        let pair = Pair {
            distance: source.distance,
            dot_error: mirror.margin.sum * source.distance * (radius + other_radius),
            rounding: source.rounding,
        };
        let sources = Side { rho: chunk(&mirror.rho, from), dot: &other, radius: other_radius };
        let targets = Side { rho: chunk(&mirror.rho, self.from), dot: &own, radius };
        let values: &[f64; BLOCK] = chunk(&chain.value, from);
        let separated = separate(sources, targets, values, pair, mirror.margin, self.power);
        let top = largest(&separated.source);
        let mut alive = 0_u64;
        for k in 0..BLOCK {
            alive |= u64::from(top + separated.target[k] > self.threshold[k]) << k;
        }
        alive
    }

    #[inline(always)]
    fn search_leaves<V: Vector>(&mut self, chain: &Chain, source: &Source, alive: u64) {
        for leaf in (source.block * LEAVES..(source.block + 1) * LEAVES).rev() {
            let mut shifted = false;
            for b in 0..LEAVES {
                let bits = (alive >> (b * LEAF)) as u16;
                if bits != 0 {
                    self.search_leaf::<V>(chain, source, leaf, b, bits, &mut shifted);
                }
            }
        }
    }

    /// Leaf `leaf` of the source against leaf `b` of this block.
    #[inline(always)]
    fn search_leaf<V: Vector>(
        &mut self,
        chain: &Chain,
        source: &Source,
        leaf: usize,
        b: usize,
        mut alive: u16,
        shifted: &mut bool,
    ) {
        let mirror = self.mirror;
        let own = self.block * LEAVES + b;
        let (x, y) = (mirror.offset(leaf), mirror.offset(own));
        for ((out, e), (x, y)) in
            self.leaf_direction.iter_mut().zip(&self.direction).zip(x.iter().zip(y))
        {
            V::load(e).add(V::load(x)).sub(V::load(y)).store(out);
        }
        let distance = mirror.margin.norm(kernels::norm_square::<V>(&self.leaf_direction));
        let radii = mirror.leaf_radius[leaf] + mirror.leaf_radius[own];
        let extent = distance + radii;
        let top = chain.value[leaf * LEAF + LEAF - 1];
        let bound = top + self.bound(extent * extent, source.rounding);
        alive &= (self.below(bound) >> (b * LEAF)) as u16;
        if alive == 0 {
            return;
        }
        if distance > NEAR * radii {
            self.leaf_pairs::<V>(chain, source, leaf, b, alive, distance, shifted);
        } else {
            self.tile::<V>(chain, source, leaf, b, alive, shifted);
        }
    }

    /// The pairs of two leaves that the four-point bound leaves alive.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn leaf_pairs<V: Vector>(
        &mut self,
        chain: &Chain,
        source: &Source,
        leaf: usize,
        b: usize,
        alive: u16,
        distance: f64,
        shifted: &mut bool,
    ) {
        let mirror = self.mirror;
        let own = self.block * LEAVES + b;
        let (other, ours) = (self.leaf_dots::<V>(leaf), self.leaf_dots::<V>(own));
        // A product is the sum of the row's and the offset's, each up to the block's radius.
        let radii = mirror.radius[source.block] + mirror.radius[self.block];
        let pair = Pair {
            distance,
            dot_error: 3.0 * mirror.margin.sum * distance * radii,
            rounding: source.rounding,
        };
        let side = |leaf: usize, dot| Side {
            rho: chunk(&mirror.leaf_rho, leaf * LEAF),
            dot,
            radius: mirror.leaf_radius[leaf],
        };
        let (sources, targets) = (side(leaf, &other), side(own, &ours));
        let values: &[f64; LEAF] = chunk(&chain.value, leaf * LEAF);
        let separated = separate(sources, targets, values, pair, mirror.margin, self.power);
        let top = largest(&separated.source);
        let mut pairs = [0_u16; LEAF];
        let mut left = alive;
        let mut count = 0;
        while left != 0 {
            let k = left.trailing_zeros() as usize;
            left &= left - 1;
            let needed = self.threshold[b * LEAF + k] - separated.target[k];
            if top > needed {
                for (i, &value) in separated.source.iter().enumerate() {
                    pairs[k] |= u16::from(value > needed) << i;
                }
                count += pairs[k].count_ones();
            }
        }
        if count > DENSE {
            let alive = pairs
                .iter()
                .enumerate()
                .fold(0, |bits, (k, &pairs)| bits | u16::from(pairs != 0) << k);
            self.tile::<V>(chain, source, leaf, b, alive, shifted);
        } else if count > 0 {
            self.single_pairs::<V>(chain, source, leaf, b, &pairs, shifted);
        }
    }

    /// Products of a leaf's points, relative to its centre, with the direction between two leaves.
    #[inline(always)]
    fn leaf_dots<V: Vector>(&self, leaf: usize) -> [f32; LEAF] {
        let mut out = [0.0_f32; LEAF];
        let rows = self.mirror.rows(leaf * LEAF, (leaf + 1) * LEAF);
        kernels::dots::<V>(rows, &self.leaf_direction, &mut out);
        let centre = kernels::dot::<V>(self.mirror.offset(leaf), &self.leaf_direction);
        for dot in &mut out {
            *dot += centre;
        }
        out
    }

    /// Distances of single pairs.
    #[inline(always)]
    fn single_pairs<V: Vector>(
        &mut self,
        chain: &Chain,
        source: &Source,
        leaf: usize,
        b: usize,
        pairs: &[u16; LEAF],
        shifted: &mut bool,
    ) {
        let mirror = self.mirror;
        let width = mirror.width;
        self.shift_leaf::<V>(leaf, shifted);
        for (k, &pairs) in pairs.iter().enumerate() {
            let mut pairs = pairs;
            let target = self.from + b * LEAF + k;
            while pairs != 0 {
                let i = pairs.trailing_zeros() as usize;
                pairs &= pairs - 1;
                let row = &self.shifted[i * width..(i + 1) * width];
                let square = kernels::square::<V>(row, mirror.rows(target, target + 1));
                let index = leaf * LEAF + i;
                self.try_pair(chain, source, b * LEAF + k, index, f64::from(square));
            }
        }
    }

    /// Distances of all pairs of two leaves.
    #[inline(always)]
    fn tile<V: Vector>(
        &mut self,
        chain: &Chain,
        source: &Source,
        leaf: usize,
        b: usize,
        mut alive: u16,
        shifted: &mut bool,
    ) {
        let mirror = self.mirror;
        self.shift_leaf::<V>(leaf, shifted);
        let start = self.from + b * LEAF;
        let mut squares = [[0.0_f32; LANES]; LANES];
        let rows = mirror.rows(start, start + LEAF);
        kernels::tile::<V>(&self.shifted, rows, mirror.width, &mut squares);
        let values: &[f64; LEAF] = chunk(&chain.value, leaf * LEAF);
        while alive != 0 {
            let k = alive.trailing_zeros() as usize;
            alive &= alive - 1;
            let mut bounds = [0.0_f64; LEAF];
            for (bound, &square) in bounds.iter_mut().zip(&squares[k]) {
                *bound = mirror.margin.upper(f64::from(square), source.rounding);
            }
            self.power.sketch_squares(&mut bounds);
            let threshold = self.threshold[b * LEAF + k];
            let mut hits = 0_u16;
            for i in 0..LEAF {
                let bound = values[i] + bounds[i] * (1.0 + SKETCH_ERROR);
                hits |= u16::from(bound > threshold) << i;
            }
            while hits != 0 {
                let i = 15 - hits.leading_zeros() as usize;
                hits &= !(1 << i);
                let square = f64::from(squares[k][i]);
                self.try_pair(chain, source, b * LEAF + k, leaf * LEAF + i, square);
            }
        }
    }

    /// Notes point `i` as a candidate for target `k` if its bound says so.
    #[inline(always)]
    fn try_pair(&mut self, chain: &Chain, source: &Source, k: usize, i: usize, square: f64) {
        let margin = self.mirror.margin;
        let mut bounds =
            [margin.upper(square, source.rounding), margin.lower(square, source.rounding).max(0.0)];
        self.power.sketch_squares(&mut bounds);
        let value = chain.value[i];
        let bound = value + bounds[0] * (1.0 + SKETCH_ERROR);
        if bound > self.threshold[k] {
            let least = value + (bounds[1] * (1.0 - SKETCH_ERROR) - 1e-140);
            self.note(k, i, bound, least);
        }
    }

    /// The rows of a source's leaf relative to this block's centre.
    #[inline(always)]
    fn shift_leaf<V: Vector>(&mut self, leaf: usize, shifted: &mut bool) {
        if !*shifted {
            let rows = self.mirror.rows(leaf * LEAF, (leaf + 1) * LEAF);
            kernels::shift::<V>(rows, &self.direction, &mut self.shifted);
            *shifted = true;
        }
    }
}

/// `N` entries from `from` on.
#[inline(always)]
fn chunk<T, const N: usize>(buffer: &[T], from: usize) -> &[T; N] {
    buffer[from..from + N].try_into().expect("a slice of N entries")
}

/// The largest of several numbers, in independent lanes.
#[inline(always)]
fn largest<const N: usize>(values: &[f64; N]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    for eight in values.as_chunks::<8>().0 {
        for (lane, &value) in lanes.iter_mut().zip(eight) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(f64::NEG_INFINITY, f64::max)
}
