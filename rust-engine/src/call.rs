//! One call: pack the weights, run the tiles of every partition, add the partitions up.
//!
//! Partitions, tiles and the order of every sum depend on the problem alone, so the bits of the
//! result do not depend on the number of threads or on which of them runs what.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::buffer::Shared;
use crate::engine::{Evaluation, Memory, Outputs};
use crate::loss::Totals;
use crate::math::Element;
use crate::network::{Augmentation, Problem, Targets};
use crate::pack::pack;
use crate::plan::Plan;
use crate::product::parts;
use crate::table::Table;
use crate::tile::{Gradient, Replica, Tile, Workspace};

/// Bytes of packed weights and partitions' gradients that replicas may hold at once.
const GROUP_BYTES: usize = 128 << 20;
/// Layers that one task packs or adds up.
const LAYERS_PER_TASK: usize = 64;

/// Where a replica's packed matrices lie.
#[derive(Clone, Copy)]
struct Layout {
    /// Numbers of all layers in one orientation.
    layers: usize,
    /// Numbers of the transposed read-out.
    readout: usize,
    /// Numbers of a replica.
    replica: usize,
}

/// A call under way.
pub(crate) struct Call<'a, T: 'static> {
    problem: &'a Problem<'a, T>,
    targets: Option<Targets<'a, T>>,
    prediction: Option<Shared<T>>,
    gradient: Option<Shared<T>>,
    table: &'static Table<T>,
    plan: Plan,
    layout: Layout,
    /// Replicas that run at once.
    group: usize,
    packed: Shared<T>,
    gradients: Shared<T>,
    workspaces: &'a [Mutex<Workspace<T>>],
    parallel: bool,
}

impl<'a, T: Element> Call<'a, T> {
    /// The call that `outputs` asks for; reserves all memory.
    pub(crate) fn new(
        problem: &'a Problem<'a, T>,
        targets: Option<Targets<'a, T>>,
        outputs: Outputs<'a, T>,
        table: &'static Table<T>,
        memory: &'a mut Memory<T>,
    ) -> Self {
        let plan = Plan::new(problem, table);
        let shape = problem.shape;
        let layers = shape.depth * plan.packed_layer(shape.width);
        let readout = shape.width * plan.output_row;
        let wants_gradient = outputs.gradient.is_some();
        let back = if wants_gradient {
            layers + shape.outputs * plan.columns
        } else {
            0
        };
        let layout = Layout {
            layers,
            readout,
            replica: layers + readout + back,
        };
        let gradients = if wants_gradient {
            plan.partitions * layers
        } else {
            0
        };
        let bytes = (layout.replica + gradients) * size_of::<T>();
        let group = (GROUP_BYTES / bytes).clamp(1, shape.replicas);
        Self {
            problem,
            targets,
            prediction: outputs.prediction.map(|p| Shared::new(p.as_mut_ptr())),
            gradient: outputs.gradient.map(|g| Shared::new(g.as_mut_ptr())),
            table,
            plan,
            layout,
            group,
            packed: Shared::new(memory.packed.reserve(group * layout.replica)),
            gradients: Shared::new(memory.gradients.reserve(group * gradients)),
            parallel: memory.workspaces.len() > 1,
            workspaces: &memory.workspaces,
        }
    }

    /// Runs the call inside its thread pool.
    pub(crate) fn run(&self) -> Vec<Evaluation> {
        let replicas = self.problem.shape.replicas;
        let mut evaluations = Vec::with_capacity(replicas);
        for first in (0..replicas).step_by(self.group) {
            let count = self.group.min(replicas - first);
            let chunks = self.problem.shape.depth.div_ceil(LAYERS_PER_TASK);
            self.each(count * chunks, |i| {
                self.pack_layers(first, i / chunks, i % chunks)
            });
            let totals = self.map(count * self.plan.partitions, |i| {
                self.partition(first, i / self.plan.partitions, i % self.plan.partitions)
            });
            if self.gradient.is_some() {
                self.each(count * chunks, |i| {
                    self.add_up(first, i / chunks, i % chunks)
                });
            }
            evaluations.extend(
                totals
                    .chunks(self.plan.partitions)
                    .map(|t| self.evaluation(t)),
            );
        }
        evaluations
    }

    fn each(&self, tasks: usize, task: impl Fn(usize) + Send + Sync) {
        match self.parallel {
            true => (0..tasks).into_par_iter().with_max_len(1).for_each(task),
            false => (0..tasks).for_each(task),
        }
    }

