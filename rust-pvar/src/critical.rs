//! The exponent at which the variation of ever finer partitions turns from growing to bounded.
//!
//! Along the sub-samplings x_0, x_m, x_2m, ... of a path, m = 1, 2, 4, ..., the sum of the p-th
//! powers of the steps behaves like m^(pH - 1) if steps over m points are of size m^H. As m shrinks
//! it grows for p < 1/H and stays bounded for p > 1/H: the critical exponent is 1/H. (Bayer, Friz
//! and Tapia, "Stability of deep neural networks via discrete rough paths", SIAM J. Math. Data Sci.
//! 5, 2023, put the question to the weights of trained networks.)
//!
//! H is half the slope of log(mean squared step) on log m, over all m sub-samplings of each lag m,
//! weighted by 1/m, since the variance of that logarithm grows like m. The standard error is the
//! jackknife's, over segments of the path: it sees how the lags depend on one another.

use crate::error::Error;
use crate::metric::squared_distance;
use crate::path::{PathView, Scalar};
use crate::scale::Scale;

/// Segments of the jackknife.
const SEGMENTS: usize = 16;
/// Fewest steps over a lag in each segment.
const FEWEST: usize = 8;

/// An estimate of the critical exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CriticalExponent {
    /// The exponent 1/H; infinite if steps do not grow with the lag.
    pub exponent: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Number of lags in the regression.
    pub lags: usize,
}

/// Estimates the critical exponent from the lags `shortest`, 2 `shortest`, ... up to `longest` (as
/// far as the path goes if `None`).
///
/// # Errors
/// [`Error::TooShort`] if fewer than two lags fit; [`Error::Constant`] if the path stands still
/// over one of them.
pub fn critical_exponent<T: Scalar>(
    path: &PathView<'_, T>,
    shortest: usize,
    longest: Option<usize>,
) -> Result<CriticalExponent, Error> {
    let (scale, copy) = Scale::measure(path);
    match copy {
        Some(copy) => {
            estimate(&PathView::trusted(&copy, path.len(), path.dim()), scale, shortest, longest)
        }
        None => estimate(path, scale, shortest, longest),
    }
}

fn estimate<T: Scalar>(
    path: &PathView<'_, T>,
    scale: Scale,
    shortest: usize,
    longest: Option<usize>,
) -> Result<CriticalExponent, Error> {
    let shortest = shortest.max(1);
    let fits = (path.len() - 1) / (SEGMENTS * FEWEST);
    let limit = longest.unwrap_or(usize::MAX).min(fits);
    let lags: Vec<usize> = std::iter::successors(Some(shortest), |m| m.checked_mul(2))
        .take_while(|&m| m <= limit)
        .collect();
    if lags.len() < 2 {
        let needed = shortest.saturating_mul(2 * SEGMENTS * FEWEST).saturating_add(1);
        return Err(Error::TooShort { rows: path.len(), needed });
    }
    let sums: Vec<[f64; SEGMENTS]> =
        lags.iter().map(|&m| segment_sums(path, scale.unit, m)).collect();
    if let Some(k) = sums.iter().position(|sums| sums.iter().sum::<f64>() == 0.0) {
        return Err(Error::Constant { lag: lags[k] });
    }
    let exponent = slope(&lags, &sums, None);
    let left_out: Vec<f64> = (0..SEGMENTS).map(|s| slope(&lags, &sums, Some(s))).collect();
    let mean = left_out.iter().sum::<f64>() / SEGMENTS as f64;
    let spread: f64 = left_out.iter().map(|x| (x - mean).powi(2)).sum();
    let standard_error = (spread * (SEGMENTS - 1) as f64 / SEGMENTS as f64).sqrt();
    Ok(CriticalExponent { exponent, standard_error, lags: lags.len() })
}

/// Mean squared steps over lag `m` that start in each segment of the path.
fn segment_sums<T: Scalar>(path: &PathView<'_, T>, unit: f64, m: usize) -> [f64; SEGMENTS] {
    let starts = path.len() - m;
    let mut means = [0.0; SEGMENTS];
    for (s, mean) in means.iter_mut().enumerate() {
        let segment = s * starts / SEGMENTS..(s + 1) * starts / SEGMENTS;
        let count = segment.len() as f64;
        let square = |i: usize| squared_distance(path.row(i), path.row(i + m)) * (unit * unit);
        *mean = segment.map(square).sum::<f64>() / count;
    }
    means
}

/// 1/H by weighted least squares, without one segment.
fn slope(lags: &[usize], sums: &[[f64; SEGMENTS]], without: Option<usize>) -> f64 {
    let (mut weight, mut x_mean, mut y_mean) = (0.0, 0.0, 0.0);
    let mut points = Vec::with_capacity(lags.len());
    for (&m, sums) in lags.iter().zip(sums) {
        let total: f64 =
            sums.iter().enumerate().filter(|&(s, _)| Some(s) != without).map(|(_, x)| x).sum();
        let (x, y, w) = ((m as f64).ln(), 0.5 * total.ln(), 1.0 / m as f64);
        weight += w;
        x_mean += w * x;
        y_mean += w * y;
        points.push((x, y, w));
    }
    (x_mean, y_mean) = (x_mean / weight, y_mean / weight);
    let (mut xx, mut xy) = (0.0, 0.0);
    for (x, y, w) in points {
        xx += w * (x - x_mean).powi(2);
        xy += w * (x - x_mean) * (y - y_mean);
    }
    if xy > 0.0 { xx / xy } else { f64::INFINITY }
}
