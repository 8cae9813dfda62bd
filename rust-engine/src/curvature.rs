//! Second derivatives of the mean loss in the weights, of one network.
//!
//! As a call does (see `call`), they cut the batch into partitions and tiles, and add up in an order
//! that depends on the problem alone.

use std::sync::{Mutex, PoisonError};

use crate::assemble::{Tasks, add_up, chunks, subtract};
use crate::buffer::Shared;
use crate::element::Element;
use crate::loss::Totals;
use crate::memory::Memory;
use crate::network::{Augmentation, Problem, Question, Targets};
use crate::plan::{Plan, Purpose};
use crate::product::parts;
use crate::table::Table;
use crate::tile::{Replica, Workspace};

mod products;
mod scratch;
mod traces;
mod walk;

use traces::Traces;
use walk::Walk;

/// Most directions that share a pass.
const DIRECTIONS: usize = 8;
/// Bytes that the tangents of a tile, or the partitions' gradients of a pass, may take before fewer
/// directions share it.
const TOGETHER_BYTES: usize = 128 << 20;

/// Second derivatives under way.
pub(crate) struct Curvature<'a, T: 'static> {
    problem: &'a Problem<'a, T>,
    question: Question<'a, T>,
    table: &'static Table<T>,
    plan: Plan,
    /// The layers' matrices, then those of the directions of a pass, for `IncSkip` alone.
    increments: Option<Shared<T>>,
    gradients: Shared<T>,
    /// Directions that share a pass.
    group: usize,
    workspaces: &'a [Mutex<Workspace<T>>],
    tasks: Tasks,
}

impl<'a, T: Element> Curvature<'a, T> {
    /// Reserves all memory for products with `directions` directions, or for traces.
    pub(crate) fn new(
        problem: &'a Problem<'a, T>,
        question: Question<'a, T>,
        directions: Option<usize>,
        table: &'static Table<T>,
        memory: &'a mut Memory<T>,
    ) -> Self {
        let purpose = match directions {
            Some(_) => Purpose::Products,
            None => Purpose::Traces,
        };
        let plan = Plan::new(problem, table, purpose);
        let shape = problem.shape;
        let apart = shape.depth * plan.gradient;
        let layers = shape.depth * shape.width.pow(2);
        let group = directions.map_or(0, |directions| {
            let tangents = 2 * plan.segment * plan.tile * plan.panel * shape.width;
            let most = tangents.max(plan.partitions * apart) * size_of::<T>();
            // As many passes as that takes, all of about one size.
            let most = (TOGETHER_BYTES / most).clamp(1, DIRECTIONS);
            directions.div_ceil(directions.div_ceil(most))
        });
        let subtracts = problem.augmentation == Augmentation::IncSkip;
        Self {
            problem,
            question,
            table,
            plan,
            increments: subtracts
                .then(|| Shared::new(memory.increments.reserve((1 + group) * layers))),
            gradients: Shared::new(memory.gradients.reserve(group * plan.partitions * apart)),
            group,
            tasks: Tasks {
                parallel: memory.workspaces.len() > 1,
            },
            workspaces: &memory.workspaces,
        }
    }

    fn layers(&self) -> usize {
        self.problem.shape.depth * self.problem.shape.width.pow(2)
    }

    /// Matrices of the layers `of`: themselves, or their increments in place `place`.
    fn matrices(&self, of: &[T], place: usize) -> *const T {
        let Some(increments) = self.increments else {
            return of.as_ptr();
        };
        let shape = self.problem.shape;
        // SAFETY: there is room for the layers and for the directions of a pass.
        unsafe {
            let to = increments.at(place * self.layers());
            let to = Shared::new(to);
            self.tasks.each(chunks(shape.depth), |chunk| {
                subtract(of, shape.width.pow(2), chunk, to);
            });
            to.at(0)
        }
    }

