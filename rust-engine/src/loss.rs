//! The two losses of a tile, with Omega and the class counts.

use crate::element::Element;
use crate::math;
use crate::simd::Simd;

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

/// Cross-entropy of panels of logits, which are overwritten with softmax - onehot; 0 in the lanes
/// beyond the targets.
pub struct CrossEntropy<'a, T> {
    /// Samples of a panel, a multiple of the lanes.
    pub panel: usize,
    pub panels: usize,
    pub classes: usize,
    /// Panels (classes, samples).
    pub logits: *mut T,
    pub targets: &'a [i64],
    pub totals: &'a mut Totals,
}

/// One number a lane.
type Lanes = [f64; 16];

/// What the logits of one vector of samples say.
struct Softmax {
    predicted: Lanes,
    /// Largest logit less that of the target.
    gap: Lanes,
    /// Sum of the exponentials of the logits less the largest.
    sum: Lanes,
    /// Square of the norm of softmax - onehot.
    square: Lanes,
}

#[inline(always)]
unsafe fn lanes<V: Simd>(x: V) -> Lanes {
    let mut scalars = [V::Scalar::ZERO; 16];
    unsafe { x.store(scalars.as_mut_ptr()) };
    scalars.map(Element::to_f64)
}

/// Softmax less onehot of the samples in the lanes, in place; rows are `row` apart.
#[inline(always)]
unsafe fn softmax<V: Simd>(
    logits: *mut V::Scalar,
    row: usize,
    classes: usize,
    targets: &[i64],
) -> Softmax {
    unsafe {
        let number = |x: f64| V::splat(V::Scalar::from_f64(x));
        let (zero, one, half) = (number(0.0), number(1.0), number(0.5));
        let hot: [V::Scalar; 16] = std::array::from_fn(|lane| {
            V::Scalar::from_f64(targets.get(lane).map_or(-1.0, |&t| t as f64))
        });
        let hot = V::load(hot.as_ptr());
        let at = |c: usize| logits.add(c * row);
        let (mut largest, mut predicted, mut own) = (V::load(logits), zero, zero);
        for c in 0..classes {
            let (x, class) = (V::load(at(c)), number(c as f64));
            // The first largest; a NaN counts as the largest, as torch's argmax has it.
            let larger = V::select(x.gt(largest), one, V::select(x.is_nan(), one, zero));
            let larger = V::select(largest.is_nan(), zero, larger).gt(zero);
            largest = V::select(larger, x, largest);
            predicted = V::select(larger, class, predicted);
            own = V::select(half.gt(class.sub(hot).abs()), x, own);
        }
        let mut sum = zero;
        for c in 0..classes {
            let e = math::exp(V::load(at(c)).sub(largest));
            e.store(at(c));
            sum = sum.add(e);
        }
        let (inverse, mut square) = (one.div(sum), zero);
        let sample = hot.gt(number(-0.5));
        for c in 0..classes {
            let own = half.gt(number(c as f64).sub(hot).abs());
            let g = V::load(at(c)).mul(inverse).sub(V::select(own, one, zero));
            let g = V::select(sample, g.vanished(), zero);
            g.store(at(c));
            square = g.mul_add(g, square);
        }
        Softmax {
            predicted: lanes(predicted),
            gap: lanes(largest.sub(own)),
            sum: lanes(sum),
            square: lanes(square),
        }
    }
}

/// See [`CrossEntropy`].
///
/// # Safety
/// `logits` covers the panels; targets are below `classes`, and no more than the panels' samples.
#[inline(always)]
pub(crate) unsafe fn cross_entropy<V: Simd>(p: &mut CrossEntropy<'_, V::Scalar>) {
    for first in (0..p.panels * p.panel).step_by(V::LANES) {
        let rest = p.targets.get(first..).unwrap_or_default();
        let targets = &rest[..rest.len().min(V::LANES)];
        let (panel, column) = (first / p.panel, first % p.panel);
        let found = unsafe {
            let logits = p.logits.add(panel * p.classes * p.panel + column);
            softmax::<V>(logits, p.panel, p.classes, targets)
        };
        // One logarithm for a vector: the product of so few sums stays far from overflow.
        let mut product = 1.0;
        for (lane, &target) in targets.iter().enumerate() {
            let (target, predicted) = (target as usize, found.predicted[lane] as usize);
            product *= found.sum[lane];
            p.totals.loss += found.gap[lane];
            p.totals.omega += found.square[lane];
            p.totals.counts[target] += 1;
            p.totals.counts[p.classes + predicted] += 1;
            p.totals.counts[2 * p.classes + target] += i64::from(predicted == target);
        }
        p.totals.loss += product.ln();
    }
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
