//! Compensated summation.

/// Independent partial sums.
const LANES: usize = 8;

/// The sum of many terms, with the rounding errors of all additions made good: its own error does
/// not grow with the number of terms. Infinite if the sum overflows.
#[must_use]
#[inline(always)]
pub fn compensated(terms: &[f64]) -> f64 {
    let (mut sums, mut errors) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let (chunks, rest) = terms.as_chunks::<LANES>();
    for chunk in chunks {
        for k in 0..LANES {
            (sums[k], errors[k]) = add(sums[k], errors[k], chunk[k]);
        }
    }
    let (mut sum, mut error) = (0.0, errors.iter().sum());
    for &term in sums.iter().chain(rest) {
        (sum, error) = add(sum, error, term);
    }
    let total = sum + error;
    // Past the largest number the error is NaN; the sum itself is the answer.
    if total.is_nan() { sum } else { total }
}

/// The sum with one term more, and the rounding errors with that of this addition.
#[inline(always)]
fn add(sum: f64, error: f64, term: f64) -> (f64, f64) {
    let (more, lost) = two_sum(sum, term);
    (more, error + lost)
}

/// a + b, and what rounding took from it (Knuth).
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_do_not_add_up() {
        let mut terms = vec![1e-16; 1_000_003];
        terms[0] = 1.0;
        assert!((compensated(&terms) - (1.0 + 1e-16 * 1_000_002.0)).abs() < 2.3e-16);
        assert_eq!(compensated(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(compensated(&[f64::MAX; 9]), f64::INFINITY);
        assert_eq!(compensated(&[]), 0.0);
    }
}
