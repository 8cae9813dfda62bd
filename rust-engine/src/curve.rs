//! The Hessian of each sample's loss in its own prediction.

use crate::element::Element;
use crate::simd::Simd;

/// Tangents of panels of logits, overwritten with `scale` q * (t - q.t), q the softmax.
pub struct Curve<'a, T> {
    /// Samples of a panel, a multiple of the lanes.
    pub panel: usize,
    pub panels: usize,
    pub classes: usize,
    /// Panels (classes, samples) of q - onehot, 0 in the lanes beyond the targets.
    pub own: *const T,
    /// Panels (classes, samples).
    pub tangent: *mut T,
    pub targets: &'a [i64],
    pub scale: T,
}

/// The class of each lane's sample, -1 where there is none.
#[inline(always)]
unsafe fn hot<V: Simd>(targets: &[i64]) -> V {
    let hot: [V::Scalar; 16] = std::array::from_fn(|lane| {
        V::Scalar::from_f64(targets.get(lane).map_or(-1.0, |&t| t as f64))
    });
    unsafe { V::load(hot.as_ptr()) }
}

/// See [`Curve`].
///
/// q.t is what t has at the target plus (q - onehot).t, and what q - onehot says of the target is
/// exact where q is nearly 1 there.
///
/// # Safety
/// The pointers cover the panels.
#[inline(always)]
pub(crate) unsafe fn curve<V: Simd>(p: &Curve<'_, V::Scalar>) {
    unsafe {
        let number = |x: f64| V::splat(V::Scalar::from_f64(x));
        let (zero, one, half) = (number(0.0), number(1.0), number(0.5));
        for first in (0..p.panels * p.panel).step_by(V::LANES) {
            let rest = p.targets.get(first..).unwrap_or_default();
            let hot = hot::<V>(&rest[..rest.len().min(V::LANES)]);
            let at = first / p.panel * p.classes * p.panel + first % p.panel;
            let (own, tangent) = (p.own.add(at), p.tangent.add(at));
            let is_target = |c: usize| half.gt(number(c as f64).sub(hot).abs());
            let mut at_target = zero;
            for c in 0..p.classes {
                let t = V::load(tangent.add(c * p.panel));
                at_target = V::select(is_target(c), t, at_target);
            }
            let mut mean = zero;
            for c in 0..p.classes {
                let t = V::load(tangent.add(c * p.panel)).sub(at_target);
                mean = V::load(own.add(c * p.panel)).mul_add(t, mean);
            }
            for c in 0..p.classes {
                let t = V::load(tangent.add(c * p.panel)).sub(at_target).sub(mean);
                let q = V::load(own.add(c * p.panel)).add(V::select(is_target(c), one, zero));
                let curved = q.mul(V::splat(p.scale)).mul(t);
                curved.vanished().store(tangent.add(c * p.panel));
            }
        }
    }
}

/// d^2 / d prediction^2 of |r|^p / p: (p - 1) |r|^(p - 2), 0 for p = 1.
pub(crate) fn power_curve(p: f64, prediction: f64, target: f64) -> f64 {
    match p {
        1.0 => 0.0,
        2.0 => 1.0,
        _ => (p - 1.0) * (prediction - target).abs().powf(p - 2.0),
    }
}
