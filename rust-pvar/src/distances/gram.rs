//! Distances from inner products.

use super::matrix::{check_shape, each_pair, first_flaw};
use crate::error::{Error, Flaw};
use crate::path::Scalar;
use crate::sum::two_sum;

/// Squares of distances below zero by so many units of rounding of the norms' squares are zero.
const ROUNDINGS: f64 = 1e4;

/// The distances of points whose inner products are given: |x - y|^2 = <x, x> - 2 <x, y> + <y, y>.
///
/// `gram` is symmetric, row after row. The sum is rounded once, but nothing brings back digits that
/// the products do not have: where points are close to one another beside their norms, take the
/// products of the points minus one of them, or the distances themselves. A square below zero that
/// rounding explains is zero.
///
/// # Errors
/// No points, a wrong buffer length, or the first entry that is not finite, other than its mirror
/// image, or makes a square negative beyond rounding.
pub fn distances_from_gram<T: Scalar>(gram: &[T], len: usize) -> Result<Vec<f64>, Error> {
    check_shape(gram, len)?;
    let mut distances = vec![0.0; gram.len()];
    let mut sound = true;
    let at = |i: usize, j: usize| gram[i * len + j].widen();
    let distance = |i: usize, j: usize| distance(at(i, i), at(j, j), at(i, j), T::EPSILON);
    each_pair(gram, len, |i, j, x, mirrored| {
        let distance = distance(i, j);
        sound &= x == mirrored && x.is_finite() && distance.is_some();
        distances[i * len + j] = distance.unwrap_or(0.0);
        distances[j * len + i] = distance.unwrap_or(0.0);
    });
    if sound {
        return Ok(distances);
    }
    let judge = |i, j, _| distance(i, j).is_none().then_some(Flaw::NegativeSquare);
    Err(first_flaw(gram, len, judge))
}

/// `None` if the square is negative. A quarter of it, so that no sum overflows.
fn distance(xx: f64, yy: f64, xy: f64, epsilon: f64) -> Option<f64> {
    let (sum, low) = two_sum(0.25 * xx, 0.25 * yy);
    let (difference, rest) = two_sum(sum, -0.5 * xy);
    let quarter = difference + (low + rest);
    let negative = xx < 0.0 || yy < 0.0 || quarter < -ROUNDINGS * epsilon * sum;
    (!negative).then(|| 2.0 * quarter.max(0.0).sqrt())
}
