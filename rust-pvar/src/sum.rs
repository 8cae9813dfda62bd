//! Compensated summation.

/// A running sum with Neumaier's correction: the error does not grow with the number of terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compensated {
    sum: f64,
    correction: f64,
}

impl Compensated {
    /// Adds one term.
    #[inline]
    pub fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.correction += if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.sum = sum;
    }

    /// The sum so far.
    #[must_use]
    #[inline]
    pub fn value(&self) -> f64 {
        let total = self.sum + self.correction;
        // Past the largest number the correction is NaN; the sum itself is the answer.
        if total.is_nan() { self.sum } else { total }
    }
}

impl FromIterator<f64> for Compensated {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut total = Self::default();
        terms.into_iter().for_each(|term| total.add(term));
        total
    }
}
