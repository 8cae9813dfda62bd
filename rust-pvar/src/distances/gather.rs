//! The distances of points too long for memory, from a few coordinates of all of them at a time.

use crate::error::Error;
use crate::path::{PathView, Scalar};
use crate::scale::{Scale, exponent_of, load_exponent};
use crate::simd::{Level, Vector, Work};
use crate::sum::two_sum;

/// Coordinates and points that stay in the cache while their differences are summed.
const STRIP: usize = 512;
const BAND: usize = 64;

/// Sums the squares of the differences of all pairs of points, block by block of coordinates.
///
/// Every difference is taken in double precision of the numbers as they are, and the sums over the
/// strips are compensated: no norm enters that could drown a small distance, as in the products of
/// a Gram matrix. The memory is that of the distances, twice.
#[derive(Debug)]
pub struct Gatherer {
    level: Level,
    len: usize,
    columns: usize,
    /// The sums are in units of 2^(2 `exponent`), once there is something to sum.
    exponent: Option<i32>,
    /// Pair i > j at i (i - 1) / 2 + j, with what the additions lost.
    sums: Vec<f64>,
    errors: Vec<f64>,
}

impl Gatherer {
    /// Begins with `len` points without coordinates.
    ///
    /// # Errors
    /// [`Error::Empty`] without points.
    pub fn new(len: usize) -> Result<Self, Error> {
        Self::with_level(len, Level::detect())
    }

    /// As [`Gatherer::new`], with the given instructions.
    ///
    /// # Errors
    /// As [`Gatherer::new`].
    pub fn with_level(len: usize, level: Level) -> Result<Self, Error> {
        if len == 0 {
            return Err(Error::Empty);
        }
        let pairs = len * (len - 1) / 2;
        let (sums, errors) = (vec![0.0; pairs], vec![0.0; pairs]);
        Ok(Self { level, len, columns: 0, exponent: None, sums, errors })
    }

    /// Number of points.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Takes the next `dim` coordinates of every point, point after point.
    ///
    /// # Errors
    /// A wrong buffer length, an entry that is not finite (its column counted over all blocks), or
    /// an interruption, after which the sums are worth nothing.
    pub fn add<T: Scalar>(
        &mut self,
        block: &[T],
        dim: usize,
        proceed: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let before = self.columns;
        let view = PathView::new(block, self.len, dim).map_err(|error| match error {
            Error::NotFinite { row, column, value } => {
                Error::NotFinite { row, column: before + column, value }
            }
            other => other,
        })?;
        self.columns += dim;
        let (scale, copy) = Scale::measure(&view);
        if scale.constant {
            return Ok(());
        }
        // The block's own unit: that of a copy into the middle of the range, else one.
        let unit = scale.exponent + exponent_of(scale.unit);
        let exponent = self.exponent.map_or(unit, |exponent| exponent.max(unit));
        self.rescale(exponent);
        let factor = load_exponent(1.0, 2 * (unit - exponent));
        match copy {
            None => self.sum(&view, factor, proceed),
            Some(copy) => self.sum(&PathView::trusted(&copy, self.len, dim), factor, proceed),
        }
    }

    /// The matrix of distances by what was taken so far, row after row.
    #[must_use]
    pub fn distances(&self) -> Vec<f64> {
        let mut distances = vec![0.0; self.len * self.len];
        for i in 1..self.len {
            for j in 0..i {
                let pair = i * (i - 1) / 2 + j;
                let root = (self.sums[pair] + self.errors[pair]).sqrt();
                let distance = load_exponent(root, self.exponent.unwrap_or(0));
                distances[i * self.len + j] = distance;
                distances[j * self.len + i] = distance;
            }
        }
        distances
    }

    fn rescale(&mut self, exponent: i32) {
        let change = self.exponent.replace(exponent).map_or(0, |old| 2 * (old - exponent));
        if change != 0 {
            let all = self.sums.iter_mut().chain(&mut self.errors);
            all.for_each(|x| *x = load_exponent(*x, change));
        }
    }

    fn sum<T: Scalar>(
        &mut self,
        block: &PathView<'_, T>,
        factor: f64,
        proceed: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let (level, len) = (self.level, self.len);
        for start in (0..block.dim()).step_by(STRIP) {
            let end = block.dim().min(start + STRIP);
            for top in (0..len).step_by(BAND) {
                if !proceed() {
                    return Err(Error::Interrupted);
                }
                for left in (0..=top).step_by(BAND) {
                    let (sums, errors) = (&mut self.sums[..], &mut self.errors[..]);
                    level.run(Tile { block, start, end, top, left, factor, sums, errors });
                }
            }
        }
        Ok(())
    }
}

/// Adds the squares of differences in a strip of coordinates, for the pairs of two bands of points.
struct Tile<'a, 'b, T> {
    block: &'a PathView<'b, T>,
    start: usize,
    end: usize,
    top: usize,
    left: usize,
    factor: f64,
    sums: &'a mut [f64],
    errors: &'a mut [f64],
}

impl<T: Scalar> Work for Tile<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(mut self) {
        let bottom = self.block.len().min(self.top + BAND);
        let right = bottom.min(self.left + BAND);
        for j in (self.left..right).step_by(4) {
            for i in self.top.max(j + 1)..bottom {
                if j + 4 <= right.min(i) {
                    self.pairs(i, [j, j + 1, j + 2, j + 3]);
                    continue;
                }
                for j in j..right.min(i).min(j + 4) {
                    self.pairs(i, [j]);
                }
            }
        }
    }
}

impl<T: Scalar> Tile<'_, '_, T> {
    #[inline(always)]
    fn pairs<const N: usize>(&mut self, i: usize, others: [usize; N]) {
        let row = |i: usize| &self.block.row(i)[self.start..self.end];
        let squares = squared_distances(row(i), others.map(row));
        for (j, square) in others.into_iter().zip(squares) {
            let pair = i * (i - 1) / 2 + j;
            let (sum, lost) = two_sum(self.sums[pair], square * self.factor);
            self.sums[pair] = sum;
            self.errors[pair] += lost;
        }
    }
}

/// The squared distances of `a` from several points, which share the reading of `a`.
#[inline(always)]
fn squared_distances<T: Scalar, const N: usize>(a: &[T], others: [&[T]; N]) -> [f64; N] {
    let mut lanes = [[0.0_f64; 8]; N];
    let (lines, rest) = a.as_chunks::<8>();
    for (c, line) in lines.iter().enumerate() {
        for n in 0..N {
            let other = &others[n].as_chunks::<8>().0[c];
            for k in 0..8 {
                let x = line[k].widen() - other[k].widen();
                lanes[n][k] += x * x;
            }
        }
    }
    let mut squares = [0.0; N];
    for n in 0..N {
        let lane = &mut lanes[n];
        for (k, (x, y)) in rest.iter().zip(others[n].as_chunks::<8>().1).enumerate() {
            let x = x.widen() - y.widen();
            lane[k] += x * x;
        }
        squares[n] = ((lane[0] + lane[4]) + (lane[2] + lane[6]))
            + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    }
    squares
}
