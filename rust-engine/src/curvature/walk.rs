//! One tile of samples through all layers and back, with the tangents of several directions beside.

use super::scratch::scratch;
use crate::buffer::Shared;
use crate::curve::{Curve, power_curve};
use crate::element::Element;
use crate::layer::{Recovered, Tangent};
use crate::loss::Totals;
use crate::network::{Augmentation, Question, Targets};
use crate::product::Store;
use crate::tile::{Replica, Tile, Way, Workspace};

/// The tangents along one direction: addresses in the workspace.
pub(super) struct Along<T> {
    /// The direction's matrices of the layers (L, d, d).
    pub matrices: *const T,
    /// Tangents of h, of its adjoint g, and of u; each a tile buffer.
    pub h: *mut T,
    pub g: *mut T,
    pub u: *mut T,
    prediction: *mut T,
    /// Tangent of h, of each kept layer, or of those where h is taken from memory.
    pub hidden: *mut T,
    /// Of each kept layer, with the weights inside: the tangent of its product.
    pub product: *mut T,
    starts: *mut T,
}

/// A tile under way with its tangents.
pub(super) struct Walk<'a, T: 'static> {
    pub tile: Tile<'a, T>,
    pub question: Question<'a, T>,
    pub inside: bool,
    /// Whether h and its tangents are recovered from those of the next layer.
    pub recovers: bool,
    /// h of each kept layer, with the weights inside, where it is not recovered.
    inputs: *mut T,
    /// The second derivative of each sample's loss, for real targets.
    curves: *mut T,
    pub along: Vec<Along<T>>,
    /// What is left of the memory beside.
    pub scratch: *mut T,
}

/// Cuts one piece of memory into parts, after it has said how many numbers they take.
struct Parts<T> {
    start: *mut T,
    taken: usize,
}

impl<T> Parts<T> {
    fn take(&mut self, numbers: usize) -> *mut T {
        let part = self.start.wrapping_add(self.taken);
        self.taken += numbers;
        part
    }
}

impl<'a, T: Element> Walk<'a, T> {
    /// The walk of the samples whose first hidden states are the rows of `h0`, in `panels` panels.
    pub(super) fn new(
        net: &'a Replica<'a, T>,
        workspace: &mut Workspace<T>,
        h0: &[T],
        panels: usize,
        directions: &[Shared<T>],
        question: Question<'a, T>,
    ) -> Self {
        let tile = Tile::new(net, workspace, h0, panels, true);
        let (count, plan) = (tile.count, net.plan);
        let inside = net.augmentation.weights_inside();
        let recovers = plan.recovers;
        let kept = plan.segment * count;
        // The Gauss-Newton matrix asks for the tangent of h_L alone.
        let (hidden, product) = match (question.gauss_newton, recovers) {
            (true, _) => (0, 0),
            (false, true) => (plan.segment.div_ceil(plan.checkpoint) * count, kept),
            (false, false) => (kept, if inside { kept } else { 0 }),
        };
        let segments = net.shape.depth.div_ceil(plan.segment);
        let predictions = panels * plan.panel * net.shape.outputs;
        let cut = |start: *mut T| {
            let mut parts = Parts { start, taken: 0 };
            let walk = Self {
                inputs: parts.take(if inside && !recovers { kept } else { 0 }),
                curves: parts.take(panels * plan.panel),
                along: directions
                    .iter()
                    .map(|matrices| Along {
                        // SAFETY: the first of the direction's matrices.
                        matrices: unsafe { matrices.at(0) },
                        h: parts.take(count),
                        g: parts.take(count),
                        u: parts.take(count),
                        prediction: parts.take(predictions),
                        hidden: parts.take(hidden),
                        product: parts.take(product),
                        starts: parts.take(segments * count),
                    })
                    .collect(),
                scratch: parts.take(match directions.is_empty() {
                    true => scratch(count, net.shape.width, net.shape.outputs),
                    false => 0,
                }),
                tile: tile.clone(),
                question,
                inside,
                recovers,
            };
            (walk, parts.taken)
        };
        let (_, numbers) = cut(std::ptr::null_mut());
        let (walk, _) = cut(workspace.beside.reserve(numbers));
        for along in &walk.along {
            // SAFETY: a tile buffer holds `count` numbers; zero bits are the number zero.
            unsafe { along.h.write_bytes(0, count) }
        }
        walk
    }

    /// What the layer in slot `slot` multiplies; where it is recovered, once that is done.
    pub(super) fn input(&self, slot: usize) -> *const T {
        let at = slot.wrapping_mul(self.tile.count);
        match (self.inside, self.recovers) {
            (true, true) => self.tile.h,
            (true, false) => self.inputs.wrapping_add(at),
            (false, _) => self.tile.values.wrapping_add(at),
        }
    }

    /// The tangent of h of the layer in slot `slot`, likewise.
    pub(super) fn hidden(&self, along: &Along<T>, slot: usize) -> *mut T {
        match self.recovers {
            true => along.h,
            false => along.hidden.wrapping_add(slot * self.tile.count),
        }
    }

