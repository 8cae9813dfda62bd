//! The way back of products of the Hessian, or the Gauss-Newton matrix, with directions.

use super::walk::{Along, Walk};
use crate::element::Element;
use crate::layer::{Inside, Outside, Recovered};
use crate::network::Augmentation;
use crate::outer::{Outer, Soon};
use crate::product::Store;
use crate::tile::Way;

impl<T: Element> Walk<'_, T> {
    /// Adds this tile's part of the product with each direction to what `to` says, for `skip`
    /// without the factor delta; the `first` tile of a partition overwrites.
    ///
    /// # Safety
    /// `forward` is done; each of `to` covers L layers of `Plan::gradient` numbers.
    pub(super) unsafe fn products(&self, to: &[*mut T], first: bool) {
        unsafe {
            self.back(|k, slot| match self.inside {
                true => self.inside_back(k, slot, to, first),
                false => self.outside_back(k, slot, to, first),
            });
        }
    }

    /// What of the primal pass takes part: nothing for the Gauss-Newton matrix.
    fn part(&self, of: *const T) -> *const T {
        match self.question.gauss_newton {
            true => std::ptr::null(),
            false => of,
        }
    }

    fn bent(&self, a: *const T, b: *const T) -> Option<(*const T, *const T)> {
        (!self.question.gauss_newton).then_some((a, b))
    }

    /// Layer k with its weights inside. g and its tangents are brought down from the layer above
    /// first, whose u are still there.
    unsafe fn inside_back(&self, k: usize, slot: usize, to: &[*mut T], first: bool) {
        let (tile, net) = (&self.tile, self.tile.net);
        let (above, checkpoint) = (k + 1, self.checkpoint(slot));
        let recovers = self.recovers && checkpoint.is_none();
        for at in tile.panels(net.shape.width) {
            let kept = slot * tile.count + at;
            unsafe {
                let (g, u) = (tile.g.add(at), tile.u.add(at));
                if above < net.shape.depth {
                    for along in &self.along {
                        let operands = (along.u.add(at).cast_const(), self.part(u));
                        let to = (along.g.add(at), self.step());
                        self.multiply(Way::Transposed, above, along, operands, to);
                    }
                }
                if !self.question.gauss_newton && above < net.shape.depth {
                    tile.multiply_layer(Way::Transposed, above, (u, g), self.step());
                }
                if !self.question.gauss_newton || recovers {
                    (net.table.inside)(&Inside {
                        activation: net.activation,
                        count: net.plan.panel * net.shape.width,
                        kept: tile.kept(slot).add(at),
                        value: match recovers {
                            true => tile.values.add(kept),
                            false => std::ptr::null(),
                        },
                        g,
                        u,
                        vanishes: net.augmentation == Augmentation::None,
                        h: tile.h.add(at),
                        delta: net.delta,
                    });
                }
                if let Some(place) = checkpoint {
                    self.copy_panel(tile.checkpoints.add(place + at), tile.h.add(at));
                }
                for along in &self.along {
                    let (h, z) = (
                        along.h.add(at),
                        along.product.wrapping_add(kept).cast_const(),
                    );
                    let bent = self.bent(g, z);
                    let recovered = match bent {
                        Some(_) if recovers => Some(Recovered {
                            z,
                            h,
                            delta: net.delta,
                        }),
                        _ => None,
                    };
                    let to = (along.u.add(at), Store::Set);
                    self.tangent_recovering(slot, at, along.g.add(at), (bent, recovered), to);
                    if let (Some(place), Some(_)) = (checkpoint, bent) {
                        self.copy_panel(along.hidden.add(place + at), h);
                    }
                }
            }
        }
        for (along, &to) in self.along.iter().zip(to) {
            let hidden = self.hidden(along, slot);
            let operands = (along.u.cast_const(), self.bent(tile.u, hidden));
            unsafe { self.gather(k, slot, along, operands, (to, first)) }
        }
    }

    /// Layer k with its weights outside; g and its tangents are brought down at the end.
    unsafe fn outside_back(&self, k: usize, slot: usize, to: &[*mut T], first: bool) {
        let (tile, net) = (&self.tile, self.tile.net);
        let kept = |along: &Along<T>| along.hidden.wrapping_add(slot * tile.count);
        for (along, &to) in self.along.iter().zip(to) {
            unsafe {
                if !self.question.gauss_newton {
                    for at in tile.panels(net.shape.width) {
                        let s = (along.u.add(at), Store::Set);
                        self.tangent(slot, at, kept(along).add(at), None, s);
                    }
                }
                let operands = (along.g.cast_const(), self.bent(tile.g, along.u));
                self.gather(k, slot, along, operands, (to, first));
            }
        }
        if k == 0 {
            return;
        }
        for at in tile.panels(net.shape.width) {
            unsafe {
                let (g, w) = (tile.g.add(at), tile.u.add(at));
                for along in &self.along {
                    let operands = (along.g.add(at).cast_const(), self.part(g));
                    let to = (along.u.add(at), Store::Set);
                    self.multiply(Way::Transposed, k, along, operands, to);
                }
                if !self.question.gauss_newton {
                    tile.multiply_layer(Way::Transposed, k, (g, w), Store::Set);
                }
                for along in &self.along {
                    let bent = self.bent(w, kept(along).add(at));
                    let to = (along.g.add(at), Store::Add(T::ONE));
                    self.tangent(slot, at, along.u.add(at), bent, to);
                }
                if !self.question.gauss_newton {
                    (net.table.outside)(&Outside {
                        activation: net.activation,
                        count: net.plan.panel * net.shape.width,
                        kept: tile.kept(slot).add(at),
                        through: w,
                        g,
                    });
                }
            }
        }
    }

    /// Layer k of a product (+)= left input^T, and + the second pair's product where there is one.
    unsafe fn gather(
        &self,
        k: usize,
        slot: usize,
        along: &Along<T>,
        (left, also): (*const T, Option<(*const T, *const T)>),
        (to, first): (*mut T, bool),
    ) {
        let (tile, net) = (&self.tile, self.tile.net);
        let (plan, width) = (net.plan, net.shape.width);
        let below = |kept: *mut T, there: bool| match there {
            true => kept.wrapping_add(slot.wrapping_sub(1).wrapping_mul(tile.count)),
            false => std::ptr::null_mut(),
        };
        let hessian = !self.question.gauss_newton;
        let at = to.wrapping_add(k * plan.gradient);
        unsafe {
            (net.table.outer)(&Outer {
                width,
                panels: tile.count / (plan.panel * width),
                vectors: plan.vectors,
                u: left,
                h: self.input(slot),
                also,
                to: at,
                accumulate: !first,
                // Of the layer below, or of what nobody reads.
                soon: Soon {
                    to: at.wrapping_sub(plan.gradient),
                    matrix: along.matrices.wrapping_add(k * width * width),
                    kept: [
                        below(tile.values, true),
                        below(self.input(0).cast_mut(), self.inside && !self.recovers),
                        below(along.hidden, hessian && !self.recovers),
                        below(along.product, hessian && self.inside),
                    ],
                },
            });
        }
    }
}
