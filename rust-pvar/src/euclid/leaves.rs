//! Pairs of leaves of two blocks, and pairs of their points, that the blocks' own bound leaves.

use super::fourpoint::{Pair, Side, separate};
use super::kernels;
use super::lane::Lane;
use super::mirror::{BLOCK, LEAF, LEAVES};
use super::search::{NEAR, Source, chunk, largest};
use super::target::{Products, Target};
use crate::power::SKETCH_ERROR;
use crate::simd::{LANES, Vector};

/// More surviving pairs of two leaves than this are cheaper all together.
const DENSE: u32 = 64;

/// Products of the points of two blocks with the offsets of the other's leaves.
struct Across {
    other: [[f32; BLOCK]; LEAVES],
    own: [[f32; BLOCK]; LEAVES],
}

/// What is known of the pair of blocks at work, once it was asked for.
struct AtHand {
    products: Option<Products>,
    across: Option<Across>,
    /// Whether the source's leaf has been shifted to this block's centre.
    shifted: bool,
}

/// Two leaves at work, `leaf` of the source and `own` of the target.
struct Leaves {
    leaf: usize,
    /// First target of the leaf, relative to its block.
    start: usize,
    own: usize,
    /// Distance of the leaves' centres, at least.
    distance: f64,
    /// Squares of distances between their points, once known.
    squares: Option<[[f32; LANES]; LANES]>,
}

