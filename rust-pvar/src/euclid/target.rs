//! One block of targets: what is inside it, and lower bounds for its values.

use super::kernels;
use super::lane::{BELOW, GROUP, Lane};
use super::mirror::{BLOCK, LEAF, LEAVES, Mirror};
use crate::simd::{LANES, Line, Vector};

/// Sources outside the block that set lower bounds before the search: the last finished point and
/// its predecessors in its chain.
const ANCHORS: usize = 4;

/// Products of the points of two blocks with the direction between their centres.
#[derive(Clone, Copy)]
pub(super) struct Products {
    /// Of the source's points.
    pub(super) other: [f32; BLOCK],
    /// Of the target's.
    pub(super) own: [f32; BLOCK],
}

/// The block of targets at work, for all exponents.
pub(super) struct Target<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) block: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) direction: Vec<Line>,
    /// One point, relative to this block's centre.
    anchored: Vec<Line>,
    pub(super) shifted: Vec<Line>,
    /// The products that a survey found for pairs of blocks it left alive, and one more than their
    /// place for each source block and target block of the group; 0 for others.
    pub(super) surveyed: Vec<Products>,
    pub(super) known: Vec<[u32; GROUP]>,
    /// Largest reach of the blocks up to each.
    pub(super) farthest: Vec<f64>,
}

impl<'a> Target<'a> {
    #[inline(always)]
    pub(super) fn new(mirror: &'a Mirror) -> Self {
        let mut farthest = mirror.reach[..mirror.blocks()].to_vec();
        for block in 1..farthest.len() {
            farthest[block] = farthest[block].max(farthest[block - 1]);
        }
        Self {
            mirror,
            block: 0,
            from: 0,
            to: 0,
            direction: vec![Line::ZERO; mirror.width],
            anchored: vec![Line::ZERO; mirror.width],
            shifted: vec![Line::ZERO; LEAF * mirror.width],
            surveyed: Vec::new(),
            known: Vec::new(),
            farthest,
        }
    }

    /// Turns to a block of targets.
    #[inline(always)]
    pub(super) fn face(&mut self, block: usize) {
        self.block = block;
        self.from = block * BLOCK;
        self.to = self.mirror.len.min(self.from + BLOCK);
    }

    /// Starts on a block: distances inside it, and thresholds for its values.
    #[inline(always)]
    pub(super) fn open<V: Vector>(&mut self, lanes: &mut [Lane], block: usize) {
        self.face(block);
        lanes.iter_mut().for_each(|lane| lane.enter(self.from, self.to));
        self.inside::<V>(lanes);
        for lane in lanes {
            let mut bounds = [0.0_f64; BLOCK];
            if self.from > 0 {
                self.anchor::<V>(lane, self.from - 1, &mut bounds);
            }
            lane.settle(&mut bounds, self.from, self.to);
        }
    }

    /// Bounds of the powers of distances within the block, where they may matter.
    #[inline(always)]
    fn inside<V: Vector>(&mut self, lanes: &mut [Lane]) {
        let mirror = self.mirror;
        let rounding = mirror.margin.of_products(2.0 * mirror.radius[self.block]);
        let mut squares = [[0.0_f32; LANES]; LANES];
        for b in 0..(self.to - self.from).div_ceil(LEAF) {
            for a in 0..=b {
                let extent = self.leaf_extent::<V>(a, b);
                let square = mirror.margin.upper(extent * extent, rounding);
                let mut known = false;
                for lane in &mut *lanes {
                    if lane.bound(square) < self.gap(lane, a, b) * BELOW {
                        lane.drop_inside(a, b);
                        continue;
                    }
                    if !known {
                        known = true;
                        let rows = |leaf: usize| {
                            let start = self.from + leaf * LEAF;
                            mirror.rows(start, start + LEAF)
                        };
                        kernels::tile::<V>(rows(a), rows(b), mirror.width, &mut squares);
                    }
                    lane.fill_inside(a, b, &squares, mirror.margin, rounding);
                }
            }
        }
    }

    /// Largest distance of a point of leaf `a` from one of leaf `b` of this block.
    #[inline(always)]
    fn leaf_extent<V: Vector>(&self, a: usize, b: usize) -> f64 {
        let mirror = self.mirror;
        let leaf = self.block * LEAVES;
        let radii = mirror.leaf_radius[leaf + a] + mirror.leaf_radius[leaf + b];
        if a == b {
            return radii;
        }
        let square = kernels::square::<V>(mirror.offset(leaf + a), mirror.offset(leaf + b));
        radii + mirror.margin.norm(square)
    }

    /// The least sum of steps' powers between a point of leaf `a` and one of leaf `b`, at least two
    /// steps apart: what an edge between them has to beat.
    #[inline(always)]
    fn gap(&self, lane: &Lane, a: usize, b: usize) -> f64 {
        let last = self.to - self.from - 1;
        let sums = &lane.steps;
        let (start, end) = (b * LEAF, (b * LEAF + LEAF - 1).min(last));
        if a == b {
            let mut gap = f64::INFINITY;
            for k in start + 2..=end {
                gap = gap.min(sums[k] - sums[k - 2]);
            }
            return gap;
        }
        let source = a * LEAF + LEAF - 1;
        if a + 1 < b {
            return sums[start] - sums[source];
        }
        let before = sums[start] - sums[source - 1];
        if start < end { before.min(sums[start + 1] - sums[source]) } else { before }
    }

    /// Lower bounds from the `last` finished point and its predecessors.
    #[inline(always)]
    pub(super) fn anchor<V: Vector>(
        &mut self,
        lane: &Lane,
        last: usize,
        bounds: &mut [f64; BLOCK],
    ) {
        let mirror = self.mirror;
        let rows = mirror.block(self.block);
        let mut anchor = last;
        let mut squares = [0.0_f32; BLOCK];
        for _ in 0..ANCHORS {
            let block = anchor / BLOCK;
            mirror.direction(block, self.block, &mut self.direction);
            let shifted = &mut self.anchored;
            kernels::shift::<V>(mirror.rows(anchor, anchor + 1), &self.direction, shifted);
            kernels::squares::<V>(rows, shifted, &mut squares);
            let distance = mirror.margin.norm(kernels::norm_square::<V>(&self.direction));
            let extent = distance + mirror.radius[block] + mirror.radius[self.block];
            let rounding = mirror.margin.rounding(extent);
            let mut powers = [0.0_f64; BLOCK];
            for (power, &square) in powers.iter_mut().zip(&squares) {
                *power = mirror.margin.lower(f64::from(square), rounding);
            }
            lane.lower_bounds(&mut powers);
            let value = lane.chain.value[anchor];
            for (bound, power) in bounds.iter_mut().zip(powers) {
                let candidate = value + power;
                *bound = if candidate > *bound { candidate } else { *bound };
            }
            if anchor == 0 {
                return;
            }
            anchor = lane.chain.source[anchor] as usize;
        }
    }
}
