//! A first look at the finished blocks for several target blocks at once.
//!
//! What the four-point bound costs are products of every block's points with the directions to the
//! other blocks. Several target blocks against several source blocks make them products of
//! matrices: a block comes from memory once for many directions.

use super::kernels;
use super::lane::{BELOW, GROUP, Lane, SOURCES};
use super::mirror::BLOCK;
use super::search::Source;
use super::target::{Products, Target};
use crate::simd::{Line, Vector};

/// Pairs that stay alive with products to be remembered, for each source block: the nearest ones.
const REMEMBERED: usize = 4;

/// The target blocks for which a four-point bound is worth its price, for each source block.
type Far = [[Option<Source>; GROUP]; SOURCES];

/// Memory for surveys, none before the first.
#[derive(Default)]
pub(super) struct Survey {
    /// Directions from each source block to each target block.
    directions: Vec<Line>,
    /// Products of each source block's points with its directions.
    other: Vec<[[f32; BLOCK]; GROUP]>,
}

impl Survey {
    /// Sifts all finished blocks for the group of target blocks from `first` on, by lower bounds
    /// that need no later values.
    #[inline(always)]
    pub(super) fn run<V: Vector>(
        &mut self,
        target: &mut Target<'_>,
        lanes: &mut [Lane],
        first: usize,
    ) {
        self.directions.resize(SOURCES * GROUP * target.mirror.width, Line::ZERO);
        self.other.resize(SOURCES, [[0.0; BLOCK]; GROUP]);
        target.look_ahead::<V>(lanes, first);
        target.surveyed.clear();
        target.known.clear();
        target.known.resize(first, [0; GROUP]);
        for start in (0..first).step_by(SOURCES).rev() {
            let mut far = [[None; GROUP]; SOURCES];
            let any = self.far_pairs::<V>(target, lanes, first, start, &mut far);
            self.sift::<V>(target, lanes, first, start, &far);
            if !any {
                break;
            }
        }
    }

    /// Keeps the targets alive that the four-point bounds of the given pairs leave alive.
    #[inline(always)]
    fn sift<V: Vector>(
        &mut self,
        target: &mut Target<'_>,
        lanes: &mut [Lane],
        first: usize,
        start: usize,
        far: &Far,
    ) {
        let Self { directions, other } = self;
        let mirror = target.mirror;
        let width = mirror.width;
        let direction = |s: usize, q: usize| &directions[(GROUP * s + q) * width..][..width];
        for (s, (far, other)) in far.iter().zip(other.iter_mut()).enumerate() {
            let wanted = bits(far.iter());
            if wanted != 0 {
                let from = std::array::from_fn(|q| direction(s, q));
                kernels::dots_of_several::<V, BLOCK, GROUP>(
                    mirror.block(start + s),
                    from,
                    wanted,
                    other,
                );
            }
        }
        for q in 0..GROUP {
            let wanted = bits(far.iter().map(|far| &far[q]));
            if wanted == 0 {
                continue;
            }
            target.face(first + q);
            let mut own = [[0.0; BLOCK]; SOURCES];
            let to = std::array::from_fn(|s| direction(s, q));
            kernels::dots_of_several::<V, BLOCK, SOURCES>(
                mirror.block(first + q),
                to,
                wanted,
                &mut own,
            );
            for s in 0..SOURCES {
                let Some(pair) = far[s][q] else { continue };
                for lane in &mut *lanes {
                    lane.alive = lane.surveyed[start + s][q];
                    lane.threshold = lane.outlook[q];
                }
                let products = Products { other: other[s][q], own: own[s] };
                let alive = target.sift_block(lanes, pair, &products) != 0;
                if alive && target.surveyed.len() < REMEMBERED * first {
                    target.surveyed.push(products);
                    target.known[start + s][q] = target.surveyed.len() as u32;
                }
                lanes.iter_mut().for_each(|lane| lane.surveyed[start + s][q] = lane.alive);
            }
        }
    }

    /// Tries the source blocks from `start` on, the nearest first, by the triangle inequality, and
    /// finds the pairs that a four-point bound is worth its price for; false if no target needs to
    /// look at any earlier source.
    #[inline(always)]
    fn far_pairs<V: Vector>(
        &mut self,
        target: &mut Target<'_>,
        lanes: &mut [Lane],
        first: usize,
        start: usize,
        far: &mut Far,
    ) -> bool {
        let width = target.mirror.width;
        let group = target.mirror.blocks().min(first + GROUP) - first;
        let mut any = false;
        for s in (0..SOURCES).rev() {
            let source = start + s;
            any = false;
            for (q, far) in far[s].iter_mut().enumerate().take(group) {
                target.face(first + q);
                if !target.watch(lanes, source, q) {
                    continue;
                }
                any = true;
                let (pair, alive) = target.within_reach::<V>(lanes, source);
                lanes.iter_mut().for_each(|lane| lane.surveyed[source][q] = lane.alive);
                if alive != 0 && target.is_far(pair) {
                    *far = Some(pair);
                    let at = (GROUP * s + q) * width;
                    self.directions[at..at + width].copy_from_slice(&target.direction);
                }
            }
            if !any {
                break;
            }
        }
        any
    }
}

/// Which of the pairs there are, as bits.
#[inline(always)]
fn bits<'a>(pairs: impl Iterator<Item = &'a Option<Source>>) -> u32 {
    pairs.enumerate().fold(0, |bits, (k, pair)| bits | u32::from(pair.is_some()) << k)
}

impl Target<'_> {
    /// Lower bounds for the values of a group of blocks, from what is finished before.
    #[inline(always)]
    fn look_ahead<V: Vector>(&mut self, lanes: &mut [Lane], first: usize) {
        let group = first..self.mirror.blocks().min(first + GROUP);
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
