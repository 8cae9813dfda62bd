//! A borrowed path: points in rows, one after another in memory.

use crate::error::Error;
use crate::simd::{Level, Vector, Work};

/// The two kinds of numbers a path may consist of.
pub trait Scalar: Copy + Send + Sync + 'static {
    /// The distance of one from the next larger number.
    const EPSILON: f64;
    /// The number in double precision, exactly.
    fn widen(self) -> f64;
}

impl Scalar for f64 {
    const EPSILON: f64 = f64::EPSILON;

    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl Scalar for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;

    #[inline(always)]
    fn widen(self) -> f64 {
        f64::from(self)
    }
}

/// A path of `len` points in R^`dim`, row after row.
#[derive(Clone, Copy, Debug)]
pub struct PathView<'a, T = f64> {
    data: &'a [T],
    len: usize,
    dim: usize,
    range: f64,
}

impl<'a, T: Scalar> PathView<'a, T> {
    /// Looks at `data` as `len` points of `dim` coordinates, and checks that all are finite.
    ///
    /// # Errors
    /// An empty path, a wrong buffer length, or the first entry that is not finite.
    pub fn new(data: &'a [T], len: usize, dim: usize) -> Result<Self, Error> {
        if len == 0 {
            return Err(Error::Empty);
        }
        if dim == 0 {
            return Err(Error::NoColumns { rows: len });
        }
        if len.checked_mul(dim) != Some(data.len()) {
            return Err(Error::Shape { rows: len, columns: dim, len: data.len() });
        }
        let range = Level::detect().run(Range { data, dim });
        let path = Self { data, len, dim, range };
        if range.is_nan() { Err(path.first_not_finite()) } else { Ok(path) }
    }

    /// A path of finite numbers that needs no second look.
    pub(crate) fn trusted(data: &'a [T], len: usize, dim: usize) -> Self {
        debug_assert_eq!(data.len(), len * dim);
        Self { data, len, dim, range: f64::NAN }
    }

    /// Number of points, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of coordinates, at least one.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The whole buffer.
    #[must_use]
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// Point `i`.
    #[must_use]
    #[inline(always)]
    pub fn row(&self, i: usize) -> &'a [T] {
        &self.data[i * self.dim..(i + 1) * self.dim]
    }

    /// Largest deviation of a coordinate from the first point's, infinite if it overflows.
    #[must_use]
    pub fn range(&self) -> f64 {
        self.range
    }

    #[cold]
    fn first_not_finite(&self) -> Error {
        let at = self.data.iter().position(|x| !x.widen().is_finite()).unwrap_or(0);
        let value = self.data[at].widen();
        Error::NotFinite { row: at / self.dim, column: at % self.dim, value }
    }
}

/// Measures the largest deviation from the first row; NaN if an entry is not finite.
struct Range<'a, T> {
    data: &'a [T],
    dim: usize,
}

impl<T: Scalar> Work for Range<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        let (first, _) = self.data.split_at(self.dim);
        let mut gauge = Gauge::default();
        if self.dim == 1 {
            gauge.constant(self.data, first[0].widen());
        } else {
            for row in self.data.chunks_exact(self.dim) {
                gauge.row(row, first);
            }
        }
        gauge.range()
    }
}

/// Independent lanes of a maximum, and of a sum that any infinity or NaN spoils.
#[derive(Default)]
struct Gauge {
    top: [f64; 16],
    spoilt: [f64; 16],
}

impl Gauge {
    #[inline(always)]
    fn see(&mut self, lane: usize, x: f64, start: f64) {
        let deviation = (x - start).abs();
        self.top[lane] = if deviation > self.top[lane] { deviation } else { self.top[lane] };
        self.spoilt[lane] += x * 0.0;
    }

    #[inline(always)]
    fn row<T: Scalar>(&mut self, row: &[T], first: &[T]) {
        let ((lines, rest), (starts, start_rest)) =
            (row.as_chunks::<16>(), first.as_chunks::<16>());
        for (line, start) in lines.iter().zip(starts) {
            for k in 0..16 {
                self.see(k, line[k].widen(), start[k].widen());
            }
        }
        for (k, (x, start)) in rest.iter().zip(start_rest).enumerate() {
            self.see(k, x.widen(), start.widen());
        }
    }

    #[inline(always)]
    fn constant<T: Scalar>(&mut self, data: &[T], start: f64) {
        let (lines, rest) = data.as_chunks::<16>();
        for line in lines {
            for (k, x) in line.iter().enumerate() {
                self.see(k, x.widen(), start);
            }
        }
        for (k, x) in rest.iter().enumerate() {
            self.see(k, x.widen(), start);
        }
    }

    #[inline(always)]
    fn range(&self) -> f64 {
        let spoilt: f64 = self.spoilt.iter().sum();
        self.top.iter().fold(0.0, |top, &x| f64::max(top, x)) + spoilt
    }
}
