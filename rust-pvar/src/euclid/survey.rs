//! A first look at the finished blocks for a group of target blocks at once.

use std::ops::Range;

use super::kernels;
use super::lane::{BELOW, GROUP, Lane};
use super::mirror::BLOCK;
use super::search::Source;
use super::target::Target;
use crate::simd::Vector;

impl Target<'_> {
    /// Sifts all finished blocks for a group of target blocks at once, by lower bounds that need no
    /// later values.
    #[inline(always)]
    pub(super) fn survey<V: Vector>(&mut self, lanes: &mut [Lane], first: usize) {
        let mirror = self.mirror;
        let group = first..mirror.blocks().min(first + GROUP);
        for lane in &mut *lanes {
            lane.surveyed.clear();
            lane.surveyed.resize(first, [0; GROUP]);
            lane.watching = [true; GROUP];
            let last = first * BLOCK - 1;
            let mut steps = lane.chain.value[last];
            for block in group.clone() {
                self.face(block);
                let mut bounds = [0.0_f64; BLOCK];
                self.anchor::<V>(lane, last, &mut bounds);
                let outlook = &mut lane.outlook[block - first];
                *outlook = [f64::INFINITY; BLOCK];
                for k in 0..self.to - self.from {
                    steps = (steps + lane.chain.term[self.from + k]).max(bounds[k]);
                    outlook[k] = steps * BELOW;
                }
            }
        }
        let mut end = first;
        while end > 0 {
            let start = end.saturating_sub(GROUP);
            if !self.survey_sources::<V>(lanes, first, start..end) {
                break;
            }
            end = start;
        }
    }

    /// A few source blocks for a group of target blocks; false if none needs to look any further.
    #[inline(always)]
    fn survey_sources<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        first: usize,
        sources: Range<usize>,
    ) -> bool {
        let mut far = [[None; GROUP]; GROUP];
        let mut any = false;
        for source in sources.clone().rev() {
            let s = source - sources.start;
            any = self.far_targets::<V>(lanes, first, source, GROUP * s, &mut far[s]);
            if !any {
                break;
            }
        }
        // Each block's points come from memory once for all blocks of the other side.
        let mut other = [[[0.0_f32; BLOCK]; GROUP]; GROUP];
        for (s, other) in other.iter_mut().enumerate() {
            if far[s].iter().any(Option::is_some) {
                self.dots::<V>(sources.start + s, |q| GROUP * s + q, other);
            }
        }
        for q in 0..GROUP {
            if far.iter().all(|far| far[q].is_none()) {
                continue;
            }
            self.face(first + q);
            let mut own = [[0.0_f32; BLOCK]; GROUP];
            self.dots::<V>(first + q, |s| GROUP * s + q, &mut own);
            for (s, far) in far.iter().enumerate() {
                let Some(pair) = far[q] else { continue };
                let source = sources.start + s;
                for lane in &mut *lanes {
                    lane.alive = lane.surveyed[source][q];
                    lane.threshold = lane.outlook[q];
                }
                self.sift_block(lanes, pair, &other[s][q], &own[s]);
                lanes.iter_mut().for_each(|lane| lane.surveyed[source][q] = lane.alive);
            }
        }
        any
    }

    /// The targets of the group that a four-point bound with `source` is worth its price for, with
    /// their directions from place `at` on; false if no target needs to look at this or any earlier
    /// source.
    #[inline(always)]
    fn far_targets<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        first: usize,
        source: usize,
        at: usize,
        far: &mut [Option<Source>; GROUP],
    ) -> bool {
        let width = self.mirror.width;
        let group = self.mirror.blocks().min(first + GROUP) - first;
        let mut any = false;
        for (q, far) in far.iter_mut().enumerate().take(group) {
            self.face(first + q);
            if !self.watch(lanes, source, q) {
                continue;
            }
            any = true;
            let (pair, alive) = self.within_reach::<V>(lanes, source);
            lanes.iter_mut().for_each(|lane| lane.surveyed[source][q] = lane.alive);
            if alive != 0 && self.is_far(pair) {
                *far = Some(pair);
                let start = (at + q) * width;
                self.directions[start..start + width].copy_from_slice(&self.direction);
            }
        }
        any
    }

    /// Products of a block's points with four of the directions at hand.
    #[inline(always)]
    fn dots<V: Vector>(
        &self,
        block: usize,
        at: impl Fn(usize) -> usize,
        out: &mut [[f32; BLOCK]; GROUP],
    ) {
        let width = self.mirror.width;
        let rows = self.mirror.rows(block * BLOCK, (block + 1) * BLOCK);
        let directions = std::array::from_fn(|k| {
            let at = at(k) * width;
            &self.directions[at..at + width]
        });
        kernels::dots_of_four::<V, BLOCK>(rows, directions, out);
    }

    /// Whether some lane's targets in block `q` of the group can be reached from `source` or from
    /// any earlier block; sets up the lanes for this pair.
    #[inline(always)]
    fn watch(&self, lanes: &mut [Lane], source: usize, q: usize) -> bool {
        let mirror = self.mirror;
        let top = (source + 1) * BLOCK - 1;
        let reach = mirror.reach[self.block] + self.farthest[source];
        let square = mirror.margin.upper(reach * reach, mirror.margin.rounding(reach));
        let mut any = false;
        for lane in lanes {
            lane.watching[q] &= lane.chain.value[top] + lane.bound(square) > lane.outlook[q][0];
            lane.alive = if lane.watching[q] { u64::MAX } else { 0 };
            lane.threshold = lane.outlook[q];
            any |= lane.watching[q];
        }
        any
    }
}
