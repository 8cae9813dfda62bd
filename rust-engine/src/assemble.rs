//! What a call does to whole layers, before the tiles and after them; and its tasks.

use std::ops::Range;

use rayon::prelude::*;

use crate::buffer::Shared;
use crate::element::Element;
use crate::gather::Gather;
use crate::network::{Augmentation, Problem};
use crate::plan::Plan;
use crate::table::Table;

/// Layers that one task subtracts or adds up.
const LAYERS_PER_TASK: usize = 64;

/// Numbered tasks, beside one another in a pool or one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Tasks {
    pub parallel: bool,
}

impl Tasks {
    /// Runs all of them.
    pub(crate) fn each(self, tasks: usize, task: impl Fn(usize) + Send + Sync) {
        match self.parallel {
            true => (0..tasks).into_par_iter().with_max_len(1).for_each(task),
            false => (0..tasks).for_each(task),
        }
    }

    /// Their results, in their order.
    pub(crate) fn map<R: Send>(
        self,
        tasks: usize,
        task: impl Fn(usize) -> R + Send + Sync,
    ) -> Vec<R> {
        match self.parallel {
            true => (0..tasks)
                .into_par_iter()
                .with_max_len(1)
                .map(task)
                .collect(),
            false => (0..tasks).map(task).collect(),
        }
    }
}

/// How many chunks of layers a task takes each.
pub(crate) fn chunks(depth: usize) -> usize {
    depth.div_ceil(LAYERS_PER_TASK)
}

fn layers_of(chunk: usize, depth: usize) -> Range<usize> {
    let start = chunk * LAYERS_PER_TASK;
    start..(start + LAYERS_PER_TASK).min(depth)
}

/// Increments of a chunk of the layers `blocks` (L, d, d), whose matrices have `size` numbers.
///
/// # Safety
/// `to` covers all layers.
pub(crate) unsafe fn subtract<T: Element>(blocks: &[T], size: usize, chunk: usize, to: Shared<T>) {
    let range = layers_of(chunk, blocks.len() / size);
    for at in range.start * size..range.end * size {
        let before = match at < size {
            true => T::ZERO,
            false => blocks[at - size],
        };
        unsafe { to.at(at).write(blocks[at] - before) };
    }
}

/// Adds the partitions' gradients of a chunk of layers, in their order, to the gradient `to`
/// (L, d, d). Partitions are L layers `apart`.
///
/// # Safety
/// `from` covers the partitions, all of them written, and `to` all layers.
pub(crate) unsafe fn add_up<T: Element>(
    problem: &Problem<'_, T>,
    (table, plan): (&Table<T>, &Plan),
    chunk: usize,
    from: *const T,
    to: *mut T,
) {
    let (depth, width) = (problem.shape.depth, problem.shape.width);
    let range = layers_of(chunk, depth);
    unsafe {
        (table.gather)(&Gather {
            width,
            layers: range.len(),
            partitions: plan.partitions,
            apart: depth * plan.gradient,
            from: from.add(range.start * plan.gradient),
            // The tiles leave out the factor delta.
            factor: match problem.augmentation {
                Augmentation::Skip => problem.delta,
                _ => T::ONE,
            },
            // A_k enters the increment of layer k + 1 with a minus.
            less: match problem.augmentation {
                Augmentation::IncSkip => range.len().min(depth - 1 - range.start),
                _ => 0,
            },
            to: to.add(range.start * width * width),
        });
    }
}
