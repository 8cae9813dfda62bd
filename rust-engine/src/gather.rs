//! From the partitions' gradients, block by block, to the gradient itself, row by row.

use crate::element::Element;
use crate::outer::Blocks;
use crate::product::parts;
use crate::simd::Simd;

/// Most numbers of a block.
const LARGEST: usize = 16;

/// Operands: the gradient of each layer is a factor times the sum of the partitions' ones, in their
/// order, less that of the layer after it where layers are increments.
#[derive(Clone, Copy)]
pub struct Gather<T> {
    pub width: usize,
    pub layers: usize,
    pub partitions: usize,
    /// Distance of the partitions.
    pub apart: usize,
    /// The first partition's gradient, as `Outer` leaves it.
    pub from: *const T,
    pub factor: T,
    /// So many of the layers, the first ones, are less the layer after.
    pub less: usize,
    /// (layers, width, width).
    pub to: *mut T,
}

/// The sum of the partitions' vectors from `from` on.
#[inline(always)]
unsafe fn sum<V: Simd>(p: &Gather<V::Scalar>, from: *const V::Scalar) -> V {
    unsafe {
        let mut sum = V::load(from);
        for partition in 1..p.partitions {
            sum = sum.add(V::load(from.add(partition * p.apart)));
        }
        sum
    }
}

/// A block's rows to their places.
#[inline(always)]
unsafe fn spread<T: Element>(
    block: &[T; LARGEST],
    (rows, columns): (usize, usize),
    to: *mut T,
    width: usize,
) {
    for j in 0..rows {
        unsafe {
            let (from, to) = (block.as_ptr().add(j * columns), to.add(j * width));
            match columns {
                // One move in place of a loop.
                4 => to
                    .cast::<[T; 4]>()
                    .write_unaligned(from.cast::<[T; 4]>().read()),
                _ => (0..columns).for_each(|i| to.add(i).write(*from.add(i))),
            }
        }
    }
}

/// The gradient.
///
/// # Safety
/// The pointers cover `layers` layers, `from` one more where the last is less the layer after it.
#[inline(always)]
pub(crate) unsafe fn gather<V: Simd>(p: &Gather<V::Scalar>) {
    let blocks = const { Blocks::of::<V>() };
    const { assert!(Blocks::of::<V>().numbers <= LARGEST) };
    let per_layer = blocks.of_width(p.width);
    let mut block = [V::Scalar::ZERO; LARGEST];
    for layer in 0..p.layers {
        let mut from = unsafe { p.from.add(layer * per_layer) };
        let to = unsafe { p.to.add(layer * p.width * p.width) };
        for (j, rows) in parts(p.width, blocks.rows) {
            for (i, columns) in parts(p.width, blocks.columns) {
                unsafe {
                    for at in (0..blocks.numbers).step_by(V::LANES) {
                        let mut entries = sum::<V>(p, from.add(at)).mul(V::splat(p.factor));
                        if layer < p.less {
                            entries = entries.sub(sum::<V>(p, from.add(per_layer + at)));
                        }
                        entries.store(block.as_mut_ptr().add(at));
                    }
                    spread(&block, (rows, columns), to.add(j * p.width + i), p.width);
                    from = from.add(blocks.numbers);
                }
            }
        }
    }
}
