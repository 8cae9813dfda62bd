//! One tile of samples through all layers, forward and back, while it sits in the cache.

use crate::buffer::Buffer;
use crate::layer::{Activate, Hidden, Inside, Outside};
use crate::loss::{self, CrossEntropy, Totals};
use crate::math::Element;
use crate::network::{Activation, Augmentation, Shape, Targets};
use crate::plan::Plan;
use crate::product::Product;
use crate::table::Table;

/// One replica as all tiles see it; the pointers are to packed matrices.
pub(crate) struct Replica<'a, T: 'static> {
    pub table: &'static Table<T>,
    pub plan: &'a Plan,
    pub shape: Shape,
    pub activation: Activation,
    pub augmentation: Augmentation,
    pub delta: T,
    /// Transposed layers, for the forward pass.
    pub forward: *const T,
    /// Layers, for the backward pass.
    pub backward: *const T,
    /// Transposed read-out.
    pub readout_forward: *const T,
    /// Read-out.
    pub readout_backward: *const T,
}

/// A thread's memory for one tile.
pub(crate) struct Workspace<T> {
    h: Buffer<T>,
    lost: Buffer<T>,
    g: Buffer<T>,
    u: Buffer<T>,
    prediction: Buffer<T>,
    values: Buffer<T>,
    derivatives: Buffer<T>,
    checkpoints: Buffer<T>,
    starts: Buffer<T>,
}

impl<T> Default for Workspace<T> {
    fn default() -> Self {
        Self {
            h: Buffer::default(),
            lost: Buffer::default(),
            g: Buffer::default(),
            u: Buffer::default(),
            prediction: Buffer::default(),
            values: Buffer::default(),
            derivatives: Buffer::default(),
            checkpoints: Buffer::default(),
            starts: Buffer::default(),
        }
    }
}

/// A tile under way: addresses in the workspace, and how many samples it holds.
pub(crate) struct Tile<'a, T: 'static> {
    net: &'a Replica<'a, T>,
    rows: usize,
    /// Numbers of a tile buffer: rows times their distance.
    count: usize,
    h: *mut T,
    lost: *mut T,
    g: *mut T,
    u: *mut T,
    prediction: *mut T,
    values: *mut T,
    derivatives: *mut T,
    checkpoints: *mut T,
    starts: *mut T,
}

/// Where the gradient of a partition is gathered.
#[derive(Clone, Copy)]
pub(crate) struct Gradient<T> {
    /// (L, d, columns).
    pub to: *mut T,
    /// Whether this tile is the partition's first, and overwrites.
    pub first: bool,
}

impl<'a, T: Element> Tile<'a, T> {
    /// A tile of `rows` samples whose first hidden states are the rows of `h0`.
    pub(crate) fn new(
        net: &'a Replica<'a, T>,
        workspace: &mut Workspace<T>,
        h0: &[T],
        keep: bool,
    ) -> Self {
        let (plan, width) = (net.plan, net.shape.width);
        let rows = h0.len() / width;
        let count = rows * plan.row;
        let kept = if keep { plan.segment } else { 1 };
        let optional = |wanted: bool, buffer: &mut Buffer<T>, numbers: usize| {
            if wanted {
                buffer.reserve(numbers)
            } else {
                std::ptr::null_mut()
            }
        };
        let segments = net.shape.depth.div_ceil(plan.segment);
        let tile = Self {
            net,
            rows,
            count,
            h: workspace.h.reserve(count),
            lost: optional(plan.compensates, &mut workspace.lost, count),
            g: optional(keep, &mut workspace.g, count),
            u: optional(keep, &mut workspace.u, count),
            prediction: workspace.prediction.reserve(rows * plan.output_row),
            values: workspace.values.reserve(kept * count),
            derivatives: optional(
                keep && plan.keeps_derivative,
                &mut workspace.derivatives,
                kept * count,
            ),
            checkpoints: optional(
                keep && plan.recovers,
                &mut workspace.checkpoints,
                kept.div_ceil(plan.checkpoint) * count,
            ),
            starts: optional(keep, &mut workspace.starts, segments * count),
        };
        tile.forget_rounding();
        for (i, sample) in h0.chunks_exact(width).enumerate() {
            // SAFETY: row i of the tile holds a sample and its padding.
            unsafe {
                let row = tile.h.add(i * plan.row);
                std::ptr::copy_nonoverlapping(sample.as_ptr(), row, width);
                for pad in width..plan.row {
                    row.add(pad).write(T::ZERO);
                }
            }
        }
        tile
    }

    /// A hidden state that is written anew has lost nothing yet.
    fn forget_rounding(&self) {
        if !self.lost.is_null() {
            // SAFETY: the buffer holds `count` numbers; zero bits are the number zero.
            unsafe { self.lost.write_bytes(0, self.count) }
        }
    }

