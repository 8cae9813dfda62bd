//! How a call is cut up: panels and tiles of samples, partitions of the batch, segments of the
//! depth.

use crate::element::Element;
use crate::network::{Activation, Augmentation, Problem};
use crate::table::Table;

/// Most partitions of a batch, each with a gradient of its own.
const MOST_PARTITIONS: usize = 8;
/// Fewest samples worth a gradient of their own.
const PARTITION_SAMPLES: usize = 64;
/// Layers after which h, recovered by subtraction, is taken from memory again.
const CHECKPOINT: usize = 16;
/// Fewest layers over which the rounding of h in f32 adds up to something. Steps of one sign are all
/// rounded one way, those of tanh have both: plain sums of 1000 layers are as good as autograd's.
const DEEP: usize = 200;
const DEEP_TANH: usize = 2000;
/// Samples of a tile: enough to pay for the sums of its gradient, few enough for the cache. A wide
/// layer computes longer on each number that it streams in.
const TILE_SAMPLES_NARROW: usize = 128;
const TILE_SAMPLES_WIDE: usize = 256;
/// Bytes of a row of a narrow tile, for products of the Hessian.
const PRODUCT_BYTES: usize = 512;
/// Width from which on a layer counts as wide.
const WIDE: usize = 24;
/// Bytes that a thread may keep of a tile before it computes segments of the depth twice.
const KEPT_BYTES: usize = 128 << 20;
/// Bytes of the gradients that the partitions of a Hessian's product may hold, where one can do
/// with less: a network that deep has enough to do for each thread.
const PARTITIONS_BYTES: usize = 512 << 20;
/// Bytes of one segment's kept layers.
const SEGMENT_BYTES: usize = 512 << 10;

/// The cut of one call, a function of the problem alone and never of the number of threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Vectors of a panel's row.
    pub vectors: usize,
    /// Samples of a panel.
    pub panel: usize,
    /// Panels of the batch, the last one filled up.
    pub panels: usize,
    /// Most panels of a tile.
    pub tile: usize,
    /// Parts of the batch with a gradient of their own.
    pub partitions: usize,
    /// Numbers that a layer's gradient takes up in a partition.
    pub gradient: usize,
    /// Layers whose values are kept at once; the depth, unless segments are computed twice.
    pub segment: usize,
    /// Layers after which h is kept, within a segment.
    pub checkpoint: usize,
    /// Whether sigma' is kept beside sigma.
    pub keeps_derivative: bool,
    /// Whether sigma'' is kept beside both.
    pub keeps_second: bool,
    /// Whether h is recovered from h and sigma of the next layer.
    pub recovers: bool,
    /// Whether the rounding of h is made good: f32 deep down needs it, f64 does not.
    pub compensates: bool,
}

/// Vectors of a panel: as many as the registers hold, fewer where more would be mostly padding.
fn panel_vectors(samples: usize, lanes: usize, widest: usize) -> usize {
    let mut vectors = widest;
    // A panel half as wide loads half as much again for each product.
    while vectors > 1 {
        let padded = |vectors: usize| samples.next_multiple_of(vectors * lanes);
        if 4 * padded(vectors) <= 5 * padded(vectors / 2) {
            break;
        }
        vectors /= 2;
    }
    vectors
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Loss and gradient.
    Gradient,
    /// The Hessian times directions.
    Products,
    /// The diagonal blocks of the Hessian: a panel at a time.
    Traces,
}

impl Plan {
    pub(crate) fn new<T: Element>(
        problem: &Problem<'_, T>,
        table: &Table<T>,
        purpose: Purpose,
    ) -> Self {
        let (shape, bytes) = (problem.shape, size_of::<T>());
        let vectors = panel_vectors(shape.samples, table.lanes, table.widest_panel);
        let panel = vectors * table.lanes;
        let panels = shape.samples.div_ceil(panel);
        let partitions = (shape.samples / PARTITION_SAMPLES.max(shape.width))
            .clamp(1, MOST_PARTITIONS)
            .min(panels);
        let gradient = table.blocks.of_width(shape.width);
        let partitions = match purpose {
            Purpose::Products => {
                partitions.min((PARTITIONS_BYTES / (shape.depth * gradient * bytes)).max(1))
            }
            _ => partitions,
        };
        let keeps_derivative = problem.activation == Activation::Gelu;
        // One direction's tangents, however many there are: the cut decides the bits.
        let kept = match (purpose, problem.augmentation) {
            (Purpose::Gradient, _) => 1,
            (Purpose::Products, Augmentation::None) => 4,
            _ => 2,
        } + match (keeps_derivative, purpose) {
            (false, _) => 0,
            (true, Purpose::Gradient) => 1,
            (true, _) => 2,
        };
        // A partition that is half a tile longer is one tile, not a whole and a half.
        let longest = panels.div_ceil(partitions);
        let tile_of = |samples: usize| match (samples / panel).max(1) {
            usual if 2 * longest <= 3 * usual => longest,
            usual => usual,
        };
        let kept_of = |tile: usize| tile * panel * shape.width * bytes * kept;
        let wide = tile_of(TILE_SAMPLES_WIDE);
        // Layers computed twice cost more than a wide tile saves.
        let tile = match shape.width >= WIDE && kept_of(wide) * shape.depth <= KEPT_BYTES {
            true => wide,
            false => tile_of(TILE_SAMPLES_NARROW),
        };
        let tile = match purpose {
            Purpose::Traces => 1,
            // The tangents want their part of the cache too.
            Purpose::Products if shape.width < WIDE => tile.min(tile_of(PRODUCT_BYTES / bytes)),
            _ => tile,
        };
        let per_layer = kept_of(tile);
        let deep = match problem.activation {
            Activation::Tanh => DEEP_TANH,
            _ => DEEP,
        };
        let most = match purpose {
            // A second pass forward is nothing beside what a trace takes.
            Purpose::Traces => SEGMENT_BYTES,
            _ => KEPT_BYTES,
        };
        let segment = match per_layer * shape.depth > most {
            true => (SEGMENT_BYTES / per_layer).max(CHECKPOINT).min(shape.depth),
            false => shape.depth,
        };
        Self {
            vectors,
            panel,
            panels,
            tile,
            partitions,
            gradient,
            segment,
            checkpoint: CHECKPOINT,
            keeps_derivative,
            keeps_second: keeps_derivative && purpose != Purpose::Gradient,
            recovers: problem.augmentation == Augmentation::Skip && purpose != Purpose::Traces,
            compensates: problem.augmentation == Augmentation::Skip
                && bytes == 4
                && shape.depth >= deep,
        }
    }

    /// The panels of a partition: the first, and how many.
    pub(crate) fn partition(&self, partition: usize) -> (usize, usize) {
        let start = |part: usize| part * self.panels / self.partitions;
        (start(partition), start(partition + 1) - start(partition))
    }
}
