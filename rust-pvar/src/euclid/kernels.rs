//! Inner products and squared distances of rows of lines, in single precision.
//!
//! Rows come in multiples of sixteen; `width` is the number of lines in a row.

use crate::simd::{LANES, Line, Vector};

/// out[k] = <row k, vector>.
#[inline(always)]
pub fn dots<V: Vector>(rows: &[Line], vector: &[Line], out: &mut [f32]) {
    each_sixteen::<V>(rows, vector, out, |x, v, sum| x.mul_add(v, sum));
}

/// out[v][k] = <row k, vector v> for four vectors, so that each row is read once.
#[inline(always)]
pub fn dots_of_four<V: Vector, const N: usize>(
    rows: &[Line],
    vectors: [&[Line]; 4],
    out: &mut [[f32; N]; 4],
) {
    let width = vectors[0].len();
    if V::ACCUMULATORS < LANES {
        for (vector, out) in vectors.into_iter().zip(out) {
            dots::<V>(rows, vector, out);
        }
        return;
    }
    for (group, four) in rows.chunks_exact(4 * width).enumerate() {
        let mut sums = [V::zero(); LANES];
        for c in 0..width {
            let x: [V; 4] = std::array::from_fn(|k| V::load(&four[k * width + c]));
            let y: [V; 4] = std::array::from_fn(|k| V::load(&vectors[k][c]));
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum = x[k % 4].mul_add(y[k / 4], *sum);
            }
        }
        let totals = V::totals(&sums);
        for (v, out) in out.iter_mut().enumerate() {
            out[4 * group..4 * group + 4].copy_from_slice(&totals[4 * v..4 * v + 4]);
        }
    }
}

/// out[k] = |row k - vector|^2.
#[inline(always)]
pub fn squares<V: Vector>(rows: &[Line], vector: &[Line], out: &mut [f32]) {
    each_sixteen::<V>(rows, vector, out, |x, v, sum| {
        let difference = x.sub(v);
        difference.mul_add(difference, sum)
    });
}

#[inline(always)]
fn each_sixteen<V: Vector>(
    rows: &[Line],
    vector: &[Line],
    out: &mut [f32],
    step: impl Fn(V, V, V) -> V + Copy,
) {
    let width = vector.len();
    let groups = rows.chunks_exact(LANES * width).zip(out.as_chunks_mut::<LANES>().0);
    for (group, out) in groups {
        if V::ACCUMULATORS >= LANES {
            let mut sums = [V::zero(); LANES];
            for (c, line) in vector.iter().enumerate() {
                let v = V::load(line);
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = step(V::load(&group[k * width + c]), v, *sum);
                }
            }
            *out = V::totals(&sums);
        } else {
            for (four, out) in group.chunks_exact(4 * width).zip(out.as_chunks_mut::<4>().0) {
                let mut sums = [V::zero(); 4];
                for (c, line) in vector.iter().enumerate() {
                    let v = V::load(line);
                    for (k, sum) in sums.iter_mut().enumerate() {
                        *sum = step(V::load(&four[k * width + c]), v, *sum);
                    }
                }
                *out = four_totals(sums);
            }
        }
    }
}

/// The totals of four vectors, without a closure: that would not be compiled for the level.
#[inline(always)]
fn four_totals<V: Vector>(sums: [V; 4]) -> [f32; 4] {
    let [a, b, c, d] = sums;
    [a.total(), b.total(), c.total(), d.total()]
}

