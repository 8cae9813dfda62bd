//! The gradient of a layer: G (+)= sum over the samples of a tile of u_j h_i.
//!
//! u and h lie in panels, samples in lanes, so an entry of G is an inner product along them. A block
//! of entries keeps a vector of partial sums each, over all panels of the tile; then the lanes of
//! the whole block are added up in one tree. Its sums come out in the lanes of a vector, and so they
//! are kept until all tiles are done: G lies block by block, each block row by row, filled up to
//! whole vectors. `gather` brings the entries into their places.

use std::ops::Range;

use crate::element::Element;
use crate::product::parts;
use crate::simd::Simd;

/// Operands of G (+)= U H^T, both (width, samples) in panels.
#[derive(Clone, Copy)]
pub struct Outer<T> {
    pub width: usize,
    pub panels: usize,
    /// Vectors of a panel's row.
    pub vectors: usize,
    pub u: *const T,
    pub h: *const T,
    /// A second U and H, whose product joins the sum.
    pub also: Option<(*const T, *const T)>,
    /// As many numbers as `Blocks::of_width` says.
    pub to: *mut T,
    /// Whether G is added to, else overwritten.
    pub accumulate: bool,
    pub soon: Soon<T>,
}

/// What the next layer will need from beyond the nearest caches. It is asked for here, a little
/// after each block: a core waits for so many cache lines at once, and no more.
#[derive(Clone, Copy)]
pub struct Soon<T> {
    /// Its G.
    pub to: *const T,
    /// The matrix it is multiplied by.
    pub matrix: *const T,
    /// What is kept of it, as many numbers as `u` has each, or null.
    pub kept: [*const T; 4],
}

impl<T> Soon<T> {
    /// Part `part`, of so many `numbers` of G and the matrix, with the vectors `kept`.
    #[inline(always)]
    unsafe fn ask<V: Simd<Scalar = T>>(&self, part: usize, numbers: usize, kept: Range<usize>) {
        unsafe {
            for line in (0..numbers).step_by(LINE_BYTES / size_of::<T>()) {
                V::prefetch(self.to.wrapping_add(part * numbers + line));
                V::prefetch(self.matrix.wrapping_add(part * numbers + line));
            }
            for from in self.kept {
                if !from.is_null() {
                    for i in kept.clone() {
                        V::prefetch(from.wrapping_add(i * V::LANES));
                    }
                }
            }
        }
    }
}

/// How G is cut into blocks.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    /// Most rows of a block.
    pub rows: usize,
    /// Most columns of a block.
    pub columns: usize,
    /// Numbers that a block takes up.
    pub numbers: usize,
}

impl Blocks {
    pub(crate) const fn of<V: Simd>() -> Self {
        let columns = widest_block(V::REGISTERS);
        Self {
            rows: TALL,
            columns,
            numbers: (TALL * columns).next_multiple_of(V::LANES),
        }
    }

    /// Numbers that G takes up.
    pub(crate) const fn of_width(self, width: usize) -> usize {
        width.div_ceil(self.rows) * width.div_ceil(self.columns) * self.numbers
    }
}

/// Rows of a block.
const TALL: usize = 4;
/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Bytes of h that stay in the nearest cache while all rows of u pass by.
const NEAR_BYTES: usize = 24 << 10;

/// Most columns of a block: sums, a column of H and an entry of U fit the registers.
const fn widest_block(registers: usize) -> usize {
    match registers {
        32.. => 4,
        16.. => 2,
        _ => 1,
    }
}