    fn map<R: Send>(&self, tasks: usize, task: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
        match self.parallel {
            true => (0..tasks)
                .into_par_iter()
                .with_max_len(1)
                .map(task)
                .collect(),
            false => (0..tasks).map(task).collect(),
        }
    }

    fn layers_of(&self, chunk: usize) -> std::ops::Range<usize> {
        let start = chunk * LAYERS_PER_TASK;
        start..(start + LAYERS_PER_TASK).min(self.problem.shape.depth)
    }

    /// Packs a chunk of layers of the group's replica `slot`; the first chunk, the read-out too.
    fn pack_layers(&self, first: usize, slot: usize, chunk: usize) {
        let (shape, plan) = (self.problem.shape, &self.plan);
        let d = shape.width;
        let across = (plan.vectors, self.table.lanes, self.table.widest_strip);
        let blocks = &self.problem.blocks[(first + slot) * shape.depth * d * d..];
        let start = slot * self.layout.replica;
        let back = start + self.layout.layers + self.layout.readout;
        for k in self.layers_of(chunk) {
            let block = &blocks[k * d * d..(k + 1) * d * d];
            let at = k * plan.packed_layer(d);
            let increment = self.problem.augmentation == Augmentation::IncSkip && k > 0;
            // SAFETY: `reserve` made room for every layer of every replica of a group.
            unsafe {
                if increment {
                    let before = &blocks[(k - 1) * d * d..k * d * d];
                    let entry = |j: usize, i: usize| block[j * d + i] - before[j * d + i];
                    pack(self.packed.at(start + at), (d, d), across, |i, j| {
                        entry(j, i)
                    });
                    if self.gradient.is_some() {
                        pack(self.packed.at(back + at), (d, d), across, entry);
                    }
                } else {
                    pack(self.packed.at(start + at), (d, d), across, |i, j| {
                        block[j * d + i]
                    });
                    if self.gradient.is_some() {
                        pack(self.packed.at(back + at), (d, d), across, |j, i| {
                            block[j * d + i]
                        });
                    }
                }
            }
        }
        if chunk == 0 {
            self.pack_readout(first + slot, start);
        }
    }

    fn pack_readout(&self, replica: usize, start: usize) {
        let (shape, plan) = (self.problem.shape, &self.plan);
        let (d, o) = (shape.width, shape.outputs);
        let readout = of_replica(self.problem.readout, o * d, replica);
        let (lanes, widest) = (self.table.lanes, self.table.widest_strip);
        // SAFETY: as for the layers.
        unsafe {
            let to = self.packed.at(start + self.layout.layers);
            pack(to, (d, o), (plan.output_vectors, lanes, widest), |i, c| {
                readout[c * d + i]
            });
            if self.gradient.is_some() {
                let to = self
                    .packed
                    .at(start + 2 * self.layout.layers + self.layout.readout);
                pack(to, (o, d), (plan.vectors, lanes, widest), |c, i| {
                    readout[c * d + i]
                });
            }
        }
    }

    /// All tiles of one partition of the group's replica `slot`.
    fn partition(&self, first: usize, slot: usize, partition: usize) -> Totals {
        let (shape, plan) = (self.problem.shape, &self.plan);
        let (n, d) = (shape.samples, shape.width);
        let replica = first + slot;
        let h0 = of_replica(self.problem.h0, n * d, replica);
        let thread = rayon::current_thread_index().unwrap_or(0) % self.workspaces.len();
        let mut workspace = self.workspaces[thread]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let net = self.replica(slot);
        let mut totals = Totals::default();
        totals.clear(if matches!(self.targets, Some(Targets::Classes(_))) {
            shape.outputs
        } else {
            0
        });
        let (start, end) = (
            partition * n / plan.partitions,
            (partition + 1) * n / plan.partitions,
        );
        for (index, (offset, rows)) in parts(end - start, plan.tile).enumerate() {
            let at = start + offset;
            let samples = &h0[at * d..(at + rows) * d];
            let tile = Tile::new(&net, &mut workspace, samples, self.gradient.is_some());
            // SAFETY: the replica's matrices are packed, the outputs have their checked lengths,
            // and each tile writes to its own rows and each partition to its own gradient.
            unsafe {
                match self.gradient {
                    Some(_) => tile.forward_keeping(),
                    None => tile.forward(),
                }
                if let Some(to) = self.prediction {
                    tile.copy_prediction(to.at((replica * n + at) * shape.outputs));
                }
                if let Some(targets) = self.targets {
                    tile.compare(targets_of(targets, n, replica, at, rows), &mut totals);
                }
                if self.gradient.is_some() {
                    let part = slot * plan.partitions + partition;
                    let to = self.gradients.at(part * self.layout.layers);
                    tile.backward(
                        n,
                        Gradient {
                            to,
                            first: index == 0,
                        },
                    );
                }
            }
        }
        totals
    }