/// out[j][i] = |a_i - b_j|^2 for sixteen rows a and sixteen rows b.
#[inline(always)]
pub fn tile<V: Vector>(a: &[Line], b: &[Line], width: usize, out: &mut [[f32; LANES]; LANES]) {
    if V::ACCUMULATORS >= 16 {
        for (j, rows_b) in b.chunks_exact(4 * width).enumerate() {
            for (i, rows_a) in a.chunks_exact(4 * width).enumerate() {
                let mut sums = [V::zero(); 16];
                for c in 0..width {
                    let x: [V; 4] = std::array::from_fn(|k| V::load(&rows_a[k * width + c]));
                    let y: [V; 4] = std::array::from_fn(|k| V::load(&rows_b[k * width + c]));
                    for (k, sum) in sums.iter_mut().enumerate() {
                        let difference = x[k % 4].sub(y[k / 4]);
                        *sum = difference.mul_add(difference, *sum);
                    }
                }
                let totals = V::totals(&sums);
                for k in 0..4 {
                    out[4 * j + k][4 * i..4 * i + 4].copy_from_slice(&totals[4 * k..4 * k + 4]);
                }
            }
        }
    } else {
        for (j, rows_b) in b.chunks_exact(2 * width).enumerate() {
            for (i, rows_a) in a.chunks_exact(2 * width).enumerate() {
                let mut sums = [V::zero(); 4];
                for c in 0..width {
                    let x: [V; 2] = std::array::from_fn(|k| V::load(&rows_a[k * width + c]));
                    let y: [V; 2] = std::array::from_fn(|k| V::load(&rows_b[k * width + c]));
                    for (k, sum) in sums.iter_mut().enumerate() {
                        let difference = x[k % 2].sub(y[k / 2]);
                        *sum = difference.mul_add(difference, *sum);
                    }
                }
                let totals = four_totals(sums);
                out[2 * j][2 * i..2 * i + 2].copy_from_slice(&totals[..2]);
                out[2 * j + 1][2 * i..2 * i + 2].copy_from_slice(&totals[2..]);
            }
        }
    }
}

/// |a - b|^2 of two rows.
#[inline(always)]
pub fn square<V: Vector>(a: &[Line], b: &[Line]) -> f32 {
    let mut sums = [V::zero(); 2];
    let mut lines = a.iter().zip(b);
    while let Some((x, y)) = lines.next() {
        let difference = V::load(x).sub(V::load(y));
        sums[0] = difference.mul_add(difference, sums[0]);
        if let Some((x, y)) = lines.next() {
            let difference = V::load(x).sub(V::load(y));
            sums[1] = difference.mul_add(difference, sums[1]);
        }
    }
    sums[0].add(sums[1]).total()
}

/// |row|^2 and |row + offset|^2 of every row.
#[inline(always)]
pub fn norms<V: Vector>(rows: &[Line], offset: &[Line], plain: &mut [f32], moved: &mut [f32]) {
    let width = offset.len();
    for ((row, plain), moved) in rows.chunks_exact(width).zip(plain).zip(moved) {
        let mut sums = [V::zero(); 2];
        for (line, o) in row.iter().zip(offset) {
            let x = V::load(line);
            let y = x.add(V::load(o));
            sums[0] = x.mul_add(x, sums[0]);
            sums[1] = y.mul_add(y, sums[1]);
        }
        *plain = sums[0].total();
        *moved = sums[1].total();
    }
}

/// |row|^2 of one row.
#[inline(always)]
pub fn norm_square<V: Vector>(row: &[Line]) -> f32 {
    let mut sum = V::zero();
    for line in row {
        let x = V::load(line);
        sum = x.mul_add(x, sum);
    }
    sum.total()
}

/// out = rows - vector, row by row.
#[inline(always)]
pub fn shift<V: Vector>(rows: &[Line], vector: &[Line], out: &mut [Line]) {
    let width = vector.len();
    for (row, out) in rows.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        for ((x, v), out) in row.iter().zip(vector).zip(out) {
            V::load(x).sub(V::load(v)).store(out);
        }
    }
}

/// <a, b> of two rows.
#[inline(always)]
pub fn dot<V: Vector>(a: &[Line], b: &[Line]) -> f32 {
    let mut sum = V::zero();
    for (x, y) in a.iter().zip(b) {
        sum = V::load(x).mul_add(V::load(y), sum);
    }
    sum.total()
}
