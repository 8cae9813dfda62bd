//! A first look at the finished blocks for a group of target blocks at once.

use super::kernels;
use super::lane::{BELOW, GROUP, Lane};
use super::mirror::BLOCK;
use super::target::Target;
use crate::simd::Vector;

impl Target<'_> {
    /// Sifts all finished blocks for a group of target blocks at once, by lower bounds that need no
    /// later values: a source block then comes from memory once for the whole group.
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
        for source in (0..first).rev() {
            if !self.survey_source::<V>(lanes, first, source) {
                break;
            }
        }
    }

    /// One source block for a group of target blocks; false if none needs to look any further.
    #[inline(always)]
    fn survey_source<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        first: usize,
        source: usize,
    ) -> bool {
        let width = self.mirror.width;
        let group = self.mirror.blocks().min(first + GROUP) - first;
        let mut far = [None; GROUP];
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
                self.directions[q * width..(q + 1) * width].copy_from_slice(&self.direction);
            }
        }
        if far.iter().all(Option::is_none) {
            return any;
        }
        let mut dots = [[0.0_f32; BLOCK]; GROUP];
        let rows = self.mirror.rows(source * BLOCK, (source + 1) * BLOCK);
        kernels::dots_of_four::<V, BLOCK>(rows, &self.directions, &mut dots);
        for (q, pair) in far.into_iter().enumerate() {
            let Some(pair) = pair else { continue };
            self.face(first + q);
            self.direction.copy_from_slice(&self.directions[q * width..(q + 1) * width]);
            for lane in &mut *lanes {
                lane.alive = lane.surveyed[source][q];
                lane.threshold = lane.outlook[q];
            }
            self.sift_block::<V>(lanes, pair, &dots[q]);
            lanes.iter_mut().for_each(|lane| lane.surveyed[source][q] = lane.alive);
        }
        any
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