/// Calls a macro with each number below 8 or 16. Loops over vectors in registers are written out: a
/// loop that the compiler leaves a loop, or a closure that it calls, would send them through memory.
macro_rules! below {
    (8, $do:ident) => {
        $do!(0 1 2 3 4 5 6 7)
    };
    (16, $do:ident) => {
        $do!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
}

/// The lanes of the first `LANES` vectors added up: lane i holds the sum of vector i.
#[inline(always)]
unsafe fn lane_sums<V: Simd>(mut vectors: [V; 16], halves: &V::Halves) -> V {
    macro_rules! fold {
        ($level:literal: $($i:literal)*) => {
            let apart = const { V::LANES >> ($level + 1) };
            $(if $i < apart {
                vectors[$i] = unsafe { vectors[$i].fold::<$level>(vectors[$i + apart], halves) };
            })*
        };
    }
    fold!(0: 0 1 2 3 4 5 6 7);
    fold!(1: 0 1 2 3);
    fold!(2: 0 1);
    fold!(3: 0);
    vectors[0]
}

/// `LANES` of the first `count` vectors, from `first` on; 0 beyond.
#[inline(always)]
unsafe fn take<V: Simd>(vectors: &[V; 16], first: usize, count: usize) -> [V; 16] {
    let mut part = [unsafe { V::splat(V::Scalar::ZERO) }; 16];
    macro_rules! take {
        ($($i:literal)*) => {
            $(if $i < V::LANES && first + $i < count {
                part[$i] = vectors[(first + $i) % 16];
            })*
        };
    }
    below!(16, take);
    part
}

#[inline(always)]
unsafe fn block<V: Simd, const J: usize, const I: usize, const S: usize>(
    p: &Outer<V::Scalar>,
    halves: &V::Halves,
) {
    unsafe {
        let zero = V::splat(V::Scalar::ZERO);
        let mut sums = [[zero; I]; J];
        let row = S * V::LANES;
        let (mut operands, mut also) = (Some((p.u, p.h)), p.also);
        while let Some((mut u, mut h)) = operands {
            for _ in 0..p.panels {
                for s in 0..S {
                    let at = s * V::LANES;
                    let across: [V; I] = std::array::from_fn(|i| V::load(h.add(i * row + at)));
                    for (j, sums) in sums.iter_mut().enumerate() {
                        let down = V::load(u.add(j * row + at));
                        for (sum, &h) in sums.iter_mut().zip(&across) {
                            *sum = down.mul_add(h, *sum);
                        }
                    }
                }
                let panel = p.width * row;
                (u, h) = (u.wrapping_add(panel), h.wrapping_add(panel));
            }
            operands = also.take();
        }
        let mut flat = [zero; 16];
        macro_rules! flatten {
            ($($at:literal)*) => {
                $(if $at < J * I {
                    flat[$at] = sums[$at / I][$at % I];
                })*
            };
        }
        below!(16, flatten);
        macro_rules! sum_up {
            ($($chunk:literal)*) => {
                $(let first = const { $chunk * V::LANES };
                if first < J * I {
                    let to = p.to.add(first);
                    let sums = lane_sums(take(&flat, first, J * I), halves);
                    match p.accumulate {
                        true => V::load(to).add(sums).store(to),
                        false => sums.store(to),
                    }
                })*
            };
        }
        below!(8, sum_up);
    }
}

#[inline(always)]
unsafe fn block_of<V: Simd, const S: usize>(
    p: &Outer<V::Scalar>,
    halves: &V::Halves,
    rows: usize,
    columns: usize,
) {
    macro_rules! sizes {
        ($(($j:literal, $i:literal))*) => {
            match (rows, columns) {
                $(($j, $i) if $i <= const { widest_block(V::REGISTERS) } => unsafe {
                    block::<V, $j, $i, S>(p, halves);
                },)*
                _ => unreachable!("a block larger than the registers hold"),
            }
        };
    }
    sizes!(
        (1, 1)(1, 2)(1, 3)(1, 4)(2, 1)(2, 2)(2, 3)(2, 4)(3, 1)(3, 2)(3, 3)(3, 4)(4, 1)(4, 2)(4, 3)(
            4, 4
        )
    );
}

#[inline(always)]
unsafe fn tile<V: Simd, const S: usize>(p: &Outer<V::Scalar>) {
    let blocks = const { Blocks::of::<V>() };
    let halves = V::halves();
    let row = S * V::LANES;
    let across = p.width.div_ceil(blocks.columns);
    let kept = p.width * p.panels * S;
    let per = kept.div_ceil(across * p.width.div_ceil(blocks.rows));
    let near = NEAR_BYTES / (p.panels * row * size_of::<V::Scalar>() * blocks.columns);
    for (first, count) in parts(across, near.max(1)) {
        for (down, (j, rows)) in parts(p.width, blocks.rows).enumerate() {
            let columns = parts(p.width, blocks.columns).enumerate();
            for (at, (i, columns)) in columns.skip(first).take(count) {
                unsafe {
                    let part = Outer {
                        u: p.u.add(j * row),
                        h: p.h.add(i * row),
                        also: p.also.map(|(u, h)| (u.add(j * row), h.add(i * row))),
                        to: p.to.add((down * across + at) * blocks.numbers),
                        ..*p
                    };
                    block_of::<V, S>(&part, &halves, rows, columns);
                    let block = down * across + at;
                    let kept = (block * per).min(kept)..((block + 1) * per).min(kept);
                    p.soon.ask::<V>(block, blocks.numbers, kept);
                }
            }
        }
    }
}

/// The gradient.
///
/// # Safety
/// The pointers cover `panels` panels and what `Blocks` says of G, and do not overlap.
#[inline(always)]
pub(crate) unsafe fn outer<V: Simd>(p: &Outer<V::Scalar>) {
    unsafe {
        match p.vectors {
            1 => tile::<V, 1>(p),
            2 => tile::<V, 2>(p),
            4 => tile::<V, 4>(p),
            _ => unreachable!("a panel wider than the registers hold"),
        }
    }
}