    fn replica(&self, slot: usize) -> Replica<'_, T> {
        let problem = self.problem;
        let Layout {
            layers,
            readout,
            replica,
        } = self.layout;
        let gradient = self.gradient.is_some();
        // SAFETY: the offsets lie within the reserved memory.
        unsafe {
            let start = self.packed.at(slot * replica);
            let back = if gradient {
                start.add(layers + readout)
            } else {
                start
            };
            Replica {
                table: self.table,
                plan: &self.plan,
                shape: problem.shape,
                activation: problem.activation,
                augmentation: problem.augmentation,
                delta: problem.delta,
                forward: start,
                backward: back,
                readout_forward: start.add(layers),
                readout_backward: if gradient { back.add(layers) } else { start },
            }
        }
    }

    /// Adds the partitions' gradients of a chunk of layers, in their order.
    fn add_up(&self, first: usize, slot: usize, chunk: usize) {
        let Some(to) = self.gradient else { return };
        let (shape, plan) = (self.problem.shape, &self.plan);
        let (d, layer) = (shape.width, plan.packed_layer(shape.width));
        // SAFETY: all partitions are written, and each chunk of layers has its own output.
        unsafe {
            let from = self
                .gradients
                .at(slot * plan.partitions * self.layout.layers);
            for k in self.layers_of(chunk) {
                let out = to.at(((first + slot) * shape.depth + k) * d * d);
                for j in 0..d {
                    let out = std::slice::from_raw_parts_mut(out.add(j * d), d);
                    let row = k * layer + j * plan.columns;
                    self.sum_row(from.add(row), out);
                    let last = k + 1 == shape.depth;
                    if self.problem.augmentation == Augmentation::IncSkip && !last {
                        self.subtract_row(from.add(row + layer), out);
                    }
                }
            }
        }
    }

    /// The partitions' rows from `from` on, added up.
    unsafe fn sum_row(&self, from: *const T, out: &mut [T]) {
        unsafe {
            out.copy_from_slice(std::slice::from_raw_parts(from, out.len()));
            for partition in 1..self.plan.partitions {
                let row = from.add(partition * self.layout.layers);
                let row = std::slice::from_raw_parts(row, out.len());
                for (sum, &x) in out.iter_mut().zip(row) {
                    *sum = *sum + x;
                }
            }
        }
    }

    /// A_k enters the increment of layer k + 1 with a minus.
    unsafe fn subtract_row(&self, from: *const T, out: &mut [T]) {
        for (i, out) in out.iter_mut().enumerate() {
            let mut sum = T::ZERO;
            for partition in 0..self.plan.partitions {
                sum = sum + unsafe { *from.add(partition * self.layout.layers + i) };
            }
            *out = *out - sum;
        }
    }

    fn evaluation(&self, partitions: &[Totals]) -> Evaluation {
        let n = self.problem.shape.samples as f64;
        let mut counts = vec![0; partitions[0].counts.len()];
        for (sum, i) in counts.iter_mut().zip(0..) {
            *sum = partitions.iter().map(|part| part.counts[i]).sum();
        }
        Evaluation {
            loss: partitions.iter().map(|part| part.loss).sum::<f64>() / n,
            omega: partitions.iter().map(|part| part.omega).sum::<f64>() / n,
            counts,
        }
    }
}

/// The part of an array that is shared, or has one part a replica.
fn of_replica<E>(array: &[E], part: usize, replica: usize) -> &[E] {
    match array.len() == part {
        true => array,
        false => &array[replica * part..(replica + 1) * part],
    }
}

fn targets_of<T>(
    targets: Targets<'_, T>,
    samples: usize,
    replica: usize,
    start: usize,
    rows: usize,
) -> Targets<'_, T> {
    match targets {
        Targets::Classes(t) => {
            Targets::Classes(&of_replica(t, samples, replica)[start..start + rows])
        }
        Targets::Values(t, p) => {
            Targets::Values(&of_replica(t, samples, replica)[start..start + rows], p)
        }
    }
}