    /// Where a layer takes h and its tangents from memory: the place there.
    pub(super) fn checkpoint(&self, slot: usize) -> Option<usize> {
        let every = self.tile.net.plan.checkpoint;
        (self.recovers && slot.is_multiple_of(every)).then_some(slot / every * self.tile.count)
    }

    /// sigma'' of the layer in slot `slot`, where sigma does not tell it.
    pub(super) fn second(&self, slot: usize) -> *const T {
        match self.tile.seconds.is_null() {
            true => self.tile.kept(slot),
            false => self.tile.seconds.wrapping_add(slot * self.tile.count),
        }
    }

    /// What `tangent` does to one panel of the layer in slot `slot`.
    pub(super) unsafe fn tangent(
        &self,
        slot: usize,
        at: usize,
        first: *const T,
        bent: Option<(*const T, *const T)>,
        (to, store): (*mut T, Store<T>),
    ) {
        unsafe { self.tangent_recovering(slot, at, first, (bent, None), (to, store)) }
    }

    /// The same, and h of the layer's input where there is `recovered`.
    pub(super) unsafe fn tangent_recovering(
        &self,
        slot: usize,
        at: usize,
        first: *const T,
        (bent, recovered): (Option<(*const T, *const T)>, Option<Recovered<T>>),
        (to, store): (*mut T, Store<T>),
    ) {
        let net = self.tile.net;
        unsafe {
            (net.table.tangent)(&Tangent {
                activation: net.activation,
                count: net.plan.panel * net.shape.width,
                kept: self.tile.kept(slot).add(at),
                second: self.second(slot).add(at),
                first,
                bent,
                recovered,
                to,
                store,
                vanishes: net.augmentation == Augmentation::None,
            });
        }
    }

    /// C (+)= (A X + V x) of one panel: the matrix of layer k and that of a direction, or their
    /// transposes; `own` is what the direction's matrix multiplies, nothing where it is null.
    pub(super) unsafe fn multiply(
        &self,
        way: Way,
        k: usize,
        along: &Along<T>,
        (x, own): (*const T, *const T),
        (c, store): (*mut T, Store<T>),
    ) {
        let d = self.tile.net.shape.width;
        unsafe {
            let matrix = self.tile.net.layers.add(k * d * d);
            let also = (!own.is_null()).then(|| (along.matrices.add(k * d * d), own));
            self.tile
                .multiply_both(way, (matrix, also), (d, d), (x, c), store);
        }
    }

    /// What a layer's product is multiplied by and added to.
    pub(super) fn step(&self) -> Store<T> {
        match self.tile.net.augmentation {
            Augmentation::Skip => Store::Add(self.tile.net.delta),
            _ => Store::Set,
        }
    }

    pub(super) unsafe fn copy_panel(&self, from: *const T, to: *mut T) {
        let net = self.tile.net;
        unsafe { std::ptr::copy_nonoverlapping(from, to, net.plan.panel * net.shape.width) }
    }

    /// Layer k and its tangents, kept in slot `slot`; one panel after the other.
    unsafe fn layer(&self, k: usize, slot: usize) {
        for at in self.tile.panels(self.tile.net.shape.width) {
            unsafe {
                self.keep(slot, at);
                match self.inside {
                    true => self.inside_forward(k, slot, at),
                    false => self.outside_forward(k, slot, at),
                }
            }
        }
    }

    /// Keeps what the way back needs of the input of the layer in slot `slot`.
    unsafe fn keep(&self, slot: usize, at: usize) {
        let (tile, checkpoint) = (&self.tile, self.checkpoint(slot));
        let place = checkpoint.unwrap_or(slot * tile.count) + at;
        if self.recovers && checkpoint.is_none() {
            return;
        }
        unsafe {
            if self.recovers {
                self.copy_panel(tile.h.add(at), tile.checkpoints.add(place));
            } else if self.inside {
                self.copy_panel(tile.h.add(at), self.inputs.add(place));
            }
            if !self.question.gauss_newton {
                for along in &self.along {
                    self.copy_panel(along.h.add(at), along.hidden.add(place));
                }
            }
        }
    }

    unsafe fn inside_forward(&self, k: usize, slot: usize, at: usize) {
        let tile = &self.tile;
        let product = |along: &Along<T>| match self.question.gauss_newton {
            true => along.u.wrapping_add(at),
            false => along.product.wrapping_add(slot * tile.count + at),
        };
        unsafe {
            for along in &self.along {
                let operands = (along.h.add(at).cast_const(), tile.h.add(at).cast_const());
                let to = (product(along), Store::Set);
                self.multiply(Way::Forward, k, along, operands, to);
            }
            tile.panel_forward(k, slot, at, tile.derivatives);
            for along in &self.along {
                let to = (along.h.add(at), self.step());
                self.tangent(slot, at, product(along), None, to);
            }
        }
    }

