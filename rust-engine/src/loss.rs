//! The two losses of a tile, with Omega and the class counts.

use crate::math::{self, Element};
use crate::simd::Simd;

/// Rows whose sums of exponentials share one logarithm: their product stays far from overflow.
const ROWS_PER_LOGARITHM: usize = 16;

/// What a part of the samples adds up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Sum of the samples' losses.
    pub loss: f64,
    /// Sum of the squared norms of the samples' loss gradients.
    pub omega: f64,
    /// Samples, predictions and hits of each class, one after the other; empty in a regression.
    pub counts: Vec<i64>,
}

impl Totals {
    /// Back to zero, for `classes` classes.
    pub(crate) fn clear(&mut self, classes: usize) {
        (self.loss, self.omega) = (0.0, 0.0);
        self.counts.clear();
        self.counts.resize(3 * classes, 0);
    }
}

/// Cross-entropy of rows of logits, which are overwritten with softmax - onehot.
pub struct CrossEntropy<'a, T> {
    pub rows: usize,
    pub classes: usize,
    /// Rows are `row` apart, a multiple of the lanes.
    pub logits: *mut T,
    pub row: usize,
    pub targets: &'a [i64],
    pub totals: &'a mut Totals,
}

/// Which columns a vector holds.
#[inline(always)]
unsafe fn columns<V: Simd>(start: usize) -> V {
    unsafe {
        let numbers: [V::Scalar; 16] = std::array::from_fn(|i| V::Scalar::from_f64(i as f64));
        V::load(numbers.as_ptr()).add(V::splat(V::Scalar::from_f64(start as f64)))
    }
}

/// The first largest logit; a NaN counts as the largest, as torch's argmax has it.
fn argmax<T: Element>(logits: &[T]) -> usize {
    let mut best = 0;
    for (c, &x) in logits.iter().enumerate().skip(1) {
        if logits[best].is_nan() {
            break;
        }
        if x > logits[best] || x.is_nan() {
            best = c;
        }
    }
    best
}

/// Softmax less onehot of one row in place: the sum of exponentials and the gradient's square.
#[inline(always)]
unsafe fn softmax_row<V: Simd>(
    row: *mut V::Scalar,
    classes: usize,
    largest: V::Scalar,
    target: usize,
) -> (V::Scalar, V::Scalar) {
    unsafe {
        let one = V::splat(V::Scalar::ONE);
        let zero = V::splat(V::Scalar::ZERO);
        let half = V::splat(V::Scalar::HALF);
        let end = V::splat(V::Scalar::from_f64(classes as f64 - 0.5));
        let target = V::splat(V::Scalar::from_f64(target as f64));
        let shift = V::splat(largest);
        let mut sum = zero;
        for c in (0..classes).step_by(V::LANES) {
            let e = math::exp(V::load(row.add(c)).sub(shift));
            let e = V::select(end.gt(columns(c)), e, zero);
            e.store(row.add(c));
            sum = sum.add(e);
        }
        let sum = sum.sum();
        let inverse = one.div(V::splat(sum));
        let mut square = zero;
        for c in (0..classes).step_by(V::LANES) {
            let hot = half.gt(columns::<V>(c).sub(target).abs());
            let g = V::load(row.add(c))
                .mul(inverse)
                .sub(V::select(hot, one, zero));
            g.store(row.add(c));
            square = g.mul_add(g, square);
        }
        (sum, square.sum())
    }
}

/// See [`CrossEntropy`].
///
/// # Safety
/// `logits` covers `rows` rows of whole vectors; targets are below `classes`.
#[inline(always)]
pub(crate) unsafe fn cross_entropy<V: Simd>(p: &mut CrossEntropy<'_, V::Scalar>) {
    let (mut product, mut factors) = (1.0f64, 0);
    for (i, &target) in p.targets.iter().enumerate().take(p.rows) {
        let target = target as usize;
        unsafe {
            let row = p.logits.add(i * p.row);
            let logits = std::slice::from_raw_parts(row, p.classes);
            let predicted = argmax(logits);
            let (largest, own) = (logits[predicted], logits[target]);
            let (sum, square) = softmax_row::<V>(row, p.classes, largest, target);
            product *= sum.to_f64();
            p.totals.loss += largest.to_f64() - own.to_f64();
            p.totals.omega += square.to_f64();
            p.totals.counts[target] += 1;
            p.totals.counts[p.classes + predicted] += 1;
            p.totals.counts[2 * p.classes + target] += i64::from(predicted == target);
        }
        factors += 1;
        if factors == ROWS_PER_LOGARITHM {
            p.totals.loss += product.ln();
            (product, factors) = (1.0, 0);
        }
    }
    p.totals.loss += product.ln();
}

/// |r|^p / p with r = prediction - target, and its gradient, 0 at r = 0.
pub(crate) fn power(p: f64, prediction: f64, target: f64) -> (f64, f64) {
    let r = prediction - target;
    if p == 2.0 {
        return (0.5 * r * r, r);
    }
    let slope = if r == 0.0 {
        0.0
    } else {
        r.abs().powf(p - 1.0).copysign(r)
    };
    (r.abs().powf(p) / p, slope)
}
