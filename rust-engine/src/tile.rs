//! One tile of samples through all layers, forward and back, while it sits in the cache.

use crate::buffer::Buffer;
use crate::element::Element;
use crate::layer::{Activate, Hidden};
use crate::loss::{self, CrossEntropy, Totals};
use crate::network::{Activation, Augmentation, Shape, Targets};
use crate::plan::Plan;
use crate::product::{Product, Store};
use crate::table::Table;

pub(crate) mod backward;

/// One replica as all tiles see it.
pub(crate) struct Replica<'a, T: 'static> {
    pub table: &'static Table<T>,
    pub plan: &'a Plan,
    pub shape: Shape,
    pub activation: Activation,
    pub augmentation: Augmentation,
    pub delta: T,
    /// The matrices of the layers (L, d, d): weights, or their increments.
    pub layers: *const T,
    /// (o, d).
    pub readout: *const T,
}

/// Which way a matrix is applied.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Forward,
    Transposed,
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
    seconds: Buffer<T>,
    checkpoints: Buffer<T>,
    starts: Buffer<T>,
    /// Tangents, and whatever second derivatives need beside.
    pub(crate) beside: Buffer<T>,
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
            seconds: Buffer::default(),
            checkpoints: Buffer::default(),
            starts: Buffer::default(),
            beside: Buffer::default(),
        }
    }
}

/// A tile under way: addresses in the workspace, and how many samples it holds.
#[derive(Clone)]
pub(crate) struct Tile<'a, T: 'static> {
    pub net: &'a Replica<'a, T>,
    samples: usize,
    panels: usize,
    /// Numbers of a tile buffer.
    pub count: usize,
    pub h: *mut T,
    lost: *mut T,
    pub g: *mut T,
    pub u: *mut T,
    pub prediction: *mut T,
    pub values: *mut T,
    pub derivatives: *mut T,
    /// sigma'' of each kept layer where sigma does not tell it; null where nobody asks.
    pub seconds: *mut T,
    /// h, where it is recovered in between.
    pub checkpoints: *mut T,
    pub starts: *mut T,
}

