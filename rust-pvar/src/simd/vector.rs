//! Vectors of sixteen numbers, and work that is written in terms of them.

/// Numbers in a [`Line`].
pub const LANES: usize = 16;

/// Sixteen numbers that fill one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Line(pub [f32; LANES]);

impl Line {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The numbers of several lines, one after another.
    #[inline(always)]
    pub fn flat(lines: &mut [Self]) -> &mut [f32] {
        let (start, len) = (lines.as_mut_ptr().cast::<f32>(), lines.len() * LANES);
        // SAFETY: a line is exactly sixteen numbers, without padding, and stays borrowed.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }
}

/// Arithmetic on sixteen numbers at once.
///
/// # Safety
/// Implementations use instructions of their level; a value may exist only inside
/// [`Level::run`](super::Level::run) of that level.
pub trait Vector: Copy {
    /// Accumulators that fit the registers beside a few operands.
    const ACCUMULATORS: usize;
    /// Sixteen zeros.
    fn zero() -> Self;
    /// The numbers of a line.
    fn load(line: &Line) -> Self;
    /// Writes the numbers to a line.
    fn store(self, line: &mut Line);
    /// Asks for the cache line at an address that need not be valid.
    #[inline(always)]
    fn prefetch<T>(_address: *const T) {}
    /// `self` + `other`.
    fn add(self, other: Self) -> Self;
    /// `self` - `other`.
    fn sub(self, other: Self) -> Self;
    /// `self` * `other` + `sum`.
    fn mul_add(self, other: Self, sum: Self) -> Self;
    /// The sum of the sixteen numbers.
    fn total(self) -> f32;
    /// The totals of sixteen vectors.
    #[inline(always)]
    fn totals(vectors: &[Self; LANES]) -> [f32; LANES] {
        let mut totals = [0.0; LANES];
        for (total, vector) in totals.iter_mut().zip(vectors) {
            *total = vector.total();
        }
        totals
    }
    /// Moves the entries that are not `gone` (0 or 1) to the front; how many there are.
    #[inline(always)]
    fn compact(points: &mut [f64], indices: &mut [u32], gone: &[u8]) -> usize {
        let mut kept = 0;
        for (k, &gone) in gone.iter().enumerate() {
            points[kept] = points[k];
            indices[kept] = indices[k];
            kept += usize::from(1 - gone);
        }
        kept
    }
}

/// Work that is compiled for every level.
pub trait Work {
    /// What it returns.
    type Output;
    /// Does the work with vectors of type `V`; must be `#[inline(always)]`.
    fn run<V: Vector>(self) -> Self::Output;
}
