//! The one matrix product of the engine: C (+)= X B with broadcast elements of X and vector rows
//! of B, in blocks of M rows by N vectors that stay in registers.
//!
//! The forward pass multiplies by transposed weights, the backward pass by the weights, and the
//! gradient by hidden states; all three are this product with other strides.

use crate::math::Element;
use crate::simd::Simd;

/// Operands of C (+)= X B, with X (rows, terms), B (terms, columns) and columns whole vectors.
#[derive(Clone, Copy)]
pub struct Product<T> {
    pub rows: usize,
    pub terms: usize,
    /// Columns of B and C in vectors.
    pub vectors: usize,
    pub x: *const T,
    /// Distance of rows of X; its terms are adjacent. 0: the rows are adjacent instead.
    pub x_row: usize,
    /// Distance of the terms of X, where its rows are adjacent.
    pub x_term: usize,
    pub b: *const T,
    /// Distance of the rows of B; 0: B is packed strip by strip.
    pub b_row: usize,
    pub c: *mut T,
    pub c_row: usize,
    pub accumulate: bool,
}

/// Widest strip of columns, in vectors, for a number of vector registers.
pub(crate) const fn widest_strip(registers: usize) -> usize {
    match registers {
        32.. => 4,
        _ => 2,
    }
}

/// Most rows of a block, N vectors wide: sums, a row of B and a broadcast fit the registers.
const fn tallest_block(registers: usize, width: usize) -> usize {
    match (registers, width) {
        (32.., 1) => 16,
        (32.., 2) => 12,
        (32.., 3) => 8,
        (32.., _) => 6,
        (16.., 1) => 12,
        (16.., _) => 6,
        (_, 1) => 6,
        (_, _) => 3,
    }
}

/// `total` in parts of at most `most`, the last two near-equal: the start and length of each.
/// Free of divisions, which would cost as much as a small block.
#[inline(always)]
pub(crate) fn parts(total: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = total - start;
        let length = match rest {
            0 => return None,
            _ if rest <= most => rest,
            _ if rest >= 2 * most => most,
            _ => rest - rest / 2,
        };
        start += length;
        Some((start - length, length))
    })
}

/// X's rows are adjacent.
const ADJACENT: u8 = 0;
/// X's rows are adjacent, and those of C as far apart as the strip is wide.
const ADJACENT_TIGHT: u8 = 3;
/// X's rows, and those of C, are as far apart as the strip is wide: known at compile time.
const TIGHT: u8 = 1;
/// X's rows are anywhere.
const STRIDED: u8 = 2;

#[inline(always)]
unsafe fn block<V: Simd, const M: usize, const N: usize, const X: u8>(p: &Product<V::Scalar>) {
    unsafe {
        let (x_row, x_term) = match X {
            ADJACENT | ADJACENT_TIGHT => (1, p.x_term),
            TIGHT => (N * V::LANES, 1),
            _ => (p.x_row, 1),
        };
        let c_row = match X {
            TIGHT | ADJACENT_TIGHT => N * V::LANES,
            _ => p.c_row,
        };
        let mut sums = [[V::splat(V::Scalar::ZERO); N]; M];
        let (mut x, mut b) = (p.x, p.b);
        for _ in 0..p.terms {
            let row_of_b: [V; N] = std::array::from_fn(|n| V::load(b.add(n * V::LANES)));
            for (m, row) in sums.iter_mut().enumerate() {
                let broadcast = V::splat(*x.add(m * x_row));
                for (sum, &b) in row.iter_mut().zip(&row_of_b) {
                    *sum = broadcast.mul_add(b, *sum);
                }
            }
            x = x.add(x_term);
            b = b.add(p.b_row);
        }
        for (m, row) in sums.iter().enumerate() {
            for (n, &sum) in row.iter().enumerate() {
                let c = p.c.add(m * c_row + n * V::LANES);
                // Added once: C, often far larger, would be rounded at every term otherwise.
                let sum = if p.accumulate {
                    sum.add(V::load(c))
                } else {
                    sum
                };
                sum.store(c);
            }
        }
    }
}

#[inline(always)]
unsafe fn block_of<V: Simd, const N: usize, const X: u8>(p: &Product<V::Scalar>) {
    macro_rules! heights {
        ($($m:literal)*) => {
            match p.rows {
                $($m if $m <= tallest_block(V::REGISTERS, N) => unsafe { block::<V, $m, N, X>(p) },)*
                _ => unreachable!("a block taller than the registers hold"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

#[inline(always)]
unsafe fn strip<V: Simd, const N: usize>(p: &Product<V::Scalar>) {
    let across = if p.x_row == 0 { 1 } else { p.x_row };
    for (start, rows) in parts(p.rows, const { tallest_block(V::REGISTERS, N) }) {
        unsafe {
            let part = Product {
                rows,
                x: p.x.add(start * across),
                c: p.c.add(start * p.c_row),
                ..*p
            };
            let tight = p.c_row == N * V::LANES;
            if p.x_row == 0 && tight {
                block_of::<V, N, ADJACENT_TIGHT>(&part);
            } else if p.x_row == 0 {
                block_of::<V, N, ADJACENT>(&part);
            } else if tight && p.x_row == p.c_row {
                block_of::<V, N, TIGHT>(&part);
            } else {
                block_of::<V, N, STRIDED>(&part);
            }
        }
    }
}

/// The product.
///
/// # Safety
/// The pointers cover what the strides reach; C overlaps neither X nor B.
#[inline(always)]
pub(crate) unsafe fn product<V: Simd>(p: &Product<V::Scalar>) {
    for (start, width) in parts(p.vectors, const { widest_strip(V::REGISTERS) }) {
        unsafe {
            let packed = p.b_row == 0;
            let part = Product {
                vectors: width,
                b: p.b.add(start * V::LANES * if packed { p.terms } else { 1 }),
                b_row: if packed { width * V::LANES } else { p.b_row },
                c: p.c.add(start * V::LANES),
                ..*p
            };
            match width {
                1 => strip::<V, 1>(&part),
                2 => strip::<V, 2>(&part),
                3 if widest_strip(V::REGISTERS) >= 3 => strip::<V, 3>(&part),
                4 if widest_strip(V::REGISTERS) >= 4 => strip::<V, 4>(&part),
                _ => unreachable!("a strip wider than the registers hold"),
            }
        }
    }
}
