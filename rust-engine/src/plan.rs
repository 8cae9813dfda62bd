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
const KEPT_BYTES: usize = 24 << 20;
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
}

/// Samples of a tile: enough for the products, few enough for the cache.
fn tile_rows(columns: usize, bytes: usize) -> usize {
    match columns * bytes {
        0..=64 => 32,
        65..=256 => 48,
        _ => 96,
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
        let tile = tile_rows(columns, bytes).min(shape.samples);
        let layer = tile * row * bytes * if keeps_derivative { 2 } else { 1 };
        let segment = match layer * shape.depth {
            kept if kept <= KEPT_BYTES => shape.depth,
            _ => (SEGMENT_BYTES / layer).max(CHECKPOINT).min(shape.depth),
        };
        let output_vectors = shape.outputs.div_ceil(table.lanes);
        Self {
            vectors,
            columns,
            row,
            output_vectors,
            output_row: output_vectors * table.lanes,
            tile,
            partitions: (shape.samples / PARTITION_SAMPLES).clamp(1, MOST_PARTITIONS),
            segment,
            checkpoint: CHECKPOINT,
            keeps_derivative,
            recovers: problem.augmentation == Augmentation::Skip,
        }
    }

    /// Numbers of a packed layer, in one of its two orientations.
    pub(crate) fn packed_layer(&self, width: usize) -> usize {
        width * self.columns
    }
}
