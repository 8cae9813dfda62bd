//! The search among finished blocks for sources that may attain a target's value.

use super::fourpoint::{Pair, Side, separate};
use super::kernels;
use super::lane::{GROUP, Lane};
use super::mirror::BLOCK;
use super::target::{Products, Target};
use crate::simd::Vector;

/// Groups closer than this multiple of the sum of their radii are not worth a four-point bound.
pub(super) const NEAR: f64 = 1.2;

/// The finished block at work.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) block: usize,
    /// Distance of the blocks' centres, at least.
    pub(super) distance: f64,
    /// Distance of two of the blocks' points, at most.
    pub(super) extent: f64,
    /// Rounding of squares of distances between the two blocks.
    pub(super) rounding: f64,
}

impl Target<'_> {
    /// Looks through all earlier blocks, the nearest first, and notes the candidates.
    #[inline(always)]
    pub(super) fn search<V: Vector>(&mut self, lanes: &mut [Lane]) {
        let mirror = self.mirror;
        lanes.iter_mut().for_each(|lane| lane.open = true);
        for block in (0..self.block).rev() {
            let last = (block + 1) * BLOCK - 1;
            let reach = mirror.reach[self.block] + self.farthest[block];
            let square = mirror.margin.upper(reach * reach, mirror.margin.rounding(reach));
            let mut any = false;
            for lane in &mut *lanes {
                lane.open &= lane.chain.value[last] + lane.bound(square) > lane.threshold[0];
                any |= lane.open;
            }
            if !any {
                break;
            }
            for lane in &mut *lanes {
                let surveyed = lane.surveyed.get(block).map_or(u64::MAX, |s| s[self.block % GROUP]);
                lane.alive = if lane.open { surveyed } else { 0 };
            }
            if lanes.iter().any(|lane| lane.alive != 0) {
                let (source, alive, products) = self.approach::<V>(lanes, block);
                if alive != 0 {
                    self.search_leaves::<V>(lanes, source, alive, products);
                }
            }
        }
    }

    /// Sifts the targets that are still alive by one source block; returns all lanes' survivors,
    /// and the products that this took.
    #[inline(always)]
    fn approach<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        block: usize,
    ) -> (Source, u64, Option<Products>) {
        let (source, mut alive) = self.within_reach::<V>(lanes, block);
        let mut taken = None;
        if alive != 0 && self.is_far(source) {
            let known = self.known.get(block).map_or(0, |known| known[self.block % GROUP]);
            let products = match known {
                0 => self.products::<V>(block),
                place => self.surveyed[place as usize - 1],
            };
            alive = self.sift_block(lanes, source, &products);
            taken = Some(products);
        }
        (source, alive, taken)
    }

    /// The products of a source block's points and of this block's with the direction at hand.
    #[inline(always)]
    pub(super) fn products<V: Vector>(&self, block: usize) -> Products {
        let mut products = Products { other: [0.0; BLOCK], own: [0.0; BLOCK] };
        let mirror = self.mirror;
        kernels::dots::<V>(mirror.block(block), &self.direction, &mut products.other);
        kernels::dots::<V>(mirror.block(self.block), &self.direction, &mut products.own);
        products
    }

    /// Turns to a source block and keeps the targets that the triangle inequality leaves alive.
    #[inline(always)]
    pub(super) fn within_reach<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        block: usize,
    ) -> (Source, u64) {
        let mirror = self.mirror;
        mirror.direction(block, self.block, &mut self.direction);
        let distance = mirror.margin.norm(kernels::norm_square::<V>(&self.direction));
        let extent = distance + mirror.radius[block] + mirror.radius[self.block];
        let source = Source { block, distance, extent, rounding: mirror.margin.rounding(extent) };
        let square = mirror.margin.upper(extent * extent, source.rounding);
        let mut alive = 0;
        for lane in &mut *lanes {
            if lane.alive != 0 {
                let bound = lane.chain.value[(block + 1) * BLOCK - 1] + lane.bound(square);
                lane.alive &= lane.below(bound);
                alive |= lane.alive;
            }
        }
        (source, alive)
    }

    /// Whether the four-point bound of two blocks is worth its price.
    #[inline(always)]
    pub(super) fn is_far(&self, source: Source) -> bool {
        let radii = self.mirror.radius[source.block] + self.mirror.radius[self.block];
        source.distance > NEAR * radii
    }

    /// Keeps the targets alive that the four-point bound of the two blocks leaves alive, given the
    /// products of their points.
    #[inline(always)]
    pub(super) fn sift_block(
        &self,
        lanes: &mut [Lane],
        source: Source,
        Products { other, own }: &Products,
    ) -> u64 {
        let mirror = self.mirror;
        let from = source.block * BLOCK;
        let (radius, other_radius) = (mirror.radius[self.block], mirror.radius[source.block]);
        let pair = Pair {
            distance: source.distance,
            dot_error: mirror.margin.sum * source.distance * (radius + other_radius),
            rounding: source.rounding,
        };
        let sources = Side { rho: chunk(&mirror.rho, from), dot: other, radius: other_radius };
        let targets = Side { rho: chunk(&mirror.rho, self.from), dot: own, radius };
        let mut union = 0;
        for lane in lanes {
            if lane.alive == 0 {
                continue;
            }
            let values: &[f64; BLOCK] = chunk(&lane.chain.value, from);
            let separated = separate(sources, targets, values, pair, mirror.margin, lane.power);
            let top = largest(&separated.source);
            let mut alive = 0_u64;
            for k in 0..BLOCK {
                alive |= u64::from(top + separated.target[k] > lane.threshold[k]) << k;
            }
            lane.alive &= alive;
            union |= lane.alive;
        }
        union
    }
}

/// `N` entries from `from` on.
#[inline(always)]
pub(super) fn chunk<T, const N: usize>(buffer: &[T], from: usize) -> &[T; N] {
    buffer[from..from + N].try_into().expect("a slice of N entries")
}

/// The largest of several numbers, in independent lanes.
#[inline(always)]
pub(super) fn largest<const N: usize>(values: &[f64; N]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    for eight in values.as_chunks::<8>().0 {
        for (lane, &value) in lanes.iter_mut().zip(eight) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.into_iter().fold(f64::NEG_INFINITY, f64::max)
}
