//! Inner products and squared distances of rows of lines, in single precision.
//!
//! Rows come in multiples of sixteen; `width` is the number of lines in a row.

use crate::simd::{LANES, Line, Vector};

/// out[k] = <row k, vector>.
#[inline(always)]
pub fn dots<V: Vector>(rows: &[Line], vector: &[Line], out: &mut [f32]) {
    each_sixteen::<V>(rows, vector, out, |x, v, sum| x.mul_add(v, sum));
}

/// out[v][k] = <row k, vector v> for several vectors, a multiple of four of them: sixteen rows at a
/// time meet all vectors while they are in the nearest cache, and the next ones are asked for.
/// Only fours with a vector among the bits of `wanted` are done.
#[inline(always)]
pub fn dots_of_several<V: Vector, const N: usize, const M: usize>(
    rows: &[Line],
    vectors: [&[Line]; M],
    wanted: u32,
    out: &mut [[f32; N]; M],
) {
    let width = vectors[0].len();
    let share = LANES * width / M;
    for (leaf, sixteen) in rows.chunks_exact(LANES * width).enumerate() {
        let mut ahead = rows.as_ptr().wrapping_add((leaf + 1) * LANES * width);
        let fours = vectors.as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<4>().0);
        for (v, (vectors, out)) in fours.enumerate() {
            if (wanted >> (4 * v)) & 15 == 0 {
                continue;
            }
            for (k, four) in sixteen.chunks_exact(4 * width).enumerate() {
                for _ in 0..share {
                    V::prefetch(ahead);
                    ahead = ahead.wrapping_add(1);
                }
                let totals = four_by_four::<V>(four, vectors);
                for (totals, out) in totals.as_chunks::<4>().0.iter().zip(&mut *out) {
                    out[leaf * LANES + 4 * k..][..4].copy_from_slice(totals);
                }
            }
        }
    }
}

/// <row k, vector v> at 4 v + k.
#[inline(always)]
fn four_by_four<V: Vector>(rows: &[Line], vectors: &[&[Line]; 4]) -> [f32; LANES] {
    let width = vectors[0].len();
    if V::ACCUMULATORS < LANES {
        let mut out = [0.0; LANES];
        for (vector, out) in vectors.iter().zip(out.as_chunks_mut::<4>().0) {
            *out = four::<V>(rows, vector, |x, v, sum| x.mul_add(v, sum));
        }
        return out;
    }
    let mut sums = [V::zero(); LANES];
    for c in 0..width {
        let x: [V; 4] = std::array::from_fn(|k| V::load(&rows[k * width + c]));
        let y: [V; 4] = std::array::from_fn(|k| V::load(&vectors[k][c]));
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = x[k % 4].mul_add(y[k / 4], *sum);
        }
    }
    V::totals(&sums)
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
            for (rows, out) in group.chunks_exact(4 * width).zip(out.as_chunks_mut::<4>().0) {
                *out = four::<V>(rows, vector, step);
            }
        }
    }
}

/// One vector with four rows.
#[inline(always)]
fn four<V: Vector>(rows: &[Line], vector: &[Line], step: impl Fn(V, V, V) -> V + Copy) -> [f32; 4] {
    let width = vector.len();
    let mut sums = [V::zero(); 4];
    for (c, line) in vector.iter().enumerate() {
        let v = V::load(line);
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = step(V::load(&rows[k * width + c]), v, *sum);
        }
    }
    // Without a closure: that would not be compiled for the level.
    let [a, b, c, d] = sums;
    [a.total(), b.total(), c.total(), d.total()]
}

/// out[j][i] = |a_i - b_j|^2 for sixteen rows a and sixteen rows b, as |a|^2 + |b|^2 - 2 <a, b>:
/// see [`Margin::of_products`](super::mirror::Margin::of_products).
#[inline(always)]
pub fn tile<V: Vector>(a: &[Line], b: &[Line], width: usize, out: &mut [[f32; LANES]; LANES]) {
    let (mut a_squares, mut b_squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    norm_squares::<V>(a, width, &mut a_squares);
    norm_squares::<V>(b, width, &mut b_squares);
    for (j, b) in b.chunks_exact(4 * width).enumerate() {
        let vectors: [&[Line]; 4] = std::array::from_fn(|k| &b[k * width..(k + 1) * width]);
        for (i, a) in a.chunks_exact(4 * width).enumerate() {
            let totals = four_by_four::<V>(a, &vectors);
            for (totals, out) in totals.as_chunks::<4>().0.iter().zip(&mut out[4 * j..]) {
                out[4 * i..4 * i + 4].copy_from_slice(totals);
            }
        }
    }
    for (out, b) in out.iter_mut().zip(b_squares) {
        for (out, a) in out.iter_mut().zip(a_squares) {
            *out = a + b - 2.0 * *out;
        }
    }
}

/// |row|^2 of sixteen rows.
#[inline(always)]
fn norm_squares<V: Vector>(rows: &[Line], width: usize, out: &mut [f32; LANES]) {
    for (row, out) in rows.chunks_exact(width).zip(out) {
        *out = norm_square::<V>(row);
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

/// |d|^2, <a, d> and <b, d> of the row d = e + a - b.
#[inline(always)]
pub fn between<V: Vector>(e: &[Line], a: &[Line], b: &[Line]) -> [f32; 3] {
    let mut sums = [V::zero(); 3];
    for ((e, a), b) in e.iter().zip(a).zip(b) {
        let (a, b) = (V::load(a), V::load(b));
        let d = V::load(e).add(a).sub(b);
        sums[0] = d.mul_add(d, sums[0]);
        sums[1] = a.mul_add(d, sums[1]);
        sums[2] = b.mul_add(d, sums[2]);
    }
    let [square, from, to] = sums;
    [square.total(), from.total(), to.total()]
}
