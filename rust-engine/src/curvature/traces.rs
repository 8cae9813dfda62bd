//! Exact traces of the diagonal blocks, without a probe (see `sandwich`).
//!
//! In the layer's matrix B_k alone the loss is a function of a product x_k B_k^T, so that block of
//! the Hessian is the sum over samples of M_k (x) x_k x_k^T, its trace that of tr(M_k) |x_k|^2. Where
//! A_k enters two layers, the block between them takes part too.

use super::scratch::Scratch;
use super::walk::Walk;
use crate::element::Element;
use crate::network::Augmentation;
use crate::product::Store;
use crate::sandwich::Sandwich;
use crate::tile::Way;

/// Traces by layer, of one partition or all.
pub(super) struct Traces {
    /// Of the block of B_k.
    own: Vec<f64>,
    /// Of the block between B_k and B_{k+1}.
    between: Vec<f64>,
}

impl Traces {
    pub(super) fn new(depth: usize) -> Self {
        Self {
            own: vec![0.0; depth],
            between: vec![0.0; depth],
        }
    }

    pub(super) fn add(&mut self, part: &Self) {
        let sums = self.own.iter_mut().zip(&part.own);
        for (sum, part) in sums.chain(self.between.iter_mut().zip(&part.between)) {
            *sum += part;
        }
    }

    /// Of the blocks of A: themselves, or for increments A_k - A_{k-1} those of two layers less what
    /// is between.
    pub(super) fn of_weights(self, increments: bool) -> Vec<f64> {
        if !increments {
            return self.own;
        }
        let after = self.own[1..].iter().chain(std::iter::once(&0.0));
        let both = self.own.iter().zip(after).zip(&self.between);
        both.map(|((own, after), between)| own + after - 2.0 * between)
            .collect()
    }
}

impl<T: Element> Walk<'_, T> {
    /// Adds the traces of one panel's samples.
    ///
    /// # Safety
    /// `forward` is done, of a tile of one panel and without directions.
    pub(super) unsafe fn traces(&self, sums: &mut Traces) {
        let (tile, net) = (&self.tile, self.tile.net);
        let memory = Scratch::of(self.scratch, tile.count, net.shape.width);
        unsafe {
            for i in 0..tile.count {
                memory.ones.add(i).write(T::ONE);
            }
            self.last(&memory);
            let increments = net.augmentation == Augmentation::IncSkip;
            self.back(|k, slot| {
                if increments && k + 1 < net.shape.depth {
                    sums.between[k] += self.between(slot, &memory);
                }
                self.step_down(k, slot, &memory);
                sums.own[k] += self.own(slot, &memory);
                if increments {
                    tile.copy(self.input(slot), memory.after);
                }
            });
        }
    }

    /// S_L = N^-1 U^T (Hessian of the loss) U, a row from each column of the read-out U.
    unsafe fn last(&self, memory: &Scratch<T>) {
        let (tile, net) = (&self.tile, self.tile.net);
        let (outputs, width, panel) = (net.shape.outputs, net.shape.width, net.plan.panel);
        let tangent = memory.prediction;
        for column in 0..width {
            unsafe {
                for output in 0..outputs {
                    let entry = *net.readout.add(output * width + column);
                    for sample in 0..panel {
                        tangent.add(output * panel + sample).write(entry);
                    }
                }
                self.curve(tangent);
                self.read_back(tangent, memory.s.add(column * tile.count));
            }
        }
    }

    /// From S_{k+1} and G_{k+1} to S_k and G_k; what the sums need is left in the memory.
    unsafe fn step_down(&self, k: usize, slot: usize, memory: &Scratch<T>) {
        let (tile, net) = (&self.tile, self.tile.net);
        let (d, hessian) = (net.shape.width, !self.question.gauss_newton);
        let (keep, factor) = match net.augmentation {
            Augmentation::Skip => (T::ONE, net.delta),
            Augmentation::None => (T::ZERO, T::ONE),
            _ => (T::ONE, T::ONE),
        };
        let set = |to| (to, Store::Set);
        unsafe {
            self.tangent(slot, 0, memory.ones, None, set(memory.slope));
            if hessian {
                self.tangent(slot, 0, tile.g, None, set(memory.link));
                if !self.inside {
                    let operands = (tile.g.cast_const(), memory.w);
                    tile.multiply_layer(Way::Transposed, k, operands, Store::Set);
                }
                // c g sigma'' inside, w sigma'' outside.
                let through = if self.inside { tile.g } else { memory.w };
                memory.bend.write_bytes(0, tile.count);
                tile.u.write_bytes(0, tile.count);
                let bent = Some((through.cast_const(), memory.ones.cast_const()));
                let to = (memory.bend, Store::Add(factor));
                self.tangent(slot, 0, tile.u, bent, to);
            }
            (net.table.sandwich)(&Sandwich {
                inside: self.inside,
                width: d,
                vectors: net.plan.vectors,
                matrix: net.layers.add(k * d * d),
                keep,
                factor,
                slope: memory.slope,
                bend: match hessian {
                    true => memory.bend,
                    false => std::ptr::null(),
                },
                s: memory.s,
                turned: memory.turned,
                product: memory.product,
                trace: memory.trace,
                through: memory.through,
            });
            if hessian && self.inside {
                // u = G sigma', without c.
                let operands = (memory.link.cast_const(), tile.g);
                tile.multiply_layer(Way::Transposed, k, operands, self.step());
            } else if hessian {
                let to = (tile.g, Store::Add(T::ONE));
                self.tangent(slot, 0, memory.w, None, to);
            }
        }
    }

    /// Sum over the samples of tr(M_k) |x_k|^2.
    unsafe fn own(&self, slot: usize, memory: &Scratch<T>) -> f64 {
        let (input, panel) = (self.input(slot), self.tile.net.plan.panel);
        let mut sum = 0.0;
        for sample in 0..panel {
            let mut square = 0.0;
            for i in (sample..self.tile.count).step_by(panel) {
                let x = unsafe { *input.add(i) }.to_f64();
                square += x * x;
            }
            sum += square * unsafe { *memory.trace.add(sample) }.to_f64();
        }
        sum
    }

    /// The trace of the block between B_k and B_{k+1}, while the memory still holds what layer k + 1
    /// left: sum over the samples of tr(S_{k+2} J_{k+1}) (x_k.x_{k+1}) + (G_{k+2} sigma'_{k+1}).x_k.
    unsafe fn between(&self, slot: usize, memory: &Scratch<T>) -> f64 {
        let (input, panel) = (self.input(slot), self.tile.net.plan.panel);
        let of = |from: *const T, i: usize| unsafe { *from.add(i) }.to_f64();
        let mut sum = 0.0;
        for sample in 0..panel {
            let (mut product, mut link) = (0.0, 0.0);
            for i in (sample..self.tile.count).step_by(panel) {
                let x = of(input, i);
                product += x * of(memory.after, i);
                link += x * of(memory.link, i);
            }
            sum += product * of(memory.through, sample);
            if !self.question.gauss_newton {
                sum += link;
            }
        }
        sum
    }
}
