//! The gradient of a layer: G (+)= sum over the samples of a tile of u_j h_i.
//!
//! u and h lie in panels, samples in lanes, so an entry of G is an inner product along them. A block
//! of entries keeps a vector of partial sums each, over all panels of the tile; then the lanes of
//! the whole block are added up in one tree.

use crate::math::Element;
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
    /// (width, width).
    pub to: *mut T,
    /// Whether G is added to, else overwritten.
    pub accumulate: bool,
}

/// Rows of a block.
const TALL: usize = 4;
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
unsafe fn lane_sums<V: Simd>(mut vectors: [V; 16]) -> V {
    macro_rules! fold {
        ($level:literal: $($i:literal)*) => {
            let apart = const { V::LANES >> ($level + 1) };
            $(if $i < apart {
                vectors[$i] = unsafe { vectors[$i].fold::<$level>(vectors[$i + apart]) };
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

/// The sum of the lanes of each of the first `count` vectors.
#[inline(always)]
unsafe fn each_sum<V: Simd>(vectors: &[V; 16], count: usize) -> [V::Scalar; 16] {
    let mut sums = [V::Scalar::ZERO; 16];
    macro_rules! chunks {
        ($($chunk:literal)*) => {
            $(let first = const { $chunk * V::LANES };
            if first < count {
                unsafe {
                    let part = take(vectors, first, count);
                    lane_sums(part).store(sums.as_mut_ptr().add(first));
                }
            })*
        };
    }
    below!(8, chunks);
    sums
}

#[inline(always)]
unsafe fn block<V: Simd, const J: usize, const I: usize, const S: usize>(p: &Outer<V::Scalar>) {
    unsafe {
        let zero = V::splat(V::Scalar::ZERO);
        let mut sums = [[zero; I]; J];
        let row = S * V::LANES;
        let (mut u, mut h) = (p.u, p.h);
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
            (u, h) = (u.add(p.width * row), h.add(p.width * row));
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
        let entries = each_sum(&flat, J * I);
        for j in 0..J {
            for i in 0..I {
                let to = p.to.add(j * p.width + i);
                let entry = entries[j * I + i];
                *to = if p.accumulate { *to + entry } else { entry };
            }
        }
    }
}

#[inline(always)]
unsafe fn block_of<V: Simd, const S: usize>(p: &Outer<V::Scalar>, rows: usize, columns: usize) {
    macro_rules! sizes {
        ($(($j:literal, $i:literal))*) => {
            match (rows, columns) {
                $(($j, $i) if $i <= const { widest_block(V::REGISTERS) } => unsafe {
                    block::<V, $j, $i, S>(p);
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
    let row = S * V::LANES;
    let near = NEAR_BYTES / (p.panels * row * size_of::<V::Scalar>());
    for (first, columns) in parts(p.width, near.max(TALL)) {
        for (j, rows) in parts(p.width, TALL) {
            for (i, columns) in parts(columns, const { widest_block(V::REGISTERS) }) {
                let i = first + i;
                unsafe {
                    let part = Outer {
                        u: p.u.add(j * row),
                        h: p.h.add(i * row),
                        to: p.to.add(j * p.width + i),
                        ..*p
                    };
                    block_of::<V, S>(&part, rows, columns);
                }
            }
        }
    }
}

/// The gradient.
///
/// # Safety
/// The pointers cover `panels` panels and `width` squared entries, and do not overlap.
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
