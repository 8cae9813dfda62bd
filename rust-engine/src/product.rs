//! The matrix product of the engine: C (+)= A X, the samples of a panel in the lanes of vectors.
//!
//! A panel is a matrix (features, samples) of `S` vectors a row. One element of A is broadcast to
//! the S vectors of a row of X, so that J elements and S vectors feed J S multiply-adds: loads, of
//! which a core has as many as multiply-adds, are less than half of them. The forward pass
//! multiplies by the weights as they lie, the backward pass by their transposes, which are the
//! same numbers read with other strides: nothing is packed, and no width is padded.

use crate::element::Element;
use crate::simd::Simd;

/// Widest panel, in vectors.
pub(crate) const WIDEST_PANEL: usize = 4;

/// Operands of C (+)= A X with A (rows, terms), X (terms, S vectors) and C (rows, S vectors).
#[derive(Clone, Copy)]
pub struct Product<T> {
    pub rows: usize,
    pub terms: usize,
    /// Vectors of a panel's row: 1, 2 or 4, at most what the registers hold.
    pub vectors: usize,
    pub a: *const T,
    /// Distance of the rows of A.
    pub a_row: usize,
    /// Distance of the terms of A.
    pub a_term: usize,
    pub x: *const T,
    /// A second A and X, of the same shapes and strides, whose product joins the sum.
    pub also: Option<(*const T, *const T)>,
    pub c: *mut T,
    /// Distance of the rows of C, which those of X always have next to each other.
    pub c_row: usize,
    pub store: Store<T>,
}

/// What becomes of a sum.
#[derive(Clone, Copy)]
pub enum Store<T> {
    /// C = sum.
    Set,
    /// C += factor sum.
    Add(T),
}

/// Most rows of a block of `panel` vectors: sums, a row of X and a broadcast fit the registers.
const fn tallest_block(registers: usize, panel: usize) -> usize {
    match (registers, panel) {
        (32.., 4) => 6,
        (32.., _) => 8,
        (16.., 4) => 2,
        (16.., _) => 6,
        (_, 1) => 4,
        _ => 2,
    }
}

/// Widest panel, in vectors, for which a block is worth its loads.
pub(crate) const fn widest_panel(registers: usize) -> usize {
    match registers {
        32.. => WIDEST_PANEL,
        16.. => 2,
        _ => 1,
    }
}

/// `total` in as few parts as have at most `most`, near-equal: the start and length of each.
#[inline(always)]
pub(crate) fn parts(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = total.div_ceil(most).max(1);
    let (short, longer) = (total / count, total % count);
    (0..count).map(move |i| (i * short + i.min(longer), short + usize::from(i < longer)))
}

#[inline(always)]
unsafe fn block<V: Simd, const J: usize, const S: usize>(p: &Product<V::Scalar>) {
    unsafe {
        let mut sums = [[V::splat(V::Scalar::ZERO); S]; J];
        let (mut operands, mut also) = (Some((p.a, p.x)), p.also);
        while let Some((mut a, mut x)) = operands {
            for _ in 0..p.terms {
                let row: [V; S] = std::array::from_fn(|s| V::load(x.add(s * V::LANES)));
                for (j, sums) in sums.iter_mut().enumerate() {
                    let element = V::splat(*a.add(j * p.a_row));
                    for (sum, &x) in sums.iter_mut().zip(&row) {
                        *sum = element.mul_add(x, *sum);
                    }
                }
                a = a.wrapping_add(p.a_term);
                x = x.wrapping_add(S * V::LANES);
            }
            operands = also.take();
        }
        for (j, sums) in sums.iter().enumerate() {
            for (s, &sum) in sums.iter().enumerate() {
                let c = p.c.add(j * p.c_row + s * V::LANES);
                match p.store {
                    Store::Set => sum.store(c),
                    // Added once: C, often far larger, would be rounded at every term otherwise.
                    Store::Add(factor) => sum.mul_add(V::splat(factor), V::load(c)).store(c),
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn panel<V: Simd, const S: usize>(p: &Product<V::Scalar>) {
    for (start, rows) in parts(p.rows, const { tallest_block(V::REGISTERS, S) }) {
        let part = unsafe {
            Product {
                a: p.a.add(start * p.a_row),
                also: p.also.map(|(a, x)| (a.add(start * p.a_row), x)),
                c: p.c.add(start * p.c_row),
                ..*p
            }
        };
        macro_rules! heights {
            ($($j:literal)*) => {
                match rows {
                    $($j if $j <= const { tallest_block(V::REGISTERS, S) } => unsafe {
                        block::<V, $j, S>(&part);
                    },)*
                    _ => unreachable!("a block taller than the registers hold"),
                }
            };
        }
        heights!(1 2 3 4 5 6 7 8);
    }
}

/// The product.
///
/// # Safety
/// The pointers cover what the strides reach; C overlaps neither A nor X.
#[inline(always)]
pub(crate) unsafe fn product<V: Simd>(p: &Product<V::Scalar>) {
    unsafe {
        match p.vectors {
            1 => panel::<V, 1>(p),
            2 if const { widest_panel(V::REGISTERS) } >= 2 => panel::<V, 2>(p),
            4 if const { widest_panel(V::REGISTERS) } >= 4 => panel::<V, 4>(p),
            _ => unreachable!("a panel wider than the registers hold"),
        }
    }
}