impl<'a, T: Element> Tile<'a, T> {
    /// A tile of the samples whose first hidden states are the rows of `h0`, in `panels` panels.
    pub(crate) fn new(
        net: &'a Replica<'a, T>,
        workspace: &mut Workspace<T>,
        h0: &[T],
        panels: usize,
        keep: bool,
    ) -> Self {
        let (plan, width) = (net.plan, net.shape.width);
        let count = panels * plan.panel * width;
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
            samples: h0.len() / width,
            panels,
            count,
            h: workspace.h.reserve(count),
            lost: optional(plan.compensates, &mut workspace.lost, count),
            g: optional(keep, &mut workspace.g, count),
            u: optional(keep, &mut workspace.u, count),
            prediction: workspace
                .prediction
                .reserve(panels * plan.panel * net.shape.outputs),
            values: workspace.values.reserve(kept * count),
            derivatives: optional(
                keep && plan.keeps_derivative,
                &mut workspace.derivatives,
                kept * count,
            ),
            seconds: optional(
                keep && plan.keeps_second,
                &mut workspace.seconds,
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
        tile.load(h0);
        tile
    }

    /// Samples into lanes. What the last panel lacks is filled with its last sample, so that no
    /// lane holds a state which no sample has.
    fn load(&self, h0: &[T]) {
        let (panel, width) = (self.net.plan.panel, self.net.shape.width);
        for p in 0..self.panels {
            for i in 0..width {
                for s in 0..panel {
                    let sample = (p * panel + s).min(self.samples - 1);
                    // SAFETY: a panel has `width` rows of `panel` numbers.
                    unsafe {
                        let to = self.h.add((p * width + i) * panel + s);
                        to.write(h0[sample * width + i]);
                    }
                }
            }
        }
    }

    /// A hidden state that is written anew has lost nothing yet.
    pub(crate) fn forget_rounding(&self) {
        if !self.lost.is_null() {
            // SAFETY: the buffer holds `count` numbers; zero bits are the number zero.
            unsafe { self.lost.write_bytes(0, self.count) }
        }
    }

    /// Where each panel of a tile buffer with `rows` rows starts.
    pub(crate) fn panels(&self, rows: usize) -> impl Iterator<Item = usize> + use<T> {
        let panel = rows * self.net.plan.panel;
        (0..self.panels).map(move |p| p * panel)
    }

    /// C (+)= A X of one panel for a matrix A (rows, columns), or its transpose.
    pub(crate) unsafe fn multiply(
        &self,
        way: Way,
        a: *const T,
        shape: (usize, usize),
        (x, c): (*const T, *mut T),
        store: Store<T>,
    ) {
        unsafe { self.multiply_both(way, (a, None), shape, (x, c), store) }
    }

    /// C (+)= A X + A' X' of one panel, the second product where there is one.
    pub(crate) unsafe fn multiply_both(
        &self,
        way: Way,
        (a, also): (*const T, Option<(*const T, *const T)>),
        (rows, columns): (usize, usize),
        (x, c): (*const T, *mut T),
        store: Store<T>,
    ) {
        let (rows, terms, a_row, a_term) = match way {
            Way::Forward => (rows, columns, columns, 1),
            Way::Transposed => (columns, rows, 1, columns),
        };
        unsafe {
            (self.net.table.product)(&Product {
                rows,
                terms,
                vectors: self.net.plan.vectors,
                a,
                a_row,
                a_term,
                x,
                also,
                c,
                c_row: self.net.plan.panel,
                store,
            });
        }
    }

    /// C (+)= A X of one panel for the matrix of layer k, or its transpose.
    pub(crate) unsafe fn multiply_layer(
        &self,
        way: Way,
        k: usize,
        operands: (*const T, *mut T),
        store: Store<T>,
    ) {
        let d = self.net.shape.width;
        unsafe {
            let matrix = self.net.layers.add(k * d * d);
            self.multiply(way, matrix, (d, d), operands, store);
        }
    }

    /// Layer k, its value and derivative kept in slot `slot`; one panel after the other, so that
    /// each stays in the nearest cache meanwhile.
    unsafe fn layer_forward(&self, k: usize, slot: usize, derivatives: *mut T) {
        for at in self.panels(self.net.shape.width) {
            unsafe { self.panel_forward(k, slot, at, derivatives) }
        }
    }

    /// One panel of layer k; sigma'' too where the tile keeps it.
    pub(crate) unsafe fn panel_forward(
        &self,
        k: usize,
        slot: usize,
        at: usize,
        derivatives: *mut T,
    ) {
        let net = self.net;
        let inside = net.augmentation.weights_inside();
        let count = net.plan.panel * net.shape.width;
        unsafe {
            let kept = slot * self.count + at;
            let (value, h) = (self.values.add(kept), self.h.add(at));
            if inside {
                self.multiply_layer(Way::Forward, k, (h, value), Store::Set);
            }
            let z = if inside { value } else { h };
            if !self.seconds.is_null() {
                (net.table.second)(count, z, self.seconds.add(kept));
            }
            (net.table.activate)(&Activate {
                activation: net.activation,
                count,
                z,
                value,
                derivative: offset(derivatives, kept),
                hidden: match net.augmentation {
                    Augmentation::Skip => Hidden::Add,
                    Augmentation::None => Hidden::Replace,
                    _ => Hidden::Keep,
                },
                h,
                lost: offset(self.lost, at),
                delta: net.delta,
            });
            if !inside {
                self.multiply_layer(Way::Forward, k, (value, h), Store::Add(T::ONE));
            }
        }
    }

    pub(crate) unsafe fn copy(&self, from: *const T, to: *mut T) {
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
    /// The replica's pointers are those of matrices of its shape.
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

    pub(crate) unsafe fn read_out(&self) {
        let Shape { outputs, width, .. } = self.net.shape;
        for (h, prediction) in self.panels(width).zip(self.panels(outputs)) {
            unsafe {
                let operands = (self.h.add(h).cast_const(), self.prediction.add(prediction));
                let shape = (outputs, width);
                self.multiply(Way::Forward, self.net.readout, shape, operands, Store::Set);
            }
        }
    }

    /// Copies the tile's predictions to consecutive rows.
    ///
    /// # Safety
    /// `to` covers the tile's rows of `outputs` numbers; the forward pass is done.
    pub(crate) unsafe fn copy_prediction(&self, to: *mut T) {
        let (panel, outputs) = (self.net.plan.panel, self.net.shape.outputs);
        for sample in 0..self.samples {
            for c in 0..outputs {
                let row = sample / panel * outputs + c;
                unsafe {
                    let from = self.prediction.add(row * panel + sample % panel);
                    to.add(sample * outputs + c).write(*from);
                }
            }
        }
    }

    /// Adds up loss, Omega and counts; the predictions become the samples' own loss gradients.
    ///
    /// # Safety
    /// The forward pass is done; class indices are below the number of outputs.
    pub(crate) unsafe fn compare(&self, targets: Targets<'_, T>, totals: &mut Totals) {
        match targets {
            Targets::Classes(targets) => unsafe {
                (self.net.table.cross_entropy)(&mut CrossEntropy {
                    panel: self.net.plan.panel,
                    panels: self.panels,
                    classes: self.net.shape.outputs,
                    logits: self.prediction,
                    targets,
                    totals,
                });
            },
            Targets::Values(targets, p) => {
                // SAFETY: one output: the panels' rows follow one another.
                let prediction = unsafe {
                    std::slice::from_raw_parts_mut(
                        self.prediction,
                        self.panels * self.net.plan.panel,
                    )
                };
                for (prediction, target) in prediction.iter_mut().zip(targets) {
                    let (loss, slope) = loss::power(p, prediction.to_f64(), target.to_f64());
                    totals.loss += loss;
                    totals.omega += slope * slope;
                    *prediction = T::from_f64(slope);
                }
                prediction[targets.len()..].fill(T::ZERO);
            }
        }
    }
}

/// `pointer + count`, or null.
pub(crate) fn offset<T>(pointer: *mut T, count: usize) -> *mut T {
    match pointer.is_null() {
        true => pointer,
        false => pointer.wrapping_add(count),
    }
}
