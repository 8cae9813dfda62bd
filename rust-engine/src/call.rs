//! One call: run the tiles of every partition, add the partitions up.
//!
//! Partitions, tiles and the order of every sum depend on the problem alone, so the bits of the
//! result do not depend on the number of threads or on which of them runs what.

use std::sync::{Mutex, PoisonError};

use crate::assemble::{Tasks, add_up, chunks, subtract};
use crate::buffer::Shared;
use crate::element::Element;
use crate::loss::Totals;
use crate::memory::Memory;
use crate::network::{Augmentation, Problem, Shape, Targets};
use crate::outputs::{Evaluation, Outputs};
use crate::plan::{Plan, Purpose};
use crate::product::parts;
use crate::table::Table;
use crate::tile::backward::Gradient;
use crate::tile::{Replica, Tile, Workspace};

/// Bytes of increments and partitions' gradients that replicas may hold at once.
const GROUP_BYTES: usize = 128 << 20;

/// A call under way.
pub(crate) struct Call<'a, T: 'static> {
    problem: &'a Problem<'a, T>,
    targets: Option<Targets<'a, T>>,
    prediction: Option<Shared<T>>,
    gradient: Option<Shared<T>>,
    table: &'static Table<T>,
    plan: Plan,
    /// Numbers of a replica's layers.
    layers: usize,
    /// Numbers of a partition's gradient, as the tiles leave it.
    apart: usize,
    /// Replicas that run at once.
    group: usize,
    /// A_k - A_{k-1} of the replicas that run at once, for `IncSkip` alone.
    increments: Option<Shared<T>>,
    gradients: Shared<T>,
    workspaces: &'a [Mutex<Workspace<T>>],
    tasks: Tasks,
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
        let plan = Plan::new(problem, table, Purpose::Gradient);
        let shape = problem.shape;
        let layers = shape.depth * shape.width * shape.width;
        let subtracts = problem.augmentation == Augmentation::IncSkip;
        let increments = if subtracts { layers } else { 0 };
        let apart = shape.depth * plan.gradient;
        let gradients = if outputs.gradient.is_some() {
            plan.partitions * apart
        } else {
            0
        };
        let bytes = (increments + gradients) * size_of::<T>();
        let group = (GROUP_BYTES / bytes.max(1)).clamp(1, shape.replicas);
        Self {
            problem,
            targets,
            prediction: outputs.prediction.map(|p| Shared::new(p.as_mut_ptr())),
            gradient: outputs.gradient.map(|g| Shared::new(g.as_mut_ptr())),
            table,
            plan,
            layers,
            apart,
            group,
            increments: subtracts.then(|| Shared::new(memory.increments.reserve(group * layers))),
            gradients: Shared::new(memory.gradients.reserve(group * gradients)),
            tasks: Tasks {
                parallel: memory.workspaces.len() > 1,
            },
            workspaces: &memory.workspaces,
        }
    }

    /// Runs the call inside its thread pool.
    pub(crate) fn run(&self) -> Vec<Evaluation> {
        let replicas = self.problem.shape.replicas;
        let mut evaluations = Vec::with_capacity(replicas);
        for first in (0..replicas).step_by(self.group) {
            let count = self.group.min(replicas - first);
            let chunks = chunks(self.problem.shape.depth);
            let size = self.problem.shape.width.pow(2);
            if let Some(to) = self.increments {
                self.tasks.each(count * chunks, |i| {
                    let slot = i / chunks;
                    let blocks = &self.problem.blocks[(first + slot) * self.layers..];
                    // SAFETY: `reserve` made room for every layer of every replica of a group.
                    unsafe {
                        let to = Shared::new(to.at(slot * self.layers));
                        subtract(&blocks[..self.layers], size, i % chunks, to);
                    }
                });
            }
            let totals = self.tasks.map(count * self.plan.partitions, |i| {
                self.partition(first, i / self.plan.partitions, i % self.plan.partitions)
            });
            if let Some(to) = self.gradient {
                self.tasks.each(count * chunks, |i| {
                    let slot = i / chunks;
                    let compiled = (self.table, &self.plan);
                    // SAFETY: all partitions are written, and each chunk has its own output.
                    unsafe {
                        let from = self.gradients.at(slot * self.plan.partitions * self.apart);
                        let to = to.at((first + slot) * self.layers);
                        add_up(self.problem, compiled, i % chunks, from, to);
                    }
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
        let net = self.replica(replica, slot);
        let mut totals = Totals::default();
        totals.clear(if matches!(self.targets, Some(Targets::Classes(_))) {
            shape.outputs
        } else {
            0
        });
        let (start, panels) = plan.partition(partition);
        for (offset, panels) in parts(panels, plan.tile) {
            let at = (start + offset) * plan.panel;
            let rows = (panels * plan.panel).min(n - at);
            let samples = &h0[at * d..(at + rows) * d];
            let keep = self.gradient.is_some();
            let tile = Tile::new(&net, &mut workspace, samples, panels, keep);
            // SAFETY: the outputs have their checked lengths, and each tile writes to its own rows
            // and each partition to its own gradient.
            unsafe {
                match keep {
                    true => tile.forward_keeping(),
                    false => tile.forward(),
                }
                if let Some(to) = self.prediction {
                    tile.copy_prediction(to.at((replica * n + at) * shape.outputs));
                }
                if let Some(targets) = self.targets {
                    tile.compare(targets_of(targets, n, replica, at, rows), &mut totals);
                }
                if keep {
                    let part = slot * plan.partitions + partition;
                    let to = self.gradients.at(part * self.apart);
                    let first = offset == 0;
                    tile.backward(n, Gradient { to, first });
                }
            }
        }
        totals
    }

    fn replica(&self, replica: usize, slot: usize) -> Replica<'_, T> {
        let problem = self.problem;
        let Shape {
            width: d,
            outputs: o,
            ..
        } = problem.shape;
        Replica {
            table: self.table,
            plan: &self.plan,
            shape: problem.shape,
            activation: problem.activation,
            augmentation: problem.augmentation,
            delta: problem.delta,
            layers: match self.increments {
                // SAFETY: the offset lies within the reserved memory.
                Some(increments) => unsafe { increments.at(slot * self.layers) },
                None => problem.blocks[replica * self.layers..].as_ptr(),
            },
            readout: of_replica(problem.readout, o * d, replica).as_ptr(),
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
