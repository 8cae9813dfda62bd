//! A single-precision copy of a path, block by block relative to the blocks' centres.
//!
//! Blocks of 64 points consist of leaves of 16. A row of the mirror is the scaled point minus its
//! block's centre, so that its rounding is relative to the block's size, not to the path's. All
//! radii are upper bounds for the rows as stored; [`Margin`] accounts for the rounding of the rows.

use super::kernels;
use crate::path::{PathView, Scalar};
use crate::simd::{LANES, Line, Vector};

/// Points in a block.
pub const BLOCK: usize = 64;
/// Points in a leaf.
pub const LEAF: usize = 16;
/// Leaves in a block.
pub const LEAVES: usize = BLOCK / LEAF;
/// How far ahead a path is asked for from memory, in numbers.
const AHEAD: usize = 512;

/// The mirror of a path.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    /// Number of points.
    pub len: usize,
    /// Lines in a row.
    pub width: usize,
    /// Coordinates of a point.
    dim: usize,
    /// Points minus centre of their block, zero rows up to a whole block.
    pub rows: Vec<Line>,
    /// Centres of the blocks, in scaled units.
    centres: Vec<f64>,
    /// Block's centre minus leaf's centre, a row a leaf.
    pub offsets: Vec<Line>,
    /// <offset of its leaf, row>, a number a point.
    pub along: Vec<f32>,
    /// |row|, a number a point.
    pub rho: Vec<f32>,
    /// Distance of a point from the centre of its leaf.
    pub leaf_rho: Vec<f32>,
    /// Largest `rho` of each block.
    pub radius: Vec<f64>,
    /// Largest `leaf_rho` of each leaf.
    pub leaf_radius: Vec<f64>,
    /// Distance of a block's farthest point from the path's first centre, or more.
    pub reach: Vec<f64>,
    /// Squares of the steps' lengths, in double precision and scaled; `steps[0]` is zero.
    pub steps: Vec<f64>,
    /// Bounds for the rounding errors of single precision.
    pub margin: Margin,
}

/// What single precision can be wrong by, relatively.
#[derive(Clone, Copy, Debug, Default)]
pub struct Margin {
    /// Bound for a sum of squares or products over a row.
    pub sum: f64,
}

impl Margin {
    fn new(width: usize) -> Self {
        Self { sum: (width as f64 + 12.0) * 1.1 * 2.0_f64.powi(-24) }
    }

    /// A bound for the square of a distance, from one for the stored rows' difference.
    #[inline(always)]
    pub fn upper(self, square: f64, rounding: f64) -> f64 {
        square * (1.0 + 4.0 * self.sum) + rounding
    }

    /// The same from below; may be negative.
    #[inline(always)]
    pub fn lower(self, square: f64, rounding: f64) -> f64 {
        square * (1.0 - 4.0 * self.sum) - rounding
    }

    /// The `rounding` above for points within `extent` of one another, radii included.
    ///
    /// Rows, differences of centres and shifted rows are each off by at most 2^-24 of their size:
    /// together by less than kappa = 2^-21 `extent`; and
    /// (a + kappa)^2 <= a^2 (1 + sum) + kappa^2 (1 + 1 / sum).
    #[inline(always)]
    pub fn rounding(self, extent: f64) -> f64 {
        let kappa = extent * 2.0_f64.powi(-21) + 1e-18;
        1.2 * kappa * kappa / self.sum
    }

    /// The `rounding` above where a square was taken as |a|^2 + |b|^2 - 2 <a, b>: that is off by
    /// `sum` (|a| + |b|)^2 more.
    #[inline(always)]
    pub fn of_products(self, extent: f64) -> f64 {
        self.rounding(extent) + self.sum * extent * extent
    }

    /// An upper bound for a norm from its computed square.
    #[inline(always)]
    pub fn norm(self, square: f32) -> f64 {
        // The last term covers squares below the smallest single-precision number.
        (f64::from(square) * (1.0 + 2.0 * self.sum)).sqrt() + 1e-18
    }
}

impl Mirror {
    /// Number of blocks.
    #[inline(always)]
    pub fn blocks(&self) -> usize {
        self.len.div_ceil(BLOCK)
    }

    /// The rows of points `from..to`.
    #[inline(always)]
    pub fn rows(&self, from: usize, to: usize) -> &[Line] {
        &self.rows[from * self.width..to * self.width]
    }

