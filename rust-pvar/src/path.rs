//! A borrowed path: points in rows, one after another in memory.

use crate::error::Error;

/// The two kinds of numbers a path may consist of.
pub trait Scalar: Copy + Send + Sync + 'static {
    /// The number in double precision, exactly.
    fn widen(self) -> f64;
}

impl Scalar for f64 {
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
}

impl Scalar for f32 {
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
        let path = Self { data, len, dim };
        path.check_finite()?;
        Ok(path)
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

    fn check_finite(&self) -> Result<(), Error> {
        // A sum over a chunk of x * 0 is 0 or NaN: no branch an entry.
        for (chunk_index, chunk) in self.data.chunks(4096).enumerate() {
            let mut lanes = [0.0_f64; 16];
            let (whole, rest) = chunk.as_chunks::<16>();
            for part in whole {
                for (lane, x) in lanes.iter_mut().zip(part) {
                    *lane += x.widen() * 0.0;
                }
            }
            let tail: f64 = rest.iter().map(|x| x.widen() * 0.0).sum();
            if (lanes.iter().sum::<f64>() + tail).is_nan() {
                return Err(self.locate(chunk_index * 4096));
            }
        }
        Ok(())
    }

    #[cold]
    fn locate(&self, from: usize) -> Error {
        let offset = self.data[from..].iter().position(|x| !x.widen().is_finite());
        let at = from + offset.unwrap_or(0);
        let value = self.data[at].widen();
        Error::NotFinite { row: at / self.dim, column: at % self.dim, value }
    }
}