impl Target<'_> {
    /// Looks through the pairs of leaves of a source block and of this one, for the targets that are
    /// still alive; `products` are those of the blocks, where they are known.
    #[inline(always)]
    pub(super) fn search_leaves<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        source: Source,
        alive: u64,
        products: Option<Products>,
    ) {
        let mut at_hand = AtHand { products, across: None, shifted: false };
        for leaf in (source.block * LEAVES..(source.block + 1) * LEAVES).rev() {
            at_hand.shifted = false;
            for b in 0..LEAVES {
                if (alive >> (b * LEAF)) as u16 != 0 {
                    self.search_leaf::<V>(lanes, source, leaf, b, &mut at_hand);
                }
            }
        }
    }

    /// Leaf `leaf` of the source against leaf `b` of this block.
    #[inline(always)]
    fn search_leaf<V: Vector>(
        &mut self,
        lanes: &mut [Lane],
        source: Source,
        leaf: usize,
        b: usize,
        at_hand: &mut AtHand,
    ) {
        let mirror = self.mirror;
        let own = self.block * LEAVES + b;
        let (from, to) = (mirror.offset(leaf), mirror.offset(own));
        let [square, from, to] = kernels::between::<V>(&self.direction, from, to);
        let distance = mirror.margin.norm(square);
        let radii = mirror.leaf_radius[leaf] + mirror.leaf_radius[own];
        let extent = distance + radii;
        let square = mirror.margin.upper(extent * extent, source.rounding);
        let mut leaves = Leaves { leaf, start: b * LEAF, own, distance, squares: None };
        let near = distance <= NEAR * radii;
        let mut dots = None;
        for lane in lanes {
            let mut alive = (lane.alive >> leaves.start) as u16;
            if alive == 0 {
                continue;
            }
            let bound = lane.chain.value[leaf * LEAF + LEAF - 1] + lane.bound(square);
            alive &= (lane.below(bound) >> leaves.start) as u16;
            if alive == 0 {
                continue;
            }
            let mut pairs = [u16::MAX; LEAF];
            if !near {
                if dots.is_none() {
                    dots = Some(self.leaf_dots::<V>(source, &leaves, at_hand, [from, to]));
                }
                if let Some(dots) = &dots {
                    self.sift_leaf(lane, source, &leaves, dots, alive, &mut pairs);
                }
            }
            for (k, pairs) in pairs.iter_mut().enumerate() {
                *pairs &= 0_u16.wrapping_sub(alive >> k & 1);
            }
            self.try_pairs::<V>(lane, source, &mut leaves, &pairs, near, &mut at_hand.shifted);
        }
    }

    /// Products of the points of two leaves, relative to their centres, with the direction between
    /// these: e + a - b for blocks' direction e and leaves' offsets a and b, whose products with
    /// that direction are `centres`.
    #[inline(always)]
    fn leaf_dots<V: Vector>(
        &self,
        source: Source,
        leaves: &Leaves,
        at_hand: &mut AtHand,
        centres: [f32; 2],
    ) -> ([f32; LEAF], [f32; LEAF]) {
        let mirror = self.mirror;
        // Without closures: those would not be compiled for the level.
        if at_hand.products.is_none() {
            at_hand.products = Some(self.products::<V>(source.block));
        }
        if at_hand.across.is_none() {
            at_hand.across = Some(self.across::<V>(source.block));
        }
        let products = at_hand.products.as_ref().expect("just made");
        let across = at_hand.across.as_ref().expect("just made");
        let (a, b) = (leaves.leaf % LEAVES, leaves.own % LEAVES);
        let (mut other, mut ours) = ([0.0_f32; LEAF], [0.0_f32; LEAF]);
        let block: &[f32; LEAF] = chunk(&products.other, a * LEAF);
        let along: &[f32; LEAF] = chunk(&mirror.along, leaves.leaf * LEAF);
        let cross: &[f32; LEAF] = chunk(&across.other[b], a * LEAF);
        for k in 0..LEAF {
            other[k] = block[k] + along[k] - cross[k] + centres[0];
        }
        let block: &[f32; LEAF] = chunk(&products.own, b * LEAF);
        let along: &[f32; LEAF] = chunk(&mirror.along, leaves.own * LEAF);
        let cross: &[f32; LEAF] = chunk(&across.own[a], b * LEAF);
        for k in 0..LEAF {
            ours[k] = block[k] + cross[k] - along[k] + centres[1];
        }
        (other, ours)
    }

    /// The products of a source block's points and of this block's with the other's offsets.
    #[inline(always)]
    fn across<V: Vector>(&self, block: usize) -> Across {
        let mirror = self.mirror;
        let mut across = Across { other: [[0.0; BLOCK]; LEAVES], own: [[0.0; BLOCK]; LEAVES] };
        let offsets = |block: usize| std::array::from_fn(|k| mirror.offset(block * LEAVES + k));
        kernels::dots_of_several::<V, BLOCK, LEAVES>(
            mirror.block(block),
            offsets(self.block),
            u32::MAX,
            &mut across.other,
        );
        kernels::dots_of_several::<V, BLOCK, LEAVES>(
            mirror.block(self.block),
            offsets(block),
            u32::MAX,
            &mut across.own,
        );
        across
    }

    /// The pairs of two leaves that the four-point bound leaves alive, as bits i of `pairs[k]`.
    #[inline(always)]
    fn sift_leaf(
        &self,
        lane: &Lane,
        source: Source,
        leaves: &Leaves,
        (other, ours): &([f32; LEAF], [f32; LEAF]),
        alive: u16,
        pairs: &mut [u16; LEAF],
    ) {
        let mirror = self.mirror;
        // A product is the sum of four: of rows with the blocks' direction and both offsets, which
        // are up to the radii of block and leaf together, and of an offset with the leaves' direction.
        let radii = mirror.radius[source.block]
            + mirror.radius[self.block]
            + mirror.leaf_radius[leaves.leaf]
            + mirror.leaf_radius[leaves.own];
        let lengths = source.distance + leaves.distance + radii;
        let pair = Pair {
            distance: leaves.distance,
            dot_error: 1.5 * mirror.margin.sum * lengths * radii,
            rounding: source.rounding,
        };
        let (leaf, own) = (leaves.leaf, leaves.own);
        let sources = Side {
            rho: chunk(&mirror.leaf_rho, leaf * LEAF),
            dot: other,
            radius: mirror.leaf_radius[leaf],
        };
        let targets = Side {
            rho: chunk(&mirror.leaf_rho, own * LEAF),
            dot: ours,
            radius: mirror.leaf_radius[own],
        };
        let values: &[f64; LEAF] = chunk(&lane.chain.value, leaf * LEAF);
        let separated = separate(sources, targets, values, pair, mirror.margin, lane.power);
        let top = largest(&separated.source);
        for (k, pairs) in pairs.iter_mut().enumerate() {
            *pairs = 0;
            let needed = lane.threshold[leaves.start + k] - separated.target[k];
            if alive >> k & 1 != 0 && top > needed {
                for (i, &value) in separated.source.iter().enumerate() {
                    *pairs |= u16::from(value > needed) << i;
                }
            }
        }
    }

    /// Distances of the given pairs, all at once if there are many; notes the candidates.
    #[inline(always)]
    fn try_pairs<V: Vector>(
        &mut self,
        lane: &mut Lane,
        source: Source,
        leaves: &mut Leaves,
        pairs: &[u16; LEAF],
        near: bool,
        shifted: &mut bool,
    ) {
        let mirror = self.mirror;
        let count: u32 = pairs.iter().map(|pairs| pairs.count_ones()).sum();
        if count == 0 {
            return;
        }
        self.shift_leaf::<V>(leaves.leaf, shifted);
        let width = mirror.width;
        let from = self.from + leaves.start;
        if (near || count > DENSE) && leaves.squares.is_none() {
            let mut squares = [[0.0_f32; LANES]; LANES];
            let rows = mirror.rows(from, from + LEAF);
            kernels::tile::<V>(&self.shifted, rows, width, &mut squares);
            leaves.squares = Some(squares);
        }
        let rounding = match leaves.squares {
            Some(_) => mirror.margin.of_products(source.extent),
            None => source.rounding,
        };
        for (k, &pairs) in pairs.iter().enumerate() {
            if pairs == 0 {
                continue;
            }
            let target = leaves.start + k;
            let mut hits = pairs;
            if let Some(squares) = &leaves.squares {
                hits &= self.beating(lane, rounding, leaves.leaf, target, &squares[k]);
            }
            while hits != 0 {
                // The latest source first: near ones tend to raise the threshold.
                let i = 15 - hits.leading_zeros() as usize;
                hits &= !(1 << i);
                let square = match &leaves.squares {
                    Some(squares) => squares[k][i],
                    None => {
                        let row = &self.shifted[i * width..(i + 1) * width];
                        kernels::square::<V>(row, mirror.rows(from + k, from + k + 1))
                    }
                };
                let index = leaves.leaf * LEAF + i;
                lane.consider(target, index, f64::from(square), mirror.margin, rounding);
            }
        }
    }

    /// The sources of a leaf whose bounds beat the threshold of target `k`, as bits.
    #[inline(always)]
    fn beating(
        &self,
        lane: &Lane,
        rounding: f64,
        leaf: usize,
        k: usize,
        squares: &[f32; LEAF],
    ) -> u16 {
        let mut bounds = [0.0_f64; LEAF];
        for (bound, &square) in bounds.iter_mut().zip(squares) {
            *bound = self.mirror.margin.upper(f64::from(square), rounding);
        }
        lane.power.sketch_squares(&mut bounds);
        let values: &[f64; LEAF] = chunk(&lane.chain.value, leaf * LEAF);
        let mut hits = 0_u16;
        for i in 0..LEAF {
            let bound = values[i] + bounds[i] * (1.0 + SKETCH_ERROR);
            hits |= u16::from(bound > lane.threshold[k]) << i;
        }
        hits
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
