//! One layer of the way down of S, the Hessian of each sample's loss in a hidden state.
//!
//! S is symmetric, (d, d) a sample; it lies as d panels, one a row, samples in lanes. With D the
//! diagonal of sigma' and B the layer's matrix, e and c as in `network`:
//!
//! ```text
//! inside    M = c^2 D S D + diag(bend),  T = e c D S + M B / 2,  S <- e S + B^T T + T^T B
//! outside   M = S,  J = 1 + B D,         S <- J^T S J + diag(bend)
//! ```
//!
//! The rows of a product by B on the right are products of panels; stored by columns they are the
//! rows of the transpose, which the second product needs.

use crate::element::Element;
use crate::product::{self, Product, Store};
use crate::simd::Simd;

/// Operands of a step from S_{k+1} to S_k.
#[derive(Clone, Copy)]
pub struct Sandwich<T> {
    pub inside: bool,
    pub width: usize,
    /// Vectors of a panel's row.
    pub vectors: usize,
    /// (d, d).
    pub matrix: *const T,
    pub keep: T,
    pub factor: T,
    /// sigma', (d, samples).
    pub slope: *const T,
    /// (d, samples); null: nothing.
    pub bend: *const T,
    /// d panels.
    pub s: *mut T,
    /// d panels.
    pub turned: *mut T,
    /// d panels inside, 1 outside.
    pub product: *mut T,
    /// tr M of each sample.
    pub trace: *mut T,
    /// Outside: tr(S_{k+1} J) of each sample.
    pub through: *mut T,
}

impl<T: Element> Sandwich<T> {
    /// C = X B of the panel X, C by rows `c_row` apart.
    #[inline(always)]
    unsafe fn times_matrix<V: Simd<Scalar = T>>(&self, x: *const T, c: *mut T, c_row: usize) {
        unsafe {
            product::product::<V>(&Product {
                rows: self.width,
                terms: self.width,
                vectors: self.vectors,
                a: self.matrix,
                a_row: 1,
                a_term: self.width,
                x,
                also: None,
                c,
                c_row,
                store: Store::Set,
            });
        }
    }
}

#[inline(always)]
unsafe fn inside<V: Simd>(p: &Sandwich<V::Scalar>) {
    unsafe {
        let (d, row) = (p.width, p.vectors * V::LANES);
        let panel = d * row;
        let (half, square) = (V::splat(V::Scalar::HALF), V::splat(p.factor * p.factor));
        let (keep, stays) = (V::splat(p.keep), V::splat(p.keep * p.factor));
        for i in 0..d {
            // A row of M, where the products lie later.
            let m = p.product;
            for v in (0..row).step_by(V::LANES) {
                let here = V::load(p.slope.add(i * row + v)).mul(square);
                for l in 0..d {
                    let s = V::load(p.s.add(i * panel + l * row + v));
                    let slope = V::load(p.slope.add(l * row + v)).mul(here);
                    s.mul(slope).store(m.add(l * row + v));
                }
                let own = m.add(i * row + v);
                let mut entry = V::load(own);
                if !p.bend.is_null() {
                    entry = entry.add(V::load(p.bend.add(i * row + v)));
                    entry.store(own);
                }
                V::load(p.trace.add(v)).add(entry).store(p.trace.add(v));
            }
            p.times_matrix::<V>(m, p.turned.add(i * row), panel);
        }
        for l in 0..d {
            let turned = p.turned.add(l * panel);
            for v in (0..panel).step_by(V::LANES) {
                let scaled = V::load(p.slope.add(v)).mul(stays);
                let s = V::load(p.s.add(l * panel + v)).mul(scaled);
                let half_product = V::load(turned.add(v)).mul(half);
                half_product.add(s).store(turned.add(v));
            }
            p.times_matrix::<V>(turned, p.product.add(l * panel), row);
        }
        for l in 0..d {
            for i in 0..=l {
                for v in (0..row).step_by(V::LANES) {
                    let (at, across) = (l * panel + i * row + v, i * panel + l * row + v);
                    let both = V::load(p.product.add(at)).add(V::load(p.product.add(across)));
                    let s = keep.mul_add(V::load(p.s.add(at)), both);
                    s.store(p.s.add(at));
                    s.store(p.s.add(across));
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn outside<V: Simd>(p: &Sandwich<V::Scalar>) {
    unsafe {
        let (d, row) = (p.width, p.vectors * V::LANES);
        let panel = d * row;
        let add = |to: *mut V::Scalar, what: V| V::load(to).add(what).store(to);
        for i in 0..d {
            for v in (0..row).step_by(V::LANES) {
                add(p.trace.add(v), V::load(p.s.add(i * (panel + row) + v)));
            }
            p.times_matrix::<V>(p.s.add(i * panel), p.turned.add(i * row), panel);
        }
        for l in 0..d {
            let (turned, s) = (p.turned.add(l * panel), p.s.add(l * panel));
            for v in (0..row).step_by(V::LANES) {
                let slope = V::load(p.slope.add(l * row + v));
                for i in 0..d {
                    let at = i * row + v;
                    slope
                        .mul_add(V::load(turned.add(at)), V::load(s.add(at)))
                        .store(turned.add(at));
                }
                add(p.through.add(v), V::load(turned.add(l * row + v)));
            }
            p.times_matrix::<V>(turned, p.product, row);
            for v in (0..panel).step_by(V::LANES) {
                V::load(p.slope.add(v))
                    .mul_add(V::load(p.product.add(v)), V::load(turned.add(v)))
                    .store(s.add(v));
            }
            if !p.bend.is_null() {
                for v in (0..row).step_by(V::LANES) {
                    add(s.add(l * row + v), V::load(p.bend.add(l * row + v)));
                }
            }
        }
    }
}

/// See [`Sandwich`].
///
/// # Safety
/// The pointers cover what their comments say, and do not overlap.
#[inline(always)]
pub(crate) unsafe fn sandwich<V: Simd>(p: &Sandwich<V::Scalar>) {
    unsafe {
        for v in (0..p.vectors * V::LANES).step_by(V::LANES) {
            let zero = V::splat(V::Scalar::ZERO);
            zero.store(p.trace.add(v));
            zero.store(p.through.add(v));
        }
        match p.inside {
            true => inside::<V>(p),
            false => outside::<V>(p),
        }
    }
}