    /// X B with packed B of (terms, vectors), X and C being tile buffers.
    unsafe fn multiply(&self, x: *const T, b: *const T, c: *mut T, accumulate: bool) {
        let plan = self.net.plan;
        unsafe {
            (self.net.table.product)(&Product {
                rows: self.rows,
                terms: self.net.shape.width,
                vectors: plan.vectors,
                x,
                x_row: plan.row,
                x_term: 1,
                b,
                b_row: 0,
                c,
                c_row: plan.row,
                accumulate,
            });
        }
    }

    /// Layer k, its value and derivative kept in slot `slot`.
    unsafe fn layer_forward(&self, k: usize, slot: usize, derivatives: *mut T) {
        let net = self.net;
        unsafe {
            let matrix = net.forward.add(k * net.plan.packed_layer(net.shape.width));
            let value = self.values.add(slot * self.count);
            let inside = net.augmentation.weights_inside();
            if inside {
                self.multiply(self.h, matrix, value, false);
            }
            (net.table.activate)(&Activate {
                activation: net.activation,
                count: self.count,
                z: if inside { value } else { self.h },
                value,
                derivative: match derivatives.is_null() {
                    true => derivatives,
                    false => derivatives.add(slot * self.count),
                },
                hidden: match net.augmentation {
                    Augmentation::Skip => Hidden::Add,
                    Augmentation::None => Hidden::Replace,
                    _ => Hidden::Keep,
                },
                h: self.h,
                lost: self.lost,
                delta: net.delta,
            });
            if !inside {
                self.multiply(value, matrix, self.h, true);
            }
        }
    }

    unsafe fn copy(&self, from: *const T, to: *mut T) {
        unsafe { std::ptr::copy_nonoverlapping(from, to, self.count) }
    }

    /// Layers `start..end`, keeping what the backward pass needs of them.
    unsafe fn segment_forward(&self, start: usize, end: usize) {
        let plan = self.net.plan;
        for k in start..end {
            let slot = k - start;
            unsafe {
                if plan.recovers && slot.is_multiple_of(plan.checkpoint) {
                    let to = self.checkpoints.add(slot / plan.checkpoint * self.count);
                    self.copy(self.h, to);
                }
                self.layer_forward(k, slot, self.derivatives);
            }
        }
    }

    /// All layers and the read-out, keeping nothing.
    ///
    /// # Safety
    /// The replica's pointers are those of packed matrices of its shape.
    pub(crate) unsafe fn forward(&self) {
        unsafe {
            for k in 0..self.net.shape.depth {
                self.layer_forward(k, 0, std::ptr::null_mut());
            }
            self.read_out();
        }
    }

    /// All layers and the read-out, keeping the last segment and the start of each.
    ///
    /// # Safety
    /// As for `forward`; the tile was made to keep.
    pub(crate) unsafe fn forward_keeping(&self) {
        let (depth, segment) = (self.net.shape.depth, self.net.plan.segment);
        unsafe {
            for start in (0..depth).step_by(segment) {
                self.copy(self.h, self.starts.add(start / segment * self.count));
                let end = (start + segment).min(depth);
                if end == depth {
                    self.segment_forward(start, end);
                } else {
                    for k in start..end {
                        self.layer_forward(k, 0, std::ptr::null_mut());
                    }
                }
            }
            self.read_out();
        }
    }

    unsafe fn read_out(&self) {
        let plan = self.net.plan;
        unsafe {
            (self.net.table.product)(&Product {
                rows: self.rows,
                terms: self.net.shape.width,
                vectors: plan.output_vectors,
                x: self.h,
                x_row: plan.row,
                x_term: 1,
                b: self.net.readout_forward,
                b_row: 0,
                c: self.prediction,
                c_row: plan.output_row,
                accumulate: false,
            });
        }
    }

    /// Copies the tile's predictions to consecutive rows.
    ///
    /// # Safety
    /// `to` covers the tile's rows of `outputs` numbers; the forward pass is done.
    pub(crate) unsafe fn copy_prediction(&self, to: *mut T) {
        let outputs = self.net.shape.outputs;
        for i in 0..self.rows {
            unsafe {
                let from = self.prediction.add(i * self.net.plan.output_row);
                std::ptr::copy_nonoverlapping(from, to.add(i * outputs), outputs);
            }
        }
    }

