//! The way of a tile back through the layers.

use super::{Tile, Way, offset};
use crate::element::Element;
use crate::layer::{Inside, Outside};
use crate::network::{Augmentation, Shape};
use crate::outer::{Outer, Soon};
use crate::product::Store;

/// Where the gradient of a partition is gathered.
#[derive(Clone, Copy)]
pub(crate) struct Gradient<T> {
    /// L layers, each as `Outer` leaves it.
    pub to: *mut T,
    /// Whether this tile is the partition's first, and overwrites.
    pub first: bool,
}

impl<T: Element> Tile<'_, T> {
    /// The way back: adds this tile's part of the gradient of the loss divided by `samples`, for
    /// `skip` without the factor delta.
    ///
    /// # Safety
    /// `forward_keeping` and `compare` are done; `gradient` covers L layers of `Plan::gradient` numbers.
    pub(crate) unsafe fn backward(&self, samples: usize, gradient: Gradient<T>) {
        let (net, plan) = (self.net, self.net.plan);
        let segment = plan.segment;
        let scale = T::from_f64(1.0 / samples as f64);
        let Shape { outputs, width, .. } = net.shape;
        unsafe {
            for i in 0..self.panels * plan.panel * outputs {
                *self.prediction.add(i) = *self.prediction.add(i) * scale;
            }
            for (g, prediction) in self.panels(width).zip(self.panels(outputs)) {
                let operands = (self.prediction.add(prediction).cast_const(), self.g.add(g));
                let shape = (outputs, width);
                self.multiply(Way::Transposed, net.readout, shape, operands, Store::Set);
            }
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

    /// Layer k, kept in slot `slot`: its gradient. `before` is the previous layer's value, which is
    /// the layer's input for `none`.
    ///
    /// With the weights inside, g of the layer above is brought down first, panel by panel, and its
    /// own gradient is still in u; with the weights outside, g is brought down at the end.
    unsafe fn layer_backward(&self, k: usize, slot: usize, before: *const T, to: Gradient<T>) {
        let (net, plan) = (self.net, self.net.plan);
        let value = unsafe { self.values.add(slot * self.count) };
        if net.augmentation.weights_inside() {
            let skip = net.augmentation == Augmentation::Skip;
            let exact = slot.is_multiple_of(plan.checkpoint);
            for at in self.panels(net.shape.width) {
                unsafe { self.through_activation(k, slot, at, skip && !exact) }
            }
            unsafe {
                if skip && exact {
                    let h = self.checkpoints.add(slot / plan.checkpoint * self.count);
                    self.copy(h, self.h);
                }
                self.add_gradient(k, slot, self.u, if skip { self.h } else { before }, to);
            }
            return;
        }
        unsafe { self.add_gradient(k, slot, self.g, value, to) };
        if k == 0 {
            return;
        }
        for at in self.panels(net.shape.width) {
            unsafe {
                let (g, u) = (self.g.add(at), self.u.add(at));
                self.multiply_layer(Way::Transposed, k, (g, u), Store::Set);
                (net.table.outside)(&Outside {
                    activation: net.activation,
                    count: plan.panel * net.shape.width,
                    kept: self.kept(slot).add(at),
                    through: u,
                    g,
                });
            }
        }
    }

    /// What the derivative of the layer in slot `slot` is a function of.
    pub(crate) fn kept(&self, slot: usize) -> *const T {
        let kept = match self.derivatives.is_null() {
            true => self.values,
            false => self.derivatives,
        };
        kept.wrapping_add(slot * self.count)
    }

    /// One panel of layer k: g of its output, from u of the layer above; u = g times the derivative
    /// of the layer at its product; h of its input, where it `recovers` that.
    unsafe fn through_activation(&self, k: usize, slot: usize, at: usize, recovers: bool) {
        let net = self.net;
        unsafe {
            let (g, u) = (self.g.add(at), self.u.add(at));
            if k + 1 < net.shape.depth {
                let store = match net.augmentation {
                    Augmentation::Skip => Store::Add(net.delta),
                    _ => Store::Set,
                };
                self.multiply_layer(Way::Transposed, k + 1, (u, g), store);
            }
            (net.table.inside)(&Inside {
                activation: net.activation,
                count: net.plan.panel * net.shape.width,
                kept: self.kept(slot).add(at),
                value: match recovers {
                    true => self.values.add(slot * self.count + at),
                    false => std::ptr::null(),
                },
                g,
                u,
                vanishes: net.augmentation == Augmentation::None,
                h: self.h.add(at),
                delta: net.delta,
            });
        }
    }

    /// Gradient of layer k (+)= the sum over the samples of left right^T.
    unsafe fn add_gradient(
        &self,
        k: usize,
        slot: usize,
        left: *const T,
        right: *const T,
        to: Gradient<T>,
    ) {
        let (net, plan) = (self.net, self.net.plan);
        let width = net.shape.width;
        // The layer below needs its own values, or where they are this layer's input, those of the
        // one below it. Before the first slot there is nothing, and nothing is read.
        let below = |by: usize| slot.wrapping_sub(by).wrapping_mul(self.count);
        let values = match net.augmentation {
            Augmentation::None => below(2),
            _ => below(1),
        };
        unsafe {
            (net.table.outer)(&Outer {
                width,
                panels: self.panels,
                vectors: plan.vectors,
                u: left,
                h: right,
                also: None,
                to: to.to.add(k * plan.gradient),
                accumulate: !to.first,
                soon: Soon {
                    to: to
                        .to
                        .wrapping_add(k * plan.gradient)
                        .wrapping_sub(plan.gradient),
                    matrix: net.layers.wrapping_add(k * width * width),
                    kept: [
                        self.values.wrapping_add(values),
                        offset(self.derivatives, below(1)),
                        std::ptr::null(),
                        std::ptr::null(),
                    ],
                },
            });
        }
    }
}