    /// The rows of a block.
    #[inline(always)]
    pub fn block(&self, block: usize) -> &[Line] {
        self.rows(block * BLOCK, (block + 1) * BLOCK)
    }

    /// The row of a leaf's offset.
    #[inline(always)]
    pub fn offset(&self, leaf: usize) -> &[Line] {
        &self.offsets[leaf * self.width..(leaf + 1) * self.width]
    }

    /// Centre of block `to` minus centre of block `from`.
    #[inline(always)]
    pub fn direction(&self, from: usize, to: usize, out: &mut [Line]) {
        let a = &self.centres[from * self.dim..(from + 1) * self.dim];
        let b = &self.centres[to * self.dim..(to + 1) * self.dim];
        let out = Line::flat(out);
        for ((out, x), y) in out.iter_mut().zip(a).zip(b) {
            *out = (y - x) as f32;
        }
        out[self.dim..].fill(0.0);
    }

    /// Mirrors the given rows of a path (all if `None`), each multiplied by `unit`.
    ///
    /// Returns whether some step has the square zero.
    #[inline(always)]
    pub fn build<V: Vector, T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        rows: Option<&[u32]>,
        unit: f64,
    ) -> bool {
        self.len = rows.map_or(path.len(), <[u32]>::len);
        self.dim = path.dim();
        self.width = self.dim.div_ceil(LANES);
        self.margin = Margin::new(self.width);
        let (blocks, leaves) = (self.blocks(), self.blocks() * LEAVES);
        resize(&mut self.rows, blocks * BLOCK * self.width, Line::ZERO);
        resize(&mut self.offsets, leaves * self.width, Line::ZERO);
        resize(&mut self.centres, blocks * self.dim, 0.0);
        resize(&mut self.along, blocks * BLOCK, 0.0);
        resize(&mut self.rho, blocks * BLOCK, 0.0);
        resize(&mut self.leaf_rho, blocks * BLOCK, 0.0);
        resize(&mut self.radius, blocks, 0.0);
        resize(&mut self.leaf_radius, leaves, 0.0);
        resize(&mut self.reach, blocks, 0.0);
        resize(&mut self.steps, self.len, 0.0);
        let mut sums = vec![0.0_f64; LEAVES * self.dim];
        let mut pause = false;
        for block in 0..blocks {
            pause |= self.read_block::<V, T>(path, rows, unit, block, &mut sums);
            self.fill_block(path, rows, unit, block);
            self.measure_block::<V>(block);
        }
        pause
    }

    /// One pass over a block as it comes from memory: its steps, and the centres of block and
    /// leaves.
    #[inline(always)]
    fn read_block<V: Vector, T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        rows: Option<&[u32]>,
        unit: f64,
        block: usize,
        sums: &mut [f64],
    ) -> bool {
        let row = |i: usize| path.row(rows.map_or(i, |rows| rows[i] as usize));
        let (from, to) = (block * BLOCK, self.len.min((block + 1) * BLOCK));
        let (width, dim) = (self.width, self.dim);
        let first = row(from);
        let mut pause = false;
        sums.fill(0.0);
        for i in from..to {
            let leaf = (i - from) / LEAF;
            let sum = &mut sums[leaf * dim..(leaf + 1) * dim];
            let square = add_and_step::<V, _>(sum, row(i), row(i.saturating_sub(1)), first);
            self.steps[i] = square * (unit * unit);
            pause |= i > 0 && square == 0.0;
        }
        let centre = &mut self.centres[block * dim..(block + 1) * dim];
        centre.fill(0.0);
        for sum in sums.chunks_exact(dim) {
            for (total, x) in centre.iter_mut().zip(sum) {
                *total += x;
            }
        }
        let share = unit / (to - from) as f64;
        centre.iter_mut().for_each(|sum| *sum *= share);
        for (leaf, sum) in sums.chunks_exact(dim).enumerate() {
            let points = (to - from).saturating_sub(leaf * LEAF).min(LEAF);
            let leaf = block * LEAVES + leaf;
            let offset = &mut self.offsets[leaf * width..(leaf + 1) * width];
            offset.fill(Line::ZERO);
            if points == 0 {
                continue;
            }
            let share = unit / points as f64;
            for ((out, x), total) in Line::flat(offset).iter_mut().zip(sum).zip(&*centre) {
                *out = (total - x * share) as f32;
            }
        }
        for (centre, x) in centre.iter_mut().zip(first) {
            *centre += x.widen() * unit;
        }
        pause
    }

    #[inline(always)]
    fn fill_block<T: Scalar>(
        &mut self,
        path: &PathView<'_, T>,
        rows: Option<&[u32]>,
        unit: f64,
        block: usize,
    ) {
        let row = |i: usize| path.row(rows.map_or(i, |rows| rows[i] as usize));
        let (from, to) = (block * BLOCK, self.len.min((block + 1) * BLOCK));
        let (width, dim) = (self.width, self.dim);
        let centre = &self.centres[block * dim..(block + 1) * dim];
        for i in from..to {
            let out = Line::flat(&mut self.rows[i * width..(i + 1) * width]);
            for ((out, x), c) in out.iter_mut().zip(row(i)).zip(centre) {
                *out = (x.widen() * unit - c) as f32;
            }
            out[dim..].fill(0.0);
        }
        self.rows[to * width..(block + 1) * BLOCK * width].fill(Line::ZERO);
    }

    /// Offsets of the leaves, distances from the centres, radii.
    #[inline(always)]
    fn measure_block<V: Vector>(&mut self, block: usize) {
        let width = self.width;
        let margin = self.margin;
        let mut radius = 0.0_f64;
        for leaf in block * LEAVES..(block + 1) * LEAVES {
            let points = leaf * LEAF..(leaf + 1) * LEAF;
            let rows = &self.rows[points.start * width..points.end * width];
            let offset = &self.offsets[leaf * width..(leaf + 1) * width];
            let inside = self.len.saturating_sub(points.start).min(LEAF);
            let (mut from_block, mut from_leaf) = ([0.0; LEAF], [0.0; LEAF]);
            kernels::norms::<V>(rows, offset, &mut from_block, &mut from_leaf);
            kernels::dots::<V>(rows, offset, &mut self.along[points.clone()]);
            let mut leaf_radius = 0.0_f64;
            self.leaf_rho[points.clone()].fill(0.0);
            self.rho[points.clone()].fill(0.0);
            for k in 0..inside {
                let (near, far) = (margin.norm(from_leaf[k]), margin.norm(from_block[k]));
                self.leaf_rho[points.start + k] = next_up(near);
                self.rho[points.start + k] = next_up(far);
                leaf_radius = leaf_radius.max(f64::from(next_up(near)));
                radius = radius.max(f64::from(next_up(far)));
            }
            self.leaf_radius[leaf] = leaf_radius;
        }
        self.radius[block] = radius;
        let first = &self.centres[..self.dim];
        let own = &self.centres[block * self.dim..(block + 1) * self.dim];
        let square = crate::metric::squared_distance(first, own);
        self.reach[block] = (square.sqrt() + radius) * (1.0 + 1e-6);
    }
}