    unsafe fn outside_forward(&self, k: usize, slot: usize, at: usize) {
        let tile = &self.tile;
        unsafe {
            tile.panel_forward(k, slot, at, tile.derivatives);
            for along in &self.along {
                let (h, s) = (along.h.add(at), along.u.add(at));
                self.tangent(slot, at, h, None, (s, Store::Set));
                let operands = (s.cast_const(), self.input(slot).add(at));
                let to = (h, Store::Add(T::ONE));
                self.multiply(Way::Forward, k, along, operands, to);
            }
        }
    }

    /// All layers and the read-out, keeping the last segment and the start of each; then the
    /// gradients of the samples' losses, and their tangents.
    ///
    /// # Safety
    /// The pointers of the replica and of the directions are those of matrices of the shape.
    pub(super) unsafe fn forward(&self, totals: &mut Totals) {
        let tile = &self.tile;
        let (depth, segment) = (tile.net.shape.depth, tile.net.plan.segment);
        unsafe {
            for start in (0..depth).step_by(segment) {
                let at = start / segment * tile.count;
                tile.copy(tile.h, tile.starts.add(at));
                for along in &self.along {
                    tile.copy(along.h, along.starts.add(at));
                }
                self.segment(start, (start + segment).min(depth));
            }
            tile.read_out();
            self.compare(totals);
        }
    }

    unsafe fn segment(&self, start: usize, end: usize) {
        for k in start..end {
            unsafe { self.layer(k, k - start) }
        }
    }

    unsafe fn compare(&self, totals: &mut Totals) {
        let (tile, net) = (&self.tile, self.tile.net);
        let (outputs, width) = (net.shape.outputs, net.shape.width);
        let scale = T::from_f64(1.0 / net.shape.samples as f64);
        unsafe {
            if let Targets::Values(targets, p) = self.question.targets {
                self.curves.write_bytes(0, tile.count / width);
                for (i, target) in targets.iter().enumerate() {
                    let prediction = (*tile.prediction.add(i)).to_f64();
                    let curve = power_curve(p, prediction, target.to_f64());
                    self.curves.add(i).write(T::from_f64(curve));
                }
            }
            tile.compare(self.question.targets, totals);
            for along in &self.along {
                for (h, prediction) in tile.panels(width).zip(tile.panels(outputs)) {
                    let operands = (
                        along.h.add(h).cast_const(),
                        along.prediction.add(prediction),
                    );
                    let shape = (outputs, width);
                    tile.multiply(Way::Forward, net.readout, shape, operands, Store::Set);
                }
                self.curve(along.prediction);
                self.read_back(along.prediction, along.g);
            }
            self.read_back(tile.prediction, tile.g);
            for i in 0..tile.count {
                let g = tile.g.add(i);
                g.write(*g * scale);
            }
        }
    }

    /// From the adjoint of the prediction to that of the last hidden state.
    pub(super) unsafe fn read_back(&self, prediction: *const T, g: *mut T) {
        let (tile, net) = (&self.tile, self.tile.net);
        let shape = (net.shape.outputs, net.shape.width);
        for (at, from) in tile.panels(shape.1).zip(tile.panels(shape.0)) {
            unsafe {
                let operands = (prediction.add(from), g.add(at));
                tile.multiply(Way::Transposed, net.readout, shape, operands, Store::Set);
            }
        }
    }

    /// Overwrites tangents of the prediction by the Hessian of the mean loss times them.
    ///
    /// # Safety
    /// `forward` is done, or has come to the loss.
    pub(super) unsafe fn curve(&self, tangent: *mut T) {
        let (tile, net) = (&self.tile, self.tile.net);
        let scale = T::from_f64(1.0 / net.shape.samples as f64);
        let samples = tile.count / net.shape.width;
        unsafe {
            match self.question.targets {
                Targets::Classes(targets) => (net.table.curve)(&Curve {
                    panel: net.plan.panel,
                    panels: samples / net.plan.panel,
                    classes: net.shape.outputs,
                    own: tile.prediction,
                    tangent,
                    targets,
                    scale,
                }),
                Targets::Values(..) => {
                    for i in 0..samples {
                        let t = tangent.add(i);
                        t.write(*t * *self.curves.add(i) * scale);
                    }
                }
            }
        }
    }

    /// Calls `layer` with each layer and its slot, from the last to the first, after its segment has
    /// been kept.
    ///
    /// # Safety
    /// `forward` is done.
    pub(super) unsafe fn back(&self, mut layer: impl FnMut(usize, usize)) {
        let tile = &self.tile;
        let (depth, segment) = (tile.net.shape.depth, tile.net.plan.segment);
        for start in (0..depth).step_by(segment).rev() {
            let end = (start + segment).min(depth);
            if end < depth {
                let at = start / segment * tile.count;
                unsafe {
                    tile.copy(tile.starts.add(at), tile.h);
                    tile.forget_rounding();
                    for along in &self.along {
                        tile.copy(along.starts.add(at), along.h);
                    }
                    self.segment(start, end);
                }
            }
            for k in (start..end).rev() {
                layer(k, k - start);
            }
        }
    }
}
