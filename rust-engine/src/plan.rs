//! How a call is cut up: tiles of samples, partitions of the batch, segments of the depth.

use crate::math::Element;
use crate::network::{Activation, Augmentation, Problem};
use crate::table::Table;

/// Most partitions of a batch, each with a gradient of its own.
const MOST_PARTITIONS: usize = 8;
/// Fewest samples worth a gradient of their own.
const PARTITION_SAMPLES: usize = 64;
/// Layers after which h, recovered by subtraction, is taken from memory again.
const CHECKPOINT: usize = 16;
/// Bytes that a thread may keep of a tile before it computes segments of the depth twice.
/// Reading them back costs a narrow layer more than its second computation, a wide one far less.
const KEPT_BYTES_NARROW: usize = 24 << 20;
const KEPT_BYTES_WIDE: usize = 256 << 20;
/// Bytes of a row from which on a layer counts as wide.
const WIDE: usize = 256;
/// Bytes of one segment's kept layers.
const SEGMENT_BYTES: usize = 256 << 10;

/// The cut of one call, a function of the problem alone and never of the number of threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Width in vectors.
    pub vectors: usize,
    /// Width padded to whole vectors: the row of a gradient.
    pub columns: usize,
    /// Distance of the samples of a tile.
    pub row: usize,
    /// Outputs in vectors.
    pub output_vectors: usize,
    /// Distance of the predictions of a tile.
    pub output_row: usize,
    /// Most samples of a tile.
    pub tile: usize,
    /// Parts of the batch with a gradient of their own.
    pub partitions: usize,
    /// Layers whose values are kept at once; the depth, unless segments are computed twice.
    pub segment: usize,
    /// Layers after which h is kept, within a segment.
    pub checkpoint: usize,
    /// Whether sigma' is kept beside sigma.
    pub keeps_derivative: bool,
    /// Whether h is recovered from h and sigma of the next layer.
    pub recovers: bool,
    /// Whether the rounding of h is made good: f32 deep down needs it, f64 does not.
    pub compensates: bool,
}

/// Samples of a tile, for a row's bytes: enough to earn the reading of the weights, few enough for
/// the cache. Measured at widths 15 to 256 and depths 64 to 20,000.
fn tile_rows(row_bytes: usize, deep: bool) -> usize {
    match row_bytes {
        _ if deep => 128,
        0..=64 => 32,
        65..=128 => 64,
        _ => 128,
    }
}

impl Plan {
    pub(crate) fn new<T: Element>(problem: &Problem<'_, T>, table: &Table<T>) -> Self {
        let (shape, bytes) = (problem.shape, size_of::<T>());
        let vectors = shape.width.div_ceil(table.lanes);
        let columns = vectors * table.lanes;
        // Wide rows an odd number of cache lines apart do not compete for the same cache sets.
        let line = 64 / bytes;
        let row = match columns * bytes {
            512.. => (columns.div_ceil(line) | 1) * line,
            _ => columns,
        };
        let keeps_derivative = problem.activation == Activation::Gelu;
        let row_bytes = row * bytes;
        let kept = |tile: usize| tile * row_bytes * if keeps_derivative { 2 } else { 1 };
        let most = if row_bytes < WIDE {
            KEPT_BYTES_NARROW
        } else {
            KEPT_BYTES_WIDE
        };
        let shallow_tile = tile_rows(row_bytes, false).min(shape.samples);
        let deep = kept(shallow_tile) * shape.depth > most;
        let tile = tile_rows(row_bytes, deep).min(shape.samples);
        let segment = match deep {
            true => (SEGMENT_BYTES / kept(tile))
                .max(CHECKPOINT)
                .min(shape.depth),
            false => shape.depth,
        };
        let output_vectors = shape.outputs.div_ceil(table.lanes);
        Self {
            vectors,
            columns,
            row,
            output_vectors,
            output_row: output_vectors * table.lanes,
            tile,
            partitions: (shape.samples / tile.max(PARTITION_SAMPLES)).clamp(1, MOST_PARTITIONS),
            segment,
            checkpoint: CHECKPOINT,
            keeps_derivative,
            recovers: problem.augmentation == Augmentation::Skip,
            compensates: problem.augmentation == Augmentation::Skip && bytes == 4,
        }
    }

    /// Numbers of a packed layer, in one of its two orientations.
    pub(crate) fn packed_layer(&self, width: usize) -> usize {
        width * self.columns
    }
}