/// Adds a row to a sum, relative to the `first` one, and returns the square of its distance from the
/// row before.
///
/// A sum of the rows themselves would be rounded as a coordinate far from 0 is, and the centre of
/// points that all share that coordinate would miss it by more than they are apart.
#[inline(always)]
fn add_and_step<V: Vector, T: Scalar>(
    sum: &mut [f64],
    row: &[T],
    before: &[T],
    first: &[T],
) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (sums, sum_rest) = sum.as_chunks_mut::<LANES>();
    let ((lines, rest), (olds, old_rest)) = (row.as_chunks::<LANES>(), before.as_chunks::<LANES>());
    let (origins, origin_rest) = first.as_chunks::<LANES>();
    for (((sum, x), old), origin) in sums.iter_mut().zip(lines).zip(olds).zip(origins) {
        V::prefetch(x.as_ptr().wrapping_add(AHEAD));
        for k in 0..LANES {
            let x = x[k].widen();
            sum[k] += x - origin[k].widen();
            let step = x - old[k].widen();
            lanes[k] += step * step;
        }
    }
    let rest = sum_rest.iter_mut().zip(rest).zip(old_rest).zip(origin_rest);
    for (k, (((sum, x), old), origin)) in rest.enumerate() {
        let x = x.widen();
        *sum += x - origin.widen();
        let step = x - old.widen();
        lanes[k] += step * step;
    }
    let mut half = LANES / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] += lanes[k + half];
        }
        half /= 2;
    }
    lanes[0]
}

fn next_up(x: f64) -> f32 {
    (x * (1.0 + 1.2e-7)) as f32 + 1e-30
}

fn resize<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) {
    // Old contents are overwritten, so nothing is cleared.
    buffer.resize(len, value);
}