    /// Adds up loss, Omega and counts; the predictions become the samples' own loss gradients.
    ///
    /// # Safety
    /// The forward pass is done; class indices are below the number of outputs.
    pub(crate) unsafe fn compare(&self, targets: Targets<'_, T>, totals: &mut Totals) {
        let row = self.net.plan.output_row;
        match targets {
            Targets::Classes(targets) => unsafe {
                (self.net.table.cross_entropy)(&mut CrossEntropy {
                    rows: self.rows,
                    classes: self.net.shape.outputs,
                    logits: self.prediction,
                    row,
                    targets,
                    totals,
                });
            },
            Targets::Values(targets, p) => {
                for (i, target) in targets.iter().enumerate() {
                    // SAFETY: a row of predictions is at least one number.
                    let prediction = unsafe { &mut *self.prediction.add(i * row) };
                    let (loss, slope) = loss::power(p, prediction.to_f64(), target.to_f64());
                    totals.loss += loss;
                    totals.omega += slope * slope;
                    *prediction = T::from_f64(slope);
                }
            }
        }
    }

    /// The way back: adds this tile's part of the gradient of the loss divided by `samples`.
    ///
    /// # Safety
    /// `forward_keeping` and `compare` are done; `gradient` covers L rows-of-columns matrices.
    pub(crate) unsafe fn backward(&self, samples: usize, gradient: Gradient<T>) {
        let (net, plan) = (self.net, self.net.plan);
        let segment = plan.segment;
        let scale = T::from_f64(1.0 / samples as f64);
        unsafe {
            for i in 0..self.rows * plan.output_row {
                *self.prediction.add(i) = *self.prediction.add(i) * scale;
            }
            (net.table.product)(&Product {
                rows: self.rows,
                terms: net.shape.outputs,
                vectors: plan.vectors,
                x: self.prediction,
                x_row: plan.output_row,
                x_term: 1,
                b: net.readout_backward,
                b_row: 0,
                c: self.g,
                c_row: plan.row,
                accumulate: false,
            });
            for start in (0..net.shape.depth).step_by(segment).rev() {
                let end = (start + segment).min(net.shape.depth);
                let at_start = self.starts.add(start / segment * self.count);
                if end < net.shape.depth {
                    self.copy(at_start, self.h);
                    self.forget_rounding();
                    self.segment_forward(start, end);
                }
                for k in (start..end).rev() {
                    let before = match k == start {
                        true => at_start,
                        false => self.values.add((k - start - 1) * self.count),
                    };
                    self.layer_backward(k, k - start, before, gradient);
                }
            }
        }
    }

    /// Layer k, kept in slot `slot`: its gradient, and g of its input. `before` is the previous
    /// layer's value, which is the layer's input for `none`.
    unsafe fn layer_backward(&self, k: usize, slot: usize, before: *const T, to: Gradient<T>) {
        let net = self.net;
        unsafe {
            let matrix = net.backward.add(k * net.plan.packed_layer(net.shape.width));
            let value = self.values.add(slot * self.count);
            let kept = match self.derivatives.is_null() {
                true => value,
                false => self.derivatives.add(slot * self.count),
            };
            if net.augmentation.weights_inside() {
                let input = self.through_activation(slot, value, kept, before);
                self.add_gradient(k, self.u, input, to);
                if k > 0 {
                    let keeps_g = net.augmentation == Augmentation::Skip;
                    self.multiply(self.u, matrix, self.g, keeps_g);
                }
                return;
            }
            self.add_gradient(k, self.g, value, to);
            if k > 0 {
                self.multiply(self.g, matrix, self.u, false);
                (net.table.outside)(&Outside {
                    activation: net.activation,
                    count: self.count,
                    kept,
                    through: self.u,
                    g: self.g,
                });
            }
        }
    }

    /// u = g times the derivative of the layer at its product; returns the layer's input h_k.
    unsafe fn through_activation(
        &self,
        slot: usize,
        value: *const T,
        kept: *const T,
        before: *const T,
    ) -> *const T {
        let (net, plan) = (self.net, self.net.plan);
        let skip = net.augmentation == Augmentation::Skip;
        let exact = slot.is_multiple_of(plan.checkpoint);
        unsafe {
            (net.table.inside)(&Inside {
                activation: net.activation,
                count: self.count,
                kept,
                value: if skip && !exact {
                    value
                } else {
                    std::ptr::null()
                },
                g: self.g,
                u: self.u,
                h: self.h,
                factor: if skip { net.delta } else { T::ONE },
            });
            if !skip {
                return before;
            }
            if exact {
                self.copy(
                    self.checkpoints.add(slot / plan.checkpoint * self.count),
                    self.h,
                );
            }
        }
        self.h
    }

    /// Gradient of layer k (+)= left^T right.
    unsafe fn add_gradient(&self, k: usize, left: *const T, right: *const T, to: Gradient<T>) {
        let (net, plan) = (self.net, self.net.plan);
        let width = net.shape.width;
        unsafe {
            (net.table.product)(&Product {
                rows: width,
                terms: self.rows,
                vectors: plan.vectors,
                x: left,
                x_row: 0,
                x_term: plan.row,
                b: right,
                b_row: plan.row,
                c: to.to.add(k * width * plan.columns),
                c_row: plan.columns,
                accumulate: !to.first,
            });
        }
    }
}
