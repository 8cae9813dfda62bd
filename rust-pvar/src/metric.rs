//! Distances between points.

use crate::path::Scalar;

/// How far two points of R^d are from one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Root of the sum of squares (the default).
    #[default]
    Euclidean,
    /// Sum of absolute values.
    Manhattan,
    /// Largest absolute value.
    Chebyshev,
}

impl Metric {
    /// Every metric, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Euclidean, Self::Manhattan, Self::Chebyshev];

    /// The name by which a user calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
            Self::Chebyshev => "chebyshev",
        }
    }

    /// The metric of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// The distance of two points with equally many coordinates.
    ///
    /// Squares must not overflow; see [`crate::scale`].
    #[must_use]
    #[inline(always)]
    pub fn distance<T: Scalar>(self, a: &[T], b: &[T]) -> f64 {
        match self {
            Self::Euclidean => squared_distance(a, b).sqrt(),
            Self::Manhattan => fold(a, b, |sum, x| sum + x.abs(), |s, t| s + t),
            Self::Chebyshev => fold(a, b, |top, x| top.max(x.abs()), f64::max),
        }
    }
}

/// The square of the Euclidean distance, by direct differences.
#[must_use]
#[inline(always)]
pub fn squared_distance<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    fold(a, b, |sum, x| sum + x * x, |s, t| s + t)
}

#[inline(always)]
fn fold<T: Scalar>(
    a: &[T],
    b: &[T],
    step: impl Fn(f64, f64) -> f64,
    join: impl Fn(f64, f64) -> f64,
) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let ((a_whole, a_rest), (b_whole, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in a_whole.iter().zip(b_whole) {
        for k in 0..8 {
            lanes[k] = step(lanes[k], x[k].widen() - y[k].widen());
        }
    }
    for (k, (&x, &y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[k] = step(lanes[k], x.widen() - y.widen());
    }
    let pair = |k: usize| join(lanes[k], lanes[k + 4]);
    join(join(pair(0), pair(2)), join(pair(1), pair(3)))
}