    fn replica(&self, layers: *const T) -> Replica<'_, T> {
        Replica {
            table: self.table,
            plan: &self.plan,
            shape: self.problem.shape,
            activation: self.problem.activation,
            augmentation: self.problem.augmentation,
            delta: self.problem.delta,
            layers,
            readout: self.problem.readout.as_ptr(),
        }
    }

    /// Writes the products with the directions (R, L, d, d) to `products`, inside the thread pool.
    pub(crate) fn products(&self, directions: &[T], products: &mut [T]) {
        let layers = self.layers();
        let matrices = Shared::new(self.matrices(self.problem.blocks, 0).cast_mut());
        for (along, to) in directions
            .chunks(self.group * layers)
            .zip(products.chunks_mut(self.group * layers))
        {
            let turned: Vec<Shared<T>> = along
                .chunks(layers)
                .zip(1..)
                .map(|(one, place)| Shared::new(self.matrices(one, place).cast_mut()))
                .collect();
            let partitions = self.plan.partitions;
            self.tasks.each(partitions, |partition| {
                self.products_of(partition, matrices, &turned)
            });
            let apart = partitions * self.problem.shape.depth * self.plan.gradient;
            let chunks = chunks(self.problem.shape.depth);
            let to = Shared::new(to.as_mut_ptr());
            self.tasks.each(turned.len() * chunks, |i| {
                let direction = i / chunks;
                // SAFETY: all partitions are written, and each chunk has its own output.
                unsafe {
                    let from = self.gradients.at(direction * apart);
                    let to = to.at(direction * layers);
                    add_up(self.problem, (self.table, &self.plan), i % chunks, from, to);
                }
            });
        }
    }

    /// A partition's part of the products with the directions of a pass.
    fn products_of(&self, partition: usize, matrices: Shared<T>, turned: &[Shared<T>]) {
        let apart = self.problem.shape.depth * self.plan.gradient;
        self.tiles(partition, matrices, turned, |walk, first| {
            let to: Vec<*mut T> = (0..turned.len())
                .map(|direction| direction * self.plan.partitions + partition)
                // SAFETY: each partition has its own gradient for each direction.
                .map(|place| unsafe { self.gradients.at(place * apart) })
                .collect();
            // SAFETY: the walk has gone forward; the gradients cover L layers.
            unsafe { walk.products(&to, first) }
        });
    }

    /// The exact trace of the diagonal block of each layer (L,), inside the thread pool.
    pub(crate) fn traces(&self) -> Vec<f64> {
        let matrices = Shared::new(self.matrices(self.problem.blocks, 0).cast_mut());
        let depth = self.problem.shape.depth;
        let parts = self.tasks.map(self.plan.partitions, |partition| {
            let mut sums = Traces::new(depth);
            self.tiles(partition, matrices, &[], |walk, _| {
                // SAFETY: the walk has gone forward.
                unsafe { walk.traces(&mut sums) }
            });
            sums
        });
        let mut all = Traces::new(depth);
        parts.iter().for_each(|part| all.add(part));
        all.of_weights(self.problem.augmentation == Augmentation::IncSkip)
    }

    /// Takes each tile of a partition forward and calls `back` on it; true for the first.
    fn tiles(
        &self,
        partition: usize,
        matrices: Shared<T>,
        turned: &[Shared<T>],
        mut back: impl FnMut(&Walk<'_, T>, bool),
    ) {
        let (shape, plan) = (self.problem.shape, &self.plan);
        let d = shape.width;
        let thread = rayon::current_thread_index().unwrap_or(0) % self.workspaces.len();
        let mut workspace = self.workspaces[thread]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the first matrix of the layers.
        let net = self.replica(unsafe { matrices.at(0) });
        let mut totals = Totals::default();
        totals.clear(shape.outputs);
        let (start, panels) = plan.partition(partition);
        for (offset, panels) in parts(panels, plan.tile) {
            let at = (start + offset) * plan.panel;
            let rows = at..(at + panels * plan.panel).min(shape.samples);
            let h0 = &self.problem.h0[rows.start * d..rows.end * d];
            let targets = match self.question.targets {
                Targets::Classes(classes) => Targets::Classes(&classes[rows]),
                Targets::Values(values, p) => Targets::Values(&values[rows], p),
            };
            let question = Question {
                targets,
                ..self.question
            };
            let walk = Walk::new(&net, &mut workspace, h0, panels, turned, question);
            // SAFETY: the matrices are those of the problem's shape.
            unsafe { walk.forward(&mut totals) };
            back(&walk, offset == 0);
        }
    }
}
